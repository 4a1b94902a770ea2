"""Derived features: made of their source where a model asks for them, and of nothing else."""

import numpy as np
import pytest

from merc.data.schema import Conversation, Corpus, LabelSet, Utterance
from merc.encoders.audio.relative import speaker_relative
from merc.encoders.derivation import LOOKING_AHEAD, PRAAT, PRAAT_RELATIVE, corpus_with_derived, with_derived

SPEAKERS = ("Ann", "Bo", "Ann")


def talk(features):
    return Conversation("c", tuple(Utterance(str(i), who) for i, who in enumerate(SPEAKERS)), features)


@pytest.fixture
def rows():
    return np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)


def test_it_is_what_the_source_says_of_the_speakers(rows):
    made = with_derived(talk({PRAAT.key: rows}), PRAAT_RELATIVE)
    np.testing.assert_array_equal(made.features[PRAAT_RELATIVE.key], speaker_relative(rows, SPEAKERS))
    np.testing.assert_array_equal(made.features[PRAAT.key], rows)


def test_what_is_there_stays(rows):
    own = np.zeros((3, 16), np.float32)
    given = talk({PRAAT.key: rows, PRAAT_RELATIVE.key: own})
    assert with_derived(given, PRAAT_RELATIVE) is given


def test_without_a_source_nothing_is_made(rows):
    for given in (talk({}), talk({"text/minilm": rows}), talk({PRAAT.key: rows[:, :7]})):
        assert with_derived(given, PRAAT_RELATIVE) is given
    given = talk({PRAAT.key: rows})
    assert with_derived(given, PRAAT) is given
    assert with_derived(given, PRAAT_RELATIVE.model_copy(update={"version": "other"})) is given
    assert with_derived(given, PRAAT_RELATIVE, [PRAAT.model_copy(update={"version": "1"})]) is given
    assert with_derived(given, PRAAT_RELATIVE, [PRAAT]) is not given


def test_a_corpus_gets_it_if_its_source_is_of_our_making(rows):
    def corpus(spec):
        return Corpus("x", LabelSet(names=("a", "b")), (spec,), (talk({spec.key: rows}),))

    made = corpus_with_derived(corpus(PRAAT), "audio", "praat-relative")
    assert [spec.key for spec in made.feature_schema] == ["audio/praat", "audio/praat-relative"]
    assert made.conversations[0].features[PRAAT_RELATIVE.key].shape == (3, 16)
    assert corpus_with_derived(made, "audio", "praat-relative") is made
    foreign = corpus(PRAAT.model_copy(update={"version": "unknown"}))
    assert corpus_with_derived(foreign, "audio", "praat-relative") is foreign
    assert corpus_with_derived(corpus(PRAAT), "audio", "other").feature_schema == (PRAAT,)


def test_the_encoder_decides_not_the_features_name(rows):
    mine = PRAAT.model_copy(update={"modality": "prosody", "name": "mine"})
    made = corpus_with_derived(
        Corpus("x", LabelSet(names=("a", "b")), (mine,), (talk({mine.key: rows}),)), "prosody", "praat-relative"
    )
    assert [spec.key for spec in made.feature_schema] == ["prosody/mine", "prosody/praat-relative"]
    np.testing.assert_array_equal(made.conversations[0].features["prosody/praat-relative"], speaker_relative(rows, SPEAKERS))


def test_the_sources_are_what_the_readers_and_the_encoder_declare():
    from merc.data.corpora.meld import PRAAT as OF_MELD
    from merc.encoders.audio.praat import PraatEncoder
    from merc.encoders.encoding import feature_spec

    assert OF_MELD == PRAAT
    pytest.importorskip("parselmouth")
    assert feature_spec(PraatEncoder()) == PRAAT


def test_what_looks_ahead_is_declared(rows):
    later = rows.copy()
    later[-1] += 1
    first, second = (with_derived(talk({PRAAT.key: x}), PRAAT_RELATIVE).features[PRAAT_RELATIVE.key] for x in (rows, later))
    assert (first[0] != second[0]).any() == (PRAAT_RELATIVE.encoder in LOOKING_AHEAD)
