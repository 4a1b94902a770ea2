"""A result as SubRip subtitles."""

from __future__ import annotations

import re

from merc.annotation.result import Result
from merc.errors import DataError
from merc.inference.predictions import JudgedUtterance

# Subtitles have no escapes: what starts mark-up in them is shown by its full-width twin. That ends `-->`, too.
_TWINS = str.maketrans({"{": "｛", "}": "｝", "<": "＜", ">": "＞", "\\": "＼"})
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_STAMP = re.compile(r"\d:\d{1,2}:\d{1,2}[.,]\d")  # two of them in one line begin a subtitle for some readers, without an arrow too
_LAST = 100 * 3600 - 0.001  # s, the greatest time that the format can write


def srt_text(result: Result, leave_out_untimed: bool = False) -> str:
    """A line an utterance, in order of time: `Ann [joy]: I got the job!`.

    Line breaks become spaces; what could be mark-up is shown by full-width characters; times are rounded to milliseconds.

    Args:
        result: of one conversation.
        leave_out_untimed: pass over utterances without a time, if others have one.

    Raises:
        DataError: an utterance has no start or no end, or there are several conversations.
    """
    import pysubs2  # slow to import, and not needed by other formats

    if len(result.conversations) > 1:
        raise DataError(f"subtitles are of one conversation; there are {len(result.conversations)}")
    times = [(u.start, u.end, u) for u in result.utterances if u.start is not None and u.end is not None]
    without = len(result.utterances) - len(times)
    if without and not (times and leave_out_untimed):
        raise DataError(f"subtitles need a time for each utterance; {without} of {len(result.utterances)} have none")
    subtitles = pysubs2.SSAFile()
    for start, end, utterance in sorted(times, key=lambda time: time[:2]):
        begin, finish = (round(1000 * min(max(seconds, 0.0), _LAST)) for seconds in (start, max(start, end)))
        subtitles.append(pysubs2.SSAEvent(start=begin, end=finish, text=_subtitle(utterance)))
    return subtitles.to_string("srt")


def _subtitle(utterance: JudgedUtterance) -> str:
    who = " ".join(part for part in (_one_line(utterance.speaker or ""), f"[{_one_line(utterance.emotion)}]") if part)
    words = _one_line(utterance.words or "")
    return _STAMP.sub(lambda stamp: stamp[0].replace(":", "∶"), f"{who}: {words}" if words else who)


def _one_line(text: str) -> str:
    """Plain words in one line: no mark-up, no control characters, nothing that turns the direction of what follows."""
    return " ".join(_CONTROLS.sub("", " ".join(text.split())).translate(_TWINS).split())
