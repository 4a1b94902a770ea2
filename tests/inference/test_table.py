"""Judgements in files: rows as they were judged, no cell that a spreadsheet would compute, whole or not at all."""

import csv
import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.errors import DataError, MissingExtraError
from merc.files import staged_file
from merc.files.csv_cells import _UNWRITABLE, harmless_cell
from merc.files.posix import POSIX
from merc.inference.predictions import JudgedConversation, JudgedUtterance
from merc.inference.table import check_target, data_frame, flat_table, write_table

SPOKEN = (("Ann", "hello, you"), ("Bo", '=HYPERLINK("x")'), ("@Cy", None))
JUDGED = JudgedConversation(
    "-chat",
    tuple(
        JudgedUtterance(
            id=str(i),
            speaker=speaker,
            words=words,
            start=i / 2,
            channel=None if i else 1,
            label="sad" if i == 1 else None,
            emotion="glad",
            probabilities={"sad": 0.25, "glad": 0.75},
            trust={"text": 1.0, "audio": 0.0},
            uncertainty=0.5,
            present=("text",),
        )
        for i, (speaker, words) in enumerate(SPOKEN)
    ),
    ("text", "audio"),
)
COLUMNS = ["conversation", "utterance", "speaker", "channel", "start", "end", "words", "label", "emotion", "probability"]
COLUMNS += ["p_sad", "p_glad", "trust_text", "trust_audio", "uncertainty", "present"]


def test_csv(tmp_path):
    assert write_table([JUDGED], tmp_path / "x.CSV") == 3
    with (tmp_path / "x.CSV").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["speaker"] for row in rows] == ["Ann", "Bo", "'@Cy"]
    assert [row["words"] for row in rows] == ["hello, you", '\'=HYPERLINK("x")', ""]
    assert {row["conversation"] for row in rows} == {"'-chat"}
    assert [float(row["p_glad"]) for row in rows] == [0.75] * 3


def test_a_name_that_is_not_utf_8_is_written_escaped(tmp_path):
    name = os.fsdecode(b"chat\xff.csv")
    for suffix in ("csv", "jsonl", "parquet"):
        write_table([replace(JUDGED, id=name)], tmp_path / f"x.{suffix}")
    assert pq.read_table(tmp_path / "x.parquet")["conversation"][0].as_py() == "chat\\udcff.csv"
    assert json.loads((tmp_path / "x.jsonl").read_text().splitlines()[0])["conversation"] == name
    assert "chat\ufffd.csv" in (tmp_path / "x.csv").read_text("utf-8")


@pytest.mark.skipif(not POSIX, reason="not POSIX")
def test_who_may_not_read_what_was_judged_may_not_read_the_table(tmp_path):
    (tmp_path / "chat.csv").write_text("x")
    (tmp_path / "chat.csv").chmod(0o600)
    (tmp_path / f".merc-{'0' * 16}.tmp").write_text("left by a process that was killed")
    write_table([JUDGED], tmp_path / "x.csv", [tmp_path / "chat.csv"])
    assert stat.S_IMODE((tmp_path / "x.csv").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.csv", "x.csv"]


def test_json_lines_and_parquet_hold_the_text_as_it_is(tmp_path):
    for name in ("x.jsonl", "x.parquet"):
        write_table([JUDGED, JUDGED], tmp_path / name)
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert rows == pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 6
    assert [(row["speaker"], row["words"]) for row in rows[:3]] == list(SPOKEN)


@given(st.text())
def test_no_cell_begins_a_formula(text):
    cell = harmless_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'").removeprefix("'") == _UNWRITABLE.sub("\ufffd", text).removeprefix("'")


def test_a_network_without_trust_or_latents_leaves_those_cells_empty():
    bare = replace(JUDGED, utterances=tuple(replace(u, trust={}, uncertainty=None) for u in JUDGED.utterances))
    table = flat_table([bare])
    assert list(table) == COLUMNS
    assert [table[name] for name in ("trust_text", "trust_audio", "uncertainty")] == [[None] * 3] * 3


def test_a_data_frame_has_the_columns_and_types():
    frame = data_frame(flat_table([JUDGED]))
    assert list(frame) == COLUMNS
    assert frame["channel"].isna().tolist() == [False, True, True] and frame["channel"][0] == 1
    assert frame["end"].isna().all() and frame["start"].tolist() == [0.0, 0.5, 1.0]
    assert frame["label"].tolist() == [None, "sad", None] and frame["present"].tolist() == ["text"] * 3


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
        write_table([JUDGED], path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.jsonl"]


def test_parquet_without_pyarrow_names_the_extra_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.compute", None)
    with pytest.raises(MissingExtraError, match=r"^writing parquet needs the optional extra 'train'"):
        check_target(tmp_path / "x.parquet")
    assert write_table([JUDGED], check_target(tmp_path / "x.csv")) == 3
