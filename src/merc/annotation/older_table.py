"""The folder's table as older versions wrote it, `emotions.parquet`: what it tells is taken over, and it goes.

Reading it takes pyarrow, which annotating needs for nothing else. Where pyarrow is not installed, the files are annotated anew.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from merc.annotation.folder_table import COLUMNS, FileRecord, as_they_were, not_a_table
from merc.errors import DataError
from merc.files.strict_json import load_json
from merc.files.validation import explain

OLDER_TABLE = "emotions.parquet"
ASIDE = f"{OLDER_TABLE}.old"
_MAPPINGS = ("emotions", "absent")  # which were texts in it
_RECORDS = TypeAdapter(list[FileRecord])
_MAGIC = b"PAR1"  # a parquet file begins and ends with it; before the end stand its columns' names, and their length


@dataclass(frozen=True, slots=True)
class OlderTable:
    """An older version's table of a folder.

    Attributes:
        path: of the file.
        records: file -> its record; None where it can't be read here.
    """

    path: Path
    records: Mapping[str, FileRecord] | None

    def with_newer(self, newer: Mapping[str, FileRecord]) -> dict[str, FileRecord]:
        """File -> its record, by both tables.

        An older version that worked here once more may have replaced results that the newer table tells of, or the other way
        round: what they don't agree on is annotated anew.

        Args:
            newer: what the newer table tells.
        """
        if self.records is None:
            return {file: replace(record, made_by="") for file, record in newer.items()}
        both = {**self.records, **newer}
        agreed = {file for file in both if self.records.get(file, both[file]) == both[file]}
        return {file: record if file in agreed else replace(record, made_by="") for file, record in both.items()}

    def retire(self) -> None:
        """Takes it out of the way, once the newer table tells what it told: removes it, or keeps it aside where it was not read.

        Raises:
            DataError: it can't be removed or renamed.
        """
        try:
            if self.records is not None:
                self.path.unlink()
                return
            self.path.replace(self.path.with_name(ASIDE))
        except OSError as error:
            raise DataError(f"{self.path} can't be taken out of the way: {error.strerror or error}") from error
        warnings.warn(
            f"{self.path}: an older version of merc noted here what is annotated, which is read with the optional extra 'train' "
            f"(pip install 'merc[train]') and not without it; all files are annotated anew, and it is kept as {ASIDE}",
            stacklevel=2,
        )


def older_table(folder: Path) -> OlderTable | None:
    """The folder's older table; None where there is none, or another's file has its name.

    Raises:
        DataError: it is damaged.
    """
    path = folder / OLDER_TABLE
    try:
        data = path.read_bytes() if path.is_file() else b""
        if not _has_its_columns(data):
            return None
        if importlib.util.find_spec("pyarrow") is None:
            return OlderTable(path, None)
        records = _records(data)
        return None if records is None else OlderTable(path, records)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {not_a_table(error)}") from None


def _has_its_columns(data: bytes) -> bool:
    """Whether a file is parquet and names the columns of such a table."""
    if len(data) < 12 or data[:4] != _MAGIC or data[-4:] != _MAGIC:
        return False
    footer = data[:-8][-int.from_bytes(data[-8:-4], "little") :]
    return all(name.encode() in footer for name in COLUMNS)


def _records(data: bytes) -> dict[str, FileRecord] | None:
    """File -> its record; None if there are other columns. A ValueError tells of a damaged table."""
    from merc.files.parquet import read_parquet

    table = read_parquet(data)
    if tuple(table.schema.names) != COLUMNS:
        return None
    rows = [row | {name: load_json(row[name]) for name in _MAPPINGS} for row in table.to_pylist()]
    try:
        return as_they_were(_RECORDS.validate_python(rows, strict=False))
    except ValidationError as error:
        raise ValueError(f"row {explain(error)}") from None
