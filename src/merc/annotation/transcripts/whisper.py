"""JSON of speech recognisers: Whisper and WhisperX, whisper.cpp, and plain lists of who said what, when.

Fields that are not read may hold anything: Whisper itself writes NaN for unknown scores.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList, parse_time
from merc.annotation.transcripts.words import clean, without_markup
from merc.data.formats.cells import describe
from merc.data.schema import first_repeated
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

ALLOWED = (
    "{'segments': [...]} of Whisper, {'transcription': [...]} of whisper.cpp, or a list of {'start', 'end', 'speaker', 'text'}"
)
WORDS = ("text", "transcript", "utterance", "words")  # what the words of a listed turn may be called
_MOST_CHANNELS = 1000


@dataclass(frozen=True, slots=True)
class _Repeated:
    """An object of which a key occurs more than once: an error where it is read."""

    key: str


@dataclass(frozen=True, slots=True)
class _Record:
    """An object of the file, with its place for messages. A field is checked when it is read."""

    fields: dict[str, Any]
    place: str

    def text(self, key: str) -> str:
        value = self.fields.get(key)
        if not isinstance(value, str):
            raise DataError(f"{self.place}: {key}: expected a text, found {_found(value) if key in self.fields else 'nothing'}")
        return value

    def time(self, key: str) -> float | None:
        """Seconds, or what else the field counts."""
        value = self.fields.get(key)
        if value is None:
            return None
        try:
            time = parse_time(value) if isinstance(value, str) else value
        except ValueError:
            time = None
        if not isinstance(time, float) or not math.isfinite(time):
            raise DataError(f"{self.place}: {key}: expected a time in numbers, found {_found(value)}")
        return time

    def speaker(self) -> str | None:
        value = self.fields.get("speaker")
        if isinstance(value, float) and value.is_integer() and 0 <= value < _MOST_CHANNELS:
            return f"speaker_{value:.0f}"
        if value is not None and not isinstance(value, str):
            raise DataError(f"{self.place}: speaker: expected a name, found {_found(value)}")
        return clean(value or "") or None

    def cue(self, text: str, start: float | None, end: float | None) -> Cue:
        """A cue of the record's speaker and channel."""
        channel = self.fields.get("channel")
        if channel is not None and not (isinstance(channel, float) and channel.is_integer() and 0 <= channel < _MOST_CHANNELS):
            raise DataError(f"{self.place}: channel: expected a whole number from 0, found {_found(channel)}")
        return Cue(without_markup(text), self.speaker(), start, end, None if channel is None else int(channel))


def read_json(text: str, name: str) -> CueList:
    """The cues of a `.json` file; Whisper's segments are split where the words of WhisperX change their speaker.

    Raises:
        DataError: not valid JSON, none of the forms that are read, or a value of the wrong kind; the message names its place.
    """
    try:
        content: object = json.loads(text, object_pairs_hook=_object, parse_int=float)
    except RecursionError as error:
        raise DataError(f"{name}: JSON nested too deep; expected {ALLOWED}") from error
    except ValueError as error:
        raise DataError(f"{name}: not valid JSON: {error}") from error
    if isinstance(content, list):
        return CueList(tuple(cue for turn in _records(content, name, "turn") for cue in _turn(turn)))
    top = _record(content, name).fields if isinstance(content, dict | _Repeated) else {}
    if "segments" in top:
        cues = [cue for segment in _records(top["segments"], name, "segment") for cue in _segment(segment)]
    elif "transcription" in top:
        cues = [_whisper_cpp(segment) for segment in _records(top["transcription"], name, "segment")]
    else:
        found = f"an object with {_keys(top)}" if isinstance(content, dict) else _found(content)
        raise DataError(f"{name}: expected {ALLOWED}; found {found}")
    return CueList(tuple(cues), cut_anywhere=True)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    repeated = first_repeated(key for key, _ in pairs)
    return dict(pairs) if repeated is None else _Repeated(repeated)


