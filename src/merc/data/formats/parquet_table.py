"""merc's open format as a table: parquet, one row an utterance; docs/data.md lists the columns.

In a feature's lists null is a missing number, a null list is absence. Rows of a conversation stand in order, but need not lie
together. The file's metadata may hold the keys of JSON Lines' header under `merc`.
"""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from merc.data.formats.declaration import Declaration, declared_corpus, parse_declaration
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import PARTS, Conversation, Corpus, FeatureArray, Utterance, first_repeated
from merc.errors import DataError
from merc.files.parquet import arrow, read_parquet
from merc.files.printable import first_line, printable

_OFFICIAL = "official"
_TEXTS = ("conversation", "utterance", "speaker", "transcript", "label")
_TIMES = ("start", "end")
_NEEDED = ("conversation", "speaker")
_METADATA = b"merc"
_MAGIC = b"PAR1"  # how a parquet file begins
_READING = "reading parquet"


def _matches(source: CorpusSource) -> bool:
    if source.content is not None or not source.path.is_file():
        return False
    try:
        with source.path.open("rb") as file:  # pyarrow takes no path that is not UTF-8
            if file.read(len(_MAGIC)) != _MAGIC:
                return False
            file.seek(0)
            return set(_NEEDED) <= set(_schema_of(file).names)
    except (OSError, DataError):
        return False


def _schema_of(file: BinaryIO) -> Any:
    pa = arrow(f"reading {printable(Path(file.name).name)}")
    try:
        return pa.parquet.read_schema(file)
    except (UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(first_line(error)) from error


def _read(source: CorpusSource) -> Corpus:
    path = source.path
    try:
        table = read_parquet(path.read_bytes())
    except (OSError, DataError) as error:
        raise DataError(f"{path}: {error}") from error
    names: list[str] = table.column_names
    repeated = first_repeated(names)
    if repeated is not None:
        raise DataError(f"{path}: column {repeated!r} occurs more than once")
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; needed: {', '.join(_NEEDED)}; found: {', '.join(names)}")
    declaration = _declaration(path, table)
    texts = {name: _texts(path, table, name) for name in _TEXTS if name in names}
    times = {name: _times(path, table, name) for name in _TIMES if name in names}
    rows: dict[str, list[int]] = {}
    for row, conversation in enumerate(texts["conversation"]):
        rows.setdefault(conversation, []).append(row)
    split_columns = [name for name in names if name == "split" or name.startswith("split:")]
    if "split" in names and f"split:{_OFFICIAL}" in names:
        raise DataError(f"{path}: columns 'split' and 'split:{_OFFICIAL}' both give the split {_OFFICIAL!r}")
    features = [name for name in names if "/" in name and name not in split_columns]
    unknown = [name for name in names if name not in (*_TEXTS, *_TIMES, *split_columns, *features)]
    if unknown:
        allowed = ", ".join((*_TEXTS, *_TIMES, "split", "split:NAME", "MODALITY/NAME"))
        raise DataError(f"{path}: unknown column {unknown[0]!r}; allowed: {allowed}")
    dimensions = {spec.key: spec.dimension for spec in declaration.features or ()}
    arrays = {name: _features(path, table, name, dimensions.get(name)) for name in features}
    fields = {name: texts.get(name) or times.get(name) or [None] * table.num_rows for name in (*_TEXTS, *_TIMES)}
    conversations = tuple(_conversation(path, name, of, fields, arrays) for name, of in rows.items())
    if split_columns:
        names_of = {column: _OFFICIAL if column == "split" else column.removeprefix("split:") for column in split_columns}
        splits = {name: _split(path, table, column, rows) for column, name in names_of.items()}
        declaration = declaration.model_copy(update={"splits": splits})
    return declared_corpus(path, declaration, conversations)


def _declaration(path: Path, table: Any) -> Declaration:
    metadata: Mapping[bytes, bytes] = table.schema.metadata or {}
    if _METADATA not in metadata:
        return Declaration(merc=1)
    try:
        content: object = json.loads(metadata[_METADATA])
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: the metadata 'merc' is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: the metadata 'merc' is no JSON object")
    # A table with this metadata and without split columns comes from a corpus without splits.
    return parse_declaration(path, {"splits": {}, **content})


def _texts(path: Path, table: Any, name: str) -> list[Any]:
    pa, column = arrow(_READING), table.column(name)
    try:
        values: list[Any] = pa.compute.cast(column, pa.string()).to_pylist()
    except pa.ArrowException as error:
        raise DataError(f"{path}: column {name!r} is {column.type}, expected text") from error
    if name in (*_NEEDED, "utterance") and None in values:
        raise DataError(f"{path}, row {values.index(None) + 1}: column {name!r} is null")
    return values


def _times(path: Path, table: Any, name: str) -> list[Any]:
    pa, column = arrow(_READING), table.column(name)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type)):
        raise DataError(f"{path}: column {name!r} is {column.type}, expected numbers (seconds)")
    values: list[float | None] = pa.compute.cast(column, pa.float64()).to_pylist()
    infinite = next((row for row, value in enumerate(values) if value is not None and math.isinf(value)), None)
    if infinite is not None:
        raise DataError(f"{path}, row {infinite + 1}: column {name!r} is infinite; allowed are seconds, or null")
    return [None if value is None or math.isnan(value) else value for value in values]


