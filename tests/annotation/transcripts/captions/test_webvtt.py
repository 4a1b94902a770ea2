"""WebVTT as it is written, by the specification or not."""

from __future__ import annotations

import pytest

from annotation.transcripts.captions.containers import read, turns
from merc.errors import DataError


def test_empty_lines_below_times_and_amid_words_lose_nothing():
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n\nThe wheel turns.\n\n\nAt last.\n\n00:03.000 --> 00:04.000\nWe mended it.\n"
    assert turns(read(text)) == [(1.0, 2.0, None, "The wheel turns. At last."), (3.0, 4.0, None, "We mended it.")]


def test_what_is_no_words_is_left_out():
    text = (
        "WEBVTT - a talk\nKind: captions\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\nSTYLE\n::cue { color: red }\n\n"
        "REGION\nid:one\n\nNOTE nobody\nsays this\n\nfirst\n00:01.000 --> 00:02.000 align:start\nThe wheel turns.\n\n"
        "NOTE\nnor this\n\nsecond cue\n00:03.000 --> 00:04.000\n42\n\n3\n\n00:05.000 --> 00:06.000\nAt last.\n"
    )
    assert [turn.words for turn in read(text).utterances] == ["The wheel turns.", "42", "At last."]


def test_cues_without_empty_lines_between():
    text = "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nThe wheel turns.\n2\n00:03.000 --> 00:04.000\nAt last.\n"
    assert [turn.words for turn in read(text).utterances] == ["The wheel turns.", "At last."]


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        ("0.250 --> 4.5", 0.25, 4.5),
        ("7 --> 9", 7.0, 9.0),
        ("1:02.5 --> 1:03.25", 62.5, 63.25),
        ("01:00:02,500 --> 01:00:03,000", 3602.5, 3603.0),
        ("00:02.500-->00:03.000 line:0", 2.5, 3.0),
        ("100:00:02.500 --> 100:00:03.000", 360_002.5, 360_003.0),
        ("75:02.500 --> 75:03.000", 4502.5, 4503.0),
    ],
)
def test_times(times, start, end):
    assert turns(read(f"WEBVTT\n\n{times}\nAt last.\n")) == [(start, end, None, "At last.")]


def test_no_readable_time_at_all_is_told():
    with pytest.raises(
        DataError, match=r"^a\.vtt: expected WebVTT subtitles, found no cue .* but 1 cue with times that can't be read"
    ):
        read("WEBVTT\n\nsoon --> later\nAt last.\n")


def test_ffmpegs_codes_are_blanks_and_line_ends():
    assert read("WEBVTT\n\n00:01.000 --> 00:02.000\nThe\\h\\hwheel\\Nturns.\n").utterances[0].words == "The wheel turns."


def test_a_sentence_that_a_voice_begins_goes_on_in_a_cue_without():
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ada>The old wheel\n\n00:02.000 --> 00:03.000\nturns again.\n\n"
    text += "00:05.000 --> 00:06.000\nAt last.\n"
    assert turns(read(text)) == [(1.0, 3.0, "Ada", "The old wheel turns again."), (5.0, 6.0, None, "At last.")]


def test_readings_of_characters_are_no_words():
    assert (
        read("WEBVTT\n\n00:01.000 --> 00:02.000\n<ruby>水車<rt>すいしゃ</rt></ruby>が回る。\n").utterances[0].words
        == "水車が回る。"
    )


def test_notes_and_identifiers_of_teams():
    text = 'WEBVTT\n\nNOTE duration:"9"\n\nNOTE Confidence: 0.9\n\n3f2a/7-0\n00:01.000 --> 00:02.000\n<v Ada>It turns.</v>\n\n'
    text += "3f2a/8-0\n00:03.000 --> 00:04.000\n<v Ben Miller (Guest)>At\nlast.</v>\n"
    assert [(turn.speaker, turn.words) for turn in read(text).utterances] == [
        ("Ada", "It turns."),
        ("Ben Miller (Guest)", "At last."),
    ]


def test_identifiers_of_webex_name_the_speakers():
    text = (
        'WEBVTT\n\n1 "Mia Falk" (1112223334)\n00:01.000 --> 00:02.000\nThe wheel turns.\n\n'
        '2 "Tom" (5556667778)\n00:03.000 --> 00:04.000\n<v Uwe>At last.\n\n'
        '3 ""\n00:05.000 --> 00:06.000\nGood.\n\n4\n00:07.000 --> 00:08.000\nYes.\n'
    )
    assert [(turn.speaker, turn.words) for turn in read(text).utterances] == [
        ("Mia Falk", "The wheel turns."),
        ("Uwe", "At last."),
        (None, "Good."),
        (None, "Yes."),
    ]
