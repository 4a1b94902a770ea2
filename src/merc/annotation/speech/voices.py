"""Speakers by the channels of a recording, where a transcript names none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from merc.annotation.media.excerpts import DAMAGED, UNREADABLE, Excerpt, Span, excerpts
from merc.annotation.media.recording import MediaSource
from merc.data.schema import Utterance
from merc.encoders.interface import RATE, Clip
from merc.errors import DataError

STREAMED = 30.0  # s of sound at a time, where a whole recording is streamed
MAX_RECORDING = 24 * 3600.0  # s; more of a recording is not streamed [chosen: a day]


def loudest_channel(excerpts: Sequence[Excerpt]) -> Excerpt:
    """Of one span's excerpts, one a channel, that of the most energy; if none has sound, the first, whose reason stands for all.

    A microphone close to one speaker records the others too, only more softly [chosen].
    """
    return max(excerpts, key=lambda excerpt: -1.0 if excerpt.samples is None else float(np.square(excerpt.samples).mean()))


def utterance_excerpts(
    source: MediaSource,
    utterances: Sequence[Utterance],
    name: str,
    channels: int | None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Excerpt]:
    """The sound of each utterance, as soon as it is there, with the channel that it is from.

    Args:
        utterances: `Excerpt.index` counts them.
        name: what errors call the recording.
        channels: how many there are, each one speaker's; an utterance that names none is taken from its loudest. None: it is taken
            from the mean of all.
        progress: called with the seconds read.

    Raises:
        DataError, MissingExtraError: see `excerpts`.
    """
    spans: list[Span] = []
    owners: list[int] = []  # the utterance of each span
    for index, u in enumerate(utterances):
        candidates = [u.channel] if channels is None or u.channel is not None else range(channels)
        spans += [Span(u.start, u.end, channel) for channel in candidates]
        owners += [index] * len(candidates)
    wanted = Counter(owners)
    waiting: dict[int, list[Excerpt]] = {}
    for excerpt in excerpts(source, spans, name, progress):
        index = owners[excerpt.index]
        waiting.setdefault(index, []).append(excerpt)
        if len(waiting[index]) == wanted[index]:
            chosen = loudest_channel(sorted(waiting.pop(index), key=lambda candidate: candidate.index))
            yield replace(chosen, index=index, channel=None if chosen.samples is None else chosen.channel)


def streamed(source: MediaSource, name: str, channel: int | None = None) -> Iterator[Clip]:
    """A whole recording as consecutive pieces of 16 kHz sound, for speech recognition.

    Args:
        channel: the one that is streamed; None is the mean of all.

    Raises:
        DataError: it can't be read, or not to its end; what came before was given.
        MissingExtraError: see `excerpts`.
    """
    spans = [Span(start, start + STREAMED, channel) for start in np.arange(0.0, MAX_RECORDING, STREAMED).tolist()]
    for excerpt in excerpts(source, spans, name):
        if excerpt.samples is not None:
            yield excerpt.samples
        elif excerpt.reason == DAMAGED:
            yield np.zeros(round(STREAMED * RATE), dtype=np.float32)  # so that what follows keeps its time
        elif excerpt.reason.startswith(UNREADABLE):
            raise DataError(f"{name}: {excerpt.reason}")
        else:
            return
