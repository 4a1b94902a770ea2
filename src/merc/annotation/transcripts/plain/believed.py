"""Which names of a file are believed, where no name's own form decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from merc.annotation.transcripts.plain.marks import Mark
from merc.annotation.transcripts.plain.names import self_given

NEARLY_ALL = 0.9  # of the lines, for what only the shape of the file tells [chosen]
MOSTLY = 0.8  # of the lines [chosen]


def believed_names(marks: Sequence[Mark]) -> frozenset[str]:
    """The names that no name's own shape shows, but the file's: nearly all lines, or all lines with a time, begin with one."""
    loose = [each for each in marks if each.name is not None and not each.sure and each.kind == "turn"]
    if not loose:
        return frozenset()
    counts = Counter(each.name for each in marks if each.name is not None and each.kind == "turn")
    naming = sum(each.name is not None and each.kind == "turn" for each in marks)
    timed = [each for each in marks if each.kind == "turn" and each.start is not None]
    timed_naming = len(timed) > 1 and sum(each.name is not None for each in timed) >= NEARLY_ALL * len(timed)
    whole = len(marks) > 1 and naming >= NEARLY_ALL * len(marks)
    accepted: set[str] = set()
    for each in loose:
        assert each.name is not None
        recurring = counts[each.name] > 1
        if each.style == "bracket":
            right = recurring
        elif each.style == "after":
            right = True
        elif each.start is not None and timed_naming:
            right = recurring or self_given(each.name)
        else:
            right = (whole and (recurring or self_given(each.name))) or (
                recurring and self_given(each.name) and naming >= 0.5 * len(marks)
            )
        if right:
            accepted.add(each.name)
    return frozenset(accepted)
