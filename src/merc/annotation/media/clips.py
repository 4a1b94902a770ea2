"""The sound of each utterance, cut out of a recording of any container that is read once, from its start to its end.

What stays in memory is the sound that a pending span needs, so it does not grow with the recording. Cuts are made at the
recording's own rate and brought to 16 kHz one by one by soxr, which gets the true neighbours of the cut on either side, so that an
edge sounds as if the whole recording had been brought to 16 kHz.
"""

from __future__ import annotations

import importlib.util
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from merc.annotation.media.decoding import Block, MediaInfo, MediaSource, Recording, Sound, opened
from merc.errors import DataError, MissingExtraError

__all__ = ["MAX_SPAN", "MIN_SPAN", "RATE", "UNREADABLE", "Clip", "MediaInfo", "MediaSource", "Sound", "Span", "clips", "inspect"]

RATE = 16_000  # Hz
MAX_SPAN = 120.0  # s; the rest of a longer span is not read [chosen: it bounds the memory]
UNREADABLE = "the medium can't be read beyond"  # begins the reason of what lies behind damage
MIN_SPAN = 0.02  # s; less is no sound to judge by [chosen: one period of a low voice]
MARGIN = 0.05  # s on either side of a cut; soxr's filter reaches less far, by measurement 0.02 s [chosen]


@dataclass(frozen=True, slots=True)
class Span:
    """Where an utterance lies: seconds from the recording's start, None where no time is known; a channel, or all's mean."""

    start: float | None
    end: float | None
    channel: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """The sound of one span.

    Attributes:
        index: the span's place in what was asked for.
        samples: (N,) at 16 kHz, or None.
        reason: empty where there is sound, else why there is none.
    """

    index: int
    samples: Float32[np.ndarray, " _"] | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Cut:
    """A span in samples of the recording's rate: [start, stop), and what the filter needs around it: [first, last).

    Its clip has `count` samples at 16 kHz, and is of the given row of what is kept.
    """

    index: int
    start: int
    stop: int
    first: int
    last: int
    count: int
    row: int


def inspect(source: MediaSource, name: str) -> MediaInfo:
    """What a recording is, without decoding it.

    Args:
        source: a path, a seekable file opened as bytes, or arrays.
        name: what errors call it.

    Raises:
        DataError: nothing that can be read, or no audio track.
        MissingExtraError: what reads it is not installed.
    """
    with opened(source, name) as recording:
        return recording.info


def clips(source: MediaSource, spans: Sequence[Span], name: str, progress: Callable[[float], None] | None = None) -> Iterator[Clip]:
    """Cuts spans out of a recording.

    Sound ends where the recording does, or where it can't be decoded: a span that reaches further is given as far as it goes.
    Before the first sound of a recording, and in its gaps, there is silence.

    Args:
        source: a path, a seekable file opened as bytes, or arrays. An open file stands where it stood when all was given.
        spans: in any order; they may overlap and repeat. Of more than `MAX_SPAN` seconds the first are given.
        name: what errors call it.
        progress: called with the seconds read, about once for each second of the recording.

    Yields:
        One clip a span, as soon as it is complete, in any order.

    Raises:
        DataError: nothing that can be read, or no audio track; with the first clip that is asked for.
        MissingExtraError: what reads it is not installed.
    """
    with opened(source, name) as recording:
        info, resampler = recording.info, _Resampler(recording.info.rate)
        if info.rate != RATE and importlib.util.find_spec("soxr") is None:
            raise MissingExtraError("audio", f"bringing {name} from {info.rate} Hz to {RATE} Hz")
        channels = sorted({c for span in spans if (c := span.channel) is not None and 0 <= c < info.channels})
        rows: dict[int | None, int] = {channel: row for row, channel in enumerate([None, *channels])}
        cuts: list[_Cut] = []
        for index, span in enumerate(spans):
            reason = _refusal(span, info)
            if reason:
                yield Clip(index, None, reason)
            else:
                cuts.append(_cut(index, span, info.rate, resampler.margin, rows[span.channel]))
        yield from _cut_out(recording, cuts, channels, resampler, progress)


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


def _cut(index: int, span: Span, rate: int, margin: int, row: int) -> _Cut:
    assert span.start is not None and span.end is not None
    begin = max(span.start, 0.0)
    start, length = round(begin * rate), min(span.end - begin, MAX_SPAN)
    stop = start + math.ceil(length * rate - 1e-6)
    return _Cut(index, start, stop, start - margin, stop + margin, round(length * RATE), row)


