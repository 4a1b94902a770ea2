"""Plain text: `Name: words`, with or without a time.

[00:01:02] Ann: We have to go.
00:01:04 Bob: Why?
Ann (00:01:05): Because.
[00:05.000 --> 00:07.500] Somebody speaks, as Whisper prints it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from merc.annotation.transcripts.cues import Cue, CueList, parse_clock
from merc.annotation.transcripts.names import named
from merc.annotation.transcripts.words import without_markup

_TIME = r"-?(?:\d{1,6}:)?\d{1,3}:\d{2}(?:[.,]\d{1,9})?"
_SPAN = rf"({_TIME})(?: ?(?:-{{1,2}}>|[-–—]) ?({_TIME}))?"
_BRACKETED = re.compile(rf"[\[(]{_SPAN}[\])]:?")
_BARE = re.compile(rf"{_SPAN}(?![\w:.,])")
_AFTER_NAME = re.compile(rf"([^\[(]{{1,40}})[\[(]{_SPAN}[\])](?::|$)")
_HOURS = re.compile(r"-?\d+:\d+:\d")
_named = partial(named, lower_case=True)


def read_plain(text: str, name: str) -> CueList:
    """The turns of a `.txt` file; `name` is not needed, since any text is one.

    A line with a name or a time begins a turn; another line continues the turn before. Where no line of the file has a name,
    each line is a turn. A line that is nothing but a time is the time of what follows.
    """
    lines = [_line(without_markup(stripped)) for line in text.split("\n") if (stripped := line.strip())]
    any_name = any(line.speaker is not None for line in lines)
    turns: list[list[str]] = []
    heads: list[Cue] = []
    pending: Cue | None = None
    for line in lines:
        if not line.text and line.speaker is None and line.start is not None:
            pending = line
            continue
        if pending is not None and line.start is None:
            line = replace(line, start=pending.start, end=pending.end)
        pending = None
        if heads and any_name and line.speaker is None and line.start is None:
            turns[-1].append(line.text)
        else:
            heads.append(line)
            turns.append([line.text])
    return CueList(tuple(replace(head, text="\n".join(words)) for head, words in zip(heads, turns, strict=True)))


def _line(line: str) -> Cue:
    """Time and speaker of one line, and as text the rest of it."""
    after = _AFTER_NAME.match(line)
    if after is not None and (name := _named(f"{after[1].strip()}:")) is not None:
        return _timed(after[2], after[3], name[0], line[after.end() :])
    match = _BRACKETED.match(line)
    if match is not None:
        rest = line[match.end() :].strip()
        return _timed(match[1], match[2], *(_named(rest) or (None, rest)))
    match = _BARE.match(line)
    if match is not None:
        rest = line[match.end() :].strip().removeprefix("-").lstrip()
        name = _named(rest)
        if name is not None or not rest or _HOURS.match(match[1]):  # else `10:30` is a part of what is said
            return _timed(match[1], match[2], *(name or (None, rest)))
    speaker, words = _named(line) or (None, line)
    return Cue(words, speaker)


def _timed(start: str, end: str | None, speaker: str | None, words: str) -> Cue:
    return Cue(words.strip(), speaker, parse_clock(start), None if end is None else parse_clock(end))
