"""ELAN's files: times as ELAN shows them, words from tiers of speech alone, and nothing that XML can do besides."""

from __future__ import annotations

import io

import pytest

from merc.annotation.transcripts.annotation_files.elan import read_eaf
from merc.annotation.transcripts.cues import LinkedMedium
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError

TYPES = """
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="parts" TIME_ALIGNABLE="true" CONSTRAINTS="Time_Subdivision"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="pieces" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Subdivision"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="same" TIME_ALIGNABLE="false" CONSTRAINTS="Symbolic_Association"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="within" TIME_ALIGNABLE="true" CONSTRAINTS="Included_In"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="listed" TIME_ALIGNABLE="true" CONTROLLED_VOCABULARY_REF="moods"/>
"""


def document(tiers, slots, header='<HEADER TIME_UNITS="milliseconds"/>', types=TYPES):
    times = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="{name}"' + ("/>" if value is None else f' TIME_VALUE="{value}"/>')
        for name, value in slots.items()
    )
    body = f"{header}<TIME_ORDER>{times}</TIME_ORDER>{tiers}{types}"
    return f'<?xml version="1.0" encoding="UTF-8"?><ANNOTATION_DOCUMENT>{body}</ANNOTATION_DOCUMENT>'


def tier(name, annotations, kind="default-lt", **attributes):
    given = "".join(f' {key}="{value}"' for key, value in attributes.items())
    body = "".join(f"<ANNOTATION>{annotation}</ANNOTATION>" for annotation in annotations)
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{kind}"{given}>{body}</TIER>'


def aligned(identity, first, second, text):
    attributes = f'ANNOTATION_ID="{identity}" TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{second}"'
    return f"<ALIGNABLE_ANNOTATION {attributes}><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>"


def reference(identity, parent, text, previous=None):
    after = "" if previous is None else f' PREVIOUS_ANNOTATION="{previous}"'
    attributes = f'ANNOTATION_ID="{identity}" ANNOTATION_REF="{parent}"{after}'
    return f"<REF_ANNOTATION {attributes}><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></REF_ANNOTATION>"


def said(text):
    return [(cue.speaker, cue.text, cue.start, cue.end) for cue in read_eaf(text, "talk.eaf").cues]


SLOTS = {"ts1": 1000, "ts2": 2000, "ts3": 3000, "ts4": 4000}
ANN = aligned("a1", "ts1", "ts2", "the kettle is on")
BEN = aligned("a2", "ts2", "ts4", "then pour me some")


def test_speakers_are_the_participants_and_else_what_the_names_say():
    by_name = document(tier("Ann-text", [ANN]) + tier("text@Ben", [BEN]), SLOTS)
    assert said(by_name) == [("Ann", "the kettle is on", 1.0, 2.0), ("Ben", "then pour me some", 2.0, 4.0)]
    by_participant = document(tier("A", [ANN], PARTICIPANT="Ann Lee") + tier("B", [BEN], PARTICIPANT="Ben"), SLOTS)
    assert [cue[0] for cue in said(by_participant)] == ["Ann Lee", "Ben"]
    assert said(document(tier("default", [ANN]), SLOTS)) == [(None, "the kettle is on", 1.0, 2.0)]


