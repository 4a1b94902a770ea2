"""Captions that show again what they showed before."""

from __future__ import annotations

import pytest

from annotation.transcripts.captions.containers import read, subrip, turns, web, words_of
from steps import in_proportion


def at(*texts, length=2000, gap=0, start=1000):
    """Captions of these texts, one after another."""
    return [(start + i * (length + gap), start + i * (length + gap) + length, text) for i, text in enumerate(texts)]


THREE_LINES = at(
    ">>> GOOD EVENING FROM",
    ">>> GOOD EVENING FROM\nTHE OLD MILL, WHERE",
    ">>> GOOD EVENING FROM\nTHE OLD MILL, WHERE\nTHE WHEEL TURNS AGAIN.",
    "THE OLD MILL, WHERE\nTHE WHEEL TURNS AGAIN.\n>> WHO MENDED IT?",
    "THE WHEEL TURNS AGAIN.\n>> WHO MENDED IT?\n>> WE ALL DID.",
)


def test_three_lines_that_move_up():
    assert turns(read(subrip(THREE_LINES), "a.srt")) == [
        (1.0, 7.0, None, "GOOD EVENING FROM THE OLD MILL, WHERE THE WHEEL TURNS AGAIN."),
        (7.0, 9.0, None, "WHO MENDED IT?"),
        (9.0, 11.0, None, "WE ALL DID."),
    ]


def test_a_line_that_grows_by_parts_of_words():
    cues = at("THE M", "THE MILL W", "THE MILL WAS OLD.", "THE MILL WAS OLD.\nSO WE", "SO WE MENDED IT.", length=300)
    assert words_of(read(subrip(cues), "a.srt")) == "THE MILL WAS OLD. SO WE MENDED IT."


def test_a_line_that_is_wrapped_anew_as_it_grows():
    cues = at("the wheel turns", "the wheel turns again\nand", "the wheel turns again\nand again", length=400)
    assert words_of(read(web(cues))) == "the wheel turns again and again"


def test_a_line_whose_last_word_gets_a_mark():
    cues = at("we mended the wheel", "we mended the wheel,\nall of us", "all of us.\nIt turns.", length=900)
    assert words_of(read(web(cues))) == "we mended the wheel, all of us. It turns."


def test_a_name_stays_with_what_grows():
    cues = at("Ada: the wheel", "Ada: the wheel turns", "Ada: the wheel turns.\nBen: At last.", length=500)
    found = read(web(cues))
    assert [(turn.speaker, turn.words) for turn in found.utterances] == [("Ada", "the wheel turns."), ("Ben", "At last.")]


def test_what_is_shown_again_after_a_pause_is_said_again():
    cues = [*at("We wait.", "We wait.\nIt rains."), (9000, 10000, "It rains."), (12000, 13000, "It rains.\nWe wait.")]
    assert words_of(read(subrip(cues), "a.srt")) == "We wait. We wait. It rains. It rains. It rains. We wait."


@pytest.mark.parametrize(
    "texts", [("Go!", "Go!", "Go!"), ("No.", "No. No.", "Yes."), ("I will.", "I will.\nYou won't.", "I will.")]
)
def test_a_few_repeated_words_do_not_roll(texts):
    assert words_of(read(subrip(at(*texts)), "a.srt")) == " ".join(texts).replace("\n", " ")


def test_a_part_of_a_file_that_rolls():
    prepared = at(*(f"This is sentence number {n}." for n in range(20)))
    live = at(
        "so now", "so now we see", "so now we see the mill", "so now we see the mill\nand its wheel.", start=90_000, length=500
    )
    found = read(subrip([*prepared, *live]), "a.srt")
    assert found.utterances[-1].words == "so now we see the mill and its wheel."
    assert len(found.utterances) == 21


def test_a_picture_by_picture_caption_is_read_once():
    cues = [*at("We wait."), *((5000 + 40 * i, 5040 + 40 * i, "THE OLD MILL") for i in range(25)), *at("It rains.", start=8000)]
    assert turns(read(subrip(cues), "a.srt"))[1] == (5.0, 6.0, None, "THE OLD MILL")


def test_the_same_words_at_the_same_time_are_said_once():
    cues = [(1000, 2000, "We wait."), (1000, 2000, "We wait."), (1000, 2000, "It rains."), (3000, 4000, "We wait.")]
    assert [turn.words for turn in read(subrip(cues), "a.srt").utterances] == ["We wait.", "It rains.", "We wait."]


def test_single_words_that_stutter_are_kept():
    cues = [(1000, 1120, "the"), (1120, 1210, "the"), (1210, 1500, "mill"), (1500, 1600, "mill"), (1600, 2000, "turns")]
    assert words_of(read(subrip(cues), "a.srt")) == "the the mill mill turns"


def test_lines_with_times_of_words_roll_whatever_time_lies_between():
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\n \nthe<00:01.500><c> wheel</c>\n\n00:05.000 --> 00:05.010\nthe wheel\n \n\n"
    text += "00:05.010 --> 00:07.000\nthe wheel\nturns<00:05.500><c> again.</c><00:06.000><c> &gt;&gt;</c><00:06.200><c> So</c>\n"
    assert [turn.words for turn in read(text).utterances] == ["the wheel", "turns again.", "So"]


def test_many_captions_take_steps_in_proportion():
    def read_many(count):
        assert read(subrip(at(*(f"w{n}\nw{n + 1}" for n in range(count)))), "a.srt").utterances

    assert in_proportion(read_many, 30, "merc.")


def test_long_captions_that_grow_take_steps_in_proportion():
    def read_lines(count):
        text = "\n".join(["a a"] * count)
        assert read(subrip(at(text, f"{text} b", f"{text} b\nc")), "a.srt").utterances

    assert in_proportion(read_lines, 30, "merc.")
