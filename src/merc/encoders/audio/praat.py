"""Eight numbers of how an utterance sounds, measured as Praat does: `FUNCTIONALS`, in the order of MELD's `*_praat.csv`.

Praat itself (praat-parselmouth) gives intensity and pitch. Its harmonicity takes five times as long as all the rest, so that one
is computed here, for all frames at once, with the same numbers (tested: within 1e-3 dB). Syllable nuclei are counted as de Jong
and Wempe (Behavior Research Methods 41, 2009) describe.

Shapes: F frames, L = 211 lags of 0 to 210 samples, n maxima of the correlations of all frames, K coefficients of a polynomial.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy.lib.stride_tricks import sliding_window_view

from merc.encoders.interface import PRAAT_NAME, RATE, Clip, Progress, is_present
from merc.errors import MissingExtraError

Sound = Any  # parselmouth's, which tells no types

FUNCTIONALS = (
    "duration",  # s
    "avg_intensity",  # dB re 20 uPa, if full scale is 1 Pa
    "intensity_variation",  # dB
    "avg_pitch",  # Hz
    "pitch_std",  # Hz
    "pitch_range",  # Hz
    "articulation_rate",  # syllables/s
    "mean_hnr",  # dB
)

_DIGITAL_SILENCE = -100.0  # dB; chosen: the last of 24 bits is at -50 dB, rounding at -250 dB, Praat's floor at -300 dB
_SILENT_FRAME = 120.0  # dB under the loudest frame; chosen: relative, so that no gain moves a frame across
_HEARING_THRESHOLD = 2e-5  # Pa
_NAN = float("nan")
_Vector = Float[np.ndarray, "_"]
_Places = Int[np.ndarray, "_"]
_Flags = Bool[np.ndarray, "_"]
_Table = Float[np.ndarray, "_ _ _"]

# de Jong and Wempe (2009)
_BELOW_LOUDEST = 25.0  # dB under the 99 % quantile
_DIP = 2.0  # dB
_PAUSE = 0.3  # s
_BURST = 0.1  # s; sound between two pauses that is shorter is no speech

# Praat's To Harmonicity (cc): time step .01 s, floor 75 Hz, silence threshold .1, 1 period a window. It makes them even numbers.
_SAMPLE = 1 / RATE  # s
_STEP = 0.01  # s
_LONGEST = 1 / 75  # s
_PERIOD = int(RATE * _LONGEST)  # samples
_WINDOW = 2 * (_PERIOD // 2 - 1)  # samples
_SILENT_PEAK = 0.1  # of the clip's peak
_FRAMES_AT_A_TIME = 256  # stays in the cache
_NODES = 10  # K; the interpolation is then right to 1e-7, whatever the sound
_CUBIC = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2  # Catmull-Rom; rows are powers
_GRID = np.linspace(-1, 1, 9)  # between two lags; here the highest point is at least 98 % of the maximum
_PRUNE = 0.05  # so a maximum that is this much lower than its frame's highest on the grid can't be it


class PraatEncoder:
    """Praat's functionals: D = 8. The definitions (after what MELD's csv files hold; the rest is chosen):

    - duration: samples / 16 kHz.
    - intensity: To Intensity (floor 100 Hz), energy mean; population sd over frames. Frames of digital silence (120 dB
      under the loudest, or more) are left out of the sd, as it would depend on the gain with them.
    - pitch: To Pitch (75 to 600 Hz): mean, population sd, range over voiced frames. Without any: NaN, 0, 0.
    - articulation rate: syllable nuclei / phonation time. NaN without a nucleus, as in the csv files, which hold no 0.
    - HNR: To Harmonicity (cc), Get mean, which leaves out silent frames. NaN if all are.

    A clip of digital silence has its duration, pitch as without voice, and nothing else. A gain changes nothing but the intensity
    mean. An analysis that the clip is too short for gives NaN: HNR under .027 s, pitch under .04 s, intensity under .064 s,
    articulation rate under .128 s.

    Raises:
        MissingExtraError: praat-parselmouth is not installed.
    """

    name = PRAAT_NAME
    version = "1"
    dimension = len(FUNCTIONALS)
    modality = "audio"

    def __init__(self) -> None:
        if importlib.util.find_spec("parselmouth") is None:
            raise MissingExtraError("audio", f"the sound encoder {PRAAT_NAME!r}")
        self._interpolation = _interpolation()

    def encode(self, clips: Sequence[Clip | None], progress: Progress | None = None) -> Float32[np.ndarray, "N D"]:
        """See `merc.encoders.audio.sound.SoundEncoder.encode`."""
        rows = np.full((len(clips), self.dimension), np.nan, dtype=np.float32)
        for row, clip in enumerate(clips):
            if clip is not None and is_present(clip):
                rows[row] = self._functionals(clip.astype(np.float64))
            if progress is not None:
                progress(row + 1, len(clips))
        return rows

    def _functionals(self, samples: _Vector) -> tuple[float, ...]:
        import parselmouth

        duration = len(samples) / RATE
        loudest = float(np.abs(samples - samples.mean()).max())
        if loudest <= _HEARING_THRESHOLD * 10 ** (_DIGITAL_SILENCE / 20):
            return (duration, _NAN, _NAN, _NAN, 0.0, 0.0, _NAN, _NAN)
        sound = parselmouth.Sound(samples, sampling_frequency=RATE)

        def measured(measure: Callable[[Sound], tuple[float, ...]], numbers: int) -> tuple[float, ...]:
            try:
                return measure(sound)
            except parselmouth.PraatError:  # shorter than the analysis' window
                return (_NAN,) * numbers

        return (
            duration,
            *measured(_intensity, 2),
            *measured(_pitch, 3),
            *measured(_articulation_rate, 1),
            mean_harmonicity(samples, self._interpolation),
        )


def _intensity(sound: Sound) -> tuple[float, float]:
    intensity = sound.to_intensity(minimum_pitch=100.0)
    levels = intensity.values[0]
    return float(intensity.get_average()), float(levels[levels > levels.max() - _SILENT_FRAME].std())


def _pitch(sound: Sound) -> tuple[float, float, float]:
    frequencies = sound.to_pitch(pitch_floor=75.0, pitch_ceiling=600.0).selected_array["frequency"]
    voiced = frequencies[frequencies > 0]
    return (float(voiced.mean()), float(voiced.std()), float(np.ptp(voiced))) if len(voiced) else (_NAN, 0.0, 0.0)


def _articulation_rate(sound: Sound) -> tuple[float]:
    intensity = sound.to_intensity(minimum_pitch=50.0, time_step=0.016, subtract_mean=False)
    levels, times = intensity.values[0], intensity.xs()
    threshold = float(np.quantile(levels, 0.99, method="hazen")) - _BELOW_LOUDEST  # Praat's definition of a quantile
    sounding, phonation_time = _sounding(levels >= threshold, times, sound.total_duration)
    peaks = _peaks(levels, threshold)
    peaks = peaks[sounding[peaks]]
    # Windows of 100 ms, as in the publication; its script's costs and thresholds.
    pitch = sound.to_pitch_ac(0.02, 30.0, 4, False, 0.03, 0.25, 0.01, 0.35, 0.25, 450.0)
    frames = np.floor((times[peaks] - pitch.t1) / pitch.dt + 0.5).astype(int)
    frequencies = pitch.selected_array["frequency"]
    inside = (frames >= 0) & (frames < len(frequencies))
    nuclei = int((frequencies[frames[inside]] > 0).sum())
    return (nuclei / phonation_time if nuclei else _NAN,)


def _peaks(levels: _Vector, threshold: float) -> _Places:
    """Frames of the maxima over the threshold that lie 2 dB or more over the lowest frame since the last maximum over it.

    The first one is compared with what came before it since the clip's start.
    """
    inner = levels[1:-1]
    maxima = 1 + np.flatnonzero((inner > levels[:-2]) & (inner >= levels[2:]) & (inner > threshold))
    if not len(maxima):
        return maxima
    dips = np.minimum.reduceat(levels[: maxima[-1]], np.concatenate(([0], maxima[:-1])))
    return maxima[levels[maxima] - dips >= _DIP]


def _sounding(loud: _Flags, times: _Vector, duration: float) -> tuple[_Flags, float]:
    """Which frames are speech, after bursts under .1 s were removed and then pauses under .3 s filled; and its seconds."""
    frames = loud
    for shortest, kind in ((_BURST, True), (_PAUSE, False)):
        starts, edges = _runs(frames, times, duration)
        short = (np.diff(edges) < shortest) & (frames[starts] == kind)
        if len(starts) > 1:
            frames = frames ^ np.repeat(short, np.diff(np.append(starts, len(frames))))
    starts, edges = _runs(frames, times, duration)
    return frames, float(np.diff(edges)[frames[starts]].sum())


def _runs(frames: _Flags, times: _Vector, duration: float) -> tuple[_Places, _Vector]:
    """First frame of each run of equal frames; and where runs begin and end in seconds, one more than there are runs."""
    starts = np.flatnonzero(np.append(True, frames[1:] != frames[:-1]))
    return starts, np.concatenate(([0.0], times[starts[1:]], [duration]))


def mean_harmonicity(samples: _Vector, interpolation: _Table) -> float:
    """Mean harmonics-to-noise ratio in dB over the frames that are not silent, as Praat's To Harmonicity (cc) and Get mean.

    The ratio is r / (1 - r), where r is the highest maximum of the frame's normalised cross-correlation (Boersma 1993), found
    between the samples by interpolation.

    Args:
        samples: at 16 kHz, not all the same.
        interpolation: of `_interpolation`.

    Returns:
        NaN if the clip is shorter than two periods of 75 Hz, or if no frame is heard.
    """
    duration = len(samples) * _SAMPLE
    loudest = float(np.abs(samples - samples.mean()).max())
    if duration < 2 * _LONGEST:
        return _NAN
    count = int((duration - 2 * _LONGEST) / _STEP) + 1
    # As Praat adds, or rounding would move a frame by a sample where it lies on the edge of one.
    middles = 0.5 * duration - 0.5 * (count * _STEP) + 0.5 * _STEP + np.arange(count) * _STEP  # s
    ratios: list[_Vector] = []
    for first in range(0, count, _FRAMES_AT_A_TIME):
        correlations, peaks = _correlations(samples, middles[first : first + _FRAMES_AT_A_TIME])
        strongest = _highest_maxima(correlations, interpolation)
        # Quiet frames count as silence unless they are strongly periodic.
        heard = strongest > np.maximum(0.0, 2 - np.minimum(1.0, peaks / loudest) / _SILENT_PEAK)
        r = np.clip(strongest[heard], 1e-15, 1 - 1e-15)
        ratios.append(10 * np.log10(r / (1 - r)))
    decibels = np.concatenate(ratios)
    return float(decibels.mean()) if len(decibels) else _NAN


def _correlations(samples: _Vector, middles: _Vector) -> tuple[Float[np.ndarray, "F L"], _Vector]:
    """Normalised correlation of the window that ends at each middle with those that begin up to 210 samples later; peaks.

    The peak is that of a window around the middle.
    """
    lefts = np.floor((middles - 0.5 * _SAMPLE) / _SAMPLE).astype(int)
    starts = np.maximum(0, np.floor((middles - _LONGEST - 0.5 * _SAMPLE) / _SAMPLE).astype(int))
    means = sliding_window_view(samples, 2 * _PERIOD)[lefts + 1 - _PERIOD].mean(axis=1)
    around = sliding_window_view(samples, _WINDOW)[lefts + 1 - _WINDOW // 2]
    peaks = np.maximum(around.max(axis=1) - means, means - around.min(axis=1))

    spans = sliding_window_view(samples, 2 * _WINDOW)[starts] - means[:, None]
    # A product of 2 x 210 points does not wrap around at lags of 0 to 210.
    ahead = np.fft.rfft(spans) * np.fft.rfft(spans[:, :_WINDOW], 2 * _WINDOW).conj()
    products = np.fft.irfft(ahead, 2 * _WINDOW)[:, : _WINDOW + 1]
    energies = np.cumsum(np.pad(spans**2, ((0, 0), (1, 0))), axis=1)
    energies = energies[:, _WINDOW:] - energies[:, : _WINDOW + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = products / np.sqrt(energies[:, :1] * energies)
    return np.where(np.isfinite(correlations), correlations, 0.0), peaks


def _highest_maxima(correlations: Float[np.ndarray, "F L"], interpolation: _Table) -> _Vector:
    """The highest maximum between lags 2 and 210 of each frame, 0 without one. Praat reflects those over 1 around it."""
    inner = correlations[:, 2:-1]
    is_maximum = (inner > 0) & (inner > correlations[:, 1:-2]) & (inner >= correlations[:, 3:])
    lags, frames = np.nonzero(is_maximum.T)  # sorted by lag
    lags += 2
    ends = np.searchsorted(lags, np.arange(correlations.shape[1] + 1))
    coefficients = np.empty((len(lags), 2 * _NODES))  # of the polynomials on both sides of the sampled maximum
    for lag in np.unique(lags):
        rows = slice(ends[lag], ends[lag + 1])
        np.matmul(correlations[frames[rows]], interpolation[lag - 1 : lag + 1].reshape(2 * _NODES, -1).T, out=coefficients[rows])
    coefficients = coefficients.reshape(-1, 2, _NODES)

    values = (coefficients @ np.vander(_GRID, _NODES, increasing=True).T).reshape(len(lags), 2 * len(_GRID))
    places = values.argmax(axis=1)
    estimates = _reflected(values[np.arange(len(lags)), places])
    # Under lag 2 lie frequencies over 8 kHz, which no maximum may have.
    estimates[: ends[3]] *= _value(_derivative(coefficients[: ends[3], 1]), -1.0) > 0
    highest = np.zeros(len(correlations))
    np.maximum.at(highest, frames, estimates)
    kept = np.flatnonzero(estimates > np.maximum(0.0, highest[frames] - _PRUNE))
    coefficients, lags, frames = coefficients[kept], lags[kept], frames[kept]
    sides, points = np.divmod(places[kept], len(_GRID))
    refined = _refine(coefficients[np.arange(len(kept)), sides], _GRID[points])
    # Both sides hold the sampled maximum itself; where that is the highest point, the true one may lie on either.
    both = np.flatnonzero(sides + points / (len(_GRID) - 1) == 1)
    other = _refine(coefficients[both, 1 - sides[both]], 2.0 * sides[both] - 1.0)
    refined[both] = np.maximum(refined[both], other)
    refined = _reflected(refined)
    strongest = np.zeros(len(correlations))
    np.maximum.at(strongest, frames, refined)
    return strongest


def _refine(polynomials: Float[np.ndarray, "n K"], starts: _Vector) -> _Vector:
    """Each polynomial's maximum around its highest point of the grid, by Newton's method on the derivative."""
    slopes = _derivative(polynomials)
    bends = _derivative(slopes)
    reach = _GRID[1] - _GRID[0]
    lowest, highest = np.maximum(-1.0, starts - reach), np.minimum(1.0, starts + reach)
    places = starts
    for _ in range(4):  # doubles the right digits each time, from one
        slope, bend = _value(slopes, places), _value(bends, places)
        places = np.clip(places - np.divide(slope, bend, out=np.zeros_like(slope), where=bend < 0), lowest, highest)
    return np.maximum(_value(polynomials, places), _value(polynomials, starts))


def _reflected(strengths: _Vector) -> _Vector:
    return np.where(strengths > 1, 1 / np.maximum(1.0, strengths), strengths)


def _value(polynomials: Float[np.ndarray, "n _"], places: _Vector | float) -> _Vector:
    value = polynomials[:, -1]
    for power in range(polynomials.shape[1] - 2, -1, -1):
        value = value * places + polynomials[:, power]
    return value


def _derivative(polynomials: Float[np.ndarray, "n _"]) -> Float[np.ndarray, "n _"]:
    return polynomials[:, 1:] * np.arange(1, polynomials.shape[1])


def _interpolation() -> _Table:
    """Table (210, K, L) from a frame's correlations at 0, 1, .. 210 to the polynomials between them.

    Between lags m and m + 1, Praat sums sin(x) / x under a raised cosine over as many lags on each side as there are to the
    right, where negative lags mirror positive ones. That sum is smooth, so its values at K Chebyshev nodes give it. Where two
    lags or one are left to the right, Praat takes a cubic (Catmull-Rom) or a straight line.
    The polynomial's variable runs from -1 at m to 1 at m + 1; coefficient k is that of its k-th power.
    """
    nodes = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    to_coefficients = np.linalg.inv(np.vander(nodes, _NODES, increasing=True))
    table = np.zeros((_WINDOW, _NODES, _WINDOW + 1))
    for m in range(_WINDOW - 2):
        depth = _WINDOW - m
        lags = np.arange(m + 1 - depth, _WINDOW + 1)
        distances = (m + 0.5 + nodes / 2)[:, None] - lags  # (K, lags)
        widths = np.where(distances > 0, distances[:, :1], -distances[:, -1:]) + 1
        weights = 0.5 * np.sinc(distances) * (1 + np.cos(np.pi * distances / widths))
        mirrored = np.zeros((_WINDOW + 1, _NODES))
        np.add.at(mirrored, np.abs(lags), weights.T)
        table[m] = to_coefficients @ mirrored.T
    at = (nodes[:, None] + 1) / 2
    table[-2, :, -4:] = to_coefficients @ (at ** np.arange(4) @ _CUBIC)
    table[-1, :, -2:] = to_coefficients @ np.hstack((1 - at, at))
    return table
