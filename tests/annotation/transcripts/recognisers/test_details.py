"""What single recognisers do otherwise than others, and what is wrong in their files."""

from __future__ import annotations

import io
import json

import pytest

import nesting
from annotation.json_files import read, refusal
from annotation.recogniser_forms import FORMS, Said
from annotation.turns import spoken, turns_of
from merc.annotation.transcripts.reading import read_transcripts

TALK = [Said(0, [("Mind", 1000, 1300), ("the", 1300, 1500), ("step.", 1500, 1900)]), Said(1, [("Thanks.", 3000, 3400)])]


def test_after_a_turn_mark_of_whisper_cpp_another_person_speaks():
    def segment(start, end, text, following):
        return {"offsets": {"from": start, "to": end}, "text": text, "speaker_turn_next": following}

    found = read(
        {
            "transcription": [
                segment(0, 1000, " So I told", False),
                segment(1000, 2000, " him that", True),
                segment(2000, 3000, " told whom", True),
                segment(3000, 4000, " my uncle", False),
            ]
        }
    )
    assert [u.words for u in found.utterances] == ["So I told him that", "told whom", "my uncle"]
    found = read(
        {"segments": [{"start": 0, "end": 4, "text": "I see [SPEAKER_TURN] do you"}, {"start": 4, "end": 5, "text": "now"}]}
    )
    assert [u.words for u in found.utterances] == ["I see", "do you now"]


def test_clauses_of_a_language_without_blanks_are_joined_without_any():
    clauses = [("我们走了，", 0, 900), ("他没来。", 900, 1800), ("好。", 1900, 2400)]
    found = read([{"key": "a", "text": "", "sentence_info": [{"text": t, "start": a, "end": b, "spk": 0} for t, a, b in clauses]}])
    assert [u.words for u in found.utterances] == ["我们走了，他没来。", "好。"]


def test_characters_with_times_take_the_punctuation_of_the_text():
    pairs = [[100 * i, 100 * i + 90] for i in range(7)]
    found = read([{"key": "a", "text": "他走了。use Python 吧？", "timestamp": pairs[:6]}])
    assert [(u.words, u.start, u.end) for u in found.utterances] == [("他走了。", 0.0, 0.29), ("use Python 吧？", 0.3, 0.59)]
    found = read([{"key": "a", "text": "他走了。", "timestamp": pairs}])  # times that are not of these characters
    assert found.utterances == turns_of(spoken("他走了。", None, 0.0, 0.69))


def test_tokens_of_funasr_count_seconds():
    tokens = [{"token": t, "start_time": i / 2, "end_time": i / 2 + 0.4, "score": 0.9} for i, t in enumerate("好的")]
    assert read({"key": "a", "text": "好的。", "timestamps": tokens}).utterances == turns_of(spoken("好的。", None, 0.0, 0.9))


def test_several_recordings_of_funasr_are_conversations():
    content = [{"key": key, "text": "嗯", "sentence_info": [{"text": "嗯", "start": 0, "end": 100}]} for key in ("a", "b")]
    found = read_transcripts(io.BytesIO(json.dumps(content).encode()), "a.json")
    assert [one.conversation for one in found] == ["a", "b"]


def test_words_without_punctuation_of_funasr_are_a_list():
    found = read([{"key": "a", "text": "x", "sentence_info": [{"text": ["we", "left"], "start": 0, "end": 500, "spk": 1}]}])
    assert found.utterances == turns_of(spoken("we left", "speaker_1", 0.0, 0.5))


def test_empty_results_of_vosk_are_left_out():
    listed = [{"text": ""}, *FORMS["vosk"].write(TALK), {"text": ""}]
    assert [u.words for u in read(listed).utterances] == ["mind the step", "thanks"]
    best = {"alternatives": [{"confidence": 200.0, **listed[1]}, {"text": "mine the step", "result": []}]}
    assert [u.words for u in read(best).utterances] == ["mind the step"]


