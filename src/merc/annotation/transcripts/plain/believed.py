"""Which names of a file are believed: where a name's own form does not decide, the shape of the file does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import Mark
from merc.annotation.transcripts.plain.names import self_given

NEARLY_ALL = 0.9  # of the lines, for what only the shape of the file tells [chosen]
MOSTLY = 0.8  # of the lines [chosen]
_HALF = 0.5  # of the lines [chosen]
_OFTEN = 3  # times [chosen]


def believed_names(marks: Sequence[Mark], lines: Sequence[Line]) -> frozenset[str]:
    """The names of lines that begin turns.

    A name whose form shows it is believed; but not one that comes once amid a paragraph where those that recur begin paragraphs.
    Another is where nearly all lines, or nearly all that have a time, begin with names, and it recurs or no sentence looks so.
    """
    counts: Counter[str | None] = Counter([each.name for each in marks if each.name is not None])
    if not counts:
        return frozenset()
    apart = [line.apart for line, each in zip(lines, marks, strict=True) if each.name is not None and counts[each.name] > 1]
    doubted = len(apart) > 2 and sum(apart) >= NEARLY_ALL * len(apart)
    believed: set[str | None] = set()
    loose: list[Mark] = []
    for each, line in zip(marks, lines, strict=True):
        if each.sure and (not doubted or line.apart or each.start is not None or counts[each.name] > 1):
            believed.add(each.name)
        elif each.name is not None and not each.sure and each.kind == "turn":
            loose.append(each)
    if loose:
        turns = [each for each in marks if each.kind == "turn"]
        naming = sum([each.name is not None for each in turns])
        timed = [each.name is not None for each in turns if each.start is not None]
        by_time = len(timed) > 1 and sum(timed) >= NEARLY_ALL * len(timed)
        whole = len(marks) > 1 and naming >= NEARLY_ALL * len(marks)
        half = naming >= _HALF * len(marks)
        believed |= {each.name for each in loose if _right(each, counts[each.name] > 1, by_time, whole, half)}
        paragraphs = [each.name is not None for each, line in zip(marks, lines, strict=True) if line.apart]
        if len(paragraphs) > _OFTEN and sum(paragraphs) >= MOSTLY * len(paragraphs):
            often = (each.name for each, line in zip(marks, lines, strict=True) if line.apart and each.kind == "turn")
            believed |= {name for name in often if name is not None and counts[name] >= _OFTEN}
    return frozenset(name for name in believed if name is not None)


def _right(each: Mark, recurring: bool, by_time: bool, whole: bool, half: bool) -> bool:
    """Whether a name is believed that no form shows."""
    assert each.name is not None
    if each.style == "bracket":
        return recurring and half
    if each.style == "after" or (recurring and (whole or (by_time and each.start is not None))):
        return True
    return self_given(each.name) and (whole or (by_time and each.start is not None) or (half and recurring))
