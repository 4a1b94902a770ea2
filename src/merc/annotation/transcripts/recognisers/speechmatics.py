"""Speechmatics (json-v2): words and punctuation, each with the speaker, and the channel where they are kept apart."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, utterances

_RESULTS = {"results": [{"type": str, "alternatives": [{"content": str}]}]}
_TIMED = {"results": [{"start_time": float}]}


def is_speechmatics(content: dict[str, Any]) -> bool:
    """Whether an object is Speechmatics'."""
    return bool(content.get("results")) and has_shape(content, _RESULTS) and has_shape(content, _TIMED)


def read_speechmatics(content: Record) -> CueList:
    """Utterances of the words; each channel's by themselves, numbered as they first occur.

    Raises:
        DataError: a field of the wrong kind.
    """
    delimiter = content.inner("metadata").inner("language_pack_info").fields.get("word_delimiter", " ")
    by_channel: dict[str | float | None, list[TimedWord]] = {}
    for result in content.records("results", "result"):
        best = result.first("alternatives", "alternative")
        if best is None:  # a mark such as of a change of speaker
            continue
        said = best.text("content")
        words = by_channel.setdefault(result.identity("channel"), [])
        attached = result.fields.get("attaches_to") in ("previous", "both")
        if attached and words:
            words[-1].text += said
            continue
        speaker = best.speaker_in("speaker")
        words.append(TimedWord(said, result.time("start_time"), result.time("end_time"), speaker, delimiter == ""))
    cues: list[Cue] = []
    for number, words in enumerate(by_channel.values()):
        cues += utterances(words, number)
    return CueList(tuple(several_channels(cues)))
