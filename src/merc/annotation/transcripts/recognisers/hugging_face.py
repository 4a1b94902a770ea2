"""Hugging Face's pipeline for speech recognition, and insanely-fast-whisper, which adds who speaks."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape
from merc.annotation.transcripts.recognisers.turns import of_words, read_words
from merc.annotation.transcripts.words import without_markup

_CHUNK = {"text": str, "timestamp": list}


def is_chunks(content: dict[str, Any]) -> bool:
    """Whether an object holds chunks with pairs of times."""
    return bool(content.get("chunks")) and has_shape(content["chunks"], [_CHUNK])


def read_chunks(content: Record) -> CueList:
    """The chunks, be they sentences or words; those of `speakers` where there are any.

    Raises:
        DataError: a field of the wrong kind.
    """
    spoken = content.fields.get("speakers")
    key = "speakers" if spoken and has_shape(spoken, [_CHUNK]) else "chunks"
    chunks = content.records(key, "chunk")
    if of_words(chunks):
        return read_words(chunks)
    cues = tuple(Cue(without_markup(chunk.text("text")), chunk.speaker(), *chunk.span()) for chunk in chunks)
    return CueList(cues, cut_anywhere=True)
