"""`merc train`, `adapt`, `evaluate`, `predict` and `demo`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from merc.cli.labelled import Channels, Clock, LabelsFrom, MapLabels, NoCache, NoSound, OfSound, labelled_corpus
from merc.cli.options import INTERRUPTED, AsJson, CorpusPart, Tiers
from merc.cli.terminal import note, show, show_json, staged, warn
from merc.files.extras import require_extra

Run = Annotated[str, typer.Argument(metavar="RUN", help="Folder of a finished run or of a saved model.")]


app = typer.Typer()


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder; new or empty.")],
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Changes the recipe, such as training.learning_rate=3e-4; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped, if there is one.")] = False,
) -> None:
    """Train a recipe.

    Ctrl-C saves the run, and --resume goes on with it; so it does with a run that was killed.
    """
    require_extra("train", "merc train")
    from merc.cli.tables.models import training_lines
    from merc.runs.training import Hooks
    from merc.runs.training import train as train_recipe
    from merc.training.recipe import load_recipe

    chosen = load_recipe(recipe, options or ())
    with staged() as progress:
        run = train_recipe(chosen, out, resume=resume, progress=progress, hooks=Hooks(on_warning=warn))
    if not run.outcome.finished:
        changes = [part for option in options or () for part in ("--set", option)]
        command = shlex.join(["merc", "train", str(recipe), *changes, "--out", str(out), "--resume"])
        note(f"interrupted; the run is saved in {out}. Go on with:")
        note(command)
        raise typer.Exit(INTERRUPTED)
    show(training_lines(run))


@app.command()
def adapt(
    source: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Transcripts with labels, as 'merc data import' reads, or a store.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder; new or empty.")],
    model: Annotated[
        str | None, typer.Option(metavar="RUN", help="A model to begin with; the one that comes with merc if not given.")
    ] = None,
    labels_from: LabelsFrom = None,
    map_labels: MapLabels = None,
    no_sound: NoSound = False,
    channels: Channels = None,
    clock: Clock = None,
    no_cache: NoCache = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of folds, batches and dropout.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Adapt a trained model to your own labelled conversations.

    Ten or more are needed. They are judged by cross-validation: each by a model that was adapted without it. If adapting is
    not shown to help, the model stays as it is. The model is in DIR then: merc annotate --model DIR.
    """
    require_extra("train", "merc adapt")
    from merc.cli.tables.adaptation import adaptation_tables
    from merc.inference.loading import load
    from merc.runs.adaptation.run import adapt as adapt_model
    from merc.runs.folder import check_place
    from merc.training.adaptation import AdaptationConfig

    of_sound = OfSound(no_sound, channels, clock, no_cache)
    check_place(out, resume=False, resumable=False)  # before sound is decoded, which may take hours
    start = load(model)
    with staged() as progress:
        corpus = labelled_corpus(source, labels_from, map_labels, of_sound, progress)
        run = adapt_model(corpus, out, model=start, config=AdaptationConfig(seed=seed), progress=progress)
    if as_json:
        show_json(run.report.model_dump(mode="json"))
    else:
        show(adaptation_tables(run))


@app.command()
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    part: Annotated[
        CorpusPart, typer.Option(help="Part of the recipe's split. A look at 'test' is noted in the run's log.")
    ] = "validation",
    store: Annotated[str | None, typer.Option(metavar="DIR", help="A store in place of the recipe's.")] = None,
    without: Annotated[list[str] | None, typer.Option(metavar="MODALITY", help="Leave a modality out; repeatable.")] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="MODALITY", help="Leave all others out; repeatable.")] = None,
    corrupt: Annotated[
        list[str] | None,
        typer.Option(metavar="MODALITY=noise:STRENGTH|drop:SHARE", help="Perturb a modality, such as audio=noise:1.0; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of --corrupt.")] = 0,
    as_json: AsJson = False,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the judged utterances there: a .csv, .jsonl or .parquet.")
    ] = None,
) -> None:
    """Evaluate a run.

    Prints scores of every head, scores per class, the confusion matrix, and whether trust means something.
    """
    require_extra("train", "merc evaluate")
    from merc.cli.tables.models import evaluation_tables
    from merc.runs.evaluation import conditions_for
    from merc.runs.evaluation import evaluate as evaluate_run
    from merc.runs.folder import LOG

    conditions = conditions_for(run, without=without or (), only=only or (), corrupt=corrupt or (), seed=seed)
    report = evaluate_run(run, part=part, conditions=conditions, store=store, predictions=predictions).report
    if as_json:
        show_json(report.model_dump(mode="json"))
    else:
        show(evaluation_tables(report))
    if predictions is not None:
        note(f"predictions: {predictions}")
    if part == "test":
        warn(f"this look at the test part is noted in {run / LOG}; choose nothing by it")


@app.command()
def predict(
    run: Run,
    chat: Annotated[
        Path, typer.Argument(metavar="CHAT", help="Transcripts, as `merc annotate` reads them; or .jsonl with features.")
    ],
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of transcripts, such as 'cp1251'; by default found out.")
    ] = None,
    tiers: Tiers = None,
    as_json: AsJson = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write a .csv, .jsonl or .parquet, one row an utterance.")
    ] = None,
) -> None:
    """Label every utterance of raw transcripts."""
    from merc.annotation.transcripts.conversations import read_conversations
    from merc.cli.tables.models import emotion_tables
    from merc.errors import DataError
    from merc.inference.loading import load
    from merc.inference.table import check_target, write_table

    if out is not None:
        check_target(out)
        if out.resolve() == chat.resolve():
            raise DataError(f"{out}: --out names the transcripts themselves; they would be overwritten")
    given = read_conversations(chat, encoding=encoding, tiers=tuple(tiers or ()))
    for sentence in given.warnings:
        warn(sentence)
    emotions = load(run).predict(given.conversations, specs=given.specs)
    if out is not None:
        note(f"{out}: {write_table(emotions, out, [chat])} utterances")
    if as_json:
        show_json([asdict(judged) for judged in emotions])
    elif out is None:
        show(emotion_tables(emotions))


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The run's folder; an earlier demonstration there is replaced.")
    ] = Path("runs/demo"),
) -> None:
    """Train CMATH on a synthetic corpus and show it.

    Takes less than a minute of one core. The corpus is embedded: planted features, no dialogue.
    """
    require_extra("train", "merc demo")
    from merc.cli.tables.models import demonstration_tables
    from merc.runs.demo import demonstrate

    with staged() as progress:
        result = demonstrate(out, progress=progress)
    show(demonstration_tables(result))
    note(f"evaluate it under other conditions: merc evaluate {shlex.quote(str(out))} --without text")