def _cut_out(
    recording: Recording,
    cuts: Sequence[_Cut],
    channels: Sequence[int],
    resampler: _Resampler,
    progress: Callable[[float], None] | None,
) -> Iterator[Clip]:
    """The cuts' clips.

    Args:
        recording: what is read.
        cuts: in any order.
        channels: what rows 1 and up of the kept sound are; row 0 is the mean of all.
        resampler: from the recording's rate.
        progress: see `clips`.
    """
    rate = recording.info.rate
    waiting = sorted(cuts, key=lambda cut: cut.first, reverse=True)
    begun: list[_Cut] = []
    kept: deque[Block] = deque()
    reached, told, ending = 0, 0, ""
    blocks = recording.blocks
    while waiting or begun:
        try:
            block = next(blocks, None)
            if block is None:
                ending = f"the recording ends at {reached / rate:.1f} s" if reached else "the recording holds no sound"
                break
            if channels and channels[-1] >= block.samples.shape[1]:
                raise DataError("the number of channels changes on the way")
            end = block.start + len(block.samples)
            while waiting and waiting[-1].first < end:
                begun.append(waiting.pop())
            if begun:
                kept.append(_rows(block, channels))
            reached = end
        except DataError:
            ending = f"{UNREADABLE} {reached / rate:.1f} s"
            break
        complete = [cut for cut in begun if cut.last <= reached]
        if complete:
            begun = [cut for cut in begun if cut.last > reached]
            for cut in complete:
                yield _clip(cut, kept, reached, ending, resampler)
            needed = min((cut.first for cut in begun), default=reached)
            while kept and kept[0].start + len(kept[0].samples) <= needed:
                kept.popleft()
        if progress is not None and reached // rate > told:
            told = reached // rate
            progress(reached / rate)
    for cut in [*begun, *reversed(waiting)]:
        yield _clip(cut, kept, reached, ending, resampler)


def _rows(block: Block, channels: Sequence[int]) -> Block:
    """The mean of all channels and the named ones, (n, 1 + len(channels))."""
    with np.errstate(all="ignore"):  # sums beyond float32: infinite, and told with the clip
        mean = block.samples.mean(axis=1, keepdims=True, dtype=np.float32)
    return Block(block.start, np.concatenate([mean, block.samples[:, channels]], axis=1) if channels else mean)


def _clip(cut: _Cut, kept: Iterable[Block], reached: int, ending: str, resampler: _Resampler) -> Clip:
    stop = min(cut.stop, reached)
    if stop <= cut.start:
        return Clip(cut.index, None, ending)
    if stop < cut.stop and stop - cut.start < MIN_SPAN * resampler.rate:
        return Clip(cut.index, None, f"less than {MIN_SPAN} s of it can be had: {ending}")
    window = np.zeros(cut.last - cut.first, dtype=np.float32)  # a gap is silent
    for block in kept:
        left, right = max(block.start, cut.first), min(block.start + len(block.samples), cut.last)
        if left < right:
            window[left - cut.first : right - cut.first] = block.samples[left - block.start : right - block.start, cut.row]
    samples = resampler(window, min(cut.count, round((stop - cut.start) * RATE / resampler.rate)))
    if not np.isfinite(samples).all():
        return Clip(cut.index, None, "its samples are not finite numbers")
    return Clip(cut.index, samples, "")


class _Resampler:
    """From a recording's rate to 16 kHz.

    Attributes:
        rate: Hz, the recording's.
        margin: samples at that rate that a cut needs on either side: at least `MARGIN`, and a whole number of samples at 16 kHz, so
            that the cut begins on a sample.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        step = rate // math.gcd(rate, RATE)
        self.margin = 0 if rate == RATE else math.ceil(MARGIN * rate / step) * step

    def __call__(self, window: Float32[np.ndarray, " _"], count: int) -> Float32[np.ndarray, " _"]:
        """The sound between the margins.

        Args:
            window: (margin + n + margin,) at the recording's rate.
            count: how many samples at 16 kHz are wanted.
        """
        if self.margin == 0:
            return window[:count]
        import soxr

        lead = self.margin * RATE // self.rate
        return soxr.resample(window, self.rate, RATE)[lead : lead + count]
