"""Fields of JSON objects, checked when they are read: whatever is not read may hold anything.

Recognisers agree on what an object holds, but neither on the names of the fields nor on whether a number counts seconds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, parse_time
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.units import seconds
from merc.annotation.transcripts.words import clean, without_markup
from merc.data.formats.cells import describe
from merc.data.schema import first_repeated
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

MOST_CHANNELS = 1000
SECONDS, MILLISECONDS, TICKS = 1, 1000, 10_000_000  # a second; a tick is 100 ns
# What start and end of a stretch may be called, and what their numbers count.
_SPANS = (
    ("start", "end", SECONDS),
    ("start_time", "end_time", SECONDS),
    ("startTime", "endTime", SECONDS),
    ("begin", "end", SECONDS),
    ("time_begin", "time_end", SECONDS),
    ("from", "to", SECONDS),
    ("start_timestamp", "end_timestamp", SECONDS),
    ("start_seconds", "end_seconds", SECONDS),
    ("startSeconds", "endSeconds", SECONDS),
    ("start_sec", "end_sec", SECONDS),
    ("startSec", "endSec", SECONDS),
    ("start_ms", "end_ms", MILLISECONDS),
    ("startMs", "endMs", MILLISECONDS),
    ("start_time_ms", "end_time_ms", MILLISECONDS),
    ("startTimeMs", "endTimeMs", MILLISECONDS),
    ("startOffsetMs", "endOffsetMs", MILLISECONDS),
    ("begin_ms", "end_ms", MILLISECONDS),
)
_RELATIVE = "relative"  # of an object's times, that which counts from the beginning of the recording
_SINGLE_TIMES = ("timestamp", "time")  # of a turn whose end is not given
_LATEST = 1e6  # s of a recording: eleven days [chosen]
_SPEAKERS = (
    *("speaker", "speaker_name", "speakerName", "speaker_id", "speakerId", "speaker_label", "speakerLabel", "spk"),
    *("participant", "role"),
)
_MOST_DIGITS = 15
_LOOKED_AT = 10  # elements of a list
_OF_A_SPEAKER = ("name", "display_name", "id")  # fields of a speaker that is an object itself


class RepeatedKeys(dict[str, Any]):
    """An object of which a key occurs more than once: an error where it is read."""

    key: str = ""


@dataclass(slots=True)  # not frozen, since there may be one a word, and that makes it three times as fast
class Record:
    """An object of the file, with its place for messages. A field is checked when it is read."""

    fields: dict[str, Any]
    place: str

    def text(self, key: str) -> str:
        """The field's text.

        Raises:
            DataError: there is none.
        """
        value = self.fields.get(key)
        if not isinstance(value, str):
            raise DataError(f"{self.place}: {key}: expected a text, found {found(value) if key in self.fields else 'nothing'}")
        return value

    def time(self, key: str) -> float | None:
        """Seconds, or what else the field counts; None where it is absent or null.

        Raises:
            DataError: no time.
        """
        value = self.fields.get(key)
        if type(value) is float and math.isfinite(value):
            return value
        if isinstance(value, dict) and _RELATIVE in value:  # beside the time of day
            return Record(cast("dict[str, Any]", value), f"{self.place}: {key}").time(_RELATIVE)
        if value is None:
            return None
        time = None
        if isinstance(value, str):
            digits = value.removesuffix("s").replace(".", "", 1)
            if len(digits) < _MOST_DIGITS and digits.isascii() and digits.isdigit():  # the same at a fraction of the time
                return float(value.removesuffix("s"))
            try:
                # Google's JSON writes a duration as 1.300s
                time = parse_time(value[:-1] if value.endswith("s") else value)
            except ValueError:
                time = None
        if time is None or not math.isfinite(time):
            raise DataError(f"{self.place}: {key}: expected a time in numbers, found {found(value)}")
        return time

    def span(self) -> tuple[float | None, float | None]:
        """Start and end in s, where the names of the fields say what they count; else as given.

        Raises:
            DataError: likewise.
        """
        fields = self.fields
        start, end = fields.get("start"), fields.get("end")
        if type(start) is float and type(end) is float and math.isfinite(start + end):  # as nearly always
            return start, end
        for first, last, per_second in _SPANS:
            if first in fields or last in fields:
                start, end = self.time(first), self.time(last)
                if last not in fields and start is not None and (lasts := fields.get("duration")) is not None:
                    end = start + lasts if isinstance(lasts, float) else None
                if per_second != SECONDS:
                    start, end = seconds(start, per_second), seconds(end, per_second)
                return start, end
        pair = fields.get("timestamp")
        if isinstance(pair, list) and len(cast("list[object]", pair)) == 2:
            bounds = Record(dict(zip(("start", "end"), cast("list[object]", pair), strict=True)), f"{self.place}: timestamp")
            return bounds.time("start"), bounds.time("end")
        return next((time for key in _SINGLE_TIMES if (time := _moment(fields.get(key))) is not None), None), None

    def speaker(self) -> str | None:
        """Who speaks, or None where nobody is known.

        Raises:
            DataError: neither a name nor a number.
        """
        for key in _SPEAKERS:
            if self.fields.get(key) is not None:
                return self.speaker_in(key)
        return None

    def speaker_in(self, key: str) -> str | None:
        """The same of one field."""
        value = self.fields.get(key)
        if isinstance(value, str):
            return _name(value)
        if value is None or value == -1.0:
            return None
        if isinstance(value, float) and value.is_integer() and 0 <= value < MOST_CHANNELS:
            return f"speaker_{value:.0f}"
        if isinstance(value, dict):
            inner = record(cast("object", value), f"{self.place}: {key}")
            return next((inner.speaker_in(name) for name in _OF_A_SPEAKER if inner.fields.get(name) is not None), None)
        raise DataError(f"{self.place}: {key}: expected a name, found {found(value)}")

    def identity(self, key: str) -> str | float | None:
        """The field's text or number, by which other objects may name this one; None for anything else."""
        value = self.fields.get(key)
        return value if isinstance(value, str | float) else None

    def channel(self, key: str = "channel") -> int | None:
        """The number of the recording's channel, as given.

        Raises:
            DataError: no whole number from 0.
        """
        channel = self.fields.get(key)
        if channel is None:
            return None
        if isinstance(channel, str) and channel.isascii() and channel.isdigit():
            channel = float(channel[:9])
        if not (isinstance(channel, float) and channel.is_integer() and 0 <= channel < MOST_CHANNELS):
            raise DataError(f"{self.place}: {key}: expected a whole number from 0, found {found(channel)}")
        return int(channel)

    def cue(self, text: str, start: float | None, end: float | None) -> Cue:
        """A cue of the record's speaker and channel."""
        return Cue(without_markup(text), self.speaker(), start, end, self.channel())

    def records(self, key: str, what: str) -> list[Record]:
        """The objects of a list; none where the field is absent or null."""
        value = self.fields.get(key)
        return [] if value is None else records(value, self.place, what)

    def first(self, key: str, what: str) -> Record | None:
        """The first object of a list; None where the field is absent, null or an empty list."""
        value = self.fields.get(key)
        if not isinstance(value, list):
            return next(iter(self.records(key, what)), None)
        listed = cast("list[object]", value)
        return record(listed[0], f"{self.place}: {what} 1") if listed else None

    def inner(self, key: str) -> Record:
        """The object of a field; an empty one where it is absent or null."""
        value = self.fields.get(key)
        return record({} if value is None else value, f"{self.place}: {key}")


