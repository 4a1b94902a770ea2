"""A result as an annotation file of ELAN (EAF 3.0): alone, or added to one that is given.

pympi-ling writes such files, too, but loses the parts of a given one that it does not know, comments and the order of what it does.
So the XML is written here, by the order of elements and the attributes of ELAN's schema.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from merc.annotation.export.tiers import WrittenTier, one_line, written_tiers
from merc.annotation.result import Result
from merc.annotation.transcripts.annotation_files.elan import EAF, EAF_ROOT, linked_media, read_tiers
from merc.annotation.transcripts.annotation_files.tier_names import own_tier
from merc.annotation.transcripts.transcript import offset_of
from merc.files.encoding import decode
from merc.files.strict_xml import parse_xml

_ORDER = (
    *("LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT", "CONTROLLED_VOCABULARY"),
    *("LEXICON_REF", "REF_LINK_SET", "EXTERNAL_REF"),
)
_STEREOTYPES = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within this interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same parent are ordered",
    "Symbolic_Association": "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_MIME_TYPES = {".wav": "audio/x-wav", ".mp4": "video/mp4", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".mov": "video/quicktime"}
_EMOTIONS = "merc emotions"  # the controlled vocabulary, from whose list labels are corrected
_LANGUAGE = "und"
DEEPEST = 30  # elements within one another in a file that is written again; annotation files have seven
_WITH_LANGUAGES = (2, 8)  # version of EAF, before which vocabularies were written in another way
_NUMBERED = re.compile(r"(ts|a)(\d{1,15})")
_FRAMES = {"NTSC-frames": 1001 / 30, "PAL-frames": 40.0}  # ms


def eaf_text(
    result: Result, given: tuple[bytes, str] | None = None, leave_out_untimed: bool = False, now: datetime | None = None
) -> str:
    """The file's text, in UTF-8 as its first line says.

    Args:
        result: of one conversation.
        given: content and name of the file that the words were read from; all that is in it stays, and our tiers follow. Those of
            words are left out if each utterance is an annotation of it.
        leave_out_untimed: pass over utterances without a time, if others have one.
        now: the date that a new file is given; None takes the present.

    Raises:
        DataError: an utterance has no start or no end, there are several conversations, or the given file is none of ELAN.
    """
    if given is None:
        root, run, offset, spans = _new(result, now or datetime.now(UTC)), 1, 0.0, set[tuple[int, int]]()
    else:
        data, name = given
        root = parse_xml(decode(data, name).text, name, EAF_ROOT, EAF, comments=True, deepest=DEEPEST)
        tiers, _ = read_tiers(root, name)
        run = max((found.run for tier in tiers if (found := own_tier(tier.name)) is not None), default=0) + 1
        offset = offset_of(linked_media(root), result.origin.name) if result.origin.kind != "text" else 0.0
        spans = {
            (round(1000 * stretch.start), round(1000 * stretch.end))
            for tier in tiers
            for stretch in tier.stretches
            if stretch.start is not None and stretch.end is not None
        }
    written = written_tiers(result, run, offset, leave_out_untimed)
    if all((label.start, label.end) in spans for tier in written for label in tier.labels):
        written = tuple(tier for tier in written if tier.tier.what != "words")
    _add(root, written, [one_line(label) for label in result.labels])
    indent(root, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _new(result: Result, now: datetime) -> Element:
    """A document without tiers."""
    root = Element(
        EAF_ROOT,
        {
            "AUTHOR": "merc",
            "DATE": now.isoformat(timespec="seconds"),
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": _SCHEMA,
        },
    )
    header = SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if result.origin.kind != "text":
        name = one_line(PurePath(result.origin.name).name)
        url = f"./{quote(name, errors='replace')}"
        kind = _MIME_TYPES.get(PurePath(name).suffix.lower(), f"{result.origin.kind}/*")
        SubElement(header, "MEDIA_DESCRIPTOR", {"MEDIA_URL": url, "MIME_TYPE": kind, "RELATIVE_MEDIA_URL": url})
    SubElement(root, "TIME_ORDER")
    for stereotype, description in _STEREOTYPES.items():
        SubElement(root, "CONSTRAINT", {"STEREOTYPE": stereotype, "DESCRIPTION": description})
    return root


def _add(root: Element, tiers: Sequence[WrittenTier], labels: Sequence[str]) -> None:
    """Adds the tiers, and what they need."""
    listed = _version(root) >= _WITH_LANGUAGES
    numbers = {"ts": 0, "a": 0}
    for element in root.iter():
        for attribute in ("TIME_SLOT_ID", "ANNOTATION_ID"):
            found = _NUMBERED.fullmatch(element.get(attribute, ""))
            if found is not None:
                numbers[found[1]] = max(numbers[found[1]], int(found[2]))
    slots: list[tuple[int, str]] = []
    elements: list[Element] = []
    for tier in tiers:
        what = tier.tier.what
        attributes = {"LINGUISTIC_TYPE_REF": f"merc {what}", "TIER_ID": tier.tier.name()}
        if tier.tier.speaker is not None:
            attributes["PARTICIPANT"] = tier.tier.speaker
        element = Element("TIER", attributes)
        elements.append(element)
        for label in tier.labels:
            ends: list[str] = []
            for time in (label.start, label.end):
                numbers["ts"] += 1
                ends.append(f"ts{numbers['ts']}")
                slots.append((time, ends[-1]))
            numbers["a"] += 1
            names = {"ANNOTATION_ID": f"a{numbers['a']}", "TIME_SLOT_REF1": ends[0], "TIME_SLOT_REF2": ends[1]}
            annotation = SubElement(SubElement(element, "ANNOTATION"), "ALIGNABLE_ANNOTATION", names)
            SubElement(annotation, "ANNOTATION_VALUE").text = label.text
    _merge(root, slots)
    _insert(root, elements)
    _insert(root, _types(root, [tier.tier.what for tier in tiers], listed))
    if listed:
        _add_vocabulary(root, labels)
    _remember(root, numbers["a"])


def _version(root: Element) -> tuple[int, ...]:
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", root.get("FORMAT", ""))
    return (3, 0) if found is None else (int(found[1]), int(found[2]))


def _merge(root: Element, slots: Sequence[tuple[int, str]]) -> None:
    """Adds time slots, in order of time; slots without a time stay behind those before them."""
    header, order = root.find("HEADER"), root.find("TIME_ORDER")
    if order is None:
        order = Element("TIME_ORDER")
        _insert(root, [order])
    unit = _FRAMES.get("" if header is None else header.get("TIME_UNITS") or "", 1.0)
    new = [
        (round(time / unit), Element("TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(round(time / unit))}))
        for time, slot in sorted(slots, key=lambda slot: slot[0])
    ]
    merged: list[Element] = []
    reached = 0
    for slot in order:
        value = slot.get("TIME_VALUE", "") if slot.tag == "TIME_SLOT" else ""
        while value and reached < len(new) and new[reached][0] < int(value):
            merged.append(new[reached][1])
            reached += 1
        merged.append(slot)
    order[:] = [*merged, *(slot for _, slot in new[reached:])]


def _types(root: Element, wanted: Sequence[str], listed: bool) -> list[Element]:
    known = {element.get("LINGUISTIC_TYPE_ID") for element in root.findall("LINGUISTIC_TYPE")}
    types: list[Element] = []
    for what in dict.fromkeys(wanted):
        if f"merc {what}" not in known:
            attributes = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": f"merc {what}", "TIME_ALIGNABLE": "true"}
            if what == "emotion" and listed:
                attributes["CONTROLLED_VOCABULARY_REF"] = _EMOTIONS
            types.append(Element("LINGUISTIC_TYPE", attributes))
    return types


def _add_vocabulary(root: Element, labels: Sequence[str]) -> None:
    vocabulary = next((each for each in root.findall("CONTROLLED_VOCABULARY") if each.get("CV_ID") == _EMOTIONS), None)
    if vocabulary is None:
        if all(each.get("LANG_ID") != _LANGUAGE for each in root.findall("LANGUAGE")):
            _insert(root, [Element("LANGUAGE", {"LANG_ID": _LANGUAGE, "LANG_LABEL": "undetermined (und)"})])
        vocabulary = Element("CONTROLLED_VOCABULARY", {"CV_ID": _EMOTIONS})
        SubElement(vocabulary, "DESCRIPTION", {"LANG_REF": _LANGUAGE})
        _insert(root, [vocabulary])
    there = {value.text for value in vocabulary.iter("CVE_VALUE")}
    taken = {entry.get("CVE_ID") for entry in vocabulary.iter("CV_ENTRY_ML")}
    number = 0
    for label in labels:
        if label not in there:
            while f"merc{number}" in taken:
                number += 1
            taken.add(f"merc{number}")
            entry = SubElement(vocabulary, "CV_ENTRY_ML", {"CVE_ID": f"merc{number}"})
            SubElement(entry, "CVE_VALUE", {"LANG_REF": _LANGUAGE}).text = label


def _remember(root: Element, last: int) -> None:
    """ELAN counts its annotations on from here."""
    header = root.find("HEADER")
    if header is None:
        return
    found = next((each for each in header.findall("PROPERTY") if each.get("NAME") == "lastUsedAnnotationId"), None)
    if found is None:
        found = SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"})
    found.text = str(last)


def _insert(root: Element, elements: Sequence[Element]) -> None:
    """Puts elements of one kind where the schema wants them: behind all that are of their kind, or of one before it."""
    if not elements:
        return
    before = _ORDER[: _ORDER.index(elements[0].tag) + 1]
    place = max((number for number, child in enumerate(root, start=1) if child.tag in before), default=0)
    root[place:place] = elements
