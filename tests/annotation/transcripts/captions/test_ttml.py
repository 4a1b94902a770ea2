"""TTML: every way to write times, blanks, agents, and what is refused."""

from __future__ import annotations

import pytest

from annotation.transcripts.captions.containers import read, turns
from merc.errors import DataError

SPACES = 'xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter"'
SPACES += ' xmlns:ttm="http://www.w3.org/ns/ttml#metadata" xmlns:tts="http://www.w3.org/ns/ttml#styling"'


def document(body, root="", head=""):
    return f"<tt {SPACES} {root}><head>{head}</head>{body if body.startswith('<body') else f'<body><div>{body}</div></body>'}</tt>"


def said(body, root="", head="", name="a.ttml"):
    return turns(read(document(body, root, head), name))


@pytest.mark.parametrize(
    ("times", "root", "start", "end"),
    [
        ('begin="00:00:01.500" end="00:00:02"', "", 1.5, 2.0),
        ('begin="00:00:01:12" end="00:00:02:06"', 'ttp:frameRate="24"', 1.5, 2.25),
        ('begin="00:00:01:15" end="00:00:02:00"', "", 1.5, 2.0),
        ('begin="00:00:01:12.2" dur="1s"', 'ttp:frameRate="24" ttp:subFrameRate="4"', 1 + 12.5 / 24, 2 + 12.5 / 24),
        ('begin="1.5s" dur="500ms"', "", 1.5, 2.0),
        ('begin="0.5m" end="0.01h"', "", 30.0, 36.0),
        ('begin="36f" end="48f"', 'ttp:frameRate="24"', 1.5, 2.0),
        ('begin="30f" end="60f"', 'ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001"', 1.001, 2.002),
        ('begin="30f" end="60f"', 'ttp:frameRate="30" ttp:frameRateMultiplier="1000:1001"', 1.001, 2.002),
        ('begin="15000t" end="20000t"', 'ttp:tickRate="10000"', 1.5, 2.0),
        ('begin="36t" end="48t"', 'ttp:frameRate="24"', 1.5, 2.0),
        ('begin="1t" end="2t"', "", 1.0, 2.0),
        ('begin="1s" end="9s" dur="2s"', "", 1.0, 3.0),
        ('end="2s"', "", 0.0, 2.0),
        ('begin="1s"', "", 1.0, None),
        ('begin="1.500" end="1:02.250"', "", 1.5, 62.25),
        (
            'begin="00:01:00:02" end="00:10:00:00"',
            'ttp:timeBase="smpte" ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001" ttp:dropMode="dropNTSC"',
            1800 * 1.001 / 30,
            17982 * 1.001 / 30,
        ),
        (
            'begin="00:00:10:00" end="00:00:20:00"',
            'ttp:timeBase="smpte" ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001" ttp:dropMode="nonDrop"',
            10.01,
            20.02,
        ),
    ],
)
def test_times(times, root, start, end):
    assert said(f"<p {times}>At last.</p>", root) == [
        (pytest.approx(start), end if end is None else pytest.approx(end), None, "At last."),
    ]


NESTED = '<body begin="10s"><div begin="5s" end="20s"><p begin="1s" end="2s">One.</p><p begin="3s">Two.</p></div></body>'
SEQUENCE = '<body><div timeContainer="seq"><p dur="2s">One.</p><p begin="1s" dur="2s">Two.</p><p end="3s">Three.</p></div></body>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (NESTED, [(16.0, 17.0, "One."), (18.0, 30.0, "Two.")]),
        (SEQUENCE, [(0.0, 2.0, "One."), (3.0, 5.0, "Two."), (5.0, 8.0, "Three.")]),
        (
            '<body timeContainer="seq"><div><p begin="1s" end="2s">One.</p></div><div><p begin="1s" end="2s">Two.</p></div></body>',
            [(1.0, 2.0, "One."), (3.0, 4.0, "Two.")],
        ),
        (
            '<p begin="1s" end="9s"><span begin="1s" end="2s">One.</span> <span begin="5s" end="6s">Two.</span></p>',
            [(2.0, 3.0, "One."), (6.0, 7.0, "Two.")],
        ),
        (
            '<p begin="1s" end="3s"><span begin="0s" end="0.5s">Tur</span><span begin="0.5s" end="1s">ning</span> '
            '<span begin="1s" end="2s">wheel</span></p>',
            [(1.0, 3.0, "Turning wheel")],
        ),
        ("<p>Without a time.</p>", [(None, None, "Without a time.")]),
    ],
)
def test_times_within_times(body, expected):
    assert [(start, end, words) for start, end, _, words in said(body)] == expected


def test_what_is_never_shown_is_told():
    found = read(document('<div end="3s"><p begin="1s" end="2s">One.</p><p begin="4s" end="5s">Two.</p></div>'), "a.ttml")
    assert [turn.words for turn in found.utterances] == ["One."]
    assert found.warnings == ("1 text is left out, since by the file's times what holds it has ended before",)


