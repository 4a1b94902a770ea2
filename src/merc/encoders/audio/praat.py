"""Eight measurements of an utterance's sound by Praat (praat-parselmouth): `FUNCTIONALS`, in the order of MELD's `*_praat.csv`.

Syllable nuclei are counted as by the script of de Jong and Wempe (Behavior Research Methods 41, 2009), revised in 2010, in the
translation to Python by Feinberg, with which the csv files were made. It differs from the publication, see `PraatEncoder`.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from merc.encoders.audio.harmonicity import SILENT, harmonicity
from merc.encoders.interface import PRAAT_NAME, RATE, Clip, clip_rows
from merc.errors import MissingExtraError
from merc.files.printable import encodable
from merc.files.shapes import Float, Float32
from merc.settings import Progress, no_progress

Sound = Any  # parselmouth's, which has no types

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

# de Jong and Wempe's script
_BELOW_LOUDEST = 25.0  # dB under the 99 % quantile
_DIP = 2.0  # dB
_PAUSE = 0.3  # s
_BURST = 0.1  # s; sound between two pauses that is shorter is no speech
_REPEATED = 60.0  # dB; what is more harmonic comes from a machine, and Praat's own rounding decides [chosen]


class PraatEncoder:
    """Praat's functionals: D = 8. The definitions (those of the script that made MELD's csv files; the rest is chosen):

    - duration: samples / 16 kHz.
    - intensity: To Intensity (floor 100 Hz), energy mean; population sd over frames. Frames of digital silence (120 dB
      under the loudest, or more) are left out of the sd, as it would depend on the gain with them [chosen].
    - pitch: To Pitch (75 to 600 Hz): mean, population sd, range over voiced frames. Without any: NaN, 0, 0.
    - articulation rate: syllable nuclei / phonation time, that of the sounding stretches. A nucleus is a maximum of the
      interpolated intensity (floor 50 Hz) over the threshold, 25 dB under the 99 % quantile, that is voiced, lies in a sounding
      stretch, and is followed by a dip of more than 2 dB before the next maximum over the threshold. So the last maximum never
      counts, and n syllables have n - 1 nuclei; in the publication the dip precedes the nucleus. NaN without a nucleus.
    - HNR: To Harmonicity (cc), Get mean, which leaves out silent frames. NaN if all are. The frames are those of `harmonicity`,
      which is five times as fast; where one is over 60 dB, the command itself measures the clip.

    A clip of digital silence has its duration, pitch as without voice, and nothing else. A gain changes nothing but the intensity
    mean. An analysis that the clip is too short for gives NaN: HNR under .027 s, pitch under .04 s, intensity under .064 s,
    articulation rate under .128 s.

    Raises:
        MissingExtraError: praat-parselmouth or threadpoolctl is not installed.
    """

    name = PRAAT_NAME
    version = "2"
    dimension = len(FUNCTIONALS)
    modality = "audio"

    def __init__(self) -> None:
        if any(importlib.util.find_spec(package) is None for package in ("parselmouth", "threadpoolctl")):
            raise MissingExtraError("annotate", f"the sound encoder {PRAAT_NAME!r}")

    def encode(self, inputs: Sequence[Clip | None], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        """See `merc.encoders.interface.Encoder.encode`."""
        from threadpoolctl import threadpool_limits

        # A clip's products are small: by several threads they take as long, and these wait by spinning, a third of all CPU time.
        with threadpool_limits(1, user_api="blas"):
            return clip_rows(inputs, self.dimension, lambda _, clip: np.array(_functionals(clip.astype(np.float64))), progress)


def _load_praat() -> Any:
    """Praat, which ends the process if it is loaded in a working folder whose name is not UTF-8: so it is loaded in another."""
    if "parselmouth" not in sys.modules and encodable(folder := str(Path.cwd())) != folder:
        kept = os.open(".", os.O_RDONLY)
        try:
            os.chdir(os.sep)
            return importlib.import_module("parselmouth")
        finally:
            os.fchdir(kept)
            os.close(kept)
    return importlib.import_module("parselmouth")


def _functionals(samples: _Vector) -> tuple[float, ...]:
    parselmouth = _load_praat()
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

    measurements = ((_intensity, 2), (_pitch, 3), (_articulation_rate, 1), (_harmonicity, 1))
    return (duration, *(number for measure, numbers in measurements for number in measured(measure, numbers)))


def _intensity(sound: Sound) -> tuple[float, float]:
    intensity = sound.to_intensity(minimum_pitch=100.0)
    levels = intensity.values[0]
    return float(intensity.get_average()), float(levels[levels > levels.max() - _SILENT_FRAME].std())


def _pitch(sound: Sound) -> tuple[float, float, float]:
    frequencies = sound.to_pitch(pitch_floor=75.0, pitch_ceiling=600.0).selected_array["frequency"]
    voiced = frequencies[frequencies > 0]
    return (float(voiced.mean()), float(voiced.std()), float(np.ptp(voiced))) if len(voiced) else (_NAN, 0.0, 0.0)


def _articulation_rate(sound: Sound) -> tuple[float]:
    import parselmouth
    from parselmouth.praat import call

    intensity = sound.to_intensity(minimum_pitch=50.0)
    levels = intensity.values[0]
    loudest, quietest = _highest(levels), -_highest(-levels)
    quiet = float(np.quantile(levels, 0.99, method="hazen")) - _BELOW_LOUDEST
    threshold = max(quiet, quietest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", parselmouth.PraatWarning)  # of sounds whose level hardly changes
        silences = call(intensity, "To TextGrid (silences)", quiet - loudest, _PAUSE, _BURST, "silent", "sounding")
    intervals = [line.split("\t") for line in call(silences, "List", False, 17, False, False).splitlines()[1:]]
    stretches = [(float(start), float(end)) for start, label, end in intervals if label == "sounding"]
    curve = parselmouth.Sound(levels, 1 / intensity.dx, intensity.x1 - intensity.dx / 2)
    maxima = call(call(curve, "To PointProcess (extrema)", "Left", True, False, "Sinc70"), "To Matrix").values[0]
    peaks = [(time, level) for time in maxima.tolist() if (level := intensity.get_value(time)) > threshold]

    def dip(time: float, following: float) -> float:
        first, last = ((t - intensity.x1) / intensity.dx for t in (time, following))
        return float(levels[math.ceil(first) : math.floor(last) + 1].min())

    candidates = [
        time
        for (time, level), (following, _) in pairwise(peaks)
        if level - dip(time, following) > _DIP and any(start <= time < end for start, end in stretches)
    ]
    if not candidates:
        return (_NAN,)
    # Windows of 100 ms, as in the publication; its script's costs and thresholds.
    pitch = sound.to_pitch_ac(0.02, 30.0, 4, False, 0.03, 0.25, 0.01, 0.35, 0.25, 450.0)
    nuclei = sum(not math.isnan(pitch.get_value_at_time(time)) for time in candidates)
    return (nuclei / sum(end - start for start, end in stretches) if nuclei else _NAN,)


def _highest(levels: _Vector) -> float:
    """The highest of the levels and of the parabolas through their maxima."""
    before, middle, after = levels[:-2], levels[1:-1], levels[2:]
    maxima = (middle > before) & (middle >= after)
    before, middle, after = before[maxima], middle[maxima], after[maxima]
    tops = middle + (after - before) ** 2 / (8 * (2 * middle - before - after))
    return float(np.concatenate([levels, tops]).max())


def _harmonicity(sound: Sound) -> tuple[float]:
    decibels = harmonicity(sound.values[0])
    if len(decibels) and decibels.max() > _REPEATED:
        decibels = sound.to_harmonicity_cc().values[0]
    sounding = decibels[decibels > SILENT]
    return (float(sounding.mean()) if len(sounding) else _NAN,)
