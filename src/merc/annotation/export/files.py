"""An annotation as files: JSON without loss, CSV for spreadsheets, subtitles for players, a page for people.

They stand beside the recording and are named after it: `talk.mp4` gives `talk.emotions.json`, `.csv`, `.srt` and `.html`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Strict, ValidationError

from merc.annotation.result import Absence, AnnotatedUtterance, Annotation, Origin
from merc.errors import DataError, MercError, MissingExtraError
from merc.files.printable import printable
from merc.files.staged_file import staged_file
from merc.files.validation import explain, shorten
from merc.settings import Settings

FORMAT = 1  # of the JSON
FORMATS = ("json", "csv", "srt", "html")
_REMEMBERING = ("json", "html")  # what holds the warnings
_SURROGATES = re.compile("[\ud800-\udfff]")

# What makes a spreadsheet compute a cell instead of showing it, after whatever it may skip before it. The signs have full-width
# twins that some read alike.
_SKIPPED = r"[\s\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*"
_FORMULA = re.compile(rf"{_SKIPPED}[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # in CSV: what UTF-8 or spreadsheets refuse

# Subtitles have no escapes: what starts mark-up in them is shown by its full-width twin. That ends `-->`, too.
_TWINS = str.maketrans({"{": "｛", "}": "｝", "<": "＜", ">": "＞", "\\": "＼"})
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_STAMP = re.compile(r"\d:\d{1,2}:\d{1,2}[.,]\d")  # two of them in one line begin a subtitle for some readers, without an arrow too
_LAST_SRT = 100 * 3600 - 0.001  # s, the greatest time that the format can write


def write_files(
    annotation: Annotation, beside: Path, folder: Path | None = None, formats: Sequence[str] = FORMATS
) -> tuple[Path, ...]:
    """Writes the files, each whole, in place of older ones; if one can't be written, none is changed.

    Subtitles leave out utterances without a time, and are not written if all are, or without their extra. JSON and page say so.

    Args:
        annotation: what to write.
        beside: the annotated file, say `talk.mp4`; only its folder and name matter.
        folder: where to write; None means beside the annotated file. Only there can the page play it, and if it is still there.
        formats: of json, csv, srt and html; one given twice is written once.

    Returns:
        What was written, in the order of `formats`.

    Raises:
        DataError: an unknown format, a file in the way, a folder that is missing or not writable; or subtitles that can't be made
            while neither json nor html is asked for to say so.
        MissingExtraError: likewise.
    """
    targets = check_targets(beside, folder, formats, (annotation.origin.name, annotation.origin.transcript))
    into = beside.parent if folder is None else folder
    texts: dict[str, str] = {}
    if "srt" in targets:
        timed = tuple(one for one in annotation.utterances if one.start is not None and one.end is not None)
        without = len(annotation.utterances) - len(timed)
        warning = (
            f"{printable(targets['srt'].name)} leaves out {without} of {len(annotation.utterances)} utterances: they have no time"
        )
        try:
            texts["srt"] = (replace(annotation, utterances=timed) if timed else annotation).to_srt()
        except MercError as error:
            if not set(_REMEMBERING) & set(targets):
                raise
            warning = f"{printable(targets.pop('srt').name)} was not written: {error}"
        if without or "srt" not in targets:
            annotation = replace(annotation, warnings=(*annotation.warnings, warning))
    if "json" in targets:
        texts["json"] = annotation.to_json()
    if "csv" in targets:
        texts["csv"] = annotation.to_csv()
    if "html" in targets:
        texts["html"] = annotation.to_html(_medium_in(into, beside, annotation.origin))
    _write_all({target: texts[name].encode() for name, target in targets.items()})
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
        DataError: an unknown format, a file in the way, or no such folder.
    """
    wanted = tuple(dict.fromkeys(formats))
    unknown = next((name for name in wanted if name not in FORMATS), None)
    if unknown is not None:
        raise DataError(f"unknown format {shorten(printable(unknown))!r}; annotations are written as {', '.join(FORMATS)}")
    into = beside.parent if folder is None else folder
    targets = {name: into / f"{beside.stem}.emotions.{name}" for name in wanted}
    for target in targets.values():
        _check_target(target, judged)
    return targets


def _check_target(target: Path, judged: Sequence[str | None]) -> None:
    shown = printable(str(target))
    try:
        has_folder, is_folder, exists = target.absolute().parent.is_dir(), target.is_dir(), target.exists()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise DataError(f"{shown}: can't be written: {error.strerror or error}") from error
    if not has_folder or is_folder:
        raise DataError(f"{shown}: {'is a folder' if is_folder else 'there is no folder to put this file into'}")
    if target.name in judged and exists:
        raise DataError(f"{shown}: has the name of what was annotated, and would replace it; rename one of them")


def _medium_in(folder: Path, beside: Path, origin: Origin) -> str | None:
    """The recording's name if it lies in the folder; a namesake elsewhere is another recording."""
    if folder.resolve() != beside.parent.resolve():
        return None
    plain = origin.kind != "text" and Path(origin.name).name == origin.name and "\0" not in origin.name
    return origin.name if plain and (folder / origin.name).is_file() else None


def _write_all(contents: Mapping[Path, bytes]) -> None:
    """All the bytes are on the disk before the first file gets its name."""
    try:
        with ExitStack() as stack:
            staged = [(stack.enter_context(staged_file(path.parent)), path) for path in contents]
            for file, path in staged:
                file.write(contents[path])
            for file, path in staged:
                file.commit(path)
    except OSError as error:
        names = printable(", ".join(path.name for path in contents))
        folder = printable(str(next(iter(contents)).parent))
        raise DataError(f"{folder}: {names} can't be written: {error.strerror or error}") from error


