"""Deepgram: utterances, words or paragraphs, whichever the request asked for; several channels."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, cut, utterances
from merc.annotation.transcripts.words import without_markup

_SHAPE = {"results": {"channels": [{"alternatives": [{"transcript": str}]}]}}


def is_deepgram(content: dict[str, Any]) -> bool:
    """Whether an object is Deepgram's."""
    return has_shape(content, _SHAPE)


def read_deepgram(content: Record) -> CueList:
    """Utterances; else those of the words of each channel; else sentences of paragraphs; else texts without times.

    Raises:
        DataError: a field of the wrong kind.
    """
    results = content.inner("results")
    cues: list[Cue] = []
    for utterance in results.records("utterances", "utterance"):
        whole = utterance.cue("", utterance.time("start"), utterance.time("end"))
        cues += cut(whole, _words(utterance), utterance.text("transcript"), by_sentence=True)
    channels = results.records("channels", "channel")
    for number, channel in enumerate([] if cues else channels):
        for alternative in channel.records("alternatives", "alternative")[:1]:
            words = _words(alternative)
            cues += utterances(words, number) if words else _paragraphs(alternative, number)
    return CueList(tuple(several_channels(cues, len(channels))))


def _words(holder: Record) -> list[TimedWord]:
    words: list[TimedWord] = []
    for word in holder.records("words", "word"):
        key = "punctuated_word" if word.fields.get("punctuated_word") else "word"
        words.append(TimedWord(word.text(key), word.time("start"), word.time("end"), word.speaker()))
    return words


def _paragraphs(alternative: Record, channel: int) -> list[Cue]:
    cues: list[Cue] = []
    for paragraph in alternative.inner("paragraphs").records("paragraphs", "paragraph"):
        speaker = paragraph.speaker()
        for sentence in paragraph.records("sentences", "sentence"):
            words = without_markup(sentence.text("text"))
            cues.append(Cue(words, speaker, sentence.time("start"), sentence.time("end"), channel))
    said = without_markup(alternative.text("transcript"))
    return cues or ([Cue(said, None, channel=channel)] if said else [])
