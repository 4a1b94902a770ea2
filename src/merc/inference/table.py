"""Judgements as a file, one row an utterance: CSV for spreadsheets, JSON Lines and parquet for programs.

Columns: conversation, utterance, speaker, transcript, emotion, `probability/CLASS`, `trust/MODALITY`, uncertainty. Trust of an
absent modality is 0; a model without trust or latents leaves those columns out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from merc.data.schema import Conversation
from merc.errors import DataError
from merc.files.staged_file import write_atomically
from merc.inference.predictions import ConversationEmotions

Row = Mapping[str, str | float | None]
_WORDS = ("conversation", "utterance", "speaker", "transcript", "emotion")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet compute a cell instead of showing it


def check_target(path: Path) -> None:
    """Refuses a file that `write_emotions` could not write, before work is spent on what should stand in it.

    Raises:
        DataError: another suffix, or no folder to put the file into.
    """
    if path.suffix.lower() not in _ENCODERS:
        raise DataError(f"{path}: {path.suffix or 'no'} suffix; predictions are written as {', '.join(_ENCODERS)}")
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise DataError(f"{path}: {'is a folder' if path.is_dir() else 'there is no folder to put this file into'}")


def write_emotions(conversations: Sequence[Conversation], emotions: Sequence[ConversationEmotions], path: Path) -> int:
    """Writes the file, whole or not at all, in place of an older one.

    Args:
        conversations: what was judged.
        emotions: the judgements, in the same order.
        path: ends in .csv, .jsonl or .parquet.

    Returns:
        The number of rows.

    Raises:
        DataError: see `check_target`; or the disk is full or not writable.
    """
    check_target(path)
    rows = [
        _row(conversation, position, judged)
        for conversation, judged in zip(conversations, emotions, strict=True)
        for position in range(len(conversation))
    ]
    try:
        write_atomically(path, _ENCODERS[path.suffix.lower()](rows))
    except OSError as error:
        raise DataError(f"{path} can't be written: {error.strerror or error}; nothing was changed") from error
    return len(rows)


def harmless_cell(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(conversation: Conversation, position: int, judged: ConversationEmotions) -> Row:
    utterance, emotion = conversation.utterances[position], judged.utterances[position]
    row: dict[str, str | float | None] = {
        "conversation": conversation.id,
        "utterance": utterance.id,
        "speaker": utterance.speaker,
        "transcript": utterance.transcript,
        "emotion": emotion.label,
    }
    row |= {f"probability/{name}": value for name, value in emotion.probabilities.items()}
    row |= {f"trust/{name}": value for name, value in emotion.trust.items()}
    if emotion.uncertainty is not None:
        row["uncertainty"] = emotion.uncertainty
    return row


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writerow({name: harmless_cell(name) for name in rows[0]})
    writer.writerows({k: harmless_cell(v) if isinstance(v, str) else v for k, v in row.items()} for row in rows)
    return text.getvalue().encode("utf-8", errors="backslashreplace")


def _jsonl(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode()


def _parquet(rows: Sequence[Row]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    columns = {
        name: pa.array([row[name] for row in rows], type=pa.string() if name in _WORDS else pa.float64()) for name in rows[0]
    }
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


_ENCODERS: Mapping[str, Callable[[Sequence[Row]], bytes]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
