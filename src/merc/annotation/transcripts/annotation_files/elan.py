"""ELAN's annotation files, EAF 2.x and 3.0.

pympi-ling reads them, too, but loses annotations whose time slots have no time, keeps the first of several annotations below one
parent, and knows neither participants nor offsets of media. So the XML is read here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from merc.annotation.transcripts.annotation_files.tiers import Stretch, Tier, spoken_cues
from merc.annotation.transcripts.cues import CueList, LinkedMedium, counted
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.strict_xml import parse_xml
from merc.files.validation import shorten

EAF = "an annotation file of ELAN"
EAF_ROOT = "ANNOTATION_DOCUMENT"
_UNITS = {"milliseconds": 0.001, "NTSC-frames": 1001 / 30000, "PAL-frames": 1 / 25}
_DIVIDES = ("Time_Subdivision", "Symbolic_Subdivision")
_MOST_DIGITS = 15  # of a time


@dataclass(slots=True)
class _Annotation:
    """An annotation while its times are looked for: time slots or a reference, or neither."""

    id: str
    text: str
    slots: tuple[str, str] | None
    reference: str | None
    previous: str | None
    start: float | None = None
    end: float | None = None
    parent: str | None = None


def read_eaf(text: str, name: str, named: Sequence[str] = ()) -> CueList:
    """The utterances of a `.eaf` file: those of the named tiers; without names, `tiers` says which are read.

    Annotations whose time slots have no time share the time between those that have one, and annotations that divide another share
    its time, evenly, as ELAN shows them.

    Raises:
        DataError: no EAF, a time or a reference that can't be read, no such tier, or it can't be told which tiers hold speech.
    """
    root = parse_xml(text, name, EAF_ROOT, EAF)
    tiers, unknown = read_tiers(root, name)
    cues, warnings = spoken_cues(tiers, name, named)
    if unknown:
        warnings.append(
            f"{counted(unknown, 'annotation refers', 'annotations refer')} to what is not in the file: no time is known"
        )
    return CueList(tuple(cues), tuple(warnings), media=linked_media(root))


def linked_media(root: Element) -> tuple[LinkedMedium, ...]:
    """The recordings that the header names. ELAN shows of each what comes after its TIME_ORIGIN, in ms, at its own time 0."""
    found: list[LinkedMedium] = []
    header = root.find("HEADER")
    for element in [] if header is None else header.iter("MEDIA_DESCRIPTOR"):
        given = element.get("RELATIVE_MEDIA_URL") or element.get("MEDIA_URL") or ""
        path = unquote(given.removeprefix("file://").removeprefix("file:")).replace("\\", "/")
        path = path.removeprefix("/./").removeprefix("./")
        name = path.rpartition("/")[2]
        origin = element.get("TIME_ORIGIN", "").strip()
        offset = int(origin) / 1000 if origin.removeprefix("-").isdecimal() and len(origin) < _MOST_DIGITS else 0.0
        if name:
            found.append(LinkedMedium(name, path, offset))
    return tuple(found)


def read_tiers(root: Element, name: str) -> tuple[list[Tier], int]:
    """The tiers of a document, and how many annotations refer to nothing."""
    times = _time_slots(root, name)
    types = {element.get("LINGUISTIC_TYPE_ID", ""): element for element in root.findall("LINGUISTIC_TYPE")}
    elements = root.findall("TIER")
    constraints = [types[t].get("CONSTRAINTS", "") if (t := e.get("LINGUISTIC_TYPE_REF", "")) in types else "" for e in elements]
    by_tier = {id(element): _annotations(element, name) for element in elements}
    by_name = {element.get("TIER_ID", ""): by_tier[id(element)] for element in elements}
    found: dict[str, _Annotation] = {}
    for element in _parents_first(elements):
        _set_times(by_tier[id(element)], times, by_name.get(element.get("PARENT_REF") or "", []), found)
        found.update((annotation.id, annotation) for annotation in by_tier[id(element)])
    tiers: list[Tier] = []
    for element, constraint in zip(elements, constraints, strict=True):
        type_name = element.get("LINGUISTIC_TYPE_REF", "")
        tiers.append(
            Tier(
                element.get("TIER_ID", ""),
                [Stretch(a.text, a.start, a.end, a.parent) for a in by_tier[id(element)] if a.text.strip()],
                type_name,
                element.get("PARTICIPANT", "").strip("*? ") or None,  # FLEx names nobody `***`
                element.get("PARENT_REF"),
                constraint.replace(" ", "_").title() in _DIVIDES,
                type_name in types and types[type_name].get("CONTROLLED_VOCABULARY_REF") is not None,
            )
        )
    return tiers, sum(a.slots is None and a.start is None for annotations in by_tier.values() for a in annotations)


def _time_slots(root: Element, name: str) -> dict[str, float | None]:
    header, order = root.find("HEADER"), root.find("TIME_ORDER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS") or "milliseconds"
    if units not in _UNITS:
        raise DataError(f"{name}: TIME_UNITS {shorten(repr(units))}; allowed are {', '.join(_UNITS)}")
    times: dict[str, float | None] = {}
    for slot in [] if order is None else order.iterfind("TIME_SLOT"):
        value, slot_id = slot.get("TIME_VALUE"), slot.get("TIME_SLOT_ID", "")
        if value is None:
            times[slot_id] = None
        elif value.strip().removeprefix("-").isdecimal() and len(value) < _MOST_DIGITS:
            times[slot_id] = int(value) / 1000 if units == "milliseconds" else int(value) * _UNITS[units]
        else:
            place = f"{name}: time slot {shorten(printable(slot_id))!r}"
            raise DataError(f"{place} has the time {shorten(repr(value))}; expected {units}")
    return times


def _annotations(tier: Element, name: str) -> list[_Annotation]:
    """A tier's annotations in the file's order, or those that follow one another below one parent in theirs."""
    found: list[_Annotation] = []
    for element in (each for wrapper in tier.iterfind("ANNOTATION") for each in wrapper):
        if element.tag not in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
            continue
        given = element.attrib
        first, second, reference = given.get("TIME_SLOT_REF1"), given.get("TIME_SLOT_REF2"), given.get("ANNOTATION_REF")
        slots = None if first is None or second is None else (first, second)
        if slots is None and reference is None:
            place = f"{name}: tier {shorten(printable(tier.get('TIER_ID', '')))!r}"
            raise DataError(f"{place}: an annotation has neither time slots nor a reference")
        text = element.findtext("ANNOTATION_VALUE") or ""
        identity = given.get("ANNOTATION_ID") or f"\0{id(element)}"
        found.append(_Annotation(identity, text, slots, reference, given.get("PREVIOUS_ANNOTATION")))
    return found if all(a.previous is None for a in found) else _chained(found)


def _chained(annotations: Sequence[_Annotation]) -> list[_Annotation]:
    """Annotations below one parent in the order that PREVIOUS_ANNOTATION gives them."""
    known = {annotation.id for annotation in annotations}
    following: dict[str, list[_Annotation]] = {}
    for annotation in annotations:
        if annotation.previous is not None and annotation.previous in known and annotation.previous != annotation.id:
            following.setdefault(annotation.previous, []).append(annotation)
    result: list[_Annotation] = []
    done: set[str] = set()
    heads = [a for a in annotations if a.previous is None or a.previous not in known]
    for head in (*heads, *annotations):  # the second time round those in a circle
        pending = [head]
        while pending:
            annotation = pending.pop()
            if annotation.id not in done:
                done.add(annotation.id)
                result.append(annotation)
                pending += reversed(following.get(annotation.id, []))
    return result


def _parents_first(tiers: Sequence[Element]) -> list[Element]:
    by_name = {tier.get("TIER_ID", ""): tier for tier in tiers}
    children: dict[int, list[Element]] = {}
    roots: list[Element] = []
    for tier in tiers:
        parent = by_name.get(tier.get("PARENT_REF") or "")
        if parent is None or parent is tier:
            roots.append(tier)
        else:
            children.setdefault(id(parent), []).append(tier)
    result: list[Element] = []
    seen: set[int] = set()
    for root in (*roots, *tiers):
        pending = [root]
        while pending:
            tier = pending.pop()
            if id(tier) not in seen:
                seen.add(id(tier))
                result.append(tier)
                pending += reversed(children.get(id(tier), []))
    return result


def _set_times(
    annotations: Sequence[_Annotation],
    times: Mapping[str, float | None],
    parents: Sequence[_Annotation],
    found: Mapping[str, _Annotation],
) -> None:
    """Sets start, end and parent of a tier's annotations.

    Args:
        annotations: of the tier.
        times: time slot -> s.
        parents: the annotations of its parent tier, whose times are set.
        found: id -> annotation, of all tiers whose times are set.
    """
    siblings: dict[str, list[_Annotation]] = {}
    for annotation in annotations:
        if annotation.slots is not None:
            annotation.start, annotation.end = (times.get(slot) for slot in annotation.slots)
        elif annotation.reference in found and annotation.reference is not None:
            siblings.setdefault(annotation.reference, []).append(annotation)
    for reference, parts in siblings.items():
        _divide(parts, found[reference].start, found[reference].end)
        for part in parts:
            part.parent = reference
    aligned = [annotation for annotation in annotations if annotation.slots is not None]
    if parents:
        _find_parents(aligned, parents)
    _share_between(aligned, found)


def _find_parents(annotations: Sequence[_Annotation], parents: Sequence[_Annotation]) -> None:
    """Annotations with time slots belong to that of the parent tier in which they begin, or go on with the one before."""
    by_slot = {parent.slots[0]: parent for parent in parents if parent.slots is not None}
    ordered = sorted(((p.start, p.id) for p in parents if p.start is not None), key=lambda pair: pair[0])
    starts = [start for start, _ in ordered]
    current: str | None = None
    for annotation in annotations:
        assert annotation.slots is not None
        if annotation.slots[0] in by_slot:
            current = by_slot[annotation.slots[0]].id
        elif annotation.start is not None:
            place = bisect_right(starts, annotation.start)
            current = ordered[place - 1][1] if place else None
        annotation.parent = current


def _divide(parts: Sequence[_Annotation], start: float | None, end: float | None) -> None:
    if start is None or end is None:
        parts[0].start, parts[-1].end = start, end
        return
    width = (end - start) / len(parts)
    for number, part in enumerate(parts):
        part.start = start + width * number
        part.end = end if number == len(parts) - 1 else start + width * (number + 1)


def _share_between(annotations: Sequence[_Annotation], found: Mapping[str, _Annotation]) -> None:
    """Gives each run of annotations without a time in between an even share of the time from the known one before to that after."""
    place = 0
    while place < len(annotations):
        first = place
        while place < len(annotations) - 1 and annotations[place].end is None:
            place += 1
        run = annotations[first : place + 1]
        place += 1
        start, end = run[0].start, run[-1].end
        above = found.get(run[0].parent or "")
        same = first > 0 and annotations[first - 1].parent == run[0].parent
        if start is None:
            start = annotations[first - 1].end if same or (first > 0 and above is None) else above and above.start
        if end is None:
            end = annotations[place].start if place < len(annotations) else above and above.end
        if len(run) > 1 or None in (run[0].start, run[0].end):
            known = [(n, a) for n, a in enumerate(run) if n and a.start is not None]
            edges = [0, *(n for n, _ in known), len(run)]
            marks = [start, *(a.start for _, a in known), end]
            for (low, high), (begin, finish) in zip(pairwise(edges), pairwise(marks), strict=True):
                _divide(run[low:high], begin, finish)
