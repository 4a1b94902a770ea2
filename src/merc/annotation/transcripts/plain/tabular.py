"""Tab-delimited exports: ELAN's and MAXQDA's rows, Audacity's labels, tables of speaker, time and words.

Rows need no header: columns of times are told by their values, and the others by what recurs in them and what is long.

Ann	00:00:01.000	00:00:02.500	00:00:01.500	The boat left early.
1.000000	2.500000	The boat left early.
Ann	The boat left early.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from merc.annotation.transcripts.cues import Cue, counted, parse_time
from merc.annotation.transcripts.plain.believed import believed_names
from merc.annotation.transcripts.plain.clock import TIME, Clock
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import mark
from merc.annotation.transcripts.plain.names import display_name, is_label, somebody
from merc.annotation.transcripts.words import clean
from merc.errors import DataError

_CLOCK = re.compile(rf"[\[(]?({TIME})[\])]?")
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")
_RUN = re.compile(r"\d{1,9}")
# All [chosen].
_NEARLY_ALL = 0.95  # of the rows have the fields of the table
_RECURRING = 2  # times that a speaker has on average
_SLOWEST = 0.5  # characters in a unit of time; fewer can only be spoken in milliseconds
_MOST_HEADER_ROWS = 12  # of paths and titles before the rows of ELAN


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where what stands: places of columns, several for the words where each tier has one of its own; s per unit of the times."""

    words: tuple[int, ...]
    speaker: int | None
    start: int | None
    end: int | None
    unit: float


def read_tabular(text: PlainText) -> Reading | None:
    """The rows of a file of which nearly all lines have the same fields, parted by tabs.

    Raises:
        DataError: labels that name speakers, as diarisation writes them, and no words.
    """
    if not text.lines or sum("\t" in line.raw for line in text.lines) < _NEARLY_ALL * (len(text.lines) - _MOST_HEADER_ROWS):
        return None
    rows = [[field.strip() for field in line.raw.strip("\r\n ").split("\t")] for line in text.lines if not line.raw.startswith("\\\t")]
    widths = [len(row) for row in rows]
    width = max(set(widths), key=widths.count, default=0)
    if width < 2:
        return None
    first = next(place for place, row in enumerate(rows) if len(row) >= width - 1 and len(row) > 1)
    head = [line.text for line in text.lines[:first]]
    rows = [[*row, *[""] * (width - len(row))] for row in rows[first:] if len(row) > 1]
    if first > _MOST_HEADER_ROWS or sum(len(row) == width for row in rows) < _NEARLY_ALL * (len(text.lines) - first):
        return None
    rows = [row for row in rows if len(row) == width]
    header = rows[0] if len(rows) > 1 and _is_header(rows) else None
    body = rows[1:] if header is not None else rows
    clock = Clock(match[1] for row in body for field in row if (match := _CLOCK.fullmatch(field)) is not None)
    columns = _columns(body, header, clock)
    if columns is None:
        return None
    cues = _cues(body, header, columns, clock)
    labels = {cue.text for cue in cues}
    if columns.speaker is None and len(cues) > len(labels) and all(is_label(label) for label in labels):
        raise DataError(f"{text.name}: the labels name speakers ({min(labels)!r}); expected the words that they say")
    skipped = [line.text for line in text.lines if line.raw.startswith("\\\t")]
    warnings = _tier_warnings(body, header, columns) + clock.warnings()
    return Reading(tuple(_named(cues) if columns.speaker is None else cues), 1.0, tuple(head if not skipped else head), warnings)


