"""Utterances out of single words."""

from __future__ import annotations

import pytest

from merc.annotation.transcripts.recognisers.timed_words import TimedWord, utterances


def words(text, speakers=None, gap=0.0, start=1.0, length=0.3):
    """Words of 0.3 s one after another; `|` is a pause of 0.6 s, and each letter of `speakers` says the next word."""
    listed, time = [], start
    who = iter(speakers or "")
    for piece in text.split():
        if piece == "|":
            time += 0.6
            continue
        listed.append(TimedWord(piece, time, time + length, next(who, None)))
        time += length + gap
    return listed


def said(listed, text=None):
    return [(cue.speaker, cue.text.strip()) for cue in utterances(listed, text=text)]


def test_utterances_end_with_sentences():
    assert said(words("Dr. Moss left. Did he? Yes, at 5.30 p.m. today. e.g. like so.")) == [
        (None, "Dr. Moss left."),
        (None, "Did he?"),
        (None, "Yes, at 5.30 p.m. today. e.g. like so."),
    ]


def test_utterances_end_where_somebody_pauses():
    found = utterances(words("we went | to the | sea"))
    assert [cue.text.strip() for cue in found] == ["we went", "to the", "sea"]
    assert (found[1].start, found[1].end) == (pytest.approx(2.2), pytest.approx(2.8))


def test_utterances_end_where_another_person_speaks():
    assert said(words("we went to see it", "AAABB")) == [("A", "we went to"), ("B", "see it")]


def test_a_lone_word_amid_anothers_sentence_belongs_to_it():
    assert said(words("we went to the sea", "AABAA")) == [("A", "we went to the sea")]
    assert said(words("we went to the sea", "AABAA", gap=0.1)) == [("A", "we went to the sea")]
    assert said(words("a b c d e f", "ABABAB"))[0] == ("A", "a b c d e")


@pytest.mark.parametrize(
    ("text", "speakers", "who"),
    [
        ("we went | mhm | to the sea", "AABAAA", ["A", "B", "A"]),  # a back-channel with pauses of its own
        ("Are you coming? Yes. Good then.", "AAABAA", ["A", "B", "A"]),  # an answer between sentences
        ("we went oh no to the sea", "AABBAAA", ["A", "B", "A"]),  # not alone
        ("we went to", "AAB", ["A", "B"]),  # nothing follows
        ("we went to him", "AABC", ["A", "B", "C"]),  # not amid
    ],
)
def test_other_lone_words_stay_their_speakers(text, speakers, who):
    assert [speaker for speaker, _ in said(words(text, speakers))] == who


def test_a_back_channel_said_at_the_same_time_stays():
    listed = [TimedWord("we", 1.0, 1.4, "A"), TimedWord("mhm", 1.1, 1.3, "B"), TimedWord("went", 1.4, 1.8, "A")]
    assert [speaker for speaker, _ in said(listed)] == ["A", "B", "A"]


def test_a_word_without_speaker_is_the_one_befores():
    listed = words("in the end we left")
    listed[1].speaker, listed[3].speaker = "A", "B"
    assert said(listed) == [(None, "in"), ("A", "the end"), ("B", "we left")]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["我", "去", "海", "边", "。"], "我去海边。"),
        (["私", "は", "行く"], "私は行く"),
        (["ผม", "ไป"], "ผมไป"),
        (["我", "用", "Python", "写"], "我 用 Python 写".replace("我 用", "我用")),
        (["우리는", "갔다"], "우리는 갔다"),
        (["well", ",", "we", "left", "!"], "well, we left!"),
        ([" well", ",", " we", "'ll", " see"], "well, we'll see"),
        (["about", ".5", "of", "..."], "about .5 of ..."),
    ],
)
def test_blanks_stand_where_the_script_has_them(pieces, text):
    listed = [TimedWord(piece, 1 + i / 10, 1.1 + i / 10) for i, piece in enumerate(pieces)]
    assert said(listed) == [(None, text)]


def test_a_full_stop_of_a_language_without_blanks_ends_a_sentence():
    listed = [TimedWord(piece, 1 + i / 10, 1.1 + i / 10) for i, piece in enumerate("他走了。你呢？好")]
    assert [words for _, words in said(listed)] == ["他走了。", "你呢？", "好"]


def test_the_text_gives_words_their_punctuation():
    listed = words("so we left did you see it")
    assert said(listed, "So, we left. “Did” you see it?") == [(None, "So, we left."), (None, "“Did” you see it?")]
    assert said(words("left did"), "«left»? «Did»") == [(None, "«left»?"), (None, "«Did»")]
    chinese = [TimedWord(piece, 1 + i / 10, 1.1 + i / 10) for i, piece in enumerate("走了好的")]
    assert said(chinese, "走了。“好的”") == [(None, "走了。"), (None, "“好的”")]
    assert said(listed, "Another text. Of another talk.") == [(None, "so we left did you see it")]


def test_a_text_in_which_a_word_is_far_off_does_not_hold_the_words():
    listed = words("so we left")
    assert said(listed, "So we " + "hum " * 50 + "left. No.") == [(None, "so we left")]


def test_long_speech_without_pauses_is_cut():
    found = utterances(words("river " * 200))
    assert len(found) > 2
    assert all(len(cue.text) <= 400 and cue.end - cue.start <= 30.01 for cue in found)
    assert "".join(cue.text for cue in found).split() == ["river"] * 200


def test_words_without_times_are_kept():
    found = utterances(
        [TimedWord("In", 1.0, 1.2), TimedWord("1998", None, None), TimedWord("we", 1.6, 1.9), TimedWord("left.", None, None)]
    )
    assert [(cue.text, cue.start, cue.end) for cue in found] == [("In 1998 we left.", 1.0, 1.9)]
