"""Amazon Transcribe: jobs, and calls with analytics (also of Contact Lens)."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import MILLISECONDS, Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, cut, utterances
from merc.annotation.transcripts.units import seconds

_ITEM = {"type": str, "alternatives": [{"content": str}]}
_CHANNEL = {"channel_label": str, "items": [_ITEM]}
_CALL = {"Transcript": [{"Content": str, "BeginOffsetMillis": float}]}


def is_job(content: dict[str, Any]) -> bool:
    """Whether an object is the result of a transcription job."""
    return any(
        has_shape(content, {"results": shape}) for shape in ({"items": [_ITEM]}, {"channel_labels": {"channels": [_CHANNEL]}})
    )


def read_job(content: Record) -> CueList:
    """Utterances of the items. Times are numbers in texts; punctuation has none, and belongs to the word before.

    Raises:
        DataError: a field of the wrong kind.
    """
    results = content.inner("results")
    cues: list[Cue] = []
    channels = results.inner("channel_labels").records("channels", "channel")
    for number, channel in enumerate(channels):
        cues += utterances(_words(channel, {}), number)
    if not channels:
        cues += utterances(_words(results, _speakers(results)))
    return CueList(tuple(several_channels(cues, len(channels))))


def is_call(content: dict[str, Any]) -> bool:
    """Whether an object is the analysis of a call."""
    return has_shape(content, _CALL)


def read_call(content: Record) -> CueList:
    """The turns of the call's participants, in ms, cut at the ends of sentences where their words are listed.

    Raises:
        DataError: a field of the wrong kind.
    """
    cues: list[Cue] = []
    for turn in content.records("Transcript", "turn"):
        speaker = turn.speaker_in("ParticipantRole") or turn.speaker_in("ParticipantId")
        start, end = (seconds(turn.time(f"{edge}OffsetMillis"), MILLISECONDS) for edge in ("Begin", "End"))
        words: list[TimedWord] = []
        for item in turn.records("Items", "item"):
            first, last = (seconds(item.time(f"{edge}OffsetMillis"), MILLISECONDS) for edge in ("Begin", "End"))
            attached = item.fields.get("Type") == "punctuation"
            words.append(TimedWord(item.text("Content"), first, last, None, attached))
        cues += cut(Cue("", speaker, start, end), _with_punctuation(words), turn.text("Content"), by_sentence=True)
    return CueList(tuple(cues))


def _words(holder: Record, speakers: dict[str, str | None]) -> list[TimedWord]:
    words: list[TimedWord] = []
    for item in holder.records("items", "item"):
        best = item.first("alternatives", "alternative")
        if best is None:
            continue
        said = best.text("content")
        if item.fields.get("type") == "punctuation":
            # A pause after the word is none before its punctuation, which has no times.
            words.append(TimedWord(said, None, None, None, True))
            continue
        start = item.fields.get("start_time")
        speaker = item.speaker_in("speaker_label")
        if speaker is None and isinstance(start, str):
            speaker = speakers.get(start)
        words.append(TimedWord(said, item.time("start_time"), item.time("end_time"), speaker))
    return _with_punctuation(words)


def _with_punctuation(words: list[TimedWord]) -> list[TimedWord]:
    """The words with the punctuation after them."""
    whole: list[TimedWord] = []
    for word in words:
        if word.attached and whole:
            whole[-1].text += word.text
        else:
            whole.append(word)
    return whole


def _speakers(results: Record) -> dict[str, str | None]:
    """Who says the word that starts at a time, as written: only older results need the list of segments for it."""
    speakers: dict[str, str | None] = {}
    for segment in results.inner("speaker_labels").records("segments", "segment"):
        whole = segment.speaker_in("speaker_label")
        for item in segment.records("items", "item"):
            start = item.fields.get("start_time")
            if isinstance(start, str):
                speakers[start] = item.speaker_in("speaker_label") or whole
    return speakers
