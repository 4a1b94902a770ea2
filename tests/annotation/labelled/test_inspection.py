"""What inspection says of transcripts with labels."""

from __future__ import annotations

import json

import pytest

from annotation.call import RATE, stereo
from annotation.labelled_files import ROWS, of, put, talk
from annotation.recordings import wav
from merc.annotation.labelled.inspection import LabelledInspection, inspect_labelled
from merc.cli import main
from merc.errors import DataError

ONE = {"A_emotion": of(None, ["calm", "cross", "", "calm"]), "B_emotion": of(None, ["calm", "calm", "", "calm"])}


def messages(found, severity):
    return [finding.message for finding in found.findings if finding.severity == severity]


def test_what_is_there_is_counted(tmp_path):
    put(
        tmp_path,
        one_TextGrid=talk(**ONE),
        sub__two_csv=ROWS.format("emotion", "calm", "cross", ""),
        sub__two_tsv=ROWS.format("emotion", "calm", "cross", "").replace(",", "\t"),
        film_srt="",
    )
    (tmp_path / "one.wav").write_bytes(wav(stereo(), RATE))
    found = inspect_labelled(tmp_path)
    assert LabelledInspection.model_validate(json.loads(found.model_dump_json())) == found
    assert (found.layout, found.importable, found.conversations, found.utterances, found.unlabelled) == ("labelled", True, 2, 7, 3)
    assert found.labels == {"calm": 3, "cross": 1}
    one, two = found.talks
    assert (one.conversation, one.file, one.utterances, one.labelled, one.annotators) == ("one", "one.TextGrid", 4, 3, ("A", "B"))
    assert (one.recording, one.seconds) == ("one.wav", 6.5)
    assert (two.conversation, two.file, two.copies, two.recording) == ("sub/two", "two.csv", ("two.tsv",), None)
    assert found.agreement.annotators == ("A", "B")
    assert found.agreement.ties == 1
    assert "1 file has no labels, and so left out: 'film.srt'" in messages(found, "warning")


def test_sound_is_looked_at_but_not_decoded(monkeypatch, tmp_path):
    put(tmp_path, one_TextGrid=talk(**ONE), two_TextGrid=talk(**ONE))
    (tmp_path / "one.wav").write_bytes(wav(stereo()[: 5 * RATE], RATE))
    (tmp_path / "two.wav").write_bytes(b"nothing")
    monkeypatch.setattr("merc.annotation.labelled.sound.sound_features", None)
    found = inspect_labelled(tmp_path)
    assert "one.wav: 1 of 4 utterances begins after its end at 5.0 s" in messages(found, "warning")
    assert any(message.startswith("two.wav is not heard: two.wav can't be read") for message in messages(found, "warning"))
    assert [(talk.recording, talk.seconds) for talk in found.talks] == [("one.wav", 5.0), ("two.wav", None)]


def test_every_problem_is_reported(tmp_path):
    put(
        tmp_path,
        one_csv=ROWS.format("emotion,emotion", "a,a", "b,b", "a,b"),
        two_csv=ROWS.format("emotion", "a", "b", "a"),
        two_tsv=ROWS.format("emotion", "b", "b", "a").replace(",", "\t"),
        three_TextGrid="nothing",
        four_TextGrid=talk(emotion=of(None, ["a", "b", "a", "b"])),
    )
    found = inspect_labelled(tmp_path)
    assert not found.importable
    problems = messages(found, "error")
    assert len(problems) == 3
    for said in ("two columns are called 'emotion'", "three.TextGrid", "two.csv and two.tsv both hold labels of two and differ"):
        assert any(said in problem for problem in problems), said
    assert [talk.conversation for talk in found.talks] == ["four", "two"]


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        ("emotion", "aaa", "found 1 label: 'a'; a corpus needs two or more"),
        ("emotion", "aAb", "labels 'A' and 'a' differ only by case"),
        ("mood", "aba", "t.csv has no column of labels"),
    ],
)
def test_what_import_refuses_is_an_error(header, cells, said, tmp_path):
    found = inspect_labelled(put(tmp_path, t_csv=ROWS.format(header, *cells)))
    assert not found.importable
    (problem,) = messages(found, "error")
    assert said in problem
    assert (header != "mood") == bool(found.talks)


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no such file or folder"):
        inspect_labelled(tmp_path / "gone")


def test_the_command_line_knows_the_layout(tmp_path, capsys):
    folder = put(tmp_path / "talks", one_TextGrid=talk(**ONE), two_csv=ROWS.format("mood", "calm", "cross", ""))
    (folder / "one.wav").write_bytes(wav(stereo(), RATE))
    assert main(["data", "inspect", str(folder)]) in (0, None)
    shown = " ".join(capsys.readouterr().out.split())
    for said in (
        "labelled: transcripts with labels that people gave or corrected",
        "corpus talks: 1 conversations of 4 to 4 utterances",
        "one one.TextGrid 4 3 one.wav 0:06",
        "annotators A, B: 3 utterances labelled by two or more; 1 without a majority",
        "warning: files: 1 file has no labels, and so left out: 'two.csv'",
        "can be imported",
    ):
        assert said in shown
    assert main(["data", "inspect", str(folder / "two.csv"), "--labels-from", "mood", "--json"]) in (0, None)
    told = json.loads(capsys.readouterr().out)
    assert (told["layout"], told["labels"], told["talks"][0]["file"]) == ("labelled", {"calm": 1, "cross": 1}, "two.csv")
    assert main(["data", "inspect", str(folder), "--layout", "labelled", "--labels-from", "feeling"]) in (0, None)
    assert "can't be imported as it is" in capsys.readouterr().out
    assert main(["data", "inspect", str(folder), "--layout", "jsonl", "--labels-from", "x"]) == 2
