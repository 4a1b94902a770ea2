"""IBM's Speech to Text: words with times in lists, speakers by the times at which words begin."""

from __future__ import annotations

from typing import Any, cast

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, utterances
from merc.annotation.transcripts.recognisers.turns import timed_words
from merc.annotation.transcripts.words import without_markup

_SHAPE = {"results": [{"final": bool, "alternatives": [{"transcript": str}]}]}
_HESITATION = "%HESITATION"


def is_watson(content: dict[str, Any]) -> bool:
    """Whether an object is IBM's."""
    return bool(content.get("results")) and has_shape(content, _SHAPE)


def read_watson(content: Record) -> CueList:
    """Utterances of the words of final results; results without times as they are.

    Raises:
        DataError: a field of the wrong kind.
    """
    speakers: dict[float | None, str | None] = {}
    for label in content.records("speaker_labels", "speaker label"):
        speakers[label.time("from")] = label.speaker_in("speaker")
    cues: list[Cue] = []
    words: list[TimedWord] = []
    for result in content.records("results", "result"):
        if result.fields.get("final") is False:
            continue
        alternative = result.first("alternatives", "alternative")
        if alternative is not None:
            if has_shape(alternative.fields.get("timestamps"), [list]) and alternative.fields["timestamps"]:
                words += timed_words(alternative, "timestamps")
            else:
                text = alternative.text("transcript").replace(_HESITATION, "")
                cues.append(Cue(without_markup(text), None))
    spoken: list[TimedWord] = []
    for word in words:
        said = word.text.strip()
        if said != _HESITATION:
            spoken.append(TimedWord(said, word.start, word.end, speakers.get(word.start)))
    return CueList((*cues, *(utterances(spoken) if spoken else ())))


def is_watson_list(listed: list[Any]) -> bool:
    """Whether a list holds objects of IBM, as programs collect them from a stream."""
    return bool(listed) and all(isinstance(one, dict) and is_watson(cast("dict[str, Any]", one)) for one in listed[:3])


def read_watson_list(objects: list[Record]) -> CueList:
    """The utterances of all, likewise.

    Raises:
        DataError: likewise.
    """
    return CueList(tuple(cue for one in objects for cue in read_watson(one).cues))
