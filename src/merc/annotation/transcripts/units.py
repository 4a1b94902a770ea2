"""Units of time: whether the times of a transcript, which its form leaves open, can be seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable

# People say 8 to 20 characters a second, and some turns hold long silences: at most about 1 s a character over a whole file.
# The same times in milliseconds make 50 and more. [chosen]
SLOWEST = 10.0  # s a character
_SLOWEST_WITH_PAUSES = 20.0  # where only starts are given, so that silences count too
_EARLIEST = 1000.0  # the end of what can be milliseconds

_LIKE_TIMES = re.compile(r"time|start|begin|^end|onset|offset|stamp|^tc|dur|sec|^t\d?$")

TAKEN_AS_MILLISECONDS = "the times are too long for what is said to be seconds: they are taken as milliseconds"


def in_milliseconds(spans: Iterable[tuple[float | None, float | None]], characters: int, slowest: float = SLOWEST) -> bool:
    """Whether times can only be milliseconds, since in seconds nobody would speak as slowly.

    Args:
        spans: start and end of each turn, as given.
        characters: of all turns together.
        slowest: s a character above which speech in seconds can't be.
    """
    total = 0.0
    starts: list[float] = []
    latest = 0.0
    for start, end in spans:
        if start is not None:
            starts.append(start)
            latest = max(latest, start)
            if end is not None:
                total += max(end - start, 0.0)
                latest = max(latest, end)
    if latest < _EARLIEST or not characters:
        return False
    if total:
        return total / characters > slowest
    return (max(starts) - min(starts)) / characters > max(slowest, _SLOWEST_WITH_PAUSES)


def units_of(spans: Iterable[tuple[float | None, float | None]], characters: int) -> tuple[int, tuple[str, ...]]:
    """How many of the times' units make a second, and a warning where nothing but their size tells it."""
    return (1000, (TAKEN_AS_MILLISECONDS,)) if in_milliseconds(spans, characters) else (1, ())


def seems_time(name: str) -> bool:
    """Whether a field or column seems by its name, which is in lower case without blanks, to hold times."""
    return _LIKE_TIMES.search(name) is not None


def seconds(time: float | None, per_second: int) -> float | None:
    """Seconds of a time that counts parts of one."""
    return None if time is None else time / per_second
