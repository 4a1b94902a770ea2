"""What formats of captions share: lines of times, blanks and line ends that are written as codes."""

from __future__ import annotations

import re

from merc.annotation.transcripts.words import without_markup

# Times of a cue: from hours, from minutes, or (as writers of WebVTT for podcasts do) from seconds.
_TIME = r"([+-]?(?:(?:\d{1,6}:)?\d{1,4}:)?\d{1,6}(?:[.,]\d{1,9})?)"
_ARROW = re.compile(rf"\s{{0,20}}{_TIME}\s{{0,20}}[-–—]{{1,3}}>\s{{0,20}}{_TIME}(?![\d:.,])")
_LIKE_TIMES = re.compile(r"\s{0,20}[+-]?\d{1,9}:[\d:.,]{1,30}\s{0,20}[-–—]{1,3}>\s{0,20}[+-]?\d{1,9}:")
_READING = re.compile(r"<rt[^<>]{0,99}>[^<>]{0,500}(?:</rt>)?")
_CODES = re.compile(r"\\[Nh]")
_PARTS = re.compile(r"([+-]?)(?:(?:(\d+):)?(\d+):)?(\d+)(?:[.,](\d+))?")


def cue_times(line: str, *, seconds_alone: bool = False) -> tuple[float, float] | None:
    """Start and end in s, of a line such as `00:00:01,000 --> 00:00:02,500`; None of a line that says something else.

    Args:
        line: of a file.
        seconds_alone: whether `0.86 --> 2.5` is one of times; else it is what somebody says, as `3 -> 4` may be.

    Raises:
        ValueError: a line of times that can't be read.
    """
    if ">" not in line or (":" not in line and not seconds_alone):
        return None
    found = _ARROW.match(line)
    if found is not None and (seconds_alone or (":" in found[1] and ":" in found[2])):
        return seconds(found[1]), seconds(found[2])
    if found is None and _LIKE_TIMES.match(line):
        raise ValueError("times that can't be read")
    return None


def seconds(time: str) -> float:
    """Seconds of `01:02:03.5`, `2:03,5` or `3.5`, signed or not.

    Raises:
        ValueError: it has another form.
    """
    found = _PARTS.fullmatch(time)
    if found is None:
        raise ValueError("no clock time")
    sign, hours, minutes, whole, fraction = found.groups("0")
    # One decimal literal rather than a sum of parts, so that 00:00:01,100 is exactly 1.1.
    return float(f"{'-' if sign == '-' else ''}{int(hours) * 3600 + int(minutes) * 60 + int(whole)}.{fraction}")


def plain_words(text: str) -> str:
    r"""The words of a cue without mark-up; `\N` and `\h`, which ffmpeg writes into any format, are a line end and a blank."""
    if "\\" in text:
        text = _CODES.sub(lambda code: "\n" if code[0] == "\\N" else " ", text)
    if "<rt" in text:  # how characters are pronounced: the words again
        text = _READING.sub("", text)
    return without_markup(text)