def _moment(value: object) -> float | None:
    """Seconds from the beginning of a recording; None for a date, for seconds since 1970, and for anything else."""
    if isinstance(value, str):
        try:
            value = parse_time(value)
        except ValueError:
            return None
    return value if isinstance(value, float) and 0 <= value < _LATEST else None


@lru_cache(maxsize=4096)  # every word of some files names its speaker
def _name(value: str) -> str | None:
    return known(clean(value))


def parsed(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values, for `json.loads`."""
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    repeated = RepeatedKeys(fields)
    repeated.key = first_repeated(key for key, _ in pairs) or ""
    return repeated


def record(value: object, place: str) -> Record:
    """The value as a record.

    Raises:
        DataError: no object, or one that has a key more than once.
    """
    if isinstance(value, RepeatedKeys):
        raise DataError(f"{place}: key {shorten(repr(value.key))} occurs more than once")
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object, found {found(value)}")
    return Record(cast("dict[str, Any]", value), place)


def records(value: object, place: str, what: str) -> list[Record]:
    """The objects of a list; their places count them from 1.

    Raises:
        DataError: no list, or of something else.
    """
    if not isinstance(value, list):
        raise DataError(f"{place}: {what}s: expected a list, found {found(value)}")
    return [
        Record(cast("dict[str, Any]", one), f"{place}: {what} {number}")
        if type(one) is dict
        else record(one, f"{place}: {what} {number}")
        for number, one in enumerate(cast("list[object]", value), start=1)
    ]


def has_shape(value: object, shape: object) -> bool:
    """Whether a value has the types that a shape tells: a type or several, an object of shapes by key, a list of one shape.

    A list has it if it is empty or if one of its first elements has: a fault in another is an error with a place, and recognisers
    write nearly empty objects where nothing was said.
    """
    if isinstance(shape, dict):
        fields, shapes = cast("dict[str, object]", value), cast("dict[str, object]", shape)
        return isinstance(value, dict) and all(key in fields and has_shape(fields[key], shapes[key]) for key in shapes)
    if isinstance(shape, list):
        (inner,) = cast("list[object]", shape)
        listed = cast("list[object]", value)
        return isinstance(value, list) and (not listed or any(has_shape(one, inner) for one in listed[:_LOOKED_AT]))
    return isinstance(value, cast("type", shape))


def several_channels(cues: Sequence[Cue], heard: int = 1) -> list[Cue]:
    """The cues: in order of their starts where there are several channels, else without a channel.

    Vendors list one channel after another. They also number the only channel that they heard, which may be a
    mix of all that the recording has.

    Args:
        cues: in the file's order.
        heard: how many channels the file lists, be nothing said in some.
    """
    if heard > 1 or len({cue.channel for cue in cues}) > 1:
        return list(cues) if any(cue.start is None for cue in cues) else sorted(cues, key=lambda cue: cue.start or 0.0)
    return [Cue(c.text, c.speaker, c.start, c.end, None, c.begins, c.conversation, c.id) for c in cues]


def keys(content: dict[str, Any]) -> str:
    """The first keys of an object, for messages."""
    return ", ".join(shorten(repr(key)) for key in list(content)[:5]) or "nothing"


def found(value: object) -> str:
    """What a value is, for messages."""
    if isinstance(value, RepeatedKeys):
        return f"an object with the key {shorten(repr(value.key))} more than once"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return printable(describe(int(value) if isinstance(value, float) and value.is_integer() else value))
