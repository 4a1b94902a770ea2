"""Tables and plain text."""

from __future__ import annotations

import io

import pytest

from annotation.turns import spoken, turns_of
from merc.annotation.transcripts.cues import parse_clock, parse_time
from merc.annotation.transcripts.reading import read_transcript
from merc.data.schema import Utterance
from merc.errors import DataError


def read(text, name):
    return read_transcript(io.BytesIO(text.encode()), name)


def refusal(text, name="a.csv"):
    with pytest.raises(DataError) as error:
        read(text, name)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("column", ["transcript", "text", "utterance", "words", " Text "])
def test_only_the_words_are_required(column):
    assert read(f"{column}\nHi there\n", "a.csv").utterances == turns_of(spoken("Hi there"))


def test_all_columns_are_read_and_others_passed_over():
    text = 'id,Start,END,speaker,mood,text,channel\n7,1.5,"00:00:02,250", Ann  Lee ,x,"Hi, ""you""",1\n8,3,4,,y,Ho,\n'
    assert read(text, "a.csv").utterances == (
        Utterance("7", "Ann Lee", 'Hi, "you"', 1.5, 2.25, 1),
        Utterance("8", None, "Ho", 3.0, 4.0),
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_tells_the_delimiter(delimiter):
    text = "start;end;text\n1.5;2;Hi\n".replace(";", delimiter)
    assert read(text, "a.csv").utterances == turns_of(spoken("Hi", None, 1.5, 2.0))


def test_seconds_may_have_a_comma():
    assert read("start;end;text\n1,5;2,25;Hi\n", "a.csv").utterances == turns_of(spoken("Hi", None, 1.5, 2.25))


def test_the_columns_of_meld_are_known():
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
    row = '1,Hi!,Ann,joy,positive,0,0,8,21,"00:00:01,500","00:00:02,000"'
    assert read(f"{header}\n{row}\n", "a.csv").utterances == (Utterance("0", "Ann", "Hi!", 1.5, 2.0),)


def test_blank_rows_and_line_ends_in_fields_are_passed_over():
    assert [turn.words for turn in read('\n\nspeaker,text\n,\nAnn,"Hi\nyou"\n\n', "a.csv").utterances] == ["Hi you"]


def test_times_that_are_no_times_of_a_recording_are_unknown():
    transcript = read("start,end,text\nnan,inf,a\n-1,-00:00:01,b\n", "a.csv")
    assert [(turn.start, turn.end) for turn in transcript.utterances] == [(None, None), (None, None)]
    assert transcript.warnings == ("4 times are negative or not finite, and so taken as unknown",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "speaker,say\nAnn,Hi\n",
            "a.csv, row 1: no column for the words: expected transcript or text or utterance or words; found: 'speaker', 'say'",
        ),
        ("text,words\nHi,Ho\n", "a.csv, row 1: columns 'text' and 'words' both give the words; keep one"),
        ("text,Text\nHi,Ho\n", "a.csv, row 1: columns 'text' and 'text' both give the words; keep one"),
        ("text,speakers\nHi,Ann\n", "a.csv, row 1: unknown column 'speakers'; did you mean 'speaker'?"),
        ("start,text\n1\n", "a.csv, row 2: 1 fields, the header has 2"),
        ("start,text\n1,a\n2,b,c\n", "a.csv, row 3: 3 fields, the header has 2"),
        ("start,text\nsoon,a\n", "a.csv, row 2: column 'start' is 'soon'; allowed are seconds, 00:16:16,059, or nothing"),
        ("end,text\n1_0,a\n", "a.csv, row 2: column 'end' is '1_0'; allowed are seconds, 00:16:16,059, or nothing"),
        ("channel,text\nleft,a\n", "a.csv, row 2: column 'channel' is 'left'; allowed is a whole number from 0, or nothing"),
        ("channel,text\n-1,a\n", "a.csv, row 2: column 'channel' is '-1'; allowed is a whole number from 0, or nothing"),
        ('text\n"a\n', "a.csv, row 2: not valid CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_row(text, message):
    assert refusal(text) == message


def test_a_very_wide_header_is_no_burden():
    assert refusal("a," * 50_000 + "b\n").endswith(", …")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("01:02:03.5", 3723.5),
        ("00:00:01,100", 1.1),
        ("2:03", 123.0),
        ("100:00:00", 360_000.0),
        ("-00:00:01", -1.0),
        ("00:00:60,000", 60.0),
        (" 0:1:2 ", 62.0),
    ],
)
def test_clock_times_are_read(text, seconds):
    assert parse_clock(text) == seconds == parse_time(text)


