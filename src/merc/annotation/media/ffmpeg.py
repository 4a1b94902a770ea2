"""Sound of any container by PyAV.

FFmpeg, which PyAV drives, would follow playlists, references and addresses to other files; so it gets an open file without a name,
may choose among `DEMUXERS` only, and whatever else it asks to open is refused.

Time: 0 is the first time stamp of the container, of whichever stream. A recording's sound may begin later and have gaps; its
time stamps say so, and each block carries its place. Steps below `JITTER` are a container's rounding and are not followed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from merc.annotation.media.frames import floats, joined, mean_of_channels
from merc.annotation.media.recording import JITTER, KINDS, MOST_CHANNELS, RATES, RESTART, Block, Bytes, MediaInfo, Recording
from merc.annotation.media.stamps import stretches
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.shapes import Float32

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

# FFmpeg's names; `mov` is mp4, m4a and 3gp as well, `matroska` webm. [chosen: what people record with, none that names other files]
DEMUXERS = "wav,flac,mp3,mov,matroska,ogg,aac,avi,flv,mpegts,mpeg,asf,caf,aiff,au,w64,amr"
LEAD = 10.0  # s; a track that is further behind the others than this is silent there [chosen]
# Their frames have no time stamps: FFmpeg counts them by the header's rate, which some writers get wrong by far.
_WITHOUT_STAMPS = ("avi",)
_TO_FFMPEG = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "enable_drefs": "0", "use_absolute_path": "0"}


@contextmanager
def opened_by_ffmpeg(file: Bytes, name: str) -> Generator[Recording, None, None]:
    """Opens a recording.

    Several audio tracks, as recorders of meetings and games write them, are all heard, each as one channel. Of tracks in several
    languages only the one is heard that players choose, and comments and descriptions are not.

    Raises:
        DataError: nothing that can be read, or no audio track; the message calls it by `name`.
    """
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
        tracks, unheard = _heard(container, track)
        for stream in container.streams:
            if stream.index not in {heard.index for heard in tracks}:
                stream.discard = Discard.all  # pictures are not even read from the disk where the container allows it
        pictures = [v for v in container.streams.video if not v.disposition & Disposition.attached_pic]
        duration = None if container.duration is None else max(0.0, container.duration / av.time_base)
        origin = (container.start_time or 0) / av.time_base
        if duration is not None and "matroska" in container.format.name and 0.0 < origin < duration:
            duration -= origin  # what Matroska and WebM files hold as their duration is their last time stamp
        context = track.codec_context
        channels = context.channels if len(tracks) == 1 else len(tracks)
        info = MediaInfo(
            "video" if pictures else "audio", duration, channels, context.sample_rate, len(tracks), tuple(sorted(unheard))
        )
        yield Recording(info, _blocks(container, tracks, info.rate), stretches(container, track))


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a recording that names another file")


def _heard(container: InputContainer, best: AudioStream) -> tuple[list[AudioStream], set[str]]:
    """The audio tracks that are heard, the best among them, and the languages of those that are not."""
    from av.stream import Disposition

    apart = Disposition.dub | Disposition.comment | Disposition.karaoke | Disposition.hearing_impaired | Disposition.visual_impaired
    tracks = [best]
    for track in container.streams.audio:
        context: Any = track.codec_context  # None where FFmpeg has no decoder, though PyAV's types say otherwise
        if track.index != best.index and context is not None and context.sample_rate and not track.disposition & apart:
            tracks.append(track)
    languages = {track.index: language for track in tracks if (language := str(track.language or "und")) != "und"}
    if len(set(languages.values())) > 1:
        return [best], set(languages.values()) - {languages.get(best.index)}
    return sorted(tracks[:MOST_CHANNELS], key=lambda track: track.index), set()


def _blocks(container: InputContainer, tracks: Sequence[AudioStream], rate: int) -> Iterator[Block]:
    import av

    origin: Any = container.start_time  # µs or None, though PyAV's types have no None
    start = None if origin is None else origin / av.time_base
    stamped = container.format.name not in _WITHOUT_STAMPS
    placed = {track.index: _Track(Clock(rate, start), rate, stamped) for track in tracks}
    frames = _frames(container, tracks)
    found = ((index, block) for index, frame, damaged in frames for block in placed[index].blocks(frame, damaged))
    yield from joined((block for _, block in found) if len(tracks) == 1 else _side_by_side(found, list(placed), rate))


class _Track:
    """One audio track's frames as blocks of one rate."""

    def __init__(self, clock: Clock, rate: int, stamped: bool) -> None:
        import av

        self._clock = clock
        self._rate = rate
        self._stamped = stamped
        self._begun = False
        self._converter = av.AudioResampler()
        self._form: tuple[str, str, int] | None = None

    def blocks(self, frame: AudioFrame, damaged: bool) -> Iterator[Block]:
        """The frame's sound; `damaged` says whether something before it could not be decoded."""
        if not RATES[0] <= frame.sample_rate <= RATES[1]:
            raise DataError(f"its sound changes to {frame.sample_rate} Hz")
        samples = floats(frame) if frame.sample_rate == self._rate else None
        if samples is None:
            samples = self._converted(frame)
        else:
            self._form = None  # a converter that is needed again later begins anew
        if len(samples):
            time = None if self._begun and not self._stamped else frame.time
            self._begun = True
            yield from self._clock.placed(samples, time, damaged)

    def _converted(self, frame: AudioFrame) -> Float32[np.ndarray, "_ _"]:
        import av
        from av.error import FFmpegError

        if self._form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
            # Same channels, and the same rate but where it changes on the way. Packed floats: PyAV's arrays of planar frames
            # of eight channels or more read beyond their planes and end the process.
            self._form, self._converter = form, av.AudioResampler("flt", frame.layout, self._rate)
        channels = frame.layout.nb_channels
        try:
            parts = [part.to_ndarray().reshape(-1, channels) for part in self._converter.resample(frame)]
        except (FFmpegError, ValueError) as error:
            raise DataError("its sound changes to a form that can't be converted") from error
        return np.concatenate([np.zeros((0, channels), np.float32), *parts])


