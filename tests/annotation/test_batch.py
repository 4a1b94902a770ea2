"""A folder of recordings: all that can be annotated is, what fails is told, and what is done is not done again."""

import json
import os
import shutil
import stat
from dataclasses import fields, replace

import pytest

from annotation.call import RATE, TURNS, srt, stereo
from annotation.recordings import wav
from merc.annotation import batch
from merc.annotation.annotation import Annotation
from merc.annotation.annotator import annotate
from merc.annotation.batch import FolderOptions, annotate_folder
from merc.annotation.folder_table import FOLDER_TABLE, FileRecord, read_folder_table, write_folder_table
from merc.annotation.media.recording import Sound
from merc.errors import DataError, RunError
from merc.files.posix import POSIX

pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")


@pytest.fixture(scope="module")
def options(judge):
    return FolderOptions(judge)


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """A folder with calls, a chat, a broken recording, two of one name, and what is to be passed over."""
    folder = tmp_path_factory.mktemp("calls")
    content = wav(stereo(), RATE)
    (folder / "more").mkdir()
    (folder / ".hidden").mkdir()
    for name in ("a.wav", "more/b.WAV", "twice.wav", ".hidden/c.wav", ".d.wav"):
        (folder / name).write_bytes(content)
        (folder / name).with_suffix(".srt").write_text(srt())
    (folder / "twice.mp3").write_bytes(content)
    (folder / "broken.mp3").write_bytes(b"no sound")
    chat = "speaker,words\n" + "\n".join(f"{who},{words}" for who, words, *_ in TURNS)
    (folder / "chat.csv").write_text(chat)
    (folder / "a.csv").write_text(chat)  # the recording's .srt goes before it
    (folder / "notes.txt").write_text("not a transcript")
    (folder / "old.emotions.srt").write_text(srt())
    return folder


@pytest.fixture
def copied(calls, tmp_path):
    shutil.copytree(calls, tmp_path / "calls")
    return tmp_path / "calls"


def test_all_that_can_be_is_annotated(copied, options):
    told = []
    records = annotate_folder(copied, options, lambda *step: told.append(step))
    assert [(r.file, r.status) for r in records] == [
        ("a.wav", "done"),
        ("broken.mp3", "failed"),
        ("chat.csv", "done"),
        ("more/b.WAV", "done"),
        ("twice.mp3", "done"),
        ("twice.wav", "failed"),
    ]
    assert "can't be read as a recording" in records[1].error and "the same files as those of twice.mp3" in records[5].error
    assert told == [("files", float(n), 6.0) for n in range(1, 7)]
    first = records[0]
    assert (first.utterances, sum(first.emotions.values()), first.duration, first.absent) == (5, 5, 6.5, {})
    assert first.outputs == tuple(f"a.emotions.{kind}" for kind in ("json", "csv", "srt", "html"))
    assert records[2].absent == {"audio": 5}
    assert records[3].outputs[0] == "more/b.emotions.json" and (copied / "more/b.emotions.html").is_file()
    assert tuple(read_folder_table(copied).values()) == records


