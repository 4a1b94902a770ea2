"""Standardising against loops over plain Python numbers, with gaps, constant columns and absent rows."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.data.schema import FeatureSpec
from merc.data.standardisation import Standardiser
from merc.errors import DataError, FeatureError

NAN = float("nan")


def spec(dimension):
    return FeatureSpec(modality="audio", name="made", dimension=dimension, encoder="praat", version="6.4")


def array(rows):
    return np.asarray(rows, dtype=np.float32)


@st.composite
def recordings(draw):
    """One to three conversations of D columns: constant ones, gaps, and rows that are absent altogether."""
    dimension = draw(st.integers(1, 4))
    constant = draw(st.lists(st.booleans(), min_size=dimension, max_size=dimension))
    number = st.floats(-50, 50, width=32).map(lambda x: round(x, 2))
    cell = st.one_of(number, number, number, st.just(NAN))
    row = st.one_of(st.lists(cell, min_size=dimension, max_size=dimension), st.just([NAN] * dimension))
    conversations = draw(st.lists(st.lists(row, min_size=1, max_size=6), min_size=1, max_size=3))
    for rows in conversations:
        for r in rows:
            for d in range(dimension):
                if constant[d] and not math.isnan(r[d]):
                    r[d] = 7.25
    return [array([list(r) for r in rows]) for rows in conversations]


def slow_figures(conversations):
    """Per column: mean, deviation, whether it is kept, whether it gets an indicator."""
    rows = [[float(x) for x in row] for rows in conversations for row in rows]
    rows = [row for row in rows if not all(math.isnan(x) for x in row)]
    figures = []
    for column in zip(*rows, strict=True):
        seen = [x for x in column if not math.isnan(x)]
        mean = sum(seen) / len(seen) if seen else 0.0
        deviation = math.sqrt(sum((x - mean) ** 2 for x in seen) / len(seen)) if seen else 0.0
        kept = len(seen) > 1 and deviation > 1e-6
        figures.append((mean, deviation, kept, kept and len(seen) < len(column)))
    return figures


@given(recordings())
def test_standardising_column_by_column(conversations):
    figures = slow_figures(conversations)
    if not any(kept for _, _, kept, _ in figures):
        with pytest.raises(DataError, match="feature audio/made: no usable features"):
            Standardiser.fit(spec(conversations[0].shape[1]), conversations)
        return
    standardiser = Standardiser.fit(spec(conversations[0].shape[1]), conversations)
    kept = [d for d, figure in enumerate(figures) if figure[2]]
    indicated = [d for d, figure in enumerate(figures) if figure[3]]
    assert standardiser.kept.tolist() == kept
    assert standardiser.indicated.tolist() == indicated
    assert standardiser.width == len(kept) + len(indicated)
    for rows in conversations:
        found, present = standardiser.transform(rows)
        assert found.dtype == np.float32
        for t, row in enumerate(rows.tolist()):
            there = not all(math.isnan(x) for x in row)
            assert bool(present[t]) == there
            expected = [0.0] * standardiser.width
            if there:
                scaled = [0.0 if math.isnan(row[d]) else (row[d] - figures[d][0]) / figures[d][1] for d in kept]
                expected = [max(-5.0, min(5.0, x)) for x in scaled] + [float(math.isnan(row[d])) for d in indicated]
            assert found[t].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_by_hand():
    """Column 0: 1, 3, 5 (mean 3, variance 8/3). Column 1: constant. Column 2: 0, gap, 4 (mean 2, deviation 2), indicated."""
    rows = array([[1, 9, 0], [NAN, NAN, NAN], [3, 9, NAN], [5, 9, 4]])
    standardiser = Standardiser.fit(spec(3), [rows[:2], rows[2:]])
    assert standardiser.kept.tolist() == [0, 2]
    assert standardiser.indicated.tolist() == [2]
    step = math.sqrt(1.5)
    found, present = standardiser.transform(rows)
    np.testing.assert_allclose(found, [[-step, -1, 0], [0, 0, 0], [0, 0, 1], [step, 1, 0]], atol=1e-6)
    assert present.tolist() == [True, False, True, True]


def test_a_gap_that_training_did_not_have_becomes_the_mean_without_an_indicator():
    standardiser = Standardiser.fit(spec(2), [array([[0, 1], [2, 5], [4, 3]])])
    found, present = standardiser.transform(array([[NAN, 3], [4, NAN]]))
    np.testing.assert_allclose(found, [[0, 0], [math.sqrt(1.5), 0]], atol=1e-6)
    assert present.all()


def test_a_row_whose_only_columns_were_dropped_is_present():
    standardiser = Standardiser.fit(spec(2), [array([[7, 1], [7, 5]])])
    found, present = standardiser.transform(array([[7, NAN], [8, NAN]]))
    assert present.all()
    assert not found.any()


def test_outliers_are_clipped_at_the_bound():
    standardiser = Standardiser.fit(spec(1), [array([[-1], [1]])], clip=2.5)
    assert standardiser.transform(array([[100], [-100], [1.5]]))[0].ravel().tolist() == [2.5, -2.5, 1.5]


def test_large_constant_columns_are_constant_in_spite_of_rounding():
    """float32 numbers of 1e6 that are equal have a mean that is off by rounding only."""
    rows = np.column_stack([np.full(1000, 1234567.9), np.arange(1000)]).astype(np.float32)
    assert Standardiser.fit(spec(2), [rows]).kept.tolist() == [1]


def test_transforming_leaves_the_array_alone():
    rows = array([[1, NAN], [NAN, NAN], [2, 3], [5, 4]])
    before = rows.copy()
    Standardiser.fit(spec(2), [rows]).transform(rows)
    assert np.array_equal(rows, before, equal_nan=True)


@given(recordings())
def test_state_round_trips_through_json_bit_for_bit(conversations):
    if not any(kept for _, _, kept, _ in slow_figures(conversations)):
        return
    first = Standardiser.fit(spec(conversations[0].shape[1]), conversations, clip=3.3)
    again = Standardiser.from_state(json.loads(json.dumps(first.state(), allow_nan=False)))
    assert again.spec == first.spec
    assert again.clip == first.clip
    for name in ("mean", "deviation", "kept", "indicated"):
        assert getattr(again, name).dtype == getattr(first, name).dtype
        assert getattr(again, name).tobytes() == getattr(first, name).tobytes()
    for rows in conversations:
        assert again.transform(rows)[0].tobytes() == first.transform(rows)[0].tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [1.0]}, r"mean has shape \(1,\), the feature needs \(2,\)"),
        ({"deviation": [1.0, 2.0, 3.0]}, r"deviation has shape \(3,\)"),
        ({"kept": [0, 2]}, r"kept is \[0, 2\]; allowed: a list of columns from 0 to 1"),
        ({"indicated": [-1]}, r"indicated is \[-1\]; allowed"),
        ({"deviation": [1.0, 0.0]}, "column 1 has mean 3.0 and deviation 0.0"),
        ({"deviation": [NAN, 1.0]}, "column 0 has mean 3.0 and deviation nan"),
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_its_feature_is_refused(change, message):
    state = Standardiser.fit(spec(2), [array([[1, 2], [5, 4]])]).state()
    Standardiser.from_state(state)
    with pytest.raises(DataError, match=f"standardisation of audio/made: {message}"):
        Standardiser.from_state({**state, **change})


@pytest.mark.parametrize("arrays", [[], [array([[NAN, NAN]])]])
def test_a_feature_that_training_never_has_is_an_error(arrays):
    with pytest.raises(DataError, match="feature audio/made: no usable features: it is absent in every training utterance"):
        Standardiser.fit(spec(2), arrays)


@pytest.mark.parametrize("rows", [[[1.0, 2.0, 3.0]], [[1.0]]])
def test_another_dimension_is_refused_with_both_numbers(rows):
    standardiser = Standardiser.fit(spec(2), [array([[1, 2], [3, 4]])])
    with pytest.raises(FeatureError, match=r"conversation 'c': audio/made has shape .*the model expects \(utterances, 2\)"):
        standardiser.transform(array(rows), "conversation 'c'")
