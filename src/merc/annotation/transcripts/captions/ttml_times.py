"""How TTML writes times: https://www.w3.org/TR/ttml2/#timing-time-value-expressions (TTML 2, section 12.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from merc.errors import DataError
from merc.files.validation import shorten

_CLOCK = re.compile(r"(\d{1,6}):(\d{1,2}):(\d{1,2})(?:([.,]\d{1,12})|[:;](\d{1,6})(?:\.(\d{1,6}))?)?")
_MINUTES = re.compile(r"(\d{1,4}):(\d{1,2}\.\d{1,12})")  # no TTML, but how lyrics are written in it
_BARE_SECONDS = re.compile(r"0|\d{1,15}\.\d{1,12}")  # likewise
_OFFSET = re.compile(r"(\d{1,15}(?:\.\d{1,12})?)(h|ms|m|s|f|t)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_ALLOWED = "allowed are times such as 00:00:01.500, 00:00:01:12, 1.5s, 1500ms, 36f or 15000000t"
_DEFAULT_FRAME_RATE = 30  # TTML 2, section 7.2.5


@dataclass(frozen=True, slots=True)
class Clock:
    """What the root of a document says of its times.

    Attributes:
        frames: a second as they are counted.
        frame_rate: frames a second as they pass: `frames` times the multiplier.
        sub_frames: of a frame.
        ticks: a second.
        dropped: frame numbers left out, `dropNTSC`, `dropPAL` or `nonDrop`, in times of `smpte`.
        smpte: whether clock times count frames, as time codes do, rather than seconds.
    """

    frames: int
    frame_rate: float
    sub_frames: int
    ticks: float
    dropped: str
    smpte: bool

    def seconds(self, value: str) -> float:
        """The seconds of a time expression.

        Raises:
            ValueError: it has another form.
        """
        value = value.strip()
        found = _CLOCK.fullmatch(value)
        if found is not None:
            hours, minutes, whole = int(found[1]), int(found[2]), int(found[3])
            if found[4]:
                return float(f"{hours * 3600 + minutes * 60 + whole}.{found[4][1:]}")
            frames = int(found[5] or 0) + int(found[6] or 0) / self.sub_frames
            if not self.smpte:
                return hours * 3600 + minutes * 60 + whole + frames / self.frame_rate
            counted = (hours * 3600 + minutes * 60 + whole) * self.frames + frames
            return (counted - self._dropped(hours, minutes)) / self.frame_rate
        if _BARE_SECONDS.fullmatch(value):
            return float(value)
        if (short := _MINUTES.fullmatch(value)) is not None:
            return int(short[1]) * 60 + float(short[2])
        offset = _OFFSET.fullmatch(value)
        if offset is None:
            raise ValueError(f"found the time {shorten(repr(value))}; {_ALLOWED}")
        number, unit = float(offset[1]), offset[2]
        if unit in _SECONDS:
            return number * _SECONDS[unit] if unit != "ms" else number / 1000
        return number / (self.frame_rate if unit == "f" else self.ticks)

    def _dropped(self, hours: int, minutes: int) -> int:
        """How many frame numbers are left out before a time code (TTML 2, appendix H.2, "SMPTE time base")."""
        if self.dropped == "dropNTSC":
            return (hours * 54 + minutes - minutes // 10) * 2
        if self.dropped == "dropPAL":
            return (hours * 27 + minutes // 2 - minutes // 20) * 4
        return 0


def clock_of(parameters: Mapping[str, str], name: str) -> Clock:
    """The clock of a document whose root has these parameters, without their namespace.

    Raises:
        DataError: a rate that is none.
    """
    frames = _whole(parameters, "frameRate", _DEFAULT_FRAME_RATE, name)
    sub_frames = _whole(parameters, "subFrameRate", 1, name)
    multiplier = parameters.get("frameRateMultiplier", "1 1")
    given = re.split(r"[\s:/]+", multiplier.strip())
    if len(given) not in (1, 2) or not all(part.isdecimal() and len(part) < 10 and int(part) for part in given):
        allowed = "allowed are two whole numbers, such as '1000 1001'"
        raise DataError(f"{name}: frameRateMultiplier is {shorten(repr(multiplier))}; {allowed}")
    rate = frames * int(given[0]) / int(given[-1] if len(given) == 2 else 1)
    ticks = float(_whole(parameters, "tickRate", 0, name) or (rate * sub_frames if "frameRate" in parameters else 1))
    return Clock(frames, rate, sub_frames, ticks, parameters.get("dropMode", "nonDrop"), parameters.get("timeBase") == "smpte")


def _whole(parameters: Mapping[str, str], key: str, default: int, name: str) -> int:
    value = parameters.get(key, str(default)).strip()
    if not (value.isascii() and value.isdecimal() and len(value) < 13 and (int(value) or key == "tickRate")):
        raise DataError(f"{name}: {key} is {shorten(repr(value))}; allowed is a whole number from 1")
    return int(value)
