"""Vectors of the words of whole conversations.

Shapes: T utterances, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from merc.data.schema import Conversation
from merc.encoders.interface import Encoder
from merc.encoders.text.dialogue import DialogueEncoder
from merc.files.shapes import Float32


def vectors_of(
    conversations: Sequence[Conversation], encoder: Encoder[str | None] | DialogueEncoder
) -> Sequence[Float32[np.ndarray, "_ D"]]:
    """The vectors of the transcripts of one conversation or more: (T, D) each, NaN rows where an utterance has none."""
    if isinstance(encoder, DialogueEncoder):
        return encoder.encode(conversations)
    return rows_of(encoder.encode([u.words for c in conversations for u in c.utterances]), conversations)


def rows_of(rows: Float32[np.ndarray, "N D"], conversations: Sequence[Conversation]) -> list[Float32[np.ndarray, "_ D"]]:
    """The rows of each conversation; one array for none."""
    return np.split(rows, np.cumsum([len(c) for c in conversations[:-1]], dtype=int))
