"""Intervals of labels to the utterances that they label, by time.

An interval labels every utterance of which it covers half or more, but of utterances that overlap one another only the one that
it fits best. An utterance takes the interval that fits it best. The fit is the time that both share, as a share of the time that
either takes. The numbers are [chosen].

What covers half of an utterance or more holds the middle of it, so utterances are looked up by their middles.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

from merc.errors import DataError

_COVERED = 0.5  # share of an utterance, from which on an interval labels it
_OVERLAP = 0.5  # share of the shorter one of two utterances, above which one interval can't mean both
_SHORTEST = 0.001  # s
_MOST_AT_ONCE = 50  # labels of one annotator for one utterance, on average
_ALWAYS = 100_000  # comparisons, whatever their average


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

    Raises:
        DataError: so many intervals overlap one another that they can be no one's labels.
    """
    pools = {speaker: _Pool(utterances, speaker) for speaker in {interval.speaker for interval in intervals}}
    compared = 0
    for interval in intervals:
        span = pools[interval.speaker].around(interval)
        compared += span.stop - span.start
    if compared > _MOST_AT_ONCE * (len(utterances) + len(intervals)) + _ALWAYS:
        raise DataError(f"{len(intervals)} labels overlap one another {compared // len(utterances)} times over each utterance")
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
        self._utterances = sorted(chosen, key=_middle)
        self._middles = [_middle(each) for each in self._utterances]

    def around(self, interval: LabelInterval) -> slice:
        """The utterances whose middles an interval holds."""
        return slice(bisect_left(self._middles, interval.start), bisect_right(self._middles, _end(interval)))

    def labelled_by(self, interval: LabelInterval, taken: dict[int, int]) -> list[tuple[int, float]]:
        """Places of the utterances that an interval labels, and how well it fits each; of equal ones those least `taken`."""
        start, end = interval.start, _end(interval)
        candidates: list[tuple[float, int, TimedUtterance]] = []
        for each in self._utterances[self.around(interval)]:
            last = _end(each)
            shared = min(end, last) - max(start, each.start)
            if shared >= _COVERED * (last - each.start):
                fit = shared / (max(end, last) - min(start, each.start))
                candidates.append((-round(fit, 6), taken.get(each.place, 0), each))
        chosen: list[tuple[float, float]] = []
        result: list[tuple[int, float]] = []
        for fit, _, each in sorted(candidates, key=lambda candidate: candidate[:2]):
            span = (each.start, _end(each))
            place = bisect_left(chosen, span)
            if all(_apart(span, other) for other in chosen[max(place - 1, 0) : place + 1]):
                insort(chosen, span)
                result.append((each.place, -fit))
        return result


def _end(each: LabelInterval | TimedUtterance) -> float:
    return max(each.end, each.start + _SHORTEST)


def _middle(utterance: TimedUtterance) -> float:
    return (utterance.start + _end(utterance)) / 2


def _apart(one: tuple[float, float], two: tuple[float, float]) -> bool:
    shared = min(one[1], two[1]) - max(one[0], two[0])
    return shared <= _OVERLAP * min(one[1] - one[0], two[1] - two[0])
