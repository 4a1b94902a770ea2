"""From conversations to the inputs of networks: standardised features, speakers and labels as indices.

Shapes: T utterances, M modalities, W columns of a standardised feature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet
from merc.data.standardisation import CLIP_BOUND, Standardiser
from merc.errors import FeatureError
from merc.files.shapes import Bool, Float32, Int64

UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One conversation as arrays.

    Attributes:
        inputs: modality -> (T, W) standardised features, zeros where absent.
        present: (T, M), in the order of `inputs`.
        speakers: (T,) indices by first appearance: a network's input holds no names.
        labels: (T,) class indices, -1 where unlabelled.
    """

    conversation_id: str
    inputs: Mapping[str, Float32[np.ndarray, "T _"]]
    present: Bool[np.ndarray, "T M"]
    speakers: Int64[np.ndarray, " T"]
    labels: Int64[np.ndarray, " T"]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Preprocessor:
    """What is saved with a network to prepare its inputs: the label set and one standardiser a modality, in order."""

    label_set: LabelSet
    standardisers: Mapping[str, Standardiser]

    @classmethod
    def fit(
        cls, corpus: Corpus, train: Sequence[Conversation], picks: Mapping[str, str] | None = None, clip: float = CLIP_BOUND
    ) -> Preprocessor:
        """The preprocessor of the corpus's schema and label set, its means and deviations those of the training conversations.

        Args:
            picks: modality -> feature name; None takes every modality, which must then offer one feature each.
            clip: bound on standardised values, in deviations.

        Raises:
            FeatureError: a modality or feature that the corpus lacks, or several features and no pick.
            DataError: a feature without a present row or a column that varies.
        """
        standardisers = {
            spec.modality: Standardiser.fit(spec, (c.features[spec.key] for c in train if spec.key in c.features), clip)
            for spec in pick_features(corpus, picks)
        }
        return cls(corpus.label_set, standardisers)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names, in the order of every array's M axis."""
        return tuple(self.standardisers)

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The features that a network was trained on."""
        return tuple(s.spec for s in self.standardisers.values())

    @property
    def widths(self) -> dict[str, int]:
        """Modality -> W, which networks are built from."""
        return {modality: s.width for modality, s in self.standardisers.items()}

    def sample(self, conversation: Conversation) -> Sample:
        """The conversation as arrays. A feature that it lacks is an absent modality.

        Raises:
            FeatureError: a feature of another dimension.
            DataError: a label outside the label set.
        """
        inputs: dict[str, Float32[np.ndarray, "T _"]] = {}
        present = np.zeros((len(conversation), len(self.standardisers)), dtype=np.bool_)
        for m, (modality, standardiser) in enumerate(self.standardisers.items()):
            array = conversation.features.get(standardiser.spec.key)
            if array is None:
                inputs[modality] = np.zeros((len(conversation), standardiser.width), dtype=np.float32)
            else:
                inputs[modality], present[:, m] = standardiser.transform(array, f"conversation {conversation.id!r}")
        order: dict[str | None, int] = {}
        speakers = [order.setdefault(u.speaker, len(order)) for u in conversation.utterances]
        labels = [UNLABELLED if u.label is None else self.label_set.index(u.label) for u in conversation.utterances]
        return Sample(conversation.id, inputs, present, np.asarray(speakers, dtype=np.int64), np.asarray(labels, dtype=np.int64))


def pick_features(corpus: Corpus, picks: Mapping[str, str] | None = None) -> tuple[FeatureSpec, ...]:
    """The feature that each modality uses, in the order of `picks`, or of the schema where there are none.

    Raises:
        FeatureError: see `Preprocessor.fit`.
    """
    wanted = dict.fromkeys(corpus.modalities, "") if not picks else dict(picks)
    if not wanted:
        raise FeatureError(f"corpus {corpus.name!r} has no features; make some with 'merc features text STORE'")
    chosen: list[FeatureSpec] = []
    for modality, name in wanted.items():
        offered = corpus.features_of(modality)
        names = ", ".join(spec.name for spec in offered)
        if not offered:
            has = ", ".join(spec.key for spec in corpus.feature_schema) or "none"
            raise FeatureError(f"corpus {corpus.name!r} has no modality {modality!r}; its features: {has}")
        if not name and len(offered) > 1:
            raise FeatureError(f"modality {modality!r} offers several features; pick one with data.features.{modality}: {names}")
        match = [spec for spec in offered if spec.name == name or not name]
        if not match:
            raise FeatureError(f"modality {modality!r} has no feature {name!r}; it offers: {names}")
        chosen.append(match[0])
    return tuple(chosen)
