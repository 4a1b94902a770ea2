"""The commonest form of the field's pickles: dictionaries by conversation ("vid") and lists of vids, in a list of fixed order.

The files name nothing. A layout is a corpus and an order of entries; it is recognised by what lies at each place: initials,
one-hot rows, whole numbers, sentences, rows of numbers, lists of ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from merc.data.formats.draft import CorpusDraft, FeatureSlot, Problem, RawConversation, assemble
from merc.data.formats.known_corpora import EMORYNLP, IEMOCAP, LANGUAGES, MELD, KnownCorpus
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import PARTS

PlainSlot = Literal["ids", "speakers", "labels", "sentiments", "sentences", "train", "validation", "test", "unused"]
Slot = PlainSlot | FeatureSlot


@dataclass(frozen=True, slots=True)
class VidLayout:
    """One order of entries for one corpus: `slots` are what lies at each place of the list."""

    name: str
    description: str
    corpus: KnownCorpus
    slots: tuple[Slot, ...]

    def matches(self, source: CorpusSource) -> bool:
        """Whether the content has this order of entries, judged by the first conversation of each, and this corpus's ids."""
        entries = sequence_of(source.content)
        if entries is None or len(entries) != len(self.slots):
            return False
        labels = table_of(entries[self.slots.index("labels")])
        if not labels or not self.corpus.recognises(filter(None, map(identifier_of, labels))):
            return False
        return all(_looks_like(slot, entry, self.corpus) for slot, entry in zip(self.slots, entries, strict=True))

    def draft(self, source: CorpusSource) -> CorpusDraft:
        """All that can be read of content that matches."""
        entries = items_of(source.content) or []
        problems: list[Problem] = []
        tables: dict[Slot, dict[str, object]] = {}
        parts: dict[str, tuple[str, ...]] = {}
        for place, (slot, entry) in enumerate(zip(self.slots, entries, strict=True)):
            if slot in PARTS:
                parts[str(slot)] = _id_list(f"entry {place} (ids of {slot})", entry, problems)
            elif slot not in ("unused", "sentiments"):
                name = slot.key if isinstance(slot, FeatureSlot) else slot
                tables[slot] = _by_id(f"entry {place} ({name})", entry, problems)
        raw = _raw_conversations(tables, problems)
        return assemble(
            name=self.corpus.name,
            label_names=self.corpus.labels,
            slots=[slot for slot in self.slots if isinstance(slot, FeatureSlot)],
            raw=raw,
            parts=parts,
            split_rule=self.corpus.splits,
            notes={"source": source.file_name, "layout": self.name, "languages": LANGUAGES, **self.corpus.notes},
            problems=problems,
        )


def _raw_conversations(tables: Mapping[Slot, Mapping[str, object]], problems: list[Problem]) -> list[RawConversation]:
    columns: tuple[PlainSlot, ...] = ("speakers", "ids", "sentences")
    raw: list[RawConversation] = []
    for conversation_id, labels in tables["labels"].items():
        problems.extend(
            Problem("length", f"conversation {conversation_id!r}: the table of {column} has no entry for it")
            for column in columns
            if column in tables and conversation_id not in tables[column]
        )
        speakers, utterance_ids, sentences = (tables.get(column, {}).get(conversation_id) for column in columns)
        features = {
            slot.key: table[conversation_id]
            for slot, table in tables.items()
            if isinstance(slot, FeatureSlot) and conversation_id in table
        }
        raw.append(RawConversation(conversation_id, labels, speakers, utterance_ids, sentences, features))
    return raw


