"""FunASR, whose times are milliseconds: sentences, or a time for every character or word of the text."""

from __future__ import annotations

import re
from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import MILLISECONDS, Record, has_shape
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, joined_pieces, utterances
from merc.annotation.transcripts.units import seconds
from merc.annotation.transcripts.words import without_markup

_SENTENCES = {"sentence_info": [{"start": float, "end": float}]}
_PAIRS = {"text": str, "timestamp": [list]}
_TOKENS = {"text": str, "timestamps": [{"token": str, "start_time": float}]}
# What FunASR gives one time: an ideograph or kana, or a word of letters.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:['’-]\w+)*"
)


def is_funasr(content: dict[str, Any]) -> bool:
    """Whether an object is FunASR's."""
    return has_shape(content, _SENTENCES) or has_shape(content, _PAIRS) or has_shape(content, _TOKENS)


def is_funasr_list(listed: list[Any]) -> bool:
    """Whether a list holds what FunASR gives for one or several recordings."""
    return bool(listed) and all(isinstance(one, dict) and is_funasr(cast("dict[str, Any]", one)) for one in listed[:3])


def read_funasr_list(results: list[Record]) -> CueList:
    """The utterances of each recording, which is a conversation by itself where there are several.

    Raises:
        DataError: a field of the wrong kind.
    """
    cues: list[Cue] = []
    for number, result in enumerate(results, start=1):
        key = result.fields.get("key")
        conversation = None if len(results) == 1 else key if isinstance(key, str) and key else str(number)
        cues += [Cue(c.text, c.speaker, c.start, c.end, conversation=conversation) for c in read_funasr(result).cues]
    return CueList(tuple(cues), cut_anywhere=True)


def read_funasr(content: Record) -> CueList:
    """Sentences or clauses of them, which are joined where nobody pauses; or utterances of the timed characters.

    Raises:
        DataError: a field of the wrong kind.
    """
    if content.fields.get("sentence_info"):
        return CueList(tuple(map(_sentence, content.records("sentence_info", "sentence"))), cut_anywhere=True)
    text = content.text("text")
    if content.fields.get("timestamps"):
        words = [TimedWord(one.text("token"), *_of_token(one)) for one in content.records("timestamps", "token")]
        return CueList(tuple(utterances(words, text=text)), cut_anywhere=True)
    times = [
        _pair(pair, f"{content.place}: timestamp {i}") for i, pair in enumerate(content.fields.get("timestamp") or [], start=1)
    ]
    tokens = _TOKEN.findall(text)
    if len(tokens) == len(times):
        words = [TimedWord(token, *time) for token, time in zip(tokens, times, strict=True)]
        return CueList(tuple(utterances(words, text=text)), cut_anywhere=True)
    span = (times[0][0], times[-1][1]) if times else (None, None)
    return CueList((Cue(without_markup(text), None, *span),))


def _sentence(sentence: Record) -> Cue:
    key = "text" if "text" in sentence.fields else "sentence"
    listed = sentence.fields.get(key)
    if has_shape(listed, [str]):  # as it is without a model for punctuation
        words = [TimedWord(word, None, None) for word in cast("list[str]", listed)]
        text = "".join(joined_pieces(words))
    else:
        text = sentence.text(key)
    start, end = (seconds(sentence.time(edge), MILLISECONDS) for edge in ("start", "end"))
    return Cue(without_markup(text), sentence.speaker(), start, end)


def _of_token(token: Record) -> tuple[float | None, float | None]:
    return token.time("start_time"), token.time("end_time")  # these alone are seconds


def _pair(pair: object, place: str) -> tuple[float | None, float | None]:
    bounds = Record({"start": None, "end": None}, place)
    if isinstance(pair, list):
        bounds = Record(dict(zip(("start", "end"), cast("list[Any]", pair), strict=False)), place)
    return seconds(bounds.time("start"), MILLISECONDS), seconds(bounds.time("end"), MILLISECONDS)