def _side_by_side(found: Iterator[tuple[int, Block]], tracks: Sequence[int], rate: int) -> Iterator[Block]:
    """Blocks of several tracks as blocks of as many channels, each the mean of a track's own.

    A track is silent where it has no sound and another has.
    """
    columns = {index: column for column, index in enumerate(tracks)}
    waiting: dict[int, deque[Block]] = {index: deque() for index in tracks}
    reached = dict.fromkeys(tracks, 0)
    for index, block in found:
        mean = mean_of_channels(block.samples)
        waiting[index].append(Block(block.start, mean, block.after_damage))
        reached[index] = block.start + len(mean)
        upto = max(min(reached.values()), max(reached.values()) - round(LEAD * rate))
        yield from _joined(waiting, columns, upto)
    yield from _joined(waiting, columns, max(reached.values()))


def _joined(waiting: Mapping[int, deque[Block]], columns: Mapping[int, int], upto: int) -> Iterator[Block]:
    """Takes what lies before `upto` out of the tracks' blocks: one block for each stretch in which some track has sound."""
    parts: list[tuple[int, int, Block]] = []
    for index, blocks in waiting.items():
        while blocks and blocks[0].start < upto:
            block = blocks.popleft()
            if block.start + len(block.samples) > upto:
                blocks.appendleft(Block(upto, block.samples[upto - block.start :]))
                block = Block(block.start, block.samples[: upto - block.start], block.after_damage)
            parts.append((block.start, columns[index], block))
    parts.sort(key=lambda part: part[:2])
    first = 0
    while first < len(parts):
        start, stop, last = parts[first][0], 0, first
        while last < len(parts) and (last == first or parts[last][0] <= stop):
            stop = max(stop, parts[last][0] + len(parts[last][2].samples))
            last += 1
        samples = np.zeros((stop - start, len(columns)), dtype=np.float32)
        for place, column, block in parts[first:last]:
            samples[place - start : place - start + len(block.samples), column] = block.samples[:, 0]
        yield Block(start, samples, parts[first][2].after_damage)
        first = last


def _frames(container: InputContainer, tracks: Sequence[AudioStream]) -> Iterator[tuple[int, AudioFrame, bool]]:
    """The track's index, a decoded frame, and whether something before it could not be decoded: such packets are passed over, as
    players do.

    It raises at the end where no frame of a track follows what failed: the sound that the container promises is not there.
    """
    from av.error import FFmpegError

    packets: Any = container.demux(*tracks)
    failures: dict[int, Exception] = {}
    while True:
        try:
            packet: Packet[AudioStream] = next(packets)
        except (StopIteration, IndexError):  # PyAV raises the second at the end where tracks appeared on the way
            break
        except (FFmpegError, OSError, ValueError) as error:
            failures[-1] = error
            break
        index = packet.stream_index
        try:
            frames = packet.decode()
        except (FFmpegError, OSError, ValueError) as error:
            failures[index] = error
            continue
        for frame in frames:
            yield index, frame, failures.pop(index, None) is not None
    for failure in failures.values():
        raise DataError(f"its sound can't be decoded: {printable(str(failure))}") from failure


class Clock:
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
