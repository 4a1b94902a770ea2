"""What is opened: which files are refused, which other files are never touched, open files, and what happens without PyAV."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from annotation.recordings import encoded, naming_another_file, noise, tagged, wav
from merc.annotation.media.excerpts import Excerpt, Span, excerpts, inspect
from merc.annotation.media.recording import KINDS, Bytes, MediaInfo, MediaSource, Sound
from merc.encoders.interface import RATE
from merc.errors import DataError, MissingExtraError

av = pytest.importorskip("av")


def cut(source: MediaSource, *spans: Span) -> list[Excerpt]:
    return sorted(excerpts(source, spans, "talk"), key=lambda excerpt: excerpt.index)


def test_the_suffix_does_not_matter(tmp_path):
    for name, content in (("talk.mp3", wav(noise(1.0), RATE)), ("talk.txt", encoded(noise(1.0), RATE, "flac"))):
        path = tmp_path / name
        path.write_bytes(content)
        assert inspect(path, name) == MediaInfo("audio", 1.0, 1, RATE)


def test_tags_that_are_not_utf_8_and_a_cover_do_not_matter():
    recording = io.BytesIO(tagged(encoded(noise(2.0, 44_100), 44_100, "mp3")))
    assert inspect(recording, "talk").kind == "audio"
    assert cut(recording, Span(0.0, 1.0))[0].samples is not None


def test_a_film_without_sound_has_no_audio_track():
    with pytest.raises(DataError, match=r"^film\.mp4: no audio track$"):
        inspect(io.BytesIO(encoded(None, 0, "mp4", picture=True)), "film.mp4")


def test_an_audio_track_of_an_unknown_kind_is_told():
    strange = bytearray(wav(noise(1.0), RATE))
    at = strange.index(b"fmt ") + 8
    strange[at : at + 2] = b"\x34\x12"
    with pytest.raises(DataError, match=r"^talk: no audio track that can be decoded$"):
        inspect(io.BytesIO(bytes(strange)), "talk")


@pytest.mark.parametrize(
    "content",
    [b"x", b"I said nothing.\n" * 200, b"RIFF", wav(noise(0.1), RATE)[:30], np.random.default_rng(0).bytes(100_000), b"\0" * 5000],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        inspect(path, "talk.wav")
    assert str(error.value) == f"talk.wav can't be read as a recording: damaged, cut short, or not one of {', '.join(KINDS)}"


def test_an_empty_file_a_folder_a_pipe_and_nothing_are_told_apart(tmp_path):
    (tmp_path / "empty.wav").touch()
    os.mkfifo(tmp_path / "pipe")
    for name, found in (
        ("empty.wav", "an empty file"),
        (".", "a folder"),
        ("pipe", "neither a file nor a folder"),
        ("no", "nothing"),
    ):
        with pytest.raises(DataError, match=f"^talk: expected a recording, found {found}$"):
            inspect(tmp_path / name, "talk")


def test_a_name_can_not_steer_a_terminal():
    with pytest.raises(DataError) as error:
        inspect(io.BytesIO(b"x"), "a\x1b[2J\nb")
    assert str(error.value).startswith("a\\x1b[2J b can't be read")


@pytest.mark.parametrize("address", ["http://127.0.0.1/a.wav", "concat:a.wav|b.wav", "data:audio/wav;base64,UklGRg==", "pipe:0"])
def test_an_address_is_only_the_name_of_a_file_that_is_not_there(address):
    with pytest.raises(DataError, match="expected a recording, found nothing"):
        inspect(Path(address), "talk")


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile other.ts\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("opener", [lambda path: path, lambda path: path.open("rb")])
def test_a_list_that_names_another_file_is_refused(tmp_path, monkeypatch, name, opener):
    (tmp_path / "other.ts").write_bytes(encoded(noise(2.0, 44_100), 44_100, "mpegts"))
    path = tmp_path / name
    path.write_text(PLAYLISTS[name])
    monkeypatch.chdir(tmp_path)
    with av.open(name) as followed:  # FFmpeg itself would follow it
        assert followed.streams.audio
    source = opener(path)
    with pytest.raises(DataError, match=r"^list\.\w+ can't be read as a recording: [^\n]*$"):
        inspect(source, name)
    if not isinstance(source, Path):
        source.close()


@pytest.mark.parametrize(
    "content",
    [
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-main:2011"></MPD>',
    ],
)
def test_other_kinds_that_lead_elsewhere_are_refused(content):
    with pytest.raises(DataError, match="can't be read as a recording"):
        inspect(io.BytesIO(content.encode()), "talk")


def test_a_movie_whose_sound_lies_in_another_file_has_none(tmp_path):
    other = tmp_path / "other.raw"
    other.write_bytes(np.full(32_000, 1000, "<i2").tobytes())
    path = tmp_path / "talk.mov"
    path.write_bytes(naming_another_file(encoded(noise(2.0), RATE, "mov"), bytes(other)))
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as followed:
        assert next(followed.decode(audio=0)).to_ndarray()[0, 0] == 1000  # FFmpeg can be made to follow it
    assert [excerpt.reason for excerpt in cut(path, Span(0.0, 1.0))] == ["the recording holds no sound"]


def test_nothing_is_written_to_the_terminal(capfd):
    whole = encoded(noise(4.0, 44_100), 44_100, "mp3")
    cut(io.BytesIO(whole[:9000] + bytes(500) + whole[9500:20000]), Span(0.0, 1.0), Span(1.0, 4.0))
    with pytest.raises(DataError):
        inspect(io.BytesIO(whole[:300]), "talk")
    assert capfd.readouterr() == ("", "")


def test_an_open_file_stands_where_it_stood(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(noise(3.0), RATE))
    with path.open("rb") as file:
        file.seek(7)
        inspect(file, "talk")
        assert file.tell() == 7
        assert all(excerpt.samples is not None for excerpt in cut(file, Span(0.0, 1.0), Span(1.0, 2.0)))
        assert file.tell() == 7
        taken = excerpts(file, [Span(0.0, 1.0), Span(1.0, 2.0)], "talk")
        next(taken)
        taken.close()
        assert file.tell() == 7


def test_an_open_file_stands_where_it_stood_after_an_error_too():
    file = io.BytesIO(b"no recording at all")
    file.seek(3)
    with pytest.raises(DataError):
        inspect(file, "talk")
    assert file.tell() == 3


def test_an_open_file_may_be_moved_meanwhile_and_read_by_two():
    sound = noise(20.0)
    file = io.BytesIO(wav(sound, RATE))
    spans = [Span(float(i), i + 1.0) for i in range(20)]
    for a, b in zip(excerpts(file, spans, "talk"), excerpts(file, spans, "talk"), strict=True):
        file.seek(0)
        np.testing.assert_array_equal(a.samples, sound[a.index * RATE : (a.index + 1) * RATE, 0])
        np.testing.assert_array_equal(a.samples, b.samples)


def test_a_file_that_is_closed_opened_as_text_or_can_not_seek_is_refused(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(noise(1.0), RATE))
    with path.open("rb") as closed:
        pass
    refusal = r"^talk: expected a file that is open as bytes \('rb'\) and in which one can seek$"
    with pytest.raises(DataError, match=refusal):
        inspect(closed, "talk")
    with path.open() as text, pytest.raises(DataError, match=refusal):
        inspect(text, "talk")
    with (tmp_path / "new.wav").open("wb") as writing, pytest.raises(DataError, match=refusal):
        inspect(writing, "talk")
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe, pytest.raises(DataError, match=refusal):
        inspect(pipe, "talk")


def test_a_file_closed_meanwhile_ends_the_reading():
    file = io.BytesIO(wav(noise(60.0), RATE))
    taken = excerpts(file, [Span(0.0, 1.0), Span(50.0, 51.0)], "talk")
    assert next(taken).samples is not None
    file.close()
    assert next(taken).reason.startswith("the medium can't be read beyond")


def test_a_place_before_the_start_is_answered_as_c_does():
    file = Bytes(io.BytesIO(b"abc"))
    assert [file.seek(2), file.seek(-3), file.seek(-4, os.SEEK_END), file.seek(-1, os.SEEK_CUR)] == [2, -1, -1, 1]
    assert file.read(5) == b"bc"


def test_too_many_channels_are_refused():
    with pytest.raises(DataError, match="talk: 65 channels at 16000 Hz; read are 1 to 64 at 1000 to 768000 Hz"):
        inspect(io.BytesIO(wav(np.zeros((100, 65)), RATE)), "talk")


@pytest.fixture
def without(monkeypatch):
    """Hides packages, as if they were not installed."""
    found = importlib.util.find_spec

    def hide(*names: str) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in names else found(name, *rest))
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


@pytest.mark.parametrize(
    ("kind", "rate", "channels"), [("WAV", 16_000, 1), ("WAV", 44_100, 2), ("FLAC", 48_000, 6), ("WAV", 8_000, 1)]
)
def test_without_pyav_wav_and_flac_give_the_same(without, kind, rate, channels):
    recording = io.BytesIO(wav(noise(5.0, rate, channels), rate, kind, "PCM_16"))
    spans = (Span(0.0, 1.0), Span(0.5, 4.0, channels - 1), Span(4.5, 6.0), Span(6.0, 7.0))
    expected, info = cut(recording, *spans), inspect(recording, "talk")
    without("av")
    assert inspect(recording, "talk") == info
    for a, b in zip(cut(recording, *spans), expected, strict=True):
        assert a.reason == b.reason
        assert (a.samples is None) == (b.samples is None)
        if a.samples is not None:
            np.testing.assert_allclose(a.samples, b.samples, atol=1e-6)


def test_without_pyav_a_truncated_wav_gives_what_is_left(without):
    without("av")
    whole = wav(noise(8.0), RATE)
    found = cut(io.BytesIO(whole[: len(whole) // 2]), *(Span(float(i), i + 1.0) for i in range(8)))
    assert [excerpt.samples is not None for excerpt in found] == [True] * 4 + [False] * 4


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "ULAW"])
def test_a_wav_whose_recorder_was_killed_is_read_whole(without, subtype):
    whole = bytearray(wav(noise(2.0, channels=2), RATE, subtype=subtype))
    at = whole.index(b"data") + 4
    whole[at : at + 4] = bytes(4)
    by_pyav = cut(io.BytesIO(bytes(whole)), Span(0.5, 1.5), Span(1.5, 2.0, channel=1))
    without("av")
    found = cut(io.BytesIO(bytes(whole)), Span(0.5, 1.5), Span(1.5, 2.0, channel=1))
    for excerpt, expected in zip(found, by_pyav, strict=True):
        np.testing.assert_array_equal(excerpt.samples, expected.samples)


def test_what_needs_pyav_says_so_without_it(without):
    song = io.BytesIO(encoded(noise(1.0, 44_100), 44_100, "mp3"))
    recording, sound = io.BytesIO(encoded(noise(1.0, 44_100), 44_100, "mp4")), io.BytesIO(wav(noise(1.0), RATE))
    without("av")
    with pytest.raises(
        MissingExtraError, match=r"^reading talk\.mp4, which is no sound wav or flac .*pip install 'merc\[annotate\]'$"
    ):
        inspect(recording, "talk.mp4")
    with pytest.raises(MissingExtraError, match=r"^reading talk\.mp3, a file of the kind MP3, needs the optional extra 'annotate'"):
        inspect(song, "talk.mp3")
    without("av", "soundfile")
    with pytest.raises(MissingExtraError, match=r"^reading talk needs the optional extra 'annotate'"):
        inspect(sound, "talk")


def test_arrays_need_no_package(without):
    without("av", "soundfile")
    assert inspect(Sound(noise(2.0), RATE), "talk") == MediaInfo("audio", 2.0, 1, RATE)
    assert cut(Sound(noise(2.0), RATE), Span(0.0, 1.0))[0].samples is not None
