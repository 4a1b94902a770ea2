"""Praat's functionals: sounds of known properties, Praat's own commands, and what must change nothing."""

import importlib.util
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from encoders.audio import praat_twin
from encoders.voices import RATE, bumps, buzz, chirps, espeak, needs_espeak, noise, pulses, silence, syllables, times, tone
from merc.data.corpora.meld import PRAAT_COLUMNS
from merc.encoders.audio.praat import FUNCTIONALS, PraatEncoder
from merc.encoders.interface import Encoder
from merc.errors import MissingExtraError
from steps import steps

parselmouth = pytest.importorskip("parselmouth")


def measured(clip: np.ndarray) -> dict[str, float]:
    return dict(zip(FUNCTIONALS, PraatEncoder().encode([clip])[0].tolist(), strict=True))


def decibels(amplitude: float) -> float:
    """Of a sine, re 20 uPa."""
    return 20 * np.log10(amplitude / np.sqrt(2) / 2e-5)


def told_by_praat(clip: np.ndarray) -> dict[str, float]:
    """The same numbers by the commands that Praat's users give."""
    from parselmouth.praat import call

    sound = parselmouth.Sound(clip.astype(np.float64), sampling_frequency=RATE)
    intensity = call(sound, "To Intensity", 100, 0, True)
    pitch = call(sound, "To Pitch", 0, 75, 600)
    harmonicity = call(sound, "To Harmonicity (cc)", 0.01, 75, 0.1, 1)
    hertz = [call(pitch, "Get value in frame", i + 1, "Hertz") for i in range(call(pitch, "Get number of frames"))]
    voiced = [f for f in hertz if not np.isnan(f)]
    return {
        "duration": call(sound, "Get total duration"),
        "avg_intensity": call(intensity, "Get mean", 0, 0, "energy"),
        "intensity_variation": float(np.std([call(intensity, "Get value in frame", i + 1) for i in range(intensity.n_frames)])),
        "avg_pitch": call(pitch, "Get mean", 0, 0, "Hertz"),
        "pitch_std": float(np.std(voiced)) if voiced else 0.0,
        "pitch_range": max(voiced) - min(voiced) if voiced else 0.0,
        "articulation_rate": articulation_told_by_praat(sound),
        "mean_hnr": call(harmonicity, "Get mean", 0, 0),
    }


def articulation_told_by_praat(sound: "parselmouth.Sound") -> float:
    """Syllable nuclei as the published script counts them, each maximum sought between its neighbouring frames."""
    from parselmouth.praat import call

    intensity = call(sound, "To Intensity", 50, 0, True)
    curve = call(call(intensity, "Down to Matrix"), "To Sound (slice)", 1)
    quantile = call(intensity, "Get quantile", 0, 0, 0.99)
    threshold = max(quantile - 25, call(intensity, "Get minimum", 0, 0, "Parabolic"))
    silence_threshold = -25 - (call(intensity, "Get maximum", 0, 0, "Parabolic") - quantile)
    grid = call(intensity, "To TextGrid (silences)", silence_threshold, 0.3, 0.1, "silent", "sounding")
    intervals = [
        tuple(call(grid, f"Get {edge} time of interval", 1, i) for edge in ("start", "end"))
        for i in range(1, call(grid, "Get number of intervals", 1) + 1)
        if call(grid, "Get label of interval", 1, i) == "sounding"
    ]
    pitch = call(sound, "To Pitch (ac)", 0.02, 30, 4, False, 0.03, 0.25, 0.01, 0.35, 0.25, 450)

    levels = [call(intensity, "Get value in frame", i + 1) for i in range(call(intensity, "Get number of frames"))]
    moments = [call(intensity, "Get time from frame number", i + 1) for i in range(len(levels))]
    peaks = []
    for i in range(1, len(levels) - 1):
        if levels[i - 1] < levels[i] >= levels[i + 1]:
            moment = call(curve, "Get time of maximum", moments[i - 1], moments[i + 1], "Sinc70")
            level = call(curve, "Get value at time", moment, "Cubic")
            peaks += [(moment, level)] if level > threshold else []
    nuclei = 0
    for (moment, level), (following, _) in pairwise(peaks):
        dip = min(level for level, frame in zip(levels, moments, strict=True) if moment <= frame <= following)
        is_voiced = not np.isnan(call(pitch, "Get value at time", moment, "Hertz", "Linear"))
        nuclei += level - dip > 2 and is_voiced and any(start <= moment < end for start, end in intervals)
    return nuclei / sum(end - start for start, end in intervals) if nuclei else float("nan")


