"""Decoding: sound of every container in its place, time stamps, damage, what changes on the way."""

from __future__ import annotations

import io

import numpy as np
import pytest

from annotation.recordings import CODECS, encoded, film, lag, noise, wav
from merc.annotation.media.decoding import opened
from merc.annotation.media.excerpts import Excerpt, Span, excerpts, inspect
from merc.annotation.media.ffmpeg import JITTER, RESTART, Clock, _frames
from merc.annotation.media.recording import MediaSource, Sound
from merc.encoders.interface import RATE
from merc.errors import DataError

av = pytest.importorskip("av")

# Where an encoder's delay is not told in the file, sound lies late by it, wherever it is played.
DELAYS = {"adts": 0.0233, "flv": 0.0233, "avi": 0.0251, "mpegts": 0.011, "mpeg": 0.011, "amr": 0.005, "asf": 0.0456}
WITH_PICTURES = ("mp4", "mov", "matroska", "webm", "avi", "mpegts", "mpeg")


def cut(source: MediaSource, *spans: Span) -> list[Excerpt]:
    return sorted(excerpts(source, spans, "talk"), key=lambda excerpt: excerpt.index)


def every_second(source: MediaSource, seconds: int) -> list[Excerpt]:
    return cut(source, *(Span(float(i), i + 1.0) for i in range(seconds)))


def rate_of(container: str) -> int:
    return {"amr": 8_000, "webm": 48_000, "ogg": 48_000}.get(container, 44_100)


def assert_in_place(found: Excerpt, sound: np.ndarray, rate: int, span: Span, late: float = 0.0) -> None:
    (expected,) = cut(Sound(sound, rate), span)
    assert found.samples is not None and expected.samples is not None, (found.reason, expected.reason)
    assert len(found.samples) == len(expected.samples)
    assert lag(found.samples, expected.samples) == pytest.approx(late, abs=0.001)


@pytest.mark.parametrize("container", ["mp4", "webm"])
@pytest.mark.parametrize("origin", [0.0, 20.0])
@pytest.mark.parametrize("late", [0.0, 1.0])
def test_time_counts_from_the_first_stamp_of_sound_and_pictures(tmp_path, container, origin, late):
    path = tmp_path / f"talk.{container}"
    film(path, container, origin, late)
    assert inspect(path, "talk").duration == pytest.approx(6.0, abs=0.1)
    (found,) = cut(path, Span(late + 1.0, late + 3.0))
    assert_in_place(
        found, noise(6.0 - late, 48_000), 48_000, Span(1.0, 3.0), 0.022 if container == "mp4" and origin and not late else 0.0
    )


