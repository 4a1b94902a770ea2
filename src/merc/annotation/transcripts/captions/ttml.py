"""TTML (W3C Timed Text; DFXP, SMPTE-TT, EBU-TT, IMSC and iTT are profiles of it): words, times and agents, no styles.

pysubs2 reads no time of it but clock times of paragraphs, so we read it ourselves, by TTML 2 (https://www.w3.org/TR/ttml2/).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from merc.annotation.transcripts.captions.rolling import read_once
from merc.annotation.transcripts.captions.ttml_times import Clock, clock_of
from merc.annotation.transcripts.cues import Cue, CueList, counted
from merc.annotation.transcripts.sentences import MAX_GAP
from merc.annotation.transcripts.words import clean
from merc.errors import DataError
from merc.files.strict_xml import local_name, parse_xml

MOST_NESTED = 100  # elements within one another [chosen]
_CONTAINERS = frozenset({"body", "div", "p", "span"})
_ID, _SPACE = "{http://www.w3.org/XML/1998/namespace}id", "{http://www.w3.org/XML/1998/namespace}space"
_RUBY_READINGS = frozenset({"text", "textContainer", "delimiter"})  # how characters are pronounced: the words again
_START_OF_PROGRAMME = "documentStartOfProgramme"  # the time code at which the recording begins, in EBU-TT
# Apple's transcripts of podcasts and its lyrics count every time from the beginning, be it within another or not.
_FROM_THE_BEGINNING = re.compile(
    r"xmlns:\w{1,40}\s?=\s?[\"']http://(?:podcasts|music)\.apple\.com/(?:transcript|lyric)-ttml-internal"
)
_HEAD = 4000  # characters, in which the namespaces of a document stand
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class _Time:
    """When an element is shown.

    Attributes:
        start: s from the beginning; None where nothing says so.
        end: likewise; infinite where it is that of the recording.
        sequence: whether its children follow one another.
        never: whether it begins when what it belongs to has ended.
    """

    start: float | None
    end: float
    sequence: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text of a paragraph, with its time and whoever the file says that it belongs to."""

    text: str
    time: _Time
    agent: str | None


def read_ttml(text: str, name: str) -> CueList:
    """The cues of a `.ttml`, `.dfxp` or `.xml` file: a paragraph each, or parts of one that are shown one after another.

    Raises:
        DataError: no XML, no TTML, or a time that can't be read.
    """
    root = parse_xml(text, name, "tt", "TTML", namespaces=True, deepest=MOST_NESTED)
    reader = _Reader(root, name, _FROM_THE_BEGINNING.search(text[:_HEAD]) is not None)
    body = next((child for child in root if local_name(str(child.tag)) == "body"), None)
    cues = [] if body is None else list(reader.cues(body))
    return CueList(tuple(read_once(cues)), reader.warnings(), names_in_words=True, cut_anywhere=True)


