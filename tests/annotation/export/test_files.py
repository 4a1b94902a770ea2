"""The files of an annotation: nothing is lost in JSON, nothing is run by spreadsheets or players, none is half written."""

import csv
import errno
import io
import json
import os
import stat
from dataclasses import replace
from unittest.mock import Mock

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nesting
from annotation.invented import HOSTILE, annotation, hostile, with_utterances
from merc.annotation.annotation import Annotation
from merc.annotation.export.files import FORMATS, write_files
from merc.errors import DataError
from merc.files.csv_cells import harmless_cell
from merc.files.posix import POSIX


def rows_of(whole):
    header, *rows = csv.reader(io.StringIO(whole.to_csv(), newline=""))
    return [dict(zip(header, row, strict=True)) for row in rows]


def spoken(*words, **changes):
    whole = annotation(talk=[("Ann", "joy", text) for text in words])
    return with_utterances(whole, (replace(one, **changes) for one in whole.utterances))


# JSON


@pytest.mark.parametrize("make", [annotation, hostile, lambda: annotation(timed=False)])
def test_json_gives_the_same_annotation_back(make):
    text = make().to_json()
    assert Annotation.from_json(text) == make()
    assert Annotation.from_json(text.encode("utf-8").decode("utf-8")).to_json() == text


@given(st.text(st.characters(), max_size=40), st.floats(0, 1e9), st.floats(0, 1))
def test_json_loses_no_text_and_no_digit(text, time, share):
    # Two halves that stand side by side as a pair would be read as the character that they spell.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    whole = spoken("x", words=text, start=time, trust={"text": share})
    assert Annotation.from_json(whole.to_json()) == whole


def test_json_says_its_format_and_is_readable():
    text = annotation().to_json()
    assert json.loads(text)["format"] == 2
    assert "שלום" in text
    assert text.endswith("}\n")


def first(content):
    return content["conversations"][0]["utterances"]


