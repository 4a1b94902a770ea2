"""`.sub`, `.sbv` and `.lrc`, and what they are taken for."""

from __future__ import annotations

import io

import pytest

from annotation.transcripts.captions.containers import read, turns
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError


@pytest.mark.parametrize("rate", ["{1}{1}23.976", "{1}{1}23,976 fps", "{0}{0}23.976", "{1}{1}{y:i}23.976"])
def test_microdvd_counts_frames(rate):
    found = read(f"{rate}\n{{24}}{{72}}{{y:i}}The wheel|turns.\n{{96}}{{120}}/At last.\n", "a.sub")
    assert turns(found) == [
        (pytest.approx(24 / 23.976), pytest.approx(72 / 23.976), None, "The wheel turns."),
        (pytest.approx(96 / 23.976), pytest.approx(120 / 23.976), None, "At last."),
    ]


@pytest.mark.parametrize("first", ["{24}{72}The wheel turns.", "{1}{1}The wheel turns.", "{1}{1}1066", "{50}{99}25.000"])
def test_microdvd_without_its_frame_rate_is_refused(first):
    with pytest.raises(DataError, match=r"^a\.sub: MicroDVD counts frames, and the file's first line doesn't say how many"):
        read(f"{first}\n{{96}}{{120}}At last.\n", "a.sub")


def test_mpl2_counts_tenths():
    assert turns(read("[10][25]/The wheel|turns.\n[30][]At last.\n", "a.sub")) == [
        (1.0, 2.5, None, "The wheel turns."),
        (3.0, None, None, "At last."),
    ]


def test_subviewer_of_both_versions():
    head = "[INFORMATION]\n[TITLE]A mill\n[AUTHOR]nobody\n[END INFORMATION]\n[SUBTITLE]\n[COLF]&HFFFFFF,[STYLE]bd,[SIZE]18\n"
    second = f"{head}00:00:01.00,00:00:02.50\nThe wheel[br]turns.\n\n00:00:03.00,00:00:04.00\nAt last.\n\n"
    assert turns(read(second, "a.sub")) == [(1.0, 2.5, None, "The wheel turns."), (3.0, 4.0, None, "At last.")]
    first = "[TITLE]\nA mill\n[BEGIN]\n[00:00:01]\nThe wheel|turns.\n[00:00:03]\n\n[00:00:05]\nAt last.\n"
    assert turns(read(first, "a.sub")) == [(1.0, 3.0, None, "The wheel turns."), (5.0, None, None, "At last.")]


def test_another_sub_is_told():
    with pytest.raises(DataError, match=r"^a\.sub: expected MicroDVD .*, MPL2 .* or SubViewer .*, found 'Hello'$"):
        read("Hello\n", "a.sub")


def test_pictures_are_refused_by_name():
    with pytest.raises(DataError, match=r"^a\.sub: VobSub, whose subtitles are pictures"):
        read_transcript(io.BytesIO(b"\0\0\x01\xba\x44\0\x04" + bytes(99)), "a.sub")
    with pytest.raises(DataError, match=r"^a\.idx: VobSub, whose subtitles are pictures; transcripts are read from \.srt"):
        read("# VobSub index file, v7\n", "a.idx")
    with pytest.raises(DataError, match=r"^a\.sup: subtitles of Blu-ray discs, which are pictures"):
        read_transcript(io.BytesIO(b"PG\0\0"), "a.sup")


def test_youtubes_captions():
    text = "0:00:01.000,0:00:02.500\n>> The wheel\nturns.\n\n0:00:03.000,0:00:04.000\n>> BEN: At last.\n"
    assert turns(read(text, "a.sbv")) == [(1.0, 2.5, None, "The wheel turns."), (3.0, 4.0, "BEN", "At last.")]
    with pytest.raises(DataError, match=r"^a\.sbv: expected YouTube's captions \(\.sbv\), found no line such as"):
        read("The wheel turns.\n", "a.sbv")


NO_ENDS = "the file gives no ends: each turn is taken to end where the next begins"


def test_lyrics():
    found = read("[ti:The mill]\n[by:nobody]\n\n[00:01.00]The wheel turns.\n[00:03.50]At last.\n[01:00.25]We did.\n", "a.lrc")
    assert turns(found) == [
        (1.0, 3.5, None, "The wheel turns."),
        (3.5, 60.25, None, "At last."),
        (60.25, None, None, "We did."),
    ]
    assert found.warnings == (NO_ENDS,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[00:01.00]One.\n[00:02.00]\n[00:05.00]Two.\n[00:06]\n", [(1.0, 2.0, "One."), (5.0, 6.0, "Two.")]),
        ("[00:04.00][00:01.00]One.\n[00:02.00]Two.\n[00:05.00]\n", [(1.0, 2.0, "One."), (2.0, 4.0, "Two."), (4.0, 5.0, "One.")]),
        ("[offset:+500]\n[00:01.00]One.\n[00:02.00]\n", [(0.5, 1.5, "One.")]),
        ("[offset: -250]\n[00:01.00]One.\n[00:02.00]\n", [(1.25, 2.25, "One.")]),
        ("[00:01:50]One.\n[00:02:25]\n", [(1.5, 2.25, "One.")]),
        ("[75:01.000]One.\n[75:02.500]\n", [(4501.0, 4502.5, "One.")]),
        ("[00:01.00] <00:01.00>The <00:01.40>wheel<00:02.20>\n[00:09.00]\n", [(1.0, 2.2, "The wheel")]),
        ("[00:01.00]<00:01.00>The <00:01.40>wheel\n[00:09.00]\n", [(1.0, 9.0, "The wheel")]),
    ],
)
def test_times_of_lyrics(text, expected):
    found = read(text, "a.lrc")
    assert [(turn.start, turn.end, turn.words) for turn in found.utterances] == expected


def test_lines_without_a_time_are_told():
    found = read("A title\n[00:01.00]One.\n[00:02.00]\n", "a.lrc")
    assert found.warnings == ("1 line has no time, and so left out",)
    with pytest.raises(DataError, match=r"^a\.lrc: expected lyrics with times \(LRC\), found no line such as"):
        read("A title\n", "a.lrc")
    with pytest.raises(DataError, match=r"^a\.lrc, line 1: the offset is 'late'; allowed is a whole number of milliseconds$"):
        read("[offset:late]\n[00:01.00]One.\n", "a.lrc")
