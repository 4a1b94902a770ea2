"""The features of a recording's utterances: of their words and of their sound, made once and kept.

Shapes: T utterances, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from merc.annotation.cache import FeatureCache
from merc.annotation.media.clips import RATE, Clip
from merc.data.schema import Conversation
from merc.encoders.audio.speech import clip_digest
from merc.encoders.interface import Clip as Samples
from merc.encoders.interface import Encoder
from merc.encoders.text.dialogue import DialogueEncoder, window_digests
from merc.encoders.text.sentence import text_digest

HELD = 600.0  # s of sound that wait to be encoded together, at most; 38 MB [chosen]

Rows = Float32[np.ndarray, "_ _"]


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was made of a recording's sound.

    Attributes:
        rows: feature -> (T, D), NaN rows where there is no sound.
        reasons: feature -> of each utterance, why it is absent; empty where it is not.
        channels: of each utterance, the channel that it was heard in, or None.
    """

    rows: Mapping[str, Rows]
    reasons: Mapping[str, Sequence[str]]
    channels: Sequence[int | None]


def text_rows(
    conversation: Conversation,
    encoder: Encoder[str | None] | DialogueEncoder,
    cache: FeatureCache,
    progress: Callable[[int], None] = lambda _done: None,
) -> Rows:
    """The features of the utterances' words: (T, D), NaN rows where there are none.

    Args:
        conversation: with transcripts and speakers.
        encoder: of the model.
        cache: what was encoded before is taken from it.
        progress: called with the utterances that are encoded.

    Raises:
        FeatureError: see the encoders.
    """

    def encode(indices: Sequence[int]) -> Rows:
        if isinstance(encoder, DialogueEncoder):
            return encoder.encode_at([(conversation, i) for i in indices], lambda _stage, done, _total: progress(int(done)))
        words = [conversation.utterances[i].words for i in indices]
        return encoder.encode(words, lambda _stage, done, _total: progress(int(done)))

    if isinstance(encoder, DialogueEncoder):
        contents = window_digests(conversation)
    else:
        contents = [text_digest(u.words) for u in conversation.utterances]
    return cache.rows(encoder.name, encoder.version, encoder.dimension, contents, encode)


def sound_rows(
    heard: Iterable[tuple[Clip, int | None]],
    count: int,
    encoders: Mapping[str, Encoder[Samples | None]],
    cache: FeatureCache,
    held: float = HELD,
) -> Heard:
    """The features of the utterances' sound, which is streamed once for all encoders.

    Args:
        heard: clips in any order, with their channels (see `merc.annotation.speech.voices.utterance_clips`).
        count: T.
        encoders: feature -> encoder.
        cache: what was encoded before is taken from it.
        held: s of sound in memory at a time.

    Raises:
        DataError, FeatureError: the recording can't be read; see the encoders.
    """
    rows = {key: np.full((count, encoder.dimension), np.nan, dtype=np.float32) for key, encoder in encoders.items()}
    reasons = {key: [""] * count for key in encoders}
    channels: list[int | None] = [None] * count
    waiting: list[tuple[int, Float32[np.ndarray, " _"]]] = []

    def flush() -> None:
        digests = [clip_digest(samples) for _, samples in waiting]
        for key, encoder in encoders.items():

            def encode(indices: Sequence[int], encoder: Encoder[Samples | None] = encoder) -> Rows:
                return encoder.encode([waiting[i][1] for i in indices])

            made = cache.rows(encoder.name, encoder.version, encoder.dimension, digests, encode)
            for (index, _), row in zip(waiting, made, strict=True):
                rows[key][index] = row
                if np.isnan(row).all():
                    reasons[key][index] = f"the encoder {encoder.name!r} makes nothing of it"
        waiting.clear()

    seconds = 0.0
    for clip, channel in heard:
        channels[clip.index] = channel
        if clip.samples is None:
            for of_feature in reasons.values():
                of_feature[clip.index] = clip.reason
            continue
        waiting.append((clip.index, clip.samples))
        seconds += len(clip.samples) / RATE
        if seconds >= held:
            flush()
            seconds = 0.0
    flush()
    return Heard(rows, reasons, channels)
