"""Sound out of what holds it: recordings of any container by PyAV, wav and flac by soundfile where PyAV is missing, and arrays.

Only the given bytes are read.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from merc.annotation.media.ffmpeg import opened_by_ffmpeg
from merc.annotation.media.recording import MOST_CHANNELS, RATES, Block, Bytes, MediaInfo, MediaSource, Recording, Sound
from merc.annotation.open_file import opened_file
from merc.errors import DataError, MissingExtraError
from merc.files.printable import printable
from merc.files.shapes import Float32

_BLOCK = 16_384  # samples that are read at once where nothing else says how many
_BY_SOUNDFILE = ("WAV", "WAVEX", "RF64", "FLAC")


@contextmanager
def opened(source: MediaSource, name: str) -> Generator[Recording, None, None]:
    """Opens a recording; an open file stands where it stood afterwards.

    Raises:
        DataError: nothing that can be read, or no audio track; the message calls it by `name`.
        MissingExtraError: what reads it is not installed.
    """
    name = printable(name)
    if isinstance(source, Sound):
        channels = 1 if source.samples.ndim == 1 else source.samples.shape[1]
        info = MediaInfo("audio", len(source.samples) / source.rate, channels, int(source.rate))
        yield Recording(info, _array_blocks(source))
        return
    if importlib.util.find_spec("av") is not None:
        read = opened_by_ffmpeg
    elif importlib.util.find_spec("soundfile") is not None:
        read = _opened_by_soundfile
    else:
        raise MissingExtraError("annotate", f"reading {name}")
    with opened_file(source, name, "a recording") as file:
        if file.seek(0, os.SEEK_END) == 0:
            raise DataError(f"{name}: expected a recording, found an empty file")
        with read(Bytes(file), name) as recording:
            channels, rate = recording.info.channels, recording.info.rate
            if not (RATES[0] <= rate <= RATES[1] and 1 <= channels <= MOST_CHANNELS):
                allowed = f"1 to {MOST_CHANNELS} at {RATES[0]} to {RATES[1]} Hz"
                raise DataError(f"{name}: {channels} channels at {rate} Hz; read are {allowed}")
            yield recording


@contextmanager
def _opened_by_soundfile(file: Bytes, name: str) -> Generator[Recording, None, None]:
    import soundfile

    given: Any = file  # soundfile calls read, seek and tell
    try:
        sound_file = soundfile.SoundFile(given)
        if sound_file.frames == 0 and sound_file.format == "WAV" and (start := _start_of_data(file)) is not None:
            tail: Any = file.tail(start)
            form = (sound_file.samplerate, sound_file.channels, sound_file.subtype)
            sound_file = soundfile.SoundFile(tail, "r", *form, endian="LITTLE", format="RAW")
    except (soundfile.LibsndfileError, OSError) as error:
        raise MissingExtraError("annotate", f"reading {name}, which is no sound wav or flac file,") from error
    with sound_file as sound:
        if sound.format not in (*_BY_SOUNDFILE, "RAW"):  # mp3 would be placed otherwise than by PyAV
            raise MissingExtraError("annotate", f"reading {name}, a file of the kind {sound.format},")
        info = MediaInfo("audio", sound.frames / sound.samplerate, sound.channels, sound.samplerate)
        yield Recording(info, _soundfile_blocks(sound))


def _start_of_data(file: Bytes) -> int | None:
    """Where the samples of a wav file begin that says it has none, as the file of a recorder that was killed does."""
    place, end = 12, file.seek(0, os.SEEK_END)
    while place + 8 < end:
        file.seek(place)
        head = file.read(8)
        size = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return place + 8 if size == 0 else None
        place += 8 + size + size % 2
    return None


def _soundfile_blocks(sound: Any) -> Iterator[Block]:
    import soundfile

    start = 0
    try:
        for samples in sound.blocks(_BLOCK, dtype="float32", always_2d=True):
            yield Block(start, samples)
            start += len(samples)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"its sound can't be decoded: {printable(str(error))}") from error


def _array_blocks(sound: Sound) -> Iterator[Block]:
    samples = sound.samples if sound.samples.ndim == 2 else sound.samples[:, None]
    for start in range(0, len(samples), _BLOCK):
        yield Block(start, _floats(samples[start : start + _BLOCK]))


def _floats(samples: np.ndarray) -> Float32[np.ndarray, "_ _"]:
    """Samples at full scale 1, as FFmpeg and libsndfile scale them."""
    kind = samples.dtype
    if kind.kind == "f":
        with np.errstate(over="ignore"):  # beyond float32: infinite, and then the reason of an absent excerpt
            return samples.astype(np.float32)
    half = math.ldexp(1.0, 8 * kind.itemsize - 1)
    middle = half if kind.kind == "u" else 0.0
    return ((samples.astype(np.float64) - middle) / half).astype(np.float32)
