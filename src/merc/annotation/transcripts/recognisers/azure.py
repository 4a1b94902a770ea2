"""Microsoft: Azure's batch and fast transcription, results of its SDK, and Video Indexer."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import MILLISECONDS, TICKS, Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, cut
from merc.annotation.transcripts.units import seconds
from merc.annotation.transcripts.words import without_markup

_BATCH = {"recognizedPhrases": [{"nBest": list}]}
_FAST = {"phrases": [{"text": str}], "combinedPhrases": list}
_SPOKEN = {"Offset": float, "Duration": float}
_INDEXED = {"insights": {"transcript": [{"text": str, "instances": list}]}}
# What offset and duration may be called, and what they count.
_OFFSETS = (
    ("offsetMilliseconds", "durationMilliseconds", MILLISECONDS),
    ("offsetInTicks", "durationInTicks", TICKS),
    ("Offset", "Duration", TICKS),
    ("offset", "duration", MILLISECONDS),  # of the first preview of fast transcription; batch writes texts there
)
_WORDS = ("displayWords", "words", "Words")


def is_batch(content: dict[str, Any]) -> bool:
    """Whether an object is the result of batch transcription."""
    return has_shape(content, _BATCH)


def read_batch(content: Record) -> CueList:
    """The recognised phrases, cut at the ends of sentences where the words are listed as they are shown.

    Raises:
        DataError: a field of the wrong kind.
    """
    return _phrases(content.records("recognizedPhrases", "phrase"))


def is_fast(content: dict[str, Any]) -> bool:
    """Whether an object is the result of fast transcription."""
    return has_shape(content, _FAST)


def read_fast(content: Record) -> CueList:
    """The phrases, likewise.

    Raises:
        DataError: a field of the wrong kind.
    """
    return _phrases(content.records("phrases", "phrase"))


def is_spoken(listed: list[Any]) -> bool:
    """Whether a list holds results of the SDK."""
    return bool(listed) and any(has_shape(listed, [{**_SPOKEN, **said}]) for said in ({"NBest": list}, {"DisplayText": str}))


def read_spoken(results: list[Record]) -> CueList:
    """The results, likewise.

    Raises:
        DataError: a field of the wrong kind.
    """
    return _phrases(results)


def is_indexed(content: dict[str, Any]) -> bool:
    """Whether an object is Video Indexer's."""
    return has_shape(content, _INDEXED) or (bool(content.get("videos")) and has_shape(content, {"videos": [_INDEXED]}))


def read_indexed(content: Record) -> CueList:
    """The transcript's lines, with the speakers' names.

    Raises:
        DataError: a field of the wrong kind.
    """
    videos = content.records("videos", "video") or [content]
    cues: list[Cue] = []
    for number, video in enumerate(videos, start=1):
        insights = video.inner("insights")
        names = {one.identity("id"): one.speaker_in("name") for one in insights.records("speakers", "speaker")}
        conversation = str(number) if len(videos) > 1 else None
        for line in insights.records("transcript", "line"):
            speaker = names.get(line.identity("speakerId")) or line.speaker_in("speakerId")
            for instance in line.records("instances", "instance"):
                span = instance.time("start"), instance.time("end")
                cues.append(Cue(without_markup(line.text("text")), speaker, *span, conversation=conversation))
    return CueList(tuple(cues), cut_anywhere=True)


def _phrases(phrases: list[Record]) -> CueList:
    cues: list[Cue] = []
    for phrase in phrases:
        best = (phrase.records("nBest", "alternative") or phrase.records("NBest", "alternative") or [phrase])[0]
        key = next((key for key in ("display", "Display", "text", "DisplayText", "lexical") if key in best.fields), None)
        if key is None:
            continue  # nothing was understood
        words: list[TimedWord] = []
        listed = next((key for key in _WORDS if best.fields.get(key)), _WORDS[0])
        for word in best.records(listed, "word"):
            said = next((key for key in ("displayText", "word", "Word", "text") if key in word.fields), "word")
            words.append(TimedWord(word.text(said), *_span(word)))
        speaker = phrase.speaker_in("speaker") or phrase.speaker_in("SpeakerId")
        channel = phrase.channel("channel" if "channel" in phrase.fields else "Channel")
        cues += cut(Cue("", speaker, *_span(phrase), channel), words, best.text(key), by_sentence=True)
    return CueList(tuple(several_channels(cues)), cut_anywhere=True)


def _span(holder: Record) -> tuple[float | None, float | None]:
    for offset, duration, per_second in _OFFSETS:
        if offset in holder.fields:
            start, lasts = holder.time(offset), holder.time(duration)
            return seconds(start, per_second), None if start is None or lasts is None else (start + lasts) / per_second
    return None, None
