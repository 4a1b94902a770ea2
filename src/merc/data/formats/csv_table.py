"""CSV files from many hands, read strictly: encoding, header, number of fields; every error names file and row.

Rows are numbered as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from merc.data.schema import FeatureArray, first_repeated
from merc.errors import DataError
from merc.files.csv_cells import csv_rows
from merc.files.encoding import decode

_CLOCK = re.compile(r"(\d+):([0-5]?\d):([0-5]?\d)(?:[.,](\d+))?")
_FLOAT32_MAX = 3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file's rows, column by column. A column is read whole, in the order of its rows; a field of another kind is a `DataError`.

    `numbers` are those of the rows as a spreadsheet shows them, `columns` the fields as they stand in the file.
    """

    path: Path
    numbers: tuple[int, ...]
    columns: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.numbers)

    def place(self, row: int) -> str:
        """`file, row 7`: how messages name the row at this position."""
        return f"{self.path}, row {self.numbers[row]}"

    def texts(self, column: str) -> list[str]:
        """Fields without surrounding blanks, none of them empty."""
        values = [field.strip() for field in self.columns[column]]
        if "" in values:
            raise DataError(f"{self.place(values.index(''))}: column {column!r} is empty")
        return values

    def counts(self, column: str) -> list[int]:
        """Whole numbers, 0 or more."""
        values = self.texts(column)
        for row, value in enumerate(values):
            if not (value.isascii() and value.isdigit() and len(value) < 10):
                raise DataError(f"{self.place(row)}: column {column!r} is {value!r}; allowed is a whole number from 0")
        return [int(value) for value in values]

    def check_distinct(self, **columns: Sequence[object]) -> None:
        """Refuses two rows with the same values in these columns: a `DataError` that names both."""
        first: dict[tuple[object, ...], int] = {}
        for row, values in enumerate(zip(*columns.values(), strict=True)):
            if first.setdefault(values, row) != row:
                shown = ", ".join(f"{name} {value!r}" for name, value in zip(columns, values, strict=True))
                raise DataError(f"{self.place(row)}: {shown} occurs already in row {self.numbers[first[values]]}")

    def features(self, columns: Sequence[str]) -> FeatureArray:
        """Finite float32 numbers of shape (N, D), a column a dimension; NaN where a field is empty or says `nan`."""
        array = np.empty((len(self), len(columns)), dtype=np.float32)
        for position, column in enumerate(columns):
            for row, field in enumerate(self.columns[column]):
                value = field.strip()
                try:
                    number = float(value) if value else math.nan
                except ValueError:
                    number = math.inf
                if abs(number) > _FLOAT32_MAX:
                    raise DataError(f"{self.place(row)}: column {column!r} is {value!r}; allowed is a finite number, or nothing")
                array[row, position] = number
        return array

    def seconds(self, column: str) -> list[float | None]:
        """Times in seconds, given as numbers or as `00:16:16,059`; None where a field is empty."""
        fields = [field.strip() for field in self.columns[column]]
        return [self._seconds(column, row, field) if field else None for row, field in enumerate(fields)]

    def _seconds(self, column: str, row: int, value: str) -> float:
        clock = _CLOCK.fullmatch(value)
        try:
            if clock is not None:
                hours, minutes, whole, fraction = clock.groups(default="0")
                # One decimal literal rather than a sum of parts, so that 00:00:01,100 is exactly 1.1.
                return float(f"{int(hours) * 3600 + int(minutes) * 60 + int(whole)}.{fraction}")
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise DataError(f"{self.place(row)}: column {column!r} is {value!r}; allowed are seconds, or 00:16:16,059")
        return number


def read_csv(path: str | Path, required: Sequence[str]) -> CsvTable:
    """All rows of a file with a header; blank lines are skipped.

    Raises:
        DataError: unreadable, not text, a column missing or given twice, a row of another length, or broken quotes.
    """
    path = Path(path)
    try:
        text = decode(path.read_bytes(), str(path), strict=True).text
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    reader = csv_rows(text)
    rows: list[list[str]] = []
    numbers: list[int] = []
    header: list[str] | None = None
    number = 0
    try:
        for number, fields in enumerate(reader, start=1):
            if not fields:
                continue
            if header is None:
                header = [name.strip() for name in fields]
                _check_header(path, header, required)
            elif len(fields) != len(header):
                raise DataError(f"{path}, row {number}: {len(fields)} fields, the header has {len(header)}")
            else:
                rows.append(fields)
                numbers.append(number)
    except csv.Error as error:
        raise DataError(f"{path}, row {number + 1}: not valid CSV: {error}") from error
    if header is None:
        columns = f" with the columns {', '.join(required)}" if required else ""
        raise DataError(f"{path} is empty: expected a header{columns}")
    return CsvTable(path, tuple(numbers), {name: [fields[i] for fields in rows] for i, name in enumerate(header)})


def read_header(path: str | Path) -> tuple[str, ...]:
    """The column names of a file, or nothing if it is no readable CSV. Raises nothing; reads at most 64 KiB."""
    try:
        with Path(path).open("rb") as stream:
            text = stream.read(65_536).decode("utf-8-sig", errors="replace")
        return tuple(name.strip() for name in next(csv.reader(io.StringIO(text, newline="")), ()))
    except (OSError, csv.Error):
        return ()


def _check_header(path: Path, header: Sequence[str], required: Sequence[str]) -> None:
    repeated = first_repeated(name for name in header if name)
    if repeated is not None:
        raise DataError(f"{path}, row 1: column {repeated!r} occurs more than once")
    missing = next((name for name in required if name not in header), None)
    if missing is not None:
        raise DataError(f"{path}, row 1: no column {missing!r}; needed: {', '.join(required)}; found: {', '.join(header)}")
