"""EXMARaLDA's basic transcriptions (`.exb`): events on one timeline, a tier of words for each speaker.

An event may begin or end within a word, wherever somebody else begins to speak; only its own blanks say whether a word ends. Events
that follow one another are joined therefore until a sentence ends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from merc.annotation.transcripts.annotation_files.tier_names import kind_named, own_tier
from merc.annotation.transcripts.annotation_files.tiers import Stretch, Tier, named_ones
from merc.annotation.transcripts.cues import Cue, CueList, LinkedMedium, parse_time
from merc.annotation.transcripts.words import clean
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.strict_xml import parse_xml
from merc.files.validation import shorten

EXB = "a basic transcription of EXMARaLDA"
EXB_ROOT = "basic-transcription"
_SPOKEN = "t"  # the type of tiers with what is said; `a` are annotations of it, `d` descriptions
_VERBAL = ("v", "vt", "txt", "tx", "verb", "sp", "tok", "word")  # categories of such tiers, where one speaker has several
_DESCRIBED = re.compile(r"\(\([^()]{0,200}\)\)|<<[^<>]{0,80}>|\((?:[.\-]{1,3}|\d[\d.,]{0,6} ?s?)\)|°h+|h+°|[•‿]")
_MARKS = re.compile(r"(?<=\w)/(?=\s|$)|[()<>˙]")
_ENDS = (".", "!", "?", "…", "|")  # the last by GAT
_CLOSING = " \t\n\"'”’»)"
_FEW = 4  # events, among which there need be no blank
_MOST_CHARACTERS = 400  # of an utterance [chosen]


def read_exb(text: str, name: str, named: Sequence[str] = ()) -> CueList:
    """The utterances of a `.exb` file: the tiers of type `t`, or those of the given names.

    Points of the timeline without a time share the time between those that have one, evenly. Comments in double brackets, pauses,
    breath, and marks of repairs by HIAT and GAT are no words; what is in single brackets was hard to hear, and is.

    Raises:
        DataError: no such transcription, no tier of type `t` or of a given name, several of one speaker, or a time that can't be
            read.
    """
    return exb_cues(parse_xml(text, name, EXB_ROOT, EXB), name, named=named)


def exb_cues(root: Element, name: str, without: Collection[str] = (), named: Sequence[str] = ()) -> CueList:
    """The utterances of a transcription; see `read_exb`.

    Args:
        root: of the document.
        name: of the file, for errors.
        without: names of tiers that hold no speech, as `exb_tiers` gives them.
        named: see `read_exb`.
    """
    times, order = _timeline(root, name)
    people, every = _people(root), list(root.iterfind("basic-body/tier"))
    if named:
        spoken = [every[place] for place in named_ones([_shown(tier) for tier in every], named, name)]
    else:
        ours = (own_tier(tier.get("display-name") or "") is not None or _name(tier, people) in without for tier in every)
        spoken = _spoken([tier for tier, is_ours in zip(every, ours, strict=True) if not is_ours], name)
    cues: list[Cue] = []
    for tier in spoken:
        speaker = _speaker(tier, people) or (_shown(tier) if len(spoken) > 1 else None)
        cues += _utterances(tier, speaker, times, order)
    cues.sort(key=lambda cue: cue.start or 0.0)
    return CueList(tuple(cues), media=referenced_files(root))


def exb_tiers(root: Element, name: str) -> list[Tier]:
    """All tiers that say something, whatever they hold. A category that a tier's name lacks stands behind it: `Ann [emotion]`."""
    times, _ = _timeline(root, name)
    people = _people(root)
    found: list[Tier] = []
    for tier in root.iterfind("basic-body/tier"):
        stretches = [
            Stretch(event.text or "", times.get(event.get("start", "")), times.get(event.get("end", "")))
            for event in tier.iterfind("event")
            if (event.text or "").strip()
        ]
        if stretches:
            found.append(Tier(_name(tier, people), stretches, speaker=_speaker(tier, people)))
    return found


def referenced_files(root: Element) -> tuple[LinkedMedium, ...]:
    """The recordings that the head names."""
    urls = (file.get("url") or "" for file in root.iter("referenced-file"))
    paths = [unquote(url.removeprefix("file:///").removeprefix("file:")).replace("\\", "/") for url in urls if url.strip()]
    return tuple(LinkedMedium(path.rpartition("/")[2], path) for path in paths)


