"""`merc annotate` and `merc sample`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from merc.cli.options import Tiers
from merc.cli.terminal import note, show, show_path, show_text, staged, warn

if TYPE_CHECKING:
    from merc.annotation.options import Options
else:  # slow to import, and not needed by `merc --help`
    Options = object

FAILED = 1  # exit code: some file of a folder could not be annotated
app = typer.Typer()


class FileFormat(StrEnum):  # typer takes no list of a Literal
    """What an annotation is written as, as an option."""

    JSON = "json"
    CSV = "csv"
    SRT = "srt"
    HTML = "html"
    VTT = "vtt"
    TSV = "tsv"
    EAF = "eaf"
    TEXTGRID = "textgrid"


@app.command()
def annotate(
    source: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A recording, a transcript, or a folder of them.")],
    transcript: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of the recording; by default the file of its name beside it; else words are recognised"),
    ] = None,
    speakers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An RTTM file: who speaks when; the words are from the transcript.")
    ] = None,
    tiers: Tiers = None,
    channels: Annotated[
        Literal["mixed", "speakers"], typer.Option(help="'speakers': each channel of the recording is one speaker's.")
    ] = "mixed",
    clock: Annotated[
        Literal["auto", "film", "sound"],
        typer.Option(help="That the transcript follows where the sound begins late or has holes: the film's, or sound alone."),
    ] = "auto",
    model: Annotated[
        str | None, typer.Option(metavar="RUN", help="A run, a saved model or a hub id; by default the shipped model.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to write; made if need be.")] = None,
    formats: Annotated[
        list[FileFormat] | None, typer.Option("--format", help="What to write; repeatable; by default json, csv, srt and html.")
    ] = None,
    asr: Annotated[
        str | None,
        typer.Option(
            "--asr",
            metavar="MODEL",
            help="Recognises words: a folder, or a name such as 'base', which is downloaded once; by default 'base' if it was.",
        ),
    ] = None,
    language: Annotated[str | None, typer.Option(metavar="CODE", help="Of what is said, such as 'en'; for recognition.")] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of transcripts, such as 'cp1251'; by default found out.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no features between runs.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for a folder; by default one for each core that this process may use.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where encoders and model run, such as 'cuda:0'.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and write nothing.")] = False,
) -> None:
    """Label every utterance of a recording or a transcript with an emotion.

    Writes NAME.emotions.json, .csv, .srt and .html, or what --format names (eaf is ELAN's, textgrid Praat's). A folder is
    annotated file by file; what is done is not done again.
    """
    from merc.annotation.annotator import annotate as annotate_recording
    from merc.annotation.export.files import FORMATS, check_targets, write_files
    from merc.annotation.media.sources import given
    from merc.annotation.options import Options
    from merc.annotation.speech.recognition import RecognitionOptions
    from merc.cli.tables.annotations import annotation_notes, annotation_table
    from merc.errors import DataError
    from merc.files.cache_folder import default_folder
    from merc.files.posix import usable_cores
    from merc.files.staged_file import sweep_temporaries

    options = Options(
        channels=channels,
        speech=RecognitionOptions(model=asr, language=language),
        cache=None if no_cache else default_folder(),
        encoding=encoding,
        device=device,
        speakers=speakers,
        clock=clock,
        tiers=tuple(tiers or ()),
    )
    wanted = tuple(chosen.value for chosen in formats) if formats else FORMATS
    if source.is_dir():
        if transcript is not None or speakers is not None or as_json:
            raise DataError(f"{source}: --transcript, --speakers and --json are for a single file, and this is a folder")
        _annotate_folder(source, model, options, wanted, out, workers or usable_cores())
        return
    given(source, transcript)  # what is missing is an error before all else
    if not as_json:
        given_files = [path.name for path in (source, transcript, speakers) if path is not None]
        check_targets(source, out, wanted, given_files)
        sweep_temporaries(out or source.parent)
    written: tuple[Path, ...] = ()
    said: list[str] = []
    with staged() as hook:
        found = annotate_recording(source, transcript, model=model, options=options, hook=hook)
    if as_json:
        show_text(found.to_json())
    else:
        judged = [path for path in (transcript, speakers) if path is not None]
        written = write_files(found, source, out, wanted, judged, on_warning=said.append)
        show(annotation_table(found))
    for sentence in (*annotation_notes(found), *said):
        warn(sentence)
    for path in written:
        note(str(path))


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it; made if need be.")],
) -> None:
    """Make a sample to annotate: a written dialogue, spoken by espeak-ng where it is installed.

    Prints the path of the file to annotate, and nothing else.
    """
    from merc.annotation.sample import make_sample

    made = make_sample(folder)
    for sentence in made.notes:
        note(sentence)
    show_path(made.path)


def _annotate_folder(
    source: Path, model: str | None, options: Options, formats: tuple[str, ...], out: Path | None, workers: int
) -> None:
    from merc.annotation.batch import FolderOptions, annotate_folder
    from merc.annotation.folder_table import FOLDER_TABLE
    from merc.cli.tables.annotations import file_records_table, folder_notes

    with staged() as hook:
        records = annotate_folder(source, FolderOptions(model, options, formats, out, workers), hook)
    show(file_records_table(records))
    note(str((out or source) / FOLDER_TABLE))
    for sentence in folder_notes(records):
        warn(sentence)
    failed = sum(record.status == "failed" for record in records)
    if failed:
        warn(f"{failed} of {len(records)} files could not be annotated; the others are done")
        raise typer.Exit(FAILED)
