import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from merc.data.schema import LabelSet
from merc.errors import DataError
from merc.evaluation.metrics import ClassificationScores, classification_scores

LABELS = LabelSet(names=("joy", "anger", "neutral"))


def one_hot(predicted, classes=3, confidence=1.0):
    rows = np.full((len(predicted), classes), (1 - confidence) / (classes - 1))
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


def slow_class_scores(true, predicted, label):
    hits = sum(1 for t, p in zip(true, predicted, strict=True) if t == label and p == label)
    said = sum(1 for p in predicted if p == label)
    are = sum(1 for t in true if t == label)
    precision = hits / said if said else 0.0
    recall = hits / are if are else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return precision, recall, f1, are


def slow_weighted_f1(true, predicted, classes):
    judged = [(t, p) for t, p in zip(true, predicted, strict=True) if t != -1]
    trues, said = [t for t, _ in judged], [p for _, p in judged]
    total = 0.0
    for label in range(classes):
        _, _, f1, support = slow_class_scores(trues, said, label)
        total += f1 * support
    return total / len(judged)


@st.composite
def labelled(draw, classes=3, most=20):  # scikit-learn warns of few utterances per class from 21 on
    size = draw(st.integers(1, most))
    true = draw(hnp.arrays(np.int64, size, elements=st.integers(-1, classes - 1)))
    true[draw(st.integers(0, size - 1))] = draw(st.integers(0, classes - 1))
    predicted = draw(hnp.arrays(np.int64, size, elements=st.integers(0, classes - 1)))
    return true, predicted


def test_a_case_worked_by_hand():
    # joy: 2 of 3 found, 1 false alarm -> 2/3, 2/3, 2/3. anger: 1 of 2 found, 1 false alarm -> 1/2. neutral: 1 of 1 -> 1.
    true = np.array([0, 0, 0, 1, 1, 2, -1])
    predicted = [0, 0, 1, 1, 0, 2, 2]
    scores = classification_scores(true, one_hot(predicted), LABELS, conversations=2)
    assert scores.utterances == 6
    assert scores.conversations == 2
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.weighted_f1 == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1) / 6)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert scores.confusion == ((2, 1, 0), (1, 1, 0), (0, 0, 1))
    assert scores.labels == LABELS.names
    assert scores.per_class["joy"].model_dump() == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert scores.expected_calibration_error == pytest.approx(1 - 4 / 6)
    assert scores.negative_log_likelihood == pytest.approx(-2 / 6 * np.log(1e-12))


def test_a_class_without_utterances_or_predictions_counts_as_nought_in_the_macro_mean_only():
    scores = classification_scores(np.array([0, 1]), one_hot([0, 1]), LABELS)
    assert scores.weighted_f1 == 1
    assert scores.macro_f1 == pytest.approx(2 / 3)
    assert scores.per_class["neutral"].model_dump() == {"precision": 0, "recall": 0, "f1": 0, "support": 0}


@given(labelled())
def test_every_number_equals_its_slow_twin(case):
    true, predicted = case
    scores = classification_scores(true, one_hot(predicted), LABELS)
    judged = [(int(t), int(p)) for t, p in zip(true, predicted, strict=True) if t != -1]
    trues, said = [t for t, _ in judged], [p for _, p in judged]
    assert scores.accuracy == pytest.approx(sum(t == p for t, p in judged) / len(judged))
    f1s = []
    for label, name in enumerate(LABELS.names):
        precision, recall, f1, support = slow_class_scores(trues, said, label)
        found = scores.per_class[name]
        assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))
        assert found.support == support
        f1s.append(f1)
    assert scores.macro_f1 == pytest.approx(sum(f1s) / 3)
    assert scores.weighted_f1 == pytest.approx(slow_weighted_f1(true, predicted, 3))
    assert scores.confusion == tuple(tuple(judged.count((row, column)) for column in range(3)) for row in range(3))


@given(labelled(), st.integers(0, 2**31), st.permutations(range(3)))
def test_neither_the_order_of_utterances_nor_of_classes_changes_the_scores(case, seed, classes):
    true, predicted = case

    def told(true, predicted):
        scores = classification_scores(true, one_hot(predicted, confidence=0.7), LABELS)
        return (scores.weighted_f1, scores.macro_f1, scores.accuracy, scores.negative_log_likelihood)

    shuffled = np.random.default_rng(seed).permutation(len(true))
    assert told(true[shuffled], predicted[shuffled]) == pytest.approx(told(true, predicted))
    renamed = np.append(np.array(classes), -1)  # the last entry keeps -1 as it is
    assert told(renamed[true], renamed[predicted]) == pytest.approx(told(true, predicted))


@given(labelled())
def test_what_stands_at_unlabelled_utterances_changes_nothing(case):
    true, predicted = case
    rows = one_hot(predicted)
    perturbed = rows.copy()
    perturbed[true == -1] = np.nan
    assert classification_scores(true, perturbed, LABELS) == classification_scores(true, rows, LABELS)


def test_scores_survive_json():
    scores = classification_scores(np.array([0, 1, 2]), one_hot([0, 2, 2], confidence=0.7).astype(np.float32), LABELS)
    text = scores.model_dump_json()
    assert ClassificationScores.model_validate_json(text) == scores
    assert list(json.loads(text)["per_class"]) == list(LABELS.names)


@pytest.mark.parametrize(
    ("true", "probabilities", "message"),
    [
        ([0, 3], one_hot([0, 1]), "row 1: label index 3; allowed: 0 to 2, and -1 for unlabelled"),
        ([0, -2], one_hot([0, 1]), "row 1: label index -2"),
        ([-1, -1], one_hot([0, 1]), "none of 2 utterances is labelled"),
        ([0, 1], one_hot([0, 1], classes=4), "4 columns, the label set has 3 classes: joy, anger, neutral"),
        ([0, 1], one_hot([0, 1]) * np.array([[1.0], [0.5]]), "row 1: probabilities"),
        ([0, 1], np.array([[1.0, 0, 0], [1.5, -0.5, 0]]), "row 1: probabilities"),
        ([0, 1], np.array([[np.nan, 0.5, 0.5], [1, 0, 0]]), "row 0: probabilities"),
    ],
)
def test_bad_input_is_named(true, probabilities, message):
    with pytest.raises(DataError, match=message):
        classification_scores(np.array(true), probabilities, LABELS)
