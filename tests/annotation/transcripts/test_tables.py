"""Tables and plain text."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from annotation.talks import talks
from annotation.turns import spoken, turns_of
from merc.annotation.transcripts.cues import parse_clock, parse_time
from merc.annotation.transcripts.reading import read_transcript, read_transcripts
from merc.annotation.transcripts.units import TAKEN_AS_MILLISECONDS
from merc.data.schema import Utterance
from merc.errors import DataError
from merc.files.csv_cells import csv_text


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


def test_in_our_own_table_the_utterance_is_an_id():
    text = "conversation,utterance,speaker,words,emotion\ntalk.wav,u7,Mia,Come in,joy\n"
    assert read(text, "a.csv").utterances == (Utterance("u7", "Mia", "Come in"),)
    assert "'utterance' and 'words' both give the words" in refusal("utterance,words\nA,B\n")


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


@pytest.mark.parametrize(
    "header",
    [
        "start,end",
        "Start Time,End-Time",
        "start_ms,end_ms",
        "startMs,endMs",
        "Start (ms),End (ms)",
        "Begin,End",
        "begin time,End Time",
        "onset,offset",
        "In,Out",
        "TC In,TC Out",
        "Start (s),End [s]",
        "start_seconds,end_seconds",
        "Begin Time - msec,End Time - msec",
        "Begin Time - ss.msec,End Time - ss.msec",
        "start,duration",
        "startTimeMs,durationMs",
    ],
)
def test_columns_of_times_have_many_names(header):
    unit = 1000 if "ms" in header.casefold().replace("ss.msec", "") else 1
    end = 1.0 if "dur" in header else 2.5
    row = f"{1.5 * unit},{end * unit},We left."
    transcript = read(f"{header},text\n{row}\n", "a.csv")
    assert transcript.utterances == turns_of(spoken("We left.", None, 1.5, 2.5))
    assert transcript.warnings == ()


def test_clock_times_count_no_milliseconds_whatever_the_column_says():
    assert read("start_ms,text\n00:00:01.500,We left.\n", "a.csv").utterances == turns_of(spoken("We left.", None, 1.5))


@pytest.mark.parametrize("column", ["Speaker", "Speaker Name", "speaker_id", "Speaker Label", "Participant", "Character", "Name"])
def test_columns_of_speakers_have_many_names(column):
    assert read(f"{column},text\nIda,We left.\n", "a.csv").utterances == turns_of(spoken("We left.", "Ida"))


def test_of_two_columns_the_one_with_the_usual_name_is_read():
    text = "speaker,speaker_id,begin,start,text,sentence\nIda,7,9,1.5,We left.,1\n"
    assert read(text, "a.csv").utterances == turns_of(spoken("We left.", "Ida", 1.5))
    text = "Begin Time - hh:mm:ss.ms,Begin Time - ss.msec,text\n00:00:01.500,1.5,We left.\n"
    assert read(text, "a.csv").utterances == turns_of(spoken("We left.", None, 1.5))


@pytest.mark.parametrize("column", ["Dialogue_ID", "dialogue", "conversation_id", "Dialog ID", "session", "conv_id", "scene"])
def test_columns_of_conversations_have_many_names(column):
    found = read_transcripts(io.BytesIO(f"{column},text\n1,We left.\n2,Did we?\n1,Yes.\n".encode()), "a.csv")
    assert [(one.conversation, [u.words for u in one.utterances]) for one in found] == [
        ("1", ["We left.", "Yes."]),
        ("2", ["Did we?"]),
    ]


@pytest.mark.parametrize("nobody", ["?", "nan", "NTP", "Unknown", "N/A"])
def test_placeholders_in_tables_are_nobody(nobody):
    assert read(f"speaker,text\n{nobody},We left.\n", "a.csv").utterances == turns_of(spoken("We left."))


WHISPER = 'start\tend\ttext\n0\t1500\tWe "left.\n1500\t4000\t"Did we?" Yes.\n'


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_the_table_of_whisper_counts_milliseconds_and_knows_no_quotes(name):
    transcript = read(WHISPER, name)
    assert transcript.utterances == turns_of(spoken('We "left.', None, 0.0, 1.5), spoken('"Did we?" Yes.', None, 1.5, 4.0))
    assert transcript.warnings == ()


def test_the_same_columns_in_seconds_are_seconds():
    assert read("start\tend\ttext\n1\t3\tWe left early.\n", "a.tsv").utterances == turns_of(
        spoken("We left early.", None, 1.0, 3.0)
    )
    assert read('start\tend\ttext\n1.0\t3.5\t"We ""left"" early."\n', "a.tsv").utterances == turns_of(
        spoken('We "left" early.', None, 1.0, 3.5)
    )


def test_times_that_nobody_could_take_are_milliseconds_with_a_warning():
    transcript = read("start,end,speaker,text\n1000,2500,Ida,We left early.\n3000,4500,Ole,Did we?\n", "a.csv")
    assert [(u.start, u.end) for u in transcript.utterances] == [(1.0, 2.5), (3.0, 4.5)]
    assert transcript.warnings == (TAKEN_AS_MILLISECONDS,)


def written(rows, delimiter):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


WRITERS = {
    "seconds": ("a.csv", ["start", "end", "speaker", "text"], ",", lambda ms: ms / 1000),
    "semicolons": (
        "a.csv",
        ["Start Time", "End Time", "Speaker Name", "Text"],
        ";",
        lambda ms: f"{ms / 1000:.3f}".replace(".", ","),
    ),
    "milliseconds": ("a.csv", ["start_ms", "end_ms", "speaker", "text"], ",", int),
    "clock": ("a.tsv", ["In", "Out", "Speaker", "Utterance"], "\t", lambda ms: f"{ms // 60_000}:{ms % 60_000 / 1000:06.3f}"),
    "unnamed milliseconds": ("a.tsv", ["start", "end", "speaker", "words"], "\t", int),
}


@pytest.mark.parametrize("kind", WRITERS)
@settings(max_examples=20, deadline=None)
@given(talk=talks())
def test_any_conversation_in_a_table_is_read_back(kind, talk):
    name, header, delimiter, unit = WRITERS[kind]
    rows = [[unit(one.start), unit(one.end), ("Ida", "Ole")[one.who], one.text] for one in talk]
    found = read(written([header, *rows], delimiter), name)
    assert [(u.words, u.speaker) for u in found.utterances] == [(one.text, ("Ida", "Ole")[one.who]) for one in talk]
    for utterance, one in zip(found.utterances, talk, strict=True):
        assert (utterance.start, utterance.end) == pytest.approx((one.start / 1000, one.end / 1000), abs=0.001)
    assert found.warnings == ((TAKEN_AS_MILLISECONDS,) if kind.startswith("unnamed") else ())


@settings(max_examples=20, deadline=None)
@given(talk=talks())
def test_any_conversation_in_whispers_table_is_read_back(talk):
    lines = ["start\tend\ttext", *(f"{one.start}\t{one.end}\t{one.text}" for one in talk)]
    found = read("\n".join(lines), "a.tsv").utterances
    assert [(u.words, u.start, u.end) for u in found] == [(one.text, one.start / 1000, one.end / 1000) for one in talk]


def test_a_tab_separated_table_may_hold_commas():
    assert read("speaker\tstart\ttext, as said\ttext\nIda\t1,5\tx\tWell, we left.\n", "a.tsv").utterances == turns_of(
        spoken("Well, we left.", "Ida", 1.5)
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("text,timestamp\nWe left.,12\n", "'timestamp'"),
        ("where,text,Time Code\n00:01:02,We left.,x\n", "'where', 'Time Code'"),
        ("text,end,onset time x\nWe left.,2,1\n", "'onset time x'"),
    ],
)
def test_columns_that_seem_to_hold_times_and_are_not_read_are_named(text, named):
    (warning,) = read(text, "a.csv").warnings
    assert f"not read: {named} (" in warning


def test_a_table_without_anything_like_times_gives_no_warning():
    assert read("mood,text\njoy,We left.\n", "a.csv").warnings == ()


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


@given(st.floats(-1e9, 1e9, allow_nan=False))
@example(4.0120000000000005)
@example(0.00030000000000000003)
def test_seconds_as_python_writes_them_are_read(seconds):
    assert parse_time(str(seconds)) == seconds


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


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("words", ["=1+1 is two", "+1 from me", "- well", "@Ann look", "'tis late", "'twas -3", "plain"])
def test_words_that_a_spreadsheet_would_compute_come_back_as_they_were(words, delimiter):
    text = csv_text({"speaker": ["-Ann"], "words": [words]}, delimiter)
    (turn,) = read_transcript(io.BytesIO(text.encode()), "talk.tsv" if delimiter == "\t" else "talk.csv").utterances
    assert (turn.speaker, turn.words) == ("-Ann", words)


def test_a_line_for_excel_tells_the_separator():
    assert read(
        "sep=;\nspeaker;text\nAnn;Hi, all; you\n".replace("Hi, all; you", '"Hi, all; you"'), "a.csv"
    ).utterances == turns_of(spoken("Hi, all; you", "Ann"))
    assert "column" in refusal("sep=;\nspeaker,text\nAnn,Hi\n")


@pytest.mark.parametrize(("start", "end"), [("00:00:01:15", "00:00:02:00"), ("00;00;01;15", "00;00;02;00"), ("00:00:01;15", "2")])
def test_times_with_frames_count_thirty_a_second(start, end):
    assert read(f"start,end,text\n{start},{end},Hi\n", "a.csv").utterances == turns_of(spoken("Hi", None, 1.5, 2.0))


@pytest.mark.parametrize("column", ["sender", "Role", "Author"])
def test_who_sends_a_message_says_it(column):
    assert read(f"{column},message\nAnn,Hi\n", "a.csv").utterances == turns_of(spoken("Hi", "Ann"))
