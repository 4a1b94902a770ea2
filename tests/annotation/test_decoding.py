"""Opening and decoding: every container, time stamps, damage, safety, open files, and what happens without PyAV."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from annotation.recordings import CODECS, encoded, naming_another_file, noise, tagged, wav
from merc.annotation.decoding import JITTER, KINDS, RESTART, MediaInfo, Source, opened
from merc.annotation.media import RATE, Clip, Sound, Span, clips, inspect
from merc.errors import DataError, MissingExtraError

av = pytest.importorskip("av")

# Where an encoder's delay is not told in the file, sound lies late by it, wherever it is played.
DELAYS = {"adts": 0.0233, "flv": 0.0233, "avi": 0.0251, "mpegts": 0.011, "mpeg": 0.011, "amr": 0.005, "asf": 0.0456}
WITH_PICTURES = ("mp4", "mov", "matroska", "webm", "avi", "mpegts", "mpeg")


def cut(source: Source, *spans: Span) -> list[Clip]:
    return sorted(clips(source, spans, "talk"), key=lambda clip: clip.index)


def every_second(source: Source, seconds: int) -> list[Clip]:
    return cut(source, *(Span(float(i), i + 1.0) for i in range(seconds)))


def rate_of(container: str) -> int:
    return {"amr": 8_000, "webm": 48_000, "ogg": 48_000}.get(container, 44_100)


def lag(late: np.ndarray, early: np.ndarray) -> float:
    """Seconds by which the one sound is behind the other, where they are most alike."""
    count = len(late)
    likeness = np.fft.irfft(np.fft.rfft(late, 2 * count) * np.fft.rfft(early, 2 * count).conj())
    best = int(np.argmax(likeness))
    return (best if best < count else best - 2 * count) / RATE


def assert_in_place(found: Clip, sound: np.ndarray, rate: int, span: Span, late: float = 0.0) -> None:
    (expected,) = cut(Sound(sound, rate), span)
    assert found.samples is not None and expected.samples is not None, (found.reason, expected.reason)
    assert len(found.samples) == len(expected.samples)
    assert lag(found.samples, expected.samples) == pytest.approx(late, abs=0.001)


@pytest.mark.parametrize(("container", "picture"), [(c, False) for c in CODECS] + [(c, True) for c in WITH_PICTURES])
def test_sound_of_any_container_lies_where_it_was_put(container, picture):
    rate = rate_of(container)
    sound = noise(4.0, rate)
    recording = io.BytesIO(encoded(sound, rate, container, picture=picture))
    info = inspect(recording, "talk")
    assert (info.kind, info.channels, info.rate) == ("video" if picture else "audio", 1, rate)
    assert info.duration == pytest.approx(4.0, abs=0.2)  # an mpeg says nothing, and FFmpeg estimates
    spans = (Span(0.4, 1.4), Span(2.0, 3.3))
    for clip, span in zip(cut(recording, *spans), spans, strict=True):
        assert_in_place(clip, sound, rate, span, DELAYS.get(container, 0.0))


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "webm"])
def test_sound_that_begins_after_the_pictures_keeps_its_time(container):
    rate = rate_of(container)
    sound = noise(3.0, rate)
    late = io.BytesIO(encoded(sound, rate, container, picture=True, at=(1.0,)))
    before, after = cut(late, Span(0.0, 0.9), Span(1.5, 2.5))
    assert_in_place(after, sound, rate, Span(0.5, 1.5))
    np.testing.assert_array_equal(before.samples, np.zeros(round(0.9 * RATE), np.float32))


@pytest.mark.parametrize(("container", "codec"), [("matroska", "pcm_s16le"), ("webm", "libopus"), ("mpegts", "mp2")])
def test_a_gap_is_silent_and_what_follows_keeps_its_time(container, codec):
    rate = 48_000
    sound = noise(4.0, rate)
    gap = io.BytesIO(encoded(sound, rate, container, codec=codec, at=(0.0, 3.0)))
    first, silent, last = cut(gap, Span(0.5, 1.5), Span(2.2, 2.8), Span(3.5, 4.5))
    late = DELAYS.get(container, 0.0)
    assert_in_place(first, sound, rate, Span(0.5, 1.5), late)
    assert_in_place(last, sound, rate, Span(2.5, 3.5), late)
    np.testing.assert_array_equal(silent.samples, np.zeros(round(0.6 * RATE), np.float32))


class Stamped:
    """Frames of one second of ones, 100 Hz, as a clock places them by their stamps."""

    def __init__(self, *stamps: float | None, origin: float | None = 0.0) -> None:
        from merc.annotation.decoding import _Clock

        clock = _Clock(100, origin)
        blocks = [block for stamp in stamps for block in clock.placed(np.ones((100, 1), np.float32), stamp)]
        self.places = [(block.start, len(block.samples)) for block in blocks]


def test_frames_without_time_stamps_follow_one_another():
    assert Stamped(None, None).places == [(0, 100), (100, 100)]
    assert Stamped(None, None, 7.0, None, origin=None).places == [(0, 100), (100, 100), (200, 100), (300, 100)]


def test_small_steps_of_the_clock_are_not_followed_but_do_not_add_up():
    step = 0.9 * JITTER
    assert Stamped(0.0, 1.0 + step, 2.0 + step).places == [(0, 100), (100, 100), (200, 100)]
    assert Stamped(0.0, 1.0 + step, 2.0 + 2 * step).places[-1] == (round(200 + 200 * step), 100)


def test_sound_that_overlaps_what_was_given_is_cut():
    assert Stamped(0.0, 0.7, 1.7).places == [(0, 100), (100, 70), (170, 100)]
    assert Stamped(0.0, 1.0, 1.0, 2.0).places == [(0, 100), (100, 100), (200, 100)]


def test_sound_before_the_start_is_cut():
    assert Stamped(-0.3, 0.7).places == [(0, 70), (70, 100)]


def test_a_clock_that_was_started_anew_goes_on_from_where_it_was():
    far = RESTART + 20.0
    assert Stamped(far, 0.0, 1.0).places == [(round(100 * far), 100), (round(100 * far) + 100, 100), (round(100 * far) + 200, 100)]


@pytest.mark.parametrize("quarter", [1, 2, 3])
@pytest.mark.parametrize("container", ["wav", "mp3", "matroska", "flac", "ogg", "mpegts", "adts", "avi"])
def test_a_truncated_file_gives_what_is_left(container, quarter):
    rate = rate_of(container)
    sound = noise(8.0, rate)
    whole = encoded(sound, rate, container, codec="aac" if container == "matroska" else None)
    found = every_second(io.BytesIO(whole[: len(whole) * quarter // 4]), 8)
    present = [clip.samples is not None for clip in found]
    assert present == sorted(present, reverse=True)
    assert 2 * quarter - 1 <= sum(present) <= 2 * quarter + 1
    for clip in found[: 2 * quarter - 2]:
        assert_in_place(clip, sound, rate, Span(float(clip.index), clip.index + 1.0), DELAYS.get(container, 0.0))
    assert "the recording ends at" in found[-1].reason or "the medium can't be read beyond" in found[-1].reason


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_truncated_mp4_is_readable_only_if_its_table_comes_first(quarter):
    sound = noise(8.0, 44_100)
    whole = encoded(sound, 44_100, "mp4")
    with pytest.raises(DataError, match=r"^talk can't be read as a recording: damaged, cut short, or not one of wav, .*, amr$"):
        inspect(io.BytesIO(whole[: len(whole) * quarter // 4]), "talk")
    first = encoded(sound, 44_100, "mp4", options={"movflags": "faststart"})
    found = every_second(io.BytesIO(first[: len(first) * quarter // 4]), 8)
    assert 2 * quarter - 1 <= sum(clip.samples is not None for clip in found) <= 2 * quarter


@pytest.mark.parametrize("container", ["mp3", "mp4", "matroska"])
def test_where_decoding_fails_reading_stops(container):
    sound = noise(8.0, 44_100)
    whole = bytearray(encoded(sound, 44_100, container))
    middle = len(whole) // 2
    whole[middle : middle + 600] = np.random.default_rng(1).bytes(600)
    found = every_second(io.BytesIO(bytes(whole)), 8)
    assert [clip.samples is not None for clip in found[:3]] == [True] * 3
    assert_in_place(found[2], sound, 44_100, Span(2.0, 3.0))
    assert found[-1].reason in [f"the medium can't be read beyond {second} s" for second in ("3.9", "4.0", "4.1")]


def test_a_recording_cut_out_of_another_begins_with_its_first_whole_frame():
    whole = encoded(noise(8.0, 44_100), 44_100, "adts")
    found = every_second(io.BytesIO(whole[len(whole) // 2 + 11 :]), 5)
    assert [clip.samples is not None for clip in found] == [True, True, True, True, False]


def test_a_disk_that_fails_in_the_middle_stops_the_reading():
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 150_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    found = every_second(Failing(wav(noise(8.0), RATE, subtype="PCM_16")), 8)
    assert found[3].samples is not None
    assert found[7].samples is None and found[7].reason.startswith("the medium can't be read beyond")


def test_joined_streams_of_several_rates_follow_one_another():
    parts = [(noise(3.0, 44_100), 44_100), (noise(3.0, 48_000, seed=5), 48_000)]
    joined = io.BytesIO(b"".join(encoded(sound, rate, "mpegts") for sound, rate in parts))
    assert inspect(joined, "talk").rate == 44_100
    for clip, (sound, rate), begin in zip(cut(joined, Span(0.5, 1.5), Span(3.5, 4.5)), parts, (0.0, 3.0), strict=True):
        (expected,) = cut(Sound(sound, rate), Span(0.5, 1.5))
        assert lag(clip.samples, expected.samples) == pytest.approx(DELAYS["mpegts"], abs=0.001 + begin / 60), begin


def test_channels_that_vanish_stop_only_those_who_name_them():
    stereo = encoded(noise(3.0, 44_100, channels=2), 44_100, "adts", layout="stereo")
    both = io.BytesIO(stereo + encoded(noise(3.0, 44_100), 44_100, "adts"))
    assert cut(both, Span(4.0, 5.0))[0].samples is not None
    assert [clip.reason for clip in cut(both, Span(4.0, 5.0, 1), Span(1.0, 2.0, 1))] == [
        "the medium can't be read beyond 3.0 s",
        "",
    ]


def test_eight_channels_in_planes_are_read():
    sound = noise(2.0, 48_000, channels=8)
    (clip,) = cut(io.BytesIO(encoded(sound, 48_000, "mp4", layout="7.1")), Span(0.5, 1.5, 2))
    assert_in_place(clip, sound[:, 2], 48_000, Span(0.5, 1.5))


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


@pytest.mark.parametrize(
    "content",
    [b"x", b"I said nothing.\n" * 200, b"RIFF", wav(noise(0.1), RATE)[:30], np.random.default_rng(0).bytes(100_000), b"\0" * 5000],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        inspect(path, "talk.wav")
    assert str(error.value) == f"talk.wav can't be read as a recording: damaged, cut short, or not one of {KINDS}"


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
    assert [clip.reason for clip in cut(path, Span(0.0, 1.0))] == ["the recording holds no sound"]


def test_nothing_is_written_to_the_terminal(capfd):
    whole = encoded(noise(4.0, 44_100), 44_100, "mp3")
    every_second(io.BytesIO(whole[:9000] + bytes(500) + whole[9500:20000]), 4)
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
        assert all(clip.samples is not None for clip in cut(file, Span(0.0, 1.0), Span(1.0, 2.0)))
        assert file.tell() == 7
        taken = clips(file, [Span(0.0, 1.0), Span(1.0, 2.0)], "talk")
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
    for a, b in zip(clips(file, spans, "talk"), clips(file, spans, "talk"), strict=True):
        file.seek(0)
        np.testing.assert_array_equal(a.samples, sound[a.index * RATE : (a.index + 1) * RATE, 0])
        np.testing.assert_array_equal(a.samples, b.samples)


def test_a_file_that_is_closed_opened_as_text_or_can_not_seek_is_refused(tmp_path):
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(noise(1.0), RATE))
    with path.open("rb") as closed:
        pass
    with pytest.raises(DataError, match="expected an open file, found a closed one"):
        inspect(closed, "talk")
    with path.open() as text, pytest.raises(DataError, match=r"expected a file opened as bytes \('rb'\) in which one can seek"):
        inspect(text, "talk")
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe, pytest.raises(DataError, match="in which one can seek"):
        inspect(pipe, "talk")


def test_a_file_closed_meanwhile_ends_the_reading():
    file = io.BytesIO(wav(noise(60.0), RATE))
    taken = clips(file, [Span(0.0, 1.0), Span(50.0, 51.0)], "talk")
    assert next(taken).samples is not None
    file.close()
    assert next(taken).reason.startswith("the medium can't be read beyond")


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
    found = every_second(io.BytesIO(whole[: len(whole) // 2]), 8)
    assert [clip.samples is not None for clip in found] == [True] * 4 + [False] * 4


def test_what_needs_pyav_says_so_without_it(without):
    recording, sound = io.BytesIO(encoded(noise(1.0, 44_100), 44_100, "mp4")), io.BytesIO(wav(noise(1.0), RATE))
    without("av")
    with pytest.raises(MissingExtraError, match=r"^reading talk\.mp4, .*pip install 'merc\[media\]'$"):
        inspect(recording, "talk.mp4")
    without("av", "soundfile")
    with pytest.raises(MissingExtraError, match=r"^reading talk needs the optional extra 'media'"):
        inspect(sound, "talk")


def test_arrays_need_no_package(without):
    without("av", "soundfile")
    assert inspect(Sound(noise(2.0), RATE), "talk") == MediaInfo("audio", 2.0, 1, RATE)
    assert cut(Sound(noise(2.0), RATE), Span(0.0, 1.0))[0].samples is not None


def test_blocks_come_in_order_and_do_not_overlap():
    with opened(io.BytesIO(encoded(noise(4.0, 44_100), 44_100, "matroska", at=(0.0, 3.0))), "talk") as recording:
        reached = 0
        for block in recording.blocks:
            assert block.start >= reached
            reached = block.start + len(block.samples)
    assert reached == pytest.approx(5 * 44_100, rel=0.01)
