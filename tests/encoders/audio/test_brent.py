"""Brent's method, of many functions at once: as scipy finds the maximum of each."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from merc.encoders.audio.brent import maximise


def test_the_highest_point_is_found_between_bounds() -> None:
    generator = np.random.default_rng(3)
    tops, widths = generator.uniform(-0.9, 0.9, 50), generator.uniform(0.5, 2, 50)

    def hills(places):
        return np.cos((places - 200 - tops) * widths) + 0.1 * (places - 200)

    places, heights = maximise(hills, np.full(50, 199.0), np.full(50, 201.0))
    for i in range(50):
        twin = minimize_scalar(
            lambda x, i=i: -hills(np.full(50, x))[i], bounds=(199, 201), method="bounded", options={"xatol": 1e-9}
        )
        assert heights[i] == pytest.approx(-twin.fun, abs=1e-9)
        assert places[i] == pytest.approx(twin.x, abs=1e-4)


def test_neighbours_change_nothing() -> None:
    """Of two maxima, each function finds the one that it finds alone."""
    generator = np.random.default_rng(4)
    phases, rates = generator.uniform(0, 6, 30), generator.uniform(4, 9, 30)

    def waves(places, chosen):
        return np.sin(places * rates[chosen] + phases[chosen])

    everything = np.arange(30)
    places, heights = maximise(lambda x: waves(x, everything), np.full(30, 10.0), np.full(30, 12.0))
    assert heights == pytest.approx(waves(places, everything), abs=1e-12)
    assert np.unique(np.round(places, 3)).size > 20
    for i in range(30):
        place, height = maximise(lambda x, i=i: waves(x, [i]), np.array([10.0]), np.array([12.0]))
        assert place[0] == pytest.approx(places[i], abs=1e-5) and height[0] == pytest.approx(heights[i], abs=1e-9)
