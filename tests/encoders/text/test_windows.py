"""Windows of long texts: none too long, no word lost, vectors averaged by length, and nothing changed where one window does."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.encoders.text.windows import TOKENS_PER_BATCH, Window, batches_by_length, cut_text, encode_windows
from merc.errors import FeatureError


def count(text):
    """A token for three characters of a word, and two that the model adds."""
    return 2 + sum(-(-len(word) // 3) for word in text.split())


@given(st.text("ab \n", max_size=200), st.integers(3, 40))
def test_parts_fit_and_hold_every_character(text, limit):
    parts = cut_text(text, count, limit)
    assert all(count(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    if all(count(word) <= limit for word in text.split()):
        assert " ".join(parts).split() == text.split(), "no word is cut that fits"
    if count(text) <= limit:
        assert parts == [text]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=99))
def test_parts_are_not_smaller_than_they_need_be(lengths):
    text = " ".join("a" * length for length in lengths)
    parts = cut_text(text, count, 20)
    for first, second in pairwise(parts):
        assert count(f"{first} {second}") > 10


def test_a_character_that_does_not_fit_is_kept():
    assert cut_text("ab c", lambda _: 99, 3) == ["a", "b", "c"]
    assert cut_text("", lambda _: 99, 3) == [""]


def embed(contents):
    return np.array([[value, -value, 1] for value in contents], dtype=np.float32)


def windows(*texts):
    return [[Window(content, weight, weight) for content, weight in text] for text in texts]


def test_vectors_are_averaged_by_tokens():
    told = []
    texts = windows([(5.0, 3)], [(1.0, 30), (4.0, 10)], [(7.0, 1)])
    rows = encode_windows(texts, embed, 3, "x", lambda _stage, *progress: told.append(progress))
    np.testing.assert_allclose(rows, [[5, -5, 1], [1.75, -1.75, 1], [7, -7, 1]], rtol=1e-6)
    assert rows.dtype == np.float32
    encode_windows(windows(*[[(1.0, 4000)] * 2] * 3), embed, 3, "x", lambda _stage, *progress: told.append(progress))
    assert told == [(3, 3), (0, 3), (1, 3), (1, 3), (2, 3), (2, 3), (3, 3)]
    assert encode_windows([], embed, 3, "x").shape == (0, 3)


def test_unit_length_stays_unit_length():
    def on_circle(angles):
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    (row,) = encode_windows(windows([(0.0, 7), (np.pi / 2, 7)]), on_circle, 2, "x")
    np.testing.assert_allclose(row, [np.sqrt(0.5)] * 2, rtol=1e-6)


def test_numbers_that_are_not_finite_are_told():
    with pytest.raises(FeatureError, match="the text encoder 'x' returned numbers that are not finite"):
        encode_windows(windows([(1.0, 1)], [(np.inf, 1)]), embed, 3, "x")


@given(st.lists(st.integers(1, 5000), max_size=300))
def test_batches_hold_every_text_once_and_stay_small(token_counts):
    batches = list(batches_by_length(token_counts))
    assert sorted(i for batch in batches for i in batch) == list(range(len(token_counts)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(token_counts[i] for i in batch) <= TOKENS_PER_BATCH
        assert 1 <= len(batch) <= 128
    flat = [token_counts[i] for batch in batches for i in batch]
    assert flat == sorted(flat)
