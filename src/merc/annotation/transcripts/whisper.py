"""JSON of speech recognisers: Whisper and WhisperX, whisper.cpp, and plain lists of who said what, when.

Fields that are not read may hold anything: Whisper itself writes NaN for scores that it can't tell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList, parse_time
from merc.annotation.transcripts.words import clean, without_markup
from merc.data.formats.cells import describe
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
        return CueList(tuple(cue for place, record in _records(content, name, "turn") for cue in _listed(record, place)))
    top = _table(content, name) if isinstance(content, dict | _Repeated) else {}
    cues: list[Cue] = []
    if "segments" in top:
        for place, record in _records(top["segments"], name, "segment"):
            cues += _segment(record, place)
    elif "transcription" in top:
        cues = [_whisper_cpp(record, place) for place, record in _records(top["transcription"], name, "segment")]
    else:
        keys = ", ".join(shorten(repr(key)) for key in list(top)[:5])
        found = f"an object with {keys or 'nothing'}" if isinstance(content, dict) else _found(content)
        raise DataError(f"{name}: expected {ALLOWED}; found {found}")
    return CueList(tuple(cues), cut_anywhere=True)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    seen: set[str] = set()
    return _Repeated(next(key for key, _ in pairs if key in seen or seen.add(key)))


def _records(value: object, name: str, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of a list, and its place, counted from 1."""
    if not isinstance(value, list):
        raise DataError(f"{name}: {what}s: expected a list, found {_found(value)}")
    for number, record in enumerate(cast("list[object]", value), start=1):
        place = f"{name}: {what} {number}"
        yield place, _table(record, place)


def _table(value: object, place: str) -> dict[str, Any]:
    if isinstance(value, _Repeated):
        raise DataError(f"{place}: key {shorten(repr(value.key))} occurs more than once")
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object, found {_found(value)}")
    return cast("dict[str, Any]", value)


def _listed(record: dict[str, Any], place: str) -> list[Cue]:
    if isinstance(record.get("words"), list):
        return _segment(record, place)
    given = [key for key in WORDS if key in record]
    if len(given) != 1:
        found = " and ".join(given) or ", ".join(shorten(repr(key)) for key in list(record)[:5]) or "nothing"
        raise DataError(f"{place}: expected one of {', '.join(WORDS)}; found {found}")
    start, end = _time(record, "start", place), _time(record, "end", place)
    return [Cue(without_markup(_text(record, given[0], place)), _speaker(record, place), start, end, _channel(record, place))]


def _segment(record: dict[str, Any], place: str) -> list[Cue]:
    words = [_table(word, f"{place}: word {n}") for n, word in enumerate(_list(record, "words", place), start=1)]
    places = [f"{place}: word {number}" for number in range(1, len(words) + 1)]
    said = [_text(word, "word", at) if "word" in word else _text(word, "text", at) for word, at in zip(words, places, strict=True)]
    text = _text(record, "text", place) if "text" in record or not words else _together(said)
    speaker, channel = _speaker(record, place), _channel(record, place)
    start, end = _time(record, "start", place), _time(record, "end", place)
    runs: list[tuple[str | None, int]] = []  # who speaks, from which word on
    for number, (word, at) in enumerate(zip(words, places, strict=True)):
        by = _speaker(word, at)
        if not runs:
            runs.append((by or speaker, number))
        elif by is not None and by != runs[-1][0]:
            runs.append((by, number))
    if len(runs) < 2:
        return [Cue(without_markup(text), runs[0][0] if runs else speaker, start, end, channel)]
    edges = [*(first for _, first in runs), len(words)]
    starts = [_time(word, "start", at) for word, at in zip(words, places, strict=True)]
    ends = [_time(word, "end", at) for word, at in zip(words, places, strict=True)]
    pieces = _cut(text, said, edges)
    cues: list[Cue] = []
    for number, (by, first) in enumerate(runs):
        run = slice(first, edges[number + 1])
        begun = next((time for time in starts[run] if time is not None), start if number == 0 else cues[-1].end)
        ended = next((time for time in reversed(ends[run]) if time is not None), end if number == len(runs) - 1 else None)
        cues.append(Cue(without_markup(pieces[number]), by, begun, ended, channel))
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


def _whisper_cpp(record: dict[str, Any], place: str) -> Cue:
    if "offsets" in record:
        offsets, at = _table(record["offsets"], f"{place}: offsets"), f"{place}: offsets"
        milliseconds = [_time(offsets, key, at) for key in ("from", "to")]
        start, end = (None if time is None else time / 1000 for time in milliseconds)
    else:
        stamps, at = _table(record.get("timestamps", {}), f"{place}: timestamps"), f"{place}: timestamps"
        start, end = (_time(stamps, key, at) for key in ("from", "to"))
    return Cue(without_markup(_text(record, "text", place)), _speaker(record, place), start, end, _channel(record, place))


def _list(record: dict[str, Any], key: str, place: str) -> list[object]:
    value = record.get(key)
    if value is not None and not isinstance(value, list):
        raise DataError(f"{place}: {key}: expected a list, found {_found(value)}")
    return cast("list[object]", value or [])


def _text(record: dict[str, Any], key: str, place: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        found = _found(value) if key in record else "nothing"
        raise DataError(f"{place}: {key}: expected a text, found {found}")
    return value


def _speaker(record: dict[str, Any], place: str) -> str | None:
    value = record.get("speaker")
    if isinstance(value, float) and value.is_integer() and 0 <= value < _MOST_CHANNELS:
        return f"speaker_{value:.0f}"
    if value is not None and not isinstance(value, str):
        raise DataError(f"{place}: speaker: expected a name, found {_found(value)}")
    return clean(value or "") or None


def _channel(record: dict[str, Any], place: str) -> int | None:
    value = record.get("channel")
    if value is None:
        return None
    if not isinstance(value, float) or not value.is_integer() or not 0 <= value < _MOST_CHANNELS:
        raise DataError(f"{place}: channel: expected a whole number from 0, found {_found(value)}")
    return int(value)


def _time(record: dict[str, Any], key: str, place: str) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    try:
        time = parse_time(value) if isinstance(value, str) else value
    except ValueError:
        time = None
    if not isinstance(time, float) or not math.isfinite(time):
        raise DataError(f"{place}: {key}: expected a time in numbers, found {_found(value)}")
    return time


def _found(value: object) -> str:
    if isinstance(value, _Repeated):
        return f"an object with the key {shorten(repr(value.key))} more than once"
    names = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return names[value]
    return printable(describe(int(value) if isinstance(value, float) and value.is_integer() else value))
