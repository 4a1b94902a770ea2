"""Sound out of what holds it: recordings of any container by PyAV, wav and flac by soundfile where PyAV is missing, and arrays.

Only the given bytes are read. FFmpeg, which PyAV drives, would follow playlists, references and addresses to other files; so it
gets an open file without a name, may choose among `DEMUXERS` only, and whatever else it asks to open is refused.

Time: 0 is the first time stamp of the container, of whichever stream. A recording's sound may begin later and have gaps; its
time stamps say so, and each block carries its place. Steps below `JITTER` are a container's rounding and are not followed.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
from jaxtyping import Float32

from merc.annotation.open_file import OpenFile, opened_file
from merc.errors import DataError, MissingExtraError
from merc.files.arguments import checked
from merc.files.printable import printable

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

# FFmpeg's names; `mov` is mp4, m4a and 3gp as well, `matroska` webm. [chosen: what people record with, none that names other files]
DEMUXERS = "wav,flac,mp3,mov,matroska,ogg,aac,avi,flv,mpegts,mpeg,asf,caf,aiff,au,w64,amr"
# Suffixes that recordings have; what a file really holds is found when it is opened.
_KINDS = "wav flac mp3 mp4 m4a m4v mov 3gp mkv mka webm ogg oga opus aac avi flv ts mpg mpeg wmv wma caf aif aiff au w64 amr"
KINDS = tuple(_KINDS.split(" "))
RATES = (1_000, 768_000)  # Hz, the lowest and the highest that is read [chosen]
MOST_CHANNELS = 64  # what FFmpeg converts
JITTER = 0.05  # s [chosen: flv, mkv and asf round to 1 ms; shorter echoes and lags are inaudible]
# Their frames have no time stamps: FFmpeg counts them by the header's rate, which some writers get wrong by far.
_WITHOUT_STAMPS = ("avi",)
RESTART = 1.0  # s; a clock that goes back further has been started anew, as in joined transport streams [chosen]
_BLOCK = 16_384  # samples that are read at once where nothing else says how many
_BY_SOUNDFILE = ("WAV", "WAVEX", "RF64", "FLAC")
_TO_FFMPEG = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "enable_drefs": "0", "use_absolute_path": "0"}


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
        channels: of the audio track that is read: the one that players choose.
        rate: of that track, Hz.
    """

    kind: Literal["audio", "video"]
    duration: float | None
    channels: int
    rate: int


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


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """An opened recording. Its blocks can be taken once; they don't overlap, come in order of time, and may leave gaps.

    Taking them raises `DataError` where decoding fails; what came before it is sound.
    """

    info: MediaInfo
    blocks: Iterator[Block]


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
        read = _opened_by_ffmpeg
    elif importlib.util.find_spec("soundfile") is not None:
        read = _opened_by_soundfile
    else:
        raise MissingExtraError("media", f"reading {name}")
    with opened_file(source, name, "a recording") as file:
        if file.seek(0, os.SEEK_END) == 0:
            raise DataError(f"{name}: expected a recording, found an empty file")
        with read(_Bytes(file), name) as recording:
            channels, rate = recording.info.channels, recording.info.rate
            if not (RATES[0] <= rate <= RATES[1] and 1 <= channels <= MOST_CHANNELS):
                allowed = f"1 to {MOST_CHANNELS} at {RATES[0]} to {RATES[1]} Hz"
                raise DataError(f"{name}: {channels} channels at {rate} Hz; read are {allowed}")
            yield recording


class _Bytes:
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

    def tail(self, start: int) -> _Bytes:
        """The bytes from a place on."""
        return _Bytes(self._file, self._start + start)

    def _end(self) -> int:
        return self._file.seek(0, os.SEEK_END) - self._start


@contextmanager
def _opened_by_ffmpeg(file: _Bytes, name: str) -> Generator[Recording, None, None]:
    import av
    from av.error import FFmpegError
    from av.stream import Discard, Disposition

    given: Any = file  # PyAV calls read, seek and tell alone
    try:
        # Tags in other encodings than UTF-8 are common, and nothing here reads them.
        container: Any = av.open(given, "r", container_options=_TO_FFMPEG, metadata_errors="replace", io_open=_refuse_to_open)
    except (FFmpegError, OSError, ValueError) as error:
        raise DataError(f"{name} can't be read as a recording: damaged, cut short, or not one of {', '.join(KINDS)}") from error
    with container:
        track: Any = container.streams.best("audio")
        if track is None or track.codec_context is None:
            raise DataError(f"{name}: no audio track{' that can be decoded' if container.streams.audio else ''}")
        for stream in container.streams:
            if stream.index != track.index:
                stream.discard = Discard.all  # pictures are not even read from the disk where the container allows it
        pictures = [v for v in container.streams.video if not v.disposition & Disposition.attached_pic]
        duration = None if container.duration is None else max(0.0, container.duration / av.time_base)
        origin = (container.start_time or 0) / av.time_base
        if duration is not None and "matroska" in container.format.name and 0.0 < origin < duration:
            duration -= origin  # what Matroska and WebM files hold as their duration is their last time stamp
        context = track.codec_context
        info = MediaInfo("video" if pictures else "audio", duration, context.channels, context.sample_rate)
        yield Recording(info, _ffmpeg_blocks(container, track, info.rate))


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a recording that names another file")