def edited(change):
    content = json.loads(annotation().to_json())
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ('{"format": 2, "format": 2}', "not valid JSON: key 'format' occurs more than once in one object"),
        ("[]", "format None; this version of merc reads format 2"),
        ('{"format": true}', "format True"),
        (edited(lambda c: c.update(format=1)), "format 1; this version of merc reads format 2"),
        (edited(lambda c: c.update(more=1)), "more: Unexpected keyword argument"),
        (edited(lambda c: c.pop("conversations")), "conversations: Field required"),
        (edited(lambda c: first(c)[4].update(start="x")), "conversations.0.utterances.4.start: Input should be a valid number"),
        (
            edited(lambda c: first(c)[0].update(start=float("inf"))),
            "not valid JSON: Infinity is not a finite number",
        ),
        (
            edited(lambda c: first(c)[0].update(present=[1])),
            "utterances.0.present.0: Input should be a valid string",
        ),
        (edited(lambda c: first(c)[0].update(emotion="x")), "utterance '0': emotion 'x' is not among the labels"),
        (edited(lambda c: c["origin"].update(kind="smell")), "origin.kind: Input should be 'audio', 'video' or 'text'"),
    ],
)
def test_json_that_is_not_an_annotation_is_refused_in_one_line(text, message):
    with pytest.raises(DataError) as caught:
        Annotation.from_json(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_json_that_is_nested_too_deep_is_refused_in_one_line():
    with nesting.few_calls(), pytest.raises(DataError, match=r"^annotation: not valid JSON: nested too deep$"):
        Annotation.from_json(nesting.LISTS)


# CSV


@pytest.mark.parametrize(
    "text", [*HOSTILE[3:6], "-1", "\t1", "\r1", "\n=1", "\ufeff=1", "\xa0=1", "\x00=1", "＝1", " \u202e+1", "@x"]
)
def test_what_begins_a_formula_is_shown_not_computed(text):
    assert harmless_cell(text).startswith("'")
    assert rows_of(spoken(text))[0]["words"].startswith("'")


@pytest.mark.parametrize("text", ["", "So. I got the job!", "1-2", "a=b", "'tis", "é 𝄞 שלום", '"quoted", twice', "two\nlines"])
def test_other_cells_are_kept(text):
    assert harmless_cell(text) == text
    assert rows_of(spoken(text))[0]["words"] == text


def test_every_foreign_cell_is_harmless_and_numbers_stay_numbers():
    whole = hostile()
    starting = replace(whole.utterances[0], start=-0.5, uncertainty=-1e-07)
    rows = rows_of(with_utterances(whole, (starting, *whole.utterances[1:])))
    assert [rows[0]["start"], rows[0]["uncertainty"]] == ["-0.5", "-1e-07"]
    assert all(
        harmless_cell(cell) == cell or cell[1:].replace(".", "").replace("e-", "").isdigit()
        for row in rows
        for cell in row.values()
    )
    assert rows[1]["words"] == HOSTILE[1]


def test_csv_is_rfc_4180_in_utf_8():
    text = spoken('He said "no",\nthen left', "\x00\x07\x1b\ud800\ufffe").to_csv()
    lines = text.encode("utf-8").split(b"\r\n")
    assert len(lines) == 4 and lines[-1] == b""
    assert b'"He said ""no"",\nthen left"' in lines[1]
    assert b"\x00" not in lines[2]
    assert "\ufffd" * 5 in text


def test_numbers_in_csv_lose_no_digit_and_none_is_empty():
    whole = annotation(timed=False)
    row = rows_of(whole)[0]
    assert float(row["p_joy"]) == whole.utterances[0].probabilities["joy"]
    assert row["start"] == row["end"] == ""
    assert list(row) == list(whole.columns())


# Subtitles


def subtitles(whole):
    return pysubs2.SSAFile.from_string(whole.to_srt(), format_="srt")


def test_a_subtitle_has_speaker_emotion_and_words_at_its_time():
    blocks = annotation().to_srt().split("\n\n")
    assert blocks[0] == "1\n00:00:00,400 --> 00:00:03,600\nAnn [neutral]: Hi. Sorry I'm late, the bus didn't come."
    assert blocks[2].endswith("Ann [joy]: So. I got the job!")
    assert blocks[24].endswith("Ben [joy]")
    assert blocks[25:] in ([""], [])


def test_nothing_in_the_words_is_mark_up_or_another_subtitle():
    whole = hostile()
    text = whole.to_srt()
    assert text.count("-->") == len(whole.utterances)
    shown = [line for block in text.strip().split("\n\n") for line in block.split("\n")[2:]]
    assert len(shown) == len(whole.utterances) == len(subtitles(whole))
    assert not any(character in line for line in shown for character in "<>{}\\\x00\x1b\u202e\u2066\ud800")
    assert any("｛＼an8｝｛＼i1｝ ＜b＞bold＜/b＞ ＼N 1 2 00∶00∶00,000 --＞ 00∶01∶00,000" in line for line in shown)
    text.encode("utf-8")


def test_times_of_day_stay_as_they_are_in_subtitles():
    assert "at 10:30:15 or 10:45" in spoken("at 10:30:15 or 10:45").to_srt()


def test_right_to_left_words_are_kept_in_subtitles():
    assert "שירה [joy]: שלום! מה שלומכם? (Hello!)" in annotation().to_srt()


def test_subtitles_stand_in_order_of_time_within_what_the_format_can_say():
    whole = spoken("late", "early", "odd")
    times = [(5e6, 6e6), (-2.0, 1.0006), (3.0, 2.0)]
    whole = with_utterances(whole, (replace(u, start=a, end=b) for u, (a, b) in zip(whole.utterances, times, strict=True)))
    assert [(event.start, event.end) for event in subtitles(whole)] == [(0, 1001), (3000, 3000), (359999999, 359999999)]


@pytest.mark.parametrize("changes", [{"start": None}, {"end": None}])
def test_utterances_without_a_time_have_no_subtitles(changes):
    with pytest.raises(DataError, match="subtitles need a time for each utterance; 2 of 2 have none"):
        spoken("a", "b", **changes).to_srt()


# All of them


def test_the_files_stand_beside_the_recording_and_are_named_after_it(tmp_path):
    whole, medium = annotation(), tmp_path / "talk.wav"
    medium.write_bytes(b"x")
    written = write_files(whole, medium)
    assert [path.name for path in written] == [f"talk.emotions.{name}" for name in FORMATS]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*(path.name for path in written), "talk.wav"])
    assert Annotation.from_json(written[0].read_text("utf-8")) == whole
    assert written[1].read_bytes() == whole.to_csv().encode()
    assert written[2].read_text("utf-8") == whole.to_srt()
    assert written[3].read_text("utf-8") == whole.to_html("talk.wav")
    assert write_files(whole, medium) == written


