"""SubRip, read by lines rather than by pysubs2: that takes a cue's last line, if a number, for the next cue's counter, any line
with two clock times for one of times, knows no sign before a time, and takes quadratic time over many blank lines.
"""

from __future__ import annotations

from merc.annotation.transcripts.captions.lines import cue_times, plain_words
from merc.annotation.transcripts.captions.rolling import read_once
from merc.annotation.transcripts.cues import Cue, CueList
from merc.errors import DataError
from merc.files.validation import shorten

TIMES = "00:00:01,000 --> 00:00:02,500"


def read_subrip(text: str, name: str) -> CueList:
    """The cues of a `.srt` file. A number before a line of times is the counter of the cue, wherever else it is said.

    Raises:
        DataError: no cue, or one whose times can't be read.
    """
    lines = text.split("\n")
    begins: list[tuple[int, float, float]] = []
    for number, line in enumerate(lines):
        try:
            times = cue_times(line)
        except ValueError as error:
            place = f"{name}, line {number + 1}"
            raise DataError(f"{place}: found {shorten(repr(line.strip()))}, expected times such as {TIMES}") from error
        if times is not None:
            begins.append((number, *times))
    if not begins:
        raise DataError(f"{name}: expected SubRip subtitles, found no line such as {TIMES}")
    cues: list[Cue] = []
    ends = [number for number, _, _ in begins[1:]]
    for (number, start, end), after in zip(begins, [*ends, len(lines)], strict=True):
        last = after
        if after < len(lines) and last - 1 > number and lines[last - 1].strip().isdecimal():
            last -= 1
        cues.append(Cue(plain_words("\n".join(lines[number + 1 : last]).strip()), None, start, end))
    return CueList(tuple(read_once(cues)), names_in_words=True, cut_anywhere=True)
