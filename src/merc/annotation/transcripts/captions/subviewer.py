"""Captions whose times stand in a line of their own, without an arrow: YouTube's `.sbv`, and SubViewer's `.sub`, 1 and 2."""

from __future__ import annotations

import re

from merc.annotation.transcripts.captions.lines import plain_words, seconds
from merc.annotation.transcripts.captions.rolling import read_once
from merc.annotation.transcripts.cues import Cue, CueList
from merc.errors import DataError

_CLOCK = r"(\d{1,6}:\d{1,2}:\d{1,2}(?:[.,]\d{1,3})?)"
_SPAN = re.compile(rf"\s*{_CLOCK}\s?,\s?{_CLOCK}\s*")
_POINT = re.compile(r"\s*\[(\d{1,6}:\d{1,2}:\d{1,2})\]\s*")
_LINE_END = re.compile(r"\[br\]", re.IGNORECASE)


def read_sbv(text: str, name: str) -> CueList:
    """The cues of a `.sbv` file.

    Raises:
        DataError: no cue.
    """
    return _read(text, name, "YouTube's captions (.sbv)")


def read_subviewer(text: str, name: str) -> CueList:
    """The cues of a `.sub` file of SubViewer: of version 2, which gives start and end, or 1, which gives points of time.

    Raises:
        DataError: no cue.
    """
    if _POINT.search(text) and not any(_SPAN.fullmatch(line) for line in text.split("\n")):
        return _points(text)
    return _read(text, name, "SubViewer subtitles")


def is_subviewer(text: str) -> bool:
    """Whether some line is nothing but a time, or two of them, as SubViewer writes."""
    return any(_SPAN.fullmatch(line) or _POINT.fullmatch(line) for line in text.split("\n"))


def _read(text: str, name: str, what: str) -> CueList:
    times: list[tuple[float, float]] = []
    words: list[list[str]] = []
    for line in text.split("\n"):
        span = _SPAN.fullmatch(line) if line[:1].isdigit() or line[:1].isspace() else None
        if span is not None:
            times.append((seconds(span[1]), seconds(span[2])))
            words.append([])
        elif words:
            words[-1].append(line)
    if not times:
        raise DataError(f"{name}: expected {what}, found no line such as 0:00:01.000,0:00:02.500")
    cues = [Cue(_said("\n".join(lines)), None, *span) for lines, span in zip(words, times, strict=True)]
    return CueList(tuple(read_once(cues)), names_in_words=True, cut_anywhere=True)


def _points(text: str) -> CueList:
    """Words after a time are shown from then on; a time without words ends them."""
    cues: list[Cue] = []
    words: list[str] = []
    start: float | None = None
    for line in text.split("\n"):
        point = _POINT.fullmatch(line)
        if point is None:
            words += [line] if start is not None else []
            continue
        time = seconds(point[1])
        if start is not None and (said := _said("\n".join(words).replace("|", "\n"))):
            cues.append(Cue(said, None, start, time))
        start, words = time, []
    if start is not None and (said := _said("\n".join(words).replace("|", "\n"))):
        cues.append(Cue(said, None, start))
    return CueList(tuple(read_once(cues)), names_in_words=True, cut_anywhere=True)


def _said(text: str) -> str:
    return plain_words(_LINE_END.sub("\n", text)).strip()
