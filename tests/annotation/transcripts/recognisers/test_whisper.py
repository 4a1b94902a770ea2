"""JSON of speech recognisers."""

from __future__ import annotations

import pytest

import nesting
from annotation.json_files import read, refusal
from annotation.turns import spoken, turns_of


def word(text, start=None, end=None, speaker=None):
    given = {"word": text, "start": start, "end": end, "speaker": speaker}
    return {key: value for key, value in given.items() if value is not None}


def test_whispers_segments_are_read_whatever_else_they_hold():
    content = '{"text": " Hi.", "segments": [{"id": 0, "start": 0, "end": 1.5, "text": " Hi.", "tokens": [1], "avg_logprob": NaN}]}'
    assert read(content).utterances == turns_of(spoken("Hi.", None, 0.0, 1.5))


def test_a_list_of_turns_is_read_and_never_joined():
    turns = [
        {"start": 0, "end": 1, "speaker": " Ann  Lee ", "text": "I want"},
        {"start": "00:00:01,000", "end": "2.5", "speaker": 0, "words": "to &amp; fro", "channel": 1},
        {"utterance": "go", "speaker": None},
        {"transcript": "home", "speaker": ""},
    ]
    assert read(turns).utterances == turns_of(
        spoken("I want", "Ann Lee", 0.0, 1.0),
        spoken("to & fro", "speaker_0", 1.0, 2.5, 1),
        spoken("go"),
        spoken("home"),
    )


def test_whisper_cpp_is_read():
    content = {
        "result": {"language": "en"},
        "transcription": [
            {"timestamps": {"from": "00:00:00,000", "to": "00:00:02,500"}, "offsets": {"from": 0, "to": 2500}, "text": " Hi."},
            {"timestamps": {"from": "00:00:03,000", "to": "00:00:04,100"}, "text": " Ho.", "speaker": "1"},
        ],
    }
    assert read(content).utterances == turns_of(spoken("Hi.", None, 0.0, 2.5), spoken("Ho.", "1", 3.0, 4.1))


def test_pieces_of_a_sentence_are_joined_but_not_across_speakers():
    def segments(*speakers):
        return {"segments": [{"start": i, "end": i + 1, "text": f"part {i}", "speaker": s} for i, s in enumerate(speakers)]}

    assert [turn.words for turn in read(segments("A", "A", "B", None)).utterances] == ["part 0 part 1", "part 2", "part 3"]


def test_a_segment_is_split_where_its_words_change_speaker():
    words = [
        word("Hi", 0, 0.5, "A"),
        word("there.", 0.5, 1, "A"),
        word("10"),
        word("No,", 2, 2.5, "B"),
        word("way.", 2.5, 2.9, "B"),
    ]
    content = {"segments": [{"start": 0, "end": 3, "text": " Hi there. 10 No, way.", "speaker": "A", "words": words}]}
    assert read(content).utterances == turns_of(spoken("Hi there. 10", "A", 0.0, 1.0), spoken("No, way.", "B", 2.0, 2.9))


def test_a_language_without_blanks_is_split_without_blanks():
    words = [word("你", 0, 1, "A"), word("好", 1, 2, "A"), word("不", 2, 3, "B"), word("是", 3, 4, "B")]
    assert [turn.words for turn in read({"segments": [{"text": "你好。不是", "words": words}]}).utterances] == ["你好。", "不是"]


def test_listed_segments_with_words_are_split_too():
    words = [word("Hi", 0, 0.5, "A"), word("No", 2, 2.5, "B")]
    assert read([{"text": "Hi No", "words": words}]).utterances == turns_of(
        spoken("Hi", "A", 0.0, 0.5), spoken("No", "B", 2.0, 2.5)
    )
    assert read([{"text": "Hi No", "start": 1, "words": []}]).utterances == turns_of(spoken("Hi No", None, 1.0))


def test_words_that_the_text_does_not_hold_are_joined():
    words = [word("Hi", 0, 1, "A"), word("Ann", 1, 2, "A"), word("No", 2, 3, "B")]
    assert [turn.words for turn in read({"segments": [{"text": "Hi Anne. No", "words": words}]}).utterances] == ["Hi Anne.", "No"]
    assert [turn.words for turn in read({"segments": [{"text": "Other", "words": words}]}).utterances] == ["Hi Ann", "No"]
    assert [turn.words for turn in read({"segments": [{"words": words}]}).utterances] == ["Hi Ann", "No"]


def test_words_of_one_speaker_name_the_segments():
    words = [word(" Hi", speaker="A"), word(" you")]
    assert read({"segments": [{"start": 0, "end": 1, "words": words}]}).utterances == turns_of(spoken("Hi you", "A", 0.0, 1.0))
    assert read({"segments": [{"text": "Hi", "speaker": "B", "words": [word("Hi")]}]}).utterances == turns_of(spoken("Hi", "B"))


