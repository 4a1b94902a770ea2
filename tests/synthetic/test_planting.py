"""Planting: what stays, and what is drawn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from merc.data.schema import LabelSet
from merc.errors import DataError
from merc.synthetic.oracle import ceiling
from merc.synthetic.planting import STANDARD, RowState, Stream, plant, planted_streams, redrawn
from planted_corpora import labels, real_corpus, rows, states
from steps import in_proportion


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


def test_rows_drawn_anew_have_the_same_means_and_spread_and_other_noise() -> None:
    corpus = plant(real_corpus(conversations=200), STANDARD, seed=1)
    again = redrawn(corpus, corpus.conversations, seed=9)
    assert [(c.id, c.utterances) for c in again] == [(c.id, c.utterances) for c in corpus.conversations]
    for c, new in zip(corpus.conversations, again, strict=True):
        np.testing.assert_array_equal(c.features["text/bert"], new.features["text/bert"])
    old, new = rows(corpus, "audio/planted"), np.concatenate([c.features["audio/planted"] for c in again])
    assert not np.isclose(old, new).any()
    label = labels(corpus)
    planted = planted_streams(corpus)["audio"]
    for index, mean in enumerate(planted.class_means):
        found = np.nanmean(new[label == index], axis=0)
        np.testing.assert_allclose(found, 0.75 * np.array(mean), atol=6 / np.sqrt((label == index).sum()))
    same = redrawn(corpus, corpus.conversations[:2], seed=1)
    np.testing.assert_array_equal(same[1].features["audio/planted"], corpus.conversations[1].features["audio/planted"])


def test_planting_again_replaces_its_modality_and_keeps_the_others() -> None:
    once = plant(real_corpus(conversations=4), STANDARD, seed=1)
    twice = plant(once, [Stream(modality="audio", dimension=3, quality=1.0)], seed=2)
    streams = planted_streams(twice)
    assert streams["visual"] == planted_streams(once)["visual"]
    assert streams["audio"].stream.dimension == 3 and streams["audio"].seed == 2
    np.testing.assert_array_equal(rows(twice, "visual/planted"), rows(once, "visual/planted"))


def test_clear_errors() -> None:
    corpus = real_corpus(conversations=8)
    one = Stream(modality="audio", dimension=2, quality=1.0)
    with pytest.raises(DataError, match="each modality once"):
        plant(corpus, [one, one])
    with pytest.raises(DataError, match="none"):
        plant(corpus, [])
    with pytest.raises(DataError, match="at most 8"):
        plant(corpus, [Stream(modality=f"m{i}", dimension=2, quality=1.0) for i in range(8)])
    planted = plant(corpus, [one])
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


def test_the_steps_of_planting_grow_with_the_corpus() -> None:
    assert in_proportion(lambda count: plant(real_corpus(conversations=count)), 10)
