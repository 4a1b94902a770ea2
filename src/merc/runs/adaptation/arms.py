"""What an adapted model is compared with, as ways to train that a cross-validation takes.

Shapes: T utterances of a conversation, C classes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.special import log_softmax

from merc.data.preprocessing import UNLABELLED, Preprocessor, Sample
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet
from merc.encoders.encoding import feature_spec
from merc.encoders.text.dialogue import DIALOGUE
from merc.encoders.text.sentence import text_encoder
from merc.encoders.vectors import vectors_of
from merc.inference.recogniser import Recogniser
from merc.inference.torch_backend import infer
from merc.networks.cmath.network import CMATHConfig
from merc.networks.interface import Network
from merc.networks.registry import NetworkConfig
from merc.training.adaptation import AdaptationConfig, from_nothing
from merc.training.cross_validation import Labels, Predict, Rows, Train
from merc.training.recipe import Recipe


def predictor(network: Network, samples: Mapping[str, Sample], temperature: float = 1.0) -> Predict:
    """What a network predicts of the samples, which are prepared for it."""

    def predict(ids: Sequence[str]) -> dict[str, Rows]:
        inferred = infer(network, [samples[i] for i in ids], temperature=temperature)
        return {i: np.log(np.maximum(arrays.probabilities, 1e-300)) for i, arrays in zip(ids, inferred, strict=True)}

    return predict


class FromNothing:
    """Trains a network by the model's recipe from fresh weights, for all its epochs, on features whose encoders saw no emotion."""

    def __init__(
        self,
        model: Recogniser,
        recipe: Recipe,
        conversations: Sequence[Conversation],
        label_set: LabelSet,
        config: AdaptationConfig,
    ) -> None:
        self._recipe, self._config = recipe, config
        specs: list[FeatureSpec] = []
        for spec in model.preprocessor.specs:
            if spec.encoder == DIALOGUE and model.adapters:
                encoder = text_encoder(model.adapters[0].base)
                spec = feature_spec(encoder)
                rows = vectors_of(conversations, encoder)
                conversations = [c.with_features({spec.key: row}) for c, row in zip(conversations, rows, strict=True)]
            if _in_some(spec, conversations):
                specs.append(spec)
        keys = {spec.key for spec in specs}
        only = tuple(replace(c, features={k: v for k, v in c.features.items() if k in keys}) for c in conversations)
        self._corpus = Corpus("own", label_set, tuple(specs), only)
        self._conversations = {c.id: c for c in only}

    def train(self, ids: Sequence[str]) -> Predict:
        """A network of its own for these conversations, on the modalities that some of them have."""
        own = [self._conversations[i] for i in ids]
        picks = {spec.modality: spec.name for spec in self._corpus.feature_schema if _in_some(spec, own)}
        preprocessor = Preprocessor.fit(self._corpus, own, picks)
        samples = {i: preprocessor.sample(c) for i, c in self._conversations.items()}
        torch.manual_seed(self._config.seed)
        recipe, classes = self._recipe, len(self._corpus.label_set)
        network = _on(recipe.model, picks).build(preprocessor.widths, classes)
        training = recipe.training.model_copy(update={"seed": self._config.seed, "device": self._config.device})
        mine = [samples[i] for i in ids]
        return predictor(from_nothing(network, mine, training, recipe.corruption, recipe.objective, classes), samples)


def _on(config: NetworkConfig, modalities: Collection[str]) -> NetworkConfig:
    """The config of a network on fewer modalities: none that is missing is central."""
    if not isinstance(config, CMATHConfig) or config.central is None:
        return config
    return config.model_copy(update={"central": tuple(m for m in config.central if m in modalities) or None})


def _in_some(spec: FeatureSpec, conversations: Sequence[Conversation]) -> bool:
    return any(spec.key in c.features and not np.isnan(c.features[spec.key]).all() for c in conversations)


def majority(labels: Labels, classes: int) -> Train:
    """Predicts the frequencies of the classes in training."""

    def train(ids: Sequence[str]) -> Predict:
        together = np.concatenate([labels[i] for i in ids])
        counts = np.bincount(together[together != UNLABELLED], minlength=classes)
        row = log_softmax(np.log(counts + 1.0))  # one more of each, so that no class is impossible
        return lambda others: {i: np.tile(row, (len(labels[i]), 1)) for i in others}

    return train
