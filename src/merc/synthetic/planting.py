"""Planted streams: features of known quality on a corpus's own conversations; docs/data.md gives their density.

The class means are independent random unit vectors times `quality` [chosen: not made orthogonal, so that some classes are harder
to separate than others]. An unlabelled utterance gets pure noise. Given the label, a planted stream is independent of all else;
`merc.synthetic.oracle` uses that. Each conversation has its own generator, keyed by seed, modality and conversation id.

Shapes: T utterances, D features, C classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from merc.data.schema import Conversation, Corpus, FeatureSpec
from merc.errors import DataError
from merc.files.shapes import Int8
from merc.settings import Settings

FEATURE_NAME = "planted"
PLANTED_NOTE = "planted"  # the key in a corpus's notes


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
    """A stream as it was planted: the class means (C, D) of the label set at that time, the seed of all draws."""

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
        """The feature's entry in the schema; plantings of other parameters, classes or seeds differ in version."""
        s = self.stream
        classes = hashlib.sha256(json.dumps(self.classes).encode()).hexdigest()[:8]
        version = f"quality={s.quality},noise={s.noise},absent={s.absent},seed={self.seed},classes={classes}"
        return FeatureSpec(modality=s.modality, name=FEATURE_NAME, dimension=s.dimension, encoder=FEATURE_NAME, version=version)


class RowState(IntEnum):
    """What a planted row is. An unlabelled utterance that has the modality is always NOISE."""

    SIGNAL = 0
    NOISE = 1
    ABSENT = 2


def generator_for(seed: int, *words: str) -> np.random.Generator:
    """A generator of its own for each seed and words, so that draws do not depend on the order of work."""
    digest = hashlib.sha256(json.dumps([seed, *words]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def plant(corpus: Corpus, streams: Sequence[Stream] = STANDARD, seed: int = 0) -> Corpus:
    """Replaces the streams' modalities by planted ones; all else stays: conversations, speakers, labels, splits, other modalities.

    The same seed gives the same class means and draws. `notes['planted']` lists every `PlantedStream`, earlier ones included.

    Raises:
        DataError: no stream, two streams of one modality, or more than 8 modalities in all.
    """
    planted = {stream.modality: _planted(stream, seed, corpus.label_set.names) for stream in streams}
    if not 0 < len(planted) == len(streams):
        modalities = [stream.modality for stream in streams]
        raise DataError(f"streams to plant: {modalities or 'none'}; one or more, each modality once")
    earlier = [each for each in _noted(corpus) if each.stream.modality not in planted]
    new = {modality: each.spec for modality, each in planted.items()}
    in_place = [new.get(spec.modality, spec) for spec in corpus.feature_schema]
    schema = {spec.key: spec for spec in (*in_place, *new.values())}  # a modality keeps its place, a new one comes last
    dropped = {spec.key for spec in corpus.feature_schema if spec.modality in planted}
    return replace(
        corpus,
        feature_schema=tuple(schema.values()),
        conversations=tuple(_with_streams(c, planted, dropped) for c in corpus.conversations),
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
            then, now = ", ".join(each.classes), ", ".join(corpus.label_set.names)
            found = f"{each.stream.modality} was planted for the classes {then}; the label set is now {now}"
            raise DataError(f"corpus {corpus.name!r}: {found}: plant again")
        if each.spec not in corpus.feature_schema:
            raise DataError(f"corpus {corpus.name!r}: the schema lacks the planted feature {each.key}: plant again")
    return {each.stream.modality: each for each in planted}


def planted_truth(corpus: Corpus) -> dict[str, dict[str, np.ndarray]]:
    """Which rows were what, drawn again from the seed: modality -> conversation id -> `RowState` values, int8, shape (T,).

    Labels must be those of planting time. Raises as `planted_streams` does.
    """
    return {
        modality: {c.id: _states(planted, c)[0] for c in corpus.conversations}
        for modality, planted in planted_streams(corpus).items()
    }


def redrawn(corpus: Corpus, conversations: Sequence[Conversation], seed: int) -> tuple[Conversation, ...]:
    """The conversations with their planted rows drawn anew: the same densities, other noise and absence.

    Scores averaged over several draws depend less on the noise of one.

    Raises:
        DataError: as `planted_streams`.
    """
    planted = {m: each.model_copy(update={"seed": seed}) for m, each in planted_streams(corpus).items()}
    return tuple(_with_streams(c, planted, set()) for c in conversations)


def _noted(corpus: Corpus) -> tuple[PlantedStream, ...]:
    try:
        return TypeAdapter(tuple[PlantedStream, ...]).validate_python(corpus.notes.get(PLANTED_NOTE, ()))
    except ValidationError as error:
        raise DataError(f"corpus {corpus.name!r}, note 'planted': {error.errors()[0]['msg']}") from error


def _planted(stream: Stream, seed: int, classes: tuple[str, ...]) -> PlantedStream:
    directions = generator_for(seed, "class means", stream.modality).standard_normal((len(classes), stream.dimension))
    means = stream.quality * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return PlantedStream(stream=stream, seed=seed, classes=classes, class_means=tuple(tuple(row) for row in means.tolist()))


def _states(planted: PlantedStream, conversation: Conversation) -> tuple[Int8[np.ndarray, " T"], np.random.Generator]:
    """The rows' states, and the generator that draws the vectors after them."""
    generator = generator_for(planted.seed, "rows", planted.stream.modality, conversation.id)
    is_absent, is_noise = generator.random((2, len(conversation))) < np.array([[planted.stream.absent], [planted.stream.noise]])
    is_noise |= np.array([u.label is None for u in conversation.utterances])
    states = np.where(is_absent, RowState.ABSENT, np.where(is_noise, RowState.NOISE, RowState.SIGNAL)).astype(np.int8)
    return states, generator


def _with_streams(conversation: Conversation, planted: Mapping[str, PlantedStream], dropped: set[str]) -> Conversation:
    features = {key: array for key, array in conversation.features.items() if key not in dropped}
    for each in planted.values():
        state, generator = _states(each, conversation)
        rows = generator.standard_normal((len(conversation), each.stream.dimension))
        label = np.array([0 if u.label is None else each.classes.index(u.label) for u in conversation.utterances])
        rows += np.where(state[:, None] == RowState.SIGNAL, np.array(each.class_means)[label], 0.0)
        rows[state == RowState.ABSENT] = np.nan
        features[each.key] = rows.astype(np.float32)
    return replace(conversation, features=features)
