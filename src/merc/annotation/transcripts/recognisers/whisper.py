"""Whisper and what is built on it: Whisper, WhisperX, whisper.cpp, faster-whisper's dumps, OpenAI's service, podcasts' transcripts.

Whisper itself writes NaN for unknown scores; fields that are not read may hold anything.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import replace
from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList, share
from merc.annotation.transcripts.recognisers.fields import MILLISECONDS, SECONDS, Record, has_shape, records
from merc.annotation.transcripts.recognisers.timed_words import cut
from merc.annotation.transcripts.recognisers.turns import of_words, read_words, timed_words, unread_times
from merc.annotation.transcripts.units import seconds, units_of

_WORDS = ("words", "word_segments")
_OF_A_TURN = ("start", "start_time", "startTime", "start_ms", "startMs", "begin", "timestamp", "speaker", "speaker_id")
_PARAGRAPH = {"start": float, "end": float, "speaker": str}
_TEXTS = ("text", "body", "transcript", "sentence", "content")  # what a segment's words may be called; body in podcasts
_TURN_MARK = re.compile(r"\[SPEAKER_TURN\]")


def is_segments(content: dict[str, Any]) -> bool:
    """Whether an object is of Whisper, WhisperX, OpenAI (verbose or with speakers) or the podcast namespace."""
    return "segments" in content


def read_segments(content: Record) -> CueList:
    """Segments, split where their words change the speaker.

    Raises:
        DataError: no list of segments, or a field of the wrong kind.
    """
    listed = content.fields["segments"]
    if is_rows(listed):
        return read_rows(cast("list[Any]", listed), content.place)
    segments = records(listed, content.place, "segment")
    if of_words(segments):  # as the podcast namespace allows
        return read_words(segments)
    spans = [segment.span() for segment in segments]
    per_second, warnings = units_of(spans, sum(len(_text(segment)) for segment in segments))
    warnings += unread_times(segments, spans)
    return CueList(tuple(cue for segment in segments for cue in _segment(segment, per_second)), warnings, cut_anywhere=True)


def is_whisper_cpp(content: dict[str, Any]) -> bool:
    """Whether an object is whisper.cpp's."""
    return "transcription" in content and not isinstance(content["transcription"], dict | str)


def read_whisper_cpp(content: Record) -> CueList:
    """Segments in ms, or with clock times. After one that says so another person speaks (`-tdrz`).

    Raises:
        DataError: likewise.
    """
    cues: list[Cue] = []
    begins = False
    for segment in records(content.fields["transcription"], content.place, "segment"):
        cue = _whisper_cpp(segment)
        parts = _at_turn_marks(cue)
        cues += [replace(parts[0], begins=True), *parts[1:]] if begins else parts
        begins = segment.fields.get("speaker_turn_next") is True or bool(_TURN_MARK.search(cue.text.rstrip()[-14:]))
    return CueList(tuple(cues), cut_anywhere=True)


def is_words(content: dict[str, Any]) -> bool:
    """Whether an object holds words only: OpenAI's with nothing coarser, WhisperX's `word_segments`, or an editor's.

    It is no turn, which has words, too, but also a start or a speaker.
    """
    if any(content.get(key) is not None for key in _OF_A_TURN):
        return False
    shapes = ({"word": str}, {"text": str, "start": float})
    return any(bool(content.get(key)) and has_shape(content[key], [shape]) for key in _WORDS for shape in shapes)


def read_only_words(content: Record) -> CueList:
    """Utterances of the words, with the punctuation of the text, which OpenAI's words lack.

    Editors of transcripts keep who speaks apart from the words, in paragraphs with times.

    Raises:
        DataError: a field of the wrong kind.
    """
    text = content.fields.get("text")
    words = content.records(next(key for key in _WORDS if content.fields.get(key)), "word")
    paragraphs = content.records("paragraphs", "paragraph") if has_shape(content.fields.get("paragraphs"), [_PARAGRAPH]) else []
    spoken = sorted(((one.time("start") or 0.0, one.time("end"), one.speaker()) for one in paragraphs), key=lambda one: one[0])
    begun, named = [start for start, _, _ in spoken], list[Record]()
    for word in words:
        start = word.span()[0]
        of = bisect_right(begun, start) - 1 if start is not None else -1
        within = of >= 0 and word.speaker() is None and (start or 0.0) < (spoken[of][1] or math.inf)
        named.append(Record({**word.fields, "speaker": spoken[of][2]}, word.place) if within else word)
    return read_words(named, text=text if isinstance(text, str) else None)


def is_rows(content: object) -> bool:
    """Whether segments are lists, as `json.dump` writes what older faster-whisper gave."""
    return isinstance(content, list) and bool(content) and _row(cast("list[object]", content)[0]) is not None


def read_rows(content: list[Any], place: str) -> CueList:
    """Segments as lists: `[start, end, text, words, ...]` or `[id, seek, start, end, text, tokens, ..., words]`.

    Raises:
        DataError: a row of another form.
    """
    fields = [_row(row) or row for row in content]
    cues = [cue for segment in records(fields, place, "segment") for cue in _segment(segment)]
    return CueList(tuple(cues), cut_anywhere=True)


def _row(value: object) -> dict[str, Any] | None:
    """The fields of a segment that is a list; None for another value."""
    row = cast("list[Any]", value) if isinstance(value, list) else []
    first = next((place for place, value in enumerate(row[:6]) if isinstance(value, str)), 0)
    if first < 2 or not all(isinstance(value, float) for value in row[:first]):
        return None
    words = next((value for value in row[first + 1 :] if has_shape(value, [[object]]) and value), None)
    return {"start": row[first - 2], "end": row[first - 1], "text": row[first], "words": words}


def _segment(segment: Record, per_second: int = SECONDS) -> list[Cue]:
    start, end = segment.span()
    if per_second != SECONDS:
        start, end = seconds(start, per_second), seconds(end, per_second)
    listed = segment.fields.get("words")
    key = next((key for key in _TEXTS if key in segment.fields), "text")
    if listed is None:
        return _at_turn_marks(segment.cue(segment.text(key), start, end))
    words = timed_words(segment, "words", per_second)
    text = segment.text(key) if key in segment.fields or not words else None
    return cut(segment.cue("", start, end), words, text, by_sentence=False)


def _text(segment: Record) -> str:
    """What a segment says, be it nothing or something else than a text, which is told when the segment is read."""
    value = next((segment.fields[key] for key in _TEXTS if key in segment.fields), "")
    return value if isinstance(value, str) else ""


def _whisper_cpp(segment: Record) -> Cue:
    key, per_second = ("offsets", MILLISECONDS) if "offsets" in segment.fields else ("timestamps", 1)
    times = segment.inner(key)
    return segment.cue(segment.text("text"), *(seconds(times.time(edge), per_second) for edge in ("from", "to")))


def _at_turn_marks(cue: Cue) -> list[Cue]:
    """The cue, split where a mark says that another person begins to speak."""
    if "[SPEAKER_TURN]" not in cue.text:
        return [cue]
    said = [part for part in _TURN_MARK.split(cue.text) if part.strip()]
    return share(cue, [replace(cue, text=part, begins=number > 0) for number, part in enumerate(said)]) or [cue]
