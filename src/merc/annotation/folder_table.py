"""What became of each file of a folder that was annotated, in one JSON Lines file, `emotions.jsonl`, a row a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar, Literal, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from merc.errors import DataError
from merc.files.printable import encodable, escape_path, printable, unescape_path
from merc.files.staged_file import write_atomically
from merc.files.strict_json import load_json
from merc.files.validation import explain, shorten

FOLDER_TABLE = "emotions.jsonl"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of one file.

    Attributes:
        file: of the recording, or of the transcript that has none; relative to the folder, with slashes.
        status: `failed` leaves no new files behind.
        error: one line, if it failed.
        sha256: of recording, transcript and RTTM file; empty if they could not be read.
        made_by: digest of the model and of the options that results hang on; empty if nobody knows.
        utterances: how many.
        duration: s, of the recording, or None.
        cpu_seconds: that it took.
        emotions: label -> utterances.
        warnings: sentences.
        absent: modality -> utterances that lack it.
        outputs: the files that were written, relative to the folder that they are written to, with slashes.
        merc: the version.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True)  # a row's number is no text

    file: str
    status: Literal["done", "failed"]
    error: str = ""
    sha256: str = ""
    made_by: str = ""
    utterances: int = 0
    duration: float | None = None
    cpu_seconds: float = 0.0
    emotions: Mapping[str, int] = field(default_factory=dict[str, int])
    warnings: tuple[str, ...] = ()
    absent: Mapping[str, int] = field(default_factory=dict[str, int])
    outputs: tuple[str, ...] = ()
    merc: str = ""


COLUMNS = tuple(known.name for known in fields(FileRecord))
_RECORD = TypeAdapter(FileRecord)


def write_folder_table(records: Iterable[FileRecord], folder: Path, rights: int = 0o666) -> None:
    """Writes the folder's table whole, in place of an older one.

    Names of files that are not UTF-8 are written as `escape_path` gives them, and read back as they were.

    Args:
        records: in any order.
        folder: of the table.
        rights: its mode; see `write_atomically`.

    Raises:
        DataError: the folder is missing, full or not writable; an older one is as it was.
    """
    rows = [
        asdict(record)
        | {"file": escape_path(record.file), "outputs": [escape_path(output) for output in record.outputs]}
        | {"error": encodable(record.error), "warnings": [encodable(warning) for warning in record.warnings]}
        for record in sorted(records, key=lambda record: record.file)
    ]
    path = folder / FOLDER_TABLE
    try:
        lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        write_atomically(path, "".join(lines).encode(), rights)
    except OSError as error:
        raise DataError(f"{path} can't be written: {error.strerror or error}; nothing was changed") from error


def read_folder_table(folder: Path) -> dict[str, FileRecord]:
    """File -> its record; nothing if there is no such table.

    Raises:
        DataError: another file has the table's name.
    """
    path = folder / FOLDER_TABLE
    if not path.exists():
        return {}
    try:
        return as_they_were(_row(number, line) for number, line in enumerate(path.read_bytes().splitlines(), start=1))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {not_a_table(error)}") from None


def as_they_were(rows: Iterable[FileRecord]) -> dict[str, FileRecord]:
    """File -> its record, from rows with the names of files as a table has them."""
    records = [replace(row, file=unescape_path(row.file), outputs=tuple(map(unescape_path, row.outputs))) for row in rows]
    return {record.file: record for record in records}


def not_a_table(error: Exception) -> str:
    """Why a file that has a table's name is none, and what to do."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"not a table of annotated files ({reason}); move it away, or name another folder"


def _row(number: int, line: bytes) -> FileRecord:
    """The record of a line; a ValueError says what is wrong with it."""
    try:
        row = load_json(line)
    except ValueError as error:
        raise ValueError(f"line {number}: not a row of JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"line {number}: found {shorten(printable(repr(row)))}, expected an object")
    wrong = sorted(set(cast("dict[str, object]", row)) ^ set(COLUMNS))
    if wrong:
        fault = f"{'no' if wrong[0] in COLUMNS else 'unknown'} key {shorten(printable(repr(wrong[0])))}"
        raise ValueError(f"line {number}: {fault}; expected {', '.join(COLUMNS)}")
    try:
        return _RECORD.validate_json(line)
    except ValidationError as error:
        raise ValueError(f"line {number}, {explain(error)}") from None
