"""The commonest shape of the field: a list of dictionaries keyed by conversation ("vid"), and lists of vids, in a fixed order.

A layout is its corpus and the order of its entries. It is told by what lies in each place: initials, one-hot rows, whole numbers,
sentences, rows of numbers, lists of ids. The files themselves name nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from merc.data.formats.cells import (
    describe,
    identifier_of,
    integer_of,
    items_of,
    number_of,
    one_hot_index,
    sequence_of,
    table_of,
    text_of,
)
from merc.data.formats.draft import CorpusDraft, FeatureSlot, Problem, RawConversation, assemble, corpus_from
from merc.data.formats.known_corpora import KnownCorpus
from merc.data.formats.layout import Layout, Source
from merc.data.schema import PARTS, Corpus
from merc.errors import DataError

PlainSlot = Literal["ids", "speakers", "labels", "sentiments", "sentences", "train", "validation", "test", "unused"]
Slot = PlainSlot | FeatureSlot
ROBERTA_SLOTS: tuple[FeatureSlot, ...] = tuple(FeatureSlot("text", f"roberta-R{i}", "RoBERTa-large") for i in (1, 2, 3, 4))
# What made the vectors is known for two widths that no other encoder of the field shares.
ENCODER_BY_WIDTH: dict[tuple[str, int], str] = {("audio", 1582): "openSMILE IS10", ("visual", 342): "DenseNet FER+"}


@dataclass(frozen=True, slots=True)
class VidLayout:
    """One order of entries for one corpus.

    Attributes:
        name: of the layout.
        description: one line for tables.
        corpus: whose label names, ids and splits these are.
        slots: what lies at each place of the list.
    """

    name: str
    description: str
    corpus: KnownCorpus
    slots: tuple[Slot, ...]

    def matches(self, source: Source) -> bool:
        """Whether the content has this order of entries, judged by the first conversation of each, and this corpus's ids."""
        return self.matches_content(source.content)

    def matches_content(self, content: object) -> bool:
        """As `matches`, for content that does not come from one file."""
        entries = sequence_of(content)
        if entries is None or len(entries) != len(self.slots):
            return False
        labels = table_of(entries[self.slots.index("labels")])
        if not labels or not self.corpus.recognises(filter(None, map(identifier_of, labels))):
            return False
        return all(_looks_like(slot, entry, self.corpus) for slot, entry in zip(self.slots, entries, strict=True))

    def draft(self, source: Source) -> CorpusDraft:
        """All that can be read of a source that matches."""
        return self.draft_content(source.content, source.path)

    def draft_content(self, content: object, path: Path) -> CorpusDraft:
        """As `draft`, for content that does not come from one file.

        Raises:
            DataError: the content is no list of this length.
        """
        entries = sequence_of(content)
        if entries is None or len(entries) != len(self.slots):
            raise DataError(f"{path}: found {describe(content)}, layout {self.name} is a list of {len(self.slots)}")
        problems: list[Problem] = []
        tables: dict[Slot, dict[str, object]] = {}
        parts: dict[str, tuple[str, ...]] = {}
        for place, (slot, entry) in enumerate(zip(self.slots, entries, strict=True)):
            if slot in PARTS:
                parts[str(slot)] = _id_list(str(slot), place, entry, problems)
            elif slot not in ("unused", "sentiments"):
                tables[slot] = _by_id(slot, place, entry, problems)
        slots = tuple(_named(slot, tables[slot]) for slot in self.slots if isinstance(slot, FeatureSlot))
        notes: dict[str, object] = {"source": path.name, "layout": self.name}
        if self.corpus.remark:
            notes["labels"] = self.corpus.remark
        draft = assemble(
            self.corpus.name, self.corpus.labels, slots, _raw_conversations(tables, problems), parts, self.corpus.splits, notes
        )
        return replace(draft, problems=(*problems, *draft.problems))

    def read(self, source: Source) -> Corpus:
        """The corpus.

        Raises:
            DataError: names the file and the conversation.
        """
        return corpus_from(self.draft(source), source.path)

    def layout(self) -> Layout:
        """As the common interface has it."""
        return Layout(name=self.name, description=self.description, matches=self.matches, read=self.read)


