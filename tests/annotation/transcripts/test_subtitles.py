"""Subtitles: what their formats hold, who speaks in them, and sentences that they show piece by piece."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.turns import spoken, turns_of
from merc.annotation.transcripts.names import named
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError
from steps import in_proportion

pysubs2 = pytest.importorskip("pysubs2")
pytest.importorskip("webvtt")


def read(text, name="a.srt"):
    return read_transcript(io.BytesIO(text.encode()), name)


def clock(seconds):
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{thousandths:03d}"


def srt(*cues):
    """A file of (start, end, text), or of texts alone, each of 1 s and 2 s apart."""
    given = [(3.0 * i, 3.0 * i + 1.0, cue) if isinstance(cue, str) else cue for i, cue in enumerate(cues)]
    return "".join(f"{i}\n{clock(start)} --> {clock(end)}\n{text}\n\n" for i, (start, end, text) in enumerate(given, 1))


def said(*cues):
    return [(turn.speaker, turn.words) for turn in read(srt(*cues)).utterances]


# What the formats hold


LINES = st.lists(
    st.text(alphabet="abcXYZ é你?!,'", min_size=1).map(str.strip).filter(lambda line: any(map(str.isalpha, line))),
    min_size=1,
    max_size=3,
)
CUES = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000), LINES), min_size=1, max_size=8)


@pytest.mark.parametrize("kind", ["srt", "ass", "ssa", "vtt"])
@given(cues=CUES)
def test_what_pysubs2_writes_is_read_back(kind, cues):
    subtitles, expected, now = pysubs2.SSAFile(), [], 0
    for gap, length, lines in cues:
        start = now + 600 + gap * 10
        now = start + length * 10
        subtitles.append(pysubs2.SSAEvent(start, now, "\\N".join(lines)))
        expected.append(spoken(" ".join(" ".join(lines).split()), None, start / 1000, now / 1000))
    assert read(subtitles.to_string(kind), f"a.{kind}").utterances == turns_of(*expected)


def test_what_pysubs2_styles_is_read_plain():
    subtitles = pysubs2.SSAFile()
    subtitles.append(pysubs2.SSAEvent(0, 1000, "{\\i1}Hi{\\i0} you\\Nand{\\b1} all"))
    for kind in ("srt", "ass"):
        assert [turn.words for turn in read(subtitles.to_string(kind), f"a.{kind}").utterances] == ["Hi you and all"]


def test_numbers_are_words_too_and_counters_are_none():
    times = "00:00:0{0},000 --> 00:00:0{0},500"
    text = f"1\n{times.format(1)}\nHow old?\n42\n\n2\n{times.format(3)}\n7\n\n3\n{times.format(5)}\n\n"
    text += f"4\n{times.format(7)}\nHow many?\n9\n"
    assert [turn.words for turn in read(text).utterances] == ["How old? 42", "7", "How many? 9"]
    without_counters = f"{times.format(1)}\nHow old?\n42\n\n{times.format(3)}\nWhat?\n"
    assert [turn.words for turn in read(without_counters).utterances] == ["How old? 42", "What?"]


@pytest.mark.parametrize(
    "times", ["0:0:1.5-->0:0:2", "00:00:01,500 -> 00:00:02,000 X1:1 X2:2", "  00:00:01,5 --> 00:00:02", "00:01.5 --> 00:02.0"]
)
def test_times_of_careless_writers_are_read(times):
    assert read(f"1\n{times}\nHi\n").utterances == turns_of(spoken("Hi", None, 1.5, 2.0))


def test_counters_apart_from_their_times_are_none():
    times = "00:00:0{0},000 --> 00:00:0{0},500"
    text = f"1\n\n{times.format(1)}\n\nHow old?\n\n2\n\n{times.format(3)}\n\nForty-\n\n2\n\n3\n\n{times.format(5)}\nWell.\n"
    assert [turn.words for turn in read(text).utterances] == ["How old?", "Forty- 2", "Well."]


def test_arrows_between_numbers_are_words():
    times = "00:00:01,000 --> 00:00:02,000"
    assert read(f"1\n{times}\n3 -> 4, then\n7 --> 8.\n").utterances[0].words == "3 -> 4, then 7 --> 8."


def test_many_blank_lines_within_a_cue_take_steps_in_proportion():
    def read_lines(count):
        assert read(srt("Hi" + "\n" * count + "you")).utterances[0].words == "Hi you"

    assert in_proportion(read_lines, 40, "merc.", "pysubs2", "webvtt")


def test_a_negative_time_is_unknown():
    transcript = read("1\n-00:00:01,500 --> 00:00:02,000\nHi\n")
    assert transcript.utterances == turns_of(spoken("Hi", None, None, 2.0))
    assert transcript.warnings == ("1 time is negative or not finite, and so taken as unknown",)


def test_a_time_that_can_not_be_read_is_told_with_its_line():
    with pytest.raises(
        DataError, match=r"^a\.srt, line 6: found '00:00:03,000 --> 00:00:4:,000', expected times such as 00:00:01,000 --> "
    ):
        read("1\n00:00:01,000 --> 00:00:02,000\nHi\n\n2\n00:00:03,000 --> 00:00:4:,000\nHo\n")


def test_a_recording_of_more_than_a_hundred_hours_keeps_its_times():
    assert read("1\n100:00:01,000 --> 100:00:02,000\nHi\n").utterances == turns_of(spoken("Hi", None, 360_001.0, 360_002.0))


EVENTS = "[Script Info]\nTitle: x\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: broken,,,x\n\n[Events]\n"


def test_names_of_dialogues_are_speakers_and_comments_are_not_read():
    text = (
        f"{EVENTS}Dialogue: 0,0:00:01.00,0:00:02.50,D, Ann ,0,0,0,,Hi, you\\Nall\nComment: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,no\n"
    )
    assert read(text, "a.ass").utterances == turns_of(spoken("Hi, you all", "Ann", 1.0, 2.5))


def test_the_order_of_fields_is_read():
    text = f"{EVENTS}Format: Start, Actor, End, Text\nDialogue: 0:00:01.00,Ann,0:00:02.50,Hi, you\n"
    assert read(text, "a.ass").utterances == turns_of(spoken("Hi, you", "Ann", 1.0, 2.5))


def test_drawings_overrides_and_braces_are_no_words():
    start = f"{EVENTS}Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,"
    assert read(start + "{\\pos(1,2)}Hi {\\p1}m 0 0 l 5 5{\\p0}you{a note}\\hall", "a.ass").utterances[0].words == "Hi you all"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Dialogue: 0,soon,0:00:02.00,D,,0,0,0,,Hi", "a.ass, line 9: found the time 'soon', expected one such as 0:00:01.50"),
        (
            "Dialogue: 0,0:00:02.00",
            "a.ass, line 9: 2 fields, expected 10: layer, start, end, style, name, marginl, marginr, marginv, effect, text",
        ),
        (
            "Format: Start, Text\nDialogue: 0,a",
            "a.ass, line 9: found 'Format: Start, Text', expected fields with Start and End, and Text as the last",
        ),
    ],
)
def test_a_dialogue_that_can_not_be_read_is_told(line, message):
    with pytest.raises(DataError) as error:
        read(EVENTS + line, "a.ass")
    assert str(error.value) == message


def vtt(*cues):
    return "WEBVTT - a talk\n\nNOTE nobody\n\n" + "\n".join(
        f"00:{i * 3:02d}.000 --> 00:{i * 3 + 2:02d}.000 line:0\n{cue}\n" for i, cue in enumerate(cues)
    )


def test_voices_are_speakers():
    text = vtt("<v Ann Lee>Hi <i>you</i></v>", "<v.loud.far Bob &amp; Cy>Ho", "Who?")
    assert [(turn.speaker, turn.words) for turn in read(text, "a.vtt").utterances] == [
        ("Ann Lee", "Hi you"),
        ("Bob & Cy", "Ho"),
        (None, "Who?"),
    ]


def test_several_voices_share_a_cue():
    turns = read(vtt("<v Ann>Hiya</v> <v Bob>Ho</v>\nyo"), "a.vtt").utterances
    assert turns == turns_of(spoken("Hiya", "Ann", 0.0, 1.0), spoken("Ho", "Bob", 1.0, 1.5), spoken("yo", None, 1.5, 2.0))


def test_cues_whose_times_are_wrong_are_counted():
    transcript = read(vtt("Hi.") + "\n\n00:0x.000 --> 00:09.000\nlost\n", "a.vtt")
    assert [turn.words for turn in transcript.utterances] == ["Hi."]
    assert transcript.warnings == ("1 cue is left out, with times that can't be read",)


def test_rolling_captions_say_every_line_once():
    text = vtt(
        " \nno<00:00:00.500><c> no</c>",
        "no no\n ",
        "no no\nno<00:00:07.000><c> never</c>.",
        "no never.\n ",
        "no never.\nNo<00:00:13.000><c>!</c>",
    )
    assert [turn.words for turn in read(text, "a.vtt").utterances] == ["no no", "no never.", "No!"]


def test_repeated_lines_stay_where_captions_do_not_roll():
    assert [turn.words for turn in read(vtt("No.", "No.\nNever."), "a.vtt").utterances] == ["No.", "No. Never."]


# Who speaks


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("Ann: Hi", "Ann", "Hi"),
        ("ANN:Hi", "ANN", "Hi"),
        ("Dr. O’Neil-Smith: Hi", "Dr. O’Neil-Smith", "Hi"),
        ("Ann and Bob: Hi", "Ann and Bob", "Hi"),
        ("Ludwig van Beethoven: Hi", "Ludwig van Beethoven", "Hi"),
        ("MAN #2: Hi", "MAN #2", "Hi"),
        ("[SPEAKER_00]: Hi", "SPEAKER_00", "Hi"),
        ("ANN (softly): Hi", "ANN", "Hi"),
        ("Ann [on phone]: Hi: you", "Ann", "Hi: you"),
        ("李明：你好", "李明", "你好"),
        ("Зоя: да", "Зоя", "да"),
        ("José  María : sí", "José María", "sí"),
        ("Ann:", "Ann", ""),
        ("Q: Why?", "Q", "Why?"),
    ],
)
def test_these_lines_begin_with_a_name(line, name, words):
    assert named(line) == (name, words)


@pytest.mark.parametrize(
    "line",
    [
        "Note: mind the gap",
        "WARNING: hot",
        "Step 2: press",
        "He said: hi",
        "ann: hi",
        "http://example.org",
        "Https://example.org",
        "C:\\here",
        "Genesis 1:3 is short",
        "At 10:30 we go",
        "10:30",
        "7 Up: a drink",
        "One Two Three Four Five: hi",
        "A" * 41 + ": hi",
        "Well, Ann: hi",
        "No name here",
        ": hi",
        "[]: hi",
        "Is it? Ann: hi",
    ],
)
def test_these_lines_do_not(line):
    assert named(line) is None


def test_one_word_in_lower_case_is_believed_on_request():
    assert named("ann: hi", lower_case=True) == ("ann", "hi")
    assert named("he said: hi", lower_case=True) is None
    assert named("note: hi", lower_case=True) is None


def test_names_are_believed_where_a_fifth_of_the_cues_has_one():
    assert said("Ann: Hi.", "No.", "No.", "No.", "No.")[0] == ("Ann", "Hi.")
    assert said("Ann: Hi.", "No.", "No.", "No.", "No.", "No.")[0] == (None, "Ann: Hi.")


def test_rare_names_are_believed_where_two_cues_have_one_and_they_look_like_it():
    rest = ["No."] * 20
    assert said("Ann: Hi.", "Ann: Ho.", *rest)[:2] == [("Ann", "Hi."), ("Ann", "Ho.")]
    assert said("ANN: Hi.", "Bob Lee: Ho.", "Darling: no.", *rest)[:3] == [
        ("ANN", "Hi."),
        ("Bob Lee", "Ho."),
        (None, "Darling: no."),
    ]
    assert said("ANN: Hi.", *rest)[0] == (None, "ANN: Hi.")


def test_names_in_one_cue_share_its_time():
    turns = read(srt((1.0, 3.0, "ANN: abcdef\nBOB: abcd\nef"))).utterances
    assert [(turn.speaker, turn.words) for turn in turns] == [("ANN", "abcdef"), ("BOB", "abcd ef")]
    assert [(turn.start, turn.end) for turn in turns] == [
        (1.0, pytest.approx(1 + 2 * 6 / 13)),
        (pytest.approx(1 + 2 * 6 / 13), 3.0),
    ]


def test_two_dashes_are_two_people():
    turns = read(srt((1.0, 2.0, "- Hi.\n- Hello."))).utterances
    assert [(turn.words, turn.speaker) for turn in turns] == [("Hi.", None), ("Hello.", None)]
    assert turns[0].end == turns[1].start == pytest.approx(1 + 3 / 9)
    assert (turns[0].start, turns[1].end) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("cue", "words"),
    [
        ("-Hi, you\nthere\n–Hello", ["Hi, you there", "Hello"]),
        (">> Hi\n>> Hello", ["Hi", "Hello"]),
        ("&gt;&gt; Hi\n&gt;&gt; Hello", ["Hi", "Hello"]),
        ("— Hi\n— No\n— Oh", ["Hi", "No", "Oh"]),
        ("Hi.\n- Hello.", ["Hi.", "Hello."]),
        ("He was\n- as I said - there", ["He was as I said - there"]),
        ("- Hi", ["Hi"]),
        ("-5 degrees\nand falling", ["-5 degrees and falling"]),
        ("- [laughs]\n- Stop!", ["Stop!"]),
    ],
)
def test_dashes_that_begin_lines_tell_people_apart(cue, words):
    assert [turn.words for turn in read(srt(cue)).utterances] == words


def test_dashes_and_names_go_together():
    assert said("- ANN: Hi.\n- BOB: Ho.") == [("ANN", "Hi."), ("BOB", "Ho.")]


def test_a_sound_before_a_name_does_not_hide_it():
    assert said("[sighs] ANN: Hi.\n(laughs) BOB (softly): Ho.") == [("ANN", "Hi."), ("BOB", "Ho.")]


# Sentences


def test_a_sentence_in_pieces_is_one_turn():
    assert read(srt((1.0, 2.0, "I wanted"), (2.2, 3.0, "to go\nhome."), (3.1, 4.0, "But no"))).utterances == turns_of(
        spoken("I wanted to go home.", None, 1.0, 3.0),
        spoken("But no", None, 3.1, 4.0),
    )


@pytest.mark.parametrize("end", [".", "!", "?", "…", "...", '"', "”", "»", "。", ".)", "!</i>"])
def test_a_sentence_that_has_ended_is_not_joined(end):
    assert len(read(srt((1.0, 2.0, f"I go{end}"), (2.0, 3.0, "home"))).utterances) == 2


@pytest.mark.parametrize(
    "second",
    [
        (2.5, 3.0, "home"),  # a pause
        (1.8, 3.0, "home"),  # at the same time
        (2.0, 3.0, "- home"),  # somebody else
        (2.0, 31.1, "home"),
        (2.0, 3.0, "home" * 100),
    ],
)
def test_what_does_not_go_on_with_a_sentence_is_not_joined(second):
    assert len(read(srt((1.0, 2.0, "I go"), second)).utterances) == 2


@pytest.mark.parametrize("second", [(2.49, 3.0, "home"), (1.95, 3.0, "home"), (2.0, 31.0, "home"), (2.0, 3.0, "h" * 395)])
def test_what_just_goes_on_with_a_sentence_is_joined(second):
    (turn,) = read(srt((1.0, 2.0, "I go"), second)).utterances
    assert (turn.start, turn.end) == (1.0, second[1])


def test_a_sentence_is_joined_within_one_speaker_only():
    text = "".join(
        f"{EVENTS if i == 0 else ''}Dialogue: 0,0:00:0{i}.00,0:00:0{i + 1}.00,D,{name},0,0,0,,w{i}\n"
        for i, name in enumerate(["A", "A", "B", "", ""])
    )
    assert [(turn.speaker, turn.words) for turn in read(text, "a.ass").utterances] == [("A", "w0 w1"), ("B", "w2"), (None, "w3 w4")]


def test_the_halves_of_a_cue_are_not_joined_again():
    assert [turn.words for turn in read(srt((1.0, 2.0, "- Hi\n- Hello"), (2.0, 3.0, "there"))).utterances] == ["Hi", "Hello there"]
