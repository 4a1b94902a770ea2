"""Gladia, and other services that list utterances in seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import cut
from merc.annotation.transcripts.recognisers.turns import read_turns, timed_words

_FIRST_VERSION = {"prediction": [{"transcription": str, "time_begin": float}]}
_LISTS = ("utterances", "turns", "sentences", "turnLevelTranscription")


def is_utterances(content: dict[str, Any]) -> bool:
    """Whether an object lists utterances, turns or sentences with their texts."""
    return any(bool(content.get(key)) and has_shape(content[key], [{"text": str}]) for key in _LISTS)


def read_utterances(content: Record) -> CueList:
    """The utterances, cut at the ends of sentences where their words are listed.

    Raises:
        DataError: a field of the wrong kind.
    """
    key = next(key for key in _LISTS if content.fields.get(key))
    found = read_turns(content.records(key, "utterance"), by_sentence=True)
    return replace(found, cues=tuple(several_channels(found.cues)))


def is_prediction(content: dict[str, Any]) -> bool:
    """Whether an object is of Gladia's first version."""
    return bool(content.get("prediction")) and has_shape(content, _FIRST_VERSION)


def read_prediction(content: Record) -> CueList:
    """The utterances, likewise.

    Raises:
        DataError: a field of the wrong kind.
    """
    cues: list[Cue] = []
    for utterance in content.records("prediction", "utterance"):
        whole = Cue("", utterance.speaker(), utterance.time("time_begin"), utterance.time("time_end"))
        cues += cut(whole, timed_words(utterance, "words"), utterance.text("transcription"), by_sentence=True)
    return CueList(tuple(cues))