def test_a_lone_word_of_another_speaker_in_a_segment_stays_with_the_sentence():
    words = [
        {"word": word, "start": i / 2, "end": i / 2 + 0.5, "speaker": who}
        for i, (word, who) in enumerate([("we", "A"), ("left", "A"), ("so", "B"), ("early", "A")])
    ]
    content = {"segments": [{"start": 0, "end": 2, "text": "we left so early", "words": words}]}
    assert read(content).utterances == turns_of(spoken("we left so early", "A", 0.0, 2.0))
    words[2] |= {"start": 1.15, "end": 1.3}
    assert [u.speaker for u in read(content).utterances] == ["A", "B", "A"]


@pytest.mark.parametrize("nobody", ["?", "nan", "NTP", "Unknown", "", " ", "unknown", "None", -1, None])
def test_placeholders_are_nobody(nobody):
    assert read([{"start": 1, "end": 2, "text": "We left.", "speaker": nobody}]).utterances == turns_of(
        spoken("We left.", None, 1.0, 2.0)
    )
    assert read({"segments": [{"start": 1, "end": 2, "text": "We left.", "speaker": nobody}]}).utterances[0].speaker is None


def test_a_speaker_may_be_an_object():
    assert read([{"text": "a", "speaker": {"id": 3, "name": "Ida"}}, {"text": "b", "speaker": {"id": 3}}]).utterances == turns_of(
        spoken("a", "Ida"), spoken("b", "speaker_3")
    )


def test_google_tags_nobody_with_0_and_writes_times_in_two_parts():
    words = [
        {"word": "Mind", "startTime": {"seconds": "1", "nanos": 500000000}, "endTime": {"seconds": "2"}, "speakerTag": 0},
        {"word": "it.", "startTime": {"seconds": "2"}, "endTime": {"seconds": "2", "nanos": 250000000}, "speakerTag": 0},
    ]
    found = read({"results": [{"alternatives": [{"transcript": "Mind it.", "words": words}]}]})
    assert found.utterances == turns_of(spoken("Mind it.", None, 1.5, 2.25))
    found = read({"results": [{"alternatives": [{"transcript": "Mind it."}], "resultEndTime": "2.500s"}, {"alternatives": []}]})
    assert found.utterances == turns_of(spoken("Mind it.", None, None, 2.5))


def test_the_channels_of_google_count_from_1():
    def result(word, tag):
        words = [{"word": word, "startTime": f"{tag}s", "endTime": f"{tag}.5s"}]
        return {"alternatives": [{"transcript": word, "words": words}], "channelTag": tag}

    assert [(u.words, u.channel) for u in read({"results": [result("Mind.", 1), result("Thanks.", 2)]}).utterances] == [
        ("Mind.", 0),
        ("Thanks.", 1),
    ]


def test_channels_of_assemblyai_count_from_1():
    turns = [{"text": "Mind.", "start": 0, "end": 900, "channel": "1", "speaker": "1A"}]
    turns.append({"text": "Thanks.", "start": 2000, "end": 2900, "channel": "2", "speaker": "2A"})
    found = read({"id": "x", "audio_url": "y", "text": "", "utterances": turns}).utterances
    assert [(u.speaker, u.channel, u.end) for u in found] == [("1A", 0, 0.9), ("2A", 1, 2.9)]


def test_channels_of_speechmatics_are_numbered_as_they_come():
    content = FORMS["speechmatics"].write(TALK)
    for result in content["results"]:
        speaker = result["alternatives"][0].pop("speaker")
        result["alternatives"][0]["speaker"] = "UU"
        result["channel"] = {"S1": "host", "S2": "guest"}[speaker]
    assert [(u.words, u.speaker, u.channel) for u in read(content).utterances] == [
        ("Mind the step.", None, 0),
        ("Thanks.", None, 1),
    ]


def test_what_ibm_hears_as_hesitation_or_not_yet_is_left_out():
    stamps = [["well", 1.0, 1.2], ["%HESITATION", 1.2, 1.5], ["yes", 1.5, 1.8]]
    results = [
        {"final": True, "alternatives": [{"transcript": "well %HESITATION yes ", "timestamps": stamps}]},
        {"final": False, "alternatives": [{"transcript": "well no ", "timestamps": [["well", 3.0, 3.2]]}]},
    ]
    assert read({"results": results, "result_index": 0}).utterances == turns_of(spoken("well yes", None, 1.0, 1.8))
    results = [{"final": True, "alternatives": [{"transcript": "well %HESITATION yes "}]}]
    assert [u.words for u in read([{"results": results, "result_index": 0}]).utterances] == ["well yes"]


