"""merc's open format as text: JSON Lines in UTF-8, one conversation a line after an optional header; docs/data.md shows a file.

An utterance needs a `speaker` only; without an id it is named by its position. In a feature null is a missing number; a feature
that is null or not there is absent.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import ConfigDict, ValidationError

from merc.data.formats.declaration import Declaration, declared_corpus, parse_declaration
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import Conversation, Corpus, FeatureArray, Utterance
from merc.errors import DataError
from merc.files.strict_json import without_repeats
from merc.files.validation import explain, shorten
from merc.settings import Settings

_SNIFFED = 67_108_864  # bytes of the first line that are read to recognise the layout


class _Line(Settings):
    model_config = ConfigDict(strict=True)


class _UtteranceLine(_Line):
    speaker: str
    id: str | None = None
    transcript: str | None = None
    label: str | None = None
    start: float | None = None
    end: float | None = None
    features: dict[str, list[float | None] | None] | None = None


class _ConversationLine(_Line):
    id: str
    utterances: tuple[_UtteranceLine, ...]


@dataclass(frozen=True, slots=True)
class JsonLines:
    """What a file holds, before it is checked as a corpus: its header, or None, and its conversations."""

    declaration: Declaration | None
    conversations: tuple[Conversation, ...]


def read_json_lines(path: str | Path) -> JsonLines:
    """Read header and conversations; no label is needed.

    Raises:
        DataError: the message names file and line.
    """
    path = Path(path)
    declaration: Declaration | None = None
    conversations: list[Conversation] = []
    dimensions: dict[str, int] = {}
    for number, line in _lines(path):
        place = f"{path}, line {number}"
        content = _object(place, line)
        if "merc" in content:
            if declaration is not None or conversations:
                raise DataError(f"{place}: a header; it may stand on the first line only")
            declaration = parse_declaration(path, content)
            dimensions = {spec.key: spec.dimension for spec in declaration.features or ()}
        else:
            conversations.append(_conversation(place, line, dimensions))
    return JsonLines(declaration, tuple(conversations))


def _matches(source: CorpusSource) -> bool:
    if source.content is not None or not source.path.is_file():
        return False
    try:
        with source.path.open("rb") as stream:
            line = stream.readline(_SNIFFED)
            while line and not line.strip():
                line = stream.readline(_SNIFFED)
        content: object = json.loads(line.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and ("merc" in content or {"id", "utterances"} <= content.keys())


def _read(source: CorpusSource) -> Corpus:
    lines = read_json_lines(source.path)
    return declared_corpus(source.path, lines.declaration or Declaration(merc=1), lines.conversations)


def _lines(path: Path) -> Generator[tuple[int, str], None, None]:
    """Lines that hold something, numbered from 1. Only line feeds end a line: JSON strings may hold other separators."""
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError as error:
                    raise DataError(f"{path}, line {number}: byte {error.start + 1} is not UTF-8") from error
                if text:
                    yield number, text
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error


def _object(place: str, line: str) -> dict[str, Any]:
    try:
        content: object = json.loads(line, object_pairs_hook=without_repeats)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{place}: found {shorten(line)}, expected one object: a conversation with id and utterances")
    return cast("dict[str, Any]", content)


def _conversation(place: str, line: str, dimensions: dict[str, int]) -> Conversation:
    """`dimensions` grows by what the conversation shows first."""
    try:
        parsed = _ConversationLine.model_validate_json(line)
    except ValidationError as error:
        raise DataError(f"{place}: {explain(error)}") from error
    utterances = tuple(
        Utterance(str(position) if u.id is None else u.id, u.speaker, u.transcript, u.start, u.end, label=u.label)
        for position, u in enumerate(parsed.utterances)
    )
    features: dict[str, FeatureArray] = {}
    for position, u in enumerate(parsed.utterances):
        for key, numbers in (u.features or {}).items():
            if numbers is None:
                continue
            where = f"{place}, utterance {utterances[position].id!r}, feature {key}"
            expected = dimensions.setdefault(key, len(numbers))
            if len(numbers) != expected or not numbers:
                raise DataError(f"{where}: {len(numbers)} numbers, expected {expected or 'one or more'}")
            if key not in features:
                features[key] = np.full((len(utterances), expected), np.nan, dtype=np.float32)
            with np.errstate(over="ignore"):  # what float32 can't hold is infinite, which `Conversation` refuses
                features[key][position] = np.array(numbers, dtype=np.float64)  # None becomes NaN
    try:
        return Conversation(parsed.id, utterances, features)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error


LAYOUT = Layout(
    name="jsonl",
    description="merc's JSON Lines: one conversation a line, with an optional header line",
    matches=_matches,
    draft=_read,
)
