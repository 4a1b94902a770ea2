"""`merc data`: corpora inspected, imported, fetched, planted, synthesised, probed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from merc.cli.labelled import Channels, Clock, LabelsFrom, MapLabels, NoCache, NoSound, OfSound
from merc.cli.options import AsJson, CorpusPart, parse_stream
from merc.cli.terminal import note, show, show_json, show_path, staged, warn
from merc.errors import DataError
from merc.files.extras import require_extra

app = typer.Typer(help="Inspect, import, fetch, plant, synthesise and probe corpora.", no_args_is_help=True)

Store = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a store.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the store to write; new or empty.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the store that is there.")]
Streams = Annotated[
    list[str] | None,
    typer.Option(
        "--stream",
        metavar="MODALITY:DIMENSION:QUALITY[:NOISE[:ABSENT]]",
        help="A stream to plant; repeatable. QUALITY is the distance of the class means from the origin in standard deviations of "
        "the noise, NOISE the share of pure noise, ABSENT the share of absence.",
    ),
]


@app.command("import")
def import_(
    source: Annotated[
        list[str], typer.Argument(metavar="[LAYOUT] PATH", help="File or folder; before it, if wanted, the name of its layout.")
    ],
    out: Out,
    labels_from: LabelsFrom = None,
    map_labels: MapLabels = None,
    zeros_absent: Annotated[bool, typer.Option("--zeros-absent", help="Take feature rows of zeros alone as absence.")] = False,
    no_sound: NoSound = False,
    channels: Channels = None,
    clock: Clock = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Read a corpus of a known layout into a store, or transcripts with labels and their recordings.

    Pickles are read without running what they hold. Labels of transcripts (.eaf, .TextGrid, .exb, .cha, .csv, .tsv, .emotions.json)
    stand in the emotion tiers that merc writes, in tiers or columns called emotion, or label, or in those that --labels-from names.
    A recording that an .eaf, .exb or .cha names, or that lies beside the transcript by its name, becomes the feature audio/praat.
    """
    require_extra("train", "merc data import")
    from merc.annotation.labelled.folder import LAYOUT, import_labelled
    from merc.cli.tables.corpora import agreement_line, corpus_tables
    from merc.data.formats.importing import files_at, import_corpus
    from merc.data.labels import apply_mapping, find_mapping
    from merc.data.store.store import replaces_store, save_store

    if len(source) > 2:
        raise typer.BadParameter(f"one or two are allowed, found {len(source)}", param_hint="[LAYOUT] PATH")
    path, layout = Path(source[-1]), source[0] if len(source) == 2 else None
    mapping = None if map_labels is None else find_mapping(map_labels)
    of_sound = OfSound(no_sound, channels, clock, no_cache)
    if _is_labelled(path, layout, labels_from):
        if zeros_absent:
            raise typer.BadParameter("transcripts bring no features of zeros", param_hint="--zeros-absent")
        if layout is None and not labels_from:
            note(f"{path}: no other layout fits, so it is read as transcripts with labels")
        sound = of_sound.options()
        replaces_store(out, overwrite=overwrite)  # what is in the way is an error before the work
        with staged() as hook:
            found = import_labelled(path, labels_from or (), mapping, sound=sound, hook=hook)
        for warning in found.warnings:
            warn(warning)
        save_store(found.corpus, out, overwrite=overwrite, like=[*files_at(path), *found.recordings.values()])
        show(corpus_tables(found.corpus))
        if found.agreement is not None:
            show([agreement_line(found.agreement)])
        return
    of_sound.refuse(f"it is for transcripts (layout {LAYOUT!r})")
    corpus = import_corpus(path, layout, zeros_absent=zeros_absent)
    corpus = corpus if mapping is None else apply_mapping(corpus, mapping)
    save_store(corpus, out, overwrite=overwrite, like=files_at(path))
    show(corpus_tables(corpus))


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="File or folder.")],
    layout: Annotated[str | None, typer.Option(metavar="NAME", help="The file's layout; told by its content if not given.")] = None,
    labels_from: LabelsFrom = None,
    as_json: AsJson = False,
) -> None:
    """Say what a file holds and what looks wrong with it."""
    from merc.annotation.labelled.inspection import inspect_labelled
    from merc.cli.tables.corpora import inspection_tables
    from merc.data.formats.inspection import inspect as inspect_source

    if _is_labelled(path, layout, labels_from):
        inspection = inspect_labelled(path, labels_from or ())
    else:
        inspection = inspect_source(path, layout)
    if as_json:
        show_json(inspection.model_dump(mode="json"))
    else:
        show(inspection_tables(inspection))


@app.command()
def fetch(
    corpus: Annotated[str, typer.Argument(metavar="CORPUS", help="'meld': transcripts, speakers, emotions and times (GPL-3.0).")],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder; data/CORPUS if not given.")] = None,
    mirror: Annotated[str | None, typer.Option(metavar="URL", help="A mirror with the paths of the public home.")] = None,
) -> None:
    """Download a public corpus and check its checksums."""
    from merc.data.corpora.fetch import fetch as fetch_corpus

    folder = Path("data") / corpus if out is None else out
    with staged() as progress:
        paths = fetch_corpus(corpus, folder, mirror, progress)
    for path in paths:
        show_path(path)
    note(f"to make a store of it: merc data import {corpus} {folder} --out store/{corpus}")