def test_words_of_elevenlabs_may_tell_their_channels():
    said = (("Mind", 1.0, 0), ("Thank", 1.2, 1), ("it.", 1.5, 0), ("you.", 1.7, 1))
    words = [{"text": w, "type": "word", "start": at, "end": at + 0.4, "channel_index": channel} for w, at, channel in said]
    assert [(u.words, u.channel, u.start) for u in read({"words": words}).utterances] == [
        ("Mind it.", 0, 1.0),
        ("Thank you.", 1, 1.2),
    ]


def test_sounds_are_no_words():
    listed = [
        {"text": "(laughter)", "type": "audio_event", "start": 0.1, "end": 0.9},
        {"text": "Mind", "type": "word", "start": 1.0, "end": 1.3},
        {"text": " ", "type": "spacing", "start": 1.3, "end": 1.3},
        {"text": "it.", "type": "word", "start": 1.3, "end": 1.6},
    ]
    assert read({"words": listed}).utterances == turns_of(spoken("Mind it.", None, 1.0, 1.6))
    elements = [{"type": "unknown", "value": "<laugh>"}, {"type": "text", "value": "Mind", "ts": 1.0, "end_ts": 1.3}]
    assert read({"monologues": [{"speaker": 0, "elements": elements}]}).utterances == turns_of(
        spoken("Mind", "speaker_0", 1.0, 1.3)
    )


def test_words_of_rev_without_punctuation_have_blanks():
    said = ((1.0, "mind"), (1.5, "the"), (2.0, "step"))
    elements = [{"type": "text", "value": word, "ts": at, "end_ts": at + 0.5} for at, word in said]
    assert read({"monologues": [{"speaker": 1, "elements": elements}]}).utterances == turns_of(
        spoken("mind the step", "speaker_1", 1.0, 2.5)
    )


def test_paragraphs_beside_words_tell_who_speaks():
    said = ("Mind", "the", "step.", "Thanks", "a", "lot.")
    words = [{"id": i, "text": word, "start": i / 2, "end": i / 2 + 0.5} for i, word in enumerate(said)]
    paragraphs = [{"id": 0, "start": 0.0, "end": 1.5, "speaker": "Ida"}, {"id": 1, "start": 1.5, "end": 2.5, "speaker": "Ole"}]
    assert [(u.speaker, u.words) for u in read({"words": words, "paragraphs": paragraphs}).utterances] == [
        ("Ida", "Mind the step."),
        ("Ole", "Thanks a lot."),
    ]
    assert [u.speaker for u in read({"words": words}).utterances] == [None, None]


def test_very_long_listed_turns_are_cut_too():
    words = [{"word": "ho." if i % 9 == 8 else "Oh" if i % 9 == 0 else "so", "start": i / 2, "end": i / 2 + 0.5} for i in range(90)]
    text = " ".join(word["word"] for word in words)
    turn = {"speaker": "Ida", "transcript": text, "start_time": 0.0, "end_time": 45.0, "words": words}
    found = read([turn]).utterances
    assert len(found) == 10 and {u.speaker for u in found} == {"Ida"}
    assert [u.words for u in read([turn | {"end_time": 29.0}]).utterances] == [text]


def test_segments_that_can_only_count_milliseconds_do_so_with_a_warning():
    words = [
        {"word": "Mind", "start": 1000, "end": 1400, "speaker": "A"},
        {"word": "it.", "start": 1400, "end": 2000, "speaker": "B"},
    ]
    segments = [{"start": 1000, "end": 2000, "text": "Mind it.", "words": words}, {"start": 3000, "end": 3900, "text": "Thanks."}]
    found = read({"segments": segments})
    assert [(u.start, u.end) for u in found.utterances] == [(1.0, 1.4), (1.4, 2.0), (3.0, 3.9)]
    assert len(found.warnings) == 1 and "milliseconds" in found.warnings[0]


