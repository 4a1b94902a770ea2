"""LRC (`.lrc`): `[mm:ss.xx]words`, as whisper.cpp and programs for lyrics write; also with a time before each word."""

from __future__ import annotations

import re
from dataclasses import replace

from merc.annotation.transcripts.captions.lines import plain_words, seconds
from merc.annotation.transcripts.cues import Cue, CueList, counted
from merc.errors import DataError

_TIME = r"(?:\d{1,4}:)?\d{1,6}:\d{1,2}(?:[.,:]\d{1,3})?"
_STAMP = re.compile(rf"\s*\[({_TIME})\]")
_WORD_TIME = re.compile(rf"<({_TIME})>")
_TAG = re.compile(r"\s*\[([A-Za-z#][\w ]{0,30}):(.*)\]\s*")
_NO_ENDS = "the file gives no ends: each turn is taken to end where the next begins"


def read_lyrics(text: str, name: str) -> CueList:
    """The lines of a `.lrc` file in order of time; one with several times is said at each.

    Raises:
        DataError: no line with a time, or an offset that is no number.
    """
    cues: list[Cue] = []
    offset, unread = 0.0, 0
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), start=1):
        reached, stamps = 0, list[float]()
        while (stamp := _STAMP.match(line, reached)) is not None:
            stamps.append(_seconds(stamp[1]))
            reached = stamp.end()
        if stamps:
            cues += _lines(line[reached:], stamps)
        elif (tag := _TAG.fullmatch(line)) is not None:
            offset = _offset(tag[2], f"{name}, line {number}") if tag[1].casefold() == "offset" else offset
        else:
            unread += bool(line.strip())
    if not cues:
        raise DataError(f"{name}: expected lyrics with times (LRC), found no line such as [00:01.50]words")
    cues.sort(key=lambda cue: cue.start or 0.0)
    ended, guessed = _ended([_earlier(cue, offset) for cue in cues])
    warnings = (_NO_ENDS,) if guessed else ()
    if unread:
        warnings += (f"{counted(unread, 'line has', 'lines have')} no time, and so left out",)
    return CueList(tuple(ended), warnings, names_in_words=True, cut_anywhere=True)


def _lines(words: str, stamps: list[float]) -> list[Cue]:
    """A line at each of its times, with its end where the words' own times give it; one without words ends what is before."""
    times = list(_WORD_TIME.finditer(words))
    last = times[-1] if times else None
    end = _seconds(last[1]) if last is not None and not words[last.end() :].strip() and len(times) > 1 else None
    said = plain_words(_WORD_TIME.sub("", words)).strip()
    return [Cue(said, None, start, None if end is None else end - stamps[0] + start) for start in stamps]


def _ended(cues: list[Cue]) -> tuple[list[Cue], bool]:
    """The lines that have words, each with its end, and whether some end is only the start of the next words.

    A line without words ends what is before it.
    """
    result: list[Cue] = []
    following: Cue | None = None  # that begins later
    latest: Cue | None = None
    guessed = False
    for cue in reversed(cues):
        if latest is not None and cue.start != latest.start:
            following = latest
        latest = cue
        if cue.text and cue.end is None and following is not None:
            guessed = guessed or bool(following.text)
            cue = replace(cue, end=following.start)
        if cue.text:
            result.append(cue)
    return result[::-1], guessed


def _earlier(cue: Cue, offset: float) -> Cue:
    """A positive offset, in s, shows the words so much sooner."""
    if not offset or cue.start is None:
        return cue
    return replace(cue, start=max(0.0, cue.start - offset), end=None if cue.end is None else max(0.0, cue.end - offset))


def _offset(value: str, place: str) -> float:
    try:
        return int(value.strip()) / 1000
    except ValueError:
        raise DataError(f"{place}: the offset is {value.strip()[:60]!r}; allowed is a whole number of milliseconds") from None


def _seconds(time: str) -> float:
    """Seconds of `mm:ss.xx`; also of `mm:ss:xx`, as some write hundredths."""
    hundredths = time.count(":") == 2 and len(time.rsplit(":", 1)[1]) == 2 and "." not in time and "," not in time
    return seconds(".".join(time.rsplit(":", 1)) if hundredths else time)
