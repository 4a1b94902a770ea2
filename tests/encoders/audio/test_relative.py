"""Sound measurements against the conversation's level and the speaker's mean: definition, and what changes nothing."""

import numpy as np
import pytest

from merc.encoders.audio.praat import FUNCTIONALS
from merc.encoders.audio.relative import GAIN_COLUMNS, speaker_relative

NAN = float("nan")


def conversation(seed: int = 0, turns: int = 30) -> tuple[np.ndarray, list[str]]:
    """Praat-like rows with holes: some numbers, some whole rows, and a speaker who has none."""
    generator = np.random.default_rng(seed)
    rows = generator.normal([3, 60, 8, 200, 50, 250, 4, 7], 10, (turns, 8)).astype(np.float32)
    rows[generator.random((turns, 8)) < 0.1] = NAN
    rows[generator.random(turns) < 0.1] = NAN
    speakers = [["Ross", "Rachel", "a passer-by", "silent"][i] for i in generator.integers(0, 4, turns)]
    rows[[speaker == "silent" for speaker in speakers]] = NAN
    return rows, speakers


def slow(rows: np.ndarray, speakers: list[str], gain_columns: tuple[int, ...]) -> np.ndarray:
    made = np.full((len(rows), 2 * rows.shape[1]), NAN)
    for t, row in enumerate(rows):
        for d, value in enumerate(row):
            if np.isnan(value):
                continue
            everything = [float(r[d]) for r in rows if not np.isnan(r[d])]
            own = [float(rows[s][d]) for s in range(t + 1) if speakers[s] == speakers[t] and not np.isnan(rows[s][d])]
            made[t, d] = value - sum(everything) / len(everything) if d in gain_columns else value
            made[t, rows.shape[1] + d] = value - sum(own) / len(own)
    return made


def test_the_level_is_the_intensity_mean() -> None:
    assert GAIN_COLUMNS == (1,) and FUNCTIONALS[1] == "avg_intensity"


@pytest.mark.parametrize("gain_columns", [(1,), (), (1, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_it_equals_its_slow_twin(seed: int, gain_columns: tuple[int, ...]) -> None:
    rows, speakers = conversation(seed)
    made = speaker_relative(rows, speakers, gain_columns)
    assert made.dtype == np.float32 and made.shape == (30, 16)
    np.testing.assert_allclose(made, slow(rows, speakers, gain_columns), rtol=0, atol=3e-5)


def test_nan_stays_in_its_two_places_and_nowhere_else() -> None:
    rows, speakers = conversation()
    assert np.isnan(rows).all(axis=1).any() and 0 < np.isnan(rows).mean() < 0.5
    assert np.array_equal(np.isnan(speaker_relative(rows, speakers)), np.isnan(np.hstack((rows, rows))))


def test_a_gain_changes_nothing() -> None:
    rows, speakers = conversation()
    quieter = rows.copy()
    quieter[:, 1] -= 12.0412
    assert np.nanmax(np.abs(quieter - rows)) > 12
    np.testing.assert_allclose(speaker_relative(quieter, speakers), speaker_relative(rows, speakers), rtol=0, atol=1e-5)


def test_other_names_of_the_speakers_change_nothing() -> None:
    rows, speakers = conversation()
    renamed = [{"Ross": "Rachel", "Rachel": "Ross"}.get(name, name + "!") for name in speakers]
    assert np.array_equal(speaker_relative(rows, renamed), speaker_relative(rows, speakers), equal_nan=True)
    same = speaker_relative(rows, ["one"] * len(rows))
    assert not np.array_equal(same, speaker_relative(rows, speakers), equal_nan=True)


def test_later_utterances_move_only_the_gain_columns_and_those_by_a_constant() -> None:
    rows, speakers = conversation()
    early, all_of_it = speaker_relative(rows[:18], speakers[:18]), speaker_relative(rows, speakers)[:18]
    kept = [d for d in range(16) if d != 1]
    assert np.array_equal(early[:, kept], all_of_it[:, kept], equal_nan=True)
    moved = (all_of_it - early)[:, 1]
    assert abs(np.nanmean(moved)) > 0.01 and np.nanmax(moved) - np.nanmin(moved) < 1e-5


def test_a_speakers_first_number_is_0_against_the_speaker() -> None:
    rows = np.array([[5, 60], [NAN, 70], [7, 50], [9, 64]], dtype=np.float32)
    made = speaker_relative(rows, ["a", "b", "b", "a"])
    expected = [[5, -1, 0, 0], [NAN, 9, NAN, 0], [7, -11, 0, -10], [9, 3, 2, 2]]
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_conversations_without_utterances_or_without_numbers() -> None:
    assert speaker_relative(np.zeros((0, 8), dtype=np.float32), []).shape == (0, 16)
    assert np.isnan(speaker_relative(np.full((3, 8), NAN, dtype=np.float32), ["a", "b", "a"])).all()


def test_one_speaker_a_row_is_asked_for() -> None:
    with pytest.raises(ValueError, match="1 speakers for 2 utterances"):
        speaker_relative(np.zeros((2, 8), dtype=np.float32), ["a"])
