"""Time stamps such as `#00:00:03-5#` of f4, easytranscript and MAXQDA: at the end of what they time, or at its beginning.

f4 and easytranscript write the time at which a paragraph ends, as it is typed; other programs export the time at which it begins.
The file shows which: a stamp stands at the end of most lines or at their beginning, alone after the last words or before the
first; and what ends at 0 would have no words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from merc.annotation.transcripts.cues import Cue, parse_clock
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.plain.believed import believed_names
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import mark
from merc.annotation.transcripts.plain.matter import is_title

_HASHED = r"#\s?(\d{1,3}:\d{2}:\d{2}(?:[-.,]\d{1,3})?)\s?#"
_STAMP = re.compile(rf"{_HASHED}|[\[({{](\d{{1,3}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,3}})?)[\])}}]")
_SIGN = re.compile(_HASHED)
_CLOSING = frozenset("#])}")
_LEAST = 0.3  # of the lines that have a stamp [chosen]
_MOSTLY = 0.8  # of the lines that end in a bracketed time [chosen]
_WARNING = "the time stamps stand at the ends of the turns: each turn is taken to begin where the one before ends"


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A line.

    Attributes:
        said: the line without stamps, or None if nothing else stands in it.
        first, last: s, its stamps, or None.
        leads, ends: whether a stamp stands at its beginning, or at its end; a line of stamps alone neither leads nor ends.
    """

    said: Line | None
    first: float | None = None
    last: float | None = None
    leads: bool = False
    ends: bool = False


def read_stamps(text: PlainText) -> Reading | None:
    """The turns of a file with stamps: one a line; a name holds until the next one."""
    lines = text.lines
    hashed = sum("#" in line.text and _SIGN.search(line.text) is not None for line in lines)
    if hashed < _LEAST * len(lines) or not hashed:
        ending = sum(line.text[-1] in "])}" and _ends_with_time(line.text) for line in lines)
        if len(lines) < 2 or ending < _MOSTLY * len(lines):
            return None
    found = [_stamped(line) for line in lines]
    leading, trailing = sum(each.leads for each in found), sum(each.ends for each in found)
    spoken = [n for n, each in enumerate(found) if each.said is not None and (each.first is not None or not is_title(each.said))]
    if not spoken:
        return None
    if leading or trailing:
        at_end = trailing > leading
    else:
        at_end = found[-1].said is None and all(each.said is not None for each in found[: spoken[0]])
    if at_end and found[spoken[0]].last == 0:
        at_end = False
    return _read(found, at_end)


def _ends_with_time(line: str) -> bool:
    match = _STAMP.search(line, max(0, len(line) - 18))
    return match is not None and match.end() == len(line) and match.start() > 0 and line[match.start() - 1].isspace()


def _stamped(line: Line) -> _Stamped:
    stamps = list(_STAMP.finditer(line.text)) if _CLOSING.intersection(line.text) else []
    if not stamps:
        return _Stamped(line)
    first = _seconds(stamps[0])
    last = first if len(stamps) == 1 else _seconds(stamps[-1])
    before, after = line.text[: stamps[0].start()].strip(), line.text[stamps[-1].end() :].strip()
    words = f"{before} {after}".strip() if len(stamps) == 1 else _STAMP.sub(" ", line.text).strip()
    if not words:
        return _Stamped(None, first, last)
    said = Line(words, line.apart, line.heading, line.bold, line.raw)
    return _Stamped(said, first, last, not before, not after and (bool(before) or len(stamps) > 1))


def _seconds(stamp: re.Match[str]) -> float:
    return parse_clock((stamp[1] or stamp[2]).replace("-", "."))


def _read(found: Sequence[_Stamped], at_end: bool) -> Reading:
    """The turns, told apart by stamps and names; stamps amid a turn's words are dropped."""
    lines = [each.said for each in found if each.said is not None]
    marks = [mark(line) for line in lines]
    believed = believed_names(marks, lines)
    following = iter(marks)
    turns: list[tuple[list[str], str | None, float | None]] = []
    ends: list[float | None] = []
    left_out: list[str] = []
    speaker: str | None = None
    reached: float | None = 0.0 if at_end else None  # the time at which the next words begin
    ended = True  # whether the next words begin a turn
    for each in found:
        if each.said is None:
            if at_end and ends and ends[-1] is None:
                ends[-1] = each.last
            reached, ended = each.last, True
            continue
        shown = next(following)
        named = shown.name in believed
        if not turns and each.first is None and not named and is_title(each.said):
            left_out.append(each.said.text)
            continue
        if named:
            speaker = known(shown.name)
        words = shown.words if named else each.said.text
        if ended or named or each.leads:
            turns.append(([words], speaker, each.first if each.leads else reached))
            ends.append(None)
        else:
            turns[-1][0].append(words)
        reached, ended = None, False
        if each.ends:
            ends[-1] = each.last
            reached, ended = each.last if at_end else None, True
    cues = tuple(Cue("\n".join(words), who, start, end) for (words, who, start), end in zip(turns, ends, strict=True))
    warnings = (_WARNING,) if at_end and any(end is not None for end in ends) else ()
    return Reading(cues, 1.0, tuple(left_out), warnings)