def test_slots_without_time_share_the_time_between_those_that_have_one():
    slots = {"ts1": 1000, "x": None, "y": None, "ts2": 4000}
    parts = [
        aligned("a1", "ts1", "x", "one by one"),
        aligned("a2", "x", "y", "two by two"),
        aligned("a3", "y", "ts2", "three of us"),
    ]
    assert [cue[2:] for cue in said(document(tier("text", parts), slots))] == [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


def test_parts_of_a_parent_share_its_time_and_are_one_utterance():
    parents = tier("ref@Ann", [aligned("a1", "ts1", "ts3", "talk.001"), aligned("a2", "ts3", "ts4", "talk.002")])
    slots = {**SLOTS, "x": None}
    words = [aligned("b1", "ts1", "x", "good"), aligned("b2", "x", "ts3", "evening"), aligned("b3", "ts3", "ts4", "hello")]
    text = document(parents + tier("tx@Ann", words, "parts", PARENT_REF="ref@Ann"), slots)
    assert said(text) == [("Ann", "good evening", 1.0, 3.0), ("Ann", "hello", 3.0, 4.0)]
    pieces = [reference("b2", "a1", "evening", "b1"), reference("b1", "a1", "good"), reference("b3", "a2", "hello")]
    text = document(parents + tier("tx@Ann", pieces, "pieces", PARENT_REF="ref@Ann"), SLOTS)
    assert said(text) == [("Ann", "good evening", 1.0, 3.0), ("Ann", "hello", 3.0, 4.0)]


def test_words_below_numbers_of_phrases_are_one_utterance_a_phrase():
    """As FLEx exports them, which calls somebody whom it does not know `***`."""
    numbers = [aligned("a1", "ts1", "ts2", "1.1"), aligned("a2", "ts2", "ts3", "1.2")]
    words = [reference("b1", "a1", "well"), reference("b2", "a1", "then", "b1"), reference("b3", "a2", "goodbye")]
    tiers = tier("A_phrase-segnum-en", numbers, PARTICIPANT="***")
    tiers += tier("A_word-txt", words, "pieces", PARENT_REF="A_phrase-segnum-en", PARTICIPANT="***")
    assert said(document(tiers, SLOTS)) == [("A", "well then", 1.0, 2.0), ("A", "goodbye", 2.0, 3.0)]


def test_times_of_parts_are_even_shares_of_the_parents():
    from merc.annotation.transcripts.annotation_files.elan import read_tiers
    from merc.files.strict_xml import parse_xml

    slots = {"ts1": 0, "x": None, "y": None, "ts2": 900, "z": None, "ts3": 1900}
    parents = tier("text", [aligned("a1", "ts1", "ts2", "a b c"), aligned("a2", "ts2", "ts3", "d e")])
    words = [
        aligned(f"b{n}", *pair, "w") for n, pair in enumerate([("ts1", "x"), ("x", "y"), ("y", "ts2"), ("ts2", "z"), ("z", "ts3")])
    ]
    pieces = [reference(f"c{n}", "a2", "p") for n in range(4)]
    tiers = tier("w", words, "parts", PARENT_REF="text") + tier("p", pieces, "pieces", PARENT_REF="text")
    found, unknown = read_tiers(parse_xml(document(parents + tiers, slots), "x", "ANNOTATION_DOCUMENT", "x"), "x")
    assert unknown == 0
    assert [(s.start, s.end, s.parent) for s in found[1].stretches] == [
        (0.0, 0.3, "a1"),
        (0.3, 0.6, "a1"),
        (0.6, 0.9, "a1"),
        (0.9, 1.4, "a2"),
        (1.4, 1.9, "a2"),
    ]
    assert [s.start for s in found[2].stretches] == [0.9, 1.15, 1.4, 1.65]


def test_no_word_is_read_twice_and_nothing_but_speech():
    tiers = (
        tier("Ann", [ANN], "utterance")
        + tier("Ann words", [aligned("b1", "ts1", "ts2", "the kettle is on")], "parts", PARENT_REF="Ann")
        + tier("Ann translation", [reference("c1", "a1", "le thé est prêt")], "same", PARENT_REF="Ann")
        + tier("Ann gesture", [aligned("d1", "ts1", "ts2", "she points at it")])
        + tier("Ann emotion", [aligned("e1", "ts1", "ts2", "joy")])
        + tier("mood of Ann", [aligned("f1", "ts1", "ts2", "so very glad")], "listed")
    )
    types = TYPES + '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true"/>'
    found = read_eaf(document(tiers, SLOTS, types=types), "talk.eaf")
    assert [(cue.speaker, cue.text) for cue in found.cues] == [("Ann", "the kettle is on")]
    assert found.warnings == ("not read as speech, by name or type of the tier: 'Ann gesture', 'mood of Ann'",)


def test_where_it_cannot_be_told_the_tiers_are_listed():
    tiers = tier("left", [ANN]) + tier("right", [aligned("b1", "ts1", "ts2", "le thé est prêt")])
    with pytest.raises(
        DataError,
        match=r"'left' and 'right' annotate the same stretches; say which hold .*'utterance'.* Tiers: 'left', 'right'$",
    ):
        read_eaf(document(tiers, SLOTS), "talk.eaf")
    tiers = tier("left", [ANN]) + tier("right", [aligned(f"b{n}", "ts1", "ts2", "beat") for n in range(9)])
    with pytest.raises(DataError, match=r"it can't be told which tiers hold speech; .* Tiers: 'left', 'right'$"):
        read_eaf(document(tiers, SLOTS), "talk.eaf")


def test_somebody_who_only_answers_speaks_too():
    tiers = tier("Ann", [ANN, BEN]) + tier("Ben", [aligned("b1", "ts2", "ts3", "mhm"), aligned("b2", "ts3", "ts4", "yes")])
    assert {cue[0] for cue in said(document(tiers, SLOTS))} == {"Ann", "Ben"}


def test_the_recording_and_its_offset_are_known():
    media = (
        '<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/old/a%20talk.mp4" MIME_TYPE="video/mp4" '
        'RELATIVE_MEDIA_URL="./films/a%20talk.mp4" TIME_ORIGIN="1250"/>'
        '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/old/b.wav" MIME_TYPE="audio/x-wav"/></HEADER>'
    )
    found = read_eaf(document(tier("text", [ANN]), SLOTS, media), "talk.eaf")
    assert found.media == (LinkedMedium("a talk.mp4", "films/a talk.mp4", 1.25), LinkedMedium("b.wav", "/C:/old/b.wav", 0.0))


def test_frames_are_counted_as_the_header_says():
    assert said(document(tier("text", [ANN]), {"ts1": 25, "ts2": 50}, '<HEADER TIME_UNITS="PAL-frames"/>')) == [
        (None, "the kettle is on", 1.0, 2.0)
    ]
    with pytest.raises(DataError, match=r"TIME_UNITS 'bars'; allowed are milliseconds, "):
        said(document(tier("text", [ANN]), SLOTS, '<HEADER TIME_UNITS="bars"/>'))


@pytest.mark.parametrize(
    ("encoding", "declared"), [("iso-8859-1", "ISO-8859-1"), ("utf-16", "UTF-16"), ("mac-roman", "macroman"), ("utf-8", "UTF-8")]
)
def test_the_declaration_says_the_encoding(encoding, declared):
    text = document(tier("text", [aligned("a1", "ts1", "ts2", "déjà là, n'est-ce pas")]), SLOTS).replace('"UTF-8"', f'"{declared}"')
    (turn,) = read_transcript(io.BytesIO(text.encode(encoding)), "talk.eaf").utterances
    assert turn.words == "déjà là, n'est-ce pas"


@pytest.mark.parametrize(
    "type_declared",
    [
        '<!DOCTYPE ANNOTATION_DOCUMENT [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE ANNOTATION_DOCUMENT SYSTEM "file:///secret">',
        '<!DOCTYPE ANNOTATION_DOCUMENT [<!ENTITY x SYSTEM "file:///secret">]>',
    ],
)
def test_a_document_type_is_refused(type_declared):
    text = document(tier("text", [ANN]), SLOTS).replace("?>", f"?>\n{type_declared}\n", 1)
    with pytest.raises(DataError, match=r"^talk\.eaf, line 2: a document type, which an annotation file of ELAN does not have"):
        read_eaf(text, "talk.eaf")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<ANNOTATION_DOCUMENT>", r"line 1: expected an annotation file of ELAN, found broken XML: no element found"),
        ("<TEI/>", r"whose first element is ANNOTATION_DOCUMENT; found TEI"),
        (document(tier("text", [ANN]), {"ts1": "1 s", "ts2": 1}), r"time slot 'ts1' has the time '1 s'; expected milliseconds"),
    ],
)
def test_what_cannot_be_read_is_told(text, message):
    with pytest.raises(DataError, match=message):
        read_eaf(text, "talk.eaf")


