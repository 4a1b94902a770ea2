"""Where each utterance stands on the page's timeline: a lane a speaker, places in per cent, so that it fits windows of any width.

Without any time, utterances stand one after the other and are all equally wide.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from merc.annotation.result import Result
from merc.inference.predictions import JudgedUtterance

MOST_LANES = 24  # then one for all other speakers [chosen]
_BLOCK = 24.0  # px that half of the blocks have at least: room for a mark and the disc behind it
_ROOM = 14.0  # px, the narrowest block that gets its mark
_EACH = 48.0  # px at most for each utterance on average, so that a long silence does not make a wide page
_WIDEST = 60_000  # px
_TICK = 76.0  # px between ticks, at least
_LABEL = 44.0  # px that a tick's label needs
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)  # s
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
_UNENDED = 2.0  # s that an utterance without an end lasts on the page, at most


@dataclass(frozen=True, slots=True)
class Block:
    """One utterance on the timeline.

    Attributes:
        utterance: its position in the annotation.
        lane: from 0, the uppermost.
        x, width: per cent of the timeline's width.
        roomy: whether a mark fits into it.
    """

    utterance: int
    lane: int
    x: float
    width: float
    roomy: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis, in per cent, and what is written there: from it on, about it or, at the end of the axis, up to it."""

    x: float
    label: str
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn.

    Attributes:
        lanes: names of speakers; None stands for all others.
        blocks: in order of place.
        ticks: of the axis.
        width: px that it needs at least.
        extent: what 100 per cent are: seconds, or utterances without times.
        timed: whether places are times.
        spans: for each utterance of the annotation its start and end in seconds, or None.
    """

    lanes: tuple[str | None, ...]
    blocks: tuple[Block, ...]
    ticks: tuple[Tick, ...]
    width: int
    extent: float
    timed: bool
    spans: tuple[tuple[float, float] | None, ...]


def timeline_of(annotation: Result) -> Timeline:
    """The timeline of an annotation. Utterances without a start are left out if others have one."""
    utterances = annotation.utterances
    # Times of several conversations do not lie on one line.
    spans = _spans(utterances) if len(annotation.conversations) == 1 else (None,) * len(utterances)
    timed = any(span is not None for span in spans)
    placed = spans if timed else tuple((float(place), place + 1.0) for place in range(len(utterances)))
    drawn = [(span, place) for place, span in enumerate(placed) if span is not None]
    extent = max([end for (_, end), _ in drawn], default=1.0)
    if timed and annotation.origin.duration is not None:
        extent = max(extent, annotation.origin.duration)
    lanes = _lanes(utterances)
    rows = {speaker: row for row, speaker in enumerate(lanes)}
    lengths = [end - start for (start, end), _ in drawn]
    width = int(min(extent * _BLOCK / statistics.median(lengths), len(lengths) * _EACH, _WIDEST)) if lengths else 0
    blocks = [
        Block(
            utterance=place,
            lane=rows.get(utterances[place].speaker or "", len(lanes) - 1),
            x=100 * start / extent,
            width=100 * (end - start) / extent,
            roomy=(end - start) / extent * width >= _ROOM,
        )
        for (start, end), place in sorted(drawn)
    ]
    return Timeline(lanes, tuple(blocks), _ticks(extent, width, timed), width, extent, timed, spans)


def clock(seconds: float) -> str:
    """`1:02`, or `1:01:02` from an hour on."""
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _spans(utterances: Sequence[JudgedUtterance]) -> tuple[tuple[float, float] | None, ...]:
    """Start and end of each; one without an end lasts until the next one starts, but not long."""
    starts = sorted({max(utterance.start, 0.0) for utterance in utterances if utterance.start is not None})
    following = dict(pairwise(starts))
    spans: list[tuple[float, float] | None] = []
    for utterance in utterances:
        start = None if utterance.start is None else max(utterance.start, 0.0)
        if start is None:
            spans.append(None)
        elif utterance.end is not None and utterance.end > start:
            spans.append((start, utterance.end))
        else:
            spans.append((start, min(following.get(start, math.inf), start + _UNENDED)))
    return tuple(spans)


def _lanes(utterances: Sequence[JudgedUtterance]) -> tuple[str | None, ...]:
    """Speakers in the order in which they first speak; with too many, those that speak most, then None for the others."""
    counts = Counter(utterance.speaker or "" for utterance in utterances)
    if len(counts) <= MOST_LANES:
        return tuple(counts)
    most = {speaker for speaker, _ in counts.most_common(MOST_LANES)}
    return (*(speaker for speaker in counts if speaker in most), None)


def _ticks(extent: float, width: int, timed: bool) -> tuple[Tick, ...]:
    """As many as fit at the least width."""
    steps = _STEPS if timed else _COUNTS
    step = next((step for step in steps if step * width / extent >= _TICK), None)
    step = step or max(steps[-1], round(extent * _TICK / max(width, 1.0)), round(extent / 3))
    last = extent * (1 - _LABEL / 2 / max(width, 2 * _LABEL))
    ticks: list[Tick] = []
    for place in range(0, math.floor(extent) + timed, step):  # no utterance begins at the end
        anchor = "start" if place == 0 else "middle" if place <= last else "end"
        ticks.append(Tick(100 * place / extent, clock(float(place)) if timed else str(place + 1), anchor))
    return tuple(ticks)