def _is_time(field: str) -> bool:
    return _NUMBER.fullmatch(field) is not None or _CLOCK.fullmatch(field) is not None


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has no time where the second has one, or names columns."""
    times = [place for place, field in enumerate(rows[1]) if _is_time(field)]
    if times:
        return not any(_is_time(rows[0][place]) for place in times)
    return {field.casefold() for field in rows[0]} & {"speaker", "text", "transcript", "utterance", "words", "content"} != set()


def _columns(rows: Sequence[Sequence[str]], header: Sequence[str] | None, clock: Clock) -> _Columns | None:
    width = len(rows[0]) if rows else 0
    timed = [place for place in range(width) if any(row[place] for row in rows) and all(_is_time(row[place]) for row in rows if row[place])]
    others = [place for place in range(width) if place not in timed and any(row[place] for row in rows)]
    if not others or len(rows) < 2 and not timed:
        return None
    start, end, unit = _times(rows, timed, clock, others)
    means = {place: sum(len(row[place]) for row in rows) / len(rows) for place in others}
    named = [place for place in others if _recurring(rows, place)]
    after = [place for place in others if timed and place > timed[-1]]
    if header is not None and len(after) > 1 and not any(place in named for place in after):
        return _Columns(tuple(after), None, start, end, unit)
    words = max(others, key=lambda place: (place not in named, means[place]))
    names = [place for place in others if place != words and (place in named or (timed and place < timed[0]))]
    if not timed and not names:
        return None
    return _Columns((words,), names[-1] if names else None, start, end, unit)


def _times(
    rows: Sequence[Sequence[str]], timed: Sequence[int], clock: Clock, others: Sequence[int]
) -> tuple[int | None, int | None, float]:
    """The columns of start and end, and seconds in a unit. ELAN writes each of its times in up to four formats, one by another."""
    if not timed:
        return None, None, 1.0
    values = {place: [_value(row[place], clock) for row in rows] for place in timed}
    start = timed[0]
    later = [
        place
        for place in timed[1:]
        if _same_form(rows, place, start)
        and all(b is None or e is None or e >= b for b, e in zip(values[start], values[place], strict=True))
        and values[place] != values[start]
    ]
    end = later[0] if later else None
    if not all(_RUN.fullmatch(row[start]) for row in rows if row[start]):
        return start, end, 1.0
    lengths = [sum(len(row[place]) for place in others) for row in rows]
    ends = values[end] if end is not None else [*values[start][1:], None]
    rates = [n / (e - b) for n, b, e in zip(lengths, values[start], ends, strict=True) if b is not None and e is not None and e > b]
    return start, end, 0.001 if rates and median(rates) < _SLOWEST else 1.0


def _same_form(rows: Sequence[Sequence[str]], one: int, other: int) -> bool:
    """Whether two columns write their times alike: as clock times, with a point, or as whole numbers."""
    return _form(rows, one) == _form(rows, other)


def _form(rows: Sequence[Sequence[str]], place: int) -> str:
    fields = [row[place] for row in rows if row[place]]
    if any(":" in field or ";" in field for field in fields):
        return f"clock {max(field.count(':') + field.count(';') for field in fields) > 2}"
    return "whole" if all(map(_RUN.fullmatch, fields)) else "number"


def _value(field: str, clock: Clock) -> float | None:
    if not field:
        return None
    match = _CLOCK.fullmatch(field)
    return clock.seconds(match[1]) if match is not None else parse_time(field)


def _recurring(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a column holds names of speakers: each recurs, and is like a name."""
    given = [row[place] for row in rows if row[place]]
    different = set(given)
    return len(given) >= _RECURRING * len(different) and all(display_name(name.rstrip(":")) is not None for name in different)


def _cues(rows: Sequence[Sequence[str]], header: Sequence[str] | None, columns: _Columns, clock: Clock) -> list[Cue]:
    cues: list[Cue] = []
    speaker: str | None = None
    for row in rows:
        start, end = (
            None if place is None or (value := _value(row[place], clock)) is None else round(value * columns.unit, 6)
            for place in (columns.start, columns.end)
        )
        for place in columns.words:
            if columns.speaker is not None:
                name = clean(row[columns.speaker].rstrip(":"))
                name = name or (clean(row[0]) if columns.speaker == 1 and not _is_time(row[0]) else name)
                speaker = somebody(name) if name else speaker
            elif len(columns.words) > 1 and header is not None:
                speaker = somebody(clean(header[place]))
            if row[place]:
                cues.append(Cue(row[place], speaker, start, end))
    return cues


def _named(cues: Sequence[Cue]) -> list[Cue]:
    """Labels of the form `Name: words`, where the file shows that they are."""
    marks = [mark(Line(cue.text, False)) for cue in cues]
    believed = believed_names(marks)
    result: list[Cue] = []
    for cue, each in zip(cues, marks, strict=True):
        right = cue.speaker is None and each.name is not None and each.start is None and (each.sure or each.name in believed)
        result.append(Cue(each.words, somebody(each.name), cue.start, cue.end) if right else cue)
    return result


def _tier_warnings(rows: Sequence[Sequence[str]], header: Sequence[str] | None, columns: _Columns) -> tuple[str, ...]:
    """A warning where one participant has several tiers: ELAN's rows do not say which hold words."""
    if columns.speaker != 1 or columns.start is None or columns.start < 2:
        return ()
    tiers = {(row[0], row[1]) for row in rows if row[0]}
    people = {participant for _, participant in tiers if participant}
    several = len([tier for tier, participant in tiers if participant]) - len(people)
    if several <= 0:
        return ()
    tiers_text = counted(len(tiers), "tier", "tiers")
    return (f"{tiers_text} of {counted(len(people), 'participant', 'participants')}: what stands in any of them is read as said",)
