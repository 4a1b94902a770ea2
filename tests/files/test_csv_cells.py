"""Cells of any length, whoever reads them."""

import csv

import pytest

from merc.annotation.transcripts.tables import read_table
from merc.data.formats.csv_table import read_csv

LONG = "so it goes, " * 12_000  # Python's own limit is 131,072 characters


@pytest.fixture(autouse=True)
def usual_limit():
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


def test_a_turn_may_be_as_long_as_in_other_formats():
    (cue,) = read_table(f'speaker;text\nAnn;"{LONG}"\n', "a.csv").cues
    assert cue.text.strip() == LONG.strip()


def test_a_cell_of_a_corpus_may_be_as_long(tmp_path):
    (tmp_path / "a.csv").write_text(f'Speaker,Utterance\nAnn,"{LONG}"\n')
    assert read_csv(tmp_path / "a.csv", ["Utterance"]).columns["Utterance"] == [LONG]


def test_the_limit_of_others_is_not_lowered():
    csv.field_size_limit(10**6)
    read_table("text\nhm\n", "a.csv")
    assert csv.field_size_limit() == 10**6
