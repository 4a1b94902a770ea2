"""What a model predicts: as arrays over the utterances of one sample, and as judged utterances.

Shapes: T utterances, C classes, M modalities, Z latent width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from merc.data.schema import Absence, Utterance
from merc.files.arguments import checked, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedUtterance(Utterance):
    """An utterance with its predicted emotion, as `predict`, `annotate` and `evaluate` return it.

    Attributes:
        emotion: the most probable class.
        probabilities: class -> probability, in the model's order; they sum to 1.
        trust: modality -> share of trust, 0 where it was absent; empty if the network has none.
        uncertainty: mean latent variance of the coarse posterior; None if the network has none.
        present: the modalities that the utterance had; with none it was judged from its context alone.

    Raises:
        DataError: a value of another type.

    Example:
        >>> import merc
        >>> merc.JudgedUtterance(id="1", words="Hi!", emotion="joy", probabilities={"joy": 0.8, "anger": 0.2}).emotion
        'joy'
    """

    emotion: str
    probabilities: Mapping[str, float]
    trust: Mapping[str, float] = field(default_factory=dict[str, float])
    uncertainty: float | None = None
    present: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Utterance.__post_init__(self)
        where = f"utterance {shown(self.id)}"
        checked(self.emotion, str, f"{where}, emotion", "a str")
        for name, shares in (("probabilities", self.probabilities), ("trust", self.trust)):
            checked(shares, Mapping, f"{where}, {name}", "a dict of name -> number")
        checked(self.uncertainty, (float, int, type(None), np.floating), f"{where}, uncertainty", "a number or None")
        checked(self.present, (tuple, list), f"{where}, present", "a tuple of modalities")


@dataclass(frozen=True, slots=True)
class JudgedConversation:
    """A conversation's utterances with their predicted emotions, in its order.

    Attributes:
        id: of the conversation.
        utterances: as many as the conversation has.
        modalities: that the model takes, in its order.
        absences: modalities that could not be encoded, and why.

    Example:
        >>> import merc
        >>> judged = merc.JudgedUtterance(id="1", words="Hi!", emotion="joy", probabilities={"joy": 0.8, "anger": 0.2})
        >>> merc.JudgedConversation("chat", (judged,), ("text",)).labels
        ('joy', 'anger')
    """

    id: str
    utterances: tuple[JudgedUtterance, ...]
    modalities: tuple[str, ...]
    absences: tuple[Absence, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the model's order."""
        return tuple(self.utterances[0].probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class PredictionArrays:
    """A network's output for one sample.

    Attributes:
        probabilities: (T, C) of the coarse head.
        levels: head name, such as `fine/text`, -> (T, C) probabilities.
        trust: (T, M), or None.
        uncertainty: (T,), or None.
        embeddings: head name, `coarse` among them, -> (T, Z) posterior means; empty unless asked for, or without latents.
    """

    probabilities: np.ndarray
    levels: Mapping[str, np.ndarray]
    trust: np.ndarray | None
    uncertainty: np.ndarray | None
    embeddings: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])


def concatenated(parts: Sequence[PredictionArrays]) -> PredictionArrays:
    """Predictions of one network, one after the other along T."""
    if len(parts) == 1:
        return parts[0]
    trust = [part.trust for part in parts if part.trust is not None]
    uncertainty = [part.uncertainty for part in parts if part.uncertainty is not None]
    return PredictionArrays(
        probabilities=np.concatenate([part.probabilities for part in parts]),
        levels={name: np.concatenate([part.levels[name] for part in parts]) for name in parts[0].levels},
        trust=np.concatenate(trust) if trust else None,
        uncertainty=np.concatenate(uncertainty) if uncertainty else None,
        embeddings={name: np.concatenate([part.embeddings[name] for part in parts]) for name in parts[0].embeddings},
    )


def not_finite(predicted: PredictionArrays) -> str:
    """What of a prediction holds NaN or infinity, such as `probabilities of fine/text`; empty if nothing does."""
    named = {"probabilities": predicted.probabilities, "trust": predicted.trust, "uncertainties": predicted.uncertainty}
    named |= {f"probabilities of {name}": array for name, array in predicted.levels.items()}
    named |= {f"embeddings of {name}": array for name, array in predicted.embeddings.items()}
    return next((what for what, array in named.items() if array is not None and not np.isfinite(array).all()), "")


def judged_utterances(
    utterances: Sequence[Utterance],
    predicted: PredictionArrays,
    present: np.ndarray,
    labels: Sequence[str],
    modalities: Sequence[str],
) -> tuple[JudgedUtterance, ...]:
    """T utterances with what was predicted of them.

    Args:
        utterances, predicted: T of each.
        present: (T, M) booleans.
        labels, modalities: C and M names.
    """
    return tuple(
        JudgedUtterance(
            **{known.name: getattr(u, known.name) for known in fields(Utterance)},
            emotion=labels[int(predicted.probabilities[i].argmax())],
            probabilities=dict(zip(labels, predicted.probabilities[i].tolist(), strict=True)),
            trust={} if predicted.trust is None else dict(zip(modalities, predicted.trust[i].tolist(), strict=True)),
            uncertainty=None if predicted.uncertainty is None else float(predicted.uncertainty[i]),
            present=tuple(m for m, there in zip(modalities, present[i], strict=True) if there),
        )
        for i, u in enumerate(utterances)
    )