@pytest.mark.parametrize(("container", "picture"), [(c, False) for c in CODECS] + [(c, True) for c in WITH_PICTURES])
def test_sound_of_any_container_lies_where_it_was_put(container, picture):
    rate = rate_of(container)
    sound = noise(4.0, rate)
    recording = io.BytesIO(encoded(sound, rate, container, picture=picture))
    info = inspect(recording, "talk")
    assert (info.kind, info.channels, info.rate) == ("video" if picture else "audio", 1, rate)
    assert info.duration == pytest.approx(4.0, abs=0.2)  # an mpeg says nothing, and FFmpeg estimates
    spans = (Span(0.4, 1.4), Span(2.0, 3.3))
    for excerpt, span in zip(cut(recording, *spans), spans, strict=True):
        assert_in_place(excerpt, sound, rate, span, DELAYS.get(container, 0.0))


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
        clock = Clock(100, origin)
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
    present = [excerpt.samples is not None for excerpt in found]
    assert present == sorted(present, reverse=True)
    assert 2 * quarter - 1 <= sum(present) <= 2 * quarter + 1
    for excerpt in found[: 2 * quarter - 2]:
        assert_in_place(excerpt, sound, rate, Span(float(excerpt.index), excerpt.index + 1.0), DELAYS.get(container, 0.0))
    assert "the recording ends at" in found[-1].reason or "the medium can't be read beyond" in found[-1].reason


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_truncated_mp4_is_readable_only_if_its_table_comes_first(quarter):
    sound = noise(8.0, 44_100)
    whole = encoded(sound, 44_100, "mp4")
    with pytest.raises(DataError, match=r"^talk can't be read as a recording: damaged, cut short, or not one of wav, .*, amr$"):
        inspect(io.BytesIO(whole[: len(whole) * quarter // 4]), "talk")
    first = encoded(sound, 44_100, "mp4", options={"movflags": "faststart"})
    found = every_second(io.BytesIO(first[: len(first) * quarter // 4]), 8)
    assert 2 * quarter - 1 <= sum(excerpt.samples is not None for excerpt in found) <= 2 * quarter


@pytest.mark.parametrize(("container", "late"), [("mp3", 0.1), ("mp4", 0.0), ("matroska", 0.0)])
def test_where_a_packet_is_damaged_reading_goes_on(container, late):
    """An mp3 has no time stamps: what is lost on the way to the next frame makes all that follows early, for players as well."""
    sound = noise(8.0, 44_100)
    whole = bytearray(encoded(sound, 44_100, container))
    middle = len(whole) // 2
    whole[middle : middle + 600] = np.random.default_rng(1).bytes(600)
    found = every_second(io.BytesIO(bytes(whole)), 8)
    assert all(excerpt.samples is not None for excerpt in (*found[:4], *found[5:]))
    assert_in_place(found[2], sound, 44_100, Span(2.0, 3.0))
    (expected,) = cut(Sound(sound, 44_100), Span(6.0, 7.0))
    assert abs(lag(found[6].samples, expected.samples)) <= late + 0.001
    if container == "matroska":  # a second of it is one piece, without which nothing in it is found
        assert found[4].reason == "its sound can't be decoded"


def test_what_can_not_be_decoded_is_absent_and_not_silent():
    sound = noise(2.0, 8_000)
    amr = encoded(sound, 8_000, "amr")
    frame = (len(amr) - 6) // 100  # of 20 ms, behind the file's head
    pause = (b"\x44" + bytes(5)) * 25  # comfort noise, which FFmpeg does not decode
    amr = amr[: 6 + 25 * frame] + pause + amr[6 + 50 * frame :]
    before, damaged, edge, after = cut(io.BytesIO(amr), Span(0.1, 0.4), Span(0.55, 0.9), Span(0.2, 0.6), Span(1.2, 1.8))
    assert before.samples is not None and after.samples is not None and edge.samples is not None
    assert damaged.reason == "its sound can't be decoded"
    assert_in_place(after, sound, 8_000, Span(1.2, 1.8), DELAYS["amr"])
    np.testing.assert_allclose(edge.samples[round(0.35 * RATE) :], 0.0, atol=1e-6)


def test_an_avi_whose_header_says_a_wrong_rate_is_heard():
    sound = noise(3.0, 44_100)
    avi = bytearray(encoded(sound, 44_100, "avi", codec="pcm_s16le"))
    at = avi.index(b"auds") + 24  # the rate of the track's clock, behind its scale
    avi[at : at + 4] = (100 * int.from_bytes(avi[at : at + 4], "little")).to_bytes(4, "little")
    for second in range(3):
        (found,) = cut(io.BytesIO(bytes(avi)), Span(float(second), second + 1.0))
        assert_in_place(found, sound, 44_100, Span(float(second), second + 1.0))


def test_a_recording_cut_out_of_another_begins_with_its_first_whole_frame():
    whole = encoded(noise(8.0, 44_100), 44_100, "adts")
    found = every_second(io.BytesIO(whole[len(whole) // 2 + 11 :]), 5)
    assert [excerpt.samples is not None for excerpt in found] == [True, True, True, True, False]


def test_where_no_frame_can_be_decoded_nothing_is_said_to_be_silent():
    broken = bytearray(encoded(noise(1.0, 44_100), 44_100, "mp4"))
    at = broken.index(b"mdat") + 4
    broken[at : broken.index(b"moov") - 4] = b"\xff" * (broken.index(b"moov") - 4 - at)
    (excerpt,) = cut(io.BytesIO(bytes(broken)), Span(0.0, 1.0))
    assert excerpt.reason == "the medium can't be read beyond 0.0 s"


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
    for excerpt, (sound, rate), begin in zip(cut(joined, Span(0.5, 1.5), Span(3.5, 4.5)), parts, (0.0, 3.0), strict=True):
        (expected,) = cut(Sound(sound, rate), Span(0.5, 1.5))
        assert lag(excerpt.samples, expected.samples) == pytest.approx(DELAYS["mpegts"], abs=0.001 + begin / 60), begin


def test_channels_that_vanish_stop_only_those_who_name_them():
    stereo = encoded(noise(3.0, 44_100, channels=2), 44_100, "adts", layout="stereo")
    both = io.BytesIO(stereo + encoded(noise(3.0, 44_100), 44_100, "adts"))
    assert cut(both, Span(4.0, 5.0))[0].samples is not None
    assert [excerpt.reason for excerpt in cut(both, Span(4.0, 5.0, 1), Span(1.0, 2.0, 1))] == [
        "the medium can't be read beyond 3.0 s",
        "",
    ]


def test_tracks_that_appear_on_the_way_do_not_matter():
    sound = noise(6.0, 44_100)
    first, second = encoded(sound[:132_300], 44_100, "mpegts"), encoded(sound[132_300:], 44_100, "mpegts", picture=True)
    found = every_second(io.BytesIO(first + second), 8)
    assert [excerpt.samples is not None for excerpt in found] == [True] * 6 + [False] * 2
    assert found[-1].reason == "the recording ends at 6.0 s"
    assert_in_place(found[1], sound, 44_100, Span(1.0, 2.0), DELAYS["mpegts"])


def test_stumbling_over_the_tracks_at_the_end_loses_no_sound():
    class Stumbling:
        """PyAV 18.1, where FFmpeg has found a track since the file was opened."""

        def __init__(self, container):
            self._container = container

        def demux(self, *tracks):
            yield from self._container.demux(*tracks)
            raise IndexError("list index out of range")

    with av.open(io.BytesIO(wav(noise(1.0), RATE))) as container:
        assert sum(frame.samples for _, frame, _ in _frames(Stumbling(container), container.streams.audio)) == RATE


def test_eight_channels_in_planes_are_read():
    sound = noise(2.0, 48_000, channels=8)
    (excerpt,) = cut(io.BytesIO(encoded(sound, 48_000, "mp4", layout="7.1")), Span(0.5, 1.5, 2))
    assert_in_place(excerpt, sound[:, 2], 48_000, Span(0.5, 1.5))


def test_blocks_come_in_order_and_do_not_overlap():
    with opened(io.BytesIO(encoded(noise(4.0, 44_100), 44_100, "matroska", at=(0.0, 3.0))), "talk") as recording:
        reached = 0
        for block in recording.blocks:
            assert block.start >= reached
            reached = block.start + len(block.samples)
    assert reached == pytest.approx(5 * 44_100, rel=0.01)
