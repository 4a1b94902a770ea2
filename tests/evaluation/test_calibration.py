from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from merc.errors import DataError
from merc.evaluation.calibration import reliability, risk_coverage


def two_class(confidences, right):
    """Predicted class 0 with these confidences; the true label is 0 where right."""
    confidence = np.array(confidences)
    return np.where(np.array(right), 0, 1), np.stack([confidence, 1 - confidence], axis=1)


def slow_calibration_error(true, probabilities, bins):
    judged = [(t, row) for t, row in zip(true, probabilities, strict=True) if t != -1]
    total = 0.0
    for b in range(1, bins + 1):
        inside = [
            (t, row)
            for t, row in judged
            if (b - 1) / bins < row.max() <= b / bins or (b == bins and row.max() > 1)  # rounding above 1
        ]
        if inside:
            accuracy = sum(int(np.argmax(row)) == t for t, row in inside) / len(inside)
            confidence = sum(float(row.max()) for _, row in inside) / len(inside)
            total += len(inside) / len(judged) * abs(accuracy - confidence)
    return total


@st.composite
def judged_distributions(draw):
    size, classes = draw(st.integers(1, 40)), draw(st.integers(2, 5))
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    probabilities = generator.dirichlet(np.full(classes, draw(st.sampled_from([0.2, 1.0, 5.0]))), size=size)
    true = generator.integers(-1, classes, size)
    true[0] = 0
    return true, probabilities


def test_a_case_worked_by_hand():
    # bin (0.5, 0.6]: two utterances, mean confidence .55, half right -> .05; bin (0.9, 1]: two, mean .975, half right -> .475
    true, probabilities = two_class([0.52, 0.58, 0.95, 1.0], [True, False, True, False])
    table = reliability(true, probabilities, bins=10)
    assert table.expected_calibration_error == pytest.approx(0.5 * 0.05 + 0.5 * 0.475)
    assert [b.utterances for b in table.bins] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert table.bins[5].model_dump() == pytest.approx(
        {"lower": 0.5, "upper": 0.6, "utterances": 2, "confidence": 0.55, "accuracy": 0.5}
    )
    assert table.bins[0].confidence is None
    assert table.bins[0].accuracy is None


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_it():
    true, probabilities = two_class([0.5, 0.75], [True, True])
    assert [b.utterances for b in reliability(true, probabilities, bins=4).bins] == [0, 1, 1, 0]


def test_probabilities_that_mean_what_they_say_have_no_error():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), size=40_000)
    true = (generator.random(len(probabilities))[:, None] > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=3)
    assert reliability(true, probabilities).expected_calibration_error < 0.015
    sharpened = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    assert reliability(true, sharpened).expected_calibration_error > 0.1


@given(judged_distributions(), st.integers(1, 20))
def test_the_error_equals_its_slow_twin(case, bins):
    true, probabilities = case
    table = reliability(true, probabilities, bins)
    assert table.expected_calibration_error == pytest.approx(slow_calibration_error(true, probabilities, bins))
    assert sum(b.utterances for b in table.bins) == (true != -1).sum()
    assert all(b.lower < b.confidence <= b.upper + 1e-9 for b in table.bins if b.confidence is not None)


def test_single_precision_softmax_is_accepted():
    logits = np.random.default_rng(1).normal(scale=8, size=(200, 7)).astype(np.float32)
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    table = reliability(np.zeros(200, dtype=np.int64), probabilities)
    assert sum(b.utterances for b in table.bins) == 200


def test_bad_calibration_input_is_named():
    true, probabilities = two_class([0.9, 0.8], [True, False])
    with pytest.raises(DataError, match="0 bins: at least 1"):
        reliability(true, probabilities, bins=0)
    with pytest.raises(DataError, match="row 1: label index 2; allowed: 0 to 1"):
        reliability(np.array([0, 2]), probabilities)
    with pytest.raises(DataError, match="none of 2"):
        reliability(np.array([-1, -1]), probabilities)
    with pytest.raises(DataError, match=r"row 0: probabilities \[0\.45"):
        reliability(true, probabilities / 2)


def test_a_curve_worked_by_hand():
    curve = risk_coverage(np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.9, 0.1, 0.2, 0.3]))
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert curve.area == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert curve.best_area == pytest.approx(curve.area)
    assert curve.random_area == pytest.approx(0.5)


def test_equal_uncertainty_takes_the_expected_risk():
    curve = risk_coverage(np.array([True, False, False, False]), np.full(4, 7.0))
    assert curve.risk.tolist() == pytest.approx([0.25] * 4)
    assert curve.area == pytest.approx(curve.random_area)


SMALL_ERRORS = hnp.arrays(np.float64, st.integers(1, 25), elements=st.sampled_from([0.0, 0.5, 1.0, 3.0]))


@given(SMALL_ERRORS, st.integers(0, 2**31))
def test_the_curve_equals_its_slow_twin_and_lies_between_its_bounds(error, seed):
    generator = np.random.default_rng(seed)
    uncertainty = generator.permutation(len(error)).astype(np.float64)
    curve = risk_coverage(error, uncertainty)
    ranked = sorted(range(len(error)), key=lambda row: uncertainty[row])
    slow = [sum(error[row] for row in ranked[:k]) / k for k in range(1, len(error) + 1)]
    assert curve.risk.tolist() == pytest.approx(slow)
    assert curve.area == pytest.approx(sum(slow) / len(slow))
    assert curve.best_area <= curve.area + 1e-12
    assert curve.best_area <= curve.random_area + 1e-12


@given(hnp.arrays(np.float64, st.integers(1, 5), elements=st.sampled_from([0.0, 0.5, 1.0])), st.integers(0, 2**31))
def test_with_ties_the_curve_is_the_mean_over_orders_of_the_tied_whatever_the_order_of_rows(error, seed):
    generator = np.random.default_rng(seed)
    uncertainty = generator.integers(0, 3, len(error)).astype(np.float64)
    curve = risk_coverage(error, uncertainty)
    shuffled = generator.permutation(len(error))
    assert risk_coverage(error[shuffled], uncertainty[shuffled]).risk.tolist() == pytest.approx(curve.risk.tolist())
    coverage = np.arange(1, len(error) + 1)
    orders = [np.cumsum(error[list(rows)]) / coverage for rows in permutations(range(len(error))) if _ascends(uncertainty, rows)]
    assert np.mean(orders, axis=0).tolist() == pytest.approx(curve.risk.tolist())


def _ascends(uncertainty, rows):
    return bool((np.diff(uncertainty[list(rows)]) >= 0).all())


def test_bad_curve_input_is_named():
    with pytest.raises(DataError, match="row 1: uncertainty is nan"):
        risk_coverage(np.zeros(2), np.array([1.0, np.nan]))
    with pytest.raises(DataError, match="row 0: error is inf"):
        risk_coverage(np.array([np.inf, 1.0]), np.ones(2))
    with pytest.raises(DataError, match="no utterance"):
        risk_coverage(np.zeros(0), np.zeros(0))
