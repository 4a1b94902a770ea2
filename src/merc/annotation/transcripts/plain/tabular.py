"""Tab-delimited exports: ELAN's and MAXQDA's rows, Audacity's labels, tables of speaker, time and words.

Rows need no header: columns of times are told by their values, and the others by what recurs in them and what is long.

Ann	00:00:01.000	00:00:02.500	00:00:01.500	The boat left early.
1.000000	2.500000	The boat left early.
Ann	The boat left early.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from merc.annotation.transcripts.cues import Cue, counted
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.plain.believed import believed_names
from merc.annotation.transcripts.plain.clock import FRAMES, SPAN, TIME, Clock
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import mark
from merc.annotation.transcripts.plain.names import display_name, is_label, sure_name
from merc.annotation.transcripts.words import clean
from merc.errors import DataError

_FORMS = {
    "whole": re.compile(r"\d{1,9}"),
    "number": re.compile(r"\d{1,9}(?:[.,]\d{1,9})?"),
    "frames": re.compile(FRAMES),
    "span": re.compile(rf"[\[(]?{TIME}\s{{0,3}}(?:-{{1,2}}>|[-–—→])\s{{0,3}}{TIME}[\])]?"),
    "clock": re.compile(rf"[\[(]?{TIME}[\])]?"),
}
_SPAN = re.compile(SPAN)
_SPEAKERS = frozenset({"speaker", "speakers", "speaker name", "name", "participant", "who", "sprecher"})
_WORDS = frozenset({"text", "transcript", "utterance", "words", "content", "sentence"})
_DRAWN = re.compile(r"[\s|:=+-]{3,}")
# All [chosen].
_NEARLY_ALL = 0.95  # of the rows have the fields of the table
_RECURRING = 2  # times that a speaker has on average
_SLOWEST = 0.5  # characters in a unit of time; fewer can only be spoken in milliseconds
_MOST_HEADER_ROWS = 12  # of paths and titles before the rows of ELAN


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the columns hold.

    Attributes:
        words: places of columns; several where each tier has one of its own.
        speaker: places of what names speakers, the last first to be asked; None where the header names them, or nothing does.
        starts, ends: s, of each row.
        warnings: a sentence each.
    """

    words: tuple[int, ...]
    speaker: tuple[int, ...] | None
    starts: Sequence[float | None] | None
    ends: Sequence[float | None] | None
    warnings: tuple[str, ...]


def read_tabular(text: PlainText) -> Reading | None:
    """The rows of a file of which nearly all lines have the same fields, parted by tabs.

    Raises:
        DataError: labels that name speakers, as diarisation writes them, and no words.
    """
    delimiter = _delimiter(text.lines)
    if delimiter is None:
        return None
    lines = [line.raw.strip("\r\n ") for line in text.lines if not line.raw.startswith("\\\t")]
    if delimiter == "|":
        lines = [line.removeprefix("|").removesuffix("|") for line in lines if not _DRAWN.fullmatch(line)]
    rows = [[field.strip() for field in line.split(delimiter)] for line in lines]
    widths = [len(row) for row in rows]
    width = max(Counter(widths).items(), key=lambda found: found[1], default=(0, 0))[0]
    if width < 2:
        return None
    first = next(place for place, row in enumerate(rows) if len(row) >= width - 1 and len(row) > 1)
    head = [line.text for line in text.lines[:first]]
    rows = [[*row, *[""] * (width - len(row))] for row in rows[first:] if len(row) > 1]
    if first > _MOST_HEADER_ROWS or sum(len(row) == width for row in rows) < _NEARLY_ALL * (len(widths) - first):
        return None
    rows = [row for row in rows if len(row) == width]
    header = rows[0] if len(rows) > 1 and _is_header(rows) else None
    body = rows[1:] if header is not None else rows
    columns = _columns(body, header)
    if columns is None:
        return None
    cues = _cues(body, header, columns)
    labels = {cue.text for cue in cues}
    if not columns.speaker and len(cues) > len(labels) and all(map(is_label, labels)):
        raise DataError(f"{text.name}: the labels name speakers ({min(labels)!r}); expected the words that they say")
    if columns.speaker == () or (columns.speaker is None and len(columns.words) == 1):
        cues = _named(cues)
    return Reading(tuple(cues), 1.0, tuple(head), _tier_warnings(body, columns) + columns.warnings)


def _delimiter(lines: Sequence[Line]) -> str | None:
    """A tab, if nearly all lines have one, or a bar, if all lines have as many."""
    tabs = sum("\t" in line.raw for line in lines)
    if tabs and tabs >= _NEARLY_ALL * (len(lines) - _MOST_HEADER_ROWS):
        return "\t"
    bars = {line.raw.count("|") for line in lines}
    return "|" if len(lines) > 1 and len(bars) == 1 and min(bars) > 1 else None