def test_a_file_is_annotated_the_same_alone_in_a_folder_and_from_arrays(copied, options):
    annotate_folder(copied, options)
    in_folder = Annotation.from_json((copied / "a.emotions.json").read_text())
    alone = annotate(copied / "a.wav", model=options.model)
    assert in_folder == alone
    arrays = annotate(Sound(stereo(), RATE), copied / "a.srt", model=options.model)
    for one, other in zip(arrays.utterances, alone.utterances, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_what_is_done_is_not_done_again(copied, options, monkeypatch):
    before = annotate_folder(copied, options)
    done = []

    def watched(source, **more):
        done.append(source.name)
        return annotate(source, **more)

    monkeypatch.setattr(batch, "annotate", watched)
    assert annotate_folder(copied, options)[0] == before[0]
    assert done == ["broken.mp3"]
    (copied / "a.srt").write_text(srt().replace("happy", "so happy"))
    (copied / "more/b.emotions.csv").unlink()
    done.clear()
    annotate_folder(copied, options)
    assert sorted(done) == ["a.wav", "b.WAV", "broken.mp3"]
    done.clear()
    annotate_folder(copied, replace(options, formats=("json",)))
    assert len(done) == 5


def test_results_go_where_they_are_asked_to(copied, options, tmp_path):
    names = {path.name for path in copied.rglob("*")}
    out = tmp_path / "new" / "out"
    records = annotate_folder(copied, replace(options, out=out, formats=("csv",)))
    assert {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()} == {
        FOLDER_TABLE,
        "a.emotions.csv",
        "chat.emotions.csv",
        "more/b.emotions.csv",
        "twice.emotions.csv",
    }
    assert records[3].outputs == ("more/b.emotions.csv",)
    assert {path.name for path in copied.rglob("*")} == names


def test_processes_give_the_same(copied, options, tmp_path):
    one = annotate_folder(copied, replace(options, out=tmp_path / "one"))
    two = annotate_folder(copied, replace(options, out=tmp_path / "two", workers=2))
    assert [replace(r, cpu_seconds=0.0) for r in one] == [replace(r, cpu_seconds=0.0) for r in two]
    texts = [
        [(tmp_path / name / f"{stem}.emotions.json").read_text() for stem in ("a", "chat", "more/b")] for name in ("one", "two")
    ]
    assert texts[0] == texts[1]


def test_a_killed_file_is_told(copied, options, monkeypatch):
    monkeypatch.setattr(batch, "_results", lambda tasks, _options: ((task, None) for task in tasks))
    records = annotate_folder(copied, options)
    assert {r.status for r in records} == {"failed"} and all("was killed" in r.error for r in records)


def test_an_interruption_leaves_a_true_table(copied, options):
    def stop(_stage, done, _total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate_folder(copied, options, stop)
    assert [(r.file, r.status) for r in read_folder_table(copied).values()] == [
        ("a.wav", "done"),
        ("broken.mp3", "failed"),
        ("chat.csv", "done"),
    ]


def test_a_name_that_is_not_utf_8_is_recorded_and_the_others_go_on(tmp_path, options, monkeypatch):
    odd, talks = os.fsdecode(b"\xff\\talk.csv"), tmp_path / "talks"
    talks.mkdir()
    broken = os.fsdecode(b"broken\xfe.mp3")
    (talks / odd).write_text("speaker,words\nAnn,why ?")
    (talks / "z.csv").write_text("speaker,words\nAnn,why ?")
    (talks / broken).write_bytes(b"no sound")
    records = annotate_folder(talks, options)
    assert [(r.file, r.status) for r in records] == [(broken, "failed"), ("z.csv", "done"), (odd, "done")]
    assert read_folder_table(talks).keys() == {broken, "z.csv", odd}
    assert (talks / records[2].outputs[0]).is_file()
    written = [json.loads(line)["file"] for line in (talks / FOLDER_TABLE).read_text("utf-8").splitlines()]
    assert written == ["broken\\udcfe.mp3", "z.csv", "\\udcff\\\\talk.csv"]
    monkeypatch.setattr(batch, "annotate", None)  # what is done is not done again
    assert annotate_folder(talks, options)[1:] == records[1:]


@pytest.fixture
def chats(tmp_path):
    """Two chats, one in a subfolder."""
    (tmp_path / "chats" / "more").mkdir(parents=True)
    for name in ("a.csv", "more/b.csv"):
        (tmp_path / "chats" / name).write_text("speaker,words\nAnn,why ?")
    return tmp_path / "chats"


def test_what_a_killed_process_left_is_swept_at_the_start(chats, options, tmp_path):
    out, name = tmp_path / "out", f".merc-{'0' * 16}.tmp"
    (out / "more").mkdir(parents=True)
    for place in (out, out / "more", chats, chats / "more"):
        (place / name).write_text("what was said")
    annotate_folder(chats, replace(options, out=out, formats=("csv",)))
    assert {p.parent for p in tmp_path.rglob(".merc-*")} == {chats, chats / "more"}
    annotate_folder(chats, replace(options, formats=("csv",)))
    assert not list(tmp_path.rglob(".merc-*"))


@pytest.mark.skipif(not POSIX, reason="not POSIX")
def test_a_second_one_over_the_same_folder_is_refused(chats, options):
    def begin_another(*_):
        before = {path: path.read_bytes() for path in chats.rglob("*") if path.is_file()}
        with pytest.raises(DataError, match="another process is annotating into it; wait for its end, or give another --out"):
            annotate_folder(chats, options)
        assert {path: path.read_bytes() for path in chats.rglob("*") if path.is_file()} == before

    annotate_folder(chats, replace(options, formats=("csv",)), begin_another)
    annotate_folder(chats, replace(options, formats=("csv",)))


@pytest.mark.skipif(not POSIX, reason="not POSIX")
def test_results_and_table_have_the_rights_of_what_was_annotated(chats, options):
    before = os.umask(0o022)
    try:
        (chats / "a.csv").chmod(0o600)
        annotate_folder(chats, replace(options, formats=("csv",)))
    finally:
        os.umask(before)
    written = (chats / "a.emotions.csv", chats / "more" / "b.emotions.csv", chats / FOLDER_TABLE)
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o600, 0o644, 0o600]


def test_what_can_not_be_begun(copied, options, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for folder, said in (
        (tmp_path / "none", "found nothing"),
        (tmp_path / "file", "found a file"),
        (tmp_path / "empty", "no recording"),
    ):
        with pytest.raises(DataError, match=said):
            annotate_folder(folder, options)
    with pytest.raises(DataError, match="can't be made"):
        annotate_folder(copied, replace(options, out=tmp_path / "file" / "x"))
    with pytest.raises(RunError, match="no model here"):
        annotate_folder(copied, FolderOptions(tmp_path))
    (copied / FOLDER_TABLE).write_bytes(b"mine")
    with pytest.raises(DataError, match="not a table of annotated files"):
        annotate_folder(copied, options)
    assert (copied / FOLDER_TABLE).read_bytes() == b"mine"


def test_the_table_of_a_folder_comes_back_as_it_was(tmp_path):
    records = {
        "x.wav": FileRecord(
            "x.wav", "done", "", "ab", "cd", 2, 1.5, 0.25, {"joy": 2}, ("one", "two"), {"audio": 1}, ("x.json",), "1"
        ),
        "y.wav": FileRecord("y.wav", "failed", "a line", emotions={}, absent={}),
    }
    write_folder_table(records.values(), tmp_path)
    assert read_folder_table(tmp_path) == records


def rows(folder):
    return [json.loads(line) for line in (folder / FOLDER_TABLE).read_text("utf-8").splitlines()]


def test_the_table_is_lines_of_plain_json(tmp_path):
    write_folder_table([FileRecord("é.wav", "done", emotions={"joy": 2}), FileRecord("a.wav", "failed", "a line")], tmp_path)
    first, second = rows(tmp_path)
    assert list(first) == [known.name for known in fields(FileRecord)]
    assert (first["file"], first["error"], second["file"], second["emotions"]) == ("a.wav", "a line", "é.wav", {"joy": 2})
    assert "é.wav" in (tmp_path / FOLDER_TABLE).read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "lost"}, r"line 2, status: .*'done'.* \(found: 'lost'\)"),
        ({"utterances": "3"}, r"line 2, utterances: .*integer \(found: '3'\)"),
        ({"emotions": {"joy": 1.5}}, r"line 2, emotions\.joy: "),
        ({"warnings": "one"}, r"line 2, warnings: .*array|tuple"),
        ({"file": None}, r"line 2, file: "),
        ({"mood": 1}, r"line 2: unknown key 'mood'; expected file, status, "),
        ({"merc": ...}, r"line 2: no key 'merc'; expected file, status, "),
    ],
)
def test_a_damaged_row_is_named(tmp_path, change, said):
    write_folder_table([FileRecord("x.wav", "failed", "a line"), FileRecord("y.wav", "done")], tmp_path)
    first, second = rows(tmp_path)
    changed = {key: value for key, value in (second | change).items() if value is not ...}
    (tmp_path / FOLDER_TABLE).write_text(f"{json.dumps(first)}\n{json.dumps(changed)}\n")
    with pytest.raises(DataError, match=rf"emotions\.jsonl: not a table of annotated files \({said}"):
        read_folder_table(tmp_path)


@pytest.mark.parametrize("line", [b"[" * 100_000, b"[1]", b"", b"{", b'{"file": NaN}', b'{"file": 1, "file": 2}', b"\xff"])
def test_a_line_that_is_no_row_is_told(tmp_path, line):
    (tmp_path / FOLDER_TABLE).write_bytes(line + b"\n")
    with pytest.raises(DataError, match=r"not a table of annotated files \(line 1: ") as told:
        read_folder_table(tmp_path)
    assert "\n" not in str(told.value)


def test_transcripts_are_never_judged_apart_from_their_recordings(tmp_path, options):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(wav(stereo()[: RATE // 10], RATE))
    (tmp_path / "a.en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.050\n<v Ann>Why?\n")
    (tmp_path / "b.wav.json").write_text('[{"start": 0, "end": 0.05, "text": "Why?"}]')
    records = annotate_folder(tmp_path, replace(options, formats=("csv",)))
    assert [(r.file, r.status, r.utterances) for r in records] == [("a.wav", "done", 1), ("b.wav", "done", 1)]
