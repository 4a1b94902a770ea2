"""Units of time: whether the times of a transcript, which its form leaves open, can be seconds."""

from __future__ import annotations

from collections.abc import Iterable

# People say 8 to 20 characters a second, and some turns hold long silences: at most about 1 s a character over a whole file.
# The same times in milliseconds make 50 and more. [chosen]
SLOWEST = 10.0  # s a character
_SLOWEST_WITH_PAUSES = 20.0  # where only starts are given, so that silences count too
_EARLIEST = 1000.0  # the end of what can be milliseconds

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


def seconds(time: float | None, per_second: int) -> float | None:
    """Seconds of a time that counts parts of one."""
    return None if time is None else time / per_second
