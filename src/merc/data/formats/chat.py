"""Raw transcripts to be judged: CSV, JSON Lines or plain text. No label is needed, and given ones are dropped.

- `.csv`: columns `speaker` and one of `transcript`, `text`, `utterance`; optional `conversation`, `id`, `start`, `end`, `label`.
  Case does not matter; other columns are not read.
- `.jsonl`: one conversation a line, as in `json_lines`; its features are kept.
- `.txt`: lines of the form `Name: words`; blank lines are skipped.

Where no conversation is named, the file is one, named after it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from merc.data.formats.csv_table import decode_text, read_csv, repair_quotes
from merc.data.formats.json_lines import read_json_lines
from merc.data.schema import Conversation, FeatureSpec, Utterance, first_repeated
from merc.errors import DataError
from merc.files.validation import shorten

SUFFIXES = (".csv", ".jsonl", ".txt")
# What each column may be called.
_NAMES: dict[str, tuple[str, ...]] = {
    "speaker": ("speaker",),
    "transcript": ("transcript", "text", "utterance"),
    "conversation": ("conversation", "conversation_id", "dialogue", "dialogue_id"),
    "id": ("id", "utterance_id"),
    "start": ("start", "starttime"),
    "end": ("end", "endtime"),
    "label": ("label", "emotion"),
}
_LINE = re.compile(r"([^:]{1,80}):(.*)")


@dataclass(frozen=True, slots=True)
class Chat:
    """What a file holds.

    Attributes:
        conversations: in the file's order, their utterances unlabelled.
        specs: what the file declares of its features; empty for a `.jsonl` without such a header, and for the other kinds.
    """

    conversations: tuple[Conversation, ...]
    specs: tuple[FeatureSpec, ...] = ()


def read_chat(path: str | Path) -> tuple[Conversation, ...]:
    """The conversations of a file; see `read_declared_chat`."""
    return read_declared_chat(path).conversations


def read_declared_chat(path: str | Path) -> Chat:
    """Conversations, with what the file declares of their features.

    Raises:
        DataError: unreadable, another kind of file, no transcript at all, or a row that is not valid; the message names file and
            row.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise DataError(f"{path}: expected a file of transcripts ({', '.join(SUFFIXES)}), found {found}")
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".txt": _read_text}
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise DataError(f"{path}: {suffix or 'no'} suffix; transcripts are read from {', '.join(SUFFIXES)}")
    chat = readers[suffix](path)
    conversations = chat.conversations
    if not conversations:
        raise DataError(f"{path} holds no utterance")
    if not any(u.words or c.features for c in conversations for u in c.utterances):
        raise DataError(f"{path}: no utterance has a transcript or features, so there is nothing to judge by")
    return chat


def _read_csv(path: Path) -> Chat:
    table = read_csv(path, ())
    columns = _columns(path, tuple(table.columns))
    count = len(table)
    nothing: list[str | None] = [None] * count
    no_time: list[float | None] = [None] * count
    names = table.texts(columns["conversation"]) if "conversation" in columns else [path.stem] * count
    speakers = table.texts(columns["speaker"])
    transcripts = table.columns[columns["transcript"]]
    ids = [field.strip() or None for field in table.columns[columns["id"]]] if "id" in columns else nothing
    starts = table.seconds(columns["start"]) if "start" in columns else no_time
    ends = table.seconds(columns["end"]) if "end" in columns else no_time
    turns: dict[str, dict[str, Utterance]] = {}
    for row, name in enumerate(names):
        of_conversation = turns.setdefault(name, {})
        identity = ids[row] or str(len(of_conversation))
        if identity in of_conversation:
            raise DataError(f"{table.place(row)}: conversation {name!r} has an utterance {identity!r} already")
        words = repair_quotes(transcripts[row]).strip() or None
        of_conversation[identity] = Utterance(identity, repair_quotes(speakers[row]), words=words, start=starts[row], end=ends[row])
    return Chat(tuple(Conversation(name, tuple(utterances.values())) for name, utterances in turns.items()))


def _columns(path: Path, header: Sequence[str]) -> dict[str, str]:
    """What we call a column -> what the file calls it."""
    columns: dict[str, str] = {}
    known = {name: column for column, names in _NAMES.items() for name in names}
    for name in header:
        column = known.get(name.lower())
        if column is not None:
            if column in columns:
                raise DataError(f"{path}, row 1: columns {columns[column]!r} and {name!r} both give the {column}; keep one")
            columns[column] = name
    for name in header:
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.85)
        if name.lower() not in known and near and known[near[0]] not in columns:
            raise DataError(f"{path}, row 1: unknown column {name!r}; did you mean {near[0]!r}?")
    for column in ("speaker", "transcript"):
        if column not in columns:
            allowed = " or ".join(_NAMES[column])
            raise DataError(f"{path}, row 1: no column for the {column}: expected {allowed}; found: {', '.join(header)}")
    return columns


def _read_jsonl(path: Path) -> Chat:
    lines = read_json_lines(path)
    repeated = first_repeated(c.id for c in lines.conversations)
    if repeated is not None:
        raise DataError(f"{path}: conversation id {repeated!r} occurs more than once")
    bare = (replace(c, utterances=tuple(replace(u, label=None) for u in c.utterances)) for c in lines.conversations)
    declared = () if lines.declaration is None else lines.declaration.features or ()
    return Chat(tuple(bare), tuple(declared))


def _read_text(path: Path) -> Chat:
    utterances: list[Utterance] = []
    for number, line in enumerate(decode_text(path).split("\n"), start=1):
        stripped = line.strip()
        if not stripped:
            continue
        match = _LINE.fullmatch(stripped)
        name = match.group(1).strip() if match is not None else ""
        if match is None or not any(character.isalpha() for character in name):
            raise DataError(f"{path}, line {number}: found {shorten(repr(stripped))}, expected the form 'Name: words'")
        words = repair_quotes(match.group(2)).strip() or None
        utterances.append(Utterance(str(len(utterances)), repair_quotes(name), words=words))
    return Chat((Conversation(path.stem, tuple(utterances)),) if utterances else ())
