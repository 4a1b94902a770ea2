"""What a decoder gives, frame by frame, as samples; and its many short blocks of sound as fewer, longer ones.

A frame has about 20 ms, so that whatever is done for each of them takes longer than decoding it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from merc.annotation.media.recording import Block
from merc.errors import DataError
from merc.files.shapes import Float32

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

JOINED = 16_384  # samples; nothing is added to a block that has as many [chosen]

_MANY = 8  # channels: of so many planes PyAV reads beyond the last, and numpy sums up in another order
# FFmpeg's names of the usual forms of samples -> their type, and full scale
_FORMS = {"flt": (np.float32, 1.0), "s16": (np.int16, 2.0**15), "s32": (np.int32, 2.0**31)}


def floats(frame: AudioFrame) -> Float32[np.ndarray, "_ _"] | None:
    """A frame's samples (n, channels), full scale 1, as FFmpeg's converter gives them; None where it takes that converter."""
    channels, planar = frame.layout.nb_channels, frame.format.is_planar
    form = _FORMS.get(frame.format.name.removesuffix("p"))
    if form is None or (planar and channels >= _MANY):
        return None
    kind, full = form
    samples = np.empty((frame.samples, channels), dtype=np.float32)
    planes: Any = frame.planes  # buffers, of which PyAV's types say nothing
    if planar:
        for channel, plane in enumerate(planes):
            samples[:, channel] = np.frombuffer(plane, kind, len(samples))
    else:
        samples[:] = np.frombuffer(planes[0], kind, samples.size).reshape(samples.shape)
    if full != 1:
        samples *= np.float32(1 / full)
    return samples


def mean_of_channels(samples: Float32[np.ndarray, "n _"]) -> Float32[np.ndarray, "n 1"]:
    """(n, channels) -> (n, 1). Sums beyond float32 are infinite."""
    with np.errstate(all="ignore"):
        if samples.shape[1] < _MANY:  # the same sums, ten times as fast
            return np.ascontiguousarray(samples.T).mean(axis=0, dtype=np.float32)[:, None]
        return samples.mean(axis=1, keepdims=True, dtype=np.float32)


def joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """The same sound in blocks of at least `JOINED` samples, but where it has gaps or damage, or its number of channels changes.

    Raises:
        DataError: as `blocks` does; what came before is given.
    """
    waiting: list[Block] = []
    samples = 0
    try:
        for block in blocks:
            if waiting and (samples >= JOINED or not _continues(waiting[0], samples, block)):
                yield _one(waiting)
                waiting, samples = [], 0
            waiting.append(block)
            samples += len(block.samples)
    except DataError:
        if waiting:
            yield _one(waiting)
        raise
    if waiting:
        yield _one(waiting)


def _continues(first: Block, samples: int, block: Block) -> bool:
    channels = first.samples.shape[1]
    return block.start == first.start + samples and not block.after_damage and block.samples.shape[1] == channels


def _one(blocks: list[Block]) -> Block:
    first = blocks[0]
    return first if len(blocks) == 1 else Block(first.start, np.concatenate([b.samples for b in blocks]), first.after_damage)
