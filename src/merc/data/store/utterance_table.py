"""The store's utterance table: everything about utterances but their features, as parquet bytes and back."""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from merc.data.schema import Conversation, Utterance, iterate_utterances
from merc.errors import DataError
from merc.files.parquet import read_parquet

_NEEDED = {"conversation": pa.string(), "position": pa.int32(), "utterance": pa.string(), "speaker": pa.string()}
_OPTIONAL = {"label": pa.string(), "transcript": pa.string(), "start": pa.float64(), "end": pa.float64()}
_COLUMNS = pa.schema([pa.field(name, kind, nullable=name in _OPTIONAL) for name, kind in {**_NEEDED, **_OPTIONAL}.items()])


def encode_table(conversations: Iterable[Conversation]) -> bytes:
    """The utterances as a parquet file: a row each, in order.

    Raises:
        DataError: a text holds half a surrogate pair, which UTF-8 can't hold.
    """
    rows: dict[str, list[object]] = {name: [] for name in _COLUMNS.names}
    for conversation, position, u in iterate_utterances(conversations):
        values = (conversation.id, position, u.id, u.speaker, u.label, u.words, u.start, u.end)
        for name, value in zip(_COLUMNS.names, values, strict=True):
            rows[name].append(value)
            try:
                str(value).encode()
            except UnicodeEncodeError as error:
                where = f"conversation {conversation.id!r}, utterance {u.id!r}"
                raise DataError(f"{where}: {name} {value!r} is not valid Unicode") from error
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pydict(rows, schema=_COLUMNS), sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def decode_table(data: bytes) -> dict[str, list[Utterance]]:
    """Conversation id -> its utterances, both in the table's order.

    Raises:
        DataError: not such a table, or utterances of a conversation that do not lie together in order.
    """
    table = read_parquet(data)
    if not table.schema.equals(_COLUMNS):
        raise DataError(f"columns {table.schema.names}, expected {_COLUMNS.names} with the store's types")
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