def test_a_reference_to_nothing_is_counted():
    found = read_eaf(document(tier("text", [reference("a1", "gone", "where are you")], "same"), {}), "talk.eaf")
    assert [(cue.text, cue.start) for cue in found.cues] == [("where are you", None)]
    assert found.warnings == ("1 annotation refers to what is not in the file: no time is known",)


def test_circles_of_references_end():
    loop = tier("A", [reference("a1", "b1", "round we go")], "same", PARENT_REF="B")
    loop += tier("B", [reference("b1", "a1", "and round again", "b1")], "same", PARENT_REF="A")
    with pytest.raises(DataError):
        said(document(loop, {}))


def test_named_tiers_are_read_whatever_they_look_like():
    again = aligned("a3", "ts1", "ts2", "the kettle IS on")
    text = document(tier("raw", [ANN]) + tier("clean", [again]) + tier("Ben gesture", [BEN]), SLOTS)
    with pytest.raises(DataError, match=r"annotate the same stretches; say which hold words \(--tiers NAME\), or .*'raw', 'clean'"):
        read_eaf(text, "talk.eaf")
    assert [cue.text for cue in read_eaf(text, "talk.eaf", ["clean"]).cues] == ["the kettle IS on"]
    found = read_eaf(text, "talk.eaf", ("Ben gesture", "raw"))
    assert [(cue.speaker, cue.text) for cue in found.cues] == [("raw", "the kettle is on"), ("Ben gesture", "then pour me some")]
    assert found.warnings == ()


def test_unknown_names_of_tiers_are_answered_with_those_there_are():
    text = document(tier("raw", [ANN]) + tier("clean", [BEN]), SLOTS)
    with pytest.raises(DataError, match=r"^talk.eaf: no tier is called 'Raw', 'words'. Tiers: 'raw', 'clean'$"):
        read_eaf(text, "talk.eaf", ("Raw", "clean", "words"))


def test_named_tiers_of_single_words_become_utterances_and_our_own_keep_their_speakers():
    words = [aligned("a1", "ts1", "ts2", "kettle"), aligned("a2", "ts2", "ts3", "on")]
    text = document(tier("wd-level", words) + tier("Ann words (merc)", [aligned("a5", "ts3", "ts4", "sil")]), SLOTS)
    assert [(c.text, c.start, c.end) for c in read_eaf(text, "talk.eaf", ("wd-level",)).cues] == [("kettle on", 1.0, 3.0)]
    assert [(c.speaker, c.text) for c in read_eaf(text, "talk.eaf", ("Ann words (merc)",)).cues] == [("Ann", "sil")]
