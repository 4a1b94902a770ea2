"""Labels in our own JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from annotation.invented import annotated, annotation, utterance, with_utterances
from annotation.labelled_files import labels_of, spoken
from merc.annotation.labelled.folder import import_labelled, may_be_labelled
from merc.annotation.labelled.readers import label_reader
from merc.errors import DataError

TURNS = (("Mia", "come in", "joy", 0.0, 1.00025), ("Odo", "after you", "joy", 1.5, 2.0), ("Mia", None, "fear", None, None))


def written(folder, labels, **changes):
    made = [utterance(n, who, words, emotion, a, b) for n, (who, words, emotion, a, b) in enumerate(TURNS)]
    labelled = [replace(u, label=label, channel=n % 2) for n, (u, label) in enumerate(zip(made, labels, strict=True))]
    path = folder / "talk.emotions.json"
    path.write_text(replace(with_utterances(annotation(), labelled), **changes).to_json())
    return path


def test_only_the_field_label_is_read(tmp_path):
    path = written(tmp_path, ("calm", "cross ", "?"))
    assert may_be_labelled(tmp_path)
    for wanted in ((), ("label",), ("Label",)):
        found = import_labelled(path, wanted)
        (conversation,) = found.corpus.conversations
        assert (found.corpus.name, conversation.id) == ("talk", "talk")
        assert spoken(conversation) == [(who, words, a, b) for who, words, _, a, b in TURNS]
        assert [u.channel for u in conversation.utterances] == [0, 1, 0]
        assert labels_of(found.corpus) == [["calm", "cross", None]]
        assert "talk.emotions.json: 1 label such as ? is taken as none" in found.warnings


def test_several_conversations(tmp_path):
    one = annotated([replace(utterance(0, "Mia", "hi", "joy"), label="calm")])
    two = replace(one.conversations[0], id="other", utterances=(replace(one.utterances[0], label="cross"),))
    (tmp_path / "chats.emotions.json").write_text(replace(one, conversations=(*one.conversations, two)).to_json())
    corpus = import_labelled(tmp_path).corpus
    assert [(c.id, c.utterances[0].label) for c in corpus.conversations] == [("talk.wav", "calm"), ("other", "cross")]


def test_without_a_label_it_holds_none(tmp_path):
    written(tmp_path, (None, None, None))
    with pytest.raises(DataError, match=r"has no field of labels: expected one called 'label' with something in it; found: none$"):
        import_labelled(tmp_path)
    (tmp_path / "talk.csv").write_text("text,emotion\nhi,calm\nho,cross\n")
    assert labels_of(import_labelled(tmp_path).corpus) == [["calm", "cross"]]
    assert import_labelled(tmp_path).warnings == ("talk.csv: no turn names its speaker: they count as one speaker's, 'speaker'",)


def test_what_is_no_annotation_is_refused(tmp_path):
    path = written(tmp_path, ("calm", "cross", None))
    content = json.loads(path.read_text())
    content["conversations"][0]["utterances"][0]["label"] = 5
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"talk\.emotions\.json: annotation: .*label"):
        import_labelled(tmp_path)
    path.write_text(path.read_text()[:-3])
    with pytest.raises(DataError, match=r"talk\.emotions\.json: annotation: not valid JSON"):
        import_labelled(tmp_path)


@pytest.mark.parametrize("name", ["talk.json", "talk.emotions.srt", "talk.txt", "emotions.json"])
def test_other_files_hold_no_labels(name, tmp_path):
    assert label_reader(tmp_path / name) is None
