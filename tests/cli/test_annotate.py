"""`merc annotate` and `merc sample`, as typed."""

import json
import shutil

import pytest

from annotation.call import RATE, srt, stereo
from annotation.recordings import wav
from merc.annotation.folder_table import read_folder_table
from merc.cli import main

pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")
pytest_plugins = ("annotation.conftest",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MERC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "140")
    place = tmp_path / "talks"
    place.mkdir()
    (place / "call.wav").write_bytes(wav(stereo(), RATE))
    (place / "words.srt").write_text(srt())
    return place


def test_a_recording_is_labelled_and_written(folder, judge, capsys):
    assert main(["annotate", str(folder / "call.wav"), "--transcript", str(folder / "words.srt"), "--model", str(judge)]) == 0
    out, err = capsys.readouterr()
    assert (
        "0:00" in out
        and "i am so happy today !" in out
        and "then the trust in text and audio" in " ".join(out.split())
        and "Ann" in out
    )
    written = [f"call.emotions.{kind}" for kind in ("json", "csv", "srt", "html")]
    assert [line.rsplit("/", 1)[-1] for line in err.splitlines()] == written
    assert all((folder / name).is_file() for name in written)
    assert "call.wav" in (folder / "call.emotions.html").read_text()


def test_json_alone(folder, judge, capsys):
    shutil.copy(folder / "words.srt", folder / "call.srt")
    assert main(["annotate", str(folder / "call.wav"), "--model", str(judge), "--json", "--no-cache"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["conversations"][0]["utterances"]) == 5
    assert err == "warning: the transcript is call.srt, found beside the recording\n"
    assert not list(folder.glob("*.emotions.*")) and not (folder.parent / "cache").exists()


def test_the_encoding_of_a_transcript_can_be_named(folder, judge, capsys):
    words = srt().replace("Ann", "Žofie")
    (folder / "czech.srt").write_bytes(words.encode("cp852"))
    chosen = ["annotate", str(folder / "czech.srt"), "--model", str(judge), "--json", "--no-cache"]
    assert main([*chosen, "--encoding", "cp852"]) == 0
    out, err = capsys.readouterr()
    assert "Žofie" in {u["speaker"] for u in json.loads(out)["conversations"][0]["utterances"]}
    assert "encoding" not in err
    assert main([*chosen, "--encoding", "klingon"]) == 2
    assert "encoding 'klingon' is not known" in capsys.readouterr().err
    assert main(chosen) == 0
    assert "the file is not UTF-8, and read as " in capsys.readouterr().err


def test_tiers_are_written_and_speakers_taken_from_a_file_of_turns(folder, judge, capsys):
    (folder / "call.rttm").write_text("SPEAKER call 1 0.0 9.0 <NA> <NA> Zoe <NA> <NA>\n")
    given = ["--transcript", str(folder / "words.srt"), "--speakers", str(folder / "call.rttm"), "--model", str(judge)]
    assert main(["annotate", str(folder / "call.wav"), *given, "--format", "eaf", "--format", "textgrid", "--no-cache"]) == 0
    assert [path.name for path in sorted(folder.glob("*.emotions.*"))] == ["call.emotions.TextGrid", "call.emotions.eaf"]
    assert 'TIER_ID="Zoe emotion (merc)"' in (folder / "call.emotions.eaf").read_text("utf-8")
    assert main(["annotate", str(folder), "--speakers", str(folder / "call.rttm")]) == 2
    assert "--transcript, --speakers and --json are for a single file" in capsys.readouterr().err


def test_absences_are_told_once(folder, judge, capsys):
    late = "\n".join(f"{n}\n00:01:0{n},000 --> 00:01:0{n},500\nAnn: why ?\n" for n in range(1, 7))
    (folder / "late.srt").write_text(srt() + "\n" + late)
    chosen = ["--transcript", str(folder / "late.srt"), "--format", "csv", "--out", str(folder)]
    assert main(["annotate", str(folder / "call.wav"), "--model", str(judge), *chosen]) == 0
    _, err = capsys.readouterr()
    assert "audio is absent in utterance 6, 7, 8 and 3 more: the recording ends at 6.5 s" in err
    assert [path.name for path in folder.glob("*.emotions.*")] == ["call.emotions.csv"]


def test_a_folder(folder, judge, capsys):
    (folder / "words.srt").rename(folder / "call.srt")
    (folder / "broken.mp3").write_bytes(b"no sound")
    assert main(["annotate", str(folder), "--model", str(judge), "--workers", "1"]) == 1
    out, err = capsys.readouterr()
    assert "call.wav" in out and "failed" in out and "done" in out
    assert err.endswith("warning: 1 of 2 files could not be annotated; the others are done\n")
    (folder / "broken.mp3").unlink()
    assert main(["annotate", str(folder), "--model", str(judge), "--workers", "1"]) == 0


SPANISH = "speaker,words\nAna,¡Estoy harto de ti! ¡Lárgate de mi casa ahora mismo!\nBea,No me lo puedo creer. ¡Otra vez lo mismo!\n"
WARNED = "about 100 % of the words seem to be Spanish; the model was trained on English, and its labels of other words mean little"


def test_another_language_is_told(folder, judge, capsys):
    path = folder / "charla.csv"
    path.write_text(SPANISH, encoding="utf-8")
    assert main(["annotate", str(path), "--model", str(judge)]) == 0
    err = capsys.readouterr().err
    assert f"warning: {WARNED}\n" in err
    assert "warning: charla.emotions.srt was not written: subtitles need a time for each utterance; 2 of 2 have none\n" in err
    assert WARNED in json.loads((folder / "charla.emotions.json").read_text("utf-8"))["warnings"]
    assert main(["predict", str(judge), str(path)]) == 0
    assert f"warning: {WARNED}\n" in capsys.readouterr().err


def test_another_language_in_a_folder_is_told_of_three_files_and_counted(folder, judge, capsys):
    (folder / "call.wav").unlink()
    for place in range(5):
        (folder / f"{place}.csv").write_text(SPANISH, encoding="utf-8")
    assert main(["annotate", str(folder), "--model", str(judge), "--workers", "1", "--format", "json"]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert told == [
        *(f"warning: {place}.csv: {WARNED}" for place in range(3)),
        "warning: 2 more files hold words in other languages; the key 'warnings' of emotions.jsonl says which",
    ]
    assert [WARNED in record.warnings for record in read_folder_table(folder).values()] == [*[True] * 5, False]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.wav"], "expected a file, found nothing"),
        (["https://example.org/talk.mp4"], "only local files are read"),
        (["call.wav", "--transcript", "nothing.srt"], "expected a file, found nothing"),
        (["call.wav", "--out", "words.srt/deep"], "words.srt is no folder to put this file into"),
        (["call.wav", "--model", "nowhere/at/all"], "no model here"),
        ([".", "--json"], "this is a folder"),
    ],
)
def test_mistakes_are_told_in_one_line(folder, judge, capsys, monkeypatch, words, said):
    monkeypatch.chdir(folder)
    model = [] if "--model" in words else ["--model", str(judge)]
    assert main(["annotate", *words, *model]) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1
    assert not list(folder.glob("*.emotions.*"))


