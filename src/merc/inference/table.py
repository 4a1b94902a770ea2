"""The one flat table of judged utterances, a row each: CSV, JSON Lines, parquet and data frames have its columns.

docs/evaluation.md describes the columns.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from merc.errors import DataError, MissingExtraError
from merc.files.csv_cells import csv_text
from merc.files.parquet import arrow, parquet_bytes
from merc.files.posix import rights_like
from merc.files.printable import encodable
from merc.files.staged_file import sweep_temporaries, write_atomically
from merc.inference.predictions import JudgedConversation

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any  # an optional extra: annotations must hold without it

Table = Mapping[str, Sequence[str | float | None]]
_TEXTS = ("conversation", "utterance", "speaker", "words", "label", "emotion", "present")
_PARQUET, _WRITING = ".parquet", "writing parquet"


def flat_table(conversations: Sequence[JudgedConversation]) -> Table:
    """Judged conversations of one model as columns of one length.

    Raises:
        ValueError: no conversation.
    """
    if not conversations:
        raise ValueError("a table needs at least one conversation")
    utterances = [u for conversation in conversations for u in conversation.utterances]
    columns: dict[str, Sequence[str | float | None]] = {"conversation": [c.id for c in conversations for _ in c.utterances]}
    columns["utterance"] = [u.id for u in utterances]
    copied = ("speaker", "channel", "start", "end", "words", "label", "emotion")
    columns |= {name: [getattr(u, name) for u in utterances] for name in copied}
    columns["probability"] = [u.probabilities[u.emotion] for u in utterances]
    columns |= {f"p_{label}": [u.probabilities[label] for u in utterances] for label in conversations[0].labels}
    columns |= {f"trust_{m}": [u.trust.get(m, 0.0) if u.trust else None for u in utterances] for m in conversations[0].modalities}
    return columns | {"uncertainty": [u.uncertainty for u in utterances], "present": ["+".join(u.present) for u in utterances]}


def data_frame(table: Table) -> DataFrame:
    """The table as a pandas data frame; numbers that are None become NaN.

    Raises:
        MissingExtraError: the extra `pandas` is not installed.
    """
    if importlib.util.find_spec("pandas") is None:
        raise MissingExtraError("pandas", "a data frame")
    import pandas

    kinds = {name: "object" if name in _TEXTS else "Int64" if name == "channel" else "float64" for name in table}
    return pandas.DataFrame({name: pandas.Series(list(column), dtype=kinds[name]) for name, column in table.items()})


def check_target(path: str | Path) -> Path:
    """Refuses a file that `write_table` could not write, before work is spent on what it is to hold.

    Raises:
        DataError: another suffix, or no folder to put the file into.
        MissingExtraError: it is to be parquet, and pyarrow is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in _ENCODERS:
        raise DataError(f"{path}: {path.suffix or 'no'} suffix; predictions are written as {', '.join(_ENCODERS)}")
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise DataError(f"{path}: {'is a folder' if path.is_dir() else 'there is no folder to put this file into'}")
    if path.suffix.lower() == _PARQUET:
        arrow(_WRITING)
    return path


def write_table(conversations: Sequence[JudgedConversation], path: str | Path, like: Sequence[str | Path] = ()) -> int:
    """Writes the table, whole or not at all, in place of an older file.

    Args:
        conversations: of one model.
        path: ends in .csv, .jsonl or .parquet.
        like: what was judged; nobody may read the table who may not read that (see `rights_like`).

    Returns:
        The number of rows.

    Raises:
        DataError: see `check_target`; or the disk is full or not writable.
    """
    path = check_target(path)
    table = flat_table(conversations)
    try:
        sweep_temporaries(path.parent)
        write_atomically(path, _ENCODERS[path.suffix.lower()](table), rights_like([Path(each) for each in like], path.parent))
    except OSError as error:
        raise DataError(f"{path} can't be written: {error.strerror or error}; nothing was changed") from error
    return len(table["utterance"])


def _jsonl(table: Table) -> bytes:
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()


def _parquet(table: Table) -> bytes:
    pa = arrow(_WRITING)
    kinds = {name: pa.string() if name in _TEXTS else pa.int64() if name == "channel" else pa.float64() for name in table}
    columns = {  # a name of a file that is not UTF-8 is no text for parquet
        name: [encodable(cell) if isinstance(cell, str) else cell for cell in column] for name, column in table.items()
    }
    return parquet_bytes(pa.table({name: pa.array(column, type=kinds[name]) for name, column in columns.items()}))


_ENCODERS: Mapping[str, Callable[[Table], bytes]] = {
    ".csv": lambda table: csv_text(table).encode(),
    ".jsonl": _jsonl,
    _PARQUET: _parquet,
}
