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
    ends = [_without_counter(lines, number, place) for place, (number, _, _) in enumerate(begins[1:], start=2)]
    for (number, start, end), last in zip(begins, [*ends, len(lines)], strict=True):
        cues.append(Cue(plain_words("\n".join(lines[number + 1 : last]).strip()), None, start, end))
    return CueList(tuple(read_once(cues)), names_in_words=True, cut_anywhere=True)


def _without_counter(lines: list[str], times: int, place: int) -> int:
    """Where the words before a line of times end: before the counter, if one stands there.

    That is a number directly above the times; or, above an empty line, one in a block of its own that counts the cue rightly.
    """
    last = times - 1
    while last > 0 and not lines[last].strip():
        last -= 1
    counter = lines[last].strip()
    if not counter.isdecimal():
        return times
    alone = not lines[last - 1].strip() and counter == str(place)
    return last if last == times - 1 or alone else times
