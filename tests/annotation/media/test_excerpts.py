"""Cutting spans out of recordings: which sound each gets, why some get none, and what stays in memory."""

from __future__ import annotations

import importlib.util
import io
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.recordings import encoded, noise, wav
from merc.annotation.media.excerpts import MAX_SPAN, MIN_SPAN, Excerpt, Span, excerpts, inspect
from merc.annotation.media.recording import MediaSource, Sound
from merc.encoders.interface import RATE
from merc.errors import DataError, MissingExtraError

pytest.importorskip("av")
pytest.importorskip("soxr")


def cut(source: MediaSource, *spans: Span, progress=None) -> list[Excerpt]:
    """The excerpts in the spans' order, each there once."""
    found = sorted(excerpts(source, spans, "talk", progress), key=lambda excerpt: excerpt.index)
    assert [excerpt.index for excerpt in found] == list(range(len(spans)))
    assert all((excerpt.samples is None) == bool(excerpt.reason) for excerpt in found)
    return found


def one(source: MediaSource, span: Span) -> np.ndarray:
    (excerpt,) = cut(source, span)
    assert excerpt.samples is not None, excerpt.reason
    return excerpt.samples


def reason(source: MediaSource, span: Span) -> str:
    (excerpt,) = cut(source, span)
    return excerpt.reason


def test_an_excerpt_is_the_stretch_of_the_recording_that_the_span_names():
    sound = noise(5.0)
    (first, second) = cut(io.BytesIO(wav(sound, RATE)), Span(0.5, 1.25), Span(4.0, 5.0))
    np.testing.assert_array_equal(first.samples, sound[8000:20000, 0])
    np.testing.assert_array_equal(second.samples, sound[64000:, 0])
    assert first.samples.dtype == np.float32


times = st.floats(-1.0, 6.0, width=32)


@given(st.lists(st.tuples(times, times, st.sampled_from([None, 0, 1])), max_size=12))
def test_any_spans_give_what_slicing_the_whole_sound_gives(pairs):
    sound = noise(4.0, channels=2)
    kept = {None: sound.mean(axis=1), 0: sound[:, 0], 1: sound[:, 1]}
    for excerpt, (start, end, channel) in zip(cut(Sound(sound, RATE), *(Span(*pair) for pair in pairs)), pairs, strict=True):
        first = round(max(start, 0.0) * RATE)
        expected = kept[channel][first : first + max(0, round((end - max(start, 0.0)) * RATE))]
        if excerpt.samples is None:
            assert len(expected) <= MIN_SPAN * RATE
        else:
            np.testing.assert_allclose(excerpt.samples, expected, atol=1e-6)


RATES = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 44_056, 47_999, 1_001, 16_001, 768_000]


@pytest.mark.parametrize("rate", RATES)
def test_excerpts_at_another_rate_are_cut_from_the_whole_recording_brought_to_16_khz(rate):
    sound = Sound(np.random.default_rng(0).normal(0, 0.2, 6 * rate), rate)
    (whole,) = cut(sound, Span(0.0, 6.0))
    assert len(whole.samples) == 6 * RATE
    for excerpt, (start, end) in zip(
        cut(sound, Span(0.0, 2.0), Span(1.0, 1.5), Span(3.0, 6.0)), [(0, 2), (1, 1.5), (3, 6)], strict=True
    ):
        np.testing.assert_allclose(excerpt.samples, whole.samples[round(start * RATE) : round(end * RATE)], atol=2e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_the_same_tone(rate):
    def tone(times):
        return 0.9 * np.sin(2 * np.pi * 200 * times)

    sound = one(Sound(tone(np.arange(3 * rate) / rate), rate), Span(1.0, 2.0))
    np.testing.assert_allclose(sound, tone(1 + np.arange(RATE) / RATE), atol=1e-5)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000])
def test_what_16_khz_cannot_carry_is_left_out_and_all_below_is_kept(rate):
    times = np.arange(3 * rate) / rate
    for pitch, level in ((7_000, 1.0), (9_500, 0.0)):
        sound = one(Sound(np.sin(2 * np.pi * pitch * times), rate), Span(1.0, 2.0))
        assert np.sqrt(2 * np.mean(np.square(sound))) == pytest.approx(level, abs=1e-3)


