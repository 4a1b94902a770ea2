"""Groups of utterances, by hand."""

import numpy as np
import pytest

from merc.data.schema import Conversation, LabelSet, Utterance
from merc.errors import RunError
from merc.studies.strata import read_utterances, shifts, write_utterances

LABELS = LabelSet(names=("calm", "cross"))


def talk(name, turns):
    return Conversation(name, tuple(Utterance(f"u{i}", who, words="secret", label=label) for i, (who, label) in enumerate(turns)))


def test_a_shift_is_told_from_the_same_speakers_last_labelled_utterance():
    turns = [("A", "calm"), ("B", "cross"), ("A", None), ("A", "cross"), ("B", "cross"), ("A", "cross"), ("B", "calm")]
    assert shifts(talk("c", turns)) == [
        "first of its speaker",
        "first of its speaker",
        "no shift",
        "shift",
        "no shift",
        "no shift",
        "shift",
    ]


@pytest.fixture
def judged(tmp_path):
    talks = [talk("one", [("A", "calm")]), talk("two", [("ABCD"[i % 4], "cross" if i % 2 else None) for i in range(21)])]
    write_utterances(talks, LABELS, tmp_path / "utterances.parquet")
    return read_utterances(tmp_path / "utterances.parquet")


def test_positions_speakers_and_lengths_fall_into_groups(judged):
    assert judged.conversation_index.tolist() == [0] + [1] * 21
    assert judged.true.tolist() == [0] + [-1 if i % 2 == 0 else 1 for i in range(21)]
    expected = {
        "position": {"1": 1, "2 to 5": 2, "6 to 10": 3, "11 to 20": 5, "21 or more": 0},
        "speakers": {"1": 1, "2": 0, "3": 0, "4 or more": 10},
        "length": {"1 to 5": 1, "6 to 10": 0, "11 to 15": 0, "16 to 20": 0, "21 or more": 10},
    }
    for grouping, groups in expected.items():
        assert judged.names[grouping] == tuple(groups)
        assert {group: int(judged.members(grouping, group).sum()) for group in groups} == groups, grouping
    every = [sum(judged.members(grouping, g).sum() for g in groups) for grouping, groups in judged.names.items()]
    assert every == [11] * 4, "each labelled utterance is in one group of each grouping"


def test_no_words_are_kept(judged, tmp_path):
    assert b"secret" not in (tmp_path / "utterances.parquet").read_bytes()
    assert np.array_equal(judged.members("emotion shift", "shift"), np.zeros(22, dtype=bool))


def test_a_missing_or_damaged_file_is_one_clear_error(tmp_path):
    with pytest.raises(RunError, match=r"x\.parquet: missing or damaged"):
        read_utterances(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(RunError, match=r"x\.parquet: missing or damaged"):
        read_utterances(tmp_path / "x.parquet")