SOUNDS = {
    **{f"chirps {seed}": chirps(seed) for seed in range(4)},
    **{f"pulses {seed}": pulses(seed) for seed in range(2)},
    "dips": bumps([10, 1, 3, 0.7, 6]),
    "tone": tone(180),
    "noise": noise(2.0, 0.001, seed=3),
    "buzz": buzz(75.5),
    "short buzz": buzz(300, 0.15),
}
SENTENCES = [("I am so happy today that I could sing about it", 13), ("He will be late again tonight.", 8)]


def test_it_is_a_sound_encoder_of_melds_columns() -> None:
    encoder = PraatEncoder()
    assert isinstance(encoder, PraatEncoder) and isinstance(encoder, Encoder)
    assert (encoder.name, encoder.version, encoder.dimension, encoder.modality) == ("praat", "2", 8, "audio")
    assert FUNCTIONALS == PRAAT_COLUMNS


@pytest.mark.parametrize("amplitude", [0.001, 0.1, 1.0])
def test_a_tone_has_its_level(amplitude: float) -> None:
    row = measured(tone(200, amplitude=amplitude))
    assert row["avg_intensity"] == pytest.approx(decibels(amplitude), abs=0.02)
    assert row["intensity_variation"] < 0.05


def test_the_level_of_two_halves_is_their_mean_energy_and_its_sd_half_their_distance() -> None:
    row = measured(np.concatenate((tone(200, 2.0, 0.2), tone(200, 2.0, 0.02))))
    assert row["avg_intensity"] == pytest.approx(decibels(np.sqrt((0.2**2 + 0.02**2) / 2)), abs=0.1)
    assert row["intensity_variation"] == pytest.approx(10, abs=0.3)


@pytest.mark.parametrize("frequency", [80.0, 123.0, 250.0, 590.0])
def test_a_buzz_has_its_pitch(frequency: float) -> None:
    row = measured(buzz(frequency))
    assert row["avg_pitch"] == pytest.approx(frequency, rel=1e-3)
    assert row["pitch_std"] < 0.1 and row["pitch_range"] < 1


def test_pitch_is_that_of_voiced_frames_alone() -> None:
    row = measured(np.concatenate((buzz(100), silence(1.5), buzz(200))))
    assert row["avg_pitch"] == pytest.approx(150, rel=0.01)
    assert row["pitch_std"] == pytest.approx(50, rel=0.01)
    assert row["pitch_range"] == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("ratio", [5.0, 10.0, 20.0])
def test_a_tone_in_noise_has_its_harmonicity(ratio: float) -> None:
    hiss = 0.1 / np.sqrt(2) / 10 ** (ratio / 20)
    # The highest of several maxima in noise reads a little high.
    found = measured(tone(200, 3.0) + noise(3.0, hiss))["mean_hnr"]
    assert ratio - 0.2 < found < ratio + 0.8


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("each", [0.15, 0.2, 0.3])
def test_syllables_are_counted(count: int, each: float) -> None:
    clip = syllables(count, each)
    nuclei = count - 1 or np.nan  # the last one never counts
    assert measured(clip)["articulation_rate"] == pytest.approx(nuclei / (len(clip) / RATE), rel=1e-4, nan_ok=True)