def test_only_the_formats_asked_for_are_written_once(tmp_path):
    written = write_files(annotation(), tmp_path / "my talk.v2.wav", formats=("csv", "json", "csv"))
    assert [path.name for path in written] == ["my talk.v2.emotions.csv", "my talk.v2.emotions.json"]


def test_a_recording_that_is_elsewhere_is_not_played(tmp_path):
    (page,) = write_files(annotation(), tmp_path / "talk.wav", formats=("html",))
    assert "<audio" not in page.read_text("utf-8")


@pytest.mark.parametrize("name", ["a b #1?%41&.wav", "<é>.wav", os.fsdecode(b"\xff.wav")])
def test_odd_names_of_recordings_are_quoted(tmp_path, name):
    medium = tmp_path / name
    medium.write_bytes(b"x")
    written = write_files(annotation(name=name), medium)
    assert "<audio" in written[3].read_text("utf-8")
    assert Annotation.from_json(written[0].read_text("utf-8")).origin.name == name


def test_without_times_there_are_no_subtitles_and_the_others_say_so(tmp_path):
    whole = annotation(timed=False)
    said = []
    written = write_files(whole, tmp_path / "talk.wav", on_warning=said.append)
    assert [path.suffix for path in written] == [".json", ".csv", ".html"]
    (warning,) = Annotation.from_json(written[0].read_text("utf-8")).warnings[1:]
    assert warning.startswith("talk.emotions.srt was not written: subtitles need a time for each utterance")
    assert said == [warning]
    assert "talk.emotions.srt was not written" in written[2].read_text("utf-8")


def test_subtitles_leave_out_what_has_no_time_and_the_others_say_so(tmp_path):
    whole = annotation()
    untimed = (replace(whole.utterances[0], start=None), replace(whole.utterances[1], end=None))
    written = write_files(with_utterances(whole, (*untimed, *whole.utterances[2:])), tmp_path / "talk.wav")
    assert written[2].read_text("utf-8").startswith("1\n00:00:07,340 --> ")
    assert written[2].read_text("utf-8").count("-->") == 23
    kept = Annotation.from_json(written[0].read_text("utf-8"))
    assert len(kept.utterances) == 25
    assert kept.warnings[1:] == ("talk.emotions.srt leaves out 2 of 25 utterances: they have no time",)
    assert "talk.emotions.srt leaves out 2 of 25 utterances" in written[3].read_text("utf-8")
    assert len(rows_of(kept)) == 25


