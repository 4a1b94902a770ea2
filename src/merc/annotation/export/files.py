"""An annotation as files: JSON without loss, tables for spreadsheets, subtitles for players, tiers for ELAN and Praat, a page.

They stand beside the recording and are named after it: `talk.mp4` gives `talk.emotions.json`, `.csv`, `.srt` and `.html`, and where
they are asked for `.vtt`, `.tsv`, `.eaf` and `.TextGrid`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from merc.annotation.annotation import Annotation
from merc.annotation.export.subtitles import srt_text
from merc.annotation.export.tabular import tsv_text
from merc.annotation.export.webvtt import vtt_text
from merc.annotation.result import Origin
from merc.errors import DataError, MercError
from merc.files.printable import printable
from merc.files.staged_file import write_together
from merc.files.validation import shorten

FORMATS = ("json", "csv", "srt", "html")  # that are written if none is asked for
MORE_FORMATS = ("vtt", "tsv", "eaf", "textgrid")
_SUFFIXES = {"textgrid": "TextGrid"}  # where it is not the format's name
_SAY_WHAT_IS_MISSING = ("json", "html")  # they hold the warnings


def write_files(
    annotation: Annotation,
    beside: Path,
    folder: Path | None = None,
    formats: Sequence[str] = FORMATS,
    like: Sequence[Path] = (),
    on_warning: Callable[[str], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Writes the files, each whole, in place of older ones; if one can't be written, none is changed.

    Subtitles and tiers leave out utterances without a time, and are not written if all are. JSON and page say so. If the words were
    read from a file of ELAN or Praat, what it holds is in the new file of its kind, too.
    Nobody may read the files who may not read what was annotated (see `rights_like`).

    Args:
        annotation: what to write.
        beside: the annotated file, say `talk.mp4`; only its folder and name matter.
        folder: where to write, made if need be; None means beside the annotated file. Only there can the page play it, and if it is
            still there.
        formats: of `FORMATS` and `MORE_FORMATS`; one given twice is written once.
        like: what was annotated besides that file and the transcript beside it.
        on_warning: called with a sentence if subtitles or tiers lack utterances or are not written.

    Returns:
        What was written, in the order of `formats`.

    Raises:
        DataError: an unknown format, a file in the way, a folder that is missing or not writable; or subtitles or tiers that can't
            be made while neither json nor html is asked for to say so.
    """
    targets = check_targets(beside, folder, formats, (annotation.origin.name, annotation.origin.transcript))
    texts: dict[str, str] = {}
    without = sum(u.start is None or u.end is None for u in annotation.utterances)
    timed: dict[str, Callable[[], str]] = {
        "srt": lambda: srt_text(annotation, leave_out_untimed=True),
        "vtt": lambda: vtt_text(annotation, leave_out_untimed=True),
        "eaf": lambda: _eaf_text(annotation, _given(".eaf", beside, annotation.origin, like)),
        "textgrid": lambda: _textgrid_text(annotation, _given(".textgrid", beside, annotation.origin, like)),
    }
    warnings: list[str] = []
    for name in [name for name in targets if name in timed]:
        shown = printable(targets[name].name)
        try:
            texts[name] = timed[name]()
        except MercError as error:
            if not any(other in targets for other in _SAY_WHAT_IS_MISSING):
                raise
            del targets[name]
            warnings.append(f"{shown} was not written: {error}")
        else:
            if without:
                warnings.append(f"{shown} leaves out {without} of {len(annotation.utterances)} utterances: they have no time")
    for warning in warnings:
        on_warning(warning)
    annotation = replace(annotation, warnings=(*annotation.warnings, *warnings)) if warnings else annotation
    forms = {
        "json": annotation.to_json,
        "csv": annotation.to_csv,
        "tsv": lambda: tsv_text(annotation),
        "html": lambda: annotation.to_html(_medium_in(folder or beside.parent, beside, annotation.origin)),
    }
    texts |= {name: form() for name, form in forms.items() if name in targets}
    judged = [beside, *like]
    if annotation.origin.transcript is not None:
        judged.append(beside.parent / Path(annotation.origin.transcript).name)
    _write_all({target: texts[name].encode() for name, target in targets.items()}, judged)
    return tuple(targets.values())


