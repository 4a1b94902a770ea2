"""Splits: published ones by hand-worked cases, drawn ones by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.data.splits import COSMIC_VALIDATION, by_parts, cosmic_iemocap, draw, folds, leave_one_session_out, meld_by_id, seeded
from merc.errors import DataError

IDS = st.lists(st.text(max_size=5).filter(lambda t: t.isprintable()), min_size=3, max_size=40, unique=True)


def iemocap_ids():
    """151 ids shaped as IEMOCAP's: the 12 of COSMIC, 31 of Session 5, the rest invented."""
    others = [f"Ses0{session}F_made{number:02d}" for session in (1, 2, 3, 4) for number in range(27)]
    return sorted(COSMIC_VALIDATION) + others + [f"Ses05M_made{number:02d}" for number in range(31)]


def test_by_parts_keeps_order_and_leaves_out_empty_parts():
    split = by_parts("mine", ["b", "a"], [], ["c"])
    assert dict(split.parts) == {"train": ("b", "a"), "test": ("c",)}


def test_by_parts_refuses_a_conversation_in_two_parts():
    with pytest.raises(DataError, match=r"'a' is in 'train' and in 'test'"):
        by_parts("mine", ["a"], [], ["a"])


def test_cosmic_has_the_published_sizes():
    split = cosmic_iemocap(iemocap_ids())
    assert split.name == "cosmic"
    assert {part: len(ids) for part, ids in split.parts.items()} == {"train": 108, "validation": 12, "test": 31}
    assert set(split.parts["validation"]) == COSMIC_VALIDATION
    assert all(i.startswith("Ses05") for i in split.parts["test"])


@pytest.mark.parametrize("wrong", ["Ses06F_impro01", "dia3", "Ses01X_impro01", "Ses01F_", "1"])
def test_ids_that_are_not_of_iemocap_are_refused(wrong):
    for divide in (cosmic_iemocap, leave_one_session_out):
        with pytest.raises(DataError, match="expected the form 'Ses01F_impro01'"):
            divide(["Ses02F_impro01", wrong])


def test_each_session_is_one_folds_test():
    ids = iemocap_ids()
    folds = leave_one_session_out(ids)
    assert list(folds) == [f"session{n}" for n in range(1, 6)]
    tested = [i for fold in folds.values() for i in fold.parts["test"]]
    assert sorted(tested) == sorted(ids)
    for number, (name, fold) in enumerate(folds.items(), start=1):
        assert fold.name == name
        assert {i[:5] for i in fold.parts["test"]} == {f"Ses0{number}"}
        assert sorted(i for part in fold.parts.values() for i in part) == sorted(ids)
        rest = len(ids) - len(fold.parts["test"])
        assert len(fold.parts["validation"]) == round(rest / 10)
        assert {i for i in COSMIC_VALIDATION if i[:5] != f"Ses0{number}"} <= set(fold.parts["validation"])


def test_the_fifth_fold_is_cosmics_split():
    ids = iemocap_ids()
    assert leave_one_session_out(ids)["session5"].parts == cosmic_iemocap(ids).parts


def test_the_folds_do_not_depend_on_the_order_of_ids():
    ids = iemocap_ids()
    shuffled = [str(i) for i in np.random.default_rng(0).permutation(ids)]
    one, two = leave_one_session_out(ids), leave_one_session_out(shuffled)
    for name in one:
        assert {p: set(i) for p, i in one[name].parts.items()} == {p: set(i) for p, i in two[name].parts.items()}


def test_one_session_alone_makes_no_fold():
    with pytest.raises(DataError, match="1 session"):
        leave_one_session_out(["Ses01F_impro01", "Ses01F_impro02"])


def test_meld_is_told_by_id():
    split = meld_by_id(str(i) for i in range(1433) if i != 60)
    assert {part: len(ids) for part, ids in split.parts.items()} == {"train": 1038, "validation": 114, "test": 280}
    assert (split.parts["train"][-1], split.parts["validation"][0]) == ("1038", "1039")
    assert (split.parts["validation"][-1], split.parts["test"][0]) == ("1152", "1153")


@pytest.mark.parametrize("wrong", ["1433", "-1", "x", "", "1.0", "²", "9" * 5000])
def test_ids_outside_meld_are_refused(wrong):
    with pytest.raises(DataError, match="integer from 0 to 1432"):
        meld_by_id([wrong])


@given(IDS, st.integers(-5, 5), st.randoms())
def test_a_drawn_split_is_whole_and_ignores_order(ids, seed, random):
    split = seeded(ids, seed)
    assert sorted(i for part in split.parts.values() for i in part) == sorted(ids)
    assert set(split.parts) == {"train", "validation", "test"}
    shuffled = list(ids)
    random.shuffle(shuffled)
    assert seeded(shuffled, seed).parts == split.parts


@given(st.integers(3, 60), st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)).filter(any))
def test_counts_are_within_one_of_the_shares(total, weights):
    shares = tuple(weight / sum(weights) for weight in weights)
    split = seeded([str(i) for i in range(total)], 0, shares)
    for part, share in zip(("train", "validation", "test"), shares, strict=True):
        count = len(split.parts.get(part, ()))
        assert (count == 0) == (share == 0)
        # Filling an otherwise empty part may take one more from the largest.
        assert abs(count - share * total) <= 2


def test_another_seed_draws_others():
    ids = [str(i) for i in range(100)]
    assert seeded(ids, 0).parts != seeded(ids, 1).parts
    assert [len(seeded(ids, 0).parts[p]) for p in ("train", "validation", "test")] == [80, 10, 10]


def test_the_draw_is_the_same_for_ever():
    """Worked with sha256sum: ranks are SHA-256 of seed, line feed, id. A change would move conversations of existing corpora."""
    assert draw([str(i) for i in range(10)], 3, seed=0) == ("9", "8", "1")


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (1.2, -0.1, -0.1), (0.0, 0.0, 0.0)])
def test_bad_shares_are_refused(shares):
    with pytest.raises(DataError, match="sum to 1"):
        seeded(["a", "b", "c"], 0, shares)


def test_too_few_conversations_are_refused():
    with pytest.raises(DataError, match=r"2 conversation\(s\) can't fill 3 parts"):
        seeded(["a", "b"], 0)


def test_a_repeated_id_is_refused():
    with pytest.raises(DataError, match="'a'"):
        seeded(["a", "b", "a", "c"], 0)


@pytest.mark.parametrize(("total", "count"), [(10, 5), (13, 5), (4, 4), (7, 1)])
def test_folds_hold_each_conversation_once_and_are_of_like_size(total, count):
    ids = [f"c{i}" for i in range(total)]
    dealt = folds(ids, count, 3)
    assert sorted(i for fold in dealt for i in fold) == sorted(ids)
    assert {len(fold) for fold in dealt} <= {total // count, -(-total // count)}
    assert folds(reversed(ids), count, 3) == dealt
    assert count in (1, total) or folds(ids, count, 4) != dealt


@pytest.mark.parametrize("count", [0, 4])
def test_folds_need_as_many_conversations(count):
    with pytest.raises(DataError, match=rf"3 conversation\(s\) can't be dealt to {count} folds"):
        folds(["a", "b", "c"], count, 0)
