"""What remains of a text: no mark-up, no sounds, nothing that shows nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.annotation.transcripts.words import clean, holds_words, without_markup, without_sounds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<i>Hi</i> <b>you</b>", "Hi you"),
        ('<font color="#fff">Hi</font>', "Hi"),
        ("{\\an8}Hi", "Hi"),
        ("{\\i1}Hi{\\i0} you", "Hi you"),
        ("{y:i}Hi", "Hi"),
        ("<c.yellow>Hi</c> <00:00:01.500>you", "Hi you"),
        ("Hi<br/>you<BR>all", "Hi\nyou\nall"),
        ("Tom &amp; Ann &lt;i&gt; &#233;&#xE9; &hellip;", "Tom & Ann <i> éé …"),
        ("I <3 you", "I <3 you"),
        ("2 < 3 and 4 > 1", "2 < 3 and 4 > 1"),
        ("{really}", "{really}"),
        ("R&D; AT&T", "R&D; AT&T"),
        ("&#99999999999;", "&#99999999999;"),
        ("&amp;amp;", "&amp;"),
    ],
)
def test_markup_is_taken_out_and_nothing_else(text, words):
    assert without_markup(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[door slams] Who is there?", "Who is there?"),
        ("I [coughs] know.", "I know."),
        ("[a [b] c", "[a c"),
        ("【笑】 你好", "你好"),
        ("♪ la la ♪", ""),
        ("♪♪ la la ♪♪ Stop!", "Stop!"),
        ("♪ la\nla ♪\nStop!", "Stop!"),
        ("♪ never ends\nStop!", "Stop!"),
        ("ends ♪", "ends"),
        ("(laughs) Yes.", "Yes."),
        ("Yes. (door slams) No.", "Yes. No."),
        ("Yes (laughing) I do", "Yes I do"),
        ("Yes (nervously laughing) I do", "Yes I do"),
        ("Yes (DOOR SLAMS) I do", "Yes I do"),
        ("One\n(phone rings)", "One"),
        ("I went (finally) home.", "I went (finally) home."),
        ("He is (yellow) and (sober).", "He is (yellow) and (sober)."),
        ("Stop. (I could not believe it.) Go.", "Stop. (I could not believe it.) Go."),
        ("Stop. (one two three four five six seven) Go.", "Stop. (one two three four five six seven) Go."),
        ("(laughs at the man who stands before the door) Go.", "Go."),
        ("Hm (", "Hm ("),
        ("a) b [ c", "a) b [ c"),
    ],
)
def test_sounds_are_taken_out_and_words_kept(text, words):
    assert clean(without_sounds(text)) == words


def test_brackets_before_a_colon_may_be_left():
    assert without_sounds("[ANN]: [sighs] Hi", but_names=True) == "[ANN]:   Hi"
    assert without_sounds("ANN (sighs): Hi", but_names=True) == "ANN (sighs): Hi"
    assert clean(without_sounds("ANN (sighs): Hi")) == "ANN : Hi"


def test_what_shows_nothing_is_dropped():
    assert clean("\ufeffa\x00\x07b\x1bc\x7f\x81 \ud800d\uffff") == "abc d"
    assert clean(" a\t b\n\n c\u2028d\u00a0e ") == "a b c d e"


def test_windows_punctuation_that_became_control_characters_is_put_right():
    assert clean("don\x92t\x85") == "don’t…"


def test_joiners_and_marks_of_direction_stay():
    persian = "می\u200cخواهم \u200fabc\u200e \u061c1"
    assert clean(persian) == persian


@pytest.mark.parametrize(
    ("text", "balanced"),
    [
        ("a \u202bb\u202c c", "a \u202bb\u202c c"),
        ("a \u2067b \u202ec\u202c\u2069 d", "a \u2067b \u202ec\u202c\u2069 d"),
        ("a \u202eb c", "a b c"),
        ("a \u2066b c", "a b c"),
        ("a\u202c b\u2069", "a b"),
        ("\u2067a \u202eb\u2069 c", "\u2067a b\u2069 c"),
        ("\u202ea \u2067b\u202c c\u2069", "a \u2067b c\u2069"),
        ("\u2067a \u202eb\u2069 c\u202c", "\u2067a b\u2069 c"),
    ],
)
def test_only_balanced_directions_stay(text, balanced):
    assert clean(text) == balanced


@given(st.text(alphabet="ab\u202a\u202b\u202d\u202e\u202c\u2066\u2067\u2068\u2069"))
def test_directions_are_balanced_as_a_slow_twin_says(text):
    """What remains is well bracketed, and taking a well bracketed text changes nothing."""
    found = clean(text)
    plain = found
    for _ in range(len(found)):
        for opening, closing in [
            *((o, "\u202c") for o in "\u202a\u202b\u202d\u202e"),
            *((o, "\u2069") for o in "\u2066\u2067\u2068"),
        ]:
            while (end := plain.find(closing)) >= 0 and (begin := plain.rfind(opening, 0, end)) >= 0:
                inner = plain[begin + 1 : end]
                if not set(inner) <= set("ab"):
                    break
                plain = plain[:begin] + inner + plain[end + 1 :]
    assert set(plain) <= set("ab")
    assert clean(found) == found
    assert [c for c in found if c in "ab"] == [c for c in text if c in "ab"]


@given(st.text())
def test_cleaning_again_changes_nothing(text):
    once = clean(text)
    assert clean(once) == once
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in once)


@pytest.mark.parametrize("text", ["a", "7", "é", "你", "!", "?!", "😀", "- a", "؟"])
def test_these_hold_words(text):
    assert holds_words(text)


@pytest.mark.parametrize("text", ["", "...", "-", "…", "\u200f", ".,;", '"', "—"])
def test_these_hold_none(text):
    assert not holds_words(text)
