"""Praat's TextGrids, as text in the long or the short form.

Both forms are one to Praat itself, and so they are here: of a text file it reads the numbers that stand free, what is in double
quotes, and `<exists>`; all else is for people. praatio takes the words around them for granted, and so finds other intervals where
a label looks like them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from merc.annotation.transcripts.annotation_files.tiers import Stretch, Tier, spoken_cues
from merc.annotation.transcripts.cues import CueList
from merc.errors import DataError
from merc.files.encoding import Decoded, decode
from merc.files.printable import printable
from merc.files.validation import shorten

TEXTGRID = "a TextGrid of Praat"
_TOKEN = re.compile(
    r'"(?P<text>[^"]*+(?:""[^"]*+)*+)"|(?<!\S)(?P<number>[+-]?(?:\d{1,20}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)(?!\S)'
    r"|<(?P<flag>exists|absent)>|(?P<comment>(?<!\S)![^\n]*)|(?P<open>\")"
)
_BESIDE = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[a-z])")
_BINARY = b"ooBinaryFile"
_ACCENTS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303"}
_SPELT = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "o/": "ø", "O/": "Ø", "ao": "å", "AO": "Å", "c,": "ç", "C,": "Ç"}
_SPELLING = re.compile(r"\\(?:([A-Za-z])([\"'`^~])|(ss|ae|AE|oe|o/|O/|ao|AO|c,|C,))")


@dataclass(frozen=True, slots=True)
class GridTier:
    """A tier of a TextGrid.

    Attributes:
        name: of the tier.
        intervals: start and end in s, and label, empty ones among them; for points, both times are one.
        points: whether it holds points.
    """

    name: str
    intervals: tuple[tuple[float, float, str], ...]
    points: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A TextGrid: its time in s, and its tiers."""

    start: float
    end: float
    tiers: tuple[GridTier, ...]


def decode_textgrid(data: bytes, name: str) -> Decoded:
    """The text of a TextGrid: what any text file may be encoded in, and Mac Roman, which Praat wrote on Macs.

    Raises:
        DataError: a binary TextGrid, or see `merc.files.encoding.decode`.
    """
    if data.startswith(_BINARY):
        raise DataError(f"{name}: a binary file of Praat; open it there and save it as a text file")
    decoded = decode(data, name)
    if decoded.warnings and "Windows-1252" in decoded.warnings[0]:
        text = data.decode("mac-roman")
        if _letters_among_letters(text) > _letters_among_letters(decoded.text):
            return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), ("the file is not UTF-8, and so read as Mac Roman",))
    return decoded


def read_textgrid(text: str, name: str) -> CueList:
    """The utterances of a `.TextGrid` file; `tiers` says which tiers are read.

    Raises:
        DataError: no TextGrid, one that is cut off, or it can't be told which tiers hold speech.
    """
    tiers = [
        Tier(tier.name, [Stretch(label, start, end) for start, end, label in tier.intervals if label.strip()])
        for tier in parse_textgrid(text, name).tiers
        if not tier.points
    ]
    cues, warnings = spoken_cues([Tier(t.name, [_spelt(s) for s in t.stretches]) for t in tiers], name)
    return CueList(tuple(cues), tuple(warnings))


def parse_textgrid(text: str, name: str) -> Grid:
    """All tiers of a TextGrid, labels as they stand.

    Raises:
        DataError: no TextGrid, or one that is cut off; the message names the tier.
    """
    tokens = _Tokens(text, name)
    kind = tokens.text("the kind of the file")
    if not kind.startswith("ooTextFile"):
        raise DataError(f"{name}: expected {TEXTGRID}, which begins with ooTextFile; found {shorten(repr(printable(kind)))}")
    what = tokens.text("what the file holds")
    if not what.startswith("TextGrid"):
        raise DataError(f"{name}: expected {TEXTGRID}, found {shorten(repr(printable(what)))} of Praat")
    start, end = tokens.number("its start"), tokens.number("its end")
    if not tokens.flag():
        return Grid(start, end, ())
    tiers: list[GridTier] = []
    for number in range(1, tokens.count("the number of tiers") + 1):
        place = f"tier {number}"
        kind, tier_name = tokens.text(place), tokens.text(place)
        if kind not in ("IntervalTier", "TextTier"):
            raise DataError(f"{name}: {place} is {shorten(repr(printable(kind)))}; expected IntervalTier or TextTier")
        tokens.number(place)
        tokens.number(place)
        points = kind == "TextTier"
        intervals: list[tuple[float, float, str]] = []
        for _ in range(tokens.count(place)):
            begin = tokens.number(place)
            finish = begin if points else tokens.number(place)
            intervals.append((begin, finish, tokens.text(place)))
        tiers.append(GridTier(tier_name, tuple(intervals), points))
    return Grid(start, end, tuple(tiers))


class _Tokens:
    """What Praat reads of a text file, one after another."""

    def __init__(self, text: str, name: str) -> None:
        self._found: Iterator[re.Match[str]] = (match for match in _TOKEN.finditer(text) if match.lastgroup != "comment")
        self._name = name
        self._size = len(text)

    def text(self, place: str) -> str:
        return self._next("text", place).replace('""', '"')

    def number(self, place: str) -> float:
        return float(self._next("number", place))

    def count(self, place: str) -> int:
        count = self.number(place)
        if not count.is_integer() or not 0 <= count <= self._size:
            raise DataError(f"{self._name}: {place}: expected a count, found {count}")
        return int(count)

    def flag(self) -> bool:
        return self._next("flag", "its tiers") == "exists"

    def _next(self, kind: str, place: str) -> str:
        match = next(self._found, None)
        if match is None or match.lastgroup == "open":
            raise DataError(f"{self._name}: expected {TEXTGRID}, found its end at {place}")
        if match.lastgroup != kind:
            found = shorten(repr(printable(match[0])))
            raise DataError(f"{self._name}: expected {TEXTGRID}, whose next {kind} is of {place}; found {found}")
        return match[kind]


def _spelt(stretch: Stretch) -> Stretch:
    """Praat shows `\\e'` as é, and so on."""
    if "\\" not in stretch.text:
        return stretch
    return Stretch(_SPELLING.sub(_letter, stretch.text), stretch.start, stretch.end)


def _letter(match: re.Match[str]) -> str:
    return _SPELT[match[3]] if match[3] else unicodedata.normalize("NFC", match[1] + _ACCENTS[match[2]])


def _letters_among_letters(text: str) -> int:
    """How many small letters beyond ASCII stand beside a letter of ASCII."""
    return sum(match[0].islower() for match in _BESIDE.finditer(text))