def _raw_conversations(tables: Mapping[Slot, Mapping[str, object]], problems: list[Problem]) -> list[RawConversation]:
    columns: Sequence[PlainSlot] = ("speakers", "ids", "sentences")
    raw: list[RawConversation] = []
    for conversation_id, labels in tables["labels"].items():
        problems.extend(
            Problem("length", f"conversation {conversation_id!r}: the table of {column} has no entry for it")
            for column in columns
            if column in tables and conversation_id not in tables[column]
        )
        cells = {column: tables.get(column, {}).get(conversation_id) for column in columns}
        raw.append(
            RawConversation(
                id=conversation_id,
                labels=labels,
                speakers=cells["speakers"],
                utterance_ids=cells["ids"],
                sentences=cells["sentences"],
                features={
                    slot.key: table[conversation_id]
                    for slot, table in tables.items()
                    if isinstance(slot, FeatureSlot) and conversation_id in table
                },
            )
        )
    return raw


def _by_id(slot: Slot, place: int, entry: object, problems: list[Problem]) -> dict[str, object]:
    name = slot.key if isinstance(slot, FeatureSlot) else slot
    table = table_of(entry)
    if table is None:
        problems.append(
            Problem("cell", f"entry {place} ({name}) is {describe(entry)}, expected a dict from conversation to values")
        )
        return {}
    found: dict[str, object] = {}
    for key, value in table.items():
        conversation_id = identifier_of(key)
        if conversation_id is None:
            problems.append(Problem("cell", f"entry {place} ({name}): key {describe(key)}, expected text or a whole number"))
        elif conversation_id in found:
            problems.append(
                Problem("duplicate", f"entry {place} ({name}): conversation id {conversation_id!r} occurs more than once")
            )
        else:
            found[conversation_id] = value
    return found


def _id_list(part: str, place: int, entry: object, problems: list[Problem]) -> tuple[str, ...]:
    items = items_of(entry)
    if items is None:
        problems.append(Problem("cell", f"entry {place} (ids of {part}) is {describe(entry)}, expected a list of conversation ids"))
        return ()
    ids = [(item, identifier_of(item)) for item in items]
    for item, conversation_id in ids:
        if conversation_id is None:
            problems.append(
                Problem("cell", f"entry {place} (ids of {part}) holds {describe(item)}, expected text or whole numbers")
            )
    return tuple(conversation_id for _, conversation_id in ids if conversation_id is not None)


def _named(slot: FeatureSlot, table: Mapping[str, object]) -> FeatureSlot:
    """The slot with its encoder, where the width of the first row tells it."""
    row = items_of(_first_cell(table.values()))
    encoder = ENCODER_BY_WIDTH.get((slot.modality, len(row or ())))
    if slot.encoder != "unknown" or encoder is None:
        return slot
    return FeatureSlot(slot.modality, slot.name, encoder)


def _first_cell(values: Iterable[object]) -> object:
    for value in values:
        cells = items_of(value)
        if cells:
            return cells[0]
    return None


def _looks_like(slot: Slot, entry: object, corpus: KnownCorpus) -> bool:
    if slot == "unused":
        return True
    if slot in PARTS:
        items = items_of(entry)
        return items is not None and (not items or identifier_of(items[0]) is not None)
    table = table_of(entry)
    if table is None:
        return False
    cell = _first_cell(table.values())
    if isinstance(slot, FeatureSlot):
        row = items_of(cell)
        return row is not None and bool(row) and number_of(row[0]) is not None
    return _CELL_TESTS[slot](cell, corpus)


def _is_speaker(cell: object, corpus: KnownCorpus) -> bool:
    return text_of(cell) in ("M", "F") if corpus.speakers == "initials" else one_hot_index(cell) is not None


_CELL_TESTS: dict[PlainSlot, Callable[[object, KnownCorpus], bool]] = {
    "ids": lambda cell, corpus: identifier_of(cell) is not None and not _is_speaker(cell, corpus),
    "speakers": _is_speaker,
    "labels": lambda cell, _: integer_of(cell) is not None,
    "sentiments": lambda cell, _: integer_of(cell) is not None,
    "sentences": lambda cell, _: text_of(cell) is not None,
}
