"""Who speaks in captions: names told by the whole file, brackets, marks of recognisers, names that hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.transcripts.captions.containers import read, subrip
from merc.annotation.transcripts.names import like_a_display_name, named
from merc.annotation.transcripts.nobody import known
from steps import in_proportion


def at(*texts):
    """Cues of these texts, each of 1 s and 2 s apart."""
    return subrip([(3000 * i, 3000 * i + 1000, text) for i, text in enumerate(texts)])


def said(*texts):
    return [(turn.speaker, turn.words) for turn in read(at(*texts), "a.srt").utterances]


def speakers(*texts):
    return [speaker for speaker, _ in said(*texts)]


# `>>` and the marks of recognisers


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([">> It turns. >> At last. >> Who?"], ["It turns.", "At last.", "Who?"]),
        ([">>> It turns.\nWe see it. >>Do you?"], ["It turns. We see it.", "Do you?"]),
        (["It turns >>", "at last."], ["It turns", "at last."]),
        (["The wheel turns. [SPEAKER_TURN]", "at last, [SPEAKER_TURN]", "it does"], ["The wheel turns.", "at last,", "it does"]),
        (["It turns. [SPEAKER TURN] At last."], ["It turns.", "At last."]),
        ([">> (softly) It turns.\n>> [laughs] At last."], ["It turns.", "At last."]),
        (["a>>b and c >>> d"], ["a>>b and c", "d"]),
    ],
)
def test_marks_of_another_speaker(texts, expected):
    cues = subrip([(1000 * i, 1000 * i + 1000, text) for i, text in enumerate(texts)])
    assert [turn.words for turn in read(cues, "a.srt").utterances] == expected


def test_a_chevron_with_a_name():
    assert said(">> ADA: It turns. >> BEN: At last.", ">> Who?") == [("ADA", "It turns."), ("BEN", "At last."), (None, "Who?")]


def test_numbered_speakers_in_brackets():
    found = said("(speaker 0) It turns.", " (speaker 1) At last.", "(speaker ?) Who?", "[SPEAKER_02] We did.", "Yes.")
    assert found == [
        ("speaker 0", "It turns."),
        ("speaker 1", "At last."),
        (None, "Who?"),
        ("SPEAKER_02", "We did."),
        (None, "Yes."),
    ]


# Names in brackets


def test_capitalised_names_beside_sounds_in_small_letters():
    found = said("[Ada] It turns.", "[wheel creaks]", "[Ben] At last.", "[Ada] We did it.\n[Ben] All of us.", "[sighs] Come.")
    assert found == [
        ("Ada", "It turns."),
        ("Ben", "At last."),
        ("Ada", "We did it."),
        ("Ben", "All of us."),
        (None, "Come."),
    ]


def test_names_and_sounds_in_capitals_are_told_by_what_follows():
    texts = ["[ADA] It turns.", "[THUNDER] Come in!", "[ADA] It rains.", "[MUSIC]", "[BEN] We know.", "[BEN] Come.", "[CREAK]"]
    assert said(*texts) == [
        ("ADA", "It turns."),
        (None, "Come in!"),
        ("ADA", "It rains."),
        ("BEN", "We know."),
        ("BEN", "Come."),
    ]


def test_how_a_name_in_brackets_speaks():
    found = said("[Ada] It turns.", "[Ada, softly] At last.", "[Ada over radio] Who?", "[Ada laughs] Yes.", "[door opens]")
    assert found == [("Ada", "It turns."), ("Ada", "At last."), ("Ada", "Who?"), (None, "Yes.")]


@pytest.mark.parametrize(
    "label", ["Music", "Applause", "In French", "French", "Whispering", "Softly", "BLANK_AUDIO", "Gunshot", "Static"]
)
def test_what_else_stands_in_brackets_names_nobody(label):
    texts = [f"[{label}] It turns.", f"[{label}] At last.", "[bird sings]"]
    assert speakers(*texts) == [None, None]


def test_a_name_in_a_line_of_its_own():
    assert said("(ADA)\nIt turns.", "(door slams)\nAt last.", "(ADA)\nYes.", "(BEN)\nNo.") == [
        ("ADA", "It turns."),
        (None, "At last."),
        ("ADA", "Yes."),
        ("BEN", "No."),
    ]


def test_a_bracket_once_in_a_file_names_nobody():
    assert speakers("[Ada] It turns.", "At last.", "Who?", "We did.") == [None] * 4


# Display names


def test_display_names_are_told_by_the_whole_file():
    names = [
        "ada",
        "b_miller",
        "Dr. Cy Lee, MSc",
        "Dee's iPad (they/them)",
        "Eve | Mill Ltd",
        "fay@mill.example",
        "2nd Floor",
        "ada",
    ]
    texts = [f"{name}: It turns, number {n}: yes." for n, name in enumerate(names)]
    assert said(*texts) == [(name, f"It turns, number {n}: yes.") for n, name in enumerate(names)]


def test_a_cue_without_a_name_in_a_meeting_has_none():
    texts = [f"{name}: It turns." for name in ["ada", "ben k"] * 12]
    found = said(*texts[:20], "so here is the thing: it turns", *texts[20:])
    assert found[20] == (None, "so here is the thing: it turns")
    assert {speaker for speaker, _ in found} == {"ada", "ben k", None}


def test_many_different_beginnings_are_no_display_names():
    words = [f"word{n}" for n in range(40)]
    assert speakers(*(f"{word}: what it means" for word in words), "word1: again") == [None] * 41


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada", True),
        ("ada_b", True),
        ("Ada and Ben", True),
        ("Room 7", True),
        ("李 明", True),
        ("he said", False),
        ("so here is the thing", False),
        ("Really?", False),
        ("note", False),
        ("(muted)", False),
    ],
)
def test_what_looks_like_a_display_name(name, expected):
    assert like_a_display_name(name) is expected


# Titles, placeholders, spelling


def test_a_title_after_a_name_in_capitals():
    assert named("ADA MILLER, KEEPER OF THE MILL: It turns.") == ("ADA MILLER", "It turns.")
    assert named("Ada Miller, Keeper: It turns.") is None
    assert named("WELL, ADA: COME") is None
    assert said("ADA MILLER, KEEPER: It turns.", "MILLER: At last.") == [("ADA MILLER", "It turns."), ("MILLER", "At last.")]


@pytest.mark.parametrize("name", ["NTP", "nan", "NaN", "?", "Unknown", "UNKNOWN", "unknown speaker", "None", "<NA>", "N/A"])
def test_placeholders_are_nobody(name):
    assert known(name) is None
    assert read(f"WEBVTT\n\n00:01.000 --> 00:02.000\n<v {name.strip('<>')}>It turns.\n").utterances[0].speaker in (None, "NA")


@pytest.mark.parametrize("name", ["Nan", "NAN", "Unknown Woman", "Nona", "Speaker 1"])
def test_people_are_no_placeholders(name):
    assert known(name) == name


def test_a_placeholder_in_words_ends_what_holds():
    found = said("Ada: It turns.", "Ben: At last.", "Unknown: Who?", "Come.", "Ada: Yes.", "Ben: No.")
    assert found[2:4] == [(None, "Who?"), (None, "Come.")]


def test_one_name_in_several_spellings_is_one_person():
    assert speakers("Ada: It turns.", "ADA: At last.", "Ben: Yes.") == ["Ada", "Ada", "Ben"]


def test_a_name_alone_names_what_follows():
    assert said("ADA:", "It turns.", "BEN: At last.", "ADA:\nYes.") == [("ADA", "It turns."), ("BEN", "At last."), ("ADA", "Yes.")]


# Names that hold


HELD = ("Ada: It turns.", "We mended it.", "Ben: At last.", "Ada: Yes.", "It took a year.", "All of us.", "Ben: I know.", "Good.")


def test_names_that_stand_only_where_the_speaker_changes_hold():
    found = read(at(*HELD), "a.srt")
    assert [turn.speaker for turn in found.utterances] == ["Ada", "Ada", "Ben", "Ada", "Ada", "Ada", "Ben", "Ben"]
    assert found.warnings == (
        "names stand only where the speaker changes: 4 turns without a name are taken as the same speaker's as the one before",
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("Who is it?", *HELD),  # begins without a name
        (*HELD, "Ben: And so on.", "Ada: No.", "Ada: Yes."),  # a name follows on itself
        (*HELD, "- Who?\n- We."),  # somebody begins without a name
        HELD[:5],  # too few names
        ("Ada: It turns.", "Yes.", "Ada: It does.", "Yes.", "Ada: At last.", "Yes.", "Ada: Good."),  # one name alone
    ],
)
def test_names_do_not_hold_where_the_file_says_otherwise(texts):
    found = read(at(*texts), "a.srt")
    assert None in [turn.speaker for turn in found.utterances]
    assert found.warnings == ()


def test_names_in_brackets_do_not_hold():
    texts = ("[Ada] It turns.", "Yes.", "[Ben] At last.", "[Ada] Yes.", "No.", "[Ben] I know.", "[door opens]", "Come.")
    assert speakers(*texts)[1] is None


def test_a_named_sentence_goes_on_without_a_name():
    cues = [(1000, 2000, "ADA: The old wheel,"), (2000, 3000, "which we mended,"), (3000, 4000, "turns."), (4000, 5000, "Good.")]
    found = read(subrip(cues), "a.srt")
    assert [(turn.speaker, turn.words) for turn in found.utterances] == [
        ("ADA", "The old wheel, which we mended, turns."),
        (None, "Good."),
    ]


def test_a_text_without_marks_does_not_tell_what_goes_on():
    cues = [(1000 * i, 1000 * i + 1000, text) for i, text in enumerate(["ADA: it turns", "at last", "who did it", "BEN: we did"])]
    assert [turn.speaker for turn in read(subrip(cues), "a.srt").utterances] == ["ADA", None, "BEN"]


PIECES = st.sampled_from(
    ["Ada: ", "[Ben] ", ">> ", "- ", "It turns. ", "at last ", "\n", "(speaker 1) ", "cy_d: ", "[creak] ", "? ", "NTP: "]
)


@settings(max_examples=60)
@given(st.lists(st.lists(PIECES, min_size=1, max_size=6).map("".join), min_size=1, max_size=8))
def test_there_are_no_more_speakers_than_the_file_has(texts):
    try:
        found = read(at(*texts), "a.srt")
    except Exception as error:
        assert "expected words" in str(error)
        return
    assert {turn.speaker for turn in found.utterances} <= {"Ada", "Ben", "speaker 1", "cy_d", None}
    assert not any("\x01" in turn.words or "\x02" in turn.words for turn in found.utterances)


@pytest.mark.parametrize("piece", ["[Ada] ", "(ADA)\n", ">> ", "ada: ", "[", "(", "ADA, ", "- a\n", "[SPEAKER_TURN]", "\x01a\n"])
def test_many_marks_take_steps_in_proportion(piece):
    def read_many(count):
        assert read(at(piece * count + "It turns.", "At last."), "a.srt").utterances

    assert in_proportion(read_many, 15, "merc.")


def test_names_in_round_brackets_before_words_are_told_from_sounds_by_coming_again():
    assert said(
        "(MIA) Hi.",
        "(TOM) Ho.",
        "Well.",
        "(KETTLE) Hot!",
        "(TOM) Tea?",
        "(SIGHS) No.",
        "(MIA) Yes.",
        "So.",
        "(LATER)\nMilk?",
        "No.",
        "Never.",
    ) == [
        ("MIA", "Hi."),
        ("TOM", "Ho."),
        (None, "Well."),
        (None, "Hot!"),
        ("TOM", "Tea?"),
        (None, "No."),
        ("MIA", "Yes."),
        (None, "So."),
        (None, "Milk?"),
        (None, "No."),
        (None, "Never."),
    ]
    often = said("(Mia) Hi.", "(Tom) Ho.", "(Mia) Hm?", "(Tom) Ha.", "(Uwe) Hey.", "(sighs) Hi.")
    assert [speaker for speaker, _ in often] == ["Mia", "Tom", "Mia", "Tom", "Uwe", None]
    assert speakers("(Mia) Hi.", "(Mia) Ho.", "(Mia) Ha.") == [None, None, None]  # one who speaks always, or one sound


def test_how_something_is_said_is_no_part_of_a_display_name():
    assert said("ann_b [joy]: Hi.", "Bo, Li [anger]: Ho.", "ann_b [sadness]: Hm.", "Bo, Li [joy]: Ha.") == [
        ("ann_b", "Hi."),
        ("Bo, Li", "Ho."),
        ("ann_b", "Hm."),
        ("Bo, Li", "Ha."),
    ]
