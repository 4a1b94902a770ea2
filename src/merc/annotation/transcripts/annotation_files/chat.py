"""CHAT, as CLAN and TalkBank have it: who speaks, when, and what was said without the marks of its transcription.

pylangacq reads it for linguists: it gives words as tokens, takes what was retraced away with its marks, and refuses a file for any
mark that the newest manual does not know. So the lines are read here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from merc.annotation.transcripts.annotation_files.chat_words import said
from merc.annotation.transcripts.cues import Cue, CueList, LinkedMedium
from merc.annotation.transcripts.words import clean
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

_BULLET = re.compile("\x15[^\x15\n]{0,200}?(\\d{1,12})_(\\d{1,12})-?\x15")
_NO_BULLET = re.compile("\x15[^\x15]{0,300}\x15|\x15")
_MAIN = re.compile(r"\*([^\s:]{1,40}):[\t ]?")
_HEADER = re.compile(r"@([A-Za-z][A-Za-z ]{0,40}):[\t ]?")
_LOST_BULLET = re.compile(r"(?<=[.?!] )\s*(\d{1,12})_(\d{1,12})\s*\Z")  # of a tool that drops control characters
_DEPENDENT = re.compile(r"%([^\s:]{1,40}):[\t ]?")
_NOT_MEDIA = ("missing", "notrans")


@dataclass(slots=True)
class _Line:
    """A line with those that go on with it, and its number in the file."""

    text: str
    number: int


@dataclass(frozen=True, slots=True)
class DependentTier:
    """A line such as `%emo:` that says something of the main line above it.

    Attributes:
        code: its name, without `%` and `:`.
        text: what it says.
        line: its number in the file.
        cue: the place of the main line's words among the cues.
    """

    code: str
    text: str
    line: int
    cue: int


def read_chat(text: str, name: str) -> CueList:
    """The utterances of a `.cha` file; lines that begin with `%` or `@` are none. See `read_chat_tiers`."""
    return read_chat_tiers(text, name)[0]


def read_chat_tiers(text: str, name: str) -> tuple[CueList, tuple[DependentTier, ...]]:
    """The utterances of a `.cha` file, and what its dependent tiers say of them.

    A speaker has the name that `@Participants` gives, else the role if nobody else has it, else the code.

    Raises:
        DataError: no utterance, or a line that belongs to nothing.
    """
    people: dict[str, str] = {}
    media: tuple[LinkedMedium, ...] = ()
    lines: list[tuple[str, str, float | None, float | None]] = []
    dependent: list[tuple[int, str, str, int]] = []  # number of the main line from 1, code, text, line of the file
    for line in _lines(text, name):
        if (found := _MAIN.match(line.text)) is not None:
            words, start, end = _timed(line.text[found.end() :])
            lines.append((found[1], words, start, end))
        elif line.text.startswith("*"):
            raise DataError(f"{name}, line {line.number}: expected a speaker such as '*MOT:', found {shorten(repr(line.text))}")
        elif (found := _HEADER.match(line.text)) is not None:
            value = line.text[found.end() :]
            if found[1] == "Participants":
                people |= _participants(value)
            elif found[1] == "Media":
                media = _media(value)
        elif lines and (found := _DEPENDENT.match(line.text)) is not None:
            dependent.append((len(lines), found[1], _NO_BULLET.sub(" ", line.text[found.end() :]), line.number))
    if not lines:
        raise DataError(f"{name}: expected a transcript in CHAT, found no line that begins with a speaker such as '*MOT:'")
    cues: list[Cue] = []
    places: list[int] = []  # of each main line's words among the cues
    for code, words, start, end in lines:
        own, others = said(words)
        places.append(len(cues))
        cues.append(Cue(own, people.get(code, code), start, end))
        cues += [Cue(answer, people.get(by, by), start, end) for by, answer in others]
    tiers = (DependentTier(code, clean(value), line, places[number - 1]) for number, code, value, line in dependent)
    return CueList(tuple(cues), media=media), tuple(tiers)


def _lines(text: str, name: str) -> Iterator[_Line]:
    line: _Line | None = None
    parts: list[str] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        if raw[:1] in ("\t", " ") and raw.strip():
            if line is None:
                raise DataError(f"{name}, line {number}: goes on with a line, and there is none before it")
            parts.append(raw.strip(" \t"))
        elif raw[:1] in ("*", "@", "%"):
            if line is not None:
                yield _Line(" ".join(parts), line.number)
            line, parts = _Line("", number), [raw]
        elif raw.strip("\ufeff \t"):
            raise DataError(
                f"{name}, line {number}: expected a line of CHAT, which begins with * @ % or a tab; found {shorten(repr(raw))}"
            )
    if line is not None:
        yield _Line(" ".join(parts), line.number)


def _timed(words: str) -> tuple[str, float | None, float | None]:
    """A main line without its bullets, and the times of the first and the last of them, in s; bullets give ms."""
    if "\x15" in words:
        bullets = _BULLET.findall(words)
        words = _NO_BULLET.sub(" ", words)
    elif (lost := _LOST_BULLET.search(words)) is not None:
        bullets, words = [lost.groups()], words[: lost.start()]
    else:
        bullets = []
    if not bullets:
        return words, None, None
    return words, int(bullets[0][0]) / 1000, int(bullets[-1][1]) / 1000


def _participants(value: str) -> dict[str, str]:
    """Code -> what to call its speaker: `CHI Ruth Target_Child` is Ruth, `MOT Mother` is Mother."""
    entries = [entry.split() for entry in value.split(",") if entry.strip()]
    names = {entry[0]: " ".join(entry[1:-1]) or (entry[1] if len(entry) > 1 else entry[0]) for entry in entries}
    common = Counter(names.values())
    return {code: clean(given.replace("_", " ")) if common[given] == 1 else code for code, given in names.items()}


def _media(value: str) -> tuple[LinkedMedium, ...]:
    """The recording; CHAT names it without a suffix."""
    named, *kinds = (part.strip().strip('"') for part in value.split(","))
    if not named or any(kind.casefold() in _NOT_MEDIA for kind in kinds):
        return ()
    path = printable(named).replace("\\", "/")
    return (LinkedMedium(PurePath(path).name, path),)
