"""Frames as floats, the mean of their channels, and blocks that are joined: each as its slow twin makes it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.annotation.media.frames import JOINED, floats, joined, mean_of_channels
from merc.annotation.media.recording import Block
from merc.errors import DataError

av = pytest.importorskip("av")

LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 6: "5.1", 7: "6.1", 8: "7.1"}
TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def frame(form: str, channels: int, count: int = 1000):
    kind = TYPES[form.removesuffix("p")]
    generator = np.random.default_rng(channels)
    if np.issubdtype(kind, np.integer):
        span = np.iinfo(kind)
        samples = generator.integers(span.min, span.max, (count, channels), dtype=kind, endpoint=True)
        samples[:2] = [[span.min], [span.max]]
    else:
        samples = generator.normal(0, 1, (count, channels)).astype(kind)
    given = samples.T if form.endswith("p") else samples.reshape(1, -1)
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(given), form, LAYOUTS[channels])
    made.sample_rate = 16_000
    return made


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("form", ["s16", "s16p", "s32", "s32p", "flt", "fltp"])
def test_samples_are_those_of_ffmpegs_converter(form: str, channels: int) -> None:
    made = frame(form, channels)
    (converted,) = av.AudioResampler("flt", made.layout, made.sample_rate).resample(made)
    found = floats(made)
    assert found is not None and found.dtype == np.float32
    assert np.array_equal(found, converted.to_ndarray().reshape(-1, channels))


@pytest.mark.parametrize(("form", "channels"), [("u8", 1), ("u8p", 2), ("dbl", 1), ("dblp", 2)])
def test_other_forms_are_left_to_the_converter(form: str, channels: int) -> None:
    assert floats(frame(form, channels)) is None


def test_many_planes_are_left_to_the_converter() -> None:
    """PyAV reads beyond the last of eight."""
    packed = frame("flt", 8)
    (planar,) = av.AudioResampler("fltp", packed.layout, packed.sample_rate).resample(packed)
    assert floats(planar) is None
    assert floats(packed).shape == (1000, 8)


@pytest.mark.parametrize("channels", range(1, 12))
def test_the_mean_of_channels_is_numpys_to_the_last_bit(channels: int) -> None:
    samples = np.random.default_rng(channels).normal(0, 1, (3000, channels)).astype(np.float32)
    samples[0], samples[1], samples[2, 0] = -0.0, np.finfo(np.float32).max, np.inf
    with np.errstate(over="ignore"):
        expected = samples.mean(axis=1, keepdims=True, dtype=np.float32)
    assert mean_of_channels(samples).tobytes() == expected.tobytes()


steps = st.tuples(st.integers(1, 9000), st.sampled_from([0, 0, 0, 0, 5]), st.sampled_from([False] * 5 + [True]), st.integers(1, 2))


@given(st.lists(steps, max_size=20), st.booleans())
def test_joined_blocks_hold_the_same_sound(parts: list[tuple[int, int, bool, int]], fails: bool) -> None:
    blocks: list[Block] = []
    place = 0
    for count, gap, after_damage, channels in parts:
        place += gap
        samples = np.arange(place, place + count, dtype=np.float32)[:, None] + np.zeros(channels, np.float32)
        blocks.append(Block(place, samples, after_damage))
        place += count

    def coming():
        yield from blocks
        if fails:
            raise DataError("broken")

    found: list[Block] = []
    try:
        found.extend(joined(coming()))
    except DataError:
        assert fails
    else:
        assert not fails
    assert not parts or np.array_equal(
        np.concatenate([b.samples[:, 0] for b in found]), np.concatenate([b.samples[:, 0] for b in blocks])
    )
    assert all(np.array_equal(b.samples[:, 0], np.arange(b.start, b.start + len(b.samples), dtype=np.float32)) for b in found)
    assert sum(b.after_damage for b in found) == sum(b.after_damage for b in blocks)
    assert {b.start for b in blocks if b.after_damage} == {b.start for b in found if b.after_damage}
    for one, following in pairwise(found):
        continues = following.start == one.start + len(one.samples) and one.samples.shape[1] == following.samples.shape[1]
        assert len(one.samples) >= JOINED or not continues or following.after_damage
    assert all(len(b.samples) < JOINED + 9000 for b in found)


def test_what_comes_before_an_error_is_given_before_it() -> None:
    def coming():
        yield Block(0, np.ones((10, 1), np.float32))
        yield Block(10, np.ones((10, 1), np.float32))
        raise DataError("broken")

    blocks = joined(coming())
    assert len(next(blocks).samples) == 20
    with pytest.raises(DataError, match="broken"):
        next(blocks)
