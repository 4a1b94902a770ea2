"""ElevenLabs' Scribe: words, the blanks between them, and sounds."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, utterances

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
        by_channel: dict[int | None, list[TimedWord]] = {}
        text: list[str] = []
        for word in transcript.records("words", "word"):
            kind = word.fields.get("type")
            if kind == "audio_event":
                continue
            text.append(word.text("text"))
            if kind != "spacing":
                timed = TimedWord(text[-1], word.time("start"), word.time("end"), word.speaker())
                by_channel.setdefault(word.channel("channel_index"), []).append(timed)
        own = transcript.channel("channel_index") if len(by_channel) < 2 else None
        for channel, words in by_channel.items():
            told = channel if own is None else own
            told = number if told is None and len(transcripts) > 1 else told
            # Blanks are those of one channel: where there are several, they are put anew.
            cues += utterances(words, told, "".join(text) if len(by_channel) == 1 else None)
    return CueList(tuple(several_channels(cues, len(transcripts))))
