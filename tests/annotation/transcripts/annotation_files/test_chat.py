"""CHAT: names and times from its headers and bullets, and what was said without the marks."""

from __future__ import annotations

import pytest

from merc.annotation.transcripts.annotation_files.chat import read_chat
from merc.annotation.transcripts.annotation_files.chat_words import said
from merc.annotation.transcripts.cues import LinkedMedium
from merc.errors import DataError

TALK = """@UTF8
@Begin
@Languages:\teng
@Participants:\tKID Lena Target_Child , DAD Father , VIS Visitor ,
\tOTH Visitor
@ID:\teng|home|KID|2;03.|female|||Target_Child|||
@Media:\t"kitchen-04", audio
@Comment:\tthe window is open
*KID:\tlook at
\tthe big bird . \x15120_2340\x15
%mor:\tv|look prep|at det|the adj|big n|bird .
*DAD:\tit is [//] was a crow ! \x152400_3100\x15 and gone . \x153100_4100\x15
*VIS:\txxx . \x154200_4300\x15
*OTH:\tno ?
@End
"""


def test_who_says_what_when():
    found = read_chat(TALK, "talk.cha")
    assert [(c.speaker, c.text, c.start, c.end) for c in found.cues] == [
        ("Lena", "look at the big bird.", 0.12, 2.34),
        ("Father", "it is was a crow! and gone.", 2.4, 4.1),
        ("VIS", "", 4.2, 4.3),  # two are visitors, so their codes tell them apart
        ("OTH", "no?", None, None),
    ]
    assert found.media == (LinkedMedium("kitchen-04", "kitchen-04"),)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("<they want> [//] we want &-um (be)cause [/] because it rains .", "they want we want um because because it rains."),
        ("&+be bears and &~googoo sto:ries@o .", "be- bears and googoo stories."),
        ("0is she &=coughs coming [=! laughing] ?", "she coming?"),
        ("xxx .", ""),
        ("xxx ?", ""),
        ("0 [=! sings] .", ""),
        ("look yyy there .", "look there."),
        ("that's [x 3] fine [!!] +...", "that's that's that's fine…"),
        ("<my hat> [x 2] [+ exc] .", "my hat my hat."),
        ("I was going to +/.", "I was going to-"),
        ("do you mean +//?", "do you mean-?"),
        ('then he said +"/.', "then he said."),
        ('+" come home ! [+ quo]', "come home!"),
        ("+^ oh (.) ‡ well (2.5) „ right ?", "oh, well, right?"),
        ("gonna [: going to] go@s:spa$v now .", "gonna go now."),
        ("[- fra] bonsoir &{l=whispers madame &}l=whispers .", "bonsoir madame."),
        ("ice+cream for Mary_Ann and 10 ducks .", "ice cream for Mary Ann and 10 ducks."),
        ("↑really⌈ yes ⌉ °soft° ˈnow .", "really yes soft now."),
        ("two [* m:+ed] foots [: feet] [% points] <here> [<] .", "two foots here."),
        ("plain words , nothing else .", "plain words, nothing else."),
        ("wan(t) some (m)ore # tea ?", "want some more tea?"),
    ],
)
def test_what_was_said_is_kept_and_marks_go(line, words):
    assert said(line) == (words, [])


def test_what_somebody_else_puts_in_is_theirs():
    found = read_chat(
        "@Participants:\tANN Ann Adult, BEN Ben Adult\n*ANN:\tand then &*BEN:oh_no it fell . \x151000_2000\x15\n", "t.cha"
    )
    assert [(c.speaker, c.text, c.start) for c in found.cues] == [("Ann", "and then it fell.", 1.0), ("Ben", "oh no", 1.0)]


def test_bullets_of_older_files_and_of_tools_that_lose_control_characters():
    older = '*ANN:\tgood day . \x15%snd:"old"_1500_2500\x15\n'
    lost = "*ANN:\tgood day . 1500_2500\n"
    for text in (older, lost):
        assert [(c.text, c.start, c.end) for c in read_chat(text, "t.cha").cues] == [("good day.", 1.5, 2.5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@Begin\n@End\n", r"found no line that begins with a speaker such as '\*MOT:'$"),
        ("Ann: hello\n", r"line 1: expected a line of CHAT, which begins with \* @ % or a tab; found 'Ann: hello'$"),
        ("\tgoes on\n", r"line 1: goes on with a line, and there is none before it$"),
        ("@Begin\n* hello .\n", r"line 2: expected a speaker such as '\*MOT:', found '\* hello \.'$"),
    ],
)
def test_what_is_no_chat_is_told(text, message):
    with pytest.raises(DataError, match=message):
        read_chat(text, "talk.cha")
