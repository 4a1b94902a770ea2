"""Listed turns and listed words: who says what from when to when, as most programs write it, whatever they call the fields."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import SECONDS, Record, found, keys, record, several_channels
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, cut, utterances
from merc.annotation.transcripts.sentences import MAX_DURATION
from merc.annotation.transcripts.units import seconds, seems_time, units_of
from merc.annotation.transcripts.words import without_markup
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

WORDS = ("text", "transcript", "utterance", "words")  # what the words of a listed turn may be called
_OTHER_WORDS = ("sentence", "content", "message")  # likewise, where none of these is there
SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_WORD = ("punctuated_word", "word", "text", "body")  # what a word may be called
_FEWEST_WORDS = 4  # in a list of single words that does not call them so [chosen]
_LONGEST_WORD = 4  # characters, where a script has no blanks [chosen]
_SEPARATORS = re.compile(r"[\s_-]+")
_SHOWN = 5  # fields that a warning names
_OF_WHISPER = ("avg_logprob", "no_speech_prob")  # by which a listed segment may end amid a sentence


def read_turns(turns: Sequence[Record], per_second: int | None = None, by_sentence: bool = False) -> CueList:
    """The utterances of listed turns, or of listed words.

    Args:
        turns: what the file lists.
        per_second: what times count; else milliseconds where they can't be seconds, with a warning.
        by_sentence: cut turns whose words are listed at the ends of sentences and at pauses, as is done with long ones anyway.

    Raises:
        DataError: a turn without words, or a field of the wrong kind.
    """
    if of_words(turns):
        return read_words(turns, per_second)
    texts = [_text(turn) for turn in turns]
    spans = [turn.span() for turn in turns]
    warnings: tuple[str, ...] = ()
    if per_second is None:
        per_second, warnings = units_of(spans, sum(len(text or "") for text in texts))
        warnings += unread_times(turns, spans)
    cues: list[Cue] = []
    for turn, text, (start, end) in zip(turns, texts, spans, strict=True):
        if per_second != SECONDS:
            start, end = seconds(start, per_second), seconds(end, per_second)
        listed = turn.fields.get("words")
        if isinstance(listed, list):
            too_long = start is not None and end is not None and end - start > MAX_DURATION
            words = timed_words(turn, "words", per_second)
            cues += cut(turn.cue("", start, end), words, text, by_sentence or too_long)
        else:
            cues.append(Cue(without_markup(text or ""), turn.speaker(), start, end, turn.channel()))
    return CueList(tuple(cues), warnings, cut_anywhere=bool(turns) and any(key in turns[0].fields for key in _OF_WHISPER))


def read_words(listed: Sequence[Record], per_second: int | None = None, text: str | None = None) -> CueList:
    """The utterances of single words; each channel's by themselves.

    Args:
        listed: the words.
        per_second: likewise.
        text: what they make together, where only that has punctuation.

    Raises:
        DataError: a field of the wrong kind.
    """
    warnings: tuple[str, ...] = ()
    words = [_timed(word, per_second or SECONDS) for word in listed]
    if per_second is None:
        per_second, warnings = units_of([(word.start, word.end) for word in words], sum([len(word.text) for word in words]))
        if per_second != SECONDS:
            words = [TimedWord(w.text, seconds(w.start, per_second), seconds(w.end, per_second), w.speaker) for w in words]
    by_channel: dict[int | None, list[TimedWord]] = {}
    for one, word in zip(listed, words, strict=True):
        by_channel.setdefault(one.channel(), []).append(word)
    text = text if len(by_channel) == 1 else None
    cues = [cue for channel, words in by_channel.items() for cue in utterances(words, channel, text)]
    return CueList(tuple(several_channels(cues) if len(by_channel) > 1 else cues), warnings)


def unread_times(listed: Sequence[Record], spans: Sequence[tuple[float | None, float | None]]) -> tuple[str, ...]:
    """A warning that names fields of the first object that seem to hold times, where no times are read."""
    if not listed or any(start is not None or end is not None for start, end in spans):
        return ()
    fields = listed[0].fields.items()
    seeming = [key for key, value in fields if isinstance(value, float | str) and seems_time(_SEPARATORS.sub("", key.casefold()))]
    if not seeming:
        return ()
    those = ", ".join(shorten(repr(printable(key))) for key in seeming[:_SHOWN])
    return (f"no field gives times; not read: {those} (call them 'start' and 'end')",)


def timed_words(holder: Record, key: str, per_second: int = SECONDS) -> list[TimedWord]:
    """The words that a field lists: objects, or lists such as `[0.5, 0.8, "word", 0.97]`.

    Raises:
        DataError: no list, or a word of another kind.
    """
    listed = holder.fields.get(key)
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise DataError(f"{holder.place}: {key}: expected a list, found {found(listed)}")
    words: list[TimedWord] = []
    for number, value in enumerate(cast("list[Any]", listed), start=1):
        if type(value) is list and tuple(map(type, cast("list[Any]", value))) == (str, float, float):
            said, start, end = cast("list[Any]", value)
            words.append(_timed(Record({"word": said, "start": start, "end": end}, holder.place), per_second))
            continue
        if type(value) is dict:
            said, start, end = value.get("word"), value.get("start"), value.get("end")
            if type(said) is str and type(start) is float and type(end) is float and math.isfinite(start + end):
                speaker = Record(cast("dict[str, Any]", value), holder.place).speaker()
                if per_second != SECONDS:
                    start, end = start / per_second, end / per_second
                words.append(TimedWord(said, start, end, speaker))
                continue
        words.append(_timed(_word(value, f"{holder.place}: word {number}"), per_second))
    return words


def of_words(listed: Sequence[Record]) -> bool:
    """Whether a list holds single words: they are called so, or stand one right after another, and most are neither a sentence nor
    another speaker's than the one before.
    """
    if not listed:
        return False
    if all("word" in one.fields and one.fields.keys().isdisjoint(WORDS) for one in listed):
        return True
    if len(listed) < _FEWEST_WORDS:
        return False
    allowed = len(listed) // 10
    ended = 0
    for one in listed:
        text = one.fields.get("text", one.fields.get("body"))
        allowed -= not isinstance(text, str) or not _single(text) or "words" in one.fields
        if allowed < 0:
            return False
        ended += isinstance(text, str) and text.rstrip().endswith(SENTENCE_END)
    spans = [one.span() for one in listed]
    near = 0
    for (start, end), (following, _) in pairwise(spans):
        if start is None or end is None or following is None:
            return False
        near += following - end <= end - start and following >= start
    changes = sum(first != second for first, second in pairwise(one.speaker() for one in listed))
    return 2 * max(ended, changes) <= len(listed) and 2 * near >= len(listed) - 1


def _single(text: str) -> bool:
    said = text.strip()
    return bool(said) and len(said.split()) == 1 and (said[0] < "\u0e00" or said[0] > "\uabff" or len(said) <= _LONGEST_WORD)


def _text(turn: Record) -> str | None:
    """What a turn says; None where only its words are listed."""
    fields = turn.fields
    given = [key for key in WORDS if key in fields and not (key == "words" and isinstance(fields[key], list | None))]
    if not given and isinstance(fields.get("words"), list):
        return None
    if not given:
        given = [key for key in _OTHER_WORDS if isinstance(fields.get(key), str)][:1]
    if len(given) != 1:
        raise DataError(f"{turn.place}: expected one of {', '.join(WORDS)}; found {' and '.join(given) or keys(fields)}")
    return turn.text(given[0])


def _word(value: object, place: str) -> Record:
    """A word as an object, be it an object or a list of two times and a text in any order."""
    if isinstance(value, list):
        inside = cast("list[Any]", value)
        texts = [one for one in inside if isinstance(one, str)]
        times = [one for one in inside if isinstance(one, float)]
        if len(texts) == 1 and len(times) >= 2:
            return Record({"word": texts[0], "start": times[0], "end": times[1]}, place)
    return record(value, place)


def _said(word: Record) -> str:
    for key in _WORD:
        if key in word.fields:
            return word.text(key)
    return word.text("text")


def _timed(word: Record, per_second: int) -> TimedWord:
    start, end = word.span()
    if per_second != SECONDS:
        start, end = seconds(start, per_second), seconds(end, per_second)
    return TimedWord(_said(word), start, end, word.speaker())
