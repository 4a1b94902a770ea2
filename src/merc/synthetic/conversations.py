"""Wholly synthetic corpora: Markov emotions with speaker influence, planted streams, no dialogue.

Each emotion is a mixture [chosen]: with probability `persistence` the speaker's own last emotion, with probability `influence` the
last emotion of the other speaker who spoke last, else a fresh draw from `prior`. Where no such emotion exists yet, its share goes
to the fresh draw; so the classes' shares are `prior` throughout. Who speaks does not depend on emotions.

Shapes: T utterances, C classes, S speakers who speak in a conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from merc.data.schema import PARTS, Conversation, Corpus, LabelSet, Part, Split, Utterance
from merc.errors import DataError
from merc.files.shapes import Float64
from merc.settings import Settings
from merc.synthetic.oracle import Ceiling, ceiling, judged, stream_evidence
from merc.synthetic.planting import PlantedStream, Stream, generator_for, plant, planted_streams

SYNTHESIS_NOTE = "synthesis"  # the key of the config in a corpus's notes
MAX_STATES = 100_000  # chosen: six speakers of six classes fit; memory is 8 bytes a state and utterance
SAME_SPEAKER = 0.2  # chosen: chance that a speaker goes on; else one of the others, all alike


class SyntheticConfig(Settings):
    """What to synthesise.

    Attributes:
        train, validation, test: conversations in each part of the split `official`.
        length: fewest and most utterances of a conversation; every length between is as likely.
        speakers: fewest and most speakers of a conversation.
        prior: the classes' shares, positive, summing to 1; None for equal shares.
        streams: one a modality; the defaults differ clearly in mean quality: text above audio above visual.
        persistence: share of a speaker's emotions that repeat the speaker's last.
        influence: share that takes over the last emotion of another speaker.
    """

    train: int = Field(default=96, ge=1)
    validation: int = Field(default=24, ge=0)
    test: int = Field(default=24, ge=0)
    length: tuple[int, int] = (6, 24)
    speakers: tuple[int, int] = (2, 3)
    classes: tuple[str, ...] = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
    prior: tuple[float, ...] | None = None
    streams: tuple[Stream, ...] = (
        Stream(modality="text", dimension=64, quality=3.0, noise=0.10, absent=0.05),
        Stream(modality="audio", dimension=48, quality=2.2, noise=0.20, absent=0.10),
        Stream(modality="visual", dimension=32, quality=1.4, noise=0.30, absent=0.15),
    )
    persistence: float = Field(default=0.5, ge=0.0, le=1.0)
    influence: float = Field(default=0.25, ge=0.0, le=1.0)
    seed: int = 0

    @field_validator("length", "speakers")
    @classmethod
    def _range_in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= value[0] <= value[1]:
            raise ValueError(f"range {list(value)}: fewest and most, 1 or more, in this order")
        return value

    @model_validator(mode="after")
    def _shares_fit(self) -> SyntheticConfig:
        LabelSet(names=self.classes)
        if self.persistence + self.influence > 1.0:
            raise ValueError(f"persistence {self.persistence} and influence {self.influence}: at most 1 together")
        if self.prior is not None:
            if len(self.prior) != len(self.classes):
                raise ValueError(f"prior: {len(self.prior)} shares for {len(self.classes)} classes; one each")
            if not all(share > 0 for share in self.prior) or abs(sum(self.prior) - 1.0) > 1e-6:
                raise ValueError(f"prior {list(self.prior)}: positive shares that sum to 1")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class EmotionChain:
    """Probabilities of the next emotion, given the last one of the speaker and the last one of another."""

    prior: Float64[np.ndarray, " C"]
    persistence: float
    influence: float

    @classmethod
    def of(cls, config: SyntheticConfig) -> EmotionChain:
        """The chain that a config describes; the prior is scaled to sum to 1 exactly."""
        shares = np.ones(len(config.classes)) if config.prior is None else np.array(config.prior)
        return cls(shares / shares.sum(), config.persistence, config.influence)

    def transitions(self, has_own: bool, has_other: bool) -> Float64[np.ndarray, "C C C"]:
        """P(next | other's last, own last), axes (other, own, next). What is not there leaves its axis without effect."""
        same = np.eye(len(self.prior))
        stay = self.persistence if has_own else 0.0
        adopt = self.influence if has_other else 0.0
        fresh = (1.0 - stay - adopt) * self.prior
        return stay * same[None, :, :] + adopt * same[:, None, :] + fresh[None, None, :]


@dataclass(frozen=True, slots=True)
class _Turn:
    speaker: int
    other: int | None  # who of the others spoke last
    spoke_before: bool


def synthesise(config: SyntheticConfig) -> Corpus:
    """A corpus with one split, `official`, and planted features; no transcripts. Same config, same corpus.

    Its notes hold `synthetic: true`, the config, and the planted streams.

    Raises:
        DataError: no stream, two streams of one modality, or more than 8 modalities.
    """
    chain = EmotionChain.of(config)
    sizes = dict(zip(PARTS, (config.train, config.validation, config.test), strict=True))
    parts = {part: tuple(f"{part}_{i:04d}" for i in range(size)) for part, size in sizes.items()}
    bare = Corpus(
        name="synthetic",
        label_set=LabelSet(names=config.classes),
        feature_schema=(),
        conversations=tuple(_converse(config, chain, i) for ids in parts.values() for i in ids),
        splits={"official": Split("official", parts)},
        notes={"synthetic": True, "source": "synthesised by merc", SYNTHESIS_NOTE: config.model_dump(mode="json")},
    )
    return plant(bare, config.streams, config.seed)


def chain_ceiling(corpus: Corpus, split: str, part: Part) -> Ceiling:
    """Scores of the oracle that is given the densities, the chain of emotions and whole conversations.

    If a conversation of the part has too many speakers for the exact posterior, the densities' ceiling is returned for the whole
    part; the result's `knowledge` says which of the two it is.

    Raises:
        DataError: the corpus is not a synthetic one, or no such split or part.
    """
    chain, planted = recorded_chain(corpus), planted_streams(corpus)
    conversations = corpus.part(split, part)
    if any(state_count(c, len(corpus.label_set)) > MAX_STATES for c in conversations):
        return ceiling(corpus, split, part)
    posteriors = {c.id: chain_posterior(chain, planted, c) for c in conversations}
    return judged(corpus, split, part, posteriors, "densities and chain")


def recorded_chain(corpus: Corpus) -> EmotionChain:
    """The chain that a synthetic corpus's notes record.

    Raises:
        DataError: the corpus was not synthesised here, or its label set is another now.
    """
    try:
        config = SyntheticConfig.model_validate(corpus.notes.get(SYNTHESIS_NOTE))
    except ValidationError as error:
        raise DataError(f"corpus {corpus.name!r} has no usable note 'synthesis': it was not made by `synthesise`") from error
    if config.classes != corpus.label_set.names:
        raise DataError(f"corpus {corpus.name!r}: synthesised for {', '.join(config.classes)}; the label set is another now")
    return EmotionChain.of(config)


def state_count(conversation: Conversation, classes: int) -> int:
    """Size of the table that the exact posterior needs: C to the power of S."""
    return classes ** len({u.speaker for u in conversation.utterances})


def chain_posterior(
    chain: EmotionChain, planted: dict[str, PlantedStream], conversation: Conversation
) -> Float64[np.ndarray, "T C"]:
    """P(emotion_t | all features of the conversation), exact, by forward filtering and backward smoothing.

    The state after an utterance is the last emotion of every speaker, an axis each; index 0 before a speaker's first turn.

    Raises:
        DataError: more than `MAX_STATES` states.
    """
    classes = len(chain.prior)
    states = state_count(conversation, classes)
    if states > MAX_STATES:
        raise DataError(f"conversation {conversation.id!r}: {states} joint states of its speakers; at most {MAX_STATES}")
    evidence = stream_evidence(planted, conversation)
    likelihood = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    turns = _turns([u.speaker for u in conversation.utterances])
    speakers = 1 + max(turn.speaker for turn in turns)

    belief = np.zeros((classes,) * speakers)
    belief[(0,) * speakers] = 1.0
    filtered: list[np.ndarray] = []
    for turn, seen in zip(turns, likelihood, strict=True):
        belief = _step(belief, turn, chain, seen, "...o,oe->...e", "...ao,aoe->...ae")
        belief = belief / belief.sum()
        filtered.append(belief)

    posterior = np.zeros((len(turns), classes))
    future = np.ones((classes,) * speakers)
    for t, turn in reversed(list(enumerate(turns))):
        joint = np.moveaxis(filtered[t] * future, turn.speaker, -1).reshape(-1, classes).sum(axis=0)
        posterior[t] = joint / joint.sum()
        future = _step(future, turn, chain, likelihood[t], "...e,oe->...o", "...ae,aoe->...ao")
        future = future / future.max()
    return posterior


def _step(table: np.ndarray, turn: _Turn, chain: EmotionChain, likelihood: np.ndarray, alone: str, after_other: str) -> np.ndarray:
    """A table over the speakers' last emotions times the turn's kernel, by the einsum rule without or with another's emotion."""
    kernel = chain.transitions(turn.spoke_before, turn.other is not None) * likelihood
    if turn.other is None:
        axes, last = (turn.speaker,), (-1,)
        moved = np.einsum(alone, np.moveaxis(table, axes, last), kernel[0])
    else:
        axes, last = (turn.other, turn.speaker), (-2, -1)
        moved = np.einsum(after_other, np.moveaxis(table, axes, last), kernel)
    return np.moveaxis(moved, last, axes)


def _converse(config: SyntheticConfig, chain: EmotionChain, conversation_id: str) -> Conversation:
    generator = generator_for(config.seed, "conversation", conversation_id)
    length = int(generator.integers(config.length[0], config.length[1] + 1))
    count = int(generator.integers(config.speakers[0], config.speakers[1] + 1))
    speakers = [int(generator.integers(count))]
    while len(speakers) < length:
        goes_on = count == 1 or generator.random() < SAME_SPEAKER
        others = [s for s in range(count) if s != speakers[-1]]
        speakers.append(speakers[-1] if goes_on else others[int(generator.integers(len(others)))])
    last: dict[int, int] = {}
    utterances: list[Utterance] = []
    names = [f"S{s + 1}" for s in speakers]
    for position, turn in enumerate(_turns(names)):
        kernel = chain.transitions(turn.spoke_before, turn.other is not None)
        other = last[turn.other] if turn.other is not None else 0
        emotion = int(generator.choice(len(chain.prior), p=kernel[other, last.get(turn.speaker, 0)]))
        last[turn.speaker] = emotion
        utterances.append(Utterance(id=f"{position:03d}", speaker=names[position], label=config.classes[emotion]))
    return Conversation(conversation_id, tuple(utterances))


def _turns(speakers: Sequence[str | None]) -> list[_Turn]:
    """The speaker of each turn, numbered by first appearance, and the last of the other speakers."""
    number = {name: i for i, name in enumerate(dict.fromkeys(speakers))}
    turns: list[_Turn] = []
    for t, name in enumerate(speakers):
        others = [number[s] for s in speakers[:t] if s != name]
        turns.append(_Turn(number[name], others[-1] if others else None, name in speakers[:t]))
    return turns