def test_the_sample_prints_its_path_alone(tmp_path, capsys):
    assert main(["sample", str(tmp_path / "sample")]) == 0
    out, err = capsys.readouterr()
    assert out.strip() in {str(tmp_path / "sample" / f"dialogue.{kind}") for kind in ("wav", "csv")}
    assert "sample is" in err


def test_tiers_are_chosen_by_name(folder, judge, capsys):
    pair = '"IntervalTier" "{}" 0 2 1 0 2 "{}"'
    tiers = " ".join((pair.format("raw", "the kettle is on"), pair.format("clean", "the kettle IS on")))
    (folder / "tea.TextGrid").write_text(f'"ooTextFile" "TextGrid" 0 2 <exists> 2 {tiers}')
    for command in (
        ["annotate", str(folder / "tea.TextGrid"), "--model", str(judge)],
        ["predict", str(judge), str(folder / "tea.TextGrid")],
    ):
        assert main([*command, "--json"]) == 2
        assert "say which hold words (--tiers NAME)" in capsys.readouterr().err
        assert main([*command, "--json", "--tiers", "clean"]) == 0
        assert "the kettle IS on" in capsys.readouterr().out
    assert main(["annotate", str(folder / "words.srt"), "--model", str(judge), "--tiers", "clean"]) == 2
    assert "tiers were named, and SubRip subtitles has none" in capsys.readouterr().err