def _form(fields: Sequence[str]) -> str | None:
    """How a column writes times: `clock`, `frames`, `whole` or `number`; None if it holds something else, or nothing."""
    given = [field for field in fields if field]
    if not given:
        return None
    for form, pattern in _FORMS.items():
        if pattern.fullmatch(given[0]) is not None:
            return form if all(map(pattern.fullmatch, given)) else "number" if all(map(_FORMS["number"].fullmatch, given)) else None
    return None


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has no time where the second has one, or names columns."""
    times = [place for place, field in enumerate(rows[1]) if _form([field]) is not None]
    if times:
        return all(_form([rows[0][place]]) is None for place in times)
    return any(field.casefold() in _SPEAKERS | _WORDS for field in rows[0])


def _columns(rows: Sequence[Sequence[str]], header: Sequence[str] | None) -> _Columns | None:
    fields = list(zip(*rows, strict=True))
    forms = {place: form for place, column in enumerate(fields) if (form := _form(column)) is not None and not _counts(column)}
    fields = [() if _counts(column) else column for column in fields]
    others = [place for place, column in enumerate(fields) if place not in forms and any(column)]
    if not others or (len(rows) < 2 and not forms) or (len(others) == 1 and list(forms.values()) == ["clock"]):
        return None  # of these, times before words are read by another layout
    timed = (field for place, form in forms.items() if form in ("frames", "span") for field in fields[place])
    clock = Clock(time for field in timed if (match := _SPAN.search(field)) is not None for time in match.groups())
    times = _times(fields, forms, clock, others)
    means = {place: sum(map(len, fields[place])) for place in others}
    titled = [place for place in others if header is not None and header[place].casefold() in _SPEAKERS]
    named = titled or [place for place in others if _recurring(fields[place])]
    if not named and len(others) > 1:
        named = [place for place in others if all(sure_name(field) is not None for field in fields[place])][:1]
    after = [place for place in others if forms and place > max(forms)]
    if header is not None and len(after) > 1 and not any(place in named for place in after):
        return _Columns(tuple(after), None, *times, clock.warnings())
    words = max(after or others, key=lambda place: (place not in named, means[place]))
    names = [place for place in others if place != words and (place in named or (forms and place < min(forms)))]
    if not forms and not names:
        return None
    return _Columns((words,), tuple(names), *times, clock.warnings())


def _counts(column: Sequence[str]) -> bool:
    """Whether a column counts the rows."""
    return (
        len(column) > 1
        and column[0] in ("0", "1")
        and list(column) == [str(n) for n in range(int(column[0]), int(column[0]) + len(column))]
    )


def _times(
    fields: Sequence[Sequence[str]], forms: Mapping[int, str], clock: Clock, others: Sequence[int]
) -> tuple[Sequence[float | None] | None, Sequence[float | None] | None]:
    """Starts and ends. ELAN writes begin, end and duration in up to four formats, one after another; one format is read."""
    if not forms:
        return None, None
    first = min(forms)
    if forms[first] == "span":
        spans = [match.groups() if (match := _SPAN.search(field)) is not None else (None, None) for field in fields[first]]
        return [clock.seconds(start) for start, _ in spans], [clock.seconds(end) for _, end in spans]
    starts = _values(fields[first], clock)
    ends: Sequence[float | None] | None = None
    for place in sorted(forms)[1:]:
        if forms[place] == forms[first] or {forms[place], forms[first]} == {"whole", "number"}:
            values = _values(fields[place], clock)
            if values != starts and all(b is None or e is None or e >= b for b, e in zip(starts, values, strict=True)):
                ends = values
                break
    if forms[first] == "whole":
        lengths = map(sum, zip(*(map(len, fields[place]) for place in others), strict=True))
        stops = ends or [*starts[1:], None]
        rates = [n / (e - b) for n, b, e in zip(lengths, starts, stops, strict=True) if b is not None and e is not None and e > b]
        if rates and median(rates) < _SLOWEST:
            return [None if b is None else b / 1000 for b in starts], ends and [None if e is None else e / 1000 for e in ends]
    return starts, ends


def _values(column: Sequence[str], clock: Clock) -> list[float | None]:
    if any(":" in field or ";" in field for field in column):
        return [clock.seconds(field.strip("[]()")) if field else None for field in column]
    return [float(field.replace(",", ".")) if field else None for field in column]


def _recurring(column: Sequence[str]) -> bool:
    """Whether a column holds names of speakers: they recur, and each may be one."""
    given = [field for field in column if field]
    different = set(given)
    return len(given) >= _RECURRING * len(different) and all(display_name(name.rstrip(":")) is not None for name in different)


def _cues(rows: Sequence[Sequence[str]], header: Sequence[str] | None, columns: _Columns) -> list[Cue]:
    cues: list[Cue] = []
    speaker: str | None = None
    nothing = [None] * len(rows)
    for row, start, end in zip(rows, columns.starts or nothing, columns.ends or nothing, strict=True):
        # Of ELAN's tier and participant the latter names the speaker, where it is given.
        name = next((row[place] for place in reversed(columns.speaker or ()) if row[place]), "")
        if name:
            speaker = known(clean(name.rstrip(":")))
        for place in columns.words:
            if columns.speaker is None and header is not None:
                speaker = known(clean(header[place]))
            if row[place]:
                cues.append(Cue(row[place], speaker, start, end))
    return cues


def _named(cues: Sequence[Cue]) -> list[Cue]:
    """Labels of the form `Name: words`, where the file shows that they are."""
    lines = [Line(cue.text, True) for cue in cues]
    marks = [mark(line) for line in lines]
    believed = believed_names(marks, lines)
    result: list[Cue] = []
    for cue, each in zip(cues, marks, strict=True):
        right = each.name in believed and each.start is None
        result.append(Cue(each.words, known(each.name), cue.start, cue.end) if right else cue)
    return result


def _tier_warnings(rows: Sequence[Sequence[str]], columns: _Columns) -> tuple[str, ...]:
    """A warning where one participant has several tiers: ELAN's rows do not say which hold words."""
    if columns.starts is None or columns.speaker is None or len(columns.speaker) != 2:
        return ()
    tier, participant = columns.speaker
    tiers = {(row[tier], row[participant]) for row in rows if row[participant]}
    people = {name for _, name in tiers}
    if len(tiers) <= len(people):
        return ()
    of = counted(len(people), "participant", "participants")
    return (f"{counted(len(tiers), 'tier', 'tiers')} of {of}: what stands in any of them is read as said",)
