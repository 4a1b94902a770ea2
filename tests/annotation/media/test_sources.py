"""Which file is the recording and which the transcript, and what tells one content from another."""

import io
import shutil

import numpy as np
import pytest

from annotation.call import TRANSCRIPT, srt
from annotation.turns import spoken, turns_of
from merc.annotation.media.recording import Sound
from merc.annotation.media.sources import content_digest, given
from merc.annotation.transcripts.transcript import Transcript
from merc.errors import DataError

SOUND = Sound(np.zeros((16, 1), dtype=np.float32), 16_000)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "talk.wav").write_bytes(b"sound")
    (tmp_path / "talk.srt").write_text(srt(), encoding="utf-8")
    (tmp_path / "other.vtt").write_text("WEBVTT\n", encoding="utf-8")
    return tmp_path


def test_a_transcript_beside_a_recording_is_found_and_told(folder):
    found = given(folder / "talk.wav")
    assert (found.name, found.medium, found.transcript) == ("talk.wav", folder / "talk.wav", folder / "talk.srt")
    assert found.warnings == ("the transcript is talk.srt, found beside the recording",)


def test_the_one_that_is_named_goes_first(folder):
    found = given(str(folder / "talk.wav"), str(folder / "other.vtt"))
    assert (found.transcript, found.transcript_name, found.warnings) == (folder / "other.vtt", "other.vtt", ())


def test_those_that_are_not_taken_are_told(folder):
    (folder / "talk.de.vtt").write_text("WEBVTT\n", encoding="utf-8")
    found = given(folder / "talk.wav")
    assert found.transcript == folder / "talk.srt"
    assert found.warnings == ("the transcript is talk.srt, found beside the recording; not taken: talk.de.vtt",)


def test_a_transcript_alone(folder):
    found = given(folder / "talk.srt")
    assert (found.medium, found.transcript, found.transcript_name) == (None, folder / "talk.srt", "talk.srt")
    assert given(TRANSCRIPT).transcript is TRANSCRIPT
    file = io.BytesIO(srt().encode())
    assert given(file, name="words.SRT").transcript is file
    assert given(file).medium is file, "without a name it is taken for a recording"


def test_an_annotation_file_brings_the_recording_that_it_names(folder):
    eaf = folder / "session.eaf"
    head = '<HEADER><MEDIA_DESCRIPTOR MEDIA_URL="file:///D:/lab/%s" MIME_TYPE="audio/x-wav"/></HEADER>'
    eaf.write_text(f"<ANNOTATION_DOCUMENT>{head % 'talk.wav'}<TIME_ORDER/></ANNOTATION_DOCUMENT>", encoding="utf-8")
    found = given(eaf)
    assert (found.name, found.medium, found.transcript, found.transcript_name) == (
        "talk.wav",
        folder / "talk.wav",
        eaf,
        "session.eaf",
    )
    assert found.warnings == ("the recording is talk.wav, which session.eaf names",)
    chat, exb = folder / "session.cha", folder / "session.exb"
    chat.write_text("@Begin\n@Media:\ttalk, audio\n*ANN:\thello .\n", encoding="utf-8")
    exb.write_text('<basic-transcription><head><referenced-file url="talk.wav"/></head></basic-transcription>', encoding="utf-8")
    assert given(chat).medium == given(exb).medium == folder / "talk.wav"


@pytest.mark.parametrize("name", ["gone.wav", "../secret.wav", "secret.txt"])
def test_a_recording_that_is_not_beside_the_file_is_not_looked_for(folder, name):
    (folder / "in").mkdir()
    (folder / "secret.wav").write_bytes(b"sound")
    (folder / "in" / "secret.txt").write_bytes(b"words")
    eaf = folder / "in" / "session.eaf"
    head = f'<HEADER><MEDIA_DESCRIPTOR MEDIA_URL="file:///x" RELATIVE_MEDIA_URL="{name}" MIME_TYPE="audio/x-wav"/></HEADER>'
    eaf.write_text(f"<ANNOTATION_DOCUMENT>{head}</ANNOTATION_DOCUMENT>", encoding="utf-8")
    found = given(eaf)
    assert (found.name, found.medium, found.transcript) == ("session.eaf", None, eaf)
    assert "which is not beside it; with --transcript, it can be given with the recording" in found.warnings[0]


def test_names_come_from_where_they_can(folder):
    with (folder / "talk.wav").open("rb") as file:
        assert given(file, TRANSCRIPT).name == "talk.wav"
    assert given(SOUND, TRANSCRIPT).name == "recording"
    assert given(SOUND, TRANSCRIPT, name="/a/b/call.wav").name == "call.wav"
    assert given(SOUND, io.BytesIO(b""), transcript_name="x.srt").transcript_name == "x.srt"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https://example.org/talk.mp4", "only local files are read; download it first"),
        ("file:///talk.mp4", "only local files are read"),
        ("rtsp:/camera", "only local files are read"),
        ("none.mp4", "expected a file, found nothing"),
        (".", "expected a file, found a folder"),
        ("/dev/null", "found neither a file nor a folder"),
    ],
)
def test_what_is_no_file_is_told(folder, monkeypatch, source, said):
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match=said):
        given(source)
    with pytest.raises(DataError, match=said):
        given(folder / "talk.wav", source)


def test_two_transcripts_are_one_too_many(folder):
    with pytest.raises(DataError, match=r"talk.srt is a transcript, and a second one was given"):
        given(folder / "talk.srt", folder / "other.vtt")


def test_a_colon_in_a_name_is_no_url(tmp_path):
    path = tmp_path / "10:30 talk.wav"
    path.write_bytes(b"sound")
    assert given(path).medium == path


def test_the_digest_goes_by_content_alone(folder):
    digest = content_digest(given(folder / "talk.wav"))
    shutil.copyfile(folder / "talk.wav", folder / "copy.wav")
    shutil.copyfile(folder / "talk.srt", folder / "copy.srt")
    assert content_digest(given(folder / "copy.wav")) == digest
    with (folder / "talk.wav").open("rb") as file:
        file.seek(3)
        assert content_digest(given(file, folder / "talk.srt")) == digest
        assert file.tell() == 3


def test_whatever_changes_changes_the_digest(folder):
    other = Sound(np.ones((16, 1), dtype=np.float32), 16_000)
    slower = Sound(SOUND.samples, 8_000)
    moved = (
        Transcript(
            turns_of(
                spoken("words", "A", 0.0, 1.0),
            )
        ),
        Transcript(
            turns_of(
                spoken("words", "A", 0.0, 2.0),
            )
        ),
    )
    all_given = [given(s, t) for s in (SOUND, other, slower, folder / "talk.wav") for t in (*moved, folder / "talk.srt")]
    all_given += [given(folder / "talk.srt"), given(moved[0])]
    assert len({content_digest(each) for each in all_given}) == len(all_given)
    (folder / "one.rttm").write_text("SPEAKER talk 1 0.0 9.0 <NA> <NA> Zoe <NA> <NA>\n")
    (folder / "two.rttm").write_text("SPEAKER talk 1 0.0 9.0 <NA> <NA> Xan <NA> <NA>\n")
    by_speakers = {content_digest(given(SOUND, moved[0]), path) for path in (None, folder / "one.rttm", str(folder / "two.rttm"))}
    assert len(by_speakers) == 3


def test_what_can_not_be_read_is_told(folder):
    chosen = given(folder / "talk.srt")
    (folder / "talk.srt").unlink()
    with pytest.raises(DataError, match=r"talk.srt can't be read"):
        content_digest(chosen)
