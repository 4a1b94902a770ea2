"""AssemblyAI, whose times are milliseconds: utterances, sentences, paragraphs, words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from merc.annotation.transcripts.cues import CueList
from merc.annotation.transcripts.recognisers.fields import MILLISECONDS, Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.turns import read_turns, read_words

# Other services list utterances or words, too, but in seconds, and without these fields.
_OWN = ("audio_url", "audio_duration", "language_model", "acoustic_model", "speech_model", "speech_models", "status")
_STRETCH = {"text": str, "start": float, "end": float}
_TURNS = ("utterances", "sentences", "paragraphs")


def is_assemblyai(content: dict[str, Any]) -> bool:
    """Whether an object is AssemblyAI's."""
    if not ("id" in content and any(key in content for key in _OWN)):
        return False
    return any(bool(content.get(key)) and has_shape(content[key], [_STRETCH]) for key in (*_TURNS, "words"))


def read_assemblyai(content: Record) -> CueList:
    """Utterances, which know who speaks; else sentences; else those of the words.

    Raises:
        DataError: a field of the wrong kind.
    """
    key = next((key for key in _TURNS if content.fields.get(key)), None)
    if key is None:
        cues = read_words(content.records("words", "word"), MILLISECONDS)
    else:
        cues = read_turns(content.records(key, key.removesuffix("s")), MILLISECONDS, by_sentence=True)
    channels = {cue.channel for cue in cues.cues}
    found = tuple(several_channels(cues.cues))
    if None not in channels and len(channels) > 1 and 0 not in channels:  # counted from 1
        found = tuple(replace(cue, channel=(cue.channel or 1) - 1) for cue in found)
    return replace(cues, cues=found)
