"""Columns of tables: what the headers of tables call what a transcript holds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merc.annotation.transcripts.units import seems_time
from merc.annotation.transcripts.words import clean
from merc.errors import DataError
from merc.files.validation import shorten

# What each column may be called; neither case nor blanks, `_` and `-` matter, nor brackets with a unit.
NAMES: Mapping[str, tuple[str, ...]] = {
    "words": ("transcript", "text", "utterance", "words"),
    "speaker": ("speaker", "speakername"),
    "start": ("start", "starttime", "in"),
    "end": ("end", "endtime", "out"),
    "channel": ("channel",),
    "id": ("id", "utteranceid"),
    "conversation": ("conversation", "conversationid", "dialogue", "dialogueid", "sceneid"),
}
# What it may be called where no column has one of those names; the first that there is counts.
OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "words": ("sentence", "transcription", "content", "caption", "body", "message"),
    "speaker": ("speakerid", "speakerlabel", "character", "participant", "name", "person", "who", "sender", "author", "role"),
    "start": (
        *("startms", "starttimems", "startmillis", "startmilliseconds", "startseconds", "startsec", "starttimeseconds", "starts"),
        *("begin", "begintime", "beginms", "begintimems", "onset", "onsetms", "timein", "tcin", "timecodein", "inms"),
        *("begintimess.msec", "begintimemsec", "begintimehh:mm:ss.ms"),  # ELAN's
    ),
    "end": (
        *("endms", "endtimems", "endmillis", "endmilliseconds", "endseconds", "endsec", "endtimeseconds", "ends"),
        *("stop", "stoptime", "finish", "timeout", "tcout", "timecodeout", "outms"),
        *("endtimess.msec", "endtimemsec", "endtimehh:mm:ss.ms"),
    ),
    "duration": ("duration", "durationms", "dur", "durationseconds", "durationsec"),
    "conversation": ("dialog", "dialogid", "convid", "convoid", "session", "sessionid", "scene"),
}
SCENES, AROUND_SCENES = ("sceneid", "scene"), ("season", "episode")  # which count scenes anew, as in EmoryNLP
_OURS = frozenset(("conversation", "utterance", "words"))  # columns of what we write, where an utterance is an id
_TIMES = ("start", "end", "duration")
_MILLISECONDS = re.compile(r"(?:\(ms\)|\[ms\]|ms|(?<!\.)msec|millis|milliseconds)$")
_UNIT = re.compile(r"[(\[](?:ms|s|sec|secs|seconds|hh?:mm:ss[^)\]]{0,5})[)\]]$")
_CLOCK = re.compile(r"-?(?:\d{1,6}:)?\d{1,4}:\d{2}(?:[.,:]\d{1,9})?|\d{1,6}(?:;\d{1,2}){3}")
_SEPARATORS = re.compile(r"[\s_-]+")
_MOST_CHECKED = 100  # columns whose names may be misspelt
_SHOWN = 8  # columns of a wrong header that a message names


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read: its place in a row, and whether its numbers count milliseconds."""

    place: int
    milliseconds: bool = False


def columns_of(header: Sequence[str], name: str) -> dict[str, Column]:
    """What we call a column -> the one of the header.

    Raises:
        DataError: no column for the words, two for the same thing, or a name that is nearly one of ours; the message says so.
    """
    usual = {variant: column for column, variants in NAMES.items() for variant in variants}
    shown = [clean(field).casefold() for field in header]
    bare = [_bare(field) for field in header]
    given = [_UNIT.sub("", field) or field for field in bare]
    if _OURS.issubset(given) and not any(variant in given for variant in NAMES["id"]):
        usual["utterance"] = "id"
    columns: dict[str, int] = {}
    for place, field in enumerate(given):
        if field in usual and (other := columns.setdefault(usual[field], place)) != place:
            both = f"{shown[other]!r} and {shown[place]!r}"
            raise DataError(f"{name}, row 1: columns {both} both give the {usual[field]}; keep one")
    others = {other for variants in OTHER_NAMES.values() for other in variants}
    for place, field in enumerate(given[:_MOST_CHECKED]):
        strange = field not in usual and field not in others
        near = difflib.get_close_matches(field[:40], usual, n=1, cutoff=0.85) if strange else []
        if near and usual[near[0]] not in columns:
            raise DataError(f"{name}, row 1: unknown column {shorten(repr(shown[place]))}; did you mean {near[0]!r}?")
    for column, variants in OTHER_NAMES.items():
        if column not in columns and (place := next((given.index(v) for v in variants if v in given), None)) is not None:
            columns[column] = place
    if "words" not in columns:
        found = ", ".join(shorten(repr(field)) for field in shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")
        raise DataError(f"{name}, row 1: no column for the words: expected {' or '.join(NAMES['words'])}; found: {found}")
    if "conversation" in columns and given[columns["conversation"]] in SCENES:
        columns |= {field: given.index(field) for field in AROUND_SCENES if field in given}
    if "start" in columns and "end" not in columns and given[columns["start"]].startswith("onset") and "offset" in given:
        columns["end"] = given.index("offset")
    if "end" in columns or "start" not in columns:
        columns.pop("duration", None)
    in_ms = {column for column in _TIMES if column in columns and _MILLISECONDS.search(bare[columns[column]])}
    return {column: Column(place, column in in_ms) for column, place in columns.items()}


def unread_times(header: Sequence[str], first: Sequence[str], columns: Mapping[str, Column]) -> tuple[str, ...]:
    """A warning that names columns that seem to hold times, where none is read."""
    if "start" in columns:
        return ()
    read = {column.place for column in columns.values()}
    seeming = [
        shorten(repr(clean(field)))
        for place, (field, cell) in enumerate(zip(header, first, strict=False))
        if place not in read and (seems_time(_bare(field)) or _CLOCK.fullmatch(cell.strip()))
    ]
    if not seeming:
        return ()
    those = ", ".join(seeming[:_SHOWN]) + (", …" if len(seeming) > _SHOWN else "")
    return (f"no column gives the starts of turns; not read: {those} (name one 'start', and one 'end')",)


def _bare(field: str) -> str:
    return _SEPARATORS.sub("", clean(field).casefold())
