"""Harmonicity: the same frames as Praat's, its interpolation, and what is left out to be fast."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.voices import RATE, bumps, buzz, chirps, noise, pulses, silence, syllables, times, tone
from merc.encoders.audio import harmonicity as module
from merc.encoders.audio.harmonicity import SILENT, harmonicity

parselmouth = pytest.importorskip("parselmouth")
WINDOW = 210  # samples


def by_praat(samples: np.ndarray) -> np.ndarray:
    try:
        return parselmouth.Sound(samples, sampling_frequency=RATE).to_harmonicity_cc().values[0]
    except parselmouth.PraatError:  # shorter than two windows
        return np.zeros(0)


def check(clip: np.ndarray) -> None:
    samples = clip.astype(np.float64)
    expected, found = by_praat(samples), harmonicity(samples)
    assert np.array_equal(found == SILENT, expected == SILENT)  # of as many frames
    rounding = (found > 59.99) & (expected > 59.99)  # which the encoder leaves to Praat
    assert found[~rounding] == pytest.approx(expected[~rounding], abs=1e-4)


def quantised(clip: np.ndarray, bits: int) -> np.ndarray:
    return (np.round(clip * 2.0 ** (bits - 1)) / 2.0 ** (bits - 1)).astype(np.float32)


def zeros(count: int) -> np.ndarray:
    return np.zeros(count, dtype=np.float32)


CREAK = buzz(76.5, 1.0) + noise(1.0, 1e-3)  # periods of 209 samples: the interpolation's last ones
CLIPS = {
    **{f"chirps {seed}": chirps(seed) for seed in range(12)},
    **{f"pulses {seed}": pulses(seed) for seed in range(6)},
    **{f"tone in noise {f}": tone(f, 0.7) + noise(0.7, 0.01) for f in (60.0, 77.0, 190.0, 1111.0, 3999.0, 6500.0, 7900.0)},
    **{f"noise {deviation}": noise(0.7, deviation, seed=5) for deviation in (1e-4, 0.1)},
    "creak": CREAK,
    "syllables": syllables(4),
    "bumps": bumps([10, 1, 3]) + noise(len(bumps([10, 1, 3])) / RATE, 1e-4),
    "of one bit more than silence": quantised(chirps(3), 6),
    "clipped": np.clip(20 * chirps(4), -1, 1),
    "with an offset": chirps(5) + np.float32(0.2),
    "fading": (chirps(6) * 10 ** -np.linspace(0, 7, len(chirps(6)))).astype(np.float32),
    "breaks off": np.concatenate([buzz(140, 0.4) + noise(0.4, 1e-3), zeros(5001)]),
}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_every_frame_is_praats(clip: np.ndarray) -> None:
    check(clip)
    check(clip[1:])  # odd and even counts are rounded differently


def test_clips_of_every_length_have_praats_frames() -> None:
    hiss = tone(150, 0.2) + noise(0.2, 0.02)
    for count in (*range(420, 600), *range(2040, 2080)):
        check(hiss[:count])


@pytest.mark.parametrize("bits", [8, 16])
def test_where_sound_begins_after_digital_silence_rounding_is_praats(bits: int) -> None:
    """The window is constant, the correlation all but: maxima of the last digit, of 30 to 150 dB."""
    voice = quantised(np.sin(np.pi * np.minimum(times(0.3) / 0.01, 0.5)) ** 2 * (buzz(130, 0.3) + noise(0.3, 0.003)), bits)
    for count in range(400, 1200, 21):
        check(np.concatenate([zeros(count), voice, zeros(count // 2), voice]))


segments = st.tuples(
    st.sampled_from(["zeros", "constant", "noise", "buzz", "tone", "silence"]),
    st.integers(1, 3000),
    st.floats(1e-4, 0.9),
    st.floats(60, 7900),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(segments, min_size=1, max_size=5), st.integers(0, 1000), st.booleans())
def test_it_is_praats_whatever_follows_what(parts: list[tuple[str, int, float, float]], seed: int, coarse: bool) -> None:
    made = {
        "zeros": lambda seconds, _level, _frequency: 0 * times(seconds),
        "constant": lambda seconds, level, _frequency: level + 0 * times(seconds),
        "noise": lambda seconds, level, _frequency: noise(seconds, level / 4, seed=seed),
        "buzz": lambda seconds, level, frequency: (
            buzz(frequency / 10 + 55, seconds, level) + noise(seconds, level / 300, seed=seed)
        ),
        "tone": lambda seconds, level, frequency: tone(frequency, seconds, level) + noise(seconds, level / 300, seed=seed),
        "silence": lambda seconds, _level, _frequency: silence(seconds),
    }
    clip = np.concatenate([made[kind](count / RATE, level, frequency) for kind, count, level, frequency in parts])
    clip = quantised(clip, 10) if coarse else clip.astype(np.float32)
    if np.ptp(clip) > 0:
        check(clip)


def test_between_lags_it_interpolates_as_praat() -> None:
    correlations = np.random.default_rng(0).normal(size=WINDOW + 1)
    mirrored = np.concatenate([correlations[:0:-1], correlations])
    vector = parselmouth.Sound(mirrored, sampling_frequency=1.0, start_time=-WINDOW - 0.5)
    polynomials = module._interpolation() @ correlations
    for lag in (1, 2, 50, 205, 206, 207, 208, 209):
        for part in (0.0, 0.003, 0.3, 0.5, 0.77, 1.0):
            expected = parselmouth.praat.call(vector, "Get value at time", 1, lag + part, "Sinc700")
            assert np.polynomial.chebyshev.chebval(2 * part - 1, polynomials[lag]) == pytest.approx(expected, abs=2e-8)
    assert module._halfway() @ correlations == pytest.approx(np.polynomial.chebyshev.chebval(0.0, polynomials.T), abs=1e-12)


@pytest.mark.parametrize("clip", [chirps(1), noise(1.0), CREAK, syllables(3)])
def test_no_maximum_is_left_out_that_would_be_the_highest(clip: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, counts = clip.astype(np.float64), []

    def every(correlations):
        inner = correlations[:, 2:-1]
        lags, frames = np.nonzero(((inner > 0) & (inner > correlations[:, 1:-2]) & (inner >= correlations[:, 3:])).T)
        counts.append((len(lags), len(promising(correlations)[0])))
        return frames, lags + 2

    promising = module._promising
    found = harmonicity(samples)
    monkeypatch.setattr(module, "_promising", every)
    assert found == pytest.approx(harmonicity(samples), abs=1e-9)
    assert 0 < sum(few for _, few in counts) < sum(many for many, _ in counts)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = chirps(2).astype(np.float64)
    whole = harmonicity(samples)
    monkeypatch.setattr(module, "_BLOCK", 7)
    assert harmonicity(samples) == pytest.approx(whole, abs=1e-9)