class _Reader:
    """Walks a document with what its root and head say."""

    def __init__(self, root: Element, name: str, from_the_beginning: bool) -> None:
        self.name = name
        self.from_the_beginning = from_the_beginning  # whether all times are so, rather than from that of what holds them
        self.parameters = {local_name(key): value for key, value in root.attrib.items() if "#parameter" in key}
        self.clock: Clock = clock_of(self.parameters, name)
        self.agents = _agents(root)
        self.preserved = root.get(_SPACE) == "preserve"
        self.zero = self._start_of_programme(root)
        self.never_shown = 0

    def warnings(self) -> tuple[str, ...]:
        """What is odd about the document's times."""
        found: list[str] = []
        if self.parameters.get("timeBase") == "clock":
            found.append("the file's times are times of day, and taken as times of the recording")
        if self.never_shown:
            which = counted(self.never_shown, "text is", "texts are")
            found.append(f"{which} left out, since by the file's times what holds it has ended before")
        return tuple(found)

    def cues(self, body: Element) -> Iterator[Cue]:
        yield from self._within(body, _Time(None, math.inf), None, self.preserved)

    def _within(self, element: Element, around: _Time, agent: str | None, preserved: bool, after: float = 0.0) -> Iterator[Cue]:
        """The cues of a body, division or paragraph; `after` is when the sibling before it ends, in a sequence."""
        time = self._time(element, around, after)
        agent = self._agent(element) or agent
        preserved = _is_preserved(element, preserved)
        if local_name(str(element.tag)) == "p":
            if len(element) or time.never or time.start is None:
                yield from self._paragraph(element, time, agent, preserved)
            elif words := _text(element.text, preserved).strip():
                yield Cue(words, agent, self._since_zero(time.start), self._until(time.end))
            return
        reached = time.start or 0.0
        for child in element:
            if local_name(str(child.tag)) in _CONTAINERS:
                yield from self._within(child, time, agent, preserved, reached)
                reached = self._end(child, time, reached) if time.sequence else reached

    def _paragraph(self, paragraph: Element, time: _Time, agent: str | None, preserved: bool) -> Iterator[Cue]:
        """A paragraph's cues: pieces that are shown together or one soon after another are one."""
        together: list[_Piece] = []
        last, end = None, -math.inf  # of those that hold words: the last one, and when they end
        for piece in self._pieces(paragraph, time, agent, preserved):
            if piece.text.strip():
                if last is not None and not _goes_on(last, piece, end):
                    yield from self._cue(together)
                    together, end = [], -math.inf
                last, end = piece, max(end, piece.time.end)
            together.append(piece)
        yield from self._cue(together)

    def _cue(self, pieces: list[_Piece]) -> Iterator[Cue]:
        words = "".join(piece.text for piece in pieces)
        shown = [piece for piece in pieces if piece.text.strip()]
        if not shown:
            return
        if shown[0].time.never:
            self.never_shown += 1
            return
        starts = [piece.time.start for piece in shown if piece.time.start is not None]
        end = max(piece.time.end for piece in shown)
        start = self._since_zero(min(starts)) if starts else None
        yield Cue(words.strip(), shown[0].agent, start, self._until(end))

    def _until(self, end: float) -> float | None:
        return None if math.isinf(end) else self._since_zero(end)

    def _since_zero(self, time: float) -> float:
        return round(time - self.zero, 9) if self.zero else time

    def _pieces(self, element: Element, time: _Time, agent: str | None, preserved: bool) -> Iterator[_Piece]:
        """The text within a paragraph or span, in order."""
        yield _Piece(_text(element.text, preserved), time, agent)
        reached = time.start or 0.0
        for child in element:
            kind = local_name(str(child.tag))
            if kind == "br":
                yield _Piece("\n", time, agent)
            elif kind == "span" and not any(local_name(k) == "ruby" and v in _RUBY_READINGS for k, v in child.attrib.items()):
                inner = self._time(child, time, reached)
                yield from self._pieces(child, inner, self._agent(child) or agent, _is_preserved(child, preserved))
                reached = self._end(child, time, reached) if time.sequence else reached
            of_a_word = not child.tail and any(local_name(k) == "unit" and v == "word" for k, v in child.attrib.items())
            yield _Piece(" " if of_a_word else _text(child.tail, preserved), time, agent)

    def _time(self, element: Element, around: _Time, after: float) -> _Time:
        """When an element is shown within what is around it (TTML 2, section 12.2, and SMIL's semantics of par and seq)."""
        attributes = element.attrib
        begin = self._attribute(element, "begin") if "begin" in attributes else None
        end = self._attribute(element, "end") if "end" in attributes else None
        dur = self._attribute(element, "dur") if "dur" in attributes else None
        sequence = attributes.get("timeContainer") == "seq"
        if begin is None and end is None and dur is None and not around.sequence:
            return around if sequence == around.sequence else replace(around, sequence=sequence)
        base = 0.0 if self.from_the_beginning else after if around.sequence else (around.start or 0.0)
        start = base + (begin or 0.0)
        ends = [around.end]
        if end is not None:
            ends.append(base + end)
        if dur is not None:
            ends.append(start + dur)
        return _Time(start, min(ends), sequence, around.never or start >= around.end)

    def _end(self, element: Element, around: _Time, after: float) -> float:
        """When an element of a sequence ends: as it says itself, or with the last of what it holds."""
        time = self._time(element, around, after)
        assert time.start is not None
        if element.get("end") is not None or element.get("dur") is not None:
            return time.end
        ends, reached = [time.start], time.start
        for child in element:
            if local_name(str(child.tag)) in _CONTAINERS:
                reached = self._end(child, replace(time, sequence=True), reached if time.sequence else time.start)
                ends.append(reached)
        return min(max(ends), around.end)

    def _attribute(self, element: Element, key: str) -> float:
        try:
            return self.clock.seconds(element.attrib[key])
        except ValueError as error:
            raise DataError(f"{self.name}, <{local_name(str(element.tag))} {key}=…>: {error}") from None

    def _agent(self, element: Element) -> str | None:
        if not self.agents and not self.from_the_beginning:
            return None
        given = next((value for key, value in element.attrib.items() if local_name(key) == "agent"), "")
        return ", ".join(self.agents.get(one, one) for one in given.split()) or None

    def _start_of_programme(self, root: Element) -> float:
        found = next((element for element in root.iter() if local_name(str(element.tag)) == _START_OF_PROGRAMME), None)
        if found is None or not (found.text or "").strip():
            return 0.0
        try:
            return self.clock.seconds(found.text or "")
        except ValueError as error:
            raise DataError(f"{self.name}, <{_START_OF_PROGRAMME}>: {error}") from None


def _agents(root: Element) -> dict[str, str]:
    """What the head calls the agents: id -> name; one without a name goes by its id."""
    found: dict[str, str] = {}
    for agent in root.iter():
        if local_name(str(agent.tag)) == "agent" and (identity := agent.get(_ID)):
            names = (clean("".join(child.itertext())) for child in agent if local_name(str(child.tag)) == "name")
            found[identity] = next(filter(None, names), identity)
    return found


def _is_preserved(element: Element, around: bool) -> bool:
    space = element.attrib.get(_SPACE)
    return around if space is None else {"preserve": True, "default": False}.get(space, around)


def _text(text: str | None, preserved: bool) -> str:
    return (text or "") if preserved else _BLANKS.sub(" ", text or "")


def _goes_on(last: _Piece, piece: _Piece, end: float) -> bool:
    """Whether a piece belongs to the cue of those before, which end then: it is their agent's, and no pause precedes it."""
    if last.agent != piece.agent or last.time.never != piece.time.never or (last.time.start is None) != (piece.time.start is None):
        return False
    if last.time.start is None or piece.time.start is None:
        return True
    return last.time.start <= piece.time.start < end + MAX_GAP
