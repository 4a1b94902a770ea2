"""Praat's TextGrids, as text in the long or the short form.

Both forms are one to Praat itself, and so they are here: of a text file it reads the numbers that stand free, what is in double
quotes, and `<exists>`; all else is for people. praatio takes the words around them for granted, and so finds other intervals where
a label looks like them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from merc.annotation.transcripts.annotation_files.tiers import Stretch, Tier, spoken_cues
from merc.annotation.transcripts.cues import CueList
from merc.errors import DataError
from merc.files.encoding import Decoded, decode
from merc.files.printable import printable
from merc.files.validation import shorten

TEXTGRID = "a TextGrid of Praat"
_BESIDE = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[a-z])")
_BINARY = b"ooBinaryFile"
_NUMBER = re.compile(r"[+-]?(?:\d{1,20}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_COMMENT = re.compile(r"(?<!\S)![^\n]*")
_FLAGS = {"<exists>": True, "<absent>": False}
_ACCENTS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303"}
_SPELT = {"bs": "\\", "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "o/": "ø", "O/": "Ø", "ao": "å", "AO": "Å", "c,": "ç", "C,": "Ç"}
_SPELLING = re.compile(r"\\(?:([A-Za-z])([\"'`^~])|(bs|ss|ae|AE|oe|o/|O/|ao|AO|c,|C,))")


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


def read_textgrid(text: str, name: str, named: Sequence[str] = ()) -> CueList:
    """The utterances of a `.TextGrid` file: those of the named tiers; without names, `tiers` says which are read.

    Raises:
        DataError: no TextGrid, one that is cut off, no such tier of intervals, or it can't be told which tiers hold speech.
    """
    cues, warnings = spoken_cues(interval_tiers(text, name), name, named)
    return CueList(tuple(cues), tuple(warnings))


def interval_tiers(text: str, name: str) -> list[Tier]:
    """The tiers of intervals, without empty ones, labels as Praat shows them.

    Raises:
        DataError: see `parse_textgrid`.
    """
    return [
        Tier(
            tier.name, [Stretch(_spelt(label), start, end) for start, end, label in tier.intervals if label and not label.isspace()]
        )
        for tier in parse_textgrid(text, name).tiers
        if not tier.points
    ]


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
        *times, labels = tokens.rows(2 if points else 3, place)
        tiers.append(GridTier(tier_name, tuple(zip(times[0], times[-1], labels, strict=True)), points))
    return Grid(start, end, tuple(tiers))


class _Tokens:
    """What Praat reads of a text file: texts, numbers, and whether there is something (`<exists>`), one after another."""

    def __init__(self, text: str, name: str) -> None:
        self._tokens: list[str | float | bool] = []
        self._at = 0
        self._name = name
        pieces = text.split('"')
        if len(pieces) % 2 == 0:
            raise DataError(f"{name}: expected {TEXTGRID}, found a text in quotes that never ends")
        place = 0
        while True:
            self._tokens += _free(pieces[place])
            place += 1
            if place == len(pieces):
                return
            first = place
            while place + 2 < len(pieces) and not pieces[place + 1]:  # two quotes in a text stand for one
                place += 2
            self._tokens.append(pieces[first] if first == place else '"'.join(pieces[first : place + 1 : 2]))
            place += 1

    def text(self, place: str) -> str:
        found = self._next(place)
        return found if isinstance(found, str) else self._refuse("text", place, found)

    def number(self, place: str) -> float:
        found = self._next(place)
        return found if isinstance(found, float) else self._refuse("number", place, found)

    def flag(self) -> bool:
        found = self._next("its tiers")
        return found if isinstance(found, bool) else self._refuse("flag", "its tiers", found)

    def count(self, place: str) -> int:
        count = self.number(place)
        if not count.is_integer() or count < 0:
            raise DataError(f"{self._name}: {place}: expected a count, found {count}")
        return int(count)

    def rows(self, width: int, place: str) -> tuple[Any, ...]:
        """So many columns of rows, whose number comes first: numbers, and texts in the last column."""
        count = self.count(place)
        found = self._tokens[self._at : self._at + count * width]
        if len(found) < count * width:
            raise DataError(f"{self._name}: expected {TEXTGRID}, found its end in {place}")
        self._at += count * width
        columns = tuple(found[column::width] for column in range(width))
        for column, kind in zip(columns, (*("number",) * (width - 1), "text"), strict=True):
            wrong = next((each for each in column if type(each) is not (str if kind == "text" else float)), None)
            if wrong is not None:
                self._refuse(kind, place, wrong)
        return columns

    def _next(self, place: str) -> str | float | bool:
        if self._at >= len(self._tokens):
            raise DataError(f"{self._name}: expected {TEXTGRID}, found its end at {place}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _refuse(self, kind: str, place: str, found: object) -> NoReturn:
        shown = shorten(repr(printable(str(found))))
        raise DataError(f"{self._name}: expected {TEXTGRID}, and here a {kind} of {place}; found {shown}")


def _free(piece: str) -> Iterator[float | bool]:
    """The numbers and flags that stand free between texts; `!` begins a comment."""
    if "!" in piece:
        piece = _COMMENT.sub("", piece)
    for word in piece.split():
        if word[0] in "0123456789.-+":
            if _NUMBER.fullmatch(word):
                yield float(word)
        elif word in _FLAGS:
            yield _FLAGS[word]


def _spelt(label: str) -> str:
    """Praat shows `\\e'` as é, and so on."""
    return _SPELLING.sub(_letter, label) if "\\" in label else label


def _letter(match: re.Match[str]) -> str:
    return _SPELT[match[3]] if match[3] else unicodedata.normalize("NFC", match[1] + _ACCENTS[match[2]])


def _letters_among_letters(text: str) -> int:
    """How many small letters beyond ASCII stand beside a letter of ASCII."""
    return sum(match[0].islower() for match in _BESIDE.finditer(text))