def test_blanks_breaks_and_what_is_no_words():
    body = (
        '<p begin="1s" end="2s">\n   The <span tts:color="red">wheel</span><br/>\n  turns.<metadata><ttm:desc>a mill</ttm:desc>'
        "</metadata><!-- not this --></p>"
        '<p begin="3s" end="4s" xml:space="preserve">At\n  last.</p>'
        '<p begin="5s" end="6s"><span tts:ruby="container"><span tts:ruby="base">水車</span>'
        '<span tts:ruby="text">すいしゃ</span></span></p>'
    )
    assert [words for _, _, _, words in said(body)] == ["The wheel turns.", "At last.", "水車"]


def test_agents_are_speakers():
    head = (
        '<metadata><ttm:agent xml:id="a" type="person"><ttm:name type="full"> Ada  Miller </ttm:name></ttm:agent>'
        '<ttm:agent xml:id="b" type="person"/></metadata>'
    )
    body = (
        '<div ttm:agent="a"><p begin="1s" end="2s">The wheel turns.</p><p begin="3s" end="4s" ttm:agent="b">At last.</p>'
        '<p begin="5s" end="6s" ttm:agent="a b">We did.</p>'
        '<p begin="7s" end="8s"><span ttm:agent="b">Who?</span> <span>We.</span></p></div>'
    )
    assert [(speaker, words) for _, _, speaker, words in said(body, head=head)] == [
        ("Ada Miller", "The wheel turns."),
        ("b", "At last."),
        ("Ada Miller, b", "We did."),
        ("b", "Who?"),
        ("Ada Miller", "We."),
    ]


def test_a_programme_that_begins_at_ten_hours():
    head = '<metadata xmlns:e="urn:ebu:tt:metadata"><e:documentStartOfProgramme>10:00:00:00</e:documentStartOfProgramme></metadata>'
    root = 'ttp:timeBase="smpte" ttp:frameRate="25"'
    assert said('<p begin="10:00:01:00" end="10:00:02:05">At last.</p>', root, head) == [(1.0, 2.2, None, "At last.")]


@pytest.mark.parametrize("space", ["http://www.w3.org/2006/10/ttaf1", "http://www.w3.org/2006/04/ttaf1", "urn:something", ""])
def test_older_namespaces(space):
    text = f'<tt xmlns="{space}"><body><div><p begin="00:00:01.00" dur="00:00:01.50">At last.</p></div></body></tt>'
    assert turns(read(text, "a.dfxp")) == [(1.0, 2.5, None, "At last.")]


def test_times_of_day_are_told():
    found = read(document('<p begin="13:00:01" end="13:00:02">At last.</p>', 'ttp:timeBase="clock"'), "a.xml")
    assert found.warnings == ("the file's times are times of day, and taken as times of the recording",)


BOMB = '<!DOCTYPE tt [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tt><body><div><p>&b;</p></div></body></tt>'
OUTSIDE = '<!DOCTYPE tt SYSTEM "file:///etc/passwd"><tt><body><div><p>Hi</p></div></body></tt>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<talk><p>Hi</p></talk>", "a.xml: expected TTML, whose first element is tt; found talk"),
        (BOMB, "a.xml, line 1: a document type, which TTML does not have; it is not read"),
        (OUTSIDE, "a.xml, line 1: a document type, which TTML does not have; it is not read"),
        ("<tt><body>", "a.xml, line 1: expected TTML, found broken XML: no element found"),
        ("<tt><body><p>&b;</p></body></tt>", "a.xml, line 1: expected TTML, found broken XML: undefined entity"),
        ("<tt>" + "<div>" * 200, "a.xml, line 1: elements deeper than 100; expected TTML"),
        (
            document('<p begin="soon">Hi</p>'),
            "a.xml, <p begin=…>: found the time 'soon'; allowed are times such as 00:00:01.500, 00:00:01:12, 1.5s, 1500ms, 36f or "
            "15000000t",
        ),
        (document("<p>Hi</p>", 'ttp:frameRate="fast"'), "a.xml: frameRate is 'fast'; allowed is a whole number from 1"),
        (
            document("<p>Hi</p>", 'ttp:frameRateMultiplier="1 0"'),
            "a.xml: frameRateMultiplier is '1 0'; allowed are two whole numbers, such as '1000 1001'",
        ),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(DataError) as error:
        read(text, "a.xml")
    assert str(error.value) == message


def test_times_of_apples_transcripts_count_from_the_beginning_and_words_have_blanks():
    words = (("2.0", "2.5", "Mind"), ("2.5", "3.0", "the"), ("3.0", "4.5", "step."))
    spans = "".join(f'<span begin="{begin}" end="{end}" apple:unit="word">{word}</span>' for begin, end, word in words)
    body = (
        '<body dur="1:10.000"><div begin="1.5" end="1:05.0"><p begin="2.0" end="4.5" ttm:agent="SPEAKER_1">'
        f'<span begin="2.0" end="4.5" apple:unit="sentence">{spans}</span></p>'
        '<p begin="1:01.0" end="1:05.0" ttm:agent="SPEAKER_2">Thanks.</p></div></body>'
    )
    own = 'xmlns:apple="http://podcasts.apple.com/transcript-ttml-internal"'
    assert said(body, own) == [(2.0, 4.5, "SPEAKER_1", "Mind the step."), (61.0, 65.0, "SPEAKER_2", "Thanks.")]
    elsewhere = said(body, 'xmlns:apple="http://example.org/another"')
    assert [turn[:2] for turn in elsewhere] == [(62.5, 65.0)]  # of TTML, each counts from that of what holds it