def _ffmpeg_blocks(container: InputContainer, track: AudioStream, rate: int) -> Iterator[Block]:
    import av
    from av.error import FFmpegError

    origin: Any = container.start_time  # µs or None, though PyAV's types have no None
    clock = _Clock(rate, None if origin is None else origin / av.time_base)
    counted = container.format.name in _WITHOUT_STAMPS
    first = True
    converter, form = av.AudioResampler(), None
    for frame, damaged in _frames(container, track):
        if form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
            # Same channels, and the same rate but where it changes on the way. Packed floats: PyAV's arrays of planar frames
            # of eight channels or more read beyond their planes and end the process.
            converter = av.AudioResampler("flt", frame.layout, rate)
        if not RATES[0] <= frame.sample_rate <= RATES[1]:
            raise DataError(f"its sound changes to {frame.sample_rate} Hz")
        try:
            parts = [part.to_ndarray().reshape(-1, frame.layout.nb_channels) for part in converter.resample(frame)]
        except (FFmpegError, ValueError) as error:
            raise DataError("its sound changes to a form that can't be converted") from error
        if parts:
            yield from clock.placed(np.concatenate(parts), frame.time if first or not counted else None, damaged)
            first = False


def _frames(container: InputContainer, track: AudioStream) -> Iterator[tuple[AudioFrame, bool]]:
    """Decoded frames, and whether something before each could not be decoded: such packets are passed over, as players do.

    It raises where no frame follows what failed, since the sound that the container promises is not there.
    """
    from av.error import FFmpegError

    packets: Any = container.demux(track)
    failure = None
    while True:
        try:
            packet: Packet[AudioStream] = next(packets)
        except (StopIteration, IndexError):  # PyAV raises the second at the end where tracks appeared on the way
            break
        except (FFmpegError, OSError, ValueError) as error:
            failure = error
            break
        try:
            frames = packet.decode()
        except (FFmpegError, OSError, ValueError) as error:
            failure = error
            continue
        for frame in frames:
            damaged, failure = failure is not None, None
            yield frame, damaged
    if failure is None:
        return
    raise DataError(f"its sound can't be decoded: {printable(str(failure))}") from failure


class _Clock:
    """Where each frame belongs, by its time stamp, and never before what was given already."""

    def __init__(self, rate: int, origin: float | None) -> None:
        self._rate = rate
        self._origin = origin  # s; None: the first frame's time
        self._reached: int | None = None  # samples from the recording's start

    def placed(self, samples: Float32[np.ndarray, "_ _"], time: float | None, after_damage: bool = False) -> Iterator[Block]:
        """The frame as a block, its beginning cut where it would lie before 0 or over what was given; none if all of it would.

        Args:
            samples: (n, channels).
            time: s, by the container's clock, or None where the frame has no stamp: then it follows the one before.
            after_damage: see `Block`; then even a small step forward is followed.
        """
        reached, late = self._reached or 0, 0
        if time is not None:
            if self._origin is None:
                self._origin = time - reached / self._rate
            late = round((time - self._origin) * self._rate) - reached
            if self._reached is not None and late < -RESTART * self._rate:
                self._origin = time - reached / self._rate
                late = 0
            elif self._reached is not None and abs(late) <= JITTER * self._rate and not (after_damage and late > 0):
                late = 0
        start, samples = reached + max(late, 0), samples[max(-late, 0) :]
        self._reached = start + len(samples)
        if len(samples):
            yield Block(start, samples, after_damage)


@contextmanager
def _opened_by_soundfile(file: _Bytes, name: str) -> Generator[Recording, None, None]:
    import soundfile

    given: Any = file  # soundfile calls read, seek and tell
    try:
        sound_file = soundfile.SoundFile(given)
        if sound_file.frames == 0 and sound_file.format == "WAV" and (start := _start_of_data(file)) is not None:
            tail: Any = file.tail(start)
            form = (sound_file.samplerate, sound_file.channels, sound_file.subtype)
            sound_file = soundfile.SoundFile(tail, "r", *form, endian="LITTLE", format="RAW")
    except (soundfile.LibsndfileError, OSError) as error:
        raise MissingExtraError("media", f"reading {name}, which is no sound wav or flac file,") from error
    with sound_file as sound:
        if sound.format not in (*_BY_SOUNDFILE, "RAW"):  # mp3 would be placed otherwise than by PyAV
            raise MissingExtraError("media", f"reading {name}, a file of the kind {sound.format},")
        info = MediaInfo("audio", sound.frames / sound.samplerate, sound.channels, sound.samplerate)
        yield Recording(info, _soundfile_blocks(sound))


def _start_of_data(file: _Bytes) -> int | None:
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
