"""The two clocks of a recording: the film's, by the container's time stamps, and the sound's, which counts decoded sound alone.

Players, and so subtitles, follow the film's. Speech recognisers decode the audio track alone and count its samples: the silence
before a track that begins late, and that of its holes, are no samples, and what follows comes too early by them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from merc.annotation.media.decoding import opened
from merc.annotation.media.recording import JITTER, MediaSource, Stretch
from merc.errors import DataError

FRAME = 0.02  # s, whose loudness is one number [chosen]
RANGE = 50.0  # dB below the loud part of a recording: what is softer counts as silence [chosen]
LEAST = 3.0  # dB by which speech must be louder under one clock's turns [chosen]
SPREAD = 20.0  # dB that one turn must show; n turns SPREAD / sqrt(n) [chosen: twice the deviation of speech's loudness]

Times = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SoundClock:
    """The sound's clock in terms of the film's.

    Attributes:
        stretches: where sound lies on the film's clock, in order, at least one.
    """

    stretches: tuple[Stretch, ...]

    @property
    def late(self) -> float:
        """How many s after the recording's start its sound begins."""
        return self.stretches[0].start

    @property
    def holes(self) -> tuple[Stretch, ...]:
        """Between the stretches."""
        return tuple(
            Stretch(before.end, after.start) for before, after in zip(self.stretches[:-1], self.stretches[1:], strict=True)
        )

    @property
    def length(self) -> float:
        """Seconds of sound."""
        return sum(stretch.end - stretch.start for stretch in self.stretches)

    def film_times(self, spans: Iterable[tuple[float | None, float | None]]) -> list[tuple[float | None, float | None]]:
        """Spans of the sound's clock on the film's: what begins at a hole begins behind it, what ends there ends before it."""
        begins = [0.0, *accumulate(stretch.end - stretch.start for stretch in self.stretches)][:-1]

        def moved(time: float | None, place: int) -> float | None:
            place = min(max(place, 0), len(begins) - 1)
            return None if time is None else time - begins[place] + self.stretches[place].start

        return [
            (
                moved(start, -1 if start is None else bisect_right(begins, start) - 1),
                moved(end, -1 if end is None else bisect_left(begins, end) - 1),
            )
            for start, end in spans
        ]


def sound_clock(source: MediaSource, name: str) -> SoundClock | None:
    """The sound's clock, by time stamps alone; None where it is the film's, since the sound begins at once and has no holes.

    What lies behind a place that can't be read counts as sound.

    Raises:
        DataError: nothing that can be read, or no audio track.
    """
    with opened(source, name) as recording:
        found = [stretch for stretch in recording.stretches if stretch.end > stretch.start]
    if not found or (len(found) == 1 and found[0].start <= JITTER):
        return None
    if found[0].start <= JITTER:
        found[0] = Stretch(0.0, found[0].end)
    return SoundClock(tuple(found))


def loudness(source: MediaSource, name: str) -> np.ndarray:
    """The recording's loudness, (frames,) in dB of full scale, one for each `FRAME` of the film's clock; NaN where it has no sound.

    The recording is decoded once, as far as it can be; all channels count as one.
    """
    sums, counts = np.zeros(1024), np.zeros(1024)
    reached = 0
    with opened(source, name) as recording, suppress(DataError):
        length = max(1, round(FRAME * recording.info.rate))
        for block in recording.blocks:
            with np.errstate(all="ignore"):
                squares = np.square(block.samples.mean(axis=1, dtype=np.float64))
            frames = np.arange(block.start, block.start + len(squares)) // length
            first, last = int(frames[0]), int(frames[-1])
            if last >= len(sums):
                size = max(2 * len(sums), last + 1)
                sums, counts = _longer(sums, size), _longer(counts, size)
            sums[first : last + 1] += np.bincount(frames - first, weights=squares)
            counts[first : last + 1] += np.bincount(frames - first)
            reached = last + 1
    with np.errstate(all="ignore"):
        return 10 * np.log10(sums[:reached] / counts[:reached] + 1e-12)


def speech_follows_film(turns: Sequence[Times], on_film: Sequence[Times], heard: np.ndarray) -> bool | None:
    """Whether it is louder where turns lie as they stand than where they lie if they count the sound's clock; None: nothing tells.

    Compared is what the two have not in common, turn by turn: the recording is louder where somebody speaks than beside it.

    Args:
        turns: start and end in s as the transcript has them.
        on_film: the same turns, moved from the sound's clock to the film's.
        heard: (frames,), see `loudness`.
    """
    sound = heard[np.isfinite(heard)]
    if not len(sound) or not turns:
        return None
    quiet, loud = np.percentile(sound, [5, 95])
    floor = max(quiet, loud - RANGE)
    level = np.maximum(np.where(np.isfinite(heard), heard, floor), floor)  # a hole is as soft as a pause
    stand, moved = _frames(turns, len(level)), _frames(on_film, len(level))
    in_stand, in_moved = _covered(stand, len(level)), _covered(moved, len(level))
    left, left_count = _over(stand, level, in_stand & ~in_moved)
    right, right_count = _over(moved, level, in_moved & ~in_stand)
    told = (left_count > 0) & (right_count > 0)
    if not told.any():
        return None
    louder = float((left[told] / left_count[told] - right[told] / right_count[told]).mean())
    if abs(louder) < max(LEAST, SPREAD / float(np.sqrt(told.sum()))):
        return None
    return louder > 0


def _longer(numbers: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([numbers, np.zeros(size - len(numbers))])


def _frames(turns: Sequence[Times], count: int) -> np.ndarray:
    """(turns, 2), the first frame of each and the one behind its last."""
    times = np.asarray(turns, dtype=np.float64) / FRAME
    return np.clip(np.stack([np.floor(times[:, 0]), np.ceil(times[:, 1])], axis=1), 0, count).astype(np.int64)


def _covered(frames: np.ndarray, count: int) -> np.ndarray:
    """(count,), whether some turn lies on each frame."""
    steps = np.zeros(count + 1, dtype=np.int64)
    kept = frames[frames[:, 1] > frames[:, 0]]
    np.add.at(steps, kept[:, 0], 1)
    np.add.at(steps, kept[:, 1], -1)
    return np.cumsum(steps)[:count] > 0


def _over(frames: np.ndarray, level: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each turn: the sum of the levels of its chosen frames, and how many these are."""
    sums = np.concatenate([[0.0], np.cumsum(np.where(chosen, level, 0.0))])
    counts = np.concatenate([[0], np.cumsum(chosen)])
    first, behind = frames[:, 0], np.maximum(frames[:, 1], frames[:, 0])
    return sums[behind] - sums[first], counts[behind] - counts[first]
