"""Time stamps such as `#00:00:03-5#` of f4, easytranscript and MAXQDA: at the end of what they time, or at its beginning.

f4 and easytranscript write the time at which a paragraph ends, as it is typed; other programs export the time at which it begins.
The file shows which: a stamp stands at the end of most lines or at their beginning, alone after the last words or before the
first; and what ends at 0 would have no words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from merc.annotation.transcripts.cues import Cue, parse_clock
from merc.annotation.transcripts.plain.believed import believed_names
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import mark
from merc.annotation.transcripts.plain.matter import is_title
from merc.annotation.transcripts.plain.names import somebody

_HASHED = r"#\s?(\d{1,3}:\d{2}:\d{2}(?:[-.,]\d{1,3})?)\s?#"
_STAMP = re.compile(rf"{_HASHED}|[\[({{](\d{{1,3}}:\d{{2}}:\d{{2}}(?:[.,]\d{{1,3}})?)[\])}}]")
_SIGN = re.compile(_HASHED)
_LEAST = 0.3  # of the lines that have a stamp [chosen]
_MOSTLY = 0.8  # of the lines that end in a bracketed time [chosen]
WARNING = "the time stamps stand at the ends of the turns: each turn is taken to begin where the one before ends"


def read_stamps(text: PlainText) -> Reading | None:
    """The turns of a file with stamps: one a line; a name holds until the next one."""
    lines = text.lines
    hashed = sum("#" in line.text and _SIGN.search(line.text) is not None for line in lines)
    if hashed < _LEAST * len(lines) or not hashed:
        ending = sum(line.text[-1] in "])}" and _ends_with_time(line.text) for line in lines)
        if len(lines) < 2 or ending < _MOSTLY * len(lines):
            return None
    found = [(line, list(_STAMP.finditer(line.text))) for line in lines]
    leading = sum(bool(stamps) and not line.text[: stamps[0].start()].strip() for line, stamps in found if _says(line, stamps))
    trailing = sum(bool(stamps) and not line.text[stamps[-1].end() :].strip() for line, stamps in found if _says(line, stamps))
    alone = [place for place, (line, stamps) in enumerate(found) if stamps and not _says(line, stamps)]
    first = next((place for place, (line, stamps) in enumerate(found) if _says(line, stamps) and not is_title(line)), len(found))
    at_end = trailing > leading if leading or trailing else bool(alone) and alone[-1] == len(found) - 1 and alone[0] > first
    if at_end and first < len(found) and found[first][1] and _seconds(found[first][1][-1]) == 0:
        at_end = False
    return _read(found, at_end)


def _ends_with_time(line: str) -> bool:
    match = _STAMP.search(line, max(0, len(line) - 18))
    return match is not None and match.end() == len(line) and match.start() > 0 and line[match.start() - 1].isspace()


def _says(line: Line, stamps: Sequence[re.Match[str]]) -> bool:
    """Whether anything but stamps stands in the line."""
    return len(line.text) > sum(len(stamp[0]) for stamp in stamps) + len(stamps)


def _seconds(stamp: re.Match[str]) -> float:
    return parse_clock((stamp[1] or stamp[2]).replace("-", "."))


def _read(found: Sequence[tuple[Line, list[re.Match[str]]]], at_end: bool) -> Reading:
    """The turns, told apart by stamps and names; stamps amid a turn's words are dropped."""
    spoken = [line if not stamps else replace(line, text=_STAMP.sub(" ", line.text).strip()) for line, stamps in found]
    marks = [mark(line) if line.text else None for line in spoken]
    believed = believed_names(
        *zip(*((each, line) for each, line in zip(marks, spoken, strict=True) if each is not None), strict=True)
    )
    cues: list[Cue] = []
    left_out: list[str] = []
    speaker: str | None = None
    reached: float | None = 0.0 if at_end else None  # the time at which the next words begin
    ended = True  # whether the next words begin a turn
    for (line, stamps), said, each in zip(found, spoken, marks, strict=True):
        if each is None:
            if at_end and cues and cues[-1].end is None:
                cues[-1] = replace(cues[-1], end=_seconds(stamps[-1]))
            reached, ended = _seconds(stamps[-1]), True
            continue
        if not cues and not stamps and is_title(line) and each.name not in believed:
            left_out.append(line.text)
            continue
        leads = bool(stamps) and not line.text[: stamps[0].start()].strip()
        ends = bool(stamps) and not line.text[stamps[-1].end() :].strip() and not (leads and len(stamps) == 1)
        name = each.name if each.name in believed else None
        words = each.words if name is not None else said.text
        if name is not None:
            speaker = somebody(name)
        start = _seconds(stamps[0]) if leads else reached
        if ended or name is not None or leads:
            cues.append(Cue(words, speaker, start))
        else:
            cues[-1] = replace(cues[-1], text=f"{cues[-1].text}\n{words}")
        reached, ended = None, False
        if ends:
            cues[-1] = replace(cues[-1], end=_seconds(stamps[-1]))
            reached, ended = _seconds(stamps[-1]) if at_end else None, True
    return Reading(tuple(cues), 1.0, tuple(left_out), (WARNING,) if at_end and any(cue.end is not None for cue in cues) else ())
