"""The slow twin of `PraatEncoder`: the same numbers, all by Praat's own commands."""

import math
import warnings
from itertools import pairwise

import numpy as np

from encoders.voices import RATE

NAN = float("nan")


def functionals(clip: np.ndarray) -> np.ndarray:
    import parselmouth

    samples = clip.astype(np.float64)
    duration = len(samples) / RATE
    if np.abs(samples - samples.mean()).max() <= 2e-5 * 10 ** (-100 / 20):
        return np.array([duration, NAN, NAN, NAN, 0, 0, NAN, NAN])
    sound = parselmouth.Sound(samples, sampling_frequency=RATE)
    row = [duration]
    for measure, numbers in ((intensity, 2), (pitch, 3), (articulation_rate, 1), (harmonicity, 1)):
        try:
            row += measure(sound)
        except parselmouth.PraatError:
            row += [NAN] * numbers
    return np.array(row)


def intensity(sound):
    found = sound.to_intensity(minimum_pitch=100.0)
    levels = found.values[0]
    return [found.get_average(), levels[levels > levels.max() - 120].std()]


def pitch(sound):
    frequencies = sound.to_pitch(pitch_floor=75.0, pitch_ceiling=600.0).selected_array["frequency"]
    voiced = frequencies[frequencies > 0]
    return [voiced.mean(), voiced.std(), np.ptp(voiced)] if len(voiced) else [NAN, 0, 0]


def articulation_rate(sound):
    from parselmouth import PraatWarning
    from parselmouth.praat import call

    found = sound.to_intensity(minimum_pitch=50.0)
    quietest, loudest = (call(found, f"Get {extreme}", 0, 0, "Parabolic") for extreme in ("minimum", "maximum"))
    quiet = call(found, "Get quantile", 0, 0, 0.99) - 25
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PraatWarning)
        grid = call(found, "To TextGrid (silences)", quiet - loudest, 0.3, 0.1, "silent", "sounding")
    curve = call(call(found, "Down to Matrix"), "To Sound (slice)", 1)
    maxima = call(call(curve, "To PointProcess (extrema)", "Left", True, False, "Sinc70"), "To Matrix").values[0]
    peaks = [(time, level) for time in maxima.tolist() if (level := found.get_value(time)) > max(quiet, quietest)]
    voices = sound.to_pitch_ac(0.02, 30.0, 4, False, 0.03, 0.25, 0.01, 0.35, 0.25, 450.0)
    nuclei = sum(
        level - call(found, "Get minimum", time, following, "None") > 2
        and not math.isnan(voices.get_value_at_time(time))
        and call(grid, "Get label of interval", 1, call(grid, "Get interval at time", 1, time)) == "sounding"
        for (time, level), (following, _) in pairwise(peaks)
    )
    return [nuclei / call(grid, "Get total duration of intervals where", 1, "is equal to", "sounding") if nuclei else NAN]


def harmonicity(sound):
    decibels = sound.to_harmonicity_cc().values[0]
    sounding = decibels[decibels > -200]
    return [sounding.mean() if len(sounding) else NAN]
