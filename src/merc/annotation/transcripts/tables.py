"""Tables: `.csv` files with a header, a row a turn. Only the words are required.

What rows are called in messages is what a spreadsheet calls them: the header is row 1.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence

from merc.annotation.transcripts.cues import Cue, CueList, parse_time
from merc.annotation.transcripts.words import clean, without_markup
from merc.errors import DataError
from merc.files.validation import shorten

# What each column may be called; case does not matter. Those of `merc predict`, and more.
NAMES: Mapping[str, tuple[str, ...]] = {
    "words": ("transcript", "text", "utterance", "words"),
    "speaker": ("speaker",),
    "start": ("start", "starttime", "start_time"),
    "end": ("end", "endtime", "end_time"),
    "channel": ("channel",),
    "id": ("id", "utterance_id"),
}
_DELIMITERS = ",;\t"
_MOST_CHECKED = 100  # columns whose names may be misspelt
_SHOWN = 8  # columns of a wrong header that a message names


def read_table(text: str, name: str) -> CueList:
    """The rows of a `.csv` file; blank ones are skipped. The header tells which of `,`, `;` and tab stands between fields.

    Raises:
        DataError: no column for the words, two for the same thing, a row of another length, broken quotes, or a field that is no
            time or no channel; the message names the row.
    """
    header_line = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    columns: dict[str, int] | None = None
    width, number = 0, 0
    cues: list[Cue] = []
    try:
        for fields in reader:
            number += 1
            if not any(map(str.strip, fields)):
                continue
            if columns is None:
                columns, width = _columns(fields, name), len(fields)
            elif len(fields) != width:
                raise DataError(f"{name}, row {number}: {len(fields)} fields, the header has {width}")
            else:
                cues.append(_cue({column: fields[place] for column, place in columns.items()}, f"{name}, row {number}"))
    except csv.Error as error:
        raise DataError(f"{name}, row {number + 1}: not valid CSV: {error}") from error
    return CueList(tuple(cues))


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """What we call a column -> its place."""
    known = {variant: column for column, variants in NAMES.items() for variant in variants}
    given = [clean(field).casefold() for field in header]
    columns: dict[str, int] = {}
    for place, field in enumerate(given):
        column = known.get(field)
        if column is not None and column in columns:
            both = f"{given[columns[column]]!r} and {field!r}"
            raise DataError(f"{name}, row 1: columns {both} both give the {column}; keep one")
        if column is not None:
            columns[column] = place
    for field in given[:_MOST_CHECKED]:
        near = difflib.get_close_matches(field[:40], known, n=1, cutoff=0.85) if field not in known else []
        if near and known[near[0]] not in columns:
            raise DataError(f"{name}, row 1: unknown column {shorten(repr(field))}; did you mean {near[0]!r}?")
    if "words" not in columns:
        shown = ", ".join(shorten(repr(field)) for field in given[:_SHOWN]) + (", …" if len(given) > _SHOWN else "")
        raise DataError(f"{name}, row 1: no column for the words: expected {' or '.join(NAMES['words'])}; found: {shown}")
    return columns


def _cue(fields: Mapping[str, str], place: str) -> Cue:
    channel = fields.get("channel", "").strip()
    if channel and not (channel.isascii() and channel.isdigit() and len(channel) < 4):
        raise DataError(f"{place}: column 'channel' is {shorten(repr(channel))}; allowed is a whole number from 0, or nothing")
    return Cue(
        without_markup(fields["words"]),
        clean(fields.get("speaker", "")) or None,
        _time(fields, "start", place),
        _time(fields, "end", place),
        int(channel) if channel else None,
    )


def _time(fields: Mapping[str, str], column: str, place: str) -> float | None:
    value = fields.get(column, "").strip()
    if not value:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        allowed = "allowed are seconds, 00:16:16,059, or nothing"
        raise DataError(f"{place}: column {column!r} is {shorten(repr(value))}; {allowed}") from error
