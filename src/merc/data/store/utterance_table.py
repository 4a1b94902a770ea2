"""The store's utterance table: everything about utterances but their features, as parquet bytes and back."""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from merc.data.schema import Conversation, Utterance, iterate_utterances
from merc.errors import DataError
from merc.files.parquet import arrow, read_parquet

_NEEDED = {"conversation": "string", "position": "int32", "utterance": "string", "speaker": "string"}
_OPTIONAL = {"label": "string", "transcript": "string", "start": "float64", "end": "float64"}
_COLUMNS = {**_NEEDED, **_OPTIONAL}  # name -> type in Arrow's words
_STORE = "a store"


def encode_table(conversations: Iterable[Conversation]) -> bytes:
    """The utterances as a parquet file: a row each, in order.

    Raises:
        DataError: a text holds half a surrogate pair, which UTF-8 can't hold.
        MissingExtraError: pyarrow is not installed.
    """
    pa = arrow(_STORE)
    rows: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    for conversation, position, u in iterate_utterances(conversations):
        values = (conversation.id, position, u.id, u.speaker, u.label, u.words, u.start, u.end)
        for name, value in zip(_COLUMNS, values, strict=True):
            rows[name].append(value)
            try:
                str(value).encode()
            except UnicodeEncodeError as error:
                where = f"conversation {conversation.id!r}, utterance {u.id!r}"
                raise DataError(f"{where}: {name} {value!r} is not valid Unicode") from error
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(pa.Table.from_pydict(rows, schema=_schema(pa)), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def decode_table(data: bytes) -> dict[str, list[Utterance]]:
    """Conversation id -> its utterances, both in the table's order.

    Raises:
        DataError: not such a table, or utterances of a conversation that do not lie together in order.
        MissingExtraError: pyarrow is not installed.
    """
    pa = arrow(_STORE)
    table = read_parquet(data)
    if not table.schema.equals(_schema(pa)):
        raise DataError(f"columns {table.schema.names}, expected {list(_COLUMNS)} with the store's types")
    utterances: dict[str, list[Utterance]] = {}
    last: str | None = None
    for number, row in enumerate(table.to_pylist(), start=1):
        conversation, position, utterance, speaker, label, words, start, end = row.values()
        turns = utterances.setdefault(conversation, [])
        if position != len(turns) or (turns and conversation != last):
            raise DataError(f"row {number}: utterances of {conversation!r} are out of order")
        last = conversation
        turns.append(Utterance(utterance, speaker, words, start, end, label=label))
    return utterances


def _schema(pa: Any) -> Any:
    """The columns as pyarrow has them."""
    kinds = {name: pa.type_for_alias(kind) for name, kind in _COLUMNS.items()}
    return pa.schema([pa.field(name, kind, nullable=name in _OPTIONAL) for name, kind in kinds.items()])
