"""The judged utterances: ids, labels, and how each stands in its conversation, so that a report can judge groups of them apart.

Groupings: `emotion shift` (the label differs from that of the same speaker's last labelled utterance), `position`, `speakers` in
the conversation, `length` of the conversation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from merc.data.schema import Conversation, LabelSet, Part, iterate_utterances
from merc.errors import DataError, RunError
from merc.files.parquet import parquet_bytes, read_parquet
from merc.files.shapes import Bool, Int64
from merc.files.staged_file import write_atomically

SHIFTS: tuple[str, ...] = ("first of its speaker", "no shift", "shift")
_EDGES = {"position": (1, 5, 10, 20), "speakers": (1, 2, 3), "length": (5, 10, 15, 20)}  # upper bounds of all groups but the last


@dataclass(frozen=True, slots=True, eq=False)
class JudgedUtterances:
    """N utterances in the order in which they were judged.

    Attributes:
        conversations, utterances: ids, N of each.
        true: (N,) class indices, -1 where unlabelled.
        groups: grouping -> (N,) index into `names`.
        names: grouping -> names of its groups.
    """

    conversations: tuple[str, ...]
    utterances: tuple[str, ...]
    true: Int64[np.ndarray, " N"]
    groups: dict[str, Int64[np.ndarray, " N"]]
    names: dict[str, tuple[str, ...]]

    @property
    def conversation_index(self) -> Int64[np.ndarray, " N"]:
        """Each utterance's conversation, numbered in order of appearance."""
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(c, len(numbers)) for c in self.conversations], dtype=np.int64)

    def members(self, grouping: str, group: str) -> Bool[np.ndarray, " N"]:
        """The labelled utterances of a group."""
        return (self.groups[grouping] == self.names[grouping].index(group)) & (self.true >= 0)


def utterances_file(part: Part) -> str:
    """The name of the file in a study's folder."""
    return f"utterances-{part}.parquet"


def write_utterances(conversations: Sequence[Conversation], label_set: LabelSet, path: Path) -> None:
    """Parquet, one row an utterance. No words of the conversations are in it."""
    rows = list(iterate_utterances(conversations))
    columns = {
        "conversation": [c.id for c, _, _ in rows],
        "utterance": [u.id for _, _, u in rows],
        "true": [-1 if u.label is None else label_set.index(u.label) for _, _, u in rows],
        "emotion shift": [SHIFTS.index(shift) for c in conversations for shift in shifts(c)],
        "position": [position + 1 for _, position, _ in rows],
        "speakers": [len({u.speaker for u in c.utterances}) for c, _, _ in rows],
        "length": [len(c) for c, _, _ in rows],
    }
    write_atomically(path, parquet_bytes(pa.table(columns)))


def read_utterances(path: Path) -> JudgedUtterances:
    """Reads what `write_utterances` wrote.

    Raises:
        RunError: missing or damaged.
    """
    try:
        columns = read_parquet(path.read_bytes()).to_pydict()
    except (OSError, DataError) as error:
        raise RunError(f"{path}: missing or damaged ({error}); run the study again, it makes it anew") from None
    groups = {"emotion shift": np.asarray(columns["emotion shift"], dtype=np.int64)}
    names = {"emotion shift": SHIFTS}
    for grouping, edges in _EDGES.items():
        groups[grouping] = np.searchsorted(np.asarray(edges), np.asarray(columns[grouping], dtype=np.int64))
        names[grouping] = _names(edges)
    true = np.asarray(columns["true"], dtype=np.int64)
    return JudgedUtterances(tuple(columns["conversation"]), tuple(columns["utterance"]), true, groups, names)


def shifts(conversation: Conversation) -> list[str]:
    """For each utterance whether its label differs from that of its speaker's last labelled one; unlabelled ones shift nothing."""
    last: dict[str | None, str] = {}
    found: list[str] = []
    for utterance in conversation.utterances:
        before = last.get(utterance.speaker)
        found.append(SHIFTS[0] if before is None else SHIFTS[1] if utterance.label in (before, None) else SHIFTS[2])
        if utterance.label is not None:
            last[utterance.speaker] = utterance.label
    return found


def _names(edges: Sequence[int]) -> tuple[str, ...]:
    lows = [1, *(edge + 1 for edge in edges)]
    inner = [str(low) if low == high else f"{low} to {high}" for low, high in zip(lows, edges, strict=False)]
    return (*inner, f"{lows[-1]} or more")
