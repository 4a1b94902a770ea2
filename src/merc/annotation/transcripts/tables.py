"""Tables: `.csv` files with a header, a row an utterance. Only the words are required.

What rows are called in messages is what a spreadsheet calls them: the header is row 1.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Mapping, Sequence

from merc.annotation.transcripts.cues import Cue, CueList, parse_clock, parse_time
from merc.annotation.transcripts.words import clean, without_markup
from merc.errors import DataError
from merc.files.csv_cells import csv_rows
from merc.files.validation import shorten

# What each column may be called; neither case nor blanks, `_` and `-` matter.
NAMES: Mapping[str, tuple[str, ...]] = {
    "words": ("transcript", "text", "utterance", "words"),
    "speaker": ("speaker", "speakername"),
    "start": ("start", "starttime", "in"),
    "end": ("end", "endtime", "out"),
    "channel": ("channel",),
    "id": ("id", "utteranceid"),
    "conversation": ("conversation", "conversationid", "dialogue", "dialogueid", "sceneid"),
}
_SCENE, _AROUND_SCENES = "sceneid", ("season", "episode")  # which count scenes anew, as in EmoryNLP
_SEPARATORS = re.compile(r"[\s_-]+")
_NOBODY = ("nan", "NaN", "None", "null", "<NA>")  # how pandas and others write that there is no speaker
_NAMES_LISTED = re.compile(r"\[['\"].{0,500}['\"]\]")  # several speakers, as Python writes a list
_LISTED_NAME = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_WITH_FRAMES = re.compile(r"(\d{1,6}:\d{1,2}:\d{1,2}):(\d{1,2})")
_FRAMES = 30  # a second, which such times do not say [chosen]
_DELIMITERS = ",;\t"
_MOST_CHECKED = 100  # columns whose names may be misspelt
_SHOWN = 8  # columns of a wrong header that a message names


def read_table(text: str, name: str) -> CueList:
    """The rows of a `.csv` file; blank ones are skipped. The separator is `,`, `;` or tab, the most frequent in the header.

    Raises:
        DataError: no column for the words, two for the same thing, a row of another length, broken quotes, or a field that is no
            time or no channel; the message names the row.
    """
    header_line = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header_line.count)
    reader = csv_rows(text, delimiter)
    columns: dict[str, int] | None = None
    width, number = 0, 0
    cues: list[Cue] = []
    try:
        for fields in reader:
            number += 1
            if not any(map(str.strip, fields)):
                continue
            if columns is None:
                columns, width = _columns(fields, name), len(fields)
            elif len(fields) != width:
                raise DataError(f"{name}, row {number}: {len(fields)} fields, the header has {width}")
            else:
                cues.append(_cue({column: fields[place] for column, place in columns.items()}, f"{name}, row {number}"))
    except csv.Error as error:
        raise DataError(f"{name}, row {number + 1}: not valid CSV: {error}") from error
    return CueList(tuple(cues))


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    """What we call a column -> its place."""
    known = {variant: column for column, variants in NAMES.items() for variant in variants}
    shown = [clean(field).casefold() for field in header]
    given = [_SEPARATORS.sub("", field) for field in shown]
    columns: dict[str, int] = {}
    for place, field in enumerate(given):
        if field in known and (other := columns.setdefault(known[field], place)) != place:
            both = f"{shown[other]!r} and {shown[place]!r}"
            raise DataError(f"{name}, row 1: columns {both} both give the {known[field]}; keep one")
    for place, field in enumerate(given[:_MOST_CHECKED]):
        near = difflib.get_close_matches(field[:40], known, n=1, cutoff=0.85) if field not in known else []
        if near and known[near[0]] not in columns:
            raise DataError(f"{name}, row 1: unknown column {shorten(repr(shown[place]))}; did you mean {near[0]!r}?")
    if "words" not in columns:
        found = ", ".join(shorten(repr(field)) for field in shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")
        raise DataError(f"{name}, row 1: no column for the words: expected {' or '.join(NAMES['words'])}; found: {found}")
    if "conversation" in columns and given[columns["conversation"]] == _SCENE:
        columns |= {field: given.index(field) for field in _AROUND_SCENES if field in given}
    return columns


def _cue(fields: Mapping[str, str], place: str) -> Cue:
    channel = fields.get("channel", "").strip()
    if channel and not (channel.isascii() and channel.isdigit() and len(channel) < 4):
        raise DataError(f"{place}: column 'channel' is {shorten(repr(channel))}; allowed is a whole number from 0, or nothing")
    conversation = [clean(fields[column]) for column in (*_AROUND_SCENES, "conversation") if column in fields]
    if not all(conversation):
        raise DataError(f"{place}: the column that names the conversation is empty")
    return Cue(
        without_markup(fields["words"]),
        _speaker(fields.get("speaker", "")),
        _time(fields, "start", place),
        _time(fields, "end", place),
        int(channel) if channel else None,
        conversation="_".join(conversation) or None,
        id=clean(fields.get("id", "")) or None,
    )


def _speaker(field: str) -> str | None:
    name = clean(field)
    if _NAMES_LISTED.fullmatch(name):
        name = ", ".join(filter(None, (first or second for first, second in _LISTED_NAME.findall(name))))
    return None if name in _NOBODY else name or None


def _time(fields: Mapping[str, str], column: str, place: str) -> float | None:
    value = fields.get(column, "").strip()
    if not value:
        return None
    framed = _WITH_FRAMES.fullmatch(value)
    try:
        return parse_time(value) if framed is None else parse_clock(framed[1]) + int(framed[2]) / _FRAMES
    except ValueError as error:
        allowed = "allowed are seconds, 00:16:16,059, or nothing"
        raise DataError(f"{place}: column {column!r} is {shorten(repr(value))}; {allowed}") from error
