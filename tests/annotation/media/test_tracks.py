"""Recordings with several audio tracks."""

import io

import numpy as np
import pytest

from annotation.recordings import noise
from merc.annotation.media import ffmpeg
from merc.annotation.media.excerpts import Span, excerpts, inspect
from merc.annotation.media.recording import Sound

av = pytest.importorskip("av")
RATE = 16_000


def recording(*tracks, container="matroska", rates=None, languages=(), layouts=None):
    """A file of several audio tracks, each a pair of samples and the second at which they begin."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        packets = []
        for number, (samples, start) in enumerate(tracks):
            rate, layout = (rates or {}).get(number, RATE), (layouts or {}).get(number, "mono")
            track = output.add_stream("flac" if container == "matroska" else "aac", rate=rate, layout=layout)
            if number < len(languages):
                track.metadata["language"] = languages[number]
            form = av.AudioResampler(track.format, layout, rate)
            for first in range(0, len(samples), 960):
                frame = av.AudioFrame.from_ndarray(samples[first : first + 960].reshape(1, -1).copy(), "flt", layout)
                frame.rate, frame.pts = rate, round(start * rate) + first
                for converted in form.resample(frame):
                    packets += track.encode(converted)
            packets += track.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)
    return io.BytesIO(file.getvalue())


def cut(source, *spans):
    return [excerpt.samples for excerpt in sorted(excerpts(source, spans, "talk"), key=lambda excerpt: excerpt.index)]


@pytest.mark.parametrize("container", ["matroska", "mp4"])
def test_all_tracks_are_heard_each_as_a_channel(container):
    first, second = noise(3.0, RATE), noise(3.0, RATE, seed=7)
    both = recording((first, 0.0), (second, 0.0), container=container)
    info = inspect(both, "talk")
    assert (info.channels, info.tracks, info.unheard) == (2, 2, ())
    spans = [Span(0.5, 2.5, channel) for channel in (None, 0, 1)]
    expected = cut(Sound(np.concatenate([first, second], axis=1), RATE), *spans)
    for found, right in zip(cut(both, *spans), expected, strict=True):
        assert np.corrcoef(found, right)[0, 1] > 0.99


def test_each_track_keeps_its_own_time_and_rate():
    early, late = noise(2.0, RATE), noise(2.0, 2 * RATE, channels=2, seed=7)
    both = recording((early, 0.0), (late, 3.0), rates={1: 2 * RATE}, layouts={1: "stereo"})
    sound = np.zeros((5 * RATE, 2), np.float32)
    sound[: 2 * RATE, 0] = early[:, 0]
    (resampled,) = cut(Sound(late, 2 * RATE), Span(0.0, 2.0))
    sound[3 * RATE :, 1] = resampled
    spans = [Span(0.5, 1.5, 0), Span(0.5, 1.5, 1), Span(2.2, 2.8, 0), Span(3.5, 4.5, 0), Span(3.5, 4.5, 1), Span(0.0, 4.9)]
    for found, right in zip(cut(both, *spans), cut(Sound(sound, RATE), *spans), strict=True):
        np.testing.assert_allclose(found, right, atol=2e-3)


def test_a_track_that_is_silent_for_long_does_not_hold_the_others_back(monkeypatch):
    monkeypatch.setattr(ffmpeg, "LEAD", 0.5)
    long, short = noise(6.0, RATE), noise(0.5, RATE, seed=7)
    both = recording((long, 0.0), (short, 5.0))
    sound = np.concatenate([long, np.zeros_like(long)], axis=1)
    sound[5 * RATE : 5 * RATE + len(short), 1] = short[:, 0]
    spans = [Span(float(i), i + 1.0, channel) for i in range(6) for channel in (0, 1, None)]
    for found, right in zip(cut(both, *spans), cut(Sound(sound, RATE), *spans), strict=True):
        np.testing.assert_allclose(found, right, atol=1e-4)


def test_of_tracks_in_several_languages_one_is_heard():
    first, second = noise(2.0, RATE), noise(2.0, RATE, seed=7)
    dubbed = recording((first, 0.0), (second, 0.0), languages=("eng", "fre"))
    info = inspect(dubbed, "talk")
    assert (info.channels, info.tracks, info.unheard) == (1, 1, ("fre",))
    (found,) = cut(dubbed, Span(0.5, 1.5))
    np.testing.assert_allclose(found, first[RATE // 2 : 3 * RATE // 2, 0], atol=1e-4)


def test_a_track_of_one_speaker_in_one_language_is_no_translation():
    both = recording((noise(1.0, RATE), 0.0), (noise(1.0, RATE, seed=7), 0.0), languages=("eng", "eng"))
    assert inspect(both, "talk").tracks == 2
