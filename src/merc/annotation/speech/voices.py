"""Who speaks, where a transcript does not say, and in which channel to listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float32

from merc.annotation.media.clips import UNREADABLE, Clip, MediaSource, Span, clips
from merc.data.schema import Utterance
from merc.errors import DataError

UNNAMED = "speaker"  # who speaks where nothing tells
STREAMED = 30.0  # s of sound at a time, where a whole recording is streamed
MAX_RECORDING = 24 * 3600.0  # s; more of a recording is not streamed [chosen: a day]


def channel_name(channel: int) -> str:
    """What the speaker of a channel is called, counted from 1 for people."""
    return f"channel {channel + 1}"


def loudest_channel(heard: Sequence[Clip]) -> Clip:
    """Of one span's clips, one a channel, that of the most energy; if none has sound, the first, whose reason stands for all.

    A microphone close to one speaker hears the others too, only less [chosen].
    """
    return max(heard, key=lambda clip: -1.0 if clip.samples is None else float(np.square(clip.samples).mean()))


def utterance_clips(
    source: MediaSource,
    utterances: Sequence[Utterance],
    name: str,
    channels: int | None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[tuple[Clip, int | None]]:
    """The sound of each utterance, as soon as it is there, with the channel that it was heard in.

    Args:
        source: the recording.
        utterances: `Clip.index` counts them.
        name: what errors call the recording.
        channels: how many there are, each one speaker's; an utterance that names none is heard in the loudest. None: those that
            name no channel are heard in all of them together, and the channel is None.
        progress: called with the seconds read.

    Raises:
        DataError, MissingExtraError: see `clips`.
    """
    spans: list[Span] = []
    owners: list[tuple[int, int | None]] = []  # of each span: its utterance, and its channel
    for index, utterance in enumerate(utterances):
        several = range(channels) if channels is not None and utterance.channel is None else [utterance.channel]
        for channel in several:
            spans.append(Span(utterance.start, utterance.end, channel))
            owners.append((index, channel))
    waiting: dict[int, list[Clip]] = {}
    for clip in clips(source, spans, name, progress):
        index, channel = owners[clip.index]
        if channels is None or utterances[index].channel is not None:
            yield Clip(index, clip.samples, clip.reason), channel
            continue
        heard = waiting.setdefault(index, [])
        heard.append(clip)
        if len(heard) == channels:
            chosen = loudest_channel(sorted(waiting.pop(index), key=lambda c: c.index))
            found = owners[chosen.index][1] if chosen.samples is not None else None
            yield Clip(index, chosen.samples, chosen.reason), found


def streamed(source: MediaSource, name: str, channel: int | None = None) -> Iterator[Float32[np.ndarray, " _"]]:
    """A whole recording as consecutive pieces of 16 kHz sound, for speech recognition.

    Args:
        source: the recording.
        name: what errors call it.
        channel: the one to listen to; None is the mean of all.

    Raises:
        DataError: it can't be read, or not to its end; what came before was given.
        MissingExtraError: see `clips`.
    """
    spans = [Span(start, start + STREAMED, channel) for start in np.arange(0.0, MAX_RECORDING, STREAMED).tolist()]
    for clip in clips(source, spans, name):
        if clip.samples is not None:
            yield clip.samples
        elif clip.reason.startswith(UNREADABLE):
            raise DataError(f"{name}: {clip.reason}")
        else:
            return