@app.command()
def plant(
    store: Store,
    out: Out,
    stream: Streams = None,
    seed: Annotated[int, typer.Option(min=0, help="Of class means and draws.")] = 0,
    split: Annotated[str | None, typer.Option(help="Split whose ceiling is told; 'official' if it is there.")] = None,
    part: Annotated[
        CorpusPart, typer.Option(help="Part whose ceiling is told. The test part's takes its labels: leave it for the end.")
    ] = "validation",
    overwrite: Overwrite = False,
) -> None:
    """Copy a store with streams of known quality.

    By default audio 32-d of quality 2.0, 25 % noise, 10 % absent, and visual 48-d of quality 1.2, 35 % noise, 15 % absent. They
    take the place of those modalities. Prints the ceiling: the scores of the Bayes-optimal oracle, given the densities and,
    where the store has text features, a linear model on them; and how well the oracle detects a row of noise, which no
    trust that is made from the row alone can surpass.
    """
    require_extra("train", "merc data plant")
    from merc.cli.tables.corpora import ceiling_line, noise_auc_line, planted_table
    from merc.data.store.store import open_store, save_store, store_files
    from merc.synthetic.oracle import ceiling, noise_detection_auc, text_posterior
    from merc.synthetic.planting import STANDARD, planted_streams
    from merc.synthetic.planting import plant as plant_streams

    streams = [parse_stream(text) for text in stream] if stream else STANDARD
    given = open_store(store)
    if split is not None:
        given.part(split, part)  # a split that was named has to be there, before anything is written
    split = split or "official"
    corpus = plant_streams(given, streams, seed)
    save_store(corpus, out, overwrite=overwrite, like=store_files(store))
    planted = planted_streams(corpus)
    show([planted_table(planted)])
    try:
        has_text = corpus.features_of("text") and "text" not in planted
        text = text_posterior(corpus, split, part) if has_text else None
        show([ceiling_line(part, ceiling(corpus, split, part, text))])
        show([noise_auc_line(part, noise_detection_auc(corpus, split, part))])
    except DataError as error:
        note(f"no ceiling: {error}")


@app.command()
def synthesise(
    out: Out,
    seed: Annotated[int, typer.Option(min=0, help="Fixes everything.")] = 0,
    train: Annotated[int, typer.Option(help="Conversations to train on.")] = 96,
    validation: Annotated[int, typer.Option(help="Conversations of the validation part.")] = 24,
    test: Annotated[int, typer.Option(help="Conversations of the test part.")] = 24,
    persistence: Annotated[float, typer.Option(help="Share of emotions that repeat the speaker's last one.")] = 0.5,
    influence: Annotated[float, typer.Option(help="Share of emotions taken over from another speaker.")] = 0.25,
    stream: Streams = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a wholly synthetic corpus: planted features, no dialogue.

    Prints the ceiling: the scores of the Bayes-optimal oracle.
    """
    require_extra("train", "merc data synthesise")
    from merc.cli.tables.corpora import ceiling_line, corpus_tables, planted_table
    from merc.data.store.store import save_store
    from merc.files.validation import validated
    from merc.synthetic.conversations import SyntheticConfig, chain_ceiling
    from merc.synthetic.conversations import synthesise as synthesise_corpus
    from merc.synthetic.planting import planted_streams

    values = {
        "seed": seed,
        "train": train,
        "validation": validation,
        "test": test,
        "persistence": persistence,
        "influence": influence,
        **({"streams": tuple(parse_stream(text) for text in stream)} if stream else {}),
    }
    corpus = synthesise_corpus(validated(SyntheticConfig, values, "options"))
    save_store(corpus, out, overwrite=overwrite)
    show([*corpus_tables(corpus), planted_table(planted_streams(corpus))])
    if validation:
        show([ceiling_line("validation", chain_ceiling(corpus, "official", "validation"))])


@app.command()
def probe(
    store: Store,
    split: Annotated[str, typer.Option(help="Split whose training part is probed.")] = "official",
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Say which features carry nothing or saw the labels.

    Fits a linear probe to each. The report is kept in the store's notes, where training looks for it.
    """
    require_extra("train", "merc data probe")
    from merc.cli.tables.corpora import probe_tables
    from merc.data.probe import PROBE_NOTE
    from merc.data.probe import probe as probe_corpus
    from merc.data.store.store import open_store, update_notes

    report = probe_corpus(open_store(store), split, seed)
    values = report.model_dump(mode="json")
    update_notes(store, {PROBE_NOTE: values})
    if as_json:
        show_json(values)
    else:
        show(probe_tables(report))


def _is_labelled(path: Path, layout: str | None, labels_from: list[str] | None) -> bool:
    """Whether a source is to be read as transcripts with labels."""
    from merc.annotation.labelled.folder import LAYOUT, may_be_labelled
    from merc.data.formats.importing import fits_a_layout

    if labels_from and layout not in (None, LAYOUT):
        raise typer.BadParameter(f"it is for transcripts; the layout {layout!r} has labels of its own", param_hint="--labels-from")
    return bool(layout == LAYOUT or labels_from or (layout is None and may_be_labelled(path) and not fits_a_layout(path)))