def test_without_soxr_only_16_khz_is_read(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "soxr" else found(name))
    assert len(one(Sound(noise(1.0), RATE), Span(0.0, 1.0))) == RATE
    with pytest.raises(MissingExtraError, match=r"bringing talk from 8000 Hz to 16000 Hz needs .* 'merc\[annotate\]'"):
        one(Sound(noise(1.0, 8_000), 8_000), Span(0.0, 1.0))


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_path_an_open_file_and_arrays_give_the_same(tmp_path, rate):
    sound = noise(3.0, rate, channels=2)
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(sound, rate))
    spans = [Span(0.0, 1.0), Span(0.7, 2.9, 1), Span(2.0, 9.0)]
    with path.open("rb") as file:
        for other in (file, Sound(sound, rate), io.BytesIO(path.read_bytes())):
            for a, b in zip(cut(path, *spans), cut(other, *spans), strict=True):
                np.testing.assert_allclose(a.samples, b.samples, atol=1e-4)


def test_mono_is_the_mean_of_all_channels_and_a_span_may_name_one():
    sound = noise(2.0, 48_000, channels=6)
    surround = io.BytesIO(encoded(sound, 48_000, "flac", layout="5.1"))
    assert inspect(surround, "talk").channels == 6
    for span, expected in ((Span(0.5, 1.0), sound.mean(axis=1)), (Span(0.5, 1.0, 3), sound[:, 3])):
        np.testing.assert_allclose(one(surround, span), one(Sound(expected, 48_000), Span(0.5, 1.0)), atol=1e-4)


def test_overlapping_repeated_and_unordered_spans_each_get_their_own():
    sound = noise(4.0)
    spans = [Span(3.0, 4.0), Span(0.0, 4.0), Span(1.0, 2.0), Span(1.0, 2.0), Span(2.0, 3.0)]
    for excerpt, span in zip(cut(io.BytesIO(wav(sound, RATE)), *spans), spans, strict=True):
        np.testing.assert_array_equal(excerpt.samples, sound[round(span.start * RATE) : round(span.end * RATE), 0])


def test_an_excerpt_is_given_as_soon_as_it_is_complete():
    seen: list[float] = []
    taken = excerpts(Sound(noise(30.0), RATE), [Span(20.0, 21.0), Span(0.0, 1.0)], "talk", seen.append)
    assert next(taken).index == 1
    assert seen == [] or seen[-1] < 3
    assert next(taken).index == 0
    assert seen[-1] < 23


def test_reading_ends_with_the_last_span():
    seen: list[float] = []
    cut(Sound(noise(30.0), RATE), Span(1.0, 2.0), progress=seen.append)
    assert max(seen, default=0.0) <= 3


def test_progress_tells_the_seconds_read():
    seen: list[float] = []
    cut(io.BytesIO(wav(noise(5.0), RATE)), Span(0.0, 9.0), progress=seen.append)
    assert seen == sorted(seen) and len(seen) == 5
    assert seen[-1] == pytest.approx(5.0)


def test_a_span_is_cut_at_the_longest_that_is_read():
    quiet = Sound(np.zeros(round((MAX_SPAN + 5) * 8_000), np.int16), 8_000)
    assert len(one(quiet, Span(1.0, MAX_SPAN + 4))) == MAX_SPAN * RATE


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(None, None), "no time is known"),
        (Span(0.0, None), "no time is known"),
        (Span(None, 1.0), "no time is known"),
        (Span(math.nan, 1.0), "its times are not finite numbers"),
        (Span(0.0, math.nan), "its times are not finite numbers"),
        (Span(0.0, math.inf), "its times are not finite numbers"),
        (Span(1.0, 0.5), "it ends before it begins"),
        (Span(1.0, 1.0), "it is shorter than 0.02 s"),
        (Span(1.0, 1.019), "it is shorter than 0.02 s"),
        (Span(-2.0, -1.0), "it lies before the recording's start"),
        (Span(-2.0, 0.01), "it is shorter than 0.02 s"),
        (Span(0.0, 0.0), "it is shorter than 0.02 s"),
        (Span(2.0, 3.0), "the recording ends at 2.0 s"),
        (Span(1e300, 2e300), "the recording ends at 2.0 s"),
        (Span(1.99, 3.0), "less than 0.02 s of it can be had: the recording ends at 2.0 s"),
        (Span(0.0, 1.0, 1), "there is no channel 1: the recording has 1, counted from 0"),
        (Span(0.0, 1.0, -1), "there is no channel -1: the recording has 1, counted from 0"),
    ],
)
def test_a_span_without_sound_says_why(span, expected):
    recording = io.BytesIO(wav(noise(2.0), RATE))
    assert reason(recording, span) == expected
    sound, absent = cut(recording, Span(0.0, 1.0), span)
    assert sound.samples is not None and absent.reason == expected


