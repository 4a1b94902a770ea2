"""SubStation Alpha, read by lines: pysubs2 takes the usual order of fields for granted, and knows nothing of layers and karaoke.

Effects of karaoke give each syllable a line of its own, beside a comment that holds the whole: the words are read once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from merc.annotation.transcripts.captions.lines import seconds
from merc.annotation.transcripts.captions.rolling import read_once
from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.words import clean, without_markup
from merc.errors import DataError
from merc.files.validation import shorten

_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_OVERRIDE = re.compile(r"(\{[^{}]*\})")
_DRAWING = re.compile(r"\\p(\d)")
_TIME = re.compile(r"-?\d{1,6}:\d{1,2}:\d{1,2}(?:[.:,]\d{1,3})?")
_SPEAKER_STYLE = re.compile(r"(?:speaker|spk)[ _-]?\w{1,4}", re.IGNORECASE)  # of recognisers, which leave Name empty
_WHOLE_LINE, _SYLLABLE = "karaoke", "fx"  # effects that Aegisub's automation writes


def read_substation(text: str, name: str) -> CueList:
    """The cues of a `.ass` or `.ssa` file.

    Raises:
        DataError: no dialogue, or a line of it that can't be read.
    """
    section, fields = "", _FIELDS
    events: list[tuple[str, Cue]] = []  # with their effects
    sung: list[Cue] = []
    dialogues = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line.startswith("["):
            section = line[:20].casefold()
        elif section.startswith("[events") and line[:7].casefold() == "format:":
            fields = _event_fields(line, f"{name}, line {number}")
        elif line.startswith("Dialogue:"):
            dialogues += 1
            given = _values(line, fields, f"{name}, line {number}")
            events.append((given.get("effect", "").strip().casefold(), _cue(given, f"{name}, line {number}")))
        elif line.startswith("Comment:") and f",{_WHOLE_LINE}," in line:
            given = _values(line, fields, f"{name}, line {number}")
            if given.get("effect", "").strip() == _WHOLE_LINE:
                sung.append(_cue(given, f"{name}, line {number}"))
    if not dialogues:
        raise DataError(f"{name}: expected SubStation Alpha subtitles, found no line that begins with 'Dialogue:'")
    syllables = bool(sung) and any(effect == _SYLLABLE for effect, _ in events)
    shown = [cue for effect, cue in events if not (syllables and effect == _SYLLABLE)] + (sung if syllables else [])
    if syllables:
        shown.sort(key=lambda cue: cue.start or 0.0)
    return CueList(tuple(read_once(shown)), names_in_words=True, cut_anywhere=True)


def _event_fields(line: str, place: str) -> tuple[str, ...]:
    fields = tuple(field.strip().casefold() for field in line.partition(":")[2].split(","))
    fields = tuple("name" if field == "actor" else field for field in fields)
    if not {"start", "end", "text"} <= set(fields) or fields[-1] != "text":
        raise DataError(f"{place}: found {shorten(repr(line))}, expected fields with Start and End, and Text as the last")
    return fields


def _values(line: str, fields: Sequence[str], place: str) -> dict[str, str]:
    values = line.partition(":")[2].split(",", len(fields) - 1)
    if len(values) != len(fields):
        raise DataError(f"{place}: {len(values)} fields, expected {len(fields)}: {', '.join(fields)}"[:300])
    return dict(zip(fields, values, strict=True))


def _cue(given: Mapping[str, str], place: str) -> Cue:
    times = [given["start"].strip(), given["end"].strip()]
    for time in times:
        if _TIME.fullmatch(time) is None:
            raise DataError(f"{place}: found the time {shorten(repr(time))}, expected one such as 0:00:01.50")
    start, end = (seconds(time if time.count(":") < 3 else ".".join(time.rsplit(":", 1))) for time in times)
    style = clean(given.get("style", ""))
    name = clean(given.get("name", "")) or (style if _SPEAKER_STYLE.fullmatch(style) else None)
    return Cue(_words(given["text"]), name, start, end)


def _words(text: str) -> str:
    """The text without overrides, comments in braces, and the drawings that an override switches on and off."""
    if "{" in text:
        drawing, words = False, list[str]()
        for piece in _OVERRIDE.split(text):
            if piece.startswith("{") and piece.endswith("}"):
                switches = _DRAWING.findall(piece)
                drawing = switches[-1] != "0" if switches else drawing
            elif not drawing:
                words.append(piece)
        text = "".join(words)
    if "\\" in text:
        text = text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
    return without_markup(text).strip()