@pytest.mark.parametrize("text", ["", "1", "1:2:3:4", "a:01", "1:001", "1::2", "9999999:00:00", "00:00:01,", "½"])
def test_what_is_no_clock_time_is_refused(text):
    with pytest.raises(ValueError, match="no clock time"):
        parse_clock(text)


@pytest.mark.parametrize(("text", "seconds"), [("1.5", 1.5), ("1,5", 1.5), (" 7 ", 7.0), (".5", 0.5), ("-2", -2.0), ("1e2", 100.0)])
def test_seconds_are_read(text, seconds):
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["1.5.2", "1_000", "0x1", "9" * 100, "1 2", "--1"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        parse_time(text)


def plain(text):
    return [(turn.speaker, turn.words, turn.start, turn.end) for turn in read(text, "a.txt").utterances]


def test_lines_with_names_are_turns_and_others_go_on_with_them():
    assert plain("Ann: Hi.\n\nHow are you?\nbob_92:Fine: really.\nHe said: no\n") == [
        ("Ann", "Hi. How are you?", None, None),
        ("bob_92", "Fine: really. He said: no", None, None),
    ]


def test_without_names_each_line_is_a_turn():
    assert plain("Hi.\n\nSo it is\nas it is\n") == [(None, line, None, None) for line in ("Hi.", "So it is", "as it is")]


def test_sentences_before_the_first_name_have_no_speaker():
    assert plain("We talk.\nWe two.\nAnn: Hi.\n") == [(None, "We talk. We two.", None, None), ("Ann", "Hi.", None, None)]


@pytest.mark.parametrize(
    "line",
    [
        "[00:01:02] Ann: Did he say: no",
        "00:01:02 Ann: Did he say: no",
        "01:02 Ann: Did he say: no",
        "(1:02) Ann: Did he say: no",
        "[00:01:02]Ann: Did he say: no",
        "[00:01:02]: Ann: Did he say: no",
        "00:01:02 - Ann: Did he say: no",
        "Ann (00:01:02): Did he say: no",
        "Ann [1:02]:\nDid he say: no",
        "Ann (1:02)\nDid he say: no",
        "1:02\nAnn: Did he say: no",
    ],
)
def test_times_stand_before_or_after_names(line):
    assert plain(line) == [("Ann", "Did he say: no", 62.0, None)]


def test_times_with_fractions_and_ends_are_read():
    assert plain("[00:00.000 --> 00:02.500]  Hi\n[00:02.500 --> 00:04,000]  Ho\n") == [
        (None, "Hi", 0.0, 2.5),
        (None, "Ho", 2.5, 4.0),
    ]


def test_a_time_begins_a_turn_even_without_a_name_and_the_name_before_holds():
    assert plain("[0:01] Ann: Hi\n[0:05] Ho\nhum\n") == [("Ann", "Hi", 1.0, 5.0), ("Ann", "Ho hum", 5.0, None)]


def test_a_time_that_is_said_is_none():
    assert plain("Ann: When?\n10:30 is fine\n") == [("Ann", "When? 10:30 is fine", None, None)]
    assert plain("10:30: the train leaves\n") == [(None, "10:30: the train leaves", None, None)]


def test_a_negative_time_is_unknown():
    assert plain("[-00:00:01] Ann: Hi\n") == [("Ann", "Hi", None, None)]
