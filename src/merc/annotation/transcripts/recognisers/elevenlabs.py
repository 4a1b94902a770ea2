"""ElevenLabs' Scribe: words, the blanks between them, and sounds."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, cut

_WORDS = {"words": [{"text": str, "type": str}]}


def is_elevenlabs(content: dict[str, Any]) -> bool:
    """Whether an object is Scribe's, of one channel or several."""
    if content.get("transcripts"):
        return has_shape(content, {"transcripts": [_WORDS]})
    return bool(content.get("words")) and has_shape(content, _WORDS)


def read_elevenlabs(content: Record) -> CueList:
    """Utterances of the words; each channel's by themselves.

    Raises:
        DataError: a field of the wrong kind.
    """
    transcripts = content.records("transcripts", "transcript") or [content]
    cues: list[Cue] = []
    for number, transcript in enumerate(transcripts):
        words: list[TimedWord] = []
        text: list[str] = []
        for word in transcript.records("words", "word"):
            kind = word.fields.get("type")
            if kind == "audio_event":
                continue
            text.append(word.text("text"))
            if kind != "spacing":
                words.append(TimedWord(text[-1], word.time("start"), word.time("end"), word.speaker()))
        channel = transcript.channel("channel_index")
        channel = (number if channel is None else channel) if len(transcripts) > 1 else None
        if words:
            cues += cut(Cue("", None, None, None, channel), words, "".join(text), by_sentence=True)
    return CueList(tuple(several_channels(cues, len(transcripts))))
