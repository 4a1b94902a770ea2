"""Where an audio track has sound, by the time stamps of its packets: nothing is decoded.

Reading the stamps takes about a quarter of the time of decoding, so they are not read where the container shows without them that
there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from merc.annotation.media.recording import JITTER, RESTART, Stretch

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
else:
    AudioStream = InputContainer = Any  # an optional extra

# FFmpeg counts their packets, so that a track has no holes.
_COUNTED = frozenset(("wav", "flac", "mp3", "aac", "avi", "caf", "aiff", "au", "w64", "amr"))
# The modes of frames that are comfort noise or nothing, and that FFmpeg decodes no sound out of.
_PAUSES = {"amrnb": range(8, 16), "amrwb": range(9, 15)}
_ROUNDED = 0.0015  # s, by which stamps in whole milliseconds make a packet's duration differ from its samples' [chosen]


def stretches(container: InputContainer, track: AudioStream) -> Iterator[Stretch]:
    """Where a track has sound without a hole of more than `JITTER`; nothing where it begins with the recording and has none.

    What lies behind a place that can't be read is left out.
    """
    origin, start = _start(container), _seconds(track.start_time, track)
    if _has_no_holes(container, track):
        late = 0.0 if start is None or origin is None else start - origin
        if late > JITTER and track.duration is not None:
            yield Stretch(late, late + float(track.duration * _base(track)))
        return
    packets = _packets(container, track)
    first = next(packets, None)
    if first is None:
        return
    origin = first[0] if origin is None else origin
    # What lies before the track's start is an encoder's delay, which decoders cut off.
    begun = max(first[0], first[0] if start is None else start, origin) - origin
    reached = first[0] - origin
    for stamp, duration, exact in chain((first,), packets):
        time = stamp - origin
        if time < reached - RESTART:
            origin -= reached - time
            time = reached
        elif time > reached + JITTER:
            yield Stretch(begun, reached)
            begun = reached = time
        # Sums of exact durations show small losses that add up; rounded ones would themselves add up.
        reached = reached + duration if exact and time > reached - JITTER else max(reached, time + duration)
    yield Stretch(begun, reached)


def _packets(container: InputContainer, track: AudioStream) -> Iterator[tuple[float, float, bool]]:
    """Of each packet up to the first that can't be read: its stamp and duration in s, and whether the duration is exact."""
    from av.error import FFmpegError

    packets: Any = container.demux(track)
    by_samples = _of_a_frame(track)
    codec = track.codec_context.name
    stretched, usual = "mov" in container.format.name, by_samples
    while True:
        try:
            packet = next(packets)
        except (StopIteration, IndexError, FFmpegError, OSError, ValueError):  # IndexError: where tracks appeared on the way
            return
        if packet.pts is None or _is_pause(packet, codec):
            continue
        base = float(packet.time_base)
        said = (packet.duration or 0) * base
        if stretched and usual and said > usual + JITTER:
            said = usual  # an mp4 has no holes of its own: the packet before one lasts until the next
        usual = said
        samples = round(said, 2) if codec == "opus" else by_samples  # Opus codes 20 ms, or whole multiples of 10 ms
        exact = samples > 0 and (said == 0 or abs(said - samples) <= _ROUNDED)
        yield packet.pts * base, samples if exact else said, exact


def _is_pause(packet: Any, codec: str) -> bool:
    """Whether a packet is an AMR frame of the `_PAUSES`; its mode stands behind the first bit of its first byte."""
    return codec in _PAUSES and packet.size > 0 and bytes(packet)[0] >> 3 & 15 in _PAUSES[codec]


def _has_no_holes(container: InputContainer, track: AudioStream) -> bool:
    """Whether the container's kind or its index shows that no packet comes later than the one before it ends."""
    names = frozenset(container.format.name.split(","))
    if track.codec_context.name in _PAUSES:
        return False
    if names & _COUNTED:
        return True
    frame = _of_a_frame(track)
    if "mov" not in names or not frame:
        return False
    index: Any = track.index_entries
    count = len(index)
    if count < 2 or count + 2 < track.frames or not track.frames:  # of a fragmented file only the first fragment is known
        return False
    span = float((index[count - 1].timestamp - index[0].timestamp) * _base(track))
    return abs(span - (count - 1) * frame) <= JITTER


def _of_a_frame(track: AudioStream) -> float:
    """The duration of each packet in s where it is always the same, else 0."""
    context = track.codec_context
    return context.frame_size / context.sample_rate if context.frame_size and context.sample_rate else 0.0


def _start(container: InputContainer) -> float | None:
    import av

    start: Any = container.start_time  # µs or None, though PyAV's types have no None
    return None if start is None else start / av.time_base


def _base(track: AudioStream) -> Any:
    return track.time_base


def _seconds(time: int | None, track: AudioStream) -> float | None:
    return None if time is None else float(time * _base(track))
