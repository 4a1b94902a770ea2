"""Synthetic corpora: the chain of emotions, and the oracle that is given it, against enumeration."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from merc.data.schema import PARTS, Conversation, Corpus, LabelSet, Utterance
from merc.errors import DataError
from merc.synthetic.conversations import (
    MAX_STATES,
    EmotionChain,
    SyntheticConfig,
    chain_ceiling,
    chain_posterior,
    recorded_chain,
    state_count,
    synthesise,
)
from merc.synthetic.oracle import ceiling, oracle_posterior, stream_evidence
from merc.synthetic.planting import Stream, plant, planted_streams

ABC = ("a", "b", "c")
WEAK = (Stream(modality="audio", dimension=4, quality=1.5, noise=0.3, absent=0.2),)


def sequence_probability(labels: Sequence[int], speakers: Sequence[str], chain: EmotionChain) -> float:
    """The definition, read utterance by utterance from the whole past."""
    probability = 1.0
    for t, emotion in enumerate(labels):
        own = [labels[s] for s in range(t) if speakers[s] == speakers[t]]
        others = [labels[s] for s in range(t) if speakers[s] != speakers[t]]
        stay = chain.persistence if own else 0.0
        adopt = chain.influence if others else 0.0
        step = (1.0 - stay - adopt) * chain.prior[emotion]
        if own and own[-1] == emotion:
            step += stay
        if others and others[-1] == emotion:
            step += adopt
        probability *= step
    return probability


def enumerated_posterior(chain: EmotionChain, likelihood: np.ndarray, speakers: Sequence[str]) -> np.ndarray:
    length, classes = likelihood.shape
    total = np.zeros((length, classes))
    for labels in itertools.product(range(classes), repeat=length):
        weight = sequence_probability(labels, speakers, chain) * np.prod([likelihood[t, c] for t, c in enumerate(labels)])
        for t, c in enumerate(labels):
            total[t, c] += weight
    return total / total.sum(1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(
    speakers=st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=6),
    persistence=st.floats(0.0, 0.6),
    influence=st.floats(0.0, 0.4),
    seed=st.integers(0, 2**16),
)
def test_the_smoother_equals_enumeration(speakers: list[str], persistence: float, influence: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    prior = generator.dirichlet(np.full(3, 2.0))
    chain = EmotionChain(prior, persistence, influence)
    utterances = tuple(Utterance(f"u{t}", s, label=ABC[generator.integers(3)]) for t, s in enumerate(speakers))
    corpus = plant(Corpus("tiny", LabelSet(names=ABC), (), (Conversation("c", utterances),)), WEAK, seed)
    planted, conversation = planted_streams(corpus), corpus.conversations[0]
    expected = enumerated_posterior(chain, np.exp(stream_evidence(planted, conversation)), speakers)
    np.testing.assert_allclose(chain_posterior(chain, planted, conversation), expected, atol=1e-9)


def test_shares_of_stay_and_adoption_are_as_asked() -> None:
    config = SyntheticConfig(
        train=400, validation=0, test=0, classes=ABC, prior=(0.5, 0.3, 0.2), persistence=0.5, influence=0.2, streams=WEAK, seed=1
    )
    corpus = synthesise(config)
    apart: list[tuple[int, int, int]] = []
    for conversation in corpus.conversations:
        names = [ABC.index(u.label) for u in conversation.utterances if u.label]
        speakers = [u.speaker for u in conversation.utterances]
        for t, emotion in enumerate(names):
            own = [names[s] for s in range(t) if speakers[s] == speakers[t]]
            others = [names[s] for s in range(t) if speakers[s] != speakers[t]]
            if own and others and own[-1] != others[-1]:
                apart.append((own[-1], others[-1], emotion))
    own, other, now = np.array(apart).T
    prior = np.array([0.5, 0.3, 0.2])
    error = 4 * 0.5 / np.sqrt(len(now))
    assert error < 0.06
    assert abs((now == own).mean() - (0.5 + 0.3 * prior[own].mean())) < error
    assert abs((now == other).mean() - (0.2 + 0.3 * prior[other].mean())) < error
    counts = np.array(list(corpus.label_counts().values()))
    np.testing.assert_allclose(counts / counts.sum(), prior, atol=0.05)


def test_lengths_speakers_and_parts_are_as_asked() -> None:
    config = SyntheticConfig(train=30, validation=5, test=7, length=(1, 9), speakers=(1, 4), seed=2)
    corpus = synthesise(config)
    assert [len(corpus.part("official", part)) for part in PARTS] == [30, 5, 7]
    lengths = {len(c) for c in corpus.conversations}
    assert min(lengths) == 1 and max(lengths) == 9
    speakers = {len({u.speaker for u in c.utterances}) for c in corpus.conversations}
    assert speakers == {1, 2, 3, 4}
    assert corpus.modalities == ("text", "audio", "visual")
    assert all(u.words is None and u.label is not None for c in corpus.conversations for u in c.utterances)
    assert corpus.notes["synthetic"] is True
    json.dumps(dict(corpus.notes))


def test_the_same_config_gives_the_same_corpus() -> None:
    config = SyntheticConfig(train=6, validation=2, test=2, seed=5)
    first, second = synthesise(config), synthesise(config)
    other = synthesise(config.model_copy(update={"seed": 6}))
    longer = synthesise(config.model_copy(update={"train": 9}))  # more conversations leave the first ones as they were
    for a, b, c, d in zip(first.conversations, second.conversations, other.conversations, longer.conversations, strict=False):
        assert a.utterances == b.utterances
        np.testing.assert_array_equal(a.features["text/planted"], b.features["text/planted"])
        assert a.utterances != c.utterances
        if a.id.startswith("train"):
            assert a.utterances == d.utterances
            np.testing.assert_array_equal(a.features["text/planted"], d.features["text/planted"])


def test_the_default_streams_rank_text_audio_visual() -> None:
    corpus = synthesise(SyntheticConfig(seed=3))
    streams = planted_streams(corpus)
    scores = []
    for modality in ("text", "audio", "visual"):
        alone = replace(corpus, notes={"planted": [streams[modality].model_dump(mode="json")]})
        scores.append(ceiling(alone, "official", "train").accuracy)
    assert scores[0] > scores[1] + 0.1 and scores[1] > scores[2] + 0.1


def test_knowing_the_chain_helps_and_is_calibrated() -> None:
    config = SyntheticConfig(train=120, validation=0, test=0, classes=ABC, streams=WEAK, persistence=0.6, influence=0.3, seed=4)
    corpus = synthesise(config)
    known = chain_ceiling(corpus, "official", "train")
    assert known.knowledge == "densities and chain"
    assert known.accuracy > ceiling(corpus, "official", "train").accuracy + 0.03
    chain, planted = recorded_chain(corpus), planted_streams(corpus)
    posterior = np.concatenate([chain_posterior(chain, planted, c) for c in corpus.conversations])
    truth = np.array([ABC.index(u.label) for c in corpus.conversations for u in c.utterances if u.label])
    hit = posterior.argmax(1) == truth
    assert abs(hit.mean() - posterior.max(1).mean()) < 0.06  # 4 standard errors; neighbours are alike
    assert hit.mean() == pytest.approx(known.accuracy)


def test_without_stay_and_adoption_the_chain_is_the_prior() -> None:
    config = SyntheticConfig(train=3, validation=0, test=0, persistence=0.0, influence=0.0)
    corpus = synthesise(config)
    chain, planted = recorded_chain(corpus), planted_streams(corpus)
    for conversation in corpus.conversations:
        np.testing.assert_allclose(
            chain_posterior(chain, planted, conversation),
            oracle_posterior(planted, conversation, chain.prior[None]),
            atol=1e-12,
        )


def test_too_many_speakers_leave_the_ceiling_of_the_densities() -> None:
    crowded = synthesise(SyntheticConfig(train=4, validation=0, test=0, length=(40, 40), speakers=(8, 8)))
    first = crowded.conversations[0]
    assert state_count(first, 6) > MAX_STATES
    found = chain_ceiling(crowded, "official", "train")
    assert found == ceiling(crowded, "official", "train") and found.knowledge == "densities"
    with pytest.raises(DataError, match="joint states"):
        chain_posterior(recorded_chain(crowded), planted_streams(crowded), first)


def test_long_conversations_do_not_underflow() -> None:
    corpus = synthesise(SyntheticConfig(train=1, validation=0, test=0, length=(400, 400), speakers=(2, 2)))
    posterior = chain_posterior(recorded_chain(corpus), planted_streams(corpus), corpus.conversations[0])
    assert np.isfinite(posterior).all()
    np.testing.assert_allclose(posterior.sum(1), 1.0)


def test_clear_errors() -> None:
    with pytest.raises(ValidationError, match="at most 1 together"):
        SyntheticConfig(persistence=0.8, influence=0.3)
    with pytest.raises(ValidationError, match="fewest and most"):
        SyntheticConfig(length=(5, 4))
    with pytest.raises(ValidationError, match="one each"):
        SyntheticConfig(prior=(0.5, 0.5))
    with pytest.raises(ValidationError, match="sum to 1"):
        SyntheticConfig(classes=ABC, prior=(0.5, 0.5, 0.5))
    with pytest.raises(ValidationError, match="two or more different"):
        SyntheticConfig(classes=("a", "a"))
    corpus = synthesise(SyntheticConfig(train=2, validation=0, test=0))
    with pytest.raises(DataError, match="not made by `synthesise`"):
        chain_ceiling(replace(corpus, notes={"planted": corpus.notes["planted"]}), "official", "train")
    with pytest.raises(DataError, match="label set is another"):
        recorded_chain(replace(corpus, label_set=LabelSet(names=(*corpus.label_set.names, "bored"))))
