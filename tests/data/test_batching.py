"""Batches: what is padded and with what, that every conversation comes once, and that little is wasted on padding."""

import itertools
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from merc.data.batching import collate, shuffled_buckets
from merc.data.padding import batches_of, padding_waste, sorted_buckets

# Utterances per conversation of IEMOCAP (training with validation, and test).
# fmt: off
TRAIN = [
    26, 30, 44, 61, 59, 44, 28, 74, 26, 54, 47, 72, 26, 66, 35, 49, 46, 57, 60, 50, 69, 27, 54, 52, 79, 51, 45, 46, 36,
    38, 35, 46, 54, 27, 30, 43, 74, 51, 61, 47, 26, 44, 37, 51, 41, 53, 51, 60, 34, 53, 69, 33, 57, 60, 35, 42, 31, 53,
    56, 47, 87, 29, 62, 37, 77, 18, 53, 44, 59, 53, 53, 63, 53, 42, 42, 69, 26, 47, 37, 8, 40, 47, 61, 62, 43, 26, 47,
    62, 34, 39, 66, 26, 60, 45, 56, 38, 39, 83, 40, 50, 52, 58, 32, 20, 44, 54, 34, 94, 44, 43, 24, 58, 32, 18, 64, 63,
    78, 63, 110, 50,
]
TEST = [
    64, 49, 40, 54, 44, 59, 59, 37, 43, 23, 42, 84, 83, 91, 29, 59, 28, 34, 68, 44, 52, 28, 52, 58, 43, 75, 58, 43, 83,
    44, 53,
]
# fmt: on
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=40)


def test_a_batch_holds_each_conversation_and_nothing_else(make_samples):
    samples = make_samples(lengths=(3, 5, 1))
    batch = collate(samples)
    assert batch.modalities == ("text", "audio", "visual")
    assert batch.valid.sum(dim=1).tolist() == [3, 5, 1]
    for i, sample in enumerate(samples):
        n = len(sample)
        assert batch.valid[i].tolist() == [True] * n + [False] * (5 - n)
        for m, x in sample.inputs.items():
            assert np.array_equal(batch.inputs[m][i, :n].numpy(), x)
            assert not batch.inputs[m][i, n:].any()
        assert np.array_equal(batch.present[i, :n].numpy(), sample.present)
        assert not batch.present[i, n:].any()
        assert batch.speakers[i].tolist() == sample.speakers.tolist() + [-1] * (5 - n)
        assert batch.labels[i].tolist() == sample.labels.tolist() + [-1] * (5 - n)
    assert torch.equal(batch.labelled, batch.labels >= 0)


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one conversation"):
        collate([])


def test_new_inputs_are_zero_where_they_are_absent(make_samples):
    batch = collate(make_samples(lengths=(4, 2)))
    ones = {m: torch.ones_like(x) for m, x in batch.inputs.items()}
    fresh = batch.with_inputs(ones, batch.present)
    for i, x in enumerate(fresh.inputs.values()):
        assert torch.equal(x, batch.present[..., i, None].float().expand_as(x))
    assert fresh.labels is batch.labels


def test_moving_a_batch_moves_all_of_it(make_samples):
    moved = collate(make_samples()).to("meta")
    tensors = [*moved.inputs.values(), moved.present, moved.valid, moved.speakers, moved.labels]
    assert {t.device.type for t in tensors} == {"meta"}


@given(LENGTHS, st.integers(1, 9), st.integers(0, 99))
def test_every_conversation_comes_once_in_batches_of_the_size(lengths, size, seed):
    shuffled = shuffled_buckets(lengths, size, np.random.default_rng(seed))
    for batches, most in ((sorted_buckets(lengths, size), size), (shuffled, max(size, size * 3 // 2))):
        assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
        assert all(1 <= len(batch) <= most for batch in batches)
    assert len(shuffled) == -(-len(lengths) // size)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(1, 4), st.integers(0, 99))
def test_no_other_cuts_of_the_row_leave_less_padding(lengths, size, seed):
    batches = shuffled_buckets(lengths, size, np.random.default_rng(seed))
    row = np.argsort(np.asarray(lengths) * (1 + 0.1 * np.random.default_rng(seed).random(len(lengths))), kind="stable").tolist()
    most, runs = max(size, size * 3 // 2), -(-len(lengths) // size)
    least = np.inf
    for cuts in itertools.combinations(range(1, len(row)), runs - 1):
        parts = [row[a:b] for a, b in itertools.pairwise((0, *cuts, len(row)))]
        if max(map(len, parts)) <= most:
            least = min(least, sum(len(p) * max(lengths[i] for i in p) for p in parts))
    assert sum(len(b) * max(lengths[i] for i in b) for b in batches) == least


@given(LENGTHS, st.integers(1, 9))
def test_inference_batches_are_as_large_as_a_tenth_of_padding_allows(lengths, size):
    batches = sorted_buckets(lengths, size)
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        own = [lengths[i] for i in batch]
        assert sum(own) >= 0.9 * max(own) * len(own) - 1e-9
        if following is not None and len(batch) < size:
            longer = [*own, lengths[following[0]]]
            assert sum(longer) < 0.9 * max(longer) * len(longer) + 1e-9
    assert padding_waste(lengths, batches) <= 0.1 + 1e-9


@given(LENGTHS, st.integers(1, 9))
def test_sorted_buckets_never_mix_short_and_long(lengths, size):
    batches = sorted_buckets(lengths, size)
    for earlier, later in pairwise(batches):
        assert max(lengths[i] for i in earlier) <= min(lengths[i] for i in later)


def test_shuffling_is_fixed_by_its_generator_and_changes_company_and_order():
    def draw(seed):
        return shuffled_buckets(TRAIN, 16, np.random.default_rng(seed))

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert {frozenset(b) for b in draw(1)} != {frozenset(b) for b in draw(2)}
    longest = [[max(TRAIN[i] for i in batch) for batch in draw(seed)] for seed in range(5)]
    assert len({order.index(110) for order in longest}) > 1


@given(LENGTHS, st.integers(1, 9))
def test_padding_waste_counted_position_by_position(lengths, size):
    batches = sorted_buckets(lengths, size)
    padded = filled = 0
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        for i in batch:
            for t in range(longest):
                filled += t < lengths[i]
                padded += t >= lengths[i]
    assert padding_waste(lengths, batches) == pytest.approx(padded / (padded + filled))


def test_training_on_iemocap_wastes_under_a_tenth_on_padding():
    assert len(TRAIN) == 120
    wastes = [padding_waste(TRAIN, shuffled_buckets(TRAIN, 16, np.random.default_rng(seed))) for seed in range(20)]
    assert max(wastes) < 0.10


@pytest.mark.parametrize("size", [8, 16, 64])
def test_judging_iemocaps_test_part_wastes_under_a_tenth(size):
    assert len(TEST) == 31
    assert padding_waste(TEST, sorted_buckets(TEST, size)) < 0.10


def test_inference_batches_come_with_the_indices_of_their_samples(make_samples):
    samples = make_samples(lengths=(4, 1, 3, 2, 5))
    seen = []
    for indices, batch in batches_of(samples, 2):
        np.testing.assert_array_equal(batch.labels, collate([samples[i] for i in indices]).labels)
        seen += indices
    assert [len(samples[i]) for i in seen] == [1, 2, 3, 4, 5]
