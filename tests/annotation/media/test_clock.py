"""The clocks of film and sound: which one a transcript follows is found where the sound begins late or has holes."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from annotation.recordings import encoded, lag, noise, wav
from annotation.turns import spoken, turns_of
from merc.annotation.media.clock import FRAME, SoundClock, loudness, sound_clock, speech_follows_film
from merc.annotation.media.excerpts import Span, excerpts
from merc.annotation.media.followed_clock import on_film_clock
from merc.annotation.media.recording import Sound, Stretch
from merc.annotation.speech.voices import streamed
from merc.annotation.transcripts.transcript import Transcript
from merc.encoders.interface import RATE
from unchecked import unchecked_shapes

pytest.importorskip("av")

# On the sound's clock, in s. No turn lies over the places where films below have a hole: 10 and 20 s.
TURNS = (
    (0.4, 1.9),
    (2.6, 4.1),
    (5.2, 6.4),
    (7.4, 9.1),
    (10.6, 12.0),
    (13.1, 14.2),
    (15.3, 17.5),
    (18.2, 19.4),
    (21.0, 23.0),
    (24.1, 25.3),
    (26.6, 28.9),
)
SECONDS = 30.0
CONTAINERS = ("mp4", "matroska", "webm", "mpegts")
LATE = (0.3, 1.478, 5.0)
HOLES = {"one": (0.0, 16.0), "late and two": (1.2, 13.0, 25.0)}


@pytest.fixture(autouse=True, scope="module")
def shapes_unchecked():
    """Other tests decode with checks."""
    with unchecked_shapes():
        yield


@cache
def talk(rate=48_000):
    """(N, 1), noise that is loud in the turns and 40 dB softer elsewhere."""
    samples = 0.01 * noise(SECONDS, rate)
    for start, end in TURNS:
        samples[round(start * rate) : round(end * rate)] *= 100
    return samples


@cache
def _recorded(container, at):
    return encoded(talk(), 48_000, container, picture=True, at=at)


def recorded(container, at):
    return io.BytesIO(_recorded(container, at))


def film_time(time, at):
    part = min(int(time / SECONDS * len(at)), len(at) - 1)
    return time - part * SECONDS / len(at) + at[part]


def transcript(turns=TURNS):
    return Transcript(turns_of(*(spoken(f"turn {number}", "Ida", *turn) for number, turn in enumerate(turns))))


def times(found):
    return [(u.start, u.end) for u in found.utterances]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("at", [*((late,) for late in LATE), *HOLES.values()], ids=str)
def test_the_clock_of_a_transcript_is_found(container, at):
    on_film = [(film_time(start, at), film_time(end, at)) for start, end in TURNS]
    medium = recorded(container, at)
    kept = on_film_clock(transcript(on_film), "talk.json", medium, "talk", "auto")
    assert times(kept) == on_film
    (warning,) = kept.warnings
    assert "follows the recording's clock" in warning and warning.endswith("its times are left as they are")
    moved = on_film_clock(transcript(), "talk.srt", medium, "talk", "auto")
    np.testing.assert_allclose(times(moved), on_film, atol=0.05)
    (warning,) = moved.warnings
    assert "count the sound alone, as the speech under its turns shows: they are moved by" in warning
    spans = [Span(*pair) for pair in times(moved)[::5]]
    originals = excerpts(Sound(talk(), 48_000), [Span(*turn) for turn in TURNS[::5]], "talk")
    expected = {excerpt.index: excerpt.samples for excerpt in originals}
    for found in excerpts(medium, spans, "talk"):
        assert lag(found.samples, expected[found.index]) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("at", HOLES.values(), ids=str)
def test_the_sound_clock_leaves_out_what_has_no_sound(container, at):
    found = sound_clock(recorded(container, at), "talk")
    assert found is not None and len(found.holes) == len(at) - 1
    assert found.length == pytest.approx(SECONDS, abs=0.06)
    starts = [stretch.start for stretch in found.stretches]
    np.testing.assert_allclose(starts, at, atol=0.06)


@pytest.mark.parametrize("container", [*CONTAINERS, "mov", "ogg", "flv", "avi", "asf", "mpeg", "wav", "flac", "mp3"])
def test_ordinary_recordings_have_one_clock(container):
    rate = 44_100 if container == "flv" else 48_000
    assert sound_clock(io.BytesIO(encoded(noise(3.0, rate), rate, container)), "talk") is None


def test_arrays_have_one_clock():
    assert sound_clock(Sound(noise(1.0), RATE), "talk") is None


@pytest.mark.parametrize("container", ["wav", "flac", "mp3", "adts", "mp4"])
def test_stamps_are_not_read_where_nothing_can_be_found(container, monkeypatch):
    from merc.annotation.media import stamps

    monkeypatch.setattr(stamps, "_packets", lambda *_: pytest.fail("read"))
    assert sound_clock(io.BytesIO(encoded(noise(3.0, 48_000), 48_000, container)), "talk") is None


def test_an_ordinary_recording_is_not_decoded(monkeypatch):
    from merc.annotation.media import followed_clock

    monkeypatch.setattr(followed_clock, "loudness", lambda *_: pytest.fail("decoded"))
    given = transcript()
    assert on_film_clock(given, "talk.json", io.BytesIO(wav(talk(RATE), RATE)), "talk", "auto") is given
    assert on_film_clock(given, "talk.json", recorded("matroska", (0.0,)), "talk", "auto") is given


def test_the_clock_can_be_named():
    medium = recorded("matroska", (1.478,))
    given = transcript()
    assert on_film_clock(given, "talk.json", medium, "talk", "film") is given
    on_film = [(start + 1.478, end + 1.478) for start, end in TURNS]
    moved = on_film_clock(transcript(on_film), "talk.srt", medium, "talk", "sound")
    np.testing.assert_allclose(times(moved), [(start + 2 * 1.478, end + 2 * 1.478) for start, end in TURNS], atol=1e-6)
    assert moved.warnings == (
        "the recording's sound begins 1.48 s late; as was asked for, the transcript's times count the sound alone:"
        " they are moved by 1.48 s",
    )


@pytest.mark.parametrize(("name", "shift"), [("talk.json", 1.478), ("talk.srt", 0.0), (None, 0.0)])
def test_what_nothing_tells_is_told_by_who_made_it(name, shift):
    hum = io.BytesIO(
        encoded(0.3 * np.ones((16_000 * 30, 1), np.float32) * noise(30.0), 16_000, "matroska", picture=True, at=(1.478,))
    )
    found = on_film_clock(transcript(((0.0, 9.0), (9.0, 20.0))), name, hum, "talk", "auto")
    np.testing.assert_allclose(times(found), [(shift, 9.0 + shift), (9.0 + shift, 20.0 + shift)], atol=1e-6)
    assert "(--clock film or --clock sound decides)" in found.warnings[0]


def test_a_transcript_that_goes_on_after_the_sounds_length_follows_the_film(monkeypatch):
    from merc.annotation.media import followed_clock

    monkeypatch.setattr(followed_clock, "loudness", lambda *_: pytest.fail("decoded"))
    found = on_film_clock(transcript(((6.0, 9.0), (32.0, 34.0))), "talk.json", recorded("matroska", (5.0,)), "talk", "auto")
    assert times(found) == [(6.0, 9.0), (32.0, 34.0)]
    assert "goes on after the sound's own length" in found.warnings[0]


def test_turns_without_times_stay():
    given = Transcript(turns_of(spoken("Hm.", "Ida")))
    assert on_film_clock(given, "talk.srt", recorded("matroska", (1.478,)), "talk", "auto") is given
    partly = Transcript((*transcript().utterances, replace(given.utterances[0], id="99")))
    found = on_film_clock(partly, "talk.srt", recorded("matroska", (1.478,)), "talk", "sound")
    assert times(found)[-1] == (None, None) and times(found)[0] == pytest.approx((1.878, 3.378))


def test_times_move_by_the_holes_before_them():
    clock = SoundClock((Stretch(2.0, 5.0), Stretch(6.0, 10.0), Stretch(20.0, 21.0)))
    assert (clock.late, clock.length, clock.holes) == (2.0, 8.0, (Stretch(5.0, 6.0), Stretch(10.0, 20.0)))
    spans = [(-0.5, 1.0), (2.0, 3.0), (3.0, 3.5), (2.5, 7.5), (7.0, 9.0), (None, 4.0)]
    assert clock.film_times(spans) == [(1.5, 3.0), (4.0, 5.0), (6.0, 6.5), (4.5, 20.5), (20.0, 22.0), (None, 7.0)]


def test_times_move_as_a_slow_count_of_samples_moves_them():
    random = np.random.default_rng(3)
    edges = np.cumsum(random.uniform(0.5, 3.0, 20)).reshape(-1, 2)
    clock = SoundClock(tuple(Stretch(float(a), float(b)) for a, b in edges))
    grid = np.concatenate([np.arange(a, b, 0.001) for a, b in edges])
    for time in random.uniform(0.0, clock.length - 0.1, 50):
        ((start, end),) = clock.film_times([(time, time)])
        assert start == pytest.approx(grid[int(time / 0.001)], abs=0.02)
        assert end == pytest.approx(start)


def test_loudness_is_that_of_the_film_clock():
    heard = loudness(recorded("matroska", (1.0, 18.0)), "talk")
    assert len(heard) == pytest.approx(33.0 / FRAME, abs=5)
    assert np.isnan(heard[: round(0.9 / FRAME)]).all() and np.isnan(heard[round(16.2 / FRAME) : round(17.9 / FRAME)]).all()
    assert heard[round(1.6 / FRAME) : round(2.8 / FRAME)].mean() > heard[round(3.1 / FRAME) : round(3.5 / FRAME)].mean() + 25


def test_loudness_is_the_mean_square_of_each_frame():
    samples = noise(1.01, RATE, channels=2)
    frames = samples.mean(axis=1)[: 50 * 320].reshape(50, 320)
    np.testing.assert_allclose(
        loudness(Sound(samples, RATE), "talk")[:50], 10 * np.log10(np.square(frames).mean(axis=1)), atol=1e-3
    )


def test_few_turns_must_show_more():
    level = np.full(500, -50.0)
    level[100:200] = -38.0
    one = [(2.0, 4.0)]
    assert speech_follows_film(one, [(3.0, 5.0)], level) is None
    level[100:200] = -20.0
    assert speech_follows_film(one, [(3.0, 5.0)], level) is True
    assert speech_follows_film([(1.0, 3.0)], one, level) is False
    assert speech_follows_film(one, one, level) is None
    assert speech_follows_film([], [], level) is None
    assert speech_follows_film(one, [(3.0, 5.0)], np.full(9, np.nan)) is None


def conversation(random, shift, linger, contrast):
    """Turns on the sound's clock, with ends up to `linger` s late, and the film's loudness: pauses are `contrast` dB softer."""
    said, time = [], 1.0
    for _ in range(40):
        said.append((time, time + random.uniform(0.8, 5.0)))
        time = said[-1][1] + 0.05 + random.exponential(0.6)
    seconds = np.arange(0.0, time + 2.0 + shift, FRAME)
    level = random.normal(-30.0 - contrast, 3.0, len(seconds))
    for start, end in said:
        spoken_here = (seconds >= start + shift) & (seconds < end + shift)
        syllables = random.normal(-30.0, 6.0, spoken_here.sum()) - 15.0 * (np.sin(8 * np.pi * seconds[spoken_here]) > 0.6)
        level[spoken_here] = np.maximum(level[spoken_here], syllables)
    level[seconds < shift] = np.nan
    return [(start + random.normal(0, 0.1), end + random.uniform(0, linger)) for start, end in said], level


@pytest.mark.parametrize("shift", LATE)
@pytest.mark.parametrize("linger", [0.1, 0.8])
@pytest.mark.parametrize("contrast", [12.0, 30.0])
def test_turns_with_rough_edges_are_never_told_wrongly(shift, linger, contrast):
    random = np.random.default_rng(5)
    told = []
    for _ in range(10):
        turns, level = conversation(random, shift, linger, contrast)
        moved, twice = ([(start + k * shift, end + k * shift) for start, end in turns] for k in (1, 2))
        told += [speech_follows_film(turns, moved, level) is False, speech_follows_film(moved, twice, level) is True]
        assert speech_follows_film(turns, moved, level) is not True
        assert speech_follows_film(moved, twice, level) is not False
    assert sum(told) >= 10 or shift < linger


def test_speech_does_not_tell_a_shift_that_turns_are_too_rough_for(monkeypatch):
    from merc.annotation.media import followed_clock

    monkeypatch.setattr(followed_clock, "loudness", lambda *_: pytest.fail("decoded"))
    found = on_film_clock(transcript(), "talk.json", recorded("matroska", (0.12,)), "talk", "auto")
    assert found.warnings[0].startswith("the recording's sound begins 0.12 s late; the transcript's times are taken to count")


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_recognised_is_on_the_film_clock(container):
    at = (5.0, 40.0)
    medium = recorded(container, at)
    heard = np.concatenate(list(streamed(medium, "talk")))
    assert len(heard) / RATE == pytest.approx(55.0, abs=0.1)
    (original,) = excerpts(Sound(talk(), 48_000), [Span(15.3, 17.5)], "talk")
    begin = round(film_time(15.3, at) * RATE)
    assert lag(heard[begin : begin + len(original.samples)], original.samples) == pytest.approx(0.0, abs=0.05)
    assert np.abs(heard[: round(4.9 * RATE)]).max() < 1e-6 and np.abs(heard[21 * RATE : 39 * RATE]).max() < 1e-6


def test_small_losses_that_add_up_are_holes():
    """As of a call over a network, whose lost packets are 30 ms each."""
    at = tuple(0.53 * number for number in range(40))
    found = sound_clock(io.BytesIO(encoded(noise(20.0, 48_000), 48_000, "webm", at=at)), "talk")
    assert found is not None and all(hole.end - hole.start < 0.1 for hole in found.holes)
    ((last, _),) = found.film_times([(19.7, None)])
    assert last == pytest.approx(at[-1] + 0.2, abs=0.06)


def test_pauses_that_nothing_is_decoded_from_are_holes():
    amr = encoded(noise(4.0, 8_000), 8_000, "amr")
    frame = (len(amr) - 6) // 200  # of 20 ms, behind the file's head
    pause = b"\x44" + bytes(5) + b"\x7c" * 24  # comfort noise, then nothing
    found = sound_clock(io.BytesIO(amr[: 6 + 50 * frame] + pause + amr[6 + 75 * frame :]), "talk")
    assert found is not None
    np.testing.assert_allclose([(hole.start, hole.end) for hole in found.holes], [(1.0, 1.5)], atol=0.001)


def test_a_clock_that_is_started_anew_makes_no_hole():
    joined = b"".join(encoded(noise(3.0, 44_100), 44_100, "mpegts") for _ in range(2))
    assert sound_clock(io.BytesIO(joined), "talk") is None


def test_a_recording_cut_short_has_a_clock_as_far_as_it_goes():
    whole = _recorded("matroska", (1.2, 13.0, 25.0))
    found = sound_clock(io.BytesIO(whole[: len(whole) * 2 // 3]), "talk")
    assert found is not None and len(found.holes) == 1


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_every_frame+empty_moov+delay_moov"])
def test_holes_of_a_film_written_in_fragments_are_found(flags):
    """Its table at the start knows of the first fragment at most."""
    content = encoded(noise(6.0, 48_000), 48_000, "mp4", picture=True, at=(0.0, 5.0), options={"movflags": flags})
    found = sound_clock(io.BytesIO(content), "talk")
    assert found is not None and len(found.holes) == 1
    assert found.stretches[1].start == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize(("container", "codec"), [("matroska", "aac"), ("matroska", "pcm_s16le"), ("flv", "aac"), ("asf", "wmav2")])
def test_rounded_stamps_do_not_add_up_to_holes(container, codec):
    assert sound_clock(io.BytesIO(encoded(noise(60.0, 44_100), 44_100, container, codec=codec)), "talk") is None