def _features(path: Path, table: Any, name: str, declared: int | None) -> FeatureArray:
    """(N, D), NaN where the list or the number is null."""
    pa, column = arrow(_READING), table.column(name)
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise DataError(f"{path}: column {name!r} is {kind}, expected lists of numbers, since a name with a slash is a feature")
    present = column.is_valid().to_numpy()
    lengths = pa.compute.list_value_length(column).drop_null().to_numpy()
    dimension = declared if declared is not None else int(lengths[0]) if lengths.size else 1
    wrong = np.flatnonzero(lengths != dimension)
    if wrong.size or dimension < 1:
        row = int(np.flatnonzero(present)[wrong[0] if wrong.size else 0])
        found = int(lengths[wrong[0]]) if wrong.size else dimension
        raise DataError(f"{path}, row {row + 1}, feature {name}: {found} numbers, expected {max(dimension, 1)}")
    numbers = pa.compute.list_flatten(column.drop_null()).cast(pa.float64()).to_numpy()  # null becomes NaN
    array = np.full((table.num_rows, dimension), np.nan, dtype=np.float32)
    with np.errstate(over="ignore"):  # what float32 can't hold is infinite, which `Conversation` refuses
        array[present] = numbers.reshape(-1, dimension)
    return array


def _split(path: Path, table: Any, column: str, rows: Mapping[str, list[int]]) -> dict[str, tuple[str, ...]]:
    values = _texts(path, table, column)
    parts: dict[str | None, list[str]] = {part: [] for part in (*PARTS, None)}
    for conversation, of in rows.items():
        part = values[of[0]]
        other = next((row for row in of if values[row] != part), None)
        if other is not None:
            raise DataError(
                f"{path}, row {other + 1}, column {column!r}: conversation {conversation!r} is in {part!r} "
                f"and in {values[other]!r}; a conversation belongs to one part"
            )
        if part not in parts:
            allowed = f"{', '.join(PARTS)}, or null"
            raise DataError(f"{path}, row {of[0] + 1}: unknown part {part!r} in column {column!r}; allowed: {allowed}")
        parts[part].append(conversation)
    return {part: tuple(ids) for part, ids in parts.items() if part is not None and ids}


def _conversation(
    path: Path, name: str, rows: list[int], fields: Mapping[str, list[Any]], arrays: Mapping[str, FeatureArray]
) -> Conversation:
    utterances: list[Utterance] = []
    for position, row in enumerate(rows):
        _, utterance, speaker, words, label, start, end = (values[row] for values in fields.values())
        utterances.append(Utterance(str(position) if utterance is None else utterance, speaker, words, start, end, label=label))
    try:
        return Conversation(name, tuple(utterances), {key: array[rows] for key, array in arrays.items()})
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


LAYOUT = Layout(
    name="parquet",
    description="merc's parquet table: one row an utterance, features as columns of lists",
    matches=_matches,
    draft=_read,
)
