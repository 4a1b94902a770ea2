"""Planting: what stays, what is drawn, and that the knowing observer's densities are those that were drawn from."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from merc.data.planting import (
    STANDARD,
    PlantedStream,
    RowState,
    Stream,
    ceiling,
    class_shares,
    log_likelihood,
    observer_probabilities,
    plant,
    planted_streams,
    planted_truth,
    text_posterior,
)
from merc.data.probe import probe
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
from merc.errors import DataError

NAMES = ("neutral", "joy", "anger")
SHARES = (0.5, 0.3, 0.2)


def real_corpus(
    conversations: int = 60, length: int = 20, seed: int = 3, unlabelled: float = 0.0, text_quality: float = 0.0
) -> Corpus:
    """Independent labels, text that shows the label as strongly as asked, real-looking audio under two names."""
    generator = np.random.default_rng(seed)
    means = text_quality * np.eye(len(NAMES), 6)
    made: list[Conversation] = []
    for i in range(conversations):
        labels = generator.choice(len(NAMES), size=length, p=SHARES)
        hidden = generator.random(length) < unlabelled
        utterances = tuple(
            Utterance(id=f"u{t}", speaker="AB"[t % 2], label=None if hidden[t] else NAMES[labels[t]], transcript=f"{i} {t}")
            for t in range(length)
        )
        text = (means[labels] + generator.standard_normal((length, 6))).astype(np.float32)
        audio = generator.standard_normal((length, 4)).astype(np.float32)
        made.append(Conversation(f"c{i}", utterances, {"audio/praat": audio, "text/bert": text, "audio/wave": audio}))
    ids = [c.id for c in made]
    half, most = conversations // 2, conversations * 3 // 4
    split = Split("official", {"train": tuple(ids[:half]), "validation": tuple(ids[half:most]), "test": tuple(ids[most:])})
    schema = (
        FeatureSpec(modality="audio", name="praat", dimension=4),
        FeatureSpec(modality="text", name="bert", dimension=6),
        FeatureSpec(modality="audio", name="wave", dimension=4),
    )
    return Corpus("real", LabelSet(names=NAMES), schema, tuple(made), {"official": split}, {"licence": "MIT"})


def rows(corpus: Corpus, key: str) -> np.ndarray:
    return np.concatenate([c.features[key] for c in corpus.conversations])


def states(corpus: Corpus, modality: str) -> np.ndarray:
    truth = planted_truth(corpus)[modality]
    return np.concatenate([truth[c.id] for c in corpus.conversations])


def labels(corpus: Corpus) -> np.ndarray:
    return np.array([corpus.label_set.index(u.label) for c in corpus.conversations for u in c.utterances if u.label])


def test_all_but_the_planted_modalities_stays() -> None:
    corpus = real_corpus()
    planted = plant(corpus, STANDARD, seed=1)
    assert [s.key for s in planted.feature_schema] == ["audio/planted", "text/bert", "visual/planted"]
    assert planted.label_set == corpus.label_set and planted.splits == corpus.splits
    assert planted.notes["licence"] == "MIT"
    for before, after in zip(corpus.conversations, planted.conversations, strict=True):
        assert before.id == after.id and before.utterances == after.utterances
        assert set(after.features) == {"audio/planted", "text/bert", "visual/planted"}
        np.testing.assert_array_equal(before.features["text/bert"], after.features["text/bert"])
    audio = planted.features_of("audio")[0]
    assert (audio.encoder, audio.dimension) == ("planted", 32)
    versions = {
        plant(corpus, [Stream(modality="audio", dimension=8, quality=q, noise=n)], seed=s).features_of("audio")[0].version
        for q in (1.0, 2.0)
        for n in (0.0, 0.5)
        for s in (0, 1)
    }
    assert len(versions) == 8


def test_draws_depend_on_seed_modality_and_conversation_only() -> None:
    corpus = real_corpus(conversations=8)
    planted = plant(corpus, STANDARD, seed=1)
    again = plant(corpus, STANDARD, seed=1)
    np.testing.assert_array_equal(rows(planted, "audio/planted"), rows(again, "audio/planted"))
    assert not np.allclose(rows(plant(corpus, STANDARD, seed=2), "audio/planted"), rows(planted, "audio/planted"), equal_nan=True)
    alone = replace(corpus, conversations=corpus.conversations[5:6], splits={})
    np.testing.assert_array_equal(
        plant(alone, STANDARD[::-1], seed=1).conversations[0].features["visual/planted"],
        planted.conversations[5].features["visual/planted"],
    )
    first, second = (c.features["audio/planted"] for c in planted.conversations[:2])
    assert not np.allclose(first, second, equal_nan=True)


def test_shares_means_and_spread_are_as_asked() -> None:
    stream = Stream(modality="audio", dimension=12, quality=2.5, noise=0.3, absent=0.2)
    corpus = plant(real_corpus(conversations=300), [stream], seed=4)
    state, label, x = states(corpus, "audio"), labels(corpus), rows(corpus, "audio/planted")
    n = len(state)
    np.testing.assert_array_equal(np.isnan(x).all(axis=1), state == RowState.ABSENT)
    np.testing.assert_array_equal(np.isnan(x).any(axis=1), state == RowState.ABSENT)
    assert abs((state == RowState.ABSENT).mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / n)
    present = state != RowState.ABSENT
    assert abs((state[present] == RowState.NOISE).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / present.sum())
    means = np.array(planted_streams(corpus)["audio"].class_means)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 2.5, rtol=1e-12)
    for c in range(3):
        signal = x[(state == RowState.SIGNAL) & (label == c)]
        assert np.abs(signal.mean(0) - means[c]).max() < 5 / np.sqrt(len(signal))
        assert np.abs(signal.std(0) - 1).max() < 5 / np.sqrt(2 * len(signal))
    noise = x[state == RowState.NOISE]
    assert np.abs(noise.mean(0)).max() < 5 / np.sqrt(len(noise))


def test_unlabelled_utterances_get_noise_and_are_not_scored() -> None:
    stream = Stream(modality="audio", dimension=5, quality=6.0, noise=0.3)
    corpus = plant(real_corpus(unlabelled=0.4), [stream], seed=0)
    hidden = np.array([u.label is None for c in corpus.conversations for u in c.utterances])
    state = states(corpus, "audio")
    assert (state[hidden] == RowState.NOISE).all() and abs((state[~hidden] == RowState.NOISE).mean() - 0.3) < 0.08
    assert np.abs(rows(corpus, "audio/planted")[hidden].mean(0)).max() < 0.25
    scored = sum(u.label is not None for c in corpus.part("official", "test") for u in c.utterances)
    assert ceiling(corpus, "official", "test").utterances == scored


def test_everything_is_found_again_from_notes_that_went_through_json() -> None:
    corpus = plant(real_corpus(conversations=4), STANDARD, seed=9)
    reread = replace(corpus, notes=json.loads(json.dumps(dict(corpus.notes))))
    assert planted_streams(reread) == planted_streams(corpus)
    np.testing.assert_array_equal(states(reread, "visual"), states(corpus, "visual"))
    assert ceiling(reread, "official", "test") == ceiling(corpus, "official", "test")


def test_planting_again_replaces_its_modality_and_keeps_the_others() -> None:
    once = plant(real_corpus(conversations=4), STANDARD, seed=1)
    twice = plant(once, [Stream(modality="audio", dimension=3, quality=1.0)], seed=2)
    streams = planted_streams(twice)
    assert streams["visual"] == planted_streams(once)["visual"]
    assert streams["audio"].stream.dimension == 3 and streams["audio"].seed == 2
    np.testing.assert_array_equal(rows(twice, "visual/planted"), rows(once, "visual/planted"))


@settings(max_examples=40, deadline=None)
@given(
    noise=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.01, 0.99)),
    quality=st.floats(0.0, 3.0),
    seed=st.integers(0, 2**16),
)
def test_log_likelihood_equals_the_densities_written_out(noise: float, quality: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((3, 4))
    means = quality * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    stream = Stream(modality="audio", dimension=4, quality=quality, noise=noise)
    planted = PlantedStream(stream=stream, seed=0, classes=NAMES, class_means=tuple(map(tuple, means.tolist())))
    x = generator.standard_normal((5, 4)).astype(np.float32)
    x[2] = np.nan
    x[3, 1:3] = np.nan
    found = log_likelihood(planted, x)
    for t in range(5):
        seen = ~np.isnan(x[t])
        for c in range(3):
            if not seen.any():
                assert found[t, c] == pytest.approx(0.0, abs=1e-12)
                continue
            cov = np.eye(int(seen.sum()))
            at_mean = multivariate_normal.pdf(x[t][seen], means[c][seen], cov)
            at_zero = multivariate_normal.pdf(x[t][seen], np.zeros(int(seen.sum())), cov)
            expected = np.log((1 - noise) * at_mean + noise * at_zero) - np.log(at_zero)
            assert found[t, c] == pytest.approx(expected, abs=1e-5)


def test_the_posterior_is_calibrated() -> None:
    """The observer's certainty equals its hit rate: false for any density but the one drawn from."""
    corpus = plant(real_corpus(conversations=400), STANDARD, seed=5)
    planted = planted_streams(corpus)
    posterior = np.concatenate([observer_probabilities(planted, c, np.array([SHARES])) for c in corpus.conversations])
    np.testing.assert_allclose(posterior.sum(1), 1.0)
    hit = posterior.argmax(1) == labels(corpus)
    sure = posterior.max(1)
    for low, high in ((0.0, 0.6), (0.6, 0.9), (0.9, 1.01)):
        chosen = (sure >= low) & (sure < high)
        assert chosen.sum() > 200
        assert abs(hit[chosen].mean() - sure[chosen].mean()) < 4 * 0.5 / np.sqrt(chosen.sum())


