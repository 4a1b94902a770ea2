"""Planted streams: features of known quality on a corpus's own conversations, and the observer who knows how they were made.

A planted stream draws each utterance's vector from a density that depends on its label:

    present with probability 1 - absent;  if present, x ~ (1 - noise) N(mean_c, I) + noise N(0, I)

The class means are independent random unit vectors times `quality` [chosen: not made orthogonal, so that classes differ in how
hard they are to tell apart]. An unlabelled utterance has no class to draw from and gets pure noise. Given the label, a planted
stream is independent of all else. So the observer who knows the densities has the posterior

    p(c | all) ~ p(c | text) * product over streams of p(x_m | c)

with the class shares of the training part in place of p(c | text) where there is no text model. Its most probable class is the
ceiling against which a model's use of a stream is measured.

Every draw comes from a generator keyed by seed, modality and conversation id: a conversation gets the same vectors whatever
the rest of the corpus is, and which rows were noise can be found again from the seed alone.

Shapes: T utterances, D features, C classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import Literal

import numpy as np
from jaxtyping import Float32, Float64, Int8
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score

from merc.data.probe import fit_linear_probe, labelled_rows
from merc.data.schema import Conversation, Corpus, FeatureSpec, Part
from merc.errors import DataError
from merc.settings import Settings

FEATURE_NAME = "planted"
PLANTED_NOTE = "planted"  # the key in a corpus's notes
Observer = Literal["densities", "densities and text", "densities and chain"]
Posteriors = Mapping[str, np.ndarray]  # conversation id -> (T, C) probabilities


class Stream(Settings):
    """A stream to plant.

    Attributes:
        modality: whose features it replaces, or a new one.
        dimension: D.
        quality: distance of the class means from the origin, in standard deviations of the noise.
        noise: share of the present utterances that are pure noise.
        absent: share of the utterances that lack the modality, drawn independently of `noise`.
    """

    modality: str
    dimension: int = Field(ge=1)
    quality: float = Field(ge=0.0, allow_inf_nan=False)
    noise: float = Field(default=0.0, ge=0.0, le=1.0)
    absent: float = Field(default=0.0, ge=0.0, lt=1.0)


STANDARD: tuple[Stream, ...] = (
    Stream(modality="audio", dimension=32, quality=2.0, noise=0.25, absent=0.10),
    Stream(modality="visual", dimension=48, quality=1.2, noise=0.35, absent=0.15),
)


class PlantedStream(Settings):
    """A stream as it was planted, with all that the knowing observer needs.

    Attributes:
        stream: what was asked for.
        seed: of its generators.
        classes: the label set at planting time, in order.
        class_means: C rows of D numbers.
    """

    stream: Stream
    seed: int
    classes: tuple[str, ...]
    class_means: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _one_mean_a_class(self) -> PlantedStream:
        if [len(mean) for mean in self.class_means] != [self.stream.dimension] * len(self.classes):
            raise ValueError(f"class_means: expected {len(self.classes)} rows of {self.stream.dimension} numbers")
        return self

    @property
    def key(self) -> str:
        """The feature's key, such as `audio/planted`."""
        return f"{self.stream.modality}/{FEATURE_NAME}"

    @property
    def spec(self) -> FeatureSpec:
        """The feature's entry in the schema; the version tells plantings of other parameters, classes or seeds apart."""
        s = self.stream
        classes = hashlib.sha256(json.dumps(self.classes).encode()).hexdigest()[:8]
        version = f"quality={s.quality},noise={s.noise},absent={s.absent},seed={self.seed},classes={classes}"
        return FeatureSpec(modality=s.modality, name=FEATURE_NAME, dimension=s.dimension, encoder=FEATURE_NAME, version=version)


class RowState(IntEnum):
    """What a planted row is. An unlabelled utterance that has the modality is always NOISE."""

    SIGNAL = 0
    NOISE = 1
    ABSENT = 2


