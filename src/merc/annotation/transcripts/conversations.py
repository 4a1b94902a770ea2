"""Conversations to be judged, out of one file: transcripts, or conversations with features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from merc.annotation.transcripts.formats import SUFFIXES, TIERED
from merc.annotation.transcripts.reading import read_transcripts
from merc.annotation.transcripts.transcript import speaker_of, unnamed_warnings
from merc.data.formats.json_lines import read_json_lines
from merc.data.schema import Conversation, FeatureSpec, first_repeated
from merc.errors import DataError

WITH_FEATURES = ".jsonl"


@dataclass(frozen=True, slots=True)
class FoundConversations:
    """What a file holds.

    Attributes:
        conversations: in the file's order, without labels. The only one of a file that names none is called after the file.
        specs: what the file declares of its features; only `.jsonl` does.
        warnings: what a user should know of how the file was read, a sentence each.
    """

    conversations: tuple[Conversation, ...]
    specs: tuple[FeatureSpec, ...] = ()
    warnings: tuple[str, ...] = ()


def read_conversations(path: str | Path, *, encoding: str | None = None, tiers: Sequence[str] = ()) -> FoundConversations:
    """The conversations of a transcript (see `read_transcripts`), or of a `.jsonl` file, whose features are kept.

    Args:
        path: of the file.
        encoding: of a transcript, by a name that Python knows; None finds out.
        tiers: names of those that hold the words, of an annotation file; none finds out.

    Raises:
        DataError: unreadable, another kind of file, nothing to judge by, or a place that is not valid, which the message names.
    """
    path = Path(path)
    if path.suffix.lower() == WITH_FEATURES:
        if tiers:
            raise DataError(f"{path}: tiers were named, and conversations with features have none; {', '.join(TIERED)} have")
        return _with_features(path)
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{path}: {path.suffix or 'no'} suffix; conversations are read from {', '.join((WITH_FEATURES, *SUFFIXES))}"
        )
    found = read_transcripts(path, encoding=encoding, tiers=tiers)
    conversations: list[Conversation] = []
    warnings: list[str] = []
    for one in found:
        named = tuple(replace(u, speaker=speaker_of(u)) for u in one.utterances)
        conversations.append(Conversation(one.conversation or path.name, named))
        warnings += one.warnings
    warnings += unnamed_warnings([u for one in found for u in one.utterances])
    return FoundConversations(tuple(conversations), warnings=tuple(dict.fromkeys(warnings)))


def _with_features(path: Path) -> FoundConversations:
    lines = read_json_lines(path)
    if (repeated := first_repeated(c.id for c in lines.conversations)) is not None:
        raise DataError(f"{path}: conversation id {repeated!r} occurs more than once")
    if not any(u.words or c.features for c in lines.conversations for u in c.utterances):
        raise DataError(f"{path}: no utterance has a transcript or features, so there is nothing to judge by")
    bare = tuple(replace(c, utterances=tuple(replace(u, label=None) for u in c.utterances)) for c in lines.conversations)
    return FoundConversations(bare, () if lines.declaration is None else lines.declaration.features or ())
