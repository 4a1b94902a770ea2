"""Judgements in files: rows as they were judged, no cell that a spreadsheet would compute, whole or not at all."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.data.schema import Conversation, Utterance
from merc.errors import DataError
from merc.files import staged_file
from merc.inference.predictions import ConversationEmotions, UtteranceEmotion
from merc.inference.table import check_target, harmless_cell, write_emotions

SPOKEN = (("Ann", "hello, you"), ("Bo", '=HYPERLINK("x")'), ("@Cy", None))
CONVERSATION = Conversation("-chat", tuple(Utterance(str(i), speaker, None, words) for i, (speaker, words) in enumerate(SPOKEN)))
JUDGED = ConversationEmotions(
    "-chat",
    tuple(
        UtteranceEmotion(str(i), speaker, "glad", {"sad": 0.25, "glad": 0.75}, {"text": 1.0, "audio": 0.0}, 0.5, ("text",))
        for i, (speaker, _) in enumerate(SPOKEN)
    ),
)
COLUMNS = ["conversation", "utterance", "speaker", "transcript", "emotion", "probability/sad", "probability/glad"]
COLUMNS += ["trust/text", "trust/audio", "uncertainty"]


def test_csv(tmp_path):
    assert write_emotions([CONVERSATION], [JUDGED], tmp_path / "x.CSV") == 3
    with (tmp_path / "x.CSV").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["speaker"] for row in rows] == ["Ann", "Bo", "'@Cy"]
    assert [row["transcript"] for row in rows] == ["hello, you", '\'=HYPERLINK("x")', ""]
    assert {row["conversation"] for row in rows} == {"'-chat"}
    assert [float(row["probability/glad"]) for row in rows] == [0.75] * 3


def test_json_lines_and_parquet_hold_the_text_as_it_is(tmp_path):
    for name in ("x.jsonl", "x.parquet"):
        write_emotions([CONVERSATION, CONVERSATION], [JUDGED, JUDGED], tmp_path / name)
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert rows == pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 6
    assert [(row["speaker"], row["transcript"]) for row in rows[:3]] == list(SPOKEN)


@given(st.text())
def test_no_cell_begins_a_formula(text):
    cell = harmless_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell in (text, f"'{text}")


@pytest.mark.parametrize("name", ["x.xlsx", "x", "nowhere/x.csv", "folder.csv"])
def test_wrong_targets(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=Path(name).name):
        check_target(tmp_path / name)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staged_file.os, "fsync", full)
    with pytest.raises(DataError, match=r"x\.jsonl can't be written: No space left on device; nothing was changed"):
        write_emotions([CONVERSATION], [JUDGED], path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]
