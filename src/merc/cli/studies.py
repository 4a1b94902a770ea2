"""`merc study` and `merc report`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from merc.cli.options import INTERRUPTED, StudiedPart
from merc.cli.terminal import live, note, show, staged, warn
from merc.files.extras import require_extra

Transcripts = Annotated[
    bool, typer.Option("--transcripts", help="Show the words of wrongly labelled utterances in the report; needs the store.")
]


app = typer.Typer()


@app.command()
def study(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A study's YAML file.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The study's folder; goes on with what is in it.")],
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Changes the study's recipe, such as seeds.ablations=1; repeatable."),
    ] = None,
    part: Annotated[
        StudiedPart, typer.Option(help="Part that is judged. While a design is still being chosen, judge validation.")
    ] = "test",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Trainings at once; by default one for each core that this process may use.")
    ] = None,
    transcripts: Transcripts = False,
) -> None:
    """Train and judge CMATH, its rivals and its ablations, over seeds, and report.

    Finished runs are not repeated: Ctrl-C, or a kill, and the same command goes on.
    """
    require_extra("train", "merc study")
    from merc.cli.tables.studies import status_line, status_table
    from merc.studies.runner import StudyHooks, run_study
    from merc.studies.study import open_study

    with staged() as progress:
        opened = open_study(recipe, out, options or (), part, progress)
    with live(status_table, status_line) as update:
        hooks = StudyHooks(on_status=update, on_failure=warn, on_interruption=note)
        outcome = run_study(opened.plan, out, opened.store, part=part, processes=processes, hooks=hooks)
    if not outcome.finished:
        changes = [word for option in options or () for word in ("--set", option)]
        note(f"interrupted; what is done is kept in {out}. Go on with:")
        more = [*(["--processes", str(processes)] if processes else []), *(["--transcripts"] if transcripts else [])]
        note(shlex.join(["merc", "study", str(recipe), *changes, "--out", str(out), "--part", part, *more]))
        raise typer.Exit(INTERRUPTED)
    report(out, part, transcripts)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study.")],
    part: Annotated[StudiedPart, typer.Option(help="Part that was judged.")] = "test",
    transcripts: Transcripts = False,
    store: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The store of the transcripts, if it is not where the recipe says.")
    ] = None,
) -> None:
    """Make the report of a study anew, from what is judged so far."""
    require_extra("train", "merc report")
    from merc.cli.tables.studies import study_tables
    from merc.data.store.store import store_files
    from merc.studies.mistakes import transcripts_store, words_of
    from merc.studies.report.files import write_report
    from merc.studies.summary import summarise

    if transcripts:
        store = store or transcripts_store(folder)
        summary = summarise(folder, part, transcripts=words_of(store))
        written = write_report(summary, folder, store_files(store))
    else:
        summary = summarise(folder, part)
        written = write_report(summary, folder)
    show(study_tables(summary))
    for path in written:
        note(f"written: {path}")
