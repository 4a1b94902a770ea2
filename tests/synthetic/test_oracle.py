"""The Bayes-optimal oracle: its densities are those that were drawn from, and nothing passes its ceiling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from merc.data.probe import probe
from merc.data.schema import Conversation, Utterance
from merc.errors import DataError
from merc.synthetic.oracle import (
    ceiling,
    class_shares,
    log_likelihood,
    noise_detection_auc,
    oracle_posterior,
    text_posterior,
)
from merc.synthetic.planting import STANDARD, PlantedStream, RowState, Stream, plant, planted_streams
from planted_corpora import NAMES, SHARES, labels, real_corpus, states


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
    """The oracle's certainty equals its hit rate: false for any density but the one drawn from."""
    corpus = plant(real_corpus(conversations=400), STANDARD, seed=5)
    planted = planted_streams(corpus)
    posterior = np.concatenate([oracle_posterior(planted, c, np.array([SHARES])) for c in corpus.conversations])
    np.testing.assert_allclose(posterior.sum(1), 1.0)
    hit = posterior.argmax(1) == labels(corpus)
    sure = posterior.max(1)
    for low, high in ((0.0, 0.6), (0.6, 0.9), (0.9, 1.01)):
        chosen = (sure >= low) & (sure < high)
        assert chosen.sum() > 200
        assert abs(hit[chosen].mean() - sure[chosen].mean()) < 4 * 0.5 / np.sqrt(chosen.sum())


def test_oracle_by_hand() -> None:
    """One number, means +2 and -2, half noise, x = 1: odds are (e^{0} + 1) : (e^{-4} + 1) times the prior's."""
    stream = Stream(modality="audio", dimension=1, quality=2.0, noise=0.5)
    planted = PlantedStream(stream=stream, seed=0, classes=("up", "down"), class_means=((2.0,), (-2.0,)))
    utterances = (Utterance("a", "A"), Utterance("b", "B"))
    x = np.array([[1.0], [np.nan]], np.float32)
    conversation = Conversation("c", utterances, {"audio/planted": x})
    up = 0.25 * (np.exp(0.0) + 1)
    down = 0.75 * (np.exp(-4.0) + 1)
    found = oracle_posterior({"audio": planted}, conversation, np.array([[0.25, 0.75]]))
    np.testing.assert_allclose(found, [[up / (up + down), down / (up + down)], [0.25, 0.75]])
    text = np.array([[0.5, 0.5], [0.9, 0.1]])  # a posterior a row takes the prior's place
    found = oracle_posterior({"audio": planted}, conversation, text)
    np.testing.assert_allclose(found[0], [2 / (3 + np.exp(-4)), 1 - 2 / (3 + np.exp(-4))])
    np.testing.assert_allclose(found[1], text[1])
    without = replace(conversation, features={})
    np.testing.assert_allclose(oracle_posterior({"audio": planted}, without, text), text)


def test_ceiling_rises_with_quality_and_no_probe_passes_it() -> None:
    corpus = real_corpus(conversations=200)
    scores = []
    for quality in (0.0, 1.0, 2.0, 4.0):
        planted = plant(corpus, [Stream(modality="visual", dimension=16, quality=quality, noise=0.2, absent=0.1)], seed=2)
        scores.append(ceiling(planted, "official", "test"))
    assert [s.knowledge for s in scores] == ["densities"] * 4
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
    assert with_text.knowledge == "densities and text"
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


def test_rows_are_told_from_noise_the_better_the_higher_the_quality() -> None:
    corpus = real_corpus(conversations=200)
    told = []
    for quality in (0.0, 1.0, 2.0, 6.0):
        planted = plant(corpus, [Stream(modality="visual", dimension=16, quality=quality, noise=0.3, absent=0.1)], seed=2)
        told.append(noise_detection_auc(planted, "official", "train")["visual"])
    assert told == sorted(told)
    assert told[0] == pytest.approx(0.5, abs=0.03)
    assert told[-1] > 0.999


def test_noise_that_was_planted_is_told_as_well_as_noise_that_is_drawn() -> None:
    """The same share, pair by pair, against the stream's own rows of noise."""
    corpus = plant(real_corpus(conversations=200), [Stream(modality="audio", dimension=8, quality=2.0, noise=0.4)], seed=1)
    planted, state = planted_streams(corpus)["audio"], states(corpus, "audio")
    x = np.concatenate([c.features["audio/planted"] for c in corpus.conversations])
    means = np.array(planted.class_means)
    shares = class_shares(corpus, "official")
    density = np.stack([multivariate_normal.pdf(x, mean) for mean in means], axis=1) @ shares
    ratio = density / multivariate_normal.pdf(x, np.zeros(8))
    ours, theirs = ratio[state == RowState.SIGNAL], ratio[state == RowState.NOISE]
    slow = np.mean(ours[:, None] > theirs[None])
    assert noise_detection_auc(corpus, "official", "train")["audio"] == pytest.approx(slow, abs=0.03)


def test_a_stream_of_noise_alone_has_nothing_to_tell() -> None:
    streams = [Stream(modality="audio", dimension=3, quality=1.0, noise=1.0), Stream(modality="visual", dimension=3, quality=1.0)]
    assert set(noise_detection_auc(plant(real_corpus(conversations=8), streams), "official", "test")) == {"visual"}


def test_likelihoods_far_out_do_not_overflow() -> None:
    stream = Stream(modality="audio", dimension=1, quality=200.0, noise=0.1)
    planted = PlantedStream(stream=stream, seed=0, classes=("up", "down"), class_means=((200.0,), (-200.0,)))
    found = log_likelihood(planted, np.array([[200.0], [0.0]], np.float32))
    assert np.isfinite(found).all()
    assert found[0, 0] == pytest.approx(logsumexp([np.log(0.9) + 20000.0, np.log(0.1)]))


def test_what_the_oracle_lacks_is_named() -> None:
    corpus = real_corpus(conversations=8)
    one = Stream(modality="audio", dimension=2, quality=1.0)
    planted = plant(corpus, [one])
    for ask in (ceiling, noise_detection_auc):
        with pytest.raises(DataError, match="no planted stream"):
            ask(corpus, "official", "test")
    with pytest.raises(DataError, match="conversation 'c6': shape"):
        ceiling(planted, "official", "test", {})
    with pytest.raises(DataError, match="itself planted"):
        ceiling(plant(corpus, [one.model_copy(update={"modality": "text"})]), "official", "test", {})
    with pytest.raises(DataError, match=r"no feature text/nothing; it has: audio/praat"):
        text_posterior(corpus, "official", "test", "text/nothing")
    bare = real_corpus(conversations=8, unlabelled=1.0)
    with pytest.raises(DataError, match="no labelled utterance in part 'train'"):
        ceiling(plant(bare, [one]), "official", "test")
