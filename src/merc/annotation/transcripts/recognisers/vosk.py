"""Vosk and Kaldi: words in lower case without punctuation, a result for each stretch between silences."""

from __future__ import annotations

from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape
from merc.annotation.transcripts.recognisers.timed_words import utterances
from merc.annotation.transcripts.recognisers.turns import timed_words
from merc.annotation.transcripts.words import without_markup

_WORDS = {"result": [{"word": str, "start": float, "end": float}], "text": str}
_LOOKED_AT = 10  # results of a list
_ALTERNATIVES = {"alternatives": [{"text": str}]}


def is_vosk(content: dict[str, Any]) -> bool:
    """Whether an object is Vosk's."""
    return has_shape(content, _WORDS) or (bool(content.get("alternatives")) and has_shape(content, _ALTERNATIVES))


def is_vosk_list(listed: list[Any]) -> bool:
    """Whether a list holds results of Vosk, one of which at least has words."""
    objects = [cast("dict[str, Any]", one) for one in listed if isinstance(one, dict)]
    alike = all(is_vosk(one) or set(one) == {"text"} for one in objects[:_LOOKED_AT])
    return alike and len(objects) == len(listed) and any(map(is_vosk, objects))


def read_vosk(results: list[Record]) -> CueList:
    """Utterances of the words of each result.

    Raises:
        DataError: a field of the wrong kind.
    """
    cues: list[Cue] = []
    for result in results:
        best = result.first("alternatives", "alternative") or result
        words = timed_words(best, "result")
        if words:
            cues += utterances(words)
        elif best.fields.get("text"):
            cues.append(Cue(without_markup(best.text("text")), None))
    return CueList(tuple(cues))