@pytest.mark.parametrize(
    ("depths", "nuclei"),
    [([10, 0.7, 0.7], 1), ([0.7, 0.7, 10], 1), ([3, 1.5, 3], 2), ([0.7, 0.7], np.nan), ([40, 40], 2)],
)
def test_a_nucleus_is_followed_by_a_dip_of_more_than_2_decibels(depths: list[float], nuclei: float) -> None:
    clip = bumps(depths)
    assert measured(clip)["articulation_rate"] == pytest.approx(nuclei / (len(clip) / RATE), rel=1e-4, nan_ok=True)


def test_a_maximum_25_decibels_under_the_loudest_is_no_syllable() -> None:
    loud, quiet = bumps([])[4000:-4000], bumps([])[4000:-4000] * 10 ** (-30 / 20)
    clip = np.concatenate((silence(0.25), loud, quiet, loud, silence(0.25)))
    assert measured(clip)["articulation_rate"] == pytest.approx(1 / (len(clip) / RATE), rel=1e-4)


def test_pauses_are_no_phonation_time_but_gaps_are() -> None:
    with_pauses = np.concatenate((silence(1.0), syllables(3), silence(1.0), syllables(2), silence(1.0)))
    # 5 syllables of .2 s, of which the last does not count; the edges are smeared over the window of .13 s.
    assert measured(with_pauses)["articulation_rate"] == pytest.approx(4 / (5 * 0.2), rel=0.2)
    with_gap = np.concatenate((syllables(3)[:-2000], syllables(2)[2000:]))
    assert measured(with_gap)["articulation_rate"] == pytest.approx(4 / (len(with_gap) / RATE), rel=1e-3)


def test_unvoiced_syllables_do_not_count() -> None:
    voiced = syllables(4)
    loudness = np.abs(voiced.reshape(-1, 80)).max(axis=1).repeat(80)
    assert measured(voiced)["articulation_rate"] > 2
    assert np.isnan(measured(loudness * noise(len(voiced) / RATE, 0.3))["articulation_rate"])


@pytest.mark.filterwarnings("ignore::parselmouth.PraatWarning")  # of the twin, on sounds whose level hardly changes
@pytest.mark.parametrize("clip", SOUNDS.values(), ids=SOUNDS)
def test_every_number_is_what_praats_commands_tell(clip: np.ndarray) -> None:
    assert measured(clip) == pytest.approx(told_by_praat(clip), rel=1e-6, abs=1e-5, nan_ok=True)


@needs_espeak
@pytest.mark.parametrize(("words", "count"), SENTENCES)
@pytest.mark.parametrize("voice", ["en", "en-us+f3", "en+m4"])
def test_speech_measures_as_praats_commands_tell_and_its_syllables_are_about_right(words: str, count: int, voice: str) -> None:
    speech = espeak(words, voice)
    clip = speech + noise(len(speech) / RATE, 1e-5)
    row = measured(clip)
    assert row == pytest.approx(told_by_praat(clip), rel=1e-6, abs=1e-5)
    seconds = len(np.trim_zeros(np.round(clip, 3))) / RATE
    assert row["articulation_rate"] * seconds == pytest.approx(count, rel=0.3)
    assert 60 < row["avg_intensity"] < 85 and 75 < row["avg_pitch"] < 300


def test_a_quarter_of_the_amplitude_takes_12_decibels_and_nothing_else() -> None:
    clip = chirps(7)
    loud, quiet = measured(clip), measured(clip / 4)
    assert quiet.pop("avg_intensity") == pytest.approx(loud.pop("avg_intensity") - 20 * np.log10(4), rel=1e-5)
    assert quiet == pytest.approx(loud, rel=1e-5)