def test_times_of_a_run_whose_words_have_none_come_from_around():
    words = [word("a", speaker="A"), word("b", 1, 2, "B"), word("c", speaker="C")]
    content = {"segments": [{"start": 0, "end": 3, "text": "a b c", "words": words}]}
    assert [(turn.speaker, turn.start, turn.end) for turn in read(content).utterances] == [
        ("A", 0.0, None),
        ("B", 1.0, 2.0),
        ("C", 2.0, 3.0),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"segments": 3}', "a.json: segments: expected a list, found 3"),
        ('{"segments": [{"text": "a"}, 7]}', "a.json: segment 2: expected an object, found 7"),
        ('{"segments": [{"text": 7}]}', "a.json: segment 1: text: expected a text, found 7"),
        ('{"segments": [{"start": 1}]}', "a.json: segment 1: text: expected a text, found nothing"),
        ('{"segments": [{"text": null}]}', "a.json: segment 1: text: expected a text, found null"),
        ('{"segments": [{"text": "a", "start": NaN}]}', "a.json: segment 1: start: expected a time in numbers, found nan"),
        ('{"segments": [{"text": "a", "end": -Infinity}]}', "a.json: segment 1: end: expected a time in numbers, found -inf"),
        ('{"segments": [{"text": "a", "end": true}]}', "a.json: segment 1: end: expected a time in numbers, found true"),
        ('{"segments": [{"text": "a", "end": "soon"}]}', "a.json: segment 1: end: expected a time in numbers, found 'soon'"),
        ('{"segments": [{"text": "a", "start": [1]}]}', "a.json: segment 1: start: expected a time in numbers, found a list of 1"),
        ('{"segments": [{"text": "a", "speaker": [1]}]}', "a.json: segment 1: speaker: expected a name, found a list of 1"),
        ('{"segments": [{"text": "a", "speaker": 1.5}]}', "a.json: segment 1: speaker: expected a name, found 1.5"),
        ('{"segments": [{"text": "a", "channel": -1}]}', "a.json: segment 1: channel: expected a whole number from 0, found -1"),
        ('{"segments": [{"text": "a", "text": "b"}]}', "a.json: segment 1: key 'text' occurs more than once"),
        ('{"segments": [], "segments": []}', "a.json: key 'segments' occurs more than once"),
        ('{"segments": [{"text": "a", "words": {}}]}', "a.json: segment 1: words: expected a list, found a dict of 0"),
        ('{"segments": [{"text": "a", "words": [1]}]}', "a.json: segment 1: word 1: expected an object, found 1"),
        ('{"segments": [{"text": "a", "words": [{}]}]}', "a.json: segment 1: word 1: text: expected a text, found nothing"),
        ('{"transcription": [{"text": "a", "offsets": 3}]}', "a.json: segment 1: offsets: expected an object, found 3"),
        (
            '{"transcription": [{"text": "a", "offsets": {"from": "x"}}]}',
            "a.json: segment 1: offsets: from: expected a time in numbers, found 'x'",
        ),
        (
            '[{"text": "a", "words": "b"}]',
            "a.json: turn 1: expected one of text, transcript, utterance, words; found text and words",
        ),
        ('[{"say": "a"}]', "a.json: turn 1: expected one of text, transcript, utterance, words; found 'say'"),
        (
            '[{"text": "a"}, {"text": "b", "end": {"a": 1, "a": 2}}]',
            "a.json: turn 2: end: expected a time in numbers, found an object with the key 'a' more than once",
        ),
        ("[[]]", "a.json: turn 1: expected an object, found a list of 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content, message):
    assert refusal(content) == message


@pytest.mark.parametrize("content", ["3", "null", '"a"', "{}", '{"text": "a"}', "true"])
def test_other_json_is_told_what_is_read(content):
    assert refusal(content).startswith("a.json: expected {'segments': [...]} of Whisper, ")


@pytest.mark.parametrize("content", ["{", "[1,]", "{'a': 1}", '[{"text": "a"}] x', '[{"text": "a\n"}]'])
def test_broken_json_is_told(content):
    assert refusal(content).startswith("a.json: not valid JSON: ")


def test_json_that_is_nested_too_deep_is_told():
    with nesting.few_calls():
        assert refusal(nesting.LISTS).startswith("a.json: JSON nested too deep")
        assert refusal(nesting.OBJECTS).startswith("a.json: JSON nested too deep")


def test_a_number_of_many_digits_is_no_time():
    assert refusal('[{"text": "a", "start": ' + "9" * 400 + "}]").endswith("start: expected a time in numbers, found inf")


def test_halves_of_surrogate_pairs_are_dropped():
    assert read('[{"text": "a\\ud800 \\ud83d\\ude00", "speaker": "\\udc00B"}]').utterances == turns_of(spoken("a 😀", "B"))
