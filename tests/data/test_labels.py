"""Label mappings: the shipped one, one's own, and every way to get one wrong."""

import numpy as np
import pytest

from merc.data.labels import IEMOCAP4, LabelMapping, apply_mapping, find_mapping, read_mapping
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.splits import by_parts
from merc.errors import DataError

SIX = ("happy", "sad", "neutral", "angry", "excited", "frustrated")


def corpus(labels=SIX):
    turns = tuple(Utterance(str(i), "A", label=label) for i, label in enumerate((*labels, None)))
    features = {"audio/x": np.arange(len(turns), dtype=np.float32)[:, None]}
    return Corpus(
        name="six",
        label_set=LabelSet(names=labels),
        feature_schema=(FeatureSpec(modality="audio", name="x", dimension=1),),
        conversations=(Conversation("c", turns, features),),
        splits={"s": by_parts("s", ["c"], [], [])},
        notes={"source": "made"},
    )


def test_iemocap_four_classes():
    mapped = apply_mapping(corpus(), IEMOCAP4)
    assert mapped.label_set.names == ("happy", "sad", "neutral", "angry")
    assert [u.label for u in mapped.conversations[0].utterances] == ["happy", "sad", "neutral", "angry", "happy", None, None]
    assert mapped.label_counts() == {"happy": 2, "sad": 1, "neutral": 1, "angry": 1}
    assert mapped.notes == {"source": "made", "label_mapping": "iemocap4"}
    np.testing.assert_array_equal(mapped.conversations[0].features["audio/x"], corpus().conversations[0].features["audio/x"])
    assert list(mapped.splits) == ["s"]


def test_a_corpus_of_other_labels_is_refused():
    with pytest.raises(DataError, match=r"unknown label 'happy'.*'six' has: calm, cross"):
        apply_mapping(corpus(("calm", "cross")), IEMOCAP4)


def test_a_label_that_the_mapping_forgets_is_named():
    with pytest.raises(DataError, match="leaves out 'bored'"):
        apply_mapping(corpus((*SIX, "bored")), IEMOCAP4)


def test_found_by_name_or_file(tmp_path):
    assert find_mapping("iemocap4") is IEMOCAP4
    path = tmp_path / "two.yaml"
    path.write_text("name: two\nlabels: [good, bad]\nmapping:\n  calm: good\n  cross: bad\n  bored: null\n")
    mapping = find_mapping(str(path))
    assert mapping == LabelMapping(name="two", labels=("good", "bad"), mapping={"calm": "good", "cross": "bad", "bored": None})
    with pytest.raises(DataError, match="unknown label mapping 'meld3'; allowed: iemocap4, or a YAML file"):
        find_mapping("meld3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: two\nlabels: [good, bad]\nmapping: {calm: good, cross: bda}\n",
            "'cross' maps to unknown label 'bda'; allowed: good, bad",
        ),
        ("name: two\nlabels: [good, bad]\nmapping: {calm: good}\n", "nothing maps to label 'bad'"),
        ("name: two\nlabels: [good]\nmapping: {calm: good}\n", "two or more different"),
        ("name: two\nlabels: [good, bad]\nmaping: {calm: good}\n", "unknown key 'maping'"),
        ("name: two\nlabels: [good, bad]\nmapping: {calm: good, calm: bad}\n", "key 'calm' occurs more than once"),
        ("name: two\nlabels: [yes, no]\nmapping: {calm: yes}\n", "should be a valid string"),
        ("- a\n", "expected the keys"),
        ("name: [\n", "not valid YAML"),
        ("name: !!python/object/apply:os.getpid []\n", "not valid YAML"),
    ],
)
def test_a_bad_file_is_named_with_its_fault(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=r"mine\.yaml") as caught:
        read_mapping(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.yaml: can't be read"):
        read_mapping(tmp_path / "gone.yaml")
