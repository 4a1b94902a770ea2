"""Temperature scaling: it finds the temperature that was planted, and is the best on a grid."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from merc.training.temperature import RANGE, fitted_temperature


def drawn(temperature, count=4000, classes=4):
    """Logits whose labels are drawn from their softmax at a temperature."""
    random = np.random.default_rng(0)
    logits = 3 * random.standard_normal((count, classes))
    chances = softmax(logits / temperature, axis=1)
    labels = (random.random((count, 1)) > chances.cumsum(axis=1)).sum(axis=1)
    return log_softmax(logits, axis=1), labels


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
def test_a_planted_temperature_is_found(planted):
    rows, labels = drawn(planted)
    assert fitted_temperature(rows, labels) == pytest.approx(planted, rel=0.06)


def test_it_is_the_best_on_a_grid():
    rows, labels = drawn(1.7, count=300)

    def loss(t):
        return -log_softmax(rows / t, axis=1)[np.arange(len(labels)), labels].mean()

    found = fitted_temperature(rows, labels)
    assert all(loss(found) <= loss(t) + 1e-9 for t in np.geomspace(*RANGE, 200))


def test_unlabelled_rows_say_nothing():
    rows, labels = drawn(1.7, count=300)
    more = np.concatenate([rows, rows[:50]]), np.concatenate([labels, np.full(50, -1)])
    assert fitted_temperature(*more) == fitted_temperature(rows, labels)


def test_it_stays_in_its_range():
    certain = np.log(np.array([[0.6, 0.4]] * 5))
    assert fitted_temperature(certain, np.zeros(5, np.int64)) == pytest.approx(RANGE[0], rel=0.01)
    assert fitted_temperature(certain, np.ones(5, np.int64)) == pytest.approx(RANGE[1], rel=0.01)
