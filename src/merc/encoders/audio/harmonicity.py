"""Harmonicity by forward cross-correlation: what Praat's command To Harmonicity (cc) finds, in a fifth of its time.

The algorithm is that of Praat's manual ("pitch analysis by raw cross-correlation", "vector value interpolation") and of Boersma
(Proceedings of the Institute of Phonetic Sciences 17, 1993): a frame's harmonicity follows from the highest maximum of its
correlation, interpolated between lags. Praat interpolates every maximum; here it is only those that can be the highest.

Shapes: F frames, L = 211 lags of 0 to 210 samples, M maxima that are interpolated, K = 14 coefficients.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.polynomial.chebyshev import chebpts1, chebval, chebvander

from merc.encoders.audio.brent import maximise
from merc.encoders.interface import RATE
from merc.files.shapes import Float, Int

SILENT = -200.0  # dB; what Praat writes where a frame is silent

# The command's standard settings
_STEP = 0.01  # s from frame to frame
_FLOOR = 75.0  # Hz; a window is one longest period
_SILENCE = 0.1  # of the loudest sample: a frame that stays under it is silent

_PERIOD = int(RATE / _FLOOR)  # samples
_WINDOW = 2 * (_PERIOD // 2 - 1)  # samples; the longest lag too
_TRANSFORM = 432  # samples; the fastest of the lengths that two windows fit in
_BLOCK = 1024  # frames in memory at a time
_COEFFICIENTS = 14  # chosen: it brings the polynomials' error under 1e-10
_CERTAIN = 1e-15  # Praat's, from 0 and 1: -150 and 150 dB

_ROUNDING = 1e-14  # of a Fourier transform, relative to all that is transformed

_Samples = Float[np.ndarray, "_"]
_Correlations = Float[np.ndarray, "F L"]
_Maxima = Float[np.ndarray, " M"]


def harmonicity(samples: _Samples) -> Float[np.ndarray, " F"]:
    """The harmonicity of each frame in dB, `SILENT` where there is none; within 1e-4 dB of Praat's up to 60 dB.

    What is beyond is a matter of rounding: no microphone hears a sound that repeats itself so exactly.

    Args:
        samples: at 16 kHz, float64, not all equal. Two windows, .027 s, are the fewest of which there is a frame.
    """
    middles, starts = _frames(len(samples))
    loudest = float(np.abs(samples - samples.mean()).max())
    blocks = [slice(first, first + _BLOCK) for first in range(0, len(middles), _BLOCK)]
    return np.concatenate([np.zeros(0), *(_decibels(samples, middles[block], starts[block], loudest) for block in blocks)])


def _frames(count: int) -> tuple[Int[np.ndarray, " F"], Int[np.ndarray, " F"]]:
    """Where the frames' middles and their windows' first samples are, rounded as Praat does: an odd count makes middles of it."""
    period = 1 / RATE
    duration, needed = period * count, 1 / _FLOOR + 1 / _FLOOR
    frames = math.floor((duration - needed) / _STEP) + 1 if needed <= duration else 0
    first = 0.5 * period - 0.5 * period + 0.5 * duration - 0.5 * (frames * _STEP) + 0.5 * _STEP
    times = first + np.arange(frames) * _STEP
    middles, starts = (np.floor((t - 0.5 * period) / period + 1).astype(int) for t in (times, times - 0.5 * needed))
    return middles, np.maximum(starts, 1) - 1


def _decibels(
    samples: _Samples, middles: Int[np.ndarray, " F"], starts: Int[np.ndarray, " F"], loudest: float
) -> Float[np.ndarray, " F"]:
    means = np.cumsum(sliding_window_view(samples, 2 * _PERIOD)[middles - _PERIOD], axis=1)[:, -1:] / (2 * _PERIOD)
    peaks = np.abs(sliding_window_view(samples, _WINDOW)[middles - _WINDOW // 2] - means).max(axis=1)
    needed = np.maximum(0, 2 - np.minimum(1, peaks / loudest) / _SILENCE)  # no maximum is over 1
    sounding = np.flatnonzero(needed < 1)
    strengths = np.zeros(len(middles))
    spans = sliding_window_view(samples, 2 * _WINDOW)[starts[sounding]] - means[sounding]
    strengths[sounding] = _strengths(_correlations(spans))
    sure = np.clip(strengths, _CERTAIN, 1 - _CERTAIN)
    return np.where(strengths > needed, 10 * np.log10(sure / (1 - sure)), SILENT)


def _correlations(spans: Float[np.ndarray, "F S"]) -> _Correlations:
    """Of a span's first half with as many samples at each lag; 0 where it has no energy.

    Rounding is Praat's where it matters: where a sound breaks off, it is what is left of the energy, and where one begins after
    digital silence, it makes a maximum.

    Args:
        spans: of two windows, S = 420.
    """
    windows, squares = spans[:, :_WINDOW], spans**2
    energy = np.cumsum(squares[:, :_WINDOW], axis=1)[:, -1:]
    energies = np.cumsum(np.concatenate([energy, squares[:, _WINDOW:] - squares[:, :_WINDOW]], axis=1), axis=1)
    spectra = np.fft.rfft(spans, _TRANSFORM) * np.fft.rfft(windows, _TRANSFORM).conj()
    products = np.fft.irfft(spectra, _TRANSFORM)[:, : _WINDOW + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        norms, error = np.sqrt(energy * energies), _ROUNDING * np.sqrt(energy * squares.sum(axis=1, keepdims=True))
        correlations = products / norms
        for tied in np.flatnonzero((np.abs(np.diff(correlations)) < error / norms[:, 1:]).any(axis=1)):
            terms = sliding_window_view(spans[tied], _WINDOW) * windows[tied].astype(np.longdouble)
            correlations[tied] = np.cumsum(terms, axis=1)[:, -1] / norms[tied]
    correlations[~np.isfinite(correlations).all(axis=1)] = 0
    correlations[:, 0] = 1
    return correlations


def _strengths(correlations: _Correlations) -> Float[np.ndarray, " F"]:
    """The highest interpolated maximum of each frame, 0 where there is none. One over 1 counts as its reciprocal, as in Praat."""
    frames, lags = _promising(correlations)
    sides = np.empty((2 * _COEFFICIENTS, len(lags)))  # of each maximum, the polynomials left and right of it
    for lag in np.unique(lags):
        alike = slice(*np.searchsorted(lags, (lag, lag + 1)))
        both = _interpolation()[lag - 1 : lag + 1].reshape(2 * _COEFFICIENTS, -1)
        sides[:, alike] = both @ correlations[frames[alike]].T

    def interpolated(places: _Maxima) -> _Maxima:
        fractions = places - _WINDOW - 1 - lags
        right = fractions >= 0
        polynomials = np.where(right, sides[_COEFFICIENTS:], sides[:_COEFFICIENTS])
        return chebval(2 * fractions - np.where(right, 1, -1), polynomials, tensor=False)

    # Praat's tolerance grows with the place, which it counts from a lag of -211; of several maxima it finds the method's, too.
    places, heights = maximise(interpolated, lags + _WINDOW + 0.0, lags + _WINDOW + 2.0)
    heights = np.where(heights > 1, 1 / np.maximum(heights, 1), heights)
    heights[places - _WINDOW - 1 <= 2] = 0  # periods of less than two samples
    strengths = np.zeros(len(correlations))
    np.maximum.at(strengths, frames, heights)
    return strengths


def _promising(correlations: _Correlations) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, " M"]]:
    """Frames and lags of the maxima that, interpolated, may be the highest of their frame; by lag.

    The correlation halfway between lags leaves little to be found. For a sinusoid, what it misses is under a quarter of the
    differences between the three values; 0.02 is added to that.
    """
    inner = correlations[:, 2:-1]
    lags, frames = np.nonzero(((inner > 0) & (inner > correlations[:, 1:-2]) & (inner >= correlations[:, 3:])).T)
    lags += 2
    halfway = correlations @ _halfway().T
    middle, left, right = correlations[frames, lags], halfway[frames, lags - 1], halfway[frames, lags]
    least = np.maximum(middle, np.maximum(left, right))
    most = least + 0.25 * (np.abs(2 * middle - left - right) + np.abs(left - right)) + 0.02
    reached = np.zeros(len(correlations))
    np.maximum.at(reached, frames, np.where(lags > 2, np.minimum(least, 1 / most), 0))  # a lag of 2 may not count
    promising = most >= reached[frames]
    return frames[promising], lags[promising]


@cache
def _interpolation() -> Float[np.ndarray, "_ K L"]:
    """Correlations -> the polynomial from each lag to the next, by Chebyshev coefficients in -1 to 1.

    It is sin(x)/x in a raised cosine that reaches to the longest lag and as far to the other side. Before the last but one lag it
    is a cubic polynomial, and then a line.
    """
    nodes = chebpts1(_COEFFICIENTS)
    parts = (nodes + 1) / 2  # of the way to the next lag
    lags = np.arange(-_WINDOW, _WINDOW + 1)
    weights = np.zeros((_WINDOW, _COEFFICIENTS, len(lags)))
    for lag in range(_WINDOW - 2):
        depth = _WINDOW - lag
        distances = lags - lag - parts[:, None]
        reach = depth + np.where(distances < 0, parts[:, None], 1 - parts[:, None])
        weights[lag] = np.sinc(distances) * (1 + np.cos(np.pi * np.clip(distances / reach, -1, 1))) / 2
    powers = np.stack([parts**0, parts, parts**2, parts**3])
    weights[-2, :, -4:] = powers.T @ np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    weights[-1, :, -2:] = np.stack([1 - parts, parts], axis=1)
    folded = weights[:, :, _WINDOW:]
    folded[:, :, 1:] += weights[:, :, _WINDOW - 1 :: -1]  # negative lags, which are as the positive ones
    return np.linalg.solve(chebvander(nodes, _COEFFICIENTS - 1), folded)


@cache
def _halfway() -> Float[np.ndarray, "_ L"]:
    """Correlations -> those halfway from each lag to the next."""
    return np.tensordot(chebvander(np.zeros(1), _COEFFICIENTS - 1)[0], _interpolation(), axes=(0, 1))
