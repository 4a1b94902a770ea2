"""The sound of each utterance, cut out of a recording of any container that is read once, from its start to its end.

What stays in memory is the sound that a pending span needs, so it does not grow with the recording. Cuts are made at the
recording's own rate and resampled to 16 kHz one by one by soxr. It gets the cut's true neighbours on either side, so that an edge
sounds as if the whole recording had been resampled.
"""

from __future__ import annotations

import importlib.util
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from merc.annotation.media.decoding import opened
from merc.annotation.media.frames import mean_of_channels
from merc.annotation.media.recording import Block, MediaInfo, MediaSource, Recording
from merc.encoders.interface import RATE, Clip
from merc.errors import DataError, MissingExtraError

MAX_SPAN = 120.0  # s; the rest of a longer span is not read [chosen: it bounds the memory]
UNREADABLE = "the medium can't be read beyond"  # begins the reason of what lies behind damage
DAMAGED = "its sound can't be decoded"
MIN_SPAN = 0.02  # s; less is no sound to judge by [chosen: one period of a low voice]
MARGIN = 0.05  # s on either side of a cut; soxr's filter reaches less far, by measurement 0.02 s [chosen]


@dataclass(frozen=True, slots=True)
class Span:
    """Where an utterance lies: seconds from the recording's start, None where no time is known; a channel, or all's mean."""

    start: float | None
    end: float | None
    channel: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """The sound of one span.

    Attributes:
        index: the span's place in what was asked for.
        samples: (N,) at 16 kHz, or None.
        reason: empty where there is sound, else why there is none.
        channel: that it was cut from; None is the mean of all.
    """

    index: int
    samples: Clip | None
    reason: str = ""
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class _Cut:
    """A span in samples of the recording's rate: [start, stop), and what the filter needs around it: [first, last).

    Its excerpt has `count` samples at 16 kHz.
    """

    index: int
    channel: int | None
    start: int
    stop: int
    first: int
    last: int
    count: int


def inspect(source: MediaSource, name: str) -> MediaInfo:
    """What a recording is, without decoding it; see `opened`."""
    with opened(source, name) as recording:
        return recording.info


def excerpts(
    source: MediaSource, spans: Sequence[Span], name: str, progress: Callable[[float], None] | None = None
) -> Iterator[Excerpt]:
    """Cuts spans out of a recording.

    Sound ends where the recording does, or where it can't be decoded: a span that reaches further is given as far as it goes.
    Before the first sound of a recording, and in its gaps, there is silence; a span of which more than half can't be decoded has no
    sound.

    Args:
        source: an open file stands afterwards where it stood.
        spans: in any order; they may overlap and repeat. Of more than `MAX_SPAN` seconds the first are given.
        name: what errors call it.
        progress: called with the seconds read, about once for each second of the recording.

    Yields:
        One excerpt a span, as soon as it is complete, in any order.

    Raises:
        DataError: nothing that can be read, or no audio track; with the first excerpt that is asked for.
        MissingExtraError: what reads it is not installed.
    """
    with opened(source, name) as recording:
        rate = recording.info.rate
        if rate != RATE and importlib.util.find_spec("soxr") is None:
            raise MissingExtraError("annotate", f"bringing {name} from {rate} Hz to {RATE} Hz")
        cuts: list[_Cut] = []
        for index, span in enumerate(spans):
            if reason := _refusal(span, recording.info):
                yield Excerpt(index, None, reason, span.channel)
            else:
                cuts.append(_cut(index, span, rate))
        yield from _cut_out(recording, cuts, progress)


def _refusal(span: Span, info: MediaInfo) -> str:
    """Why a span has no sound whatever the recording holds; empty if it may have."""
    if span.start is None or span.end is None:
        return "no time is known"
    if not (math.isfinite(span.start) and math.isfinite(span.end)):
        return "its times are not finite numbers"
    if span.end < span.start:
        return "it ends before it begins"
    if span.end <= 0 and span.start < 0:
        return "it lies before the recording's start"
    if span.end - max(span.start, 0.0) < MIN_SPAN - 1e-9:
        return f"it is shorter than {MIN_SPAN} s"
    if span.channel is not None and span.channel not in range(info.channels):
        return f"there is no channel {span.channel}: the recording has {info.channels}, counted from 0"
    return ""


def _margin(rate: int) -> int:
    """Samples that a cut needs on either side: at least `MARGIN`, and a whole number of samples at 16 kHz."""
    step = rate // math.gcd(rate, RATE)
    return 0 if rate == RATE else math.ceil(MARGIN * rate / step) * step