@pytest.mark.parametrize("where", [lambda turn: [turn], lambda turn: {"segments": [turn]}])
def test_fields_that_seem_to_hold_times_and_are_not_read_are_named(where):
    (warning,) = read(where({"t0": 0, "t1": 1200, "text": "Mind it.", "no_speech_prob": 0.1})).warnings
    assert "not read: 't0', 't1' (" in warning
    assert read(where({"text": "Mind it.", "mood": "joy"})).warnings == ()


@pytest.mark.parametrize(
    ("key", "value", "start"),
    [
        ("timestamp", 62.5, 62.5),
        ("timestamp", "00:01:02", 62.0),
        ("time", "1:02.5", 62.5),
        ("timestamp", "2024-05-01T10:00:00Z", None),
        ("timestamp", 1714557600, None),
        ("timestamp", [62.5], None),
    ],
)
def test_a_single_time_is_a_start_unless_it_is_a_date(key, value, start):
    assert read([{key: value, "speaker": "Ida", "text": "Mind it."}]).utterances == turns_of(spoken("Mind it.", "Ida", start))


def test_words_that_are_not_those_shown_leave_a_phrase_whole():
    words = [
        {"word": w, "offsetInTicks": i * 5e6, "durationInTicks": 4e6} for i, w in enumerate(["twenty", "five", "pounds", "thanks"])
    ]
    phrase = {"nBest": [{"display": "£25. Thanks.", "words": words}], "offsetInTicks": 0, "durationInTicks": 2e7, "speaker": 1}
    assert read({"recognizedPhrases": [phrase]}).utterances == turns_of(spoken("£25. Thanks.", "speaker_1", 0.0, 2.0))


def test_long_turns_are_cut_at_ends_of_sentences_where_their_words_are_listed():
    one = Said(0, [("Mind", 1000, 1300), ("it.", 1300, 1500), ("Or", 1500, 1800), ("not.", 1800, 2000)])
    for name in ("assemblyai", "deepgram, utterances", "gladia", "azure, batch", "rev ai", "aws, call"):
        assert [(u.words, u.start) for u in read(FORMS[name].write([one])).utterances] == [("Mind it.", 1.0), ("Or not.", 1.5)], (
            name
        )


def test_listed_turns_of_one_word_are_no_words():
    turns = [{"start": 2 * i, "end": 2 * i + 1, "text": word} for i, word in enumerate(["Yes", "No", "Why", "So"])]
    assert [u.words for u in read(turns).utterances] == ["Yes", "No", "Why", "So"]
    turns = [{"start": i, "end": i + 1, "text": word, "speaker": i % 2} for i, word in enumerate(["Yes", "No", "Yes", "No"])]
    assert [u.speaker for u in read(turns).utterances] == ["speaker_0", "speaker_1"] * 2
    turns = [{"start": i, "end": i + 1, "text": word} for i, word in enumerate(["Yes.", "No!", "Why?", "So"])]
    assert len(read(turns).utterances) == 4


def test_words_of_an_unknown_length_say_no_more_than_the_file():
    assert [u.words for u in read([{"word": "Hm", "start": None}, {"word": "yes", "start": 2, "end": None}]).utterances] == [
        "Hm yes"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"results": {"items": [{"type": "x", "alternatives": [{"content": "a"}], "start_time": "soon"}]}},
            "start_time: expected a time",
        ),
        (
            {"results": [{"alternatives": [{"words": [{"word": "a", "startTime": [1]}]}]}]},
            "startTime: expected a time such as '1.300s'",
        ),
        (
            {"monologues": [{"elements": [{"type": "text", "value": "a", "ts": True}]}]},
            "monologue 1: element 1: ts: expected a time",
        ),
        ({"utterances": [{"text": "a"}, {"text": 3}]}, "a.json: utterance 2: text: expected a text, found 3"),
        (
            {"chunks": [{"text": "a", "timestamp": [1, "x"]}]},
            "a.json: chunk 1: timestamp: end: expected a time in numbers, found 'x'",
        ),
        ({"output": {"segments": [{"text": 1}]}}, "a.json: output: segment 1: text: expected a text, found 1"),
        ([[1.0, 2.0, "a"], [1.0]], "a.json: segment 2: expected an object, found a list of 1"),
        ('{"results": [{"alternatives": [{"transcript": "a", "transcript": "b"}]}]}', "key 'transcript' occurs more than once"),
        ('{"results": {"items": [{"type": "a", "type": "b", "alternatives": []}]}}', "key 'type' occurs more than once"),
        ('{"data": 1, "data": 2}', "a.json: key 'data' occurs more than once"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content, message):
    assert message in refusal(content)


