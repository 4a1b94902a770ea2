"""EXMARaLDA: events of one timeline, joined as they were spoken."""

from __future__ import annotations

import pytest

from merc.annotation.transcripts.annotation_files.exmaralda import read_exb
from merc.annotation.transcripts.cues import LinkedMedium
from merc.errors import DataError


def document(*tiers, times=(0, 1, None, 3, 4, 5)):
    points = "".join(f'<tli id="T{n}"' + ("/>" if time is None else f' time="{time}"/>') for n, time in enumerate(times))
    people = "".join(f'<speaker id="S{n}"><abbreviation>{name}</abbreviation></speaker>' for n, name in enumerate(("ANN", "BEN")))
    about = '<meta-information><referenced-file url="rec/talk.wav"/></meta-information>'
    head = f"<head>{about}<speakertable>{people}</speakertable></head>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><basic-transcription>{head}<basic-body><common-timeline>{points}</common-timeline>'
        f"{''.join(tiers)}</basic-body></basic-transcription>"
    )


def tier(*events, speaker="S0", kind="t", category="v"):
    body = "".join(f'<event start="T{first}" end="T{last}">{text}</event>' for first, last, text in events)
    by = f' speaker="{speaker}"' if speaker else ""
    return f'<tier id="x"{by} category="{category}" type="{kind}" display-name="{speaker} [{category}]">{body}</tier>'


def said(text):
    return [(cue.speaker, " ".join(cue.text.split()), cue.start, cue.end) for cue in read_exb(text, "talk.exb").cues]


def test_events_are_joined_until_a_sentence_ends_and_times_between_are_shared():
    ann = tier((0, 1, "we went home to"), (1, 2, "gether. "), (2, 3, "And then? "), (4, 5, "Well "))
    ben = tier((1, 2, "Mhm "), speaker="S1")
    comment = tier((0, 5, "both laugh a lot"), kind="d", category="nv")
    gloss = tier((0, 1, "PRON V ADV"), kind="a", category="pos")
    assert said(document(ann, ben, comment, gloss)) == [
        ("ANN", "we went home together.", 0.0, 2.0),
        ("BEN", "Mhm", 1.0, 2.0),
        ("ANN", "And then?", 2.0, 3.0),
        ("ANN", "Well", 4.0, 5.0),
    ]
    assert read_exb(document(ann), "talk.exb").media == (LinkedMedium("talk.wav", "rec/talk.wav"),)


def test_marks_of_transcription_go_and_what_was_hard_to_hear_stays():
    text = "((laughs)) it was/ it is ((0,5s)) (so) nice, &lt;&lt;whispering&gt; you&gt; °h (.) • know˙ "
    assert said(document(tier((0, 1, text)))) == [("ANN", "it was it is so nice, you know", 0.0, 1.0)]


def test_bars_end_utterances_as_in_gat():
    assert said(document(tier((0, 1, "we go|"), (1, 2, "or not|")))) == [("ANN", "we go", 0.0, 1.0), ("ANN", "or not", 1.0, 2.0)]


def test_a_word_an_event_has_blanks_between():
    assert said(document(tier((0, 1, "are"), (1, 2, "you"), (2, 3, "still"), (3, 4, "there?"), speaker="", category="tok"))) == [
        (None, "are you still there?", 0.0, 4.0)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document(tier((0, 1, "x"), kind="a")), r"no tier has the type 't', which EXMARaLDA gives to what is said"),
        (document(tier((0, 1, "x")), tier((0, 1, "y"))), r"one speaker has 2 tiers of type 't' \('S0 \[v\]', 'S0 \[v\]'\)"),
        (document(tier((0, 1, "x")), times=("now", 1)), r"point 'T0' of the timeline has the time 'now'; expected s$"),
        ("<list/>", r"whose first element is basic-transcription; found list$"),
    ],
)
def test_what_cannot_be_read_is_told(text, message):
    with pytest.raises(DataError, match=message):
        read_exb(text, "talk.exb")


def test_named_tiers_are_read_whatever_their_type():
    text = document(tier((0, 1, "we went ")), tier((0, 1, "we go"), category="norm"), tier((1, 3, "yes "), kind="a", speaker="S1"))
    with pytest.raises(DataError, match=r"no tier is called 'norm'. Tiers: 'S0 \[v\]', 'S0 \[norm\]', 'S1 \[v\]'$"):
        read_exb(text, "talk.exb", ("norm",))
    cues = read_exb(text, "talk.exb", ("S1 [v]", "S0 [norm]")).cues
    assert [(cue.speaker, cue.text, cue.start) for cue in cues] == [("ANN", "we go", 0.0), ("BEN", "yes ", 1.0)]
