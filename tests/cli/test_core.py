"""Every command where the core alone is installed: it does its work, or names in one line the extra that it needs."""

import json
import sys

import pytest

from cli.command_lines import CHAT, COMMANDS
from merc.cli import main
from test_core_dependencies import in_the_core

# Runs command lines one after the other; prints of each the exit code, what it wrote to stderr, and the files that are there.
RUN = """
import contextlib, io, os
from merc.cli import main

told = {}
for name, words in json.loads(sys.argv[2]).items():
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(words)
    told[name] = [code, err.getvalue(), sorted(os.listdir())]
print(json.dumps(told))
"""
TRAIN = {
    "import": "merc data import",
    "plant": "merc data plant",
    "synthesise": "merc data synthesise",
    "probe": "merc data probe",
    "features": "merc features text",
    "train": "merc train",
    "adapt": "merc adapt",
    "evaluate": "merc evaluate",
    "study": "merc study",
    "report": "merc report",
    "report-nowhere": "merc report",
    "report-transcripts": "merc report",
    "demo": "merc demo",
}
WORKS = ("inspect", "version", "help")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chat.jsonl").write_text(json.dumps(CHAT) + "\n")
    (tmp_path / "talks").mkdir()
    for name in ("talk.csv", "talks/talk.csv"):
        (tmp_path / name).write_text("speaker,words\nAnn,why ?\n")
    return tmp_path


def test_what_needs_an_extra_names_it_in_one_line_and_writes_nothing(place):
    told = in_the_core(RUN, {name: COMMANDS[name] for name in TRAIN})
    for name, (code, err, files) in told.items():
        assert (code, err) == (2, f"error: {TRAIN[name]} needs the optional extra 'train': pip install 'merc[train]'\n")
        assert files == ["chat.jsonl", "talk.csv", "talks"]


def test_what_needs_none_works(place):
    told = in_the_core(RUN, {name: COMMANDS[name] for name in WORKS} | {"sample": ["sample", "new"]})
    assert {name: code for name, (code, _, _) in told.items()} == dict.fromkeys(told, 0)
    assert "new" in told["sample"][2]


def test_parquet_and_downloads_name_their_extras(place):
    (place / "chat.parquet").write_bytes(b"PAR1")
    told = in_the_core(
        RUN,
        {
            "inspect": ["data", "inspect", "chat.parquet"],
            "predict": ["predict", "nowhere", "chat.jsonl", "--out", "p.parquet"],
            "fetch": ["data", "fetch", "meld"],
        },
    )
    needed = {name: err for name, (_, err, _) in told.items()}
    assert needed == {
        "inspect": "error: reading chat.parquet needs the optional extra 'train': pip install 'merc[train]'\n",
        "predict": "error: writing parquet needs the optional extra 'train': pip install 'merc[train]'\n",
        "fetch": "error: fetching meld needs the optional extra 'download': pip install 'merc[download]'\n",
    }
    assert {code for code, _, _ in told.values()} == {2}


def test_every_command_line_is_known():
    labelling = {"predict", "predict-json", "annotate", "annotate-json", "annotate-folder"}
    assert set(COMMANDS) == {*TRAIN, *WORKS, "fetch", "sample", *labelling}


def test_an_import_that_fails_amid_a_command_names_the_extra(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "merc.data.formats.inspection", None)
    with pytest.raises(ModuleNotFoundError):  # a defect of ours
        main(["data", "inspect", "chat.jsonl"])

    def lacking(*_):
        raise ModuleNotFoundError("No module named 'scipy.special'", name="scipy.special")

    monkeypatch.setattr("merc.annotation.sample.make_sample", lacking)
    assert main(["sample", "new"]) == 2
    assert capsys.readouterr().err == "error: this command needs the optional extra 'train': pip install 'merc[train]'\n"