def test_observer_by_hand() -> None:
    """One number, means +2 and -2, half noise, x = 1: odds are (e^{0} + 1) : (e^{-4} + 1) times the prior's."""
    stream = Stream(modality="audio", dimension=1, quality=2.0, noise=0.5)
    planted = PlantedStream(stream=stream, seed=0, classes=("up", "down"), class_means=((2.0,), (-2.0,)))
    utterances = (Utterance("a", "A"), Utterance("b", "B"))
    x = np.array([[1.0], [np.nan]], np.float32)
    conversation = Conversation("c", utterances, {"audio/planted": x})
    up = 0.25 * (np.exp(0.0) + 1)
    down = 0.75 * (np.exp(-4.0) + 1)
    found = observer_probabilities({"audio": planted}, conversation, np.array([[0.25, 0.75]]))
    np.testing.assert_allclose(found, [[up / (up + down), down / (up + down)], [0.25, 0.75]])
    text = np.array([[0.5, 0.5], [0.9, 0.1]])  # a posterior a row takes the prior's place
    found = observer_probabilities({"audio": planted}, conversation, text)
    np.testing.assert_allclose(found[0], [2 / (3 + np.exp(-4)), 1 - 2 / (3 + np.exp(-4))])
    np.testing.assert_allclose(found[1], text[1])
    without = replace(conversation, features={})
    np.testing.assert_allclose(observer_probabilities({"audio": planted}, without, text), text)


