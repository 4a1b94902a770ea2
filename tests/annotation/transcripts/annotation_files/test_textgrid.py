"""TextGrids, in both forms and any encoding, as Praat itself reads them."""

from __future__ import annotations

import io

import pytest

from merc.annotation.transcripts.annotation_files.textgrid import parse_textgrid, read_textgrid
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 6.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "Ann - utterances"
        xmin = 0
        xmax = 6.5
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1.25
            text = ""
        intervals [2]:
            xmin = 1.25
            xmax = 3
            text = "she said ""intervals [7]: xmin = 2"" and
left"
        intervals [3]:
            xmin = 3
            xmax = 6.5
            text = "déjà vu"
    item [2]:
        class = "TextTier"
        name = "tones"
        xmin = 0
        xmax = 6.5
        points: size = 1
        points [1]:
            number = 1.5
            mark = "H*"
"""
SHORT = """File type = "ooTextFile"
"TextGrid"

0
6.5
<exists>
2
"IntervalTier"
"Ann - utterances"
0
6.5
3
0
1.25
""
1.25
3
"she said ""intervals [7]: xmin = 2"" and
left"
3
6.5
"déjà vu"
"TextTier"
"tones"
0
6.5
1
1.5
"H*"
"""
TURNS = [("Ann", 'she said "intervals [7]: xmin = 2" and left', 1.25, 3.0), ("Ann", "déjà vu", 3.0, 6.5)]


def grid(*tiers):
    """Tiers are name and rows of start, end and label."""
    body = "".join(
        f'"IntervalTier" "{name}" 0 9 {len(rows)}\n' + "".join(f'{a} {b} "{c}"\n' for a, b, c in rows) for name, rows in tiers
    )
    return f'File type = "ooTextFile"\nObject class = "TextGrid"\n0 9 <exists> {len(tiers)}\n{body}'


def said(text):
    return [(cue.speaker, cue.text) for cue in read_textgrid(text, "talk.TextGrid").cues]


@pytest.mark.parametrize("form", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "mac-roman", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_both_forms_and_all_encodings_are_read(form, encoding, end):
    data = form.replace("\n", end).encode(encoding)
    turns = read_transcript(io.BytesIO(data), "talk.TextGrid").utterances
    # Square brackets hold no words in any transcript.
    assert [(u.speaker, u.start, u.end) for u in turns] == [(speaker, start, end) for speaker, _, start, end in TURNS]
    assert [u.words for u in turns] == ['she said "intervals : xmin = 2" and left', "déjà vu"]


@pytest.mark.parametrize("form", [LONG, SHORT], ids=["long", "short"])
def test_praat_reads_the_same(form, tmp_path):
    parselmouth = pytest.importorskip("parselmouth")
    path = tmp_path / "talk.TextGrid"
    path.write_text(form, encoding="utf-8")
    read, own = parselmouth.read(str(path)), parse_textgrid(form, "talk.TextGrid")
    for number, tier in enumerate(own.tiers, start=1):
        assert parselmouth.praat.call(read, "Get tier name", number) == tier.name
        count = "Get number of points" if tier.points else "Get number of intervals"
        assert parselmouth.praat.call(read, count, number) == len(tier.intervals)
        for place, (start, _, label) in enumerate(tier.intervals, start=1):
            kind = "point" if tier.points else "interval"
            assert parselmouth.praat.call(read, f"Get label of {kind}", number, place) == label
            when = "Get time of point" if tier.points else "Get start time of interval"
            assert parselmouth.praat.call(read, when, number, place) == start


def test_mac_roman_is_told_in_a_warning():
    transcript = read_transcript(io.BytesIO(LONG.encode("mac-roman")), "talk.TextGrid")
    assert any("the file is not UTF-8" in warning and "Mac" in warning for warning in transcript.warnings)


def test_praats_spelling_of_letters_is_read():
    assert said(grid(("text", [(0, 1, '\\u""ber die Stra\\sse'), (1, 2, "\\c,a va, Ren\\e'")]))) == [
        (None, "über die Straße"),
        (None, "ça va, René"),
    ]


def test_words_of_an_aligner_become_utterances_by_pauses():
    words = [(0, 0.4, "come"), (0.4, 0.9, "here"), (0.9, 2, ""), (2, 2.3, "sp"), (2.3, 2.6, "now"), (2.6, 3, "please")]
    phones = [(0, 0.2, "k"), (0.2, 0.4, "m")]
    found = read_textgrid(grid(("Ann - words", words), ("Ann - phones", phones)), "talk.TextGrid")
    assert [(c.speaker, c.text, c.start, c.end) for c in found.cues] == [
        ("Ann", "come here", 0.0, 0.9),
        ("Ann", "now please", 2.3, 3.0),
    ]


def test_words_below_sentences_are_not_read():
    words = [(0, 0.4, "come"), (0.4, 0.9, "here\nadverb")]
    assert said(grid(("word", words), ("phrase", [(0, 0.9, "come here")]))) == [(None, "come here")]


def test_tiers_that_may_be_speech_and_are_not_read_are_told():
    for names in (("Ann text", "Ben"), ("Ann words (merc)", "Ben utterance")):
        found = read_textgrid(grid((names[0], [(0, 1, "is it raining")]), (names[1], [(1, 2, "yes")])), "talk.TextGrid")
        assert [cue.text for cue in found.cues] == ["is it raining"]
        assert found.warnings == (f"not read as speech, by name or type of the tier: {names[1]!r}",)


def test_turns_that_are_only_named_are_not_read_in_place_of_words():
    words = [(0, 0.4, "come"), (0.4, 0.9, "here"), (0.9, 1.3, "now"), (1.3, 1.7, "if"), (1.7, 2, "you"), (2, 2.4, "like")]
    assert said(grid(("Ann - turns", [(0, 2, "Ann")]), ("Ann - words", words))) == [("Ann", "come here now if you like")]
    assert said(grid(("word", words), ("todo", [(1, 2, "listen again")]))) == [(None, "come here now if you like")]


def test_speech_is_told_from_labels_where_names_say_nothing():
    ann = [(0, 1, "we could go by train"), (2, 3, "it leaves at nine")]
    assert said(grid(("Ann", ann), ("Ben", [(1, 2, "okay")]))) == [
        ("Ann", "we could go by train"),
        ("Ben", "okay"),
        ("Ann", "it leaves at nine"),
    ]
    with pytest.raises(DataError, match=r"it can't be told which tiers hold speech.*Tiers: 'Ann', 'x'$"):
        said(grid(("Ann", ann), ("x", [(0, 1, "up"), (2, 3, "down")])))
    with pytest.raises(DataError, match=r"it can't be told which tiers hold speech"):
        said(grid(("x", [(n / 2, n / 2 + 0.5, "updown"[n % 2 :]) for n in range(12)])))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", r"^talk: expected a TextGrid of Praat, found its end at the kind of the file$"),
        ('"x" "TextGrid"', r"which begins with ooTextFile; found 'x'$"),
        ('"ooTextFile" "Pitch 1"', r"found 'Pitch 1' of Praat$"),
        (SHORT[:-8], r"found a text in quotes that never ends|found its end"),
        (SHORT.replace("<exists>\n2", "<exists>\n3"), r"found its end at tier 3$"),
        (SHORT.replace('3\n0\n1.25\n""', '3\n0\n""'), r"and here a number of tier 1; found ''$"),
        (SHORT.replace('"TextTier"', '"Matrix"'), r"tier 2 is 'Matrix'; expected IntervalTier or TextTier$"),
        (SHORT.replace("<exists>\n2", "<exists>\n2.5"), r"the number of tiers: expected a count, found 2.5$"),
    ],
)
def test_what_is_no_textgrid_is_told(text, message):
    with pytest.raises(DataError, match=message):
        read_textgrid(text, "talk")


def test_a_binary_file_of_praat_is_named():
    with pytest.raises(DataError, match=r"^talk\.TextGrid: a binary file of Praat; open it there and save it as a text file$"):
        read_transcript(io.BytesIO(b"ooBinaryFile\x08TextGrid\0\0"), "talk.TextGrid")


def test_a_named_tier_is_read_and_one_of_points_is_none_of_words(tmp_path):
    path = tmp_path / "talk.TextGrid"
    path.write_text(LONG.replace("Ann - utterances", "phones of Ann"), encoding="utf-8")
    with pytest.raises(DataError, match="it can't be told which tiers hold speech"):
        read_transcript(path)
    found = read_transcript(path, tiers=["phones of Ann"])
    assert [(u.start, u.end) for u in found.utterances] == [turn[2:] for turn in TURNS]
    assert found.utterances[1].words == "déjà vu"
    with pytest.raises(DataError, match=r"no tier is called 'tones'. Tiers: 'phones of Ann'$"):
        read_transcript(path, tiers=["tones"])
