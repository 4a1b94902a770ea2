"""Label shift: planted factors and temperature are found, few labels are drawn towards no change, unlabelled rows say nothing."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from merc.training.label_shift import fitted_label_shift
from merc.training.temperature import RANGE, fitted_temperature


def drawn(temperature, offsets, count=6000):
    """Log-probabilities of a model, and labels of a world where the classes are of other frequencies."""
    random = np.random.default_rng(0)
    rows = log_softmax(2 * random.standard_normal((count, len(offsets))), axis=1)
    chances = softmax(rows / temperature + offsets, axis=1)
    return rows, (random.random((count, 1)) > chances.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.8])
def test_what_was_planted_is_found(temperature):
    planted = np.array([1.0, -0.5, -0.5])
    found = fitted_label_shift(*drawn(temperature, planted), pull=1e-3)
    assert found.temperature == pytest.approx(temperature, rel=0.08)
    assert found.offsets - found.offsets.mean() == pytest.approx(planted, abs=0.12)


def test_few_labels_are_drawn_towards_no_change():
    rows, labels = drawn(1.0, np.array([2.0, -1.0, -1.0]), count=12)
    weak, strong = (np.abs(fitted_label_shift(rows, labels, pull).offsets).max() for pull in (0.1, 1000.0))
    assert strong < 0.05 < 0.5 < weak


def test_without_offsets_it_is_temperature_scaling():
    rows, labels = drawn(1.7, np.zeros(3))
    assert fitted_label_shift(rows, labels, pull=1e-6).temperature == pytest.approx(fitted_temperature(rows, labels), rel=0.02)


def test_unlabelled_rows_say_nothing():
    rows, labels = drawn(1.3, np.array([0.5, 0.0, -0.5]), count=200)
    more = np.concatenate([rows, rows[:50]]), np.concatenate([labels, np.full(50, -1)])
    one, two = fitted_label_shift(rows, labels), fitted_label_shift(*more)
    assert (one.temperature, one.offsets.tolist()) == (two.temperature, two.offsets.tolist())


def test_one_label_and_certain_rows_stay_within_bounds():
    certain = np.log(np.array([[1 - 1e-9, 1e-9]]))
    for label in (0, 1):
        found = fitted_label_shift(certain, np.array([label]), pull=1e-9)
        assert RANGE[0] <= found.temperature <= RANGE[1]
        assert np.isfinite(found.offsets).all()