def _timeline(root: Element, name: str) -> tuple[dict[str, float | None], dict[str, int]]:
    """Point -> its time in s, and point -> its place on the timeline."""
    points = list(root.iterfind("basic-body/common-timeline/tli"))
    known: list[float | None] = []
    for point in points:
        value = (point.get("time") or "").strip()
        try:
            known.append(parse_time(value) if value else None)
        except ValueError as error:
            place = shorten(printable(point.get("id", "")))
            raise DataError(f"{name}: point {place!r} of the timeline has the time {shorten(repr(value))}; expected s") from error
    ids = [point.get("id", "") for point in points]
    return dict(zip(ids, _filled(known), strict=True)), {point: place for place, point in enumerate(ids)}


def _filled(times: Sequence[float | None]) -> list[float | None]:
    filled = list(times)
    known = [place for place, time in enumerate(times) if time is not None]
    for first, second in pairwise(known):
        start, end = filled[first], filled[second]
        assert start is not None and end is not None
        for place in range(first + 1, second):
            filled[place] = start + (end - start) * (place - first) / (second - first)
    return filled


def _people(root: Element) -> dict[str, str]:
    """Id of a speaker -> abbreviation."""
    return {person.get("id", ""): _abbreviation(person) for person in root.iterfind("head/speakertable/speaker")}


def _speaker(tier: Element, people: Mapping[str, str]) -> str | None:
    return people.get(tier.get("speaker") or "") or tier.get("speaker") or None


def _name(tier: Element, people: Mapping[str, str]) -> str:
    category = clean(tier.get("category") or "")
    shown = clean(tier.get("display-name") or "") or (category and _speaker(tier, people)) or ""
    if not shown or category.casefold() in shown.casefold():
        return shown or category or clean(tier.get("id") or "")
    return f"{shown} [{category}]"


def _abbreviation(person: Element) -> str:
    found = person.find("abbreviation")
    return clean("" if found is None else found.text or "")


def _spoken(tiers: Sequence[Element], name: str) -> list[Element]:
    """The tiers of what is said, one a speaker."""
    typed = [tier for tier in tiers if tier.get("type") == _SPOKEN and tier.find("event") is not None]
    if not typed and any(tier.find("event") is not None for tier in tiers):
        listed = shorten(", ".join(f"{_shown(tier)!r} of type {tier.get('type')!r}" for tier in tiers))
        raise DataError(f"{name}: no tier has the type 't', which EXMARaLDA gives to what is said. Tiers: {listed}")
    of_speaker: dict[str, list[Element]] = {}
    for tier in typed:
        if kind_named(tier.get("category") or "") != "other":
            of_speaker.setdefault(tier.get("speaker") or "", []).append(tier)
    spoken: list[Element] = []
    for speaker, same in of_speaker.items():
        verbal = [tier for tier in same if (tier.get("category") or "").casefold() in _VERBAL]
        chosen = verbal if len(same) > 1 and verbal else same
        alike = not speaker and len({tier.get("category") for tier in chosen}) == 1  # each its own, still unknown, speaker's
        if len(chosen) > 1 and not alike:
            listed = shorten(", ".join(repr(_shown(tier)) for tier in chosen))
            how = "say which holds the words (--tiers NAME), or give others the type 'a'"
            raise DataError(f"{name}: one speaker has {len(chosen)} tiers of type 't' ({listed}); {how}")
        spoken += chosen
    return spoken


def _shown(tier: Element) -> str:
    return printable(clean(tier.get("display-name") or tier.get("category") or tier.get("id") or "tier"))


def _utterances(tier: Element, speaker: str | None, times: Mapping[str, float | None], order: Mapping[str, int]) -> Iterator[Cue]:
    """The tier's events, joined where one begins at the point at which the one before ends, until a sentence ends."""
    events = sorted(tier.iterfind("event"), key=lambda event: order.get(event.get("start", ""), len(order)))
    texts = [event.text or "" for event in events]
    between = "" if any(text != text.strip() for text in texts) or len(texts) < _FEW else " "  # a word an event
    said, start, end = list[str](), "", ""
    size = 0
    for event, text in zip(events, texts, strict=True):
        if said and (event.get("start", "") != end or size > _MOST_CHARACTERS or said[-1].rstrip(_CLOSING).endswith(_ENDS)):
            yield Cue(_words(between.join(said)), speaker, times.get(start), times.get(end))
            said, size = [], 0
        if not said:
            start = event.get("start", "")
        said.append(text)
        size += len(text)
        end = event.get("end", "")
    if said:
        yield Cue(_words(between.join(said)), speaker, times.get(start), times.get(end))


def _words(text: str) -> str:
    return _MARKS.sub("", _DESCRIBED.sub(" ", text.replace("|", " ")))