def test_ceiling_rises_with_quality_and_no_probe_passes_it() -> None:
    corpus = real_corpus(conversations=200)
    scores = []
    for quality in (0.0, 1.0, 2.0, 4.0):
        planted = plant(corpus, [Stream(modality="visual", dimension=16, quality=quality, noise=0.2, absent=0.1)], seed=2)
        scores.append(ceiling(planted, "official", "test"))
    assert [s.observer for s in scores] == ["densities"] * 4
    accuracies = [s.accuracy for s in scores]
    assert accuracies == sorted(accuracies) and accuracies[3] - accuracies[0] > 0.15
    largest = np.mean([u.label == "neutral" for c in corpus.part("official", "test") for u in c.utterances])
    assert accuracies[0] == pytest.approx(largest)  # without evidence: the largest class, always
    full = plant(corpus, [Stream(modality="visual", dimension=16, quality=2.0)], seed=2)
    figure = next(f for f in probe(full).features if f.feature == "visual/planted").test
    assert figure is not None
    assert figure.weighted_f1 <= ceiling(full, "official", "test").weighted_f1 + 2 * figure.error


def test_text_adds_to_the_ceiling_what_it_knows() -> None:
    streams = [Stream(modality="audio", dimension=8, quality=1.5, noise=0.3)]
    telling = plant(real_corpus(conversations=200, text_quality=2.0), streams, seed=1)
    with_text = ceiling(telling, "official", "test", text_posterior(telling, "official", "test"))
    assert with_text.observer == "densities and text"
    assert with_text.accuracy > ceiling(telling, "official", "test").accuracy + 0.05
    silent = plant(real_corpus(conversations=200, text_quality=0.0), streams, seed=1)
    posterior = text_posterior(silent, "official", "test")
    mean = np.concatenate(list(posterior.values())).mean(0)
    np.testing.assert_allclose(mean, class_shares(silent, "official"), atol=0.02)  # the posterior holds the prior: once is enough
    silent_score = ceiling(silent, "official", "test", posterior).accuracy
    assert abs(silent_score - ceiling(silent, "official", "test").accuracy) < 0.03


