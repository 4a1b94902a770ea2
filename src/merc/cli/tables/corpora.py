"""What is said of data: a corpus, an inspection, a probe, planted streams and the ceiling that they set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from merc.annotation.export.timeline import clock
from merc.annotation.labelled.agreement import Agreement
from merc.annotation.labelled.inspection import LabelledInspection
from merc.cli.tables.cells import NOTHING, add_row, decimal, new_table, percent
from merc.data.formats.inspection import Inspection
from merc.data.schema import Corpus, Part
from merc.files.printable import printable

if TYPE_CHECKING:
    from merc.data.probe import Figure, ProbeReport
    from merc.synthetic.oracle import Ceiling
    from merc.synthetic.planting import PlantedStream
else:  # a file is inspected without what they import
    Figure = ProbeReport = Ceiling = PlantedStream = object

_PARTS: tuple[Part, ...] = ("train", "validation", "test")
_STYLES = {"error": "red", "warning": "yellow", "note": ""}


def corpus_tables(corpus: Corpus) -> Iterator[RenderableType]:
    """Sizes, features, and the labels of every part of every split."""
    conversations = len(corpus.conversations)
    yield Text(f"{printable(corpus.name)}: {conversations} conversations, {corpus.utterance_count} utterances")
    if corpus.feature_schema:
        features = ((spec.modality, spec.name, spec.encoder, spec.version, spec.dimension) for spec in corpus.feature_schema)
        yield new_table("features", ("modality", "feature", "encoder", "version", "dimension"), features, words=4)
    else:
        yield Text("no features yet: merc features text STORE makes some of the transcripts")
    if (
        corpus.feature_schema
        and not corpus.features_of("text")
        and any(u.words for c in corpus.conversations for u in c.utterances)
    ):
        yield Text("no features of the words yet: merc features text STORE makes them")
    parts = new_table("splits", ("split", "part", "conversations", "utterances", *corpus.label_set.names), words=2)
    for name, split in corpus.splits.items():
        for part in _PARTS:
            if split.parts.get(part):
                chosen = corpus.part(name, part)
                counts = corpus.label_counts(chosen).values()
                add_row(parts, name, part, len(chosen), sum(map(len, chosen)), *counts)
    if corpus.splits:
        yield parts


def agreement_line(agreement: Agreement) -> Text:
    """How far annotators agree."""
    who = printable(", ".join(agreement.annotators))
    if not agreement.computed:
        alpha = "not computed: it needs the optional extra 'train': pip install 'merc[train]'"
    elif agreement.alpha is None:
        alpha = "not defined: " + (
            "all labels are the same" if agreement.utterances else "no utterance has labels of two annotators"
        )
    else:
        alpha = f"{agreement.alpha:.3f}"
    tied = f"; {agreement.ties} without a majority, and so unlabelled" if agreement.ties else ""
    line = f"annotators {who}: {agreement.utterances} utterances labelled by two or more{tied}; Krippendorff's alpha {alpha}"
    return Text(line)


def inspection_tables(inspection: Inspection) -> Iterator[RenderableType]:
    """Layout, features, counts per part and class, and what looks wrong."""
    yield Text(f"{printable(inspection.path)}: {inspection.layout or 'no known layout'}: {printable(inspection.description)}")
    if inspection.conversations:
        yield Text(
            f"corpus {printable(inspection.corpus or '')}: {inspection.conversations} conversations of {inspection.shortest} to "
            f"{inspection.longest} utterances, {inspection.utterances} in all; {inspection.with_transcript} have a transcript, "
            f"{inspection.unlabelled} have no label"
        )
    if inspection.features:
        columns = ("feature", "encoder", "dimension", "rows", "all zero", "all NaN", "partly NaN", "infinite", "constant columns")
        table = new_table("features", columns, words=2)
        for f in inspection.features:
            counts = (f.dimension, f.rows, f.zero_rows, f.nan_rows, f.partly_nan_rows, f.infinite_rows, f.constant_columns)
            add_row(table, f"{f.modality}/{f.name}", f.encoder, *counts)
        yield table
    if isinstance(inspection, LabelledInspection):
        yield from _talks(inspection)
    if inspection.labels:
        rows = [(p.split, p.part, p.conversations, p.utterances, *p.labels.values()) for p in inspection.parts]
        rows.append(("all", "", inspection.conversations, inspection.utterances, *inspection.labels.values()))
        yield new_table("labels", ("split", "part", "conversations", "utterances", *inspection.labels), rows, words=2)
    for finding in inspection.findings:
        line = f"{finding.severity}: {finding.kind}: {finding.message}"
        yield Text(printable(line), style=_STYLES[finding.severity])
    yield Text("can be imported" if inspection.importable else "can't be imported as it is", style="bold")


def _talks(inspection: LabelledInspection) -> Iterator[RenderableType]:
    """Where the labels of each conversation stand, its recording, and how far annotators agree."""
    if inspection.talks:
        columns = ("conversation", "labels from", "utterances", "labelled", "recording", "length")
        table = new_table("transcripts with labels", columns, words=2)
        for talk in inspection.talks:
            length = NOTHING if talk.seconds is None else clock(talk.seconds)
            files = ", ".join((talk.file, *talk.copies))
            add_row(table, talk.conversation, files, talk.utterances, talk.labelled, talk.recording or NOTHING, length)
        yield table
    if inspection.agreement is not None:
        yield agreement_line(inspection.agreement)


def probe_tables(report: ProbeReport) -> Iterator[RenderableType]:
    """Weighted F1 of a linear probe on every feature, with its standard error, and the verdict in words."""
    columns = ("feature", "verdict", *(name for part in ("inside training", "validation", "test") for name in (part, "guessing")))
    title = f"linear probe of {printable(report.corpus)}, split {printable(report.split)}: weighted F1 (standard error)"
    table = new_table(title, columns, words=2)
    for feature in report.features:
        figures = (feature.inside, feature.validation, feature.test)
        add_row(table, feature.feature, feature.verdict, *(cell for figure in figures for cell in _cells(figure)))
    yield table
    for feature in report.features:
        yield Text(printable(feature.sentence), style="yellow" if feature.flagged else "")


def planted_table(planted: Mapping[str, PlantedStream]) -> Table:
    """What was planted."""
    table = new_table("planted streams", ("modality", "dimension", "quality", "noise", "absent", "seed"))
    for each in planted.values():
        s = each.stream
        add_row(table, s.modality, s.dimension, decimal(s.quality), decimal(s.noise), decimal(s.absent), each.seed)
    return table


def ceiling_line(part: str, ceiling: Ceiling) -> Text:
    """The Bayes-optimal oracle's scores in a sentence."""
    return Text(
        f"ceiling on {part}: the Bayes-optimal oracle given {ceiling.knowledge} has accuracy {percent(ceiling.accuracy)}, "
        f"weighted F1 {percent(ceiling.weighted_f1)} ({ceiling.utterances} utterances)"
    )


def noise_auc_line(part: str, shares: Mapping[str, float]) -> Text:
    """How surely the oracle tells a row from noise, which bounds how often trust from the row alone can fall."""
    told = ", ".join(f"{modality} {percent(share)} %" for modality, share in shares.items())
    return Text(f"area under the ROC curve of the oracle's detection of noise on {part}, row by row: {told or NOTHING}")


def _cells(figure: Figure | None) -> tuple[str, str]:
    """A score with its error, and that of guessing."""
    if figure is None:
        return NOTHING, NOTHING
    return f"{percent(figure.weighted_f1)} ({percent(figure.error)})", percent(figure.chance)
