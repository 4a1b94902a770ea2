"""What `merc predict` reads: the same turns, words and speakers as `merc annotate`, in one conversation or several."""

import json

import numpy as np
import pytest

from merc.annotation.annotator import annotate
from merc.annotation.transcripts.conversations import read_conversations
from merc.annotation.transcripts.reading import read_transcript, read_transcripts
from merc.data.schema import Utterance
from merc.errors import DataError

MELD = """Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime
1,We left.,Ann,neutral,neutral,0,0,1,1,"00:20:57,256","00:21:00,049"
2,Did we?,Bo,neutral,neutral,0,1,1,1,"00:21:01,927","00:21:03,261"
3,Who is there?,Cy,anger,negative,1,0,1,2,"00:02:01,000","00:02:02,000"
4,I am.,Di,sadness,negative,1,1,1,2,"00:21:00,500","00:21:01,500"
"""
SCENES = """Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time
We left.,['Ann Lee'],Neutral,1,1,1,15,00:00:03.795,00:00:05.004
Did we?,"['Bo O', ""Cy O'Day""]",Neutral,1,2,1,15,00:00:05.171,00:00:07.423
Yes.,['Ann Lee'],Neutral,1,1,1,16,00:00:01.000,00:00:02.000
"""


def written(folder, text, name="chat.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_labels_and_other_columns_are_not_read(tmp_path):
    found = read_conversations(written(tmp_path, 'Speaker,Text,mood,label\nAnn,"Hello, you",x,joy\nBo,It\x92s you.,y,\nAnn,,z,\n'))
    (conversation,) = found.conversations
    assert conversation.id == "chat.csv"
    assert conversation.utterances == (Utterance("1", "Ann", "Hello, you"), Utterance("2", "Bo", "It’s you."))
    assert found.warnings == ("1 turn without words is left out",)


def test_a_table_of_several_conversations_is_not_mixed(tmp_path):
    path = written(tmp_path, MELD)
    found = read_conversations(path).conversations
    assert [(c.id, [(u.id, u.speaker) for u in c.utterances]) for c in found] == [
        ("0", [("0", "Ann"), ("1", "Bo")]),
        ("1", [("0", "Cy"), ("1", "Di")]),
    ]
    assert found[0].utterances[0].start == 1257.256
    with pytest.raises(DataError, match=r"chat\.csv holds 2 conversations; expected one"):
        read_transcript(path)


def test_scenes_are_counted_within_episodes_and_speakers_may_be_listed(tmp_path):
    found = read_conversations(written(tmp_path, SCENES)).conversations
    assert [(c.id, [u.speaker for u in c.utterances]) for c in found] == [
        ("1_15_1", ["Ann Lee", "Bo O, Cy O'Day"]),
        ("1_16_1", ["Ann Lee"]),
    ]


@pytest.mark.parametrize("nobody", ["nan", "None", "<NA>", ""])
def test_what_pandas_writes_for_nobody_names_nobody(tmp_path, nobody):
    path = written(tmp_path, f",start,end,text,speaker\n0,1.0,2.5,We left.,Nan\n1,3.0,4.5,Did we?,{nobody}\n")
    assert [u.speaker for u in read_transcript(path).utterances] == ["Nan", None]


def test_columns_may_be_named_with_blanks_and_count_frames(tmp_path):
    text = "Speaker Name,Start Time,End-Time,Text\nAnn,00:00:01:15,00:00:02:00,We left.\n"
    assert read_transcript(written(tmp_path, text)).utterances == (Utterance("1", "Ann", "We left.", 1.5, 2.0),)
    assert read_transcript(written(tmp_path, "N, In, Out, Text\n1,1.0,2.5,We left.\n")).utterances[0].end == 2.5


def test_ids_that_do_not_tell_utterances_apart_are_replaced(tmp_path):
    transcript = read_transcript(written(tmp_path, "id,text\n7,We left.\n7,Did we?\n"))
    assert [u.id for u in transcript.utterances] == ["1", "2"]
    assert transcript.warnings == ("ids are missing or repeated: utterances are numbered from 1 instead",)


def test_json_lines_lose_labels_and_keep_features(tmp_path):
    lines = [
        {"merc": 1, "labels": ["a", "b"]},
        {"id": "c", "utterances": [{"speaker": "Ann", "label": "whatever", "transcript": "Hm", "features": {"audio/x": [1, 2]}}]},
    ]
    (conversation,) = read_conversations(written(tmp_path, "\n".join(map(json.dumps, lines)), "chat.jsonl")).conversations
    assert conversation.utterances == (Utterance("0", "Ann", "Hm"),)
    np.testing.assert_array_equal(conversation.features["audio/x"], [[1, 2]])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("chat.csv", "", "is empty"),
        ("chat.csv", "speaker,text\nA,\n", "expected words that somebody says"),
        ("chat.csv", "dialogue,text\n,a\n", "row 2: the column that names the conversation is empty"),
        ("chat.jsonl", "{}\n", "line 1: id: Field required"),
        (
            "chat.jsonl",
            '{"id":"c","utterances":[{"speaker":"A","transcript":"b"}]}\n' * 2,
            "conversation id 'c' occurs more than once",
        ),
        ("chat.jsonl", '{"id":"c","utterances":[{"speaker":"A"}]}\n', "no utterance has a transcript or features"),
        ("chat.pdf", "x", r"\.pdf suffix; conversations are read from .*\.srt"),
    ],
)
def test_faults_are_named(tmp_path, name, text, message):
    path = written(tmp_path, text, name)
    with pytest.raises(DataError, match=message) as caught:
        read_conversations(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [MELD, SCENES])
def test_predict_and_annotate_say_the_same(tmp_path, judge, text):
    from merc.inference.loading import load

    path = written(tmp_path, text)
    model = load(judge)
    predicted, annotated = model.predict(read_conversations(path).conversations), annotate(path, model=model)
    for one, other in zip(annotated.conversations, predicted, strict=True):
        assert one.id == other.id
        for found, wanted in zip(one.utterances, other.utterances, strict=True):
            assert (found.id, found.speaker, found.words, found.start) == (wanted.id, wanted.speaker, wanted.words, wanted.start)
            assert found.probabilities == pytest.approx(wanted.probabilities, abs=1e-5)
    with pytest.raises(DataError, match="holds 2 conversations; expected one"):
        annotate(written(tmp_path, b"no sound", "talk.wav"), path, model=model)
    assert len(read_transcripts(path)) == 2


def test_a_turn_without_speaker_is_named_and_warned_of_as_in_an_annotation(tmp_path):
    found = read_conversations(written(tmp_path, "Speaker,Text\nAnn,Hello\n,Who is it?\n"))
    assert [u.speaker for u in found.conversations[0].utterances] == ["Ann", "speaker"]
    assert "1 of 2 turns name no speaker: they count as one speaker's, 'speaker'" in found.warnings
