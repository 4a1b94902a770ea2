"""The cells of CSV files: read at any length, and written so that spreadsheets show foreign text instead of computing it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

# What makes a spreadsheet compute a cell instead of showing it, after whatever it may skip before it. The signs have full-width
# twins that some read alike.
_SKIPPED = r"[\s\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*"
_FORMULA = re.compile(rf"{_SKIPPED}[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # what UTF-8 or spreadsheets refuse


def csv_rows(text: str, delimiter: str = ",") -> Iterator[list[str]]:
    """The rows of a CSV text, read strictly; a cell may be as long as the text.

    Raises:
        csv.Error: broken quotes.
    """
    # Python refuses longer cells than 131,072 characters unless the whole process is told another number; it is never lowered, as
    # another thread may be reading.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    return csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)


def harmless_cell(text: str) -> str:
    """The text as a spreadsheet will show it: an apostrophe before what it would compute, U+FFFD for what it can't hold."""
    return ("'" if _FORMULA.match(text) else "") + _UNWRITABLE.sub("\ufffd", text)


def shown_cell(text: str) -> str:
    """What a spreadsheet shows of a cell: without the apostrophe by which `harmless_cell` and people say that it is no formula."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text, 1) else text


def csv_text(columns: Mapping[str, Sequence[str | float | None]], delimiter: str = ",") -> str:
    """Columns of one length as CSV (RFC 4180): commas or another delimiter, CR LF, quotes around all texts, no byte order mark.

    Texts, headers among them, pass through `harmless_cell`; numbers never change; None is an empty cell.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([harmless_cell(name) for name in columns])
    for row in zip(*columns.values(), strict=True):
        writer.writerow([harmless_cell(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()