def _cut(index: int, span: Span, rate: int) -> _Cut:
    assert span.start is not None and span.end is not None
    begin = max(span.start, 0.0)
    start, length = round(begin * rate), min(span.end - begin, MAX_SPAN)
    stop = start + math.ceil(length * rate - 1e-6)
    return _Cut(index, span.channel, start, stop, start - _margin(rate), stop + _margin(rate), round(length * RATE))


def _cut_out(recording: Recording, cuts: Sequence[_Cut], progress: Callable[[float], None] | None) -> Iterator[Excerpt]:
    rate = recording.info.rate
    channels = sorted({cut.channel for cut in cuts if cut.channel is not None})
    columns = {channel: column for column, channel in enumerate([None, *channels])}
    waiting = sorted(cuts, key=lambda cut: cut.first, reverse=True)
    begun: list[_Cut] = []
    kept: deque[Block] = deque()
    lost: deque[tuple[int, int]] = deque()  # what can't be decoded, in samples
    reached, reported, ending = 0, 0, ""
    while waiting or begun:
        try:
            block = next(recording.blocks, None)
            if block is None:
                ending = f"the recording ends at {reached / rate:.1f} s" if reached else "the recording holds no sound"
                break
            if channels and channels[-1] >= block.samples.shape[1]:
                raise DataError("the number of channels changes on the way")
        except DataError:
            ending = f"{UNREADABLE} {reached / rate:.1f} s"
            break
        if block.after_damage and block.start > reached:
            lost.append((reached, block.start))
        reached = block.start + len(block.samples)
        while waiting and waiting[-1].first < reached:
            begun.append(waiting.pop())
        if begun:
            kept.append(_mean_and(channels, block))
        complete = [cut for cut in begun if cut.last <= reached]
        if complete:
            begun = [cut for cut in begun if cut.last > reached]
            for cut in complete:
                yield _excerpt(cut, kept, lost, columns[cut.channel], rate, reached, ending)
            needed = min((cut.first for cut in begun), default=reached)
            while kept and kept[0].start + len(kept[0].samples) <= needed:
                kept.popleft()
            while lost and lost[0][1] <= needed:
                lost.popleft()
        if progress is not None and reached // rate > reported:
            reported = reached // rate
            progress(reached / rate)
    for cut in [*begun, *reversed(waiting)]:
        yield _excerpt(cut, kept, lost, columns[cut.channel], rate, reached, ending)


def _mean_and(channels: Sequence[int], block: Block) -> Block:
    """The mean of all channels and the named ones, (n, 1 + len(channels))."""
    mean = mean_of_channels(block.samples)  # where it is infinite, that is the reason of an absent excerpt
    return Block(block.start, np.concatenate([mean, block.samples[:, channels]], axis=1) if channels else mean)


def _excerpt(
    cut: _Cut, kept: Iterable[Block], lost: Iterable[tuple[int, int]], column: int, rate: int, reached: int, ending: str
) -> Excerpt:
    """The cut's excerpt, from the given column of what is kept of the sound up to `reached`; then it ends, as `ending` says."""
    stop = min(cut.stop, reached)
    if stop <= cut.start:
        return Excerpt(cut.index, None, ending, cut.channel)
    if stop < cut.stop and stop - cut.start < MIN_SPAN * rate:
        return Excerpt(cut.index, None, f"less than {MIN_SPAN} s of it can be had: {ending}", cut.channel)
    if 2 * sum(max(0, min(last, stop) - max(first, cut.start)) for first, last in lost) > stop - cut.start:
        return Excerpt(cut.index, None, DAMAGED, cut.channel)
    window = np.zeros(cut.last - cut.first, dtype=np.float32)  # a gap is silent
    for block in kept:
        left, right = max(block.start, cut.first), min(block.start + len(block.samples), cut.last)
        if left < right:
            window[left - cut.first : right - cut.first] = block.samples[left - block.start : right - block.start, column]
    count = min(cut.count, round((stop - cut.start) * RATE / rate))
    if rate != RATE:
        import soxr

        window = soxr.resample(window, rate, RATE)
    samples = window[(cut.start - cut.first) * RATE // rate :][:count]
    if not np.isfinite(samples).all():
        return Excerpt(cut.index, None, "its samples are not finite numbers", cut.channel)
    return Excerpt(cut.index, samples, "", cut.channel)
