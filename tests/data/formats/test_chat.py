"""Raw transcripts: three kinds of file, no label needed, complaints that name the row."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from merc.data.formats.chat import read_chat

from merc.data.schema import Utterance
from merc.errors import DataError


def written(folder, text, name="chat.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_with_speakers(tmp_path):
    (conversation,) = read_chat(written(tmp_path, 'Speaker,Text,mood,label\nAnn,"Hello, you",x,joy\nBo,It\x92s you.,y,\nAnn,,z,\n'))
    assert conversation.id == "chat"
    assert conversation.utterances == (
        Utterance("0", "Ann", words="Hello, you"),
        Utterance("1", "Bo", words="It’s you."),
        Utterance("2", "Ann"),
    )


def test_csv_with_everything(tmp_path):
    text = "conversation,id,speaker,utterance,start,end\nb,u1,Ann,One,0.5,1\na,u1,Bo,Two,00:00:02.5,\nb,u2,Cy,Three,,\n"
    first, second = read_chat(written(tmp_path, text))
    assert (first.id, second.id) == ("b", "a")
    assert first.utterances == (Utterance("u1", "Ann", words="One", start=0.5, end=1.0), Utterance("u2", "Cy", words="Three"))
    assert second.utterances == (Utterance("u1", "Bo", words="Two", start=2.5),)


def test_melds_own_csv_is_read_by_dialogue(tmp_path):
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
    rows = (
        '1,Hi,Ann,joy,positive,0,0,1,1,"00:00:01,000","00:00:02,000"\n2,Bye,Bo,joy,positive,1,0,1,1,"00:00:01,000","00:00:02,000"\n'
    )
    conversations = read_chat(written(tmp_path, header + rows))
    assert [c.id for c in conversations] == ["0", "1"]
    assert conversations[1].utterances == (Utterance("0", "Bo", words="Bye", start=1.0, end=2.0),)


def test_windows_files_are_read(tmp_path):
    (conversation,) = read_chat(written(tmp_path, "speaker,text\r\nZoë,it’s café\r\n".encode("cp1252")))
    assert conversation.utterances[0] == Utterance("0", "Zoë", words="it’s café")


def test_plain_text(tmp_path):
    (conversation,) = read_chat(written(tmp_path, "\ufeffAnn: See 12:30: there\r\n\r\n Dr. Bo :no\nAnn:\n", "talk.txt"))
    assert conversation.id == "talk"
    assert [(u.id, u.speaker, u.words) for u in conversation.utterances] == [
        ("0", "Ann", "See 12:30: there"),
        ("1", "Dr. Bo", "no"),
        ("2", "Ann", None),
    ]


def test_json_lines_lose_labels_and_keep_features(tmp_path):
    lines = [
        {"merc": 1, "labels": ["a", "b"]},
        {"id": "c", "utterances": [{"speaker": "Ann", "label": "whatever", "transcript": "Hm", "features": {"audio/x": [1, 2]}}]},
    ]
    (conversation,) = read_chat(written(tmp_path, "\n".join(map(json.dumps, lines)), "chat.jsonl"))
    assert conversation.utterances == (Utterance("0", "Ann", words="Hm"),)
    np.testing.assert_array_equal(conversation.features["audio/x"], [[1, 2]])


@given(
    st.lists(
        st.tuples(st.sampled_from(["Ann", "Bo Li", "Zoë"]), st.from_regex(r"[a-z,\"’: ]{0,8}[a-z]", fullmatch=True)), min_size=1
    )
)
def test_text_and_csv_say_the_same(tmp_path_factory, turns):
    folder = tmp_path_factory.mktemp("chat")
    quoted = "".join('{},"{}"\n'.format(name, words.replace('"', '""')) for name, words in turns)
    by_csv = read_chat(written(folder, "speaker,text\n" + quoted, "chat.csv"))
    by_text = read_chat(written(folder, "".join(f"{name}: {words}\n" for name, words in turns), "chat.txt"))
    assert by_csv[0].utterances == by_text[0].utterances
    assert [(u.speaker, u.words) for u in by_csv[0].utterances] == [(name, words.strip()) for name, words in turns]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("chat.csv", "", "is empty"),
        ("chat.csv", "speaker,text\n", "holds no utterance"),
        (
            "chat.csv",
            "speaker,words\nA,b\n",
            "row 1: no column for the transcript: expected transcript or text or utterance; found: speaker, words",
        ),
        ("chat.csv", "who,text\nA,b\n", "row 1: no column for the speaker: expected speaker; found: who, text"),
        ("chat.csv", "speaker,text,utterance\nA,b,c\n", "row 1: columns 'text' and 'utterance' both give the transcript"),
        ("chat.csv", "speaker,text,conversaton\nA,b,c\n", "row 1: unknown column 'conversaton'; did you mean 'conversation'"),
        ("chat.csv", "speaker,text\nA,b\n,c\n", "row 3: column 'speaker' is empty"),
        ("chat.csv", "speaker,text\nA,b,c\n", "row 2: 3 fields, the header has 2"),
        ("chat.csv", "speaker,text,start\nA,b,soon\n", "row 2: column 'start' is 'soon'; allowed are seconds"),
        ("chat.csv", "speaker,text,id\nA,b,u\nB,c,u\n", "row 3: conversation 'chat' has an utterance 'u' already"),
        ("chat.csv", "speaker,text,id\nA,b,1\nB,c,\n", "row 3: conversation 'chat' has an utterance '1' already"),
        ("chat.csv", "speaker,text\nA,\n", "no utterance has a transcript or features"),
        ("chat.txt", "", "holds no utterance"),
        ("chat.txt", "Ann: hi\nhello there\n", "line 2: found 'hello there', expected the form 'Name: words'"),
        ("chat.txt", "12:30 Ann: hi\n", "line 1: found '12:30 Ann: hi', expected the form 'Name: words'"),
        ("chat.txt", ": hi\n", "line 1"),
        ("chat.jsonl", "{}\n", "line 1: id: Field required"),
        (
            "chat.jsonl",
            '{"id":"c","utterances":[{"speaker":"A","transcript":"b"}]}\n' * 2,
            "conversation id 'c' occurs more than once",
        ),
        ("chat.pdf", "x", r"\.pdf suffix; transcripts are read from \.csv, \.jsonl, \.txt"),
    ],
)
def test_faults_are_named(tmp_path, name, text, message):
    path = written(tmp_path, text, name)
    with pytest.raises(DataError, match=message) as caught:
        read_chat(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_or_nothing_is_said_plainly(tmp_path):
    with pytest.raises(DataError, match="found a folder"):
        read_chat(tmp_path)
    with pytest.raises(DataError, match="found nothing"):
        read_chat(tmp_path / "gone.csv")
