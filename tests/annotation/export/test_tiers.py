"""Annotations in the files of ELAN and Praat, in WebVTT and tables: nothing is lost on the way there and back."""

from __future__ import annotations

import csv
import io
import re
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.invented import annotation, hostile, utterance, with_utterances
from merc.annotation.export.elan import eaf_text
from merc.annotation.export.files import write_files
from merc.annotation.export.tabular import tsv_text
from merc.annotation.export.textgrid import textgrid_text
from merc.annotation.export.tiers import one_line
from merc.annotation.export.webvtt import vtt_text
from merc.annotation.transcripts.annotation_files.elan import read_tiers
from merc.annotation.transcripts.annotation_files.textgrid import parse_textgrid
from merc.annotation.transcripts.annotation_files.tier_names import OwnTier, own_tier
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError
from merc.files.strict_xml import parse_xml

# Element -> required and optional attributes, and what may stand in it, in this order, by the schema of EAF 3.0.
SCHEMA = {
    "ANNOTATION_DOCUMENT": (
        {"DATE", "AUTHOR", "VERSION"},
        {"FORMAT", "xmlns:xsi", "xsi:noNamespaceSchemaLocation"},
        "LICENSE* HEADER TIME_ORDER TIER* LINGUISTIC_TYPE* LOCALE* LANGUAGE* CONSTRAINT* CONTROLLED_VOCABULARY* LEXICON_REF* "
        "REF_LINK_SET* EXTERNAL_REF*",
    ),
    "LICENSE": (set(), {"LICENSE_URL"}, ""),
    "HEADER": (set(), {"MEDIA_FILE", "TIME_UNITS"}, "MEDIA_DESCRIPTOR* LINKED_FILE_DESCRIPTOR* PROPERTY*"),
    "MEDIA_DESCRIPTOR": ({"MEDIA_URL", "MIME_TYPE"}, {"RELATIVE_MEDIA_URL", "TIME_ORIGIN", "EXTRACTED_FROM"}, ""),
    "PROPERTY": (set(), {"NAME"}, ""),
    "TIME_ORDER": (set(), set(), "TIME_SLOT*"),
    "TIME_SLOT": ({"TIME_SLOT_ID"}, {"TIME_VALUE"}, ""),
    "TIER": (
        {"TIER_ID", "LINGUISTIC_TYPE_REF"},
        {"PARTICIPANT", "ANNOTATOR", "DEFAULT_LOCALE", "PARENT_REF", "EXT_REF", "LANG_REF"},
        "ANNOTATION*",
    ),
    "ANNOTATION": (set(), set(), "ALIGNABLE_ANNOTATION? REF_ANNOTATION?"),
    "ALIGNABLE_ANNOTATION": (
        {"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"},
        {"SVG_REF", "EXT_REF", "LANG_REF", "CVE_REF"},
        "ANNOTATION_VALUE",
    ),
    "REF_ANNOTATION": (
        {"ANNOTATION_ID", "ANNOTATION_REF"},
        {"PREVIOUS_ANNOTATION", "EXT_REF", "LANG_REF", "CVE_REF"},
        "ANNOTATION_VALUE",
    ),
    "ANNOTATION_VALUE": (set(), set(), ""),
    "LINGUISTIC_TYPE": (
        {"LINGUISTIC_TYPE_ID"},
        {"TIME_ALIGNABLE", "CONSTRAINTS", "GRAPHIC_REFERENCES", "CONTROLLED_VOCABULARY_REF", "EXT_REF", "LEXICON_REF"},
        "",
    ),
    "LOCALE": ({"LANGUAGE_CODE"}, {"COUNTRY_CODE", "VARIANT"}, ""),
    "LANGUAGE": ({"LANG_ID"}, {"LANG_DEF", "LANG_LABEL"}, ""),
    "CONSTRAINT": ({"STEREOTYPE"}, {"DESCRIPTION"}, ""),
    "CONTROLLED_VOCABULARY": ({"CV_ID"}, {"EXT_REF"}, "DESCRIPTION* CV_ENTRY_ML*"),
    "DESCRIPTION": ({"LANG_REF"}, set(), ""),
    "CV_ENTRY_ML": ({"CVE_ID"}, {"EXT_REF"}, "CVE_VALUE CVE_VALUE*"),
    "CVE_VALUE": ({"LANG_REF"}, {"DESCRIPTION"}, ""),
}
GIVEN_EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="me" DATE="2024-05-01T10:00:00+01:00" FORMAT="3.0" VERSION="3.0">
<LICENSE LICENSE_URL="">mine</LICENSE>
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
<MEDIA_DESCRIPTOR MEDIA_URL="file:///talk.wav" MIME_TYPE="audio/x-wav" TIME_ORIGIN="500"/>
<PROPERTY NAME="lastUsedAnnotationId">12</PROPERTY></HEADER>
<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2000"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="4000"/></TIME_ORDER>
<TIER TIER_ID="Ann" PARTICIPANT="Ann" LINGUISTIC_TYPE_REF="utterance">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a7" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>I &lt;3 this</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION><!-- checked twice -->
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a8" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE>so do I</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="Ann gesture" LINGUISTIC_TYPE_REF="parts" PARENT_REF="Ann">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a9" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>nods</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false"/>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="parts" TIME_ALIGNABLE="true" GRAPHIC_REFERENCES="false" CONSTRAINTS="Included_In"/>
<LOCALE LANGUAGE_CODE="en"/>
<CONSTRAINT STEREOTYPE="Included_In" DESCRIPTION="x"/>
</ANNOTATION_DOCUMENT>"""
GIVEN_GRID = """File type = "ooTextFile"
Object class = "TextGrid"
0 5.125 <exists> 2
"IntervalTier" "Ann utterance" 0 5.125 4 0 1 "" 1 2 "I ""love"" this" 2 4 "so do I" 4 5.125 ""
"TextTier" "bells" 0 5.125 1 3.3333333333333335 "ding"
"""


def check_schema(element):
    """Attributes and order of an element and of all within it; ids are their own, and references lead somewhere."""
    required, optional, within = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.tag
    pattern = " ?".join(re.sub(r"(\w+)([*?]?)", r"(?:\1 ?)\2", part) for part in within.split())
    assert re.fullmatch(f"{pattern} ?" if within else "", " ".join(child.tag for child in element)), element.tag
    for child in element:
        check_schema(child)


def check_document(text):
    root = ElementTree.fromstring(text)
    root.attrib |= {"xmlns:xsi": ""}
    for name in [name for name in root.attrib if name.startswith("{")]:
        root.attrib[f"xsi:{name.rpartition('}')[2]}"] = root.attrib.pop(name)
    check_schema(root)
    for tag, name in (("TIER", "TIER_ID"), ("LINGUISTIC_TYPE", "LINGUISTIC_TYPE_ID"), ("CONTROLLED_VOCABULARY", "CV_ID")):
        names = [each.get(name) for each in root.findall(tag)]
        assert len(names) == len(set(names))
    ids = [each.get(name) for each in root.iter() for name in ("TIME_SLOT_ID", "ANNOTATION_ID", "LANG_ID") if each.get(name)]
    assert len(ids) == len(set(ids))
    types = {each.get("LINGUISTIC_TYPE_ID"): each for each in root.findall("LINGUISTIC_TYPE")}
    listed = {each.get("CV_ID") for each in root.findall("CONTROLLED_VOCABULARY")}
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.findall("TIER")} <= set(types)
    assert {each.get("CONTROLLED_VOCABULARY_REF") for each in types.values()} <= {None, *listed}
    used = {each.get(name) for each in root.iter("ALIGNABLE_ANNOTATION") for name in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")}
    assert used <= set(ids)
    times = [int(each.get("TIME_VALUE")) for each in root.iter("TIME_SLOT") if each.get("TIME_VALUE")]
    assert times == sorted(times)
    return root


def labels_of(text, name):
    """Tier -> what it says of when, in ms, of a file of either kind."""
    if name.endswith(".eaf"):
        tiers, _ = read_tiers(parse_xml(text, name, "ANNOTATION_DOCUMENT", "x"), name)
        found = {t.name: [(round(1000 * s.start), round(1000 * s.end), s.text) for s in t.stretches] for t in tiers}
    else:
        grid = parse_textgrid(text, name)
        found = {t.name: [(round(1000 * a), round(1000 * b), label) for a, b, label in t.intervals if label] for t in grid.tiers}
    return {own_tier(tier): labels for tier, labels in found.items() if own_tier(tier) is not None}


def judged(*rows):
    """Rows are speaker, words, start, end and emotion."""
    made = [utterance(n, speaker, words, emotion, start, end) for n, (speaker, words, start, end, emotion) in enumerate(rows)]
    return with_utterances(annotation(), made)


TEXT = {"eaf": eaf_text, "TextGrid": textgrid_text}
# What a transcript's rules leave alone: no mark-up, no brackets, no songs, and something that counts as words.
WORDS = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters="'’,.!?\"\\;%$€"), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
).map(lambda parts: f"a{' '.join(parts)}")
NAMES = st.sampled_from(
    ["Ann", "Ben", "Ann words 2", "words", "Ann emotion (merc)", 'the "Boss"', "ß & <ü>", "text", "x words (merc)"]
)
MOMENTS = st.integers(0, 20_000).map(lambda ms: ms / 1000)
TURNS = st.lists(
    st.tuples(NAMES, WORDS, MOMENTS, st.floats(0, 5), st.sampled_from(["joy", "anger", "neutral"])), min_size=1, max_size=8
)


@pytest.mark.parametrize("kind", TEXT)
@given(turns=TURNS)
def test_what_is_written_is_read_back(kind, turns):
    whole = judged(*((name, words, start, start + length, emotion) for name, words, start, length, emotion in turns))
    text = TEXT[kind](whole)
    read = read_transcript(io.BytesIO(text.encode()), f"talk.emotions.{kind}")
    written = sorted(((u.speaker, one_line(u.words), u.start, u.end) for u in whole.utterances), key=lambda u: u[2:] + u[:2])
    found = sorted(((u.speaker, u.words, u.start, u.end) for u in read.utterances), key=lambda u: u[2:] + u[:2])
    assert sorted(each[:2] for each in found) == sorted(each[:2] for each in written)
    for name, words, start, end in found:
        assert any(
            (name, words) == (by, said) and abs(start - begin) < 0.0011 and abs(end - finish) < 0.0011
            for by, said, begin, finish in written
        )
    assert not [warning for warning in read.warnings if "not read" in warning]
    labels = labels_of(text, f"talk.{kind}")
    emotions = sorted(
        (tier.speaker, start, label) for tier, rows in labels.items() if tier.what == "emotion" for start, _, label in rows
    )
    assert emotions == sorted((u.speaker, round(1000 * u.start), u.emotion) for u in whole.utterances)
    for rows in labels.values():  # within a tier nothing overlaps
        assert all(first[1] <= second[0] for first, second in pairwise(rows))


@pytest.mark.parametrize("kind", TEXT)
def test_each_speaker_has_a_tier_for_words_emotion_probability_and_trust(kind):
    text = TEXT[kind](
        judged(("Ann", "hello", 0.5, 1.5, "joy"), ("Ben", "oh dear", 1.0, 2.0, "fear"), ("Ann", "what", 1.25, 2.0, "anger"))
    )
    labels = labels_of(text, f"talk.{kind}")
    assert list(labels) == [
        OwnTier(speaker, what, layer)
        for speaker, layer in (("Ann", 1), ("Ann", 2), ("Ben", 1))
        for what in ("words", "emotion", "probability", "trust")
    ]
    assert labels[OwnTier("Ann", "emotion")] == [(500, 1500, "joy")]
    assert labels[OwnTier("Ann", "emotion", 2)] == [(1250, 2000, "anger")]
    ((_, _, probability),) = labels[OwnTier("Ben", "probability")]
    assert re.fullmatch(r"0\.\d{3}", probability)
    ((_, _, trust),) = labels[OwnTier("Ben", "trust")]
    assert re.fullmatch(r"text 0\.\d{3}, audio 0\.\d{3}, visual 0\.\d{3}", trust)


@pytest.mark.parametrize("make", [annotation, hostile])
def test_the_structure_is_that_of_elans_schema(make):
    root = check_document(eaf_text(make(), now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))
    assert root.get("DATE") == "2026-01-02T03:04:05+00:00"
    entries = [value.text for value in root.iter("CVE_VALUE")]
    assert entries == [one_line(label) for label in make().labels]


def test_pympi_reads_the_same(tmp_path):
    pympi = pytest.importorskip("pympi")
    path = tmp_path / "talk.eaf"
    path.write_text(eaf_text(annotation()), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = pympi.Eaf(str(path))
    own = labels_of(path.read_text("utf-8"), "talk.eaf")
    for tier, labels in own.items():
        assert [tuple(each[:3]) for each in sorted(read.get_annotation_data_for_tier(tier.name())) if each[2]] == labels
        assert read.get_parameters_for_tier(tier.name())["PARTICIPANT"] == tier.speaker


@pytest.mark.parametrize("make", [annotation, hostile])
def test_praat_reads_every_interval_as_written(make, tmp_path):
    parselmouth = pytest.importorskip("parselmouth")
    path = tmp_path / "talk.TextGrid"
    path.write_text(textgrid_text(make(), (GIVEN_GRID.encode(), "talk.TextGrid")), encoding="utf-8")
    read, call = parselmouth.read(str(path)), parselmouth.praat.call
    own = parse_textgrid(path.read_text("utf-8"), "talk.TextGrid")
    assert call(read, "Get number of tiers") == len(own.tiers)
    assert call(read, "Get end time") == own.end
    for number, tier in enumerate(own.tiers, start=1):
        assert call(read, "Get tier name", number) == tier.name
        if tier.points:
            assert call(read, "Get label of point", number, 1) == "ding"
            continue
        assert call(read, "Get number of intervals", number) == len(tier.intervals)
        reached = own.start
        for place, (start, end, label) in enumerate(tier.intervals, start=1):
            assert start == reached < end
            reached = end
            assert call(read, "Get start time of interval", number, place) == start
            assert call(read, "Get end time of interval", number, place) == end
            assert call(read, "Get label of interval", number, place) == label
        assert reached == own.end


def test_what_was_in_a_file_of_elan_stays_there():
    # The recording begins half a second before the file's time 0.
    whole = judged(("Ann", "I <3 this", 1.5, 2.5, "joy"), ("Ann", "so do I", 2.5, 4.5, "joy"))
    text = eaf_text(whole, (GIVEN_EAF.encode(), "talk.eaf"))
    root = check_document(text)
    assert [tier.get("TIER_ID") for tier in root.findall("TIER")] == [
        "Ann",
        "Ann gesture",
        "Ann emotion (merc)",
        "Ann probability (merc)",
        "Ann trust (merc)",
    ]
    before = ElementTree.fromstring(GIVEN_EAF)
    for name in ("LICENSE", "LOCALE", "HEADER/MEDIA_DESCRIPTOR"):
        assert root.find(name).attrib == before.find(name).attrib
    for element in before.iter("ALIGNABLE_ANNOTATION"):
        (same,) = (each for each in root.iter(element.tag) if each.get("ANNOTATION_ID") == element.get("ANNOTATION_ID"))
        assert (same.attrib, same[0].text) == (element.attrib, element[0].text)
    assert "<!-- checked twice -->" in text
    assert labels_of(text, "talk.eaf")[OwnTier("Ann", "emotion")] == [(1000, 2000, "joy"), (2000, 4000, "joy")]
    assert root.find("HEADER/PROPERTY").text == "15"
    transcript = read_transcript(io.BytesIO(text.encode()), "talk.eaf")
    assert transcript == read_transcript(io.BytesIO(GIVEN_EAF.encode()), "talk.eaf")


def test_what_was_in_a_textgrid_stays_there_even_if_it_was_shorter():
    whole = judged(("Ann", 'I "love" this', 1.0, 2.0, "joy"), ("Ann", "so do I", 2.0, 4.0, "anger"))
    text = textgrid_text(whole, (GIVEN_GRID.encode(), "talk.TextGrid"))
    before, grid = parse_textgrid(GIVEN_GRID, "x"), parse_textgrid(text, "x")
    assert grid.tiers[0].intervals[:4] == before.tiers[0].intervals
    assert grid.tiers[1] == before.tiers[1]
    assert [tier.name for tier in grid.tiers[2:]] == ["Ann emotion (merc)", "Ann probability (merc)", "Ann trust (merc)"]
    assert {tier.intervals[-1][1] for tier in grid.tiers if not tier.points} == {grid.end}
    assert grid.end == whole.origin.duration


@pytest.mark.parametrize(("kind", "content"), [("eaf", GIVEN_EAF), ("TextGrid", GIVEN_GRID)])
def test_a_second_writing_keeps_the_first(kind, content):
    whole = judged(("Ann", "so do I", 2.0, 4.0, "joy"))
    once = TEXT[kind](whole, (content.encode(), f"talk.{kind}"))
    again = TEXT[kind](replace(whole), (once.encode(), f"talk.{kind}"))
    names = list(labels_of(again, f"talk.{kind}"))
    assert {name.run for name in names} == {1, 2}
    assert labels_of(again, f"talk.{kind}")[OwnTier("Ann", "emotion")] == labels_of(once, f"talk.{kind}")[OwnTier("Ann", "emotion")]


@pytest.mark.parametrize("kind", TEXT)
def test_words_that_the_given_file_has_not_as_utterances_are_written_and_read_instead(kind):
    content = {"eaf": GIVEN_EAF, "TextGrid": GIVEN_GRID}[kind]
    text = TEXT[kind](judged(("Ann", "I love this, and so do I", 1.0, 4.0, "joy")), (content.encode(), f"talk.{kind}"))
    (turn,) = read_transcript(io.BytesIO(text.encode()), f"talk.{kind}").utterances
    assert turn.words == "I love this, and so do I"


@given(turns=TURNS)
def test_subtitles_of_the_web_are_read_back(turns):
    whole = judged(*((name, words, start, start + length, emotion) for name, words, start, length, emotion in turns))
    text = vtt_text(whole)
    cues = re.findall(r"^(\S+) --> (\S+)\n<v ([^>]*)>\[(\w+)\] (.*)\n", text, re.MULTILINE)
    assert len(cues) == len(whole.utterances)
    for start, _, speaker, emotion, _ in cues:
        hours, minutes, seconds = start.split(":")
        time = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        assert any(
            abs(u.start - time) < 0.0011
            and u.emotion == emotion
            and u.speaker == speaker.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
            for u in whole.utterances
        )
    distinct = judged(("Ann", "tea & <cake>", 1.0, 2.0, "joy"), ("Ben", "for me?", 2.5, 3661.25, "neutral"))
    assert vtt_text(distinct) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Ann>[joy] tea &amp; &lt;cake&gt;\n\n"
        "00:00:02.500 --> 01:01:01.250\n<v Ben>[neutral] for me?\n"
    )
    read = read_transcript(io.BytesIO(vtt_text(distinct).encode()), "talk.vtt")
    assert [(u.speaker, u.start, u.end) for u in read.utterances] == [("Ann", 1.0, 2.0), ("Ben", 2.5, 3661.25)]
    assert read.utterances[1].words == "for me?"


def test_tables_have_a_row_an_utterance():
    whole = judged(("Ann", "hello\tthere", 0.5, 1.23456, "joy"), ("Ben", '"quoted"', None, None, "fear"))
    header, *rows = csv.reader(io.StringIO(tsv_text(whole), newline=""), delimiter="\t")
    assert header[:7] == ["id", "speaker", "start", "end", "words", "emotion", "probability"]
    assert [row[:6] for row in rows] == [
        ["0", "Ann", "0.5", "1.235", "hello there", "joy"],
        ["1", "Ben", "", "", '"quoted"', "fear"],
    ]


@pytest.mark.parametrize("kind", ["eaf", "textgrid", "vtt"])
def test_without_times_they_are_not_written_and_the_others_say_so(kind, tmp_path):
    said = []
    written = write_files(annotation(timed=False), tmp_path / "talk.wav", formats=("json", kind), on_warning=said.append)
    assert [path.suffix for path in written] == [".json"]
    assert f"talk.emotions.{'TextGrid' if kind == 'textgrid' else kind} was not written: " in said[0]
    with pytest.raises(DataError, match="need a time for each utterance; 25 of 25 have none"):
        write_files(annotation(timed=False), tmp_path / "talk.wav", formats=(kind,))
    whole = annotation()
    partly = with_utterances(whole, (replace(whole.utterances[0], start=None), *whole.utterances[1:]))
    write_files(partly, tmp_path / "talk.wav", formats=(kind,), on_warning=said.append)
    assert said[-1].endswith("leaves out 1 of 25 utterances: they have no time")


def test_the_file_that_the_words_are_from_is_added_to(tmp_path):
    (tmp_path / "talk.eaf").write_text(GIVEN_EAF, encoding="utf-8")
    (tmp_path / "talk.wav").write_bytes(b"x")
    whole = judged(("Ann", "I <3 this", 1.5, 2.5, "joy"), ("Ann", "so do I", 2.5, 4.5, "joy"))
    whole = replace(whole, origin=replace(whole.origin, transcript="talk.eaf"))
    eaf, grid = write_files(whole, tmp_path / "talk.wav", formats=("eaf", "textgrid"))
    assert (eaf.name, grid.name) == ("talk.emotions.eaf", "talk.emotions.TextGrid")
    assert "Ann gesture" in eaf.read_text("utf-8")
    assert (tmp_path / "talk.eaf").read_text("utf-8") == GIVEN_EAF
    assert parse_textgrid(grid.read_text("utf-8"), "x").tiers[0].name == "Ann words (merc)"


def test_several_conversations_are_refused():
    whole = annotation()
    second = replace(whole.conversations[0], id="second")
    for write in (eaf_text, textgrid_text, vtt_text):
        with pytest.raises(DataError, match="are of one conversation; there are 2"):
            write(replace(whole, conversations=(*whole.conversations, second)))