def check_targets(
    beside: Path, folder: Path | None = None, formats: Sequence[str] = FORMATS, judged: Sequence[str | None] = ()
) -> dict[str, Path]:
    """Refuses a place that can't be written to, before the work.

    Args:
        beside, folder, formats: see `write_files`.
        judged: names of the files that are annotated, which must not be replaced.

    Returns:
        Format -> the file that it will have.

    Raises:
        DataError: an unknown format, a file in the way, or no folder beside the annotated file.
    """
    unknown = next((name for name in formats if name not in (*FORMATS, *MORE_FORMATS)), None)
    if unknown is not None:
        raise DataError(
            f"unknown format {shorten(printable(unknown))!r}; annotations are written as {', '.join((*FORMATS, *MORE_FORMATS))}"
        )
    into = beside.parent if folder is None else folder
    targets = {name: into / f"{beside.stem}.emotions.{_SUFFIXES.get(name, name)}" for name in formats}
    for target in targets.values():
        shown = printable(str(target))
        try:
            place = next(parent for parent in target.absolute().parents if parent.exists())
            is_folder, exists = target.is_dir(), target.exists()
        except OSError as error:  # a name that is too long, a folder that may not be looked into
            raise DataError(f"{shown}: can't be written: {error.strerror or error}") from error
        if is_folder:
            raise DataError(f"{shown}: is a folder")
        if not place.is_dir():
            raise DataError(f"{shown}: {printable(str(place))} is no folder to put this file into")
        if folder is None and place != target.absolute().parent:
            raise DataError(f"{shown}: there is no folder to put this file into")
        if target.name in judged and exists:
            raise DataError(f"{shown}: has the name of what was annotated, and would replace it; rename one of them")
    return targets


def _given(suffix: str, beside: Path, origin: Origin, like: Sequence[Path]) -> tuple[bytes, str] | None:
    """Content and name of the annotation file that the words were read from, if it is of this kind and still there."""
    read_from = None if origin.transcript is None else Path(origin.transcript).name
    for path in (beside, *like, *(() if read_from is None else (beside.parent / read_from,))):
        if path.suffix.lower() == suffix and path.name == read_from and path.is_file():
            try:
                return path.read_bytes(), printable(path.name)
            except OSError as error:
                raise DataError(f"{printable(str(path))} can't be read: {error.strerror or error}") from error
    return None


def _medium_in(folder: Path, beside: Path, origin: Origin) -> str | None:
    """The recording's name if it lies in the folder; a namesake elsewhere is another recording."""
    if folder.resolve() != beside.parent.resolve():
        return None
    plain = origin.kind != "text" and Path(origin.name).name == origin.name and "\0" not in origin.name
    return origin.name if plain and (folder / origin.name).is_file() else None


# These two bring the readers of their formats, which are slow to import and seldom wanted.
def _eaf_text(annotation: Annotation, given: tuple[bytes, str] | None) -> str:
    from merc.annotation.export.elan import eaf_text

    return eaf_text(annotation, given, leave_out_untimed=True)


def _textgrid_text(annotation: Annotation, given: tuple[bytes, str] | None) -> str:
    from merc.annotation.export.textgrid import textgrid_text

    return textgrid_text(annotation, given, leave_out_untimed=True)


def _write_all(contents: Mapping[Path, bytes], like: Sequence[Path]) -> None:
    if not contents:
        return
    folder = next(iter(contents)).parent
    try:
        write_together(folder, {path.name: content for path, content in contents.items()}, like)
    except OSError as error:
        names = ", ".join(path.name for path in contents)
        raise DataError(f"{printable(str(folder))}: {printable(names)} can't be written: {error.strerror or error}") from error
