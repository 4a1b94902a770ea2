"""`merc report` on a finished study: three files, made anew, the same each time, and marked where numbers are not comparable."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from merc.cli import main
from merc.studies.report.files import write_report
from merc.studies.summary import summarise

FILES = ("report.html", "results.md", "results.parquet")


@pytest.fixture
def study(finished_study, tmp_path):
    """A copy, so that what is written here is not seen by others."""
    return shutil.copytree(finished_study, tmp_path / "out")


def test_the_three_files_are_made_anew_and_are_the_same(study, capsys):
    assert main(["report", str(study)]) == 0
    shown = capsys.readouterr()
    first = {name: (study / name).read_bytes() for name in FILES}
    assert "CMATH and its rivals, weighted F1 in %" in shown.out and "early-fusion" in shown.out
    assert "1 run(s) failed; 0 not done" in shown.out
    assert all(f"written: {study / name}" in shown.err for name in FILES)
    for name in FILES:
        (study / name).unlink()
    assert main(["report", str(study)]) == 0
    assert {name: (study / name).read_bytes() for name in FILES} == first


def test_the_parquet_file_has_a_row_for_each_arm_and_seed_and_area(study):
    summary = summarise(study, "test")
    write_report(summary, study)
    table = pq.read_table(study / "results.parquet")
    rows = table.to_pylist()
    assert len(rows) == sum(len(arm.seeds) * (1 + len(arm.areas)) for arm in summary.arms)
    for arm in summary.arms:
        for i, seed in enumerate(arm.seeds):
            (row,) = [r for r in rows if (r["arm"], r["seed"], r["area"]) == (arm.name, seed, "")]
            assert row["weighted_f1"] == arm.scores["weighted_f1"].values[i] and row["part"] == "test" and row["comparable"] is True
            (area,) = [r for r in rows if (r["arm"], r["seed"], r["area"]) == (arm.name, seed, "all")]
            assert area["weighted_f1"] == arm.areas["all"].values[i] and area["accuracy"] is None
    assert table.schema.metadata[b"comparable"] == b"comparable"


def test_test_peak_is_marked_in_every_file(study, capsys):
    """The plan is told to be of the other protocol; the report must then trust none of its numbers."""
    plan = json.loads((study / "plan.json").read_text())
    plan["study"]["protocol"] = "test-peak"
    (study / "plan.json").write_text(json.dumps(plan))
    assert main(["report", str(study)]) == 0
    mark = "not comparable: epochs chosen on the test part"
    assert mark in capsys.readouterr().out
    table = pq.read_table(study / "results.parquet")
    assert table.schema.metadata[b"comparable"].decode() == mark and set(table["comparable"].to_pylist()) == {False}
    page, text = ((study / name).read_text() for name in FILES[:2])
    assert page.count(f"({mark})") >= page.count("<caption") > 5
    tables = len([line for line in text.splitlines() if line.startswith("| arm |")])
    assert text.replace("\\", "").count(f"({mark})") >= tables > 2


def test_a_folder_without_a_study_is_one_line(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: no study here")


def test_words_are_asked_for_and_come_from_the_store(study, capsys, study_store):
    assert main(["report", str(study), "--transcripts", "--store", str(study_store)]) == 0
    assert main(["report", str(study), "--transcripts", "--store", str(study / "none")]) == 2
    assert "none" in capsys.readouterr().err
