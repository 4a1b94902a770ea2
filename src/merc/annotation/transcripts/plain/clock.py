"""Times as transcripts in plain text write them: clock times, times that count frames, times of day."""

from __future__ import annotations

import re
from collections.abc import Iterable

from merc.annotation.transcripts.cues import parse_clock

FRAMES = r"\d{1,2}[:;]\d{1,2}[:;]\d{1,2}[:;]\d{1,2}"
_CLOCK = r"-?(?:\d{1,6}:\d{1,2}:\d{1,2}|\d{1,3}:\d{2})(?:[.,]\d{1,9})?"
_DATE = r"(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?[ T]{1,2})?"
_OF_DAY = r"(?: ?[AaPp]\.?[Mm]\b\.?)?"
TIME = rf"(?:{FRAMES}|{_DATE}{_CLOCK}{_OF_DAY})"
_TO = r"(?:\s{0,3}(?:-{1,2}>|[-–—→])\s{0,3}|,(?=\d{1,2}:\d{2}:\d))"
SPAN = rf"({TIME})(?:{_TO}({TIME}))?"
_NUMBER = r"\d{1,6}(?:\.\d{1,6})?"
SECONDS = rf"({_NUMBER})(?:s|\s?s?\s?[-–→]\s?({_NUMBER})\s?s?)"  # 4.2s, or 4.2-6.5: told from other numbers by either
_DATED = re.compile(r"\d{1,4}[./-]")
_FRAMED = re.compile(r"(\d{1,2})[:;](\d{1,2})[:;](\d{1,2})[:;](\d{1,2})")
_RATES = (24, 25, 30, 50, 60)  # frames a second that are in use


class Clock:
    """Seconds of the times of one file.

    Attributes:
        rate: frames a second, which a file does not say: the least in use that its frame numbers allow; with `;`, which marks
            the drop-frame times of 29.97 and 59.94 frames a second, these are taken for 30 and 60 (an error below 0.001 s).
        frames, of_day: whether there were times that count frames, and times of day, which say nothing of a recording.
    """

    def __init__(self, times: Iterable[str | None]) -> None:
        given = [time for time in times if time is not None]
        # Chats give a day's times without the half of the day, too, where it is that of the message before.
        self._all_of_day = 2 * sum(map(_is_of_day, given)) > len(given)
        parts = (time for time in given if time.count(":") + time.count(";") == 3)
        framed = [match for time in parts if (match := _FRAMED.fullmatch(time)) is not None]
        highest = max((int(match[4]) for match in framed), default=0)
        dropped = any(";" in match[0] for match in framed)
        allowed = [rate for rate in _RATES if rate > highest and not (dropped and rate not in (30, 60))]
        self.rate = allowed[0] if allowed else highest + 1
        self.frames = bool(framed)
        self.of_day = False
        self._known: dict[str, float] = {}

    def seconds(self, time: str | None) -> float | None:
        """Of a text that `TIME` matches, or None; of a time of day None."""
        if time is None:
            return None
        known = self._known.get(time)
        if known is not None:
            return known
        if ":" not in time and ";" not in time:
            return float(time)
        if self._all_of_day or _is_of_day(time):
            self.of_day = True
            return None
        match = _FRAMED.fullmatch(time) if self.frames else None
        if match is None:
            found = parse_clock(time)
        else:
            hours, minutes, seconds, frame = map(int, match.groups())
            found = hours * 3600 + minutes * 60 + seconds + round(frame / self.rate, 3)
        self._known[time] = found
        return found

    def span(self, start: str | None, end: str | None) -> tuple[float | None, float | None]:
        """Seconds of both."""
        return self.seconds(start), None if end is None else self.seconds(end)

    def warnings(self) -> tuple[str, ...]:
        """What a user should know of how the times were read."""
        found: list[str] = []
        if self.frames:
            found.append(f"times count frames, but the file does not say how many a second has: {self.rate} are taken")
        if self.of_day:
            found.append("the file gives times of day, which say nothing of a recording: they are not read")
        return tuple(found)


def _is_of_day(time: str) -> bool:
    return time[-1] in "mM." or _DATED.match(time) is not None
