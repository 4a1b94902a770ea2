"""Nested cross-validation: no conversation has a part in what is predicted of it, nor in the choice of how."""

import numpy as np
import pytest
from scipy.special import log_softmax

from merc.data.splits import folds
from merc.training.cross_validation import INNER, OUTER, chosen, nested, out_of_fold, scaled

CLASSES = 3


def labelled(seed=0, conversations=12, length=5):
    random = np.random.default_rng(seed)
    return {f"c{n}": random.integers(-1, CLASSES, length) for n in range(conversations)}


def constant(labels, seen=None):
    """Predicts the most frequent class of what it was trained on; `seen` keeps what it is asked."""

    def train(ids):
        together = np.concatenate([labels[i] for i in ids])
        counts = np.bincount(together[together >= 0], minlength=CLASSES) + 1.0

        def predict(others):
            if seen is not None:
                seen.append((frozenset(ids), frozenset(others)))
            return {i: np.tile(np.log(counts / counts.sum()), (len(labels[i]), 1)) for i in others}

        return predict

    return train


def oracle(labels, share, seed=0):
    """Knows the true class of a share of the utterances, without any training."""
    random = np.random.default_rng(seed)
    rows = {}
    for i, each in labels.items():
        shown = np.where(random.random(len(each)) < share, each, random.integers(0, CLASSES, len(each)))
        rows[i] = log_softmax(3.0 * np.eye(CLASSES)[np.maximum(shown, 0)], axis=1)
    return lambda _ids: lambda others: {i: rows[i] for i in others}


def test_each_conversation_is_predicted_once_by_a_training_without_it():
    labels, seen = labelled(), []
    found = out_of_fold(constant(labels, seen), list(labels), 4, seed=0)
    assert sorted(found) == sorted(labels)
    assert len(seen) == 4
    assert all(not trained & predicted and trained | predicted == set(labels) for trained, predicted in seen)


def test_no_training_of_the_inner_folds_sees_the_outer_one():
    labels, seen = labelled(), []
    nested({"constant": constant(labels, seen)}, labels, seed=0)
    outer = [frozenset(held) for held in folds(labels, OUTER, 0)]
    assert len(seen) == OUTER * (INNER + 1)
    for k, held in enumerate(outer):
        ours = seen[k * (INNER + 1) : (k + 1) * (INNER + 1)]
        assert all(not trained & held for trained, _ in ours)
        assert ours[-1] == (frozenset(labels) - held, held)


def test_labels_of_a_held_fold_change_neither_its_choice_nor_what_is_predicted_of_it():
    labels = labelled()
    ways = {"poor": oracle(labels, 0.3), "good": oracle(labels, 0.9)}
    before = nested(ways, labels, seed=0)
    for k, held in enumerate(folds(labels, OUTER, 0)):
        lies = {i: (each + 1) % CLASSES if i in held else each for i, each in labels.items()}
        after = nested(ways, lies, seed=0)
        assert after.fold_choices[k] == before.fold_choices[k]
        assert all(np.array_equal(after.predicted[i], before.predicted[i]) for i in held)


def test_the_better_way_is_chosen_and_of_equals_the_first():
    labels = labelled(conversations=30)
    good, poor = oracle(labels, 0.9), oracle(labels, 0.3)
    assert nested({"poor": poor, "good": good}, labels, seed=0).choice.name == "good"
    assert nested({"first": good, "second": good}, labels, seed=0).fold_choices == ("first",) * OUTER
    scores = nested({"poor": poor, "good": good}, labels, seed=0).choice.scores
    assert scores["good"] > scores["poor"]


def test_a_way_that_is_hardly_better_than_a_simpler_one_is_not_chosen():
    labels = labelled(conversations=30)
    simple, much = (oracle(labels, share, seed)([])(list(labels)) for share, seed in ((0.6, 1), (0.95, 2)))
    little, mended, broken = {i: rows.copy() for i, rows in simple.items()}, 0, 0
    for i, rows in little.items():
        for t, label in enumerate(labels[i]):
            if label >= 0 and rows[t].argmax() != label and mended < 5:
                rows[t], mended = np.roll(rows[t], label - rows[t].argmax()), mended + 1
            elif label >= 0 and broken < 3:
                rows[t], broken = np.roll(rows[t], 1), broken + 1
    found = chosen({"simple": simple, "little": little}, labels)
    assert found.scores["little"] > found.scores["simple"]
    assert found.name == "simple"
    assert chosen({"simple": simple, "little": little, "much": much}, labels).name == "much"


def test_a_choice_has_the_temperature_that_fits_it():
    labels = labelled(conversations=200)
    rows = oracle(labels, 0.8)([])(list(labels))
    sharp = {i: log_softmax(4 * each, axis=1) for i, each in rows.items()}
    one, four = (chosen({"way": each}, labels).temperature for each in (rows, sharp))
    assert four == pytest.approx(4 * one, rel=1e-3)


def test_a_fold_is_scaled_by_the_other_folds():
    labels = labelled()
    rows = oracle(labels, 0.8)([])(list(labels))
    before = scaled(rows, labels, 4, seed=0)
    (first, *_) = folds(labels, 4, 0)
    lies = {i: (each + 1) % CLASSES if i in first else each for i, each in labels.items()}
    after = scaled(rows, lies, 4, seed=0)
    assert all(np.array_equal(after[i], before[i]) for i in first)
    assert not all(np.array_equal(after[i], before[i]) for i in labels)
    assert all(np.exp(each).sum(axis=1) == pytest.approx(1) for each in before.values())
