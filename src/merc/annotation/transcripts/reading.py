"""Transcripts read: the suffix chooses the reader, and the same rules make utterances of what any reader finds.

`docs/transcripts.md` lists the rules; those marked [chosen] are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

from merc.annotation.open_file import OpenFile, opened_file
from merc.annotation.transcripts.cues import Cue, CueList, counted, settle
from merc.annotation.transcripts.formats import FORMATS, SIGNS, SUFFIXES, TIERED, UNREADABLE, BinaryFormat, TextFormat
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.sentences import joined
from merc.annotation.transcripts.speakers import spoken
from merc.annotation.transcripts.transcript import Transcript
from merc.annotation.transcripts.words import clean, holds_words, without_sounds
from merc.data.schema import Utterance, first_repeated
from merc.errors import DataError, MissingExtraError
from merc.files.encoding import Decoded
from merc.files.printable import printable

MOST_BYTES = 67_108_864  # of a file [chosen: a day of speech is one]
_SNIFFED = 2000  # characters
_PICTURES = b"\0\0\x01\xba"  # begins the `.sub` of VobSub, an MPEG stream


def read_transcript(
    source: str | Path | OpenFile, name: str | None = None, *, encoding: str | None = None, tiers: Sequence[str] = ()
) -> Transcript:
    """The only conversation of a file; see `read_transcripts`.

    Raises:
        DataError: likewise; or the file holds several conversations.
    """
    found = read_transcripts(source, name, encoding=encoding, tiers=tiers)
    if len(found) != 1:
        raise DataError(f"{printable(_name(source, name))} holds {len(found)} conversations; expected one")
    return found[0]


def read_transcripts(
    source: str | Path | OpenFile, name: str | None = None, *, encoding: str | None = None, tiers: Sequence[str] = ()
) -> tuple[Transcript, ...]:
    """Who said what, when, in each conversation of a file of one of the `SUFFIXES`.

    Args:
        source: a path, or a seekable file opened as bytes; it is read from its first byte, and stands afterwards where it stood.
        name: the file's name, whose suffix says what it is; else the path, or the open file's own name.
        encoding: the file's, by a name that Python knows; None finds out.
        tiers: names of those that hold the words, of an annotation file; none finds out.

    Returns:
        At least one, each with at least one utterance, each of which holds words. A conversation's utterances are in order of their
        starts if all have one, else in the file's order. Warnings of the whole file stand with the first.

    Raises:
        DataError: another suffix, unreadable, too large, content that is not what the suffix says, no words at all, or tiers
            that the file does not have.
        MissingExtraError: what reads Word documents is not installed.
    """
    name = _name(source, name)
    data, known_format = _content(source, name)
    name = printable(name)
    if tiers and not (isinstance(known_format, TextFormat) and known_format.tiered):
        raise DataError(f"{name}: tiers were named, and {known_format.what} has none; {', '.join(TIERED)} have")
    if isinstance(known_format, BinaryFormat):
        try:
            cue_list, of_encoding = known_format.read(data, name), ()
        except ImportError as error:
            raise MissingExtraError(known_format.extra, f"reading {name}") from error
    else:
        decoded = _decoded(data, name, known_format, encoding)
        cue_list, of_encoding = known_format.read(decoded.text, name, tiers), decoded.warnings
    return transcripts_from(cue_list, name, known_format.what, of_encoding)


def read_text(path: str | Path, *, encoding: str | None = None) -> Decoded:
    """The text of a transcript whose format is text, checked and decoded as `read_transcripts` does.

    Raises:
        DataError: likewise.
    """
    data, known_format = _content(path, str(path))
    if isinstance(known_format, BinaryFormat):
        raise DataError(f"{printable(str(path))}: expected text, found {known_format.what}")
    return _decoded(data, printable(str(path)), known_format, encoding)


def transcripts_from(cue_list: CueList, name: str, what: str, of_encoding: Sequence[str] = ()) -> tuple[Transcript, ...]:
    """The conversations of what a reader found, by the rules of `read_transcripts`.

    Args:
        cue_list: of the whole file.
        name: of the file, for errors.
        what: the file's format, for errors.
        of_encoding: warnings that stand before all others.

    Raises:
        DataError: nobody says a word.
    """
    found, warnings = _conversations(cue_list)
    if not found:
        stretches = f"{counted(len(cue_list.cues), 'stretch', 'stretches')} without any" if cue_list.cues else "none"
        raise DataError(f"{name}: expected words that somebody says in {what}, found {stretches}")
    of_file = (*of_encoding, *cue_list.warnings, *warnings)
    found = [replace(one, media=cue_list.media) for one in found] if cue_list.media else found
    return (replace(found[0], warnings=(*of_file, *found[0].warnings)), *found[1:])


def _content(source: str | Path | OpenFile, name: str) -> tuple[bytes, TextFormat | BinaryFormat]:
    """The bytes of a file, and the format that the suffix of its name says."""
    suffix = PurePath(name).suffix.lower()
    name = printable(name)
    if suffix in UNREADABLE:
        raise DataError(f"{name}: {UNREADABLE[suffix]}; transcripts are read from {', '.join(SUFFIXES)}")
    if suffix not in FORMATS:
        raise DataError(f"{name}: {printable(suffix) or 'no'} suffix; transcripts are read from {', '.join(SUFFIXES)}")
    try:
        with opened_file(Path(source) if isinstance(source, str) else source, name, "a transcript") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{name} can't be read: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise DataError(f"{name}: more than {MOST_BYTES // 2**20} MB; a transcript is smaller")
    return data, FORMATS[suffix]


def _decoded(data: bytes, name: str, expected: TextFormat, encoding: str | None) -> Decoded:
    """The text of a file, which does not show that it is of another format than the expected one."""
    if data.startswith(_PICTURES):
        raise DataError(f"{name}: VobSub, whose subtitles are pictures; expected {expected.what}")
    decoded = expected.decode(data, name, encoding)
    if not decoded.text.strip("\ufeff \t\n"):
        raise DataError(f"{name} is empty: expected {expected.what}")
    head = decoded.text[:_SNIFFED].lstrip("\ufeff \t\n")
    other = next((FORMATS[shown].what for shown, sign in SIGNS.items() if sign.search(head)), None)
    if other is not None and other != expected.what:
        suffixes = " or ".join(suffix for suffix, known_format in FORMATS.items() if known_format.what == other)
        raise DataError(f"{name}: expected {expected.what}, found {other}; rename it to {suffixes}")
    return decoded


def _name(source: str | Path | OpenFile, name: str | None) -> str:
    own: Any = str(source) if isinstance(source, str | Path) else getattr(source, "name", None)
    found = own if name is None else name
    if not isinstance(found, str) or not found:
        raise DataError("an open file without a name: give one, whose suffix says what the transcript is")
    return found


def _conversations(cue_list: CueList) -> tuple[list[Transcript], list[str]]:
    """The conversations of a file, in the order in which they begin, and warnings of the whole file."""
    cues, warnings = settle(cue_list.cues)
    if cue_list.names_in_words:
        cues, held = spoken(cues)
        warnings += held
    cleaned = [_cleaned(cue) for cue in cues]
    by_conversation: dict[str | None, list[Cue]] = {}
    for cue in cleaned:
        if holds_words(cue.text):
            by_conversation.setdefault(cue.conversation, []).append(cue)
    dropped = len(cleaned) - sum(map(len, by_conversation.values()))
    if dropped:
        warnings.append(f"{counted(dropped, 'turn without words is', 'turns without words are')} left out")
    return [_transcript(cues, cue_list.cut_anywhere) for cues in by_conversation.values()], warnings


def _cleaned(cue: Cue) -> Cue:
    text, speaker = clean(without_sounds(cue.text)), known(cue.speaker)
    return cue if text == cue.text and speaker == cue.speaker else replace(cue, text=text, speaker=speaker)


def _transcript(cues: list[Cue], cut_anywhere: bool) -> Transcript:
    """The transcript of one conversation's cues."""
    warnings: list[str] = []
    starts = [cue.start for cue in cues if cue.start is not None]
    timed = len(starts) == len(cues)
    if any(second < first for first, second in pairwise(starts)):
        what_then = ": they are sorted by their starts" if timed else ", and stay as they stand, since some have no start"
        warnings.append(f"the turns do not stand in order of time{what_then}")
    if timed:
        cues = sorted(cues, key=lambda cue: cue.start or 0.0)
        if cut_anywhere:
            cues = joined(cues)
        if len(cues) > 1 and all(cue.end is None for cue in cues):
            cues = _with_ends(cues)
            warnings.append("the file gives no ends: each turn is taken to end where the next begins")
    ids = [cue.id or "" for cue in cues]
    if not all(ids) or first_repeated(ids) is not None:
        if any(ids):
            warnings.append("ids are missing or repeated: utterances are numbered from 1 instead")
        ids = [str(number) for number in range(1, len(cues) + 1)]
    utterances = (Utterance(i, c.speaker, c.text, c.start, c.end, c.channel) for i, c in zip(ids, cues, strict=True))
    return Transcript(tuple(utterances), tuple(warnings), cues[0].conversation)


def _with_ends(cues: Sequence[Cue]) -> list[Cue]:
    """Cues in order of time, each but those that start last with the next later start as its end."""
    result: list[Cue] = []
    start = end = None
    for cue in reversed(cues):
        if cue.start != start:
            start, end = cue.start, start
        result.append(replace(cue, end=end))
    return result[::-1]