def test_objects_one_after_another_are_a_list():
    lines = FORMS["vosk"].write(TALK)
    for text in ("\n".join(map(json.dumps, lines)), "\n".join(json.dumps(one, indent=1) for one in lines) + "\n\n"):
        assert [u.words for u in read(text).utterances] == ["mind the step", "thanks"]
    turns = [{"start": 1, "end": 2, "text": "Mind it."}, {"start": 2, "end": 3, "text": "Thanks."}]
    assert read("".join(map(json.dumps, turns))).utterances == read(turns).utterances


@pytest.mark.parametrize(
    "text", ['{"text": "a"} x', '{"text": "a"}, {"text": "b"}', '{"text": "a"} [1]', '{"text": "a"} {"text": "b"', "{} 1"]
)
def test_anything_else_after_an_object_is_told(text):
    assert refusal(text).startswith("a.json: not valid JSON: Extra data")


def test_what_no_recogniser_writes_is_told_with_its_keys_and_what_is_read():
    message = refusal({"job": {"segments": []}, "speech": "hello"})
    assert message.endswith("found an object with 'job', 'speech'")
    assert "Deepgram" in message and "{'segments': [...]} of Whisper" in message


def test_objects_within_objects_are_looked_into_only_so_far():
    assert "found an object with 'result'" in refusal('{"result":' * 30 + '{"segments": []}' + "}" * 30)
    with nesting.few_calls():
        assert "nested too deep" in refusal('{"result":' * 60 + "0" + "}" * 60)


def test_words_with_relative_times_are_read_and_so_are_participants():
    def word(text, start, end):
        return {"text": text, "start_timestamp": {"relative": start, "absolute": "2026"}, "end_timestamp": {"relative": end}}

    one = {"participant": {"id": 7, "name": "Mia Falk"}, "words": [word("Mind", 1.0, 1.2), word("it.", 1.2, 1.5)]}
    two = {"speaker": "Tom", "words": [{"text": "Thanks.", "start_timestamp": 3.0, "end_timestamp": 3.5}]}
    assert read([one, two]).utterances == turns_of(spoken("Mind it.", "Mia Falk", 1.0, 1.5), spoken("Thanks.", "Tom", 3.0, 3.5))


def test_sentences_are_read_listed_or_within():
    listed = [
        {"sentence": "Mind it.", "startTime": "00:01", "endTime": "00:02", "speaker_name": "Mia"},
        {"sentence": "Thanks.", "startTime": "00:03", "endTime": "00:04", "speaker_name": "Tom"},
    ]
    within = [
        {
            "index": n,
            "text": one["sentence"],
            "start_time": 1.0 + 2 * n,
            "end_time": 2.0 + 2 * n,
            "speaker_name": one["speaker_name"],
        }
        for n, one in enumerate(listed)
    ]
    wanted = turns_of(spoken("Mind it.", "Mia", 1.0, 2.0), spoken("Thanks.", "Tom", 3.0, 4.0))
    assert read(listed).utterances == wanted
    assert read({"data": {"transcript": {"title": "Steps", "sentences": within}}}).utterances == wanted


def test_messages_are_said_by_their_roles():
    found = read([{"role": "agent", "content": "Mind it."}, {"role": "caller", "content": "Thanks."}])
    assert found.utterances == turns_of(spoken("Mind it.", "agent"), spoken("Thanks.", "caller"))
