"""What a model says of conversations.

Shapes: T utterances, C classes, M modalities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class UtteranceEmotion:
    """The judgement of one utterance.

    Attributes:
        utterance_id, speaker: as given.
        label: the most probable class.
        probabilities: class -> probability.
        trust: modality -> share of trust; empty if the network has none.
        uncertainty: mean latent variance of the coarse posterior; None if the network has none.
        present: the modalities that the utterance had; if there is none it was judged from its context alone.
    """

    utterance_id: str
    speaker: str
    label: str
    probabilities: dict[str, float]
    trust: dict[str, float]
    uncertainty: float | None
    present: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConversationEmotions:
    """The judgements of one conversation, in its order."""

    conversation_id: str
    utterances: tuple[UtteranceEmotion, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the network said of one sample, as arrays over its T utterances.

    Attributes:
        probabilities: (T, C) of the coarse head.
        levels: head name, such as `fine/text`, -> (T, C) probabilities.
        trust: (T, M), or None.
        uncertainty: (T,), or None.
    """

    probabilities: np.ndarray
    levels: Mapping[str, np.ndarray]
    trust: np.ndarray | None
    uncertainty: np.ndarray | None


def joined(parts: Sequence[Judged]) -> Judged:
    """Pieces of one sample, in order, as one."""
    if len(parts) == 1:
        return parts[0]
    trust = [part.trust for part in parts if part.trust is not None]
    uncertainty = [part.uncertainty for part in parts if part.uncertainty is not None]
    return Judged(
        probabilities=np.concatenate([part.probabilities for part in parts]),
        levels={name: np.concatenate([part.levels[name] for part in parts]) for name in parts[0].levels},
        trust=np.concatenate(trust) if trust else None,
        uncertainty=np.concatenate(uncertainty) if uncertainty else None,
    )
