"""Where features come from: given, derived, encoded or absent, whatever the modality is called."""

from functools import partial

import numpy as np
import pytest

from crowding import Door, in_threads
from merc.data.schema import Conversation, FeatureSpec, Utterance
from merc.encoders import resolver
from merc.encoders.derivation import PRAAT, PRAAT_RELATIVE
from merc.encoders.resolver import FeatureResolver, input_of
from merc.errors import FeatureError, MissingExtraError

TEXT = FeatureSpec(modality="text", name="minilm", dimension=4, encoder="minilm", version="1")
VISUAL = FeatureSpec(modality="visual", name="faces", dimension=4, encoder="unknown")
MINE = PRAAT.model_copy(update={"modality": "prosody", "name": "mine"})
RELATIVE = PRAAT_RELATIVE.model_copy(update={"modality": "prosody", "name": "mine-too"})


def resolved(*specs, given=(), inputs=("words", "sound"), declared=()):
    return [(s.origin, s.base.key, s.input) for s in FeatureResolver(specs).resolve(given, inputs, declared)]


def test_each_feature_has_one_origin():
    assert resolved(TEXT, PRAAT, VISUAL) == [
        ("encoded", "text/minilm", "words"),
        ("encoded", "audio/praat", "sound"),
        ("absent", "visual/faces", None),
    ]
    assert resolved(TEXT, PRAAT, given=("text/minilm", "audio/praat")) == [
        ("given", "text/minilm", None),
        ("given", "audio/praat", None),
    ]


def test_the_encoder_decides_not_the_name_of_feature_or_modality():
    assert resolved(MINE) == [("encoded", "prosody/mine", "sound")]
    assert resolved(RELATIVE) == [("encoded", "prosody/praat", "sound")]
    assert resolved(RELATIVE, given=(MINE.key,), declared=(MINE,)) == [("derived", "prosody/mine", None)]
    assert resolved(RELATIVE, given=("audio/praat",), declared=(PRAAT,)) == [("derived", "audio/praat", None)]


def test_what_is_absent_says_why():
    made = FeatureResolver((TEXT, PRAAT_RELATIVE, VISUAL)).resolve((), ())
    assert [source.reason for source in made] == [
        "there are no words",
        "there is no recording",
        "no encoder makes visual/faces of words or sound",
    ]


@pytest.mark.parametrize(("file", "expected"), [("preprocessor_config.json", "sound"), ("tokenizer.json", "words"), ("x", None)])
def test_a_models_folder_tells_what_it_reads(tmp_path, file, expected):
    (tmp_path / file).write_text("{}")
    spec = FeatureSpec(modality="spectrum", name="x", dimension=4, encoder=str(tmp_path))
    assert input_of(spec) == expected


class Letters:
    """An encoder: how often each of four letters occurs."""

    name, version, dimension, modality = "minilm", "1", 4, "text"

    def encode(self, transcripts, progress=None):
        return np.array([[t.count(c) for c in "abcd"] for t in transcripts], np.float32)


@pytest.fixture
def talk():
    rows = np.random.default_rng(0).standard_normal((2, 8)).astype(np.float32)
    return Conversation("c", (Utterance("1", "Ann", "abba"), Utterance("2", None, "dad")), {MINE.key: rows})


def test_it_completes_what_it_can_and_loads_an_encoder_once(talk, monkeypatch):
    loads = []
    monkeypatch.setattr(resolver, "text_encoder", lambda name, device, backend: loads.append((name, device)) or Letters())
    model = FeatureResolver((TEXT, RELATIVE), device="cuda:1")
    for _ in range(2):
        (completed,), reasons = model.complete([talk], (MINE,))
        assert reasons == {}
        assert completed.features["text/minilm"].tolist() == [[2, 2, 0, 0], [1, 0, 0, 2]]
        assert completed.features["prosody/mine-too"].shape == (2, 16)
    assert loads == [("minilm", "cuda:1")]
    (without,), _ = model.complete([talk], (MINE,), without=("text",))
    assert set(without.features) == {MINE.key, "prosody/mine-too"}


@pytest.mark.parametrize("shared", [True, False])
def test_threads_load_one_encoder_at_a_time_and_a_shared_one_once(shared, monkeypatch):
    door = Door()
    monkeypatch.setattr(resolver, "text_encoder", lambda name, device, backend: door() or Letters())
    one, other = FeatureResolver((TEXT,)), FeatureResolver((TEXT,))
    found = in_threads(partial(one.encoder, TEXT), partial(one.encoder if shared else other.encoder, TEXT))
    assert (door.met, door.calls, found[0] is found[1]) == (0, 1 if shared else 2, shared)


def test_an_extra_that_is_missing_is_a_reason_where_something_is_left(talk, monkeypatch):
    def missing(name, device, backend):
        raise MissingExtraError("train", "the text encoder")

    monkeypatch.setattr(resolver, "text_encoder", missing)
    model = FeatureResolver((TEXT, RELATIVE))
    (completed,), reasons = model.complete([talk], (MINE,))
    assert set(reasons) == {"text"} and "prosody/mine-too" in completed.features
    with pytest.raises(MissingExtraError):
        model.complete([Conversation("d", talk.utterances)])


def test_raw_conversations_are_encoded_and_encoded_ones_kept(talk, monkeypatch):
    monkeypatch.setattr(resolver, "text_encoder", lambda name, device, backend: Letters())
    encoded = talk.with_features({TEXT.key: np.zeros((2, 4), np.float32)})
    other = Conversation("d", (Utterance("1", "Ann", "cab"),))
    completed, _ = FeatureResolver((TEXT,)).complete([talk, encoded, other, talk])
    assert [c.id for c in completed] == ["c", "c", "d", "c"] and completed[1] is encoded
    for i, rows in ((0, [[2, 2, 0, 0], [1, 0, 0, 2]]), (2, [[1, 1, 1, 0]]), (3, [[2, 2, 0, 0], [1, 0, 0, 2]])):
        assert completed[i].features[TEXT.key].tolist() == rows
    assert FeatureResolver((TEXT,)).complete([])[0] == ()


@pytest.mark.parametrize("change", [{"version": "2"}, {"encoder": "minilm-layers"}, {"dimension": 2}])
def test_another_encoder_is_refused(change, monkeypatch):
    monkeypatch.setattr(resolver, "text_encoder", lambda name, device, backend: Letters())
    with pytest.raises(FeatureError, match=r"feature text/minilm was made by encoder .*; found 'minilm', version 1, dimension 4"):
        FeatureResolver(()).encoder(TEXT.model_copy(update=change))


def test_a_local_encoder_may_move(monkeypatch):
    moved = Letters()
    moved.name = "/новое/место"  # of which no feature name could be made
    monkeypatch.setattr(resolver, "text_encoder", lambda name, device, backend: moved)
    spec = TEXT.model_copy(update={"encoder": "/old/place/model"})
    assert FeatureResolver(()).encoder(spec) is moved
    with pytest.raises(FeatureError, match="version 2"):
        FeatureResolver(()).encoder(spec.model_copy(update={"version": "2"}))


def test_features_of_unknown_origin_have_no_encoder():
    with pytest.raises(FeatureError, match="text/R1 is of encoder 'unknown', which reads neither words nor sound"):
        FeatureResolver(()).encoder(FeatureSpec(modality="text", name="R1", dimension=1024))