def _record(value: object, place: str) -> _Record:
    if isinstance(value, _Repeated):
        raise DataError(f"{place}: key {shorten(repr(value.key))} occurs more than once")
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object, found {_found(value)}")
    return _Record(cast("dict[str, Any]", value), place)


def _records(value: object, place: str, what: str) -> list[_Record]:
    """The objects of a list; their places count them from 1."""
    if not isinstance(value, list):
        raise DataError(f"{place}: {what}s: expected a list, found {_found(value)}")
    return [_record(record, f"{place}: {what} {number}") for number, record in enumerate(cast("list[object]", value), start=1)]


def _turn(turn: _Record) -> list[Cue]:
    if isinstance(turn.fields.get("words"), list):
        return _segment(turn)
    given = [key for key in WORDS if key in turn.fields]
    if len(given) != 1:
        raise DataError(f"{turn.place}: expected one of {', '.join(WORDS)}; found {' and '.join(given) or _keys(turn.fields)}")
    return [turn.cue(turn.text(given[0]), turn.time("start"), turn.time("end"))]


def _segment(segment: _Record) -> list[Cue]:
    listed = segment.fields.get("words")
    words = [] if listed is None else _records(listed, segment.place, "word")
    said = [word.text("word" if "word" in word.fields else "text") for word in words]
    text = segment.text("text") if "text" in segment.fields or not words else _together(said)
    whole = segment.cue(text, segment.time("start"), segment.time("end"))
    runs: list[tuple[str | None, int]] = []  # who speaks, from which word on
    for number, word in enumerate(words):
        by = word.speaker()
        if not runs:
            runs.append((by or whole.speaker, number))
        elif by is not None and by != runs[-1][0]:
            runs.append((by, number))
    if len(runs) < 2:
        return [replace(whole, speaker=runs[0][0]) if runs else whole]
    edges = [*(first for _, first in runs), len(words)]
    starts, ends = ([word.time(key) for word in words] for key in ("start", "end"))
    cues: list[Cue] = []
    for (by, first), last, piece in zip(runs, edges[1:], _cut(text, said, edges), strict=True):
        start = next((time for time in starts[first:last] if time is not None), cues[-1].end if cues else whole.start)
        end = next((time for time in ends[first:last][::-1] if time is not None), whole.end if last == len(words) else None)
        cues.append(replace(whole, text=without_markup(piece), speaker=by, start=start, end=end))
    return cues


def _cut(text: str, said: list[str], edges: list[int]) -> list[str]:
    """The text of a segment, cut before the words whose numbers are the inner edges.

    It is the words joined, where they are not found in the text one after another: only the text knows where a language has blanks.
    """
    reached, places = 0, list[int]()
    for word in said:
        place = text.find(word.strip(), reached)
        if place < 0:
            return [_together(said[first:last]) for first, last in pairwise(edges)]
        places.append(place)
        reached = place + len(word.strip())
    cuts = [0, *(places[edge] for edge in edges[1:-1]), len(text)]
    return [text[first:last] for first, last in pairwise(cuts)]


def _together(said: list[str]) -> str:
    """Words as one text: Whisper's own bring their blanks, those of WhisperX have none."""
    return "".join(said) if any(word.startswith(" ") for word in said) else " ".join(said)


def _whisper_cpp(segment: _Record) -> Cue:
    key, per_second = ("offsets", 1000) if "offsets" in segment.fields else ("timestamps", 1)
    times = _record(segment.fields.get(key, {}), f"{segment.place}: {key}")
    start, end = (None if time is None else time / per_second for time in (times.time("from"), times.time("to")))
    return segment.cue(segment.text("text"), start, end)


def _keys(content: dict[str, Any]) -> str:
    return ", ".join(shorten(repr(key)) for key in list(content)[:5]) or "nothing"


def _found(value: object) -> str:
    if isinstance(value, _Repeated):
        return f"an object with the key {shorten(repr(value.key))} more than once"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return printable(describe(int(value) if isinstance(value, float) and value.is_integer() else value))
