"""Transcripts read: the suffix chooses the reader, and the same rules make utterances of what any reader finds.

`docs/transcripts.md` lists the rules; those marked [chosen] are ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

from merc.annotation.open_file import OpenFile, opened_file
from merc.annotation.transcripts.annotation_files.chat import read_chat
from merc.annotation.transcripts.annotation_files.elan import read_eaf
from merc.annotation.transcripts.annotation_files.exmaralda import read_exb
from merc.annotation.transcripts.annotation_files.nist import read_ctm
from merc.annotation.transcripts.annotation_files.safe_xml import decode_xml
from merc.annotation.transcripts.annotation_files.textgrid import decode_textgrid, read_textgrid
from merc.annotation.transcripts.cues import Cue, CueList, counted, settle
from merc.annotation.transcripts.plain import read_plain
from merc.annotation.transcripts.sentences import joined
from merc.annotation.transcripts.speakers import spoken
from merc.annotation.transcripts.subtitles import read_subrip, read_substation, read_webvtt
from merc.annotation.transcripts.tables import read_table
from merc.annotation.transcripts.transcript import Transcript
from merc.annotation.transcripts.whisper import read_json
from merc.annotation.transcripts.words import clean, holds_words, without_sounds
from merc.data.schema import Utterance, first_repeated
from merc.errors import DataError, MissingExtraError
from merc.files.encoding import Decoded, decode
from merc.files.printable import printable

MOST_BYTES = 67_108_864  # of a file [chosen: a day of speech is one]
_READERS: Mapping[str, tuple[str, Callable[[str, str], CueList]]] = {
    ".srt": ("SubRip subtitles", read_subrip),
    ".vtt": ("WebVTT subtitles", read_webvtt),
    ".ass": ("SubStation Alpha subtitles", read_substation),
    ".ssa": ("SubStation Alpha subtitles", read_substation),
    ".json": ("JSON", read_json),
    ".csv": ("a table with a header", read_table),
    ".txt": ("plain text", read_plain),
    ".eaf": ("an annotation file of ELAN", read_eaf),
    ".textgrid": ("a TextGrid of Praat", read_textgrid),
    ".cha": ("a transcript in CHAT", read_chat),
    ".exb": ("a basic transcription of EXMARaLDA", read_exb),
    ".ctm": ("words of CTM", read_ctm),
}
# Where the format says itself how its text is encoded.
_DECODERS: Mapping[str, Callable[[bytes, str], Decoded]] = {".eaf": decode_xml, ".exb": decode_xml, ".textgrid": decode_textgrid}
SUFFIXES = tuple(_READERS)
_SNIFFED = 2000  # characters
_SIGNS = {  # by which the beginning of a text shows its kind
    ".vtt": re.compile(r"\AWEBVTT"),
    ".ass": re.compile(r"\A\[script info\]", re.IGNORECASE),
    ".json": re.compile(r"\A(?:\{\s*[\"}]|\[\s*\{)"),
    ".srt": re.compile(r"^[^\S\n]{0,9}\d+:\d\d:\d\d[,.]\d{1,3} *--> *\d+:\d\d:\d\d[,.\d]*[^\S\n]*$", re.MULTILINE),
}


def read_transcript(source: str | Path | OpenFile, name: str | None = None) -> Transcript:
    """The only conversation of a file; see `read_transcripts`.

    Raises:
        DataError: likewise; or the file holds several conversations.
    """
    found = read_transcripts(source, name)
    if len(found) != 1:
        raise DataError(f"{printable(_name(source, name))} holds {len(found)} conversations; expected one")
    return found[0]


def read_transcripts(source: str | Path | OpenFile, name: str | None = None) -> tuple[Transcript, ...]:
    """Who said what, when, in each conversation of a file of one of the `SUFFIXES`.

    Args:
        source: a path, or a seekable file opened as bytes; it is read from its first byte, and stands afterwards where it stood.
        name: the file's name, whose suffix says what it is; else the path, or the open file's own name.

    Returns:
        At least one, each with at least one utterance, each of which holds words. A conversation's utterances are in order of their
        starts if all have one, else in the file's order. Warnings of the whole file stand with the first.

    Raises:
        DataError: another suffix, unreadable, too large, content that is not what the suffix says, or no words at all.
        MissingExtraError: what reads subtitles is not installed.
    """
    name = _name(source, name)
    suffix = PurePath(name).suffix.lower()
    name = printable(name)
    if suffix not in _READERS:
        raise DataError(f"{name}: {printable(suffix) or 'no'} suffix; transcripts are read from {', '.join(SUFFIXES)}")
    what, read = _READERS[suffix]
    try:
        with opened_file(Path(source) if isinstance(source, str) else source, name, "a transcript") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{name} can't be read: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise DataError(f"{name}: more than {MOST_BYTES // 2**20} MB; a transcript is smaller")
    decoded = _DECODERS.get(suffix, decode)(data, name)
    if not decoded.text.strip("\ufeff \t\n"):
        raise DataError(f"{name} is empty: expected {what}")
    head = decoded.text[:_SNIFFED].lstrip("\ufeff \t\n")
    other = next((_READERS[shown][0] for shown, sign in _SIGNS.items() if sign.search(head)), None)
    if other is not None and other != what:
        suffixes = " or ".join(suffix for suffix, (kind, _) in _READERS.items() if kind == other)
        raise DataError(f"{name}: expected {what}, found {other}; rename it to {suffixes}")
    try:
        cue_list = read(decoded.text, name)
    except ImportError as error:
        raise MissingExtraError("subtitles", f"reading {name}") from error
    found, warnings = _conversations(cue_list)
    if not found:
        stretches = f"{counted(len(cue_list.cues), 'stretch', 'stretches')} without any" if cue_list.cues else "none"
        raise DataError(f"{name}: expected words that somebody says in {what}, found {stretches}")
    of_file = (*decoded.warnings, *cue_list.warnings, *warnings)
    found = [replace(one, media=cue_list.media) for one in found] if cue_list.media else found
    return (replace(found[0], warnings=(*of_file, *found[0].warnings)), *found[1:])


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
        cues = spoken(cues)
    cleaned = [cue if (text := clean(without_sounds(cue.text))) == cue.text else replace(cue, text=text) for cue in cues]
    by_conversation: dict[str | None, list[Cue]] = {}
    for cue in cleaned:
        if holds_words(cue.text):
            by_conversation.setdefault(cue.conversation, []).append(cue)
    dropped = len(cleaned) - sum(map(len, by_conversation.values()))
    if dropped:
        warnings.append(f"{counted(dropped, 'turn without words is', 'turns without words are')} left out")
    return [_transcript(cues, cue_list.cut_anywhere) for cues in by_conversation.values()], warnings


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
