"""What became of each file of a folder that was annotated, in one parquet file, `emotions.parquet`, a row a file."""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from merc.errors import DataError
from merc.files.parquet import parquet_bytes, read_parquet
from merc.files.printable import encodable, escape_path, unescape_path
from merc.files.staged_file import write_atomically
from merc.files.strict_json import load_json
from merc.files.validation import explain

FOLDER_TABLE = "emotions.parquet"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of one file.

    Attributes:
        file: of the recording, or of the transcript that has none; relative to the folder, with slashes.
        status: `failed` leaves no new files behind.
        error: one line, if it failed.
        sha256: of recording, transcript and RTTM file; empty if they could not be read.
        made_by: digest of the model and of the options that results hang on.
        utterances: how many.
        duration: s, of the recording, or None.
        cpu_seconds: that it took.
        emotions: label -> utterances.
        warnings: sentences.
        absent: modality -> utterances that lack it.
        outputs: the files that were written, relative to the folder that they are written to, with slashes.
        merc: the version.
    """

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


_MAPPINGS = ("emotions", "absent")  # written as JSON, as labels and modalities differ from model to model
_TYPES = {"int": pa.int64(), "float": pa.float64(), "float | None": pa.float64(), "tuple[str, ...]": pa.list_(pa.string())}
_SCHEMA = pa.schema([(known.name, _TYPES.get(str(known.type), pa.string())) for known in fields(FileRecord)])


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
        | {name: json.dumps(dict(getattr(record, name))) for name in _MAPPINGS}
        | {"file": escape_path(record.file), "outputs": [escape_path(output) for output in record.outputs]}
        | {"error": encodable(record.error), "warnings": [encodable(warning) for warning in record.warnings]}
        for record in sorted(records, key=lambda record: record.file)
    ]
    path = folder / FOLDER_TABLE
    try:
        write_atomically(path, parquet_bytes(pa.Table.from_pylist(rows, schema=_SCHEMA)), rights)
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
        table = read_parquet(path.read_bytes())
        if table.schema.names != _SCHEMA.names:
            raise ValueError(f"found columns {', '.join(table.schema.names)}; expected {', '.join(_SCHEMA.names)}")
        rows = [row | {name: load_json(row[name]) for name in _MAPPINGS} for row in table.to_pylist()]
        records = [
            replace(record, file=unescape_path(record.file), outputs=tuple(map(unescape_path, record.outputs)))
            for record in TypeAdapter(list[FileRecord]).validate_python(rows)
        ]
    except (OSError, pa.ArrowException, ValueError, TypeError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a table of annotated files ({reason}); move it away, or name another folder") from None
    return {record.file: record for record in records}
