"""RTTM and CTM: who speaks when, and which word is said when."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.annotation.transcripts.annotation_files.nist import SpeakerTurn, read_ctm, read_rttm, with_speakers
from merc.annotation.transcripts.reading import read_transcripts
from merc.data.schema import Utterance
from merc.errors import DataError

RTTM = """;; made by hand
SPKR-INFO call 1 <NA> <NA> <NA> unknown Ann <NA> <NA>
SPEAKER call 1 2.00 1.50 <NA> <NA> Ben Ode <NA> <NA>
SPEAKER call 1 0.25 1.50 <NA> <NA> Ann <NA>
LEXEME call 1 0.25 0.20 well lex Ann 0.9 <NA>
"""


def test_turns_are_in_order_and_names_may_hold_blanks():
    assert read_rttm(RTTM, "call.rttm") == (SpeakerTurn("Ann", 0.25, 1.75), SpeakerTurn("Ben Ode", 2.0, 3.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", r"expected turns of RTTM, found no line that begins with SPEAKER$"),
        ("SPEAKER call 1 0 1\n", r"line 1: 5 fields; a speaker's turn has at least 8$"),
        ("SPEAKER call 1 zero 1 <NA> <NA> Ann <NA> <NA>\n", r"line 1: expected a time in s, found 'zero'$"),
        ("SPEAKER call 1 0 1 <NA> <NA> <NA> <NA> <NA>\n", r"line 1: the turn names no speaker$"),
        (RTTM + "SPEAKER other 1 0 1 <NA> <NA> Ann <NA> <NA>\n", r"turns of 2 recordings \(call, other\); expected those of one$"),
    ],
)
def test_what_is_no_rttm_is_told(text, message):
    with pytest.raises(DataError, match=message):
        read_rttm(text, "call.rttm")


def test_the_longest_overlap_names_the_speaker():
    turns = [SpeakerTurn("Ann", 0.0, 2.0), SpeakerTurn("Ben", 2.0, 3.0), SpeakerTurn("Ann", 3.0, 3.6), SpeakerTurn("Ben", 8.0, 9.0)]
    utterances = [
        Utterance("1", None, "both", 1.5, 4.0),  # 1.1 s of Ann, 1 s of Ben
        Utterance("2", "X", "nobody", 5.0, 6.0),
        Utterance("3", "X", "no time"),
        Utterance("4", None, "at a point", 8.5, 8.5),
    ]
    found, warnings = with_speakers(utterances, turns)
    assert [u.speaker for u in found] == ["Ann", "X", "X", "Ben"]
    assert warnings == ("2 utterances lie in no speaker's turn",)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=8),
)
def test_the_speaker_is_that_of_a_search_through_all_turns(turns, utterances):
    spoken = [SpeakerTurn(name, float(start), float(start + length)) for name, start, length in turns]
    found, _ = with_speakers([Utterance(str(n), None, "x", float(s), float(s + d)) for n, (s, d) in enumerate(utterances)], spoken)
    for utterance in found:
        shares = {}
        for turn in spoken:
            shared = min(turn.end, utterance.end) - max(turn.start, utterance.start)
            if shared > 0:
                shares[turn.speaker] = shares.get(turn.speaker, 0) + shared
        assert (utterance.speaker is None) == (not shares)
        assert not shares or shares[utterance.speaker] == max(shares.values())


def test_words_become_utterances_by_pauses_and_channels_stay_apart():
    ctm = """;; words
call A 0.00 0.30 are 0.9
call A 0.35 0.25 you
call B 0.40 0.20 yes
call A 0.60 0.40 there?
call A 1.05 0.20 Dr.
call A 1.30 0.20 Who
call A 2.50 0.20 hello
"""
    cues = read_ctm(ctm, "call.ctm").cues
    assert [(c.channel, c.text, c.start) for c in cues] == [
        (0, "are you there?", 0.0),
        (1, "yes", 0.4),
        (0, "Dr. Who", 1.05),
        (0, "hello", 2.5),
    ]


def test_one_channel_is_none_and_alternatives_are_read_once():
    ctm = "a 1 0 1 <ALT_BEGIN>\na 1 0 1 wreck\na 1 0 1 <ALT>\na 1 0 1 recognise\na 1 0 1 <ALT_END>\na 1 1 1 speech\n"
    assert [(c.channel, c.text, c.conversation) for c in read_ctm(ctm, "a.ctm").cues] == [(None, "wreck speech", None)]


def test_several_recordings_are_several_conversations():
    found = read_transcripts(io.BytesIO(b"one 1 0 1 hello\ntwo 1 0 1 goodbye\n"), "all.ctm")
    assert [(each.conversation, each.utterances[0].words) for each in found] == [("one", "hello"), ("two", "goodbye")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (";; none\n", r"expected words of CTM, found none$"),
        ("a 1 x 1 w\n", r"line 1: expected start and duration in s, found 'x 1'$"),
    ],
)
def test_what_is_no_ctm_is_told(text, message):
    with pytest.raises(DataError, match=message):
        read_ctm(text, "talk.ctm")


def test_speakers_are_those_of_the_last_field_or_of_the_channels():
    typed = (
        "a 1 0.0 0.3 mind 0.9 lex Mia\na 1 0.3 0.3 it 0.9 lex Mia\na 1 0.6 0.2 {laugh} 0.9 non-lex Mia\n"
        "a 1 0.9 0.3 thanks 0.9 lex Tom\na 1 2.9 0.3 yes 0.9 lex unknown\n"
    )
    assert [(c.speaker, c.text, c.channel) for c in read_ctm(typed, "a.ctm").cues] == [
        ("Mia", "mind it", None),
        ("Tom", "thanks", None),
        (None, "yes", None),
    ]
    by_channel = "a speaker_0 0.0 0.3 mind 0\na speaker_1 0.3 0.3 thanks 0\na speaker_0 0.4 0.3 it 0\n"
    assert [(c.speaker, c.text, c.channel) for c in read_ctm(by_channel, "a.ctm").cues] == [
        ("speaker_0", "mind it", None),
        ("speaker_1", "thanks", None),
    ]
