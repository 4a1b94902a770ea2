"""Google's Speech-to-Text, v1 and v2, and NVIDIA's Riva, which copies its form but counts milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import (
    MILLISECONDS,
    Record,
    found,
    has_shape,
    several_channels,
)
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, utterances
from merc.annotation.transcripts.units import seconds
from merc.annotation.transcripts.words import without_markup
from merc.errors import DataError

# Field names as JSON has them, and as Python's protobuf writes them on request.
_STARTS, _ENDS = ("startTime", "startOffset", "start_time", "start_offset"), ("endTime", "endOffset", "end_time", "end_offset")
_RESULT_ENDS = ("resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
_SPEAKERS = ("speakerLabel", "speakerTag", "speaker_label", "speaker_tag")
_CHANNELS = ("channelTag", "channel_tag")
_Value = TypeVar("_Value")
_ALTERNATIVES = ({"transcript": str}, {"words": list})


def is_google(content: dict[str, Any]) -> bool:
    """Whether an object holds results of Google's form."""
    return bool(content.get("results")) and any(has_shape(content, {"results": [{"alternatives": [one]}]}) for one in _ALTERNATIVES)


def read_google(content: Record) -> CueList:
    """Utterances of the words of each channel; where there are no words, the results' texts.

    With speakers, the last result of v1 repeats all words, and it alone says who spoke.

    Raises:
        DataError: a field of the wrong kind.
    """
    by_channel: dict[int, list[list[Record]]] = {}
    cues: list[Cue] = []
    for result in content.records("results", "result"):
        best = result.first("alternatives", "alternative")
        if best is None:
            continue
        channel = max((_given(result.channel(key) for key in _CHANNELS) or 0) - 1, 0)
        words = best.records("words", "word")
        if words:
            by_channel.setdefault(channel, []).append(words)
        elif best.fields.get("transcript"):
            end = _given(_time(result, key) for key in _RESULT_ENDS)
            cues.append(Cue(without_markup(best.text("transcript")), None, None, end, channel))
    for channel, results in by_channel.items():
        for words in [results[-1]] if _repeats(results) else results:
            cues += utterances([_word(word) for word in words], channel)
    return CueList(tuple(several_channels(cues)), cut_anywhere=True)


def _repeats(results: list[list[Record]]) -> bool:
    """Whether the last result holds the words of all the others, from the first one on, or alone says who speaks."""
    *others, last = results
    if not others or _word(others[0][0]).start != _word(last[0]).start:
        return False
    said = [word.fields.get("word") for words in others for word in words]
    return said == [word.fields.get("word") for word in last[: len(said)]] or not any(
        word.fields.get(key) for words in others for word in words for key in _SPEAKERS
    )


def _word(word: Record) -> TimedWord:
    fields = word.fields
    start, end = (_time(word, next((key for key in names if key in fields), names[0])) for names in (_STARTS, _ENDS))
    speaker = None
    for key in _SPEAKERS:
        value = fields.get(key)
        if value is not None and value != 0.0:  # tags count from 1
            digits = isinstance(value, str) and value.isascii() and value.isdigit()
            speaker = f"speaker_{value}" if digits else word.speaker_in(key)
            break
    return TimedWord(word.text("word"), start, end, speaker)


def _time(holder: Record, key: str) -> float | None:
    """Seconds of `"1.300s"`, of seconds and nanoseconds, or, in a number, of milliseconds."""
    value = holder.fields.get(key)
    if isinstance(value, str):
        return holder.time(key)
    if isinstance(value, float):
        return seconds(holder.time(key), MILLISECONDS)
    if isinstance(value, dict):
        inner = holder.inner(key)
        return (inner.time("seconds") or 0.0) + (inner.time("nanos") or 0.0) / 1e9
    if value is not None:
        raise DataError(f"{holder.place}: {key}: expected a time such as '1.300s', found {found(value)}")
    return None


def _given(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)
