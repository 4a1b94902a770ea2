"""From conversations to arrays: picks, presence, speakers and labels."""

import numpy as np
import pytest

from merc.data.preprocessing import UNLABELLED, Preprocessor, pick_features
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.errors import DataError, FeatureError

SPECS = (
    FeatureSpec(modality="text", name="R1", dimension=2),
    FeatureSpec(modality="text", name="R2", dimension=3),
    FeatureSpec(modality="audio", name="is10", dimension=1),
)
LABELS = LabelSet(names=("calm", "cross"))


def conversation(name, speakers, labels, **features):
    turns = tuple(Utterance(str(i), s, label=label) for i, (s, label) in enumerate(zip(speakers, labels, strict=True)))
    return Conversation(name, turns, {key.replace("_", "/"): np.asarray(rows, dtype=np.float32) for key, rows in features.items()})


def corpus(*conversations, specs=SPECS):
    return Corpus("made", LABELS, specs, conversations)


FIRST = conversation(
    "a", "XYXZ", ["calm", None, "cross", "calm"], text_R1=[[1, 2], [3, 4], [5, 9], [7, 8]], audio_is10=[[1], [np.nan], [3], [5]]
)
SECOND = conversation("b", "Q", ["cross"], text_R1=[[np.nan, np.nan]])


def fitted():
    return Preprocessor.fit(corpus(FIRST, SECOND), [FIRST], {"audio": "is10", "text": "R1"})


def test_a_sample_is_what_the_conversation_says():
    sample = fitted().sample(FIRST)
    assert sample.conversation_id == "a"
    assert list(sample.inputs) == ["audio", "text"]  # the order of the picks, for every array
    assert sample.present.tolist() == [[True, True], [False, True], [True, True], [True, True]]
    assert sample.speakers.tolist() == [0, 1, 0, 2]
    assert sample.labels.tolist() == [0, UNLABELLED, 1, 0]
    np.testing.assert_allclose(sample.inputs["audio"].ravel(), [-np.sqrt(1.5), 0, 0, np.sqrt(1.5)], atol=1e-6)
    np.testing.assert_allclose(sample.inputs["text"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(sample.inputs["text"].std(axis=0), 1, atol=1e-6)
    assert len(sample) == 4


def test_what_a_conversation_lacks_is_absent():
    sample = fitted().sample(SECOND)
    assert sample.present.tolist() == [[False, False]]
    assert sample.inputs["audio"].shape == (1, 1)
    assert not sample.inputs["text"].any()


def test_names_of_speakers_carry_nothing():
    renamed = conversation("a", "pqpr", [None] * 4, text_R1=np.zeros((4, 2)))
    assert np.array_equal(fitted().sample(FIRST).speakers, fitted().sample(renamed).speakers)


def test_figures_come_from_the_training_conversations_alone():
    far = conversation("far", "X", ["calm"], text_R1=[[1000, -1000]], audio_is10=[[1e6]])
    everything = corpus(FIRST, SECOND, far)
    alone = Preprocessor.fit(everything, [FIRST, SECOND], {"text": "R1", "audio": "is10"})
    assert alone.standardisers["text"].mean.tolist() == pytest.approx([4, 5.75])
    assert alone.sample(far).inputs["audio"].ravel().tolist() == [5.0]


def test_specs_widths_and_modalities_keep_one_order():
    preprocessor = fitted()
    assert preprocessor.modalities == ("audio", "text")
    assert [s.key for s in preprocessor.specs] == ["audio/is10", "text/R1"]
    assert preprocessor.widths == {"audio": 1, "text": 2}  # audio's only gap is absence, which needs no indicator


def test_one_feature_a_modality_needs_no_pick():
    assert [s.key for s in pick_features(corpus(FIRST, specs=SPECS[::2]))] == ["text/R1", "audio/is10"]


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        (None, r"modality 'text' offers several features; pick one with data\.features\.text: R1, R2"),
        ({"text": "R9"}, "modality 'text' has no feature 'R9'; it offers: R1, R2"),
        ({"visual": "x"}, "no modality 'visual'; its features: text/R1, text/R2, audio/is10"),
    ],
)
def test_a_wrong_pick_is_answered_with_what_there_is(picks, message):
    with pytest.raises(FeatureError, match=message):
        pick_features(corpus(FIRST), picks)


def test_a_corpus_without_features_says_how_to_make_some():
    bare = Corpus("bare", LABELS, (), (conversation("a", "X", ["calm"]),))
    with pytest.raises(FeatureError, match="merc features text"):
        pick_features(bare)


def test_a_feature_of_another_dimension_names_the_conversation():
    with pytest.raises(FeatureError, match=r"conversation 'x': text/R1 has shape \(1, 3\), the model expects \(utterances, 2\)"):
        fitted().sample(conversation("x", "A", [None], text_R1=[[1, 2, 3]]))


def test_a_label_outside_the_set_is_refused():
    with pytest.raises(DataError, match="unknown label 'livid'; allowed: calm, cross"):
        fitted().sample(conversation("x", "A", ["livid"], text_R1=[[1, 2]]))


def test_a_feature_with_nothing_to_learn_from_is_named():
    flat = conversation("a", "XY", ["calm", "cross"], text_R1=[[1, 1], [1, 1]])
    with pytest.raises(DataError, match="feature text/R1: no usable features: all 2 columns are constant"):
        Preprocessor.fit(corpus(flat), [flat], {"text": "R1"})