def test_text_posterior_without_text_is_the_class_shares() -> None:
    corpus = real_corpus(conversations=20, text_quality=2.0)
    last = corpus.conversations[-1]
    text = last.features["text/bert"].copy()
    text[0] = np.nan
    changed = replace(corpus, conversations=(*corpus.conversations[:-1], last.with_features({"text/bert": text})))
    found = text_posterior(changed, "official", "test", "text/bert")[last.id]
    np.testing.assert_allclose(found[0], class_shares(corpus, "official"))
    assert np.abs(found[1:] - found[0]).max() > 0.1


def test_clear_errors() -> None:
    corpus = real_corpus(conversations=8)
    one = Stream(modality="audio", dimension=2, quality=1.0)
    with pytest.raises(DataError, match="each modality once"):
        plant(corpus, [one, one])
    with pytest.raises(DataError, match="none"):
        plant(corpus, [])
    with pytest.raises(DataError, match="at most 8"):
        plant(corpus, [Stream(modality=f"m{i}", dimension=2, quality=1.0) for i in range(8)])
    with pytest.raises(DataError, match="no planted stream"):
        ceiling(corpus, "official", "test")
    planted = plant(corpus, [one])
    with pytest.raises(DataError, match="conversation 'c6': shape"):
        ceiling(planted, "official", "test", {})
    with pytest.raises(DataError, match="itself planted"):
        ceiling(plant(corpus, [replace_modality(one, "text")]), "official", "test", {})
    with pytest.raises(DataError, match=r"no feature text/nothing; it has: audio/praat"):
        text_posterior(corpus, "official", "test", "text/nothing")
    renamed = LabelSet(names=("anger", "joy", "neutral"))
    with pytest.raises(DataError, match="plant again"):
        planted_streams(replace(planted, label_set=renamed))
    assert planted_streams(plant(replace(planted, label_set=renamed), [one]))["audio"].classes == renamed.names
    with pytest.raises(DataError, match="lacks the planted feature audio/planted"):
        planted_streams(replace(corpus, notes=planted.notes))
    with pytest.raises(DataError, match="note 'planted'"):
        planted_streams(replace(planted, notes={"planted": [{"seed": "x"}]}))
    with pytest.raises(ValidationError):
        Stream(modality="audio", dimension=2, quality=1.0, noise=1.5)
    bare = real_corpus(conversations=8, unlabelled=1.0)
    with pytest.raises(DataError, match="no labelled utterance in part 'train'"):
        ceiling(plant(bare, [one]), "official", "test")


def replace_modality(stream: Stream, modality: str) -> Stream:
    return stream.model_copy(update={"modality": modality})


def test_a_corpus_of_melds_size_is_planted_in_seconds() -> None:
    corpus = real_corpus(conversations=1432, length=10)
    start = time.process_time()
    plant(corpus)
    assert time.process_time() - start < 12.0  # a third of a second without the test run's type checks


def test_likelihoods_far_out_do_not_overflow() -> None:
    stream = Stream(modality="audio", dimension=1, quality=200.0, noise=0.1)
    planted = PlantedStream(stream=stream, seed=0, classes=("up", "down"), class_means=((200.0,), (-200.0,)))
    found = log_likelihood(planted, np.array([[200.0], [0.0]], np.float32))
    assert np.isfinite(found).all()
    assert found[0, 0] == pytest.approx(logsumexp([np.log(0.9) + 20000.0, np.log(0.1)]))
