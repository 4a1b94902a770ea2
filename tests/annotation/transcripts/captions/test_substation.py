"""SubStation Alpha: layers, karaoke, styles."""

from __future__ import annotations

import pytest

from annotation.transcripts.captions.containers import read, turns
from merc.errors import DataError

HEAD = "[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"


def line(start, end, text, name="", style="Main", effect="", layer=0, kind="Dialogue"):
    return f"{kind}: {layer},0:00:{start:05.2f},0:00:{end:05.2f},{style},{name},0,0,0,{effect},{text}\n"


def test_layers_say_the_same_words_once():
    text = HEAD + line(1, 2, "{\\blur2}The wheel turns.", "Ada") + line(1, 2, "{\\bord0}The wheel turns.", "Ada", layer=1)
    text += line(3, 4, "The wheel turns.", "Ada") + line(3, 4, "The wheel turns.", "Ben")
    assert turns(read(text, "a.ass")) == [
        (1.0, 2.0, "Ada", "The wheel turns."),
        (3.0, 4.0, "Ada", "The wheel turns."),
        (3.0, 4.0, "Ben", "The wheel turns."),
    ]


def test_karaoke_by_durations_is_a_line():
    assert turns(read(HEAD + line(1, 3, "{\\k20}Tur{\\kf30}ning {\\ko25}wheel"), "a.ass")) == [(1.0, 3.0, None, "Turning wheel")]


def test_syllables_that_an_effect_has_made_are_not_read_beside_the_whole_line():
    text = HEAD + line(1, 3, "{\\k50}Tur{\\k50}ning {\\k100}wheel.", effect="karaoke", kind="Comment")
    text += line(1, 3, "!retime(1)!", effect="template syl", kind="Comment")
    for start, syllable in ((1.0, "Tur"), (1.5, "ning"), (2.0, "wheel.")):
        text += line(start, 3, f"{{\\pos(3,4)}}{syllable}", effect="fx")
    text += line(5, 6, "At last.")
    assert turns(read(text, "a.ass")) == [(1.0, 3.0, None, "Turning wheel."), (5.0, 6.0, None, "At last.")]


def test_styles_that_name_speakers_do_so_where_the_name_is_empty():
    text = HEAD + line(1, 2, "The wheel turns.", style="Speaker00") + line(3, 4, "At last.", style="Speaker01")
    text += line(5, 6, "Who mended it?", "Ada", style="Speaker01") + line(7, 8, "We did.", style="Italics")
    assert [turn.speaker for turn in read(text, "a.ass").utterances] == ["Speaker00", "Speaker01", "Ada", None]


@pytest.mark.parametrize("time", ["soon", "0:00", "0:00:01.2.3", ""])
def test_a_time_that_can_not_be_read_is_told(time):
    with pytest.raises(DataError, match=r"^a\.ass, line 4: found the time .*, expected one such as 0:00:01\.50"):
        read(f"{HEAD}Dialogue: 0,{time},0:00:02.00,Main,,0,0,0,,Hi\n", "a.ass")
