"""Tables: `.csv` and `.tsv` files with a header, a row an utterance. Only the words are required.

What rows are called in messages is what a spreadsheet calls them: the header is row 1.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from merc.annotation.transcripts.columns import AROUND_SCENES, Column, columns_of, unread_times
from merc.annotation.transcripts.cues import Cue, CueList, parse_time
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.units import SLOWEST, TAKEN_AS_MILLISECONDS, in_milliseconds, seconds
from merc.annotation.transcripts.words import clean, without_markup
from merc.errors import DataError
from merc.files.csv_cells import csv_rows, shown_cell
from merc.files.validation import shorten

_WHISPER_HEADER, _WHISPER_ROW = "start\tend\ttext", re.compile(r"\d{1,12}\t\d{1,12}\t.*")
_SLOWEST_OF_WHISPER = 5.0  # s a character: whole numbers in its columns are ms unless nobody could speak as fast [chosen]
_NAMES_LISTED = re.compile(r"\[['\"].{0,500}['\"]\]")  # several speakers, as Python writes a list
_LISTED_NAME = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_WITH_FRAMES = re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2})[:;](\d{1,2})|(\d{1,6});(\d{1,2});(\d{1,2});(\d{1,2})")
_FRAMES = 30  # a second, which such times do not say [chosen]
_DELIMITERS = ",;\t"
_SEPARATOR_TOLD = re.compile(r"\ufeff?sep=([,;\t])\n", re.IGNORECASE)  # a line for Excel over the header


def read_table(text: str, name: str) -> CueList:
    """The rows of a `.csv` file; blank ones are skipped. The separator is `,`, `;` or tab, that of a line `sep=;` over
    the header, or the most frequent in the header.

    Times are seconds, unless the column's name says otherwise, the table is Whisper's `.tsv`, or seconds can't be meant.

    Raises:
        DataError: no column for the words, two for the same thing, a row of another length, broken quotes, or a field that is no
            time or no channel; the message names the row.
    """
    rows, delimiter = separated(text)
    return _read(rows, name, delimiter)


def separated(text: str) -> tuple[str, str]:
    """The rows of a `.csv` file, and what separates their columns."""
    told = _SEPARATOR_TOLD.match(text)
    if told is not None:
        return text[told.end() :], told[1]
    header_line = next((line for line in text.split("\n") if line.strip()), "")
    return text, max(_DELIMITERS, key=header_line.count)


def read_tab_separated(text: str, name: str) -> CueList:
    """The rows of a `.tsv` file, likewise.

    Raises:
        DataError: likewise.
    """
    return _read(text, name, "\t")


def _read(text: str, name: str, delimiter: str) -> CueList:
    of_whisper = delimiter == "\t" and _is_whispers(text)
    reader = (line.split("\t", 2) for line in text.split("\n")) if of_whisper else csv_rows(text, delimiter)
    columns: dict[str, Column] | None = None
    header: list[str] = []
    shown: list[str] | None = None
    number = 0
    cues: list[Cue] = []
    try:
        for fields in reader:
            number += 1
            if not any(map(str.strip, fields)):
                continue
            if columns is None:
                columns, header = columns_of(fields, name), fields
            elif len(fields) != len(header):
                raise DataError(f"{name}, row {number}: {len(fields)} fields, the header has {len(header)}")
            else:
                shown = shown or fields
                cues.append(_cue(fields, columns, f"{name}, row {number}"))
    except csv.Error as error:
        raise DataError(f"{name}, row {number + 1}: not valid CSV: {error}") from error
    return _in_seconds(cues, columns or {}, of_whisper, unread_times(header, shown or [], columns or {}))


def _is_whispers(text: str) -> bool:
    """Whether a table is Whisper's `.tsv`, which knows no quotes and counts milliseconds."""
    lines = [line for line in text.lstrip("\ufeff").split("\n") if line.strip()]
    return bool(lines) and lines[0].strip() == _WHISPER_HEADER and all(map(_WHISPER_ROW.fullmatch, lines[1:]))


def _in_seconds(cues: list[Cue], columns: Mapping[str, Column], of_whisper: bool, warnings: tuple[str, ...]) -> CueList:
    """The cues with times in s, where only their size tells that they are milliseconds."""
    told = any(columns[column].milliseconds for column in ("start", "end") if column in columns)
    slowest = _SLOWEST_OF_WHISPER if of_whisper else SLOWEST
    several_clocks = "conversation" in columns and "end" not in columns
    spans = [(cue.start, cue.end) for cue in cues]
    if told or several_clocks or not in_milliseconds(spans, sum(len(cue.text) for cue in cues), slowest):
        return CueList(tuple(cues), warnings)
    scaled = (replace(cue, start=seconds(cue.start, 1000), end=seconds(cue.end, 1000)) for cue in cues)
    return CueList(tuple(scaled), warnings if of_whisper else (*warnings, TAKEN_AS_MILLISECONDS))


def _cue(fields: Sequence[str], columns: Mapping[str, Column], place: str) -> Cue:
    def field(column: str) -> str:
        return fields[columns[column].place] if column in columns else ""

    channel = field("channel").strip()
    if channel and not (channel.isascii() and channel.isdigit() and len(channel) < 4):
        raise DataError(f"{place}: column 'channel' is {shorten(repr(channel))}; allowed is a whole number from 0, or nothing")
    conversation: list[str] = []
    if "conversation" in columns:
        conversation = [clean(field(column)) for column in (*AROUND_SCENES, "conversation") if column in columns]
        if not all(conversation):
            raise DataError(f"{place}: the column that names the conversation is empty")
    start, end, lasts = (_time(field(column), columns.get(column), column, place) for column in ("start", "end", "duration"))
    if lasts is not None and start is not None:
        end = start + lasts
    return Cue(
        without_markup(shown_cell(field("words"))),
        _speaker(shown_cell(field("speaker"))),
        start,
        end,
        int(channel) if channel else None,
        conversation="_".join(conversation) or None,
        id=clean(field("id")) or None,
    )


def _speaker(field: str) -> str | None:
    name = clean(field)
    if _NAMES_LISTED.fullmatch(name):
        name = ", ".join(filter(None, (first or second for first, second in _LISTED_NAME.findall(name))))
    return known(name)


def _time(cell: str, column: Column | None, called: str, place: str) -> float | None:
    value = cell.strip()
    if not value or column is None:
        return None
    framed = _WITH_FRAMES.fullmatch(value)
    try:
        if framed is not None:
            hours, minutes, whole, frames = map(int, filter(None, framed.groups()))
            return hours * 3600 + minutes * 60 + whole + frames / _FRAMES
        time = parse_time(value)
    except ValueError as error:
        allowed = "allowed are seconds, 00:16:16,059, or nothing"
        raise DataError(f"{place}: column {called!r} is {shorten(repr(value))}; {allowed}") from error
    return time / 1000 if column.milliseconds and ":" not in value else time
