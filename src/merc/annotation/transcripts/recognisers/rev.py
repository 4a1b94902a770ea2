"""Rev AI and Rev: monologues of elements, which are words, punctuation with the blanks, and sounds."""

from __future__ import annotations

from typing import Any

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.recognisers.fields import Record, has_shape
from merc.annotation.transcripts.recognisers.timed_words import TimedWord, cut
from merc.annotation.transcripts.scripts import blank_between

_SHAPE = {"monologues": [{"elements": [{"type": str, "value": str}]}]}


def is_rev(content: dict[str, Any]) -> bool:
    """Whether an object is Rev AI's or Rev's."""
    return has_shape(content, _SHAPE)


def read_rev(content: Record) -> CueList:
    """Utterances of each monologue, with the speakers' names where people gave them.

    Raises:
        DataError: a field of the wrong kind.
    """
    names = {one.identity("id"): one.speaker_in("name") for one in content.records("speakers", "speaker")}
    cues: list[Cue] = []
    for monologue in content.records("monologues", "monologue"):
        named = monologue.inner("speaker_info").speaker_in("display_name") or names.get(monologue.identity("speaker"))
        speaker = named or monologue.speaker_in("speaker")
        words, text = _words(monologue)
        if words:
            cues += cut(Cue("", speaker), words, text, by_sentence=True)
    return CueList(tuple(cues))


def _words(monologue: Record) -> tuple[list[TimedWord], str]:
    """The words, and the text of all elements, which alone has the blanks."""
    words: list[TimedWord] = []
    text: list[str] = []
    for element in monologue.records("elements", "element"):
        kind = element.fields.get("type")
        if kind not in ("text", "punct"):  # unknown, a sound
            continue
        said = element.text("value")
        if kind == "text" and text:  # without punctuation, as is to be had on request, there are no elements of blanks either
            said = blank_between(text[-1], said) + said
        text.append(said)
        if kind == "text":
            first, last = ("ts", "end_ts") if "ts" in element.fields else ("timestamp", "end_timestamp")
            words.append(TimedWord(said.strip(), element.time(first), element.time(last)))
    return words, "".join(text)
