"""Features of words and sound: made once, kept by content, absent with a reason."""

import numpy as np
import pytest

from labelled_talks import talks
from merc.annotation.cache import FeatureCache
from merc.annotation.features import sound_rows, text_rows
from merc.annotation.media.excerpts import Excerpt
from merc.data.schema import Conversation, Utterance
from merc.encoders.interface import RATE


class Counting:
    """A sound encoder that tells mean, deviation and length, and how much it was given at a time; NaN for silence."""

    name, version, dimension, modality = "counting", "1", 3, "audio"

    def __init__(self):
        self.calls = []

    def encode(self, clips, progress=None):
        self.calls.append(len(clips))
        rows = [[c.mean(), c.std(), len(c)] if c.any() else [np.nan] * 3 for c in clips]
        return np.array(rows, dtype=np.float32).reshape(-1, 3)


class Lengths:
    """A text encoder that tells how long each text is."""

    name, version, dimension = "lengths", "1", 1
    modality = "text"

    def __init__(self):
        self.texts = []

    def encode(self, texts, progress):
        self.texts += texts
        progress("encoding text", float(len(texts)), float(len(texts)))
        return np.array([[len(text)] for text in texts], dtype=np.float32)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache", lambda warning: pytest.fail(warning))


def excerpt(index, seconds=1.0, seed=None, channel=None):
    seed = index if seed is None else seed
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    return Excerpt(index, samples, channel=channel)


def test_sound_comes_to_its_place_in_any_order(cache):
    heard = [excerpt(i, 0.5 + i / 10, channel=i % 2) for i in range(5)]
    encoder = Counting()
    found = sound_rows([heard[i] for i in (3, 0, 4, 1, 2)], 5, {"audio/x": encoder}, cache)
    expected = [[c.samples.mean(), c.samples.std(), len(c.samples)] for c in heard]
    np.testing.assert_allclose(found.rows["audio/x"], expected, rtol=1e-5)
    assert found.channels == [0, 1, 0, 1, 0] and found.reasons == {"audio/x": [""] * 5}


def test_sound_is_not_held_for_longer_than_it_may(cache):
    encoder = Counting()
    sound_rows((excerpt(i) for i in range(7)), 7, {"audio/x": encoder}, cache, held=3.0)
    assert encoder.calls == [3, 3, 1]


def test_what_was_heard_before_is_not_encoded_again(cache):
    first, second = Counting(), Counting()
    rows = sound_rows((excerpt(i) for i in range(4)), 4, {"audio/x": first}, cache).rows["audio/x"]
    again = sound_rows([*map(excerpt, (3, 2)), excerpt(0, seed=9)], 4, {"audio/x": second}, cache).rows["audio/x"]
    assert (first.calls, second.calls) == ([4], [1])
    np.testing.assert_array_equal(again[[2, 3]], rows[[2, 3]])
    assert np.isnan(again[1]).all()


def test_absence_keeps_its_reason(cache):
    silent = Excerpt(1, np.zeros(RATE, dtype=np.float32))
    found = sound_rows([excerpt(0), silent, Excerpt(2, None, "it is over")], 3, {"audio/x": Counting()}, cache)
    assert found.reasons["audio/x"] == ["", "the encoder 'counting' makes nothing of it", "it is over"]
    assert [np.isnan(row).all() for row in found.rows["audio/x"]] == [False, True, True]


def test_words_are_encoded_once_each(cache):
    said = ("yes", None, "  ", "no, never", "yes")
    conversation = Conversation("c", tuple(Utterance(str(i), "A", words=words) for i, words in enumerate(said)))
    encoder, told = Lengths(), []
    rows = text_rows(conversation, encoder, cache, told.append)
    np.testing.assert_array_equal(rows[:, 0], [3, np.nan, np.nan, 9, 3])
    assert sorted(encoder.texts) == ["no, never", "yes"] and told == [2]
    again = Lengths()
    np.testing.assert_array_equal(text_rows(conversation, again, cache), rows)
    assert again.texts == []


def test_a_vector_is_kept_with_all_that_it_depends_on(cache, monkeypatch, tmp_path):
    from merc.encoders.text.adapter import Adapter
    from merc.encoders.text.dialogue import CONTEXT, DialogueEncoder
    from merc.encoders.text.torch_model import load_base
    from tiny_text_model import build_plain

    base = str(build_plain(tmp_path / "tiny"))
    _, model, version = load_base(base)
    name, matrix = next((n, m) for n, m in model.named_modules() if n.endswith("query"))
    out, into = matrix.weight.shape
    encoder = DialogueEncoder([Adapter(base, version, {name: (np.ones((1, into), np.float16), np.ones((out, 1), np.float16))})])
    encoded = []
    encode_at = encoder.encode_at
    monkeypatch.setattr(encoder, "encode_at", lambda places, progress: encoded.extend(places) or encode_at(places, progress))
    said = [u for c in talks(8) for u in c.utterances][: CONTEXT + 4]
    talk = Conversation("long", tuple(Utterance(str(i), u.speaker, words=u.words) for i, u in enumerate(said)))
    rows = text_rows(talk, encoder, cache)
    np.testing.assert_allclose(rows, encoder.encode([talk])[0], atol=1e-6)
    encoded.clear()
    text_rows(talk, encoder, cache)
    assert encoded == []
    changed = Conversation(talk.id, (Utterance("0", talk.utterances[0].speaker, words="why ?"), *talk.utterances[1:]))
    text_rows(changed, encoder, cache)
    assert [place for _, place in encoded] == list(range(CONTEXT + 1)), "the utterance and those whose context it is"