def test_another_folder_gets_the_files_and_nothing_lands_beside_the_recording(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    medium = tmp_path / "in" / "talk.wav"
    medium.write_bytes(b"x")
    (tmp_path / "out" / "talk.wav").write_bytes(b"a namesake")
    written = write_files(annotation(), medium, tmp_path / "out")
    assert written == tuple(tmp_path / "out" / f"talk.emotions.{name}" for name in FORMATS)
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["talk.wav"]
    assert "<audio" not in written[3].read_text("utf-8")
    (page,) = write_files(annotation(), medium, tmp_path / "out" / ".." / "in", formats=("html",))
    assert '<audio id="player"' in page.read_text("utf-8")
    assert page.samefile(tmp_path / "in" / "talk.emotions.html")


def test_another_folder_that_is_missing_is_made(tmp_path):
    written = write_files(annotation(), tmp_path / "talk.wav", tmp_path / "deep" / "new")
    assert [path.parent for path in written] == [tmp_path / "deep" / "new"] * 4 and all(path.is_file() for path in written)


def test_no_folder_is_left_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("merc.files.staged_file.os.fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(DataError, match=r"can't be written: No space left on device$"):
        write_files(annotation(), tmp_path / "talk.wav", tmp_path / "deep" / "new")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="file is no folder to put this file into"):
        write_files(annotation(), tmp_path / "talk.wav", tmp_path / "file" / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture
def readable_by_all():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.skipif(not POSIX, reason="not POSIX")
@pytest.mark.parametrize(
    ("recording", "transcript", "older", "expected"),
    [
        (0o644, 0o644, 0o644, 0o644),
        (0o600, 0o644, 0o644, 0o600),
        (0o644, 0o600, 0o644, 0o600),
        (0o444, 0o640, 0o644, 0o640),
        (0o644, 0o666, 0o600, 0o600),
        (0o666, 0o666, 0o666, 0o644),
    ],
)
@pytest.mark.parametrize("given", ["beside", "elsewhere"])
def test_who_may_not_read_what_was_annotated_may_not_read_the_results(
    tmp_path, readable_by_all, recording, transcript, older, expected, given
):
    medium, words = tmp_path / "talk.wav", tmp_path / ("talk.srt" if given == "beside" else "elsewhere.srt")
    whole = annotation()
    whole = replace(whole, origin=replace(whole.origin, transcript=words.name))
    for path, mode in ((medium, recording), (words, transcript), (tmp_path / "talk.emotions.csv", older)):
        path.write_bytes(b"x")
        path.chmod(mode)
    (written,) = write_files(whole, medium, formats=("csv",), like=(words,) if given == "elsewhere" else ())
    assert stat.S_IMODE(written.stat().st_mode) == expected


def test_where_no_file_could_say_so_it_is_an_error(tmp_path):
    with pytest.raises(DataError, match="subtitles need a time"):
        write_files(annotation(timed=False), tmp_path / "talk.wav", formats=("csv", "srt"))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_answered_with_those_that_exist(tmp_path):
    with pytest.raises(
        DataError, match="unknown format 'docx'; annotations are written as json, csv, srt, html, vtt, tsv, eaf, textgrid"
    ):
        write_files(annotation(), tmp_path / "talk.wav", formats=("json", "docx"))
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_changed_when_one_is_in_the_way(tmp_path):
    (tmp_path / "talk.emotions.html").mkdir()
    with pytest.raises(DataError, match=r"talk\.emotions\.html: is a folder"):
        write_files(annotation(), tmp_path / "talk.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["talk.emotions.html"]


def test_a_folder_that_is_missing_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        write_files(annotation(), tmp_path / "none" / "talk.wav")


def test_a_name_that_becomes_too_long_is_said(tmp_path):
    with pytest.raises(DataError, match=r"a\.emotions\.json: can't be written: File name too long$"):
        write_files(annotation(), tmp_path / f"{'a' * 250}.wav")


def test_a_full_disk_leaves_the_older_files_alone(tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in write_files(annotation(), tmp_path / "talk.wav")}

    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("merc.files.staged_file.os.fsync", fail)
    with pytest.raises(DataError, match=r"can't be written: No space left on device$"):
        write_files(spoken("other"), tmp_path / "talk.wav", formats=("json", "csv"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_transcript_that_was_read_is_not_replaced(tmp_path):
    whole = annotation()
    whole = replace(whole, origin=replace(whole.origin, transcript="talk.emotions.srt"))
    (tmp_path / "talk.emotions.srt").write_text("mine")
    with pytest.raises(DataError, match="would replace it; rename one of them"):
        write_files(whole, tmp_path / "talk.wav")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
