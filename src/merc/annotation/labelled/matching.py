"""Intervals of labels to the utterances that they label, by time.

An interval labels every utterance of which it covers half or more, but of utterances that overlap one another only the one that
it fits best. An utterance takes the interval that fits it best. The fit is the time that both share, as a share of the time that
either takes. The numbers are [chosen].
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_COVERED = 0.5  # share of an utterance, from which on an interval labels it
_OVERLAP = 0.5  # share of the shorter one of two utterances, above which one interval can't mean both
_SHORTEST = 0.001  # s


@dataclass(frozen=True, slots=True)
class LabelInterval:
    """A label and its time in s; `speaker` is whose utterances it may label, None means everybody's."""

    start: float
    end: float
    label: str
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class TimedUtterance:
    """The place of an utterance in its conversation, its speaker, and its time in s."""

    place: int
    speaker: str | None
    start: float
    end: float


def matched(utterances: Sequence[TimedUtterance], intervals: Sequence[LabelInterval]) -> tuple[dict[int, str], int]:
    """Place of each labelled utterance -> its label, and how many intervals label none.

    Args:
        utterances: of one conversation.
        intervals: of one annotator.
    """
    pools = {speaker: _Pool(utterances, speaker) for speaker in {interval.speaker for interval in intervals}}
    fits: dict[int, list[tuple[float, int]]] = {}  # place -> fit and number of each interval that labels it
    taken: dict[int, int] = {}
    for number, interval in enumerate(intervals):
        for place, fit in pools[interval.speaker].labelled_by(interval, taken):
            fits.setdefault(place, []).append((fit, number))
            taken[place] = taken.get(place, 0) + 1
    best = {place: max(found, key=lambda pair: (pair[0], -pair[1]))[1] for place, found in fits.items()}
    return {place: intervals[number].label for place, number in best.items()}, len(intervals) - len(set(best.values()))


class _Pool:
    """A speaker's utterances by their starts, or everybody's."""

    def __init__(self, utterances: Sequence[TimedUtterance], speaker: str | None) -> None:
        chosen = [each for each in utterances if speaker is None or each.speaker == speaker]
        self._utterances = sorted(chosen, key=lambda each: each.start)
        self._starts = [each.start for each in self._utterances]
        self._reached = list(accumulate((each.end for each in self._utterances), max))  # until when anybody so far speaks

    def labelled_by(self, interval: LabelInterval, taken: dict[int, int]) -> list[tuple[int, float]]:
        """Places of the utterances that an interval labels, and how well it fits each; of equal ones those least `taken`."""
        start, end = interval.start, max(interval.end, interval.start + _SHORTEST)
        candidates: list[tuple[float, int, TimedUtterance]] = []
        for each in self._utterances[bisect_right(self._reached, start) : bisect_left(self._starts, end)]:
            last = max(each.end, each.start + _SHORTEST)
            shared = min(end, last) - max(start, each.start)
            if shared >= _COVERED * (last - each.start):
                fit = shared / (max(end, last) - min(start, each.start))
                candidates.append((-round(fit, 6), taken.get(each.place, 0), each))
        chosen: list[tuple[float, float]] = []
        result: list[tuple[int, float]] = []
        for fit, _, each in sorted(candidates, key=lambda candidate: candidate[:2]):
            span = (each.start, max(each.end, each.start + _SHORTEST))
            place = bisect_left(chosen, span)
            if all(_apart(span, other) for other in chosen[max(place - 1, 0) : place + 1]):
                insort(chosen, span)
                result.append((each.place, -fit))
        return result


def _apart(one: tuple[float, float], two: tuple[float, float]) -> bool:
    shared = min(one[1], two[1]) - max(one[0], two[0])
    return shared <= _OVERLAP * min(one[1] - one[0], two[1] - two[0])
