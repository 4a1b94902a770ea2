"""What a recording is, and the sound that comes out of it, whatever reads it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from merc.annotation.open_file import OpenFile
from merc.errors import DataError
from merc.files.arguments import checked
from merc.files.shapes import Float32

# Suffixes that recordings have; what a file really holds is found when it is opened.
_KINDS = "wav flac mp3 mp4 m4a m4v mov 3gp mkv mka webm ogg oga opus aac avi flv ts mpg mpeg wmv wma caf aif aiff au w64 amr"
KINDS = tuple(_KINDS.split(" "))
RATES = (1_000, 768_000)  # Hz, the lowest and the highest that is read [chosen]
MOST_CHANNELS = 64  # what FFmpeg converts
JITTER = 0.05  # s [chosen: flv, mkv and asf round to 1 ms; shorter echoes and lags are inaudible]
RESTART = 1.0  # s; a clock that goes back further has been started anew, as in joined transport streams [chosen]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Samples that a Python user has already.

    Attributes:
        samples: (N,) or (N, channels). Floats are full scale at 1; integers at the end of their type's range, unsigned ones
            around its middle.
        rate: Hz.

    Raises:
        DataError: another shape or type, or a rate outside `RATES`.

    Example:
        >>> import merc
        >>> import numpy as np
        >>> merc.Sound(np.zeros(16_000, np.float32), 16_000).rate
        16000
    """

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        checked(self.samples, np.ndarray, "sound, samples", "a numpy array (np.asarray makes one)")
        checked(self.rate, (int, float, np.integer, np.floating), "sound, rate", "a number of samples a second, in Hz")
        shape, kind = self.samples.shape, self.samples.dtype
        if kind.kind not in "fiu":
            raise DataError(f"sound: expected samples of a float or integer type, found {kind}")
        if len(shape) not in (1, 2) or (len(shape) == 2 and not 1 <= shape[1] <= MOST_CHANNELS):
            raise DataError(f"sound: expected shape (N,) or (N, channels), 1 to {MOST_CHANNELS} channels, found {shape}")
        if not RATES[0] <= self.rate <= RATES[1]:
            raise DataError(f"sound: a rate of {self.rate} Hz; read are {RATES[0]} to {RATES[1]}")


MediaSource = Path | OpenFile | Sound


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a recording is.

    Attributes:
        kind: a picture on a sound file's cover makes no video.
        duration: s, as the container says or, where it says nothing, as FFmpeg estimates; None where neither is known.
        channels: of its audio track; of several that are heard, one for each.
        rate: Hz; of the track that players choose.
        tracks: how many audio tracks are heard.
        unheard: the languages of those that are not, since they say the same as those that are.
    """

    kind: Literal["audio", "video"]
    duration: float | None
    channels: int
    rate: int
    tracks: int = 1
    unheard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A stretch of sound.

    Attributes:
        start: its place, in samples from the recording's start.
        samples: (n, channels).
        after_damage: whether what lies between it and the block before could not be decoded; else that is a gap of the recording.
    """

    start: int
    samples: Float32[np.ndarray, "_ _"]
    after_damage: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where sound lies without a hole, in seconds from the recording's start."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """An opened recording. Its blocks can be taken once; they don't overlap, come in order of time, and may leave gaps.

    Taking them raises `DataError` where decoding fails; what came before it is sound.

    Attributes:
        stretches: of the track that players choose, by its time stamps alone, in order; none where the recording shows without them
            that its sound begins with it and has no holes. They are taken instead of blocks, not beside them.
    """

    info: MediaInfo
    blocks: Iterator[Block]
    stretches: Iterable[Stretch] = ()


class Bytes:
    """The bytes of an open file from `start` on, without its name, by whose suffix FFmpeg would judge, and with an own place."""

    def __init__(self, file: OpenFile, start: int = 0) -> None:
        self._file = file
        self._start = start
        self._place = 0

    def read(self, size: int) -> bytes:
        self._file.seek(self._start + self._place)
        found = self._file.read(size)[:size]  # PyAV copies what it gets, however long, into a buffer of this size
        self._place += len(found)
        return found

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        start = 0 if whence == os.SEEK_SET else self._place if whence == os.SEEK_CUR else self._end()
        if start + place < 0:
            return -1  # as C's fseek does: a damaged file's request must raise nothing, which PyAV would print
        self._place = start + place
        return self._place

    def tell(self) -> int:
        return self._place

    def tail(self, start: int) -> Bytes:
        """The bytes from a place on."""
        return Bytes(self._file, self._start + start)

    def _end(self) -> int:
        return self._file.seek(0, os.SEEK_END) - self._start
