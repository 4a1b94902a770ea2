"""Subtitles: SubRip and SubStation Alpha by pysubs2, WebVTT by webvtt-py.

pysubs2 is given less than the file, so that nothing in it makes it slow or wrong. Its patterns take quadratic time over many blank
lines, unclosed tags and unclosed brackets; its SubRip reader takes a cue's last line, if a number, for the next cue's counter, and
knows no sign before a time; its SubStation reader takes the usual order of fields for granted.
Without their package, readers raise ImportError.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from merc.annotation.transcripts.cues import Cue, CueList, counted, parse_clock, share
from merc.annotation.transcripts.words import clean, without_markup
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

_ARROW = re.compile(r"\s{0,20}([+-]?\d+:[\d:.,]{1,30})\s{0,20}-{1,2}>\s{0,20}([+-]?\d+:[\d:.,]{1,30})")
_STAMP = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}[.,]\d{1,3}")
_PLACEHOLDER = "00:00:00,000 --> 00:00:00,000"
_SUBRIP_TIMES = "00:00:01,000 --> 00:00:02,500"

_EVENT_FIELDS = ("layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect", "text")
_OVERRIDE = re.compile(r"(\{[^{}]*\})")
_DRAWING = re.compile(r"\\p(\d)")

_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>|</v>")
_INNER_TIME = re.compile(r"<(?:\d+:)?\d\d:\d\d\.\d{3}>")


def read_subrip(text: str, name: str) -> CueList:
    """The cues of a `.srt` file.

    Raises:
        DataError: no cue, or one whose times can't be read.
    """
    import pysubs2

    times: list[tuple[float, float]] = []
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        found = _subrip_times(line, f"{name}, line {number}")
        if found is None:
            if line.strip() or (lines and lines[-1]):
                lines.append(line if line.strip() else "")
            continue
        if not (lines and lines[-1].strip().isdecimal()):
            lines += ["", "0"]  # the counter that pysubs2 would else see in the last line before it
        times.append(found)
        lines.append(_PLACEHOLDER)
    if not times:
        raise DataError(f"{name}: expected SubRip subtitles, found no line such as {_SUBRIP_TIMES}")
    events = pysubs2.SSAFile.from_string("\n".join([*lines, "", "0"]), format_="srt", keep_html_tags=True).events
    spoken = (without_markup(event.text.replace("\\N", "\n")) for event in events)
    cues = tuple(Cue(words, None, start, end) for words, (start, end) in zip(spoken, times, strict=True))
    return CueList(cues, names_in_words=True, cut_anywhere=True)


def read_substation(text: str, name: str) -> CueList:
    """The cues of a `.ass` or `.ssa` file.

    Raises:
        DataError: no dialogue, or a line of it that can't be read.
    """
    import pysubs2

    section, fields = "", _EVENT_FIELDS
    script: list[str] = ["[Events]"]
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if line.startswith("["):
            section = line[:20].casefold()
        elif section.startswith("[events") and line.casefold().startswith("format:"):
            fields = _event_fields(line, f"{name}, line {number}")
        elif line.startswith("Dialogue:"):
            script.append(_dialogue(line, fields, f"{name}, line {number}"))
    if len(script) == 1:
        raise DataError(f"{name}: expected SubStation Alpha subtitles, found no line that begins with 'Dialogue:'")
    try:
        events = pysubs2.SSAFile.from_string("\n".join(script), format_="ass").events
    except ValueError as error:
        raise DataError(f"{name}: {shorten(printable(str(error)))}") from error
    cues = (Cue(_substation_words(e.text), clean(e.name) or None, e.start / 1000, e.end / 1000) for e in events)
    return CueList(tuple(cues), names_in_words=True, cut_anywhere=True)


def read_webvtt(text: str, name: str) -> CueList:
    """The cues of a `.vtt` file, split where a voice tag says that another person speaks.

    Raises:
        DataError: no WebVTT, no cue, or one whose times can't be read.
    """
    import webvtt
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    try:
        captions = webvtt.from_buffer(io.StringIO(text)).captions
    except MalformedFileError as error:
        raise DataError(f"{name}: expected WebVTT, which begins with WEBVTT") from error
    except (MalformedCaptionError, ValueError) as error:
        raise DataError(f"{name}: {shorten(printable(str(error)))}") from error
    if not captions:
        raise DataError(f"{name}: expected WebVTT subtitles, found no cue with times such as 00:01.000 --> 00:02.500")
    contents = [caption.raw_text for caption in captions]
    if any(_INNER_TIME.search(content) for content in contents):
        contents = _unrolled(contents)
    cues: list[Cue] = []
    for caption, content in zip(captions, contents, strict=True):
        if content is not None:
            cue = Cue("", None, parse_clock(caption.start), parse_clock(caption.end))
            cues += share(cue, _voices(content))
    unread = sum("-->" in line for line in text.split("\n")) - len(captions)
    warnings = (f"{counted(unread, 'cue is', 'cues are')} left out, with times that can't be read",) if unread > 0 else ()
    return CueList(tuple(cues), warnings, names_in_words=True, cut_anywhere=True)


def _subrip_times(line: str, place: str) -> tuple[float, float] | None:
    """Start and end in s of a line of times; None for another line."""
    arrow = _ARROW.match(line)
    stamps = arrow.groups() if arrow else _STAMP.findall(line)
    if len(stamps) != 2:  # pysubs2 holds any line with two time stamps for one of times
        return None
    try:
        return parse_clock(stamps[0]), parse_clock(stamps[1])
    except ValueError as error:
        raise DataError(f"{place}: found {shorten(repr(line.strip()))}, expected times such as {_SUBRIP_TIMES}") from error


def _event_fields(line: str, place: str) -> tuple[str, ...]:
    fields = tuple(field.strip().casefold() for field in line.partition(":")[2].split(","))
    fields = tuple("name" if field == "actor" else field for field in fields)
    if not {"start", "end", "text"} <= set(fields) or fields[-1] != "text":
        raise DataError(f"{place}: found {shorten(repr(line))}, expected fields with Start and End, and Text as the last")
    return fields


def _dialogue(line: str, fields: Sequence[str], place: str) -> str:
    """The same dialogue line with the usual fields; times, name and text are kept, all others are at their defaults."""
    values = line.partition(":")[2].split(",", len(fields) - 1)
    if len(values) != len(fields):
        raise DataError(f"{place}: {len(values)} fields, expected {len(fields)}: {', '.join(fields)}"[:300])
    given = dict(zip(fields, values, strict=True))
    return f"Dialogue: 0,{given['start']},{given['end']},Default,{given.get('name', '')},0,0,0,,{given['text']}"


def _substation_words(text: str) -> str:
    """The text without overrides, comments in braces, and the drawings that an override switches on and off."""
    drawing, words = False, list[str]()
    for piece in _OVERRIDE.split(text):
        if piece.startswith("{") and piece.endswith("}"):
            switches = _DRAWING.findall(piece)
            drawing = switches[-1] != "0" if switches else drawing
        elif not drawing:
            words.append(piece)
    return without_markup("".join(words).replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))


def _voices(content: str) -> list[Cue]:
    """The parts of a cue, each with who speaks it."""
    parts: list[Cue] = []
    speaker, reached = None, 0
    for tag in _VOICE.finditer(content):
        parts.append(Cue(without_markup(content[reached : tag.start()]).strip(), speaker))
        speaker = clean(without_markup(tag[1] or "")) or None
        reached = tag.end()
    parts.append(Cue(without_markup(content[reached:]).strip(), speaker))
    return [part for part in parts if part.text] or parts[:1]


def _unrolled(contents: Sequence[str]) -> list[str | None]:
    """Cues of rolling captions without the line that each takes over from the one before; None where nothing else is in it.

    Programs that caption as people speak show each line twice: while it grows, its words marked by times, and above the next.
    """
    result: list[str | None] = []
    before = ""
    for content in contents:
        lines = [line for line in content.split("\n") if line.strip()]
        shown = [clean(without_markup(line)) for line in lines]
        new = lines[1:] if shown and shown[0] == before else lines
        result.append("\n".join(new) if new or not lines else None)
        before = shown[-1] if shown else before
    return result