@pytest.mark.parametrize("gain", [0.25, 0.01, 4.0])
def test_no_gain_moves_a_fading_sound_into_silence(gain: float) -> None:
    fading = buzz(150, 2.0) * 10 ** -np.linspace(0, 9, 2 * RATE)  # by 180 dB, and then nothing
    sound = np.concatenate((buzz(150, 0.5), fading, np.zeros(RATE // 2))).astype(np.float32)
    expected, found = measured(sound), measured((gain * sound).astype(np.float32))
    expected["avg_intensity"] += 20 * np.log10(gain)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-3, nan_ok=True)


def test_digital_silence_between_words_makes_no_variation_of_its_own() -> None:
    words = np.concatenate((chirps(1), np.zeros(RATE, dtype=np.float32), chirps(2)))
    loud, quiet = measured(words), measured(words / 4)
    assert loud["intensity_variation"] < 30  # Praat's frames of -300 dB would make it 150
    assert quiet["intensity_variation"] == pytest.approx(loud["intensity_variation"], rel=1e-5)
    assert quiet["mean_hnr"] == pytest.approx(loud["mean_hnr"], rel=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_silent_clip_has_a_duration_and_no_pitch(level: float) -> None:
    row = measured(np.full(RATE, level, dtype=np.float32))
    assert [name for name, number in row.items() if not np.isnan(number)] == ["duration", "pitch_std", "pitch_range"]
    assert (row["duration"], row["pitch_std"], row["pitch_range"]) == (1, 0, 0)


def test_noise_has_no_pitch_but_the_rest() -> None:
    row = measured(noise(0.5))
    assert np.isnan(row["avg_pitch"]) and (row["pitch_std"], row["pitch_range"]) == (0, 0)
    assert row["mean_hnr"] < 0 and row["avg_intensity"] > 60


@pytest.mark.parametrize(
    ("seconds", "lacking"),
    [
        (0.13, 1),  # too short for two syllables
        (0.07, 1),
        (0.06, 3),
        (0.035, 6),
        (0.02, 7),
        (2 / RATE, 7),
    ],
)
def test_a_clip_too_short_for_a_number_lacks_that_number(seconds: float, lacking: int) -> None:
    row = measured(buzz(300, 0.2)[100 : 100 + round(seconds * RATE)])
    assert sum(np.isnan(number) for number in row.values()) == lacking
    assert row["duration"] == pytest.approx(seconds)


def test_absent_clips_are_rows_of_nan_and_neighbours_change_nothing() -> None:
    broken = tone(200)
    broken[500] = np.inf
    told: list[tuple[int, int]] = []
    clips = [tone(200), None, np.zeros(0, dtype=np.float32), broken, chirps(0)]
    rows = PraatEncoder().encode(clips, lambda _stage, done, total: told.append((done, total)))
    assert rows.shape == (5, 8) and rows.dtype == np.float32
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, True, True, False]
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert np.array_equal(rows[4], PraatEncoder().encode([chirps(0)])[0], equal_nan=True)
    assert PraatEncoder().encode([]).shape == (0, 8)


@pytest.fixture
def analyses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of Praat's analyses, as they are asked for."""
    asked: list[str] = []

    class Sound(parselmouth.Sound):
        def __getattribute__(self, name: str) -> object:
            if name.startswith("to_"):
                asked.append(name)
            return super().__getattribute__(name)

    monkeypatch.setattr(parselmouth, "Sound", Sound)
    return asked


ANALYSES = ["to_intensity", "to_intensity", "to_pitch", "to_pitch_ac"]


def varied(seed: int) -> np.ndarray:
    """A clip of .03 to 2.5 s of anything like talk: cut, soft, noisy, clipped, coarse, or with digital silence."""
    generator = np.random.default_rng(seed)
    source = (chirps, pulses, lambda s: syllables(2 + s % 5, 0.15), lambda s: bumps([1.0 + s % 7, 3, 10]))[seed % 4](seed)
    first, count = generator.integers(0, len(source) // 2), round(RATE * 10 ** generator.uniform(-1.5, 0.4))
    clip = source[first : first + count].astype(np.float64)
    change = seed // 4 % 6
    if change == 0:
        clip = clip + generator.normal(0, 10 ** generator.uniform(-5, -1.5), len(clip))
    elif change == 1:
        clip = np.clip(clip * generator.uniform(2, 40), -1, 1)
    elif change == 2:
        clip = clip * 10 ** generator.uniform(-4, 0)
    elif change == 3:
        clip = np.concatenate([np.zeros(generator.integers(RATE)), clip, np.zeros(generator.integers(RATE))])
    elif change == 4:
        clip = np.round(clip * 2**8) / 2**8
    return clip.astype(np.float32)


def test_the_rows_are_those_of_praats_commands() -> None:
    """No number moves by more than 1e-4 of its spread, and none is lost or gained."""
    clips = [varied(seed) for seed in range(120)]
    rows = PraatEncoder().encode(clips)
    expected = np.stack([praat_twin.functionals(clip) for clip in clips])
    assert np.array_equal(np.isnan(rows), np.isnan(expected))
    assert (np.isfinite(expected).sum(axis=0) > 30).all() and np.isnan(expected).any(axis=0)[[1, 2, 3, 6, 7]].all()
    assert np.nanmax(np.abs(rows - expected) / np.nanstd(expected, axis=0)) < 1e-4


@needs_espeak
def test_the_rows_of_speech_are_those_of_praats_commands() -> None:
    voices = ("en", "en+f3", "en-us+m5", "de", "en+croak", "en+whisper")
    clips = [espeak(text, voice, 130 + 20 * i) for i, voice in enumerate(voices) for text, _ in SENTENCES]
    expected = np.stack([praat_twin.functionals(clip) for clip in clips])
    assert PraatEncoder().encode(clips) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_what_no_microphone_hears_is_left_to_praats_rounding(analyses: list[str]) -> None:
    beep = np.tile(tone(200, 1 / 200), 200)  # periods of 80 samples, all alike
    row = measured(beep)
    assert "to_harmonicity_cc" in analyses and row["mean_hnr"] > 70
    assert row["mean_hnr"] == pytest.approx(praat_twin.functionals(beep)[7], rel=1e-6)
    analyses.clear()
    measured(beep + noise(1.0, 1e-3))
    assert "to_harmonicity_cc" not in analyses


def test_pitch_is_not_sought_where_no_syllable_can_be(analyses: list[str]) -> None:
    assert np.isnan(measured(tone(150) + noise(1.0, 1e-4))["articulation_rate"])
    assert "to_pitch_ac" not in analyses


@pytest.mark.parametrize("missing", ["parselmouth", "threadpoolctl"])
def test_a_missing_extra_is_named_before_any_work(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else real(name))
    with pytest.raises(MissingExtraError, match=r"merc\[annotate\]"):
        PraatEncoder()


def test_a_long_clip_takes_no_more_steps_than_its_parts(analyses: list[str]) -> None:
    part = buzz(150, 2.0) * (1.1 + np.sin(times(2.0) * 20)).astype(np.float32) + noise(2.0, 1e-3)
    encoder = PraatEncoder()
    encoder.encode([part])
    analyses.clear()
    parts = steps(lambda: encoder.encode([part] * 6))
    assert sorted(analyses) == sorted(ANALYSES * 6)
    analyses.clear()
    assert steps(lambda: encoder.encode([np.concatenate([part] * 6)])) < parts
    assert sorted(analyses) == ANALYSES


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_working_folder_whose_name_is_not_utf_8(tmp_path):
    """Praat itself ends the process there, so it is loaded elsewhere."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    program = (
        "import os, numpy as np\n"
        "from merc.encoders.audio.praat import PraatEncoder\n"
        "(row,) = PraatEncoder().encode([np.sin(np.arange(8000) / 9).astype(np.float32)])\n"
        "print(len(row), os.path.samefile('.', os.environ['FOLDER']))\n"
    )
    environment = {**os.environ, "FOLDER": str(folder)}
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["8", "True"]), done.stderr


def test_threads_do_not_wait_for_one_another_on_small_products() -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    seen: list[set[int]] = []
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        PraatEncoder().encode([tone(200, 0.2)] * 2, lambda *_: seen.append(threads()))
        assert threads() == before
    assert seen == [{1}, {1}]
