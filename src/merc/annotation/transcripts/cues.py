"""Cues: what was said in one stretch, as a file gives it; the readers make cues, and `reading` makes turns of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_CLOCK = re.compile(r"([+-]?)(?:(\d{1,6}):)?(\d{1,4}):(\d{1,2})(?:[.,](\d{1,9}))?")
_NUMBER = re.compile(  # 20 decimals hold all that a float may be written with
    r"[+-]?(?:\d{1,15}(?:[.,]\d{0,20})?|[.,]\d{1,20})(?:[eE][+-]?\d{1,4})?|[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Cue:
    """A stretch of a transcript.

    Attributes:
        text: may hold line ends and sounds, but no mark-up.
        speaker: as the file names it, or None.
        start, end: s, or None; as the file says, whether or not that can be true.
        channel: of the recording, from 0, or None.
        begins: whether the file says that somebody begins to speak here, be it by a dash only.
        conversation: the one that it belongs to, where the file names it.
        id: of the utterance, where the file gives one.
    """

    text: str
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    begins: bool = False
    conversation: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class LinkedMedium:
    """A recording that an annotation file says it belongs to.

    Attributes:
        name: of the recording, without its folder.
        path: as seen from the file's folder, or as the file gives it; slashes are `/`.
        offset: s of the recording that lie before the file's time 0: a time of the file is that of the recording less this.
    """

    name: str
    path: str
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class CueList:
    """What a reader found.

    Attributes:
        cues: in the file's order.
        warnings: a sentence each.
        names_in_words: whether `Name:` and dashes in the cues' text may name or change the speaker.
        cut_anywhere: whether a cue may end amid a sentence.
        media: the recordings that the file names; the cues' times are the file's own, whatever the offsets.
    """

    cues: tuple[Cue, ...]
    warnings: tuple[str, ...] = ()
    names_in_words: bool = False
    cut_anywhere: bool = False
    media: tuple[LinkedMedium, ...] = ()


def parse_clock(text: str) -> float:
    """Seconds of `01:02:03.5`, `01:02:03,500` or `2:03`, signed or not.

    Raises:
        ValueError: it has another form.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError("no clock time")
    sign, hours, minutes, seconds, fraction = match.groups(default="0")
    # One decimal literal rather than a sum of parts, so that 00:00:01,100 is exactly 1.1.
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return float(f"{'-' if sign == '-' else ''}{whole}.{fraction}")


def parse_time(text: str) -> float:
    """Seconds of a clock time, or of a number with a point or comma; it may be negative, infinite or NaN.

    Raises:
        ValueError: it is neither.
    """
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped):
        return float(stripped.replace(",", "."))
    return parse_clock(stripped)


def share(cue: Cue, parts: Sequence[Cue]) -> list[Cue]:
    """The parts, which lie one after another in the cue, with its times shared out by their numbers of characters."""
    lengths = [len(part.text) for part in parts]
    total = sum(lengths)
    if cue.start is None or cue.end is None or len(parts) == 1 or total == 0:
        return [replace(part, start=cue.start, end=cue.end) for part in parts]
    reached, edges = 0, [cue.start]
    for length in lengths[:-1]:
        reached += length
        edges.append(cue.start + (cue.end - cue.start) * (reached / total))
    spans = pairwise([*edges, cue.end])
    return [replace(part, start=start, end=end) for part, (start, end) in zip(parts, spans, strict=True)]


def settle(cues: Sequence[Cue]) -> tuple[list[Cue], list[str]]:
    """Cues whose times can be true, and warnings: impossible times become None, and so do ends before their starts."""
    settled: list[Cue] = []
    impossible = backward = 0
    for cue in cues:
        start, end = _possible(cue.start), _possible(cue.end)
        impossible += (start != cue.start) + (end != cue.end)
        if start is not None and end is not None and end < start:
            backward, end = backward + 1, None
        settled.append(cue if (start, end) == (cue.start, cue.end) else replace(cue, start=start, end=end))
    warnings: list[str] = []
    if impossible:
        warnings.append(f"{counted(impossible, 'time is', 'times are')} negative or not finite, and so taken as unknown")
    if backward:
        warnings.append(f"{counted(backward, 'turn ends', 'turns end')} before the start: such ends are taken as unknown")
    return settled, warnings


def counted(number: int, one: str, many: str) -> str:
    """`1 turn`, `2 turns`."""
    return f"{number} {one if number == 1 else many}"


def _possible(time: float | None) -> float | None:
    return time if time is not None and 0 <= time < math.inf else None
