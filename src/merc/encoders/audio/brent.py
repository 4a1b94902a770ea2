"""Maxima of many functions at once by Brent's method (Algorithms for Minimization without Derivatives, 1973, chapter 5).

Shapes: M functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from merc.files.shapes import Float

_GOLDEN = (3 - math.sqrt(5)) / 2
_PRECISION = math.sqrt(np.finfo(np.float64).eps)  # of a place, relative: nearer to a maximum, rounding hides its slope
_TOLERANCE = 1e-10 / 3  # of a place, beside that
_STEPS = 60

_Numbers = Float[np.ndarray, " M"]


def maximise(function: Callable[[_Numbers], _Numbers], low: _Numbers, high: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Places and heights of maxima between bounds; which of several depends on nothing but the method.

    Args:
        function: takes the place of each function, and gives its height there.
    """
    x = low + _GOLDEN * (high - low)
    best = second = third = np.stack([x, function(x)])  # the three highest places, and how high they are
    for _ in range(_STEPS):
        (x, at_x), (w, at_w), (v, at_v) = best, second, third
        middle, least = (low + high) / 2, _PRECISION * np.abs(x) + _TOLERANCE
        if (np.abs(x - middle) + (high - low) / 2 <= 2 * least).all():
            break
        step = _GOLDEN * np.where(x < middle, high - x, low - x)
        # The top of the parabola through the three is better, unless it is farther away or out of bounds.
        one, other = (x - w) * (at_v - at_x), (x - v) * (at_w - at_x)
        over, under = (x - v) * other - (x - w) * one, 2 * (other - one)
        over, under = np.where(under > 0, -over, over), np.abs(under)
        fits = (np.abs(x - w) >= least) & (np.abs(over) < np.abs(step * under))
        fits &= (over > under * (low - x + 2 * least)) & (over < under * (high - x - 2 * least))
        step = np.where(fits, over / np.where(fits, under, 1), step)
        step = np.where(np.abs(step) < least, np.where(step > 0, least, -least), step)
        place = x + step
        height = function(place)
        better, before = height >= at_x, place < x
        bound = np.where(better, x, place)
        low, high = np.where(better == before, low, bound), np.where(better == before, bound, high)
        replaces_second = better | (height >= at_w) | (w == x)
        replaces_third = replaces_second | (height >= at_v) | (v == x) | (v == w)
        new = np.stack([place, height])
        third = np.where(replaces_second, second, np.where(replaces_third, new, third))
        second = np.where(better, best, np.where(replaces_second, new, second))
        best = np.where(better, new, best)
    return best[0], best[1]
