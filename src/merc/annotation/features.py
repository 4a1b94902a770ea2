"""The features of a recording's utterances: of their words and of their sound, made once and kept.

Shapes: T utterances, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from merc.annotation.cache import FeatureCache, Rows
from merc.annotation.media.excerpts import Excerpt
from merc.data.schema import Conversation
from merc.encoders.audio.speech import clip_digest
from merc.encoders.interface import RATE, Clip, Encoder
from merc.encoders.text.dialogue import DialogueEncoder, window_digests
from merc.encoders.text.sentence import text_digest

HELD = 600.0  # s of sound that wait to be encoded together, at most; 38 MB [chosen]


@dataclass(frozen=True, slots=True, eq=False)
class SoundFeatures:
    """The features of a recording's sound.

    Attributes:
        rows: feature -> (T, D), NaN rows where there is no sound.
        reasons: feature -> of each utterance, why it is absent; empty where it is not.
        channels: of each utterance, the channel that its sound is from; None is all of them together, or no sound.
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
        conversation: with words and speakers.
        encoder, cache: encodes what the cache does not hold.
        progress: called with the number of utterances that are encoded.

    Raises:
        FeatureError: see the encoders.
    """

    def hook(_stage: str, done: float, _total: float | None) -> None:
        progress(int(done))

    def encode(indices: Sequence[int]) -> Rows:
        if isinstance(encoder, DialogueEncoder):
            return encoder.encode_at([(conversation, i) for i in indices], hook)
        return encoder.encode([conversation.utterances[i].words for i in indices], hook)

    in_context = isinstance(encoder, DialogueEncoder)
    contents = window_digests(conversation) if in_context else [text_digest(u.words) for u in conversation.utterances]
    return cache.rows(encoder.name, encoder.version, encoder.dimension, contents, encode)


def sound_rows(
    excerpts: Iterable[Excerpt], count: int, encoders: Mapping[str, Encoder[Clip | None]], cache: FeatureCache, held: float = HELD
) -> SoundFeatures:
    """The features of the utterances' sound, which is streamed once for all encoders.

    Args:
        excerpts: of each utterance, in any order.
        count: T.
        encoders: feature -> its encoder.
        cache: of what they made before.
        held: s of sound in memory at a time.

    Raises:
        DataError, FeatureError: the recording can't be read; see the encoders.
    """
    rows = {key: np.full((count, encoder.dimension), np.nan, dtype=np.float32) for key, encoder in encoders.items()}
    reasons = {key: [""] * count for key in encoders}
    channels: list[int | None] = [None] * count
    waiting: list[tuple[int, Clip]] = []
    samples = 0

    def flush() -> None:
        digests = [clip_digest(clip) for _, clip in waiting]
        for key, encoder in encoders.items():

            def encode(indices: Sequence[int], encoder: Encoder[Clip | None] = encoder) -> Rows:
                return encoder.encode([waiting[i][1] for i in indices])

            made = cache.rows(encoder.name, encoder.version, encoder.dimension, digests, encode)
            for (index, _), row in zip(waiting, made, strict=True):
                rows[key][index] = row
                if np.isnan(row).all():
                    reasons[key][index] = f"the encoder {encoder.name!r} makes nothing of it"
        waiting.clear()

    for excerpt in excerpts:
        channels[excerpt.index] = excerpt.channel
        if excerpt.samples is None:
            for of_feature in reasons.values():
                of_feature[excerpt.index] = excerpt.reason
            continue
        waiting.append((excerpt.index, excerpt.samples))
        samples += len(excerpt.samples)
        if samples >= held * RATE:
            flush()
            samples = 0
    flush()
    return SoundFeatures(rows, reasons, channels)