def json_text(annotation: Annotation) -> str:
    """JSON of format 1: the annotation's fields by their names. Ends in a line feed and can always be encoded."""
    origin = annotation.origin
    content = {
        "format": FORMAT,
        "origin": {**{name: getattr(origin, name) for name in _OriginRecord.model_fields}, "model": dict(origin.model)},
        "labels": list(annotation.labels),
        "modalities": list(annotation.modalities),
        "utterances": [
            {
                **{name: getattr(utterance, name) for name in _UtteranceRecord.model_fields},
                "probabilities": dict(utterance.probabilities),
                "trust": dict(utterance.trust),
                "present": list(utterance.present),
            }
            for utterance in annotation.utterances
        ],
        "absences": [{name: getattr(absence, name) for name in _AbsenceRecord.model_fields} for absence in annotation.absences],
        "warnings": list(annotation.warnings),
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2)
    return _SURROGATES.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n"  # from file names that are not UTF-8


_Names = Annotated[tuple[str, ...], Strict(False)]  # JSON has lists only; their items stay strict


class _Record(Settings):
    model_config = ConfigDict(strict=True)


class _OriginRecord(_Record):
    name: str
    sha256: str
    kind: Literal["audio", "video", "text"]
    duration: float | None
    transcript: str | None
    model: dict[str, str]


class _UtteranceRecord(_Record):
    id: str
    speaker: str
    words: str
    start: float | None
    end: float | None
    emotion: str
    probabilities: dict[str, float]
    trust: dict[str, float]
    uncertainty: float | None
    present: _Names


class _AbsenceRecord(_Record):
    utterance_id: str | None
    modality: str
    reason: str


class _AnnotationRecord(_Record):
    format: int
    origin: _OriginRecord
    labels: _Names
    modalities: _Names
    utterances: list[_UtteranceRecord]
    absences: list[_AbsenceRecord]
    warnings: _Names


def annotation_from_json(text: str) -> Annotation:
    """What `json_text` wrote, read back.

    Raises:
        DataError: see `Annotation.from_json`.
    """
    try:
        content: object = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise DataError(f"annotation: not valid JSON: {shorten(printable(str(error)))}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is not int or found != FORMAT:
        raise DataError(f"annotation: format {shorten(printable(repr(found)))}; this version of merc reads format {FORMAT}")
    try:
        record = _AnnotationRecord.model_validate(content)
    except ValidationError as error:
        raise DataError(f"annotation: {printable(explain(error))}") from error
    return Annotation(
        origin=Origin(**dict(record.origin)),
        labels=record.labels,
        modalities=record.modalities,
        utterances=tuple(AnnotatedUtterance(**dict(one)) for one in record.utterances),
        absences=tuple(Absence(**dict(one)) for one in record.absences),
        warnings=record.warnings,
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def csv_text(annotation: Annotation) -> str:
    """The table of `Annotation.columns` by RFC 4180: commas, CR LF, quotes around all texts. Without a byte order mark.

    Foreign text is kept but for three things. A cell that a spreadsheet might compute gets an apostrophe before it: one that begins
    with `=`, `+`, `-`, `@`, tab or carriage return, also after blanks. Numbers of our own are never changed. Control characters,
    and what UTF-8 has no form for, become U+FFFD. Who needs the exact words reads the JSON.
    """
    columns = annotation.columns()
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([harmless_cell(name) for name in columns])
    for row in zip(*columns.values(), strict=True):
        writer.writerow([harmless_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def harmless_cell(text: str) -> str:
    """The text as a spreadsheet will show it, not run it."""
    return ("'" if _FORMULA.match(text) else "") + _UNWRITABLE.sub("\ufffd", text)


def srt_text(annotation: Annotation) -> str:
    """SubRip subtitles, a line an utterance, in order of time: `Ann [joy]: I got the job!`.

    Line breaks become spaces; what could be mark-up is shown by full-width characters; times are rounded to milliseconds.

    Raises:
        DataError: see `Annotation.to_srt`.
        MissingExtraError: likewise.
    """
    if not annotation.utterances:
        raise DataError("subtitles need at least one utterance; there is none")
    times = [
        (utterance.start, utterance.end, utterance)
        for utterance in annotation.utterances
        if utterance.start is not None and utterance.end is not None
    ]
    without = len(annotation.utterances) - len(times)
    if without:
        raise DataError(f"subtitles need a time for each utterance; {without} of {len(annotation.utterances)} have none")
    try:
        import pysubs2
    except ImportError as error:
        raise MissingExtraError("subtitles", "writing subtitles") from error
    subtitles = pysubs2.SSAFile()
    for start, end, utterance in sorted(times, key=lambda time: time[:2]):
        begin, finish = _milliseconds(start), _milliseconds(max(start, end))
        subtitles.append(pysubs2.SSAEvent(start=begin, end=finish, text=_subtitle(utterance)))
    return subtitles.to_string("srt")


def _milliseconds(seconds: float) -> int:
    return round(1000 * min(max(seconds, 0.0), _LAST_SRT))


def _subtitle(utterance: AnnotatedUtterance) -> str:
    who = " ".join(part for part in (_one_line(utterance.speaker), f"[{_one_line(utterance.emotion)}]") if part)
    words = _one_line(utterance.words)
    return _STAMP.sub(lambda stamp: stamp[0].replace(":", "∶"), f"{who}: {words}" if words else who)


def _one_line(text: str) -> str:
    """Plain words in one line: no mark-up, no control characters, nothing that turns the direction of what follows."""
    return " ".join(_CONTROLS.sub("", " ".join(text.split())).translate(_TWINS).split())