def _by_id(where: str, entry: object, problems: list[Problem]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in (table_of(entry) or {}).items():
        conversation_id = identifier_of(key)
        if conversation_id is None:
            problems.append(Problem("cell", f"{where}: key {describe(key)}, expected text or a whole number"))
        elif conversation_id in found:
            problems.append(Problem("duplicate", f"{where}: conversation id {conversation_id!r} occurs more than once"))
        else:
            found[conversation_id] = value
    return found


def _id_list(where: str, entry: object, problems: list[Problem]) -> tuple[str, ...]:
    items = items_of(entry) or []
    ids = [identifier_of(item) for item in items]
    wrong = [item for item, conversation_id in zip(items, ids, strict=True) if conversation_id is None]
    problems.extend(Problem("cell", f"{where} holds {describe(item)}, expected text or whole numbers") for item in wrong)
    return tuple(conversation_id for conversation_id in ids if conversation_id is not None)


def _looks_like(slot: Slot, entry: object, corpus: KnownCorpus) -> bool:
    if slot == "unused":
        return True
    if slot in PARTS:
        items = items_of(entry)
        return items is not None and (not items or identifier_of(items[0]) is not None)
    table = table_of(entry)
    if table is None:
        return False
    cell = next((cells[0] for value in table.values() if (cells := items_of(value))), None)
    if isinstance(slot, FeatureSlot):
        row = items_of(cell)
        return bool(row) and number_of(row[0]) is not None
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

_UTTERANCES: tuple[Slot, ...] = ("ids", "speakers", "labels")
_TWO_LISTS: tuple[Slot, ...] = ("sentences", "train", "test")
# COSMIC's order: 1038, 280 and 114 dialogues in the MELD file, 659, 79 and 89 in the EmoryNLP file, which are those corpora's
# published sizes of train, test and validation.
_THREE_LISTS: tuple[Slot, ...] = ("sentences", "train", "test", "validation")
_MMGCN = tuple(FeatureSlot(modality, "mmgcn") for modality in ("text", "audio", "visual"))
_DIALOGUERNN = (FeatureSlot("text", "dialoguernn"), FeatureSlot("audio", "dialoguernn"))
_ROBERTA = tuple(FeatureSlot("text", f"roberta-R{i}", "RoBERTa-large") for i in (1, 2, 3, 4))
_SDT = (*_ROBERTA, FeatureSlot("audio", "sdt"), FeatureSlot("visual", "sdt"))

# The IEMOCAP file circulates with 100/1582/342 numbers an utterance (MMGCN) and with 100/100/512 (DialogueRNN): one layout.
MMGCN_IEMOCAP = VidLayout(
    "mmgcn-iemocap",
    "IEMOCAP_features.pkl of MMGCN, MM-DFN, M3NET, CORECT, DialogueRNN, DialogueGCN",
    IEMOCAP,
    (*_UTTERANCES, *_MMGCN, *_TWO_LISTS),
)
MMGCN_MELD = VidLayout(
    "mmgcn-meld",
    "MELD_features_raw1.pkl of MMGCN, MM-DFN, M3NET",
    MELD,
    (*_UTTERANCES, *_MMGCN, *_TWO_LISTS, "unused"),
)
VID_LAYOUTS = (
    MMGCN_IEMOCAP,
    MMGCN_MELD,
    VidLayout(
        "dialoguernn-meld",
        "MELD_features_raw.pkl of DialogueRNN: no visual vectors",
        MELD,
        (*_UTTERANCES, *_DIALOGUERNN, *_TWO_LISTS, "sentiments"),
    ),
    VidLayout(
        "sdt-iemocap",
        "iemocap_multimodal_features.pkl of SDT, GraphSmile, CFN-ESA",
        IEMOCAP,
        (*_UTTERANCES, *_SDT, *_TWO_LISTS),
    ),
    VidLayout("sdt-meld", "meld_multimodal_features.pkl of SDT", MELD, (*_UTTERANCES, *_SDT, *_TWO_LISTS, "unused")),
    VidLayout(
        "graphsmile-meld",
        "meld_multimodal_features.pkl of GraphSmile and CFN-ESA: with sentiments",
        MELD,
        (*_UTTERANCES, "sentiments", *_SDT, *_TWO_LISTS, "unused"),
    ),
    *(
        VidLayout(
            f"cosmic-{raw}{corpus.name}",
            f"{corpus.name}{'_features_roberta.pkl of COSMIC' if features else '.pkl of COSMIC: transcripts only'}",
            corpus,
            ("speakers", "labels", *(("sentiments",) if corpus is MELD else ()), *features, *_THREE_LISTS),
        )
        for raw, features in (("", _ROBERTA), ("raw-", ()))
        for corpus in (IEMOCAP, EMORYNLP, MELD)
    ),
)
LAYOUTS = tuple(Layout(known.name, known.description, known.matches, known.draft) for known in VID_LAYOUTS)