class Ceiling(Settings):
    """The knowing observer's scores, as fractions of 1, on the labelled utterances of a part.

    The observer names the most probable class, which no rule can beat in expected accuracy; the weighted F1 is of the same labels.
    """

    observer: Observer
    accuracy: float
    weighted_f1: float
    utterances: int


def generator_for(seed: int, *words: str) -> np.random.Generator:
    """A generator of its own for each seed and words, so that draws do not depend on the order of work."""
    digest = hashlib.sha256(json.dumps([seed, *words]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def plant(corpus: Corpus, streams: Sequence[Stream] = STANDARD, seed: int = 0) -> Corpus:
    """Replaces the streams' modalities by planted ones; all else stays: conversations, speakers, labels, splits, other modalities.

    The same seed gives the same class means and draws.

    Returns:
        A corpus whose `notes['planted']` lists every `PlantedStream`, earlier plantings of other modalities included.

    Raises:
        DataError: no stream, two streams of one modality, or more than 8 modalities in all.
    """
    modalities = [stream.modality for stream in streams]
    if not modalities or len(set(modalities)) != len(modalities):
        raise DataError(f"streams to plant: {modalities or 'none'}; one or more, each modality once")
    planted = {stream.modality: _planted(stream, seed, corpus.label_set.names) for stream in streams}
    earlier = [each for each in _noted(corpus) if each.stream.modality not in planted]
    new = {modality: each.spec for modality, each in planted.items()}
    in_place = [new.get(spec.modality, spec) for spec in corpus.feature_schema]
    schema = {spec.key: spec for spec in (*in_place, *new.values())}  # a modality keeps its place, a new one comes last
    dropped = {spec.key for spec in corpus.feature_schema if spec.modality in planted}
    means = {modality: np.array(each.class_means) for modality, each in planted.items()}
    return replace(
        corpus,
        feature_schema=tuple(schema.values()),
        conversations=tuple(_with_streams(c, planted, means, dropped) for c in corpus.conversations),
        notes={**corpus.notes, PLANTED_NOTE: [each.model_dump(mode="json") for each in (*earlier, *planted.values())]},
    )


def planted_streams(corpus: Corpus) -> dict[str, PlantedStream]:
    """The planted streams that a corpus's notes record, by modality.

    Raises:
        DataError: nothing was planted, the note is damaged, or the corpus no longer holds what the note describes.
    """
    planted = _noted(corpus)
    if not planted:
        raise DataError(f"corpus {corpus.name!r} has no planted stream: plant one first")
    for each in planted:
        if each.classes != corpus.label_set.names:
            raise DataError(
                f"corpus {corpus.name!r}: {each.stream.modality} was planted for the classes {', '.join(each.classes)}; "
                f"the label set is now {', '.join(corpus.label_set.names)}: plant again"
            )
        if each.spec not in corpus.feature_schema:
            raise DataError(f"corpus {corpus.name!r}: the schema lacks the planted feature {each.key}: plant again")
    return {each.stream.modality: each for each in planted}


def planted_truth(corpus: Corpus) -> dict[str, dict[str, np.ndarray]]:
    """Which rows were what, drawn again from the seed: modality -> conversation id -> `RowState` values, int8, shape (T,).

    Labels must be those of planting time. Raises as `planted_streams` does.
    """
    return {
        modality: {c.id: _states(planted, c, _row_generator(planted, c)) for c in corpus.conversations}
        for modality, planted in planted_streams(corpus).items()
    }


def log_likelihood(planted: PlantedStream, features: Float32[np.ndarray, "T D"]) -> Float64[np.ndarray, "T C"]:
    """log p(x | class) - log N(x; 0, I), row by row: what is left out is the same for every class.

    Missing numbers are integrated out, so that an absent row gets 0 throughout.
    """
    means = np.array(planted.class_means)
    present = ~np.isnan(features)
    ratio = np.where(present, features, 0.0) @ means.T - 0.5 * (present @ np.square(means).T)
    with np.errstate(divide="ignore"):
        return np.logaddexp(np.log1p(-planted.stream.noise) + ratio, np.log(planted.stream.noise))


def stream_evidence(planted: Mapping[str, PlantedStream], conversation: Conversation) -> Float64[np.ndarray, "T C"]:
    """`log_likelihood`, summed over the planted streams that the conversation has."""
    evidence = np.zeros((len(conversation), len(next(iter(planted.values())).classes)))
    for each in planted.values():
        features = conversation.features.get(each.key)
        if features is not None:
            evidence += log_likelihood(each, features)
    return evidence


def observer_probabilities(
    planted: Mapping[str, PlantedStream], conversation: Conversation, prior: Float64[np.ndarray, "#T C"]
) -> Float64[np.ndarray, "T C"]:
    """The posterior of the observer who knows the densities.

    Args:
        planted: from `planted_streams`.
        conversation: whose planted features are looked at.
        prior: class probabilities before that look: one row for all, or a text model's posterior, which holds the class shares.
    """
    with np.errstate(divide="ignore"):
        return softmax(np.log(prior) + stream_evidence(planted, conversation), axis=1)


def class_shares(corpus: Corpus, split: str) -> Float64[np.ndarray, " C"]:
    """Shares of the classes among the training part's labelled utterances; a DataError if there are none."""
    counts = np.array(list(corpus.label_counts(corpus.part(split, "train")).values()), float)
    if counts.sum() == 0:
        raise DataError(f"corpus {corpus.name!r}, split {split!r}: no labelled utterance in part 'train'")
    return counts / counts.sum()


def text_posterior(corpus: Corpus, split: str, part: Part, feature: str | None = None) -> dict[str, np.ndarray]:
    """p(class | text) of a logistic regression fitted on the training part: conversation id -> (T, C).

    Utterances without text get the class shares. On the part `train` the regression judges what it was fitted on, and is too sure.

    Args:
        corpus: with text features.
        split: whose training part is fitted on.
        part: to be judged.
        feature: key of the feature, such as `text/minilm`; by default the first that the modality `text` offers.

    Raises:
        DataError: no such feature, split or part, or no labelled training utterance has the feature.
    """
    specs = {spec.key: spec for spec in (corpus.features_of("text") if feature is None else corpus.feature_schema)}
    if not specs or (feature is not None and feature not in specs):
        has = ", ".join(spec.key for spec in corpus.feature_schema) or "none"
        raise DataError(f"corpus {corpus.name!r} has no feature {feature or 'of the modality text'}; it has: {has}")
    spec = next(iter(specs.values())) if feature is None else specs[feature]
    rows = labelled_rows(corpus.part(split, "train"), spec, corpus.label_set)
    if not len(rows.labels):
        raise DataError(f"corpus {corpus.name!r}, split {split!r}: no labelled training utterance has the feature {spec.key}")
    model, shares = fit_linear_probe(rows, len(corpus.label_set)), class_shares(corpus, split)
    posteriors: dict[str, np.ndarray] = {}
    for conversation in corpus.part(split, part):
        features = conversation.features.get(spec.key, np.full((len(conversation), spec.dimension), np.nan, np.float32))
        absent = np.isnan(features).all(axis=1, keepdims=True)
        posteriors[conversation.id] = np.where(absent, shares, model.probabilities(features))
    return posteriors


def ceiling(corpus: Corpus, split: str, part: Part, text: Posteriors | None = None) -> Ceiling:
    """Scores, on a part, of the observer who knows the planted densities and the training part's class shares.

    Args:
        corpus, split, part: what is judged.
        text: as `text_posterior` returns it, where streams were planted beside real text.

    Raises:
        DataError: nothing planted, no such part, no label in it, a text posterior that lacks a conversation or is of planted text.
    """
    planted, shares = planted_streams(corpus), class_shares(corpus, split)[None]
    if text is not None and "text" in planted:
        raise DataError(f"corpus {corpus.name!r}: text is itself planted, and so in the densities already: pass no text posterior")
    posteriors: dict[str, np.ndarray] = {}
    for conversation in corpus.part(split, part):
        prior = shares
        if text is not None:
            prior = np.asarray(text.get(conversation.id, np.zeros((0, 0))), np.float64)
            expected = (len(conversation), len(corpus.label_set))
            if prior.shape != expected:
                raise DataError(f"text posterior, conversation {conversation.id!r}: shape {prior.shape}, expected {expected}")
        posteriors[conversation.id] = observer_probabilities(planted, conversation, prior)
    return judged(corpus, split, part, posteriors, "densities" if text is None else "densities and text")


def judged(corpus: Corpus, split: str, part: Part, posteriors: Posteriors, observer: Observer) -> Ceiling:
    """Accuracy and weighted F1 of the most probable classes; a DataError if no utterance of the part has a label."""
    truth: list[int] = []
    predicted: list[int] = []
    for conversation in corpus.part(split, part):
        best = posteriors[conversation.id].argmax(axis=1)
        for utterance, label in zip(conversation.utterances, best, strict=True):
            if utterance.label is not None:
                truth.append(corpus.label_set.index(utterance.label))
                predicted.append(int(label))
    if not truth:
        raise DataError(f"corpus {corpus.name!r}, split {split!r}: no labelled utterance in part {part!r}")
    return Ceiling(
        observer=observer,
        accuracy=float(accuracy_score(truth, predicted)),
        weighted_f1=float(f1_score(truth, predicted, average="weighted", zero_division=0.0)),  # pyright: ignore
        utterances=len(truth),
    )


def _noted(corpus: Corpus) -> tuple[PlantedStream, ...]:
    try:
        return TypeAdapter(tuple[PlantedStream, ...]).validate_python(corpus.notes.get(PLANTED_NOTE, ()))
    except ValidationError as error:
        raise DataError(f"corpus {corpus.name!r}, note 'planted': {error.errors()[0]['msg']}") from error


def _planted(stream: Stream, seed: int, classes: tuple[str, ...]) -> PlantedStream:
    directions = generator_for(seed, "class means", stream.modality).standard_normal((len(classes), stream.dimension))
    means = stream.quality * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return PlantedStream(stream=stream, seed=seed, classes=classes, class_means=tuple(tuple(row) for row in means.tolist()))


def _row_generator(planted: PlantedStream, conversation: Conversation) -> np.random.Generator:
    """Draws the states first, the vectors after them."""
    return generator_for(planted.seed, "rows", planted.stream.modality, conversation.id)


def _states(planted: PlantedStream, conversation: Conversation, generator: np.random.Generator) -> Int8[np.ndarray, " T"]:
    is_absent, is_noise = generator.random((2, len(conversation))) < np.array([[planted.stream.absent], [planted.stream.noise]])
    is_noise |= np.array([u.label is None for u in conversation.utterances])
    return np.where(is_absent, RowState.ABSENT, np.where(is_noise, RowState.NOISE, RowState.SIGNAL)).astype(np.int8)


def _with_streams(
    conversation: Conversation, planted: Mapping[str, PlantedStream], means: Mapping[str, np.ndarray], dropped: set[str]
) -> Conversation:
    features = {key: array for key, array in conversation.features.items() if key not in dropped}
    for modality, each in planted.items():
        generator = _row_generator(each, conversation)
        state = _states(each, conversation, generator)
        rows = generator.standard_normal((len(conversation), each.stream.dimension))
        label = np.array([0 if u.label is None else each.classes.index(u.label) for u in conversation.utterances])
        rows += np.where(state[:, None] == RowState.SIGNAL, means[modality][label], 0.0)
        rows[state == RowState.ABSENT] = np.nan
        features[each.key] = rows.astype(np.float32)
    return replace(conversation, features=features)