@pytest.mark.parametrize(("span", "count"), [(Span(-1.0, 1.0), 16000), (Span(1.5, 4.0), 8000), (Span(1.0, 1.02), 320)])
def test_a_span_partly_outside_or_just_long_enough_is_given(span, count):
    assert len(one(io.BytesIO(wav(noise(2.0), RATE)), span)) == count


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("start", [0.0, 1.98])
def test_what_is_left_of_a_span_is_given_from_the_shortest_on(rate, start):
    assert len(one(Sound(noise(2.0, rate), rate), Span(start, 1.98 + 7))) == round((2.0 - start) * RATE)


def test_no_spans_are_no_excerpts():
    assert cut(io.BytesIO(wav(noise(1.0), RATE))) == []


@pytest.mark.parametrize("count", [0, 1])
def test_a_recording_of_hardly_a_sample_has_no_sound(count):
    for recording in (io.BytesIO(wav(noise(1.0)[:count], RATE)), Sound(noise(1.0)[:count], RATE)):
        assert reason(recording, Span(0.0, 1.0)) in (
            "the recording holds no sound",
            "less than 0.02 s of it can be had: the recording ends at 0.0 s",
        )
        assert (inspect(recording, "talk").duration or 0.0) == pytest.approx(0.0, abs=1e-4)


def test_silence_is_sound():
    silent = io.BytesIO(wav(np.zeros((32_000, 2)), 8_000))
    np.testing.assert_array_equal(one(silent, Span(1.0, 3.0)), np.zeros(32_000, np.float32))


@pytest.mark.parametrize("bad", [math.nan, math.inf, 3e38])
def test_samples_that_are_not_finite_cost_only_the_spans_that_hold_them(bad):
    sound = noise(4.0, channels=2)
    sound[40_000:40_002] = bad
    struck, whole = cut(Sound(sound, RATE), Span(2.0, 3.0), Span(0.0, 1.0))
    assert struck.reason == "its samples are not finite numbers"
    assert whole.samples is not None


@pytest.mark.parametrize(
    ("kind", "scale", "middle"),
    [("i2", 32768, 0), ("i4", 2**31, 0), ("i8", 2**63, 0), ("i1", 128, 0), ("u1", 128, 128), ("u2", 32768, 32768), ("f8", 1, 0)],
)
def test_arrays_of_any_type_are_brought_to_full_scale_1(kind, scale, middle):
    expected = np.array([-0.5, 0.25, 0.0, 0.75] * 200)
    samples = (expected * scale + middle).astype(kind)
    np.testing.assert_allclose(one(Sound(samples, RATE), Span(0.0, 0.05)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("samples", "rate", "found"),
    [
        (np.zeros((2, 16_000)), 16_000, r"expected shape \(N,\) or \(N, channels\), 1 to 64 channels, found \(2, 16000\)"),
        (np.zeros((5, 0)), 16_000, r"found \(5, 0\)"),
        (np.zeros((5, 2, 2)), 16_000, r"found \(5, 2, 2\)"),
        (np.zeros(5, complex), 16_000, "a float or integer type, found complex128"),
        (np.array(["a"]), 16_000, "found <U1"),
        (np.zeros(5), 0, "a rate of 0 Hz; read are 1000 to 768000"),
        (np.zeros(5), 10**9, "a rate of 1000000000 Hz"),
    ],
)
def test_arrays_that_are_no_sound_are_refused(samples, rate, found):
    with pytest.raises(DataError, match=found):
        Sound(samples, rate)


def peak(recording: MediaSource, spans: list[Span]) -> int:
    """Bytes, the most that were in use at once."""
    tracemalloc.start()
    try:
        assert sum(excerpt.samples is not None for excerpt in excerpts(recording, spans, "talk")) == len(spans)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_recording(tmp_path):
    minute = noise(60.0, 8_000, channels=2)
    peaks: list[int] = []
    for minutes in (1, 8):
        path = tmp_path / f"{minutes}.wav"
        path.write_bytes(wav(np.tile(minute, (minutes, 1)), 8_000, subtype="PCM_16"))  # of 8 minutes: 31 MB as floats
        peaks.append(peak(path, [Span(3.0 * i, 3.0 * i + 4.0) for i in range(20 * minutes)]))
    assert peaks[1] - peaks[0] < 10e6
    assert peaks[1] < 30e6
