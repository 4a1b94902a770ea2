"""In which channel a turn is heard, and what it is called."""

import numpy as np
import pytest

from annotation.call import RATE, SECONDS, TURNS, stereo
from annotation.turns import spoken
from merc.annotation.media.excerpts import Excerpt, Span, excerpts
from merc.annotation.media.recording import Sound
from merc.annotation.speech.voices import STREAMED, loudest_channel, streamed, utterance_excerpts
from merc.annotation.transcripts.transcript import channel_name
from merc.errors import DataError

SOUND = Sound(stereo(), RATE)
OWN = [0 if who == "Ann" else 1 for who, *_ in TURNS]


def heard(turns, channels, sound=SOUND):
    found = sorted(utterance_excerpts(sound, turns, "call", channels), key=lambda excerpt: excerpt.index)
    assert [excerpt.index for excerpt in found] == list(range(len(turns)))
    return found


def unnamed():
    return [spoken(words, None, start, end) for _, words, start, end, _ in TURNS]


def test_each_turn_is_heard_where_it_is_loudest():
    found = heard(unnamed(), 2)
    assert [excerpt.channel for excerpt in found] == OWN
    for excerpt, (_, _, start, end, _) in zip(found, TURNS, strict=True):
        first = round(start * RATE)
        expected = SOUND.samples[first : first + round((end - start) * RATE), excerpt.channel]
        np.testing.assert_array_equal(excerpt.samples, expected)


def test_a_channel_that_is_named_is_listened_to_though_it_is_soft():
    turns = [spoken(t.words, None, t.start, t.end, channel=1) for t in unnamed()]
    found = heard(turns, 2)
    assert [excerpt.channel for excerpt in found] == [1] * len(turns)
    first = round(TURNS[0][2] * RATE)
    np.testing.assert_array_equal(found[0].samples, SOUND.samples[first : first + len(found[0].samples), 1])


def test_without_channels_the_mean_is_heard():
    found = heard(unnamed(), None)
    assert [excerpt.channel for excerpt in found] == [None] * len(TURNS)
    first = round(TURNS[0][2] * RATE)
    samples = found[0].samples
    np.testing.assert_allclose(samples, SOUND.samples[first : first + len(samples)].mean(axis=1), atol=1e-6)


def test_a_turn_outside_the_recording_has_no_channel():
    late = spoken("late", None, SECONDS + 1, SECONDS + 2)
    untimed = spoken("when", None, None, None)
    first, second = heard([late, untimed], 2)
    assert (first.samples, first.channel, second.samples, second.channel) == (None, None, None, None)
    assert first.reason == "the recording ends at 6.5 s" and second.reason


def test_silence_everywhere_takes_the_first():
    quiet = [Excerpt(0, None, "none here"), Excerpt(1, None, "nor here")]
    assert loudest_channel(quiet) is quiet[0]
    soft = Excerpt(2, np.full(4, 0.1, dtype=np.float32))
    assert loudest_channel([*quiet, soft]) is soft


def test_channels_count_from_one():
    assert [channel_name(0), channel_name(1)] == ["channel 1", "channel 2"]


@pytest.mark.parametrize("channel", [None, 0, 1])
def test_a_recording_streams_whole(channel):
    random = np.random.default_rng(0)
    samples = random.normal(0, 0.1, (round(2.3 * STREAMED * RATE), 2)).astype(np.float32)
    pieces = list(streamed(Sound(samples, RATE), "long", channel))
    assert [len(piece) for piece in pieces[:-1]] == [round(STREAMED * RATE)] * 2
    expected = samples.mean(axis=1) if channel is None else samples[:, channel]
    np.testing.assert_allclose(np.concatenate(pieces), expected, atol=1e-6)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_a_recording_of_another_rate_streams_as_if_it_were_brought_to_16_khz_in_one_piece(rate):
    pytest.importorskip("soxr", reason="the extra 'annotate' is not installed")
    samples = np.random.default_rng(0).normal(0, 0.2, round(2.3 * STREAMED * rate)).astype(np.float32)
    (whole,) = excerpts(Sound(samples, rate), [Span(0.0, 2.3 * STREAMED)], "long")
    pieces = list(streamed(Sound(samples, rate), "long"))
    assert len(pieces) == 3
    np.testing.assert_allclose(np.concatenate(pieces), whole.samples, atol=1e-6)


def test_a_damaged_recording_streams_to_the_damage(tmp_path):
    pytest.importorskip("soundfile", reason="the extra 'annotate' is not installed")
    path = tmp_path / "call.wav"
    path.write_bytes(b"RIFF no sound at all")
    with pytest.raises(DataError, match="call"):
        list(streamed(path, "call.wav"))
