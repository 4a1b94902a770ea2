"""Files of CORECT and its kin: {'train', 'dev', 'test'}, each a list of conversations, each a dictionary of columns."""

from __future__ import annotations

from collections.abc import Mapping

from merc.data.formats.cells import describe, identifier_of, integer_of, items_of, sequence_of, table_of
from merc.data.formats.draft import CorpusDraft, FeatureSlot, RawConversation, assemble, corpus_from
from merc.data.formats.known_corpora import EMORYNLP, IEMOCAP, MELD, KnownCorpus, file_split
from merc.data.formats.layout import Layout, Source
from merc.data.formats.vid_dictionaries import ENCODER_BY_WIDTH
from merc.data.schema import Corpus
from merc.errors import DataError

PART_OF_KEY: dict[str, str] = {"train": "train", "dev": "validation", "test": "test"}
REQUIRED = ("vid", "speakers", "labels")
MODALITIES = ("text", "audio", "visual")
IEMOCAP_FOUR = 4  # data_iemocap_4.pkl numbers the first four of IEMOCAP's classes


def matches(source: Source) -> bool:
    """Whether the content has the three keys, and the first conversation of each is a dictionary with vid, speakers and labels."""
    table = table_of(source.content)
    if table is None or set(table) != set(PART_OF_KEY):
        return False
    for conversations in table.values():
        entries = sequence_of(conversations)
        if entries is None:
            return False
        for conversation in entries[:1]:
            columns = table_of(conversation)
            if columns is None or any(name not in columns for name in REQUIRED):
                return False
    return any(items_of(conversations) for conversations in table.values())


def draft(source: Source) -> CorpusDraft:
    """All that can be read.

    Raises:
        DataError: the content has another shape, or its conversation ids are of no corpus whose label names are known.
    """
    table = table_of(source.content) or {}
    columns: list[dict[object, object]] = []
    parts: dict[str, list[str]] = {part: [] for part in PART_OF_KEY.values()}
    for key, part in PART_OF_KEY.items():
        for position, conversation in enumerate(items_of(table.get(key)) or []):
            found = table_of(conversation)
            conversation_id = None if found is None else identifier_of(found.get("vid"))
            if found is None or conversation_id is None:
                where = f"{source.path}: {key}[{position}]"
                raise DataError(f"{where} is {describe(conversation)}, expected a dict with a `vid` that is text or a whole number")
            parts[part].append(conversation_id)
            columns.append(found)
    ids = [conversation_id for part in parts.values() for conversation_id in part]
    corpus = _known_corpus(source, ids)
    slots = _slots(columns)
    return assemble(
        name=corpus.name,
        label_names=_label_names(corpus, columns),
        slots=slots,
        raw=[_raw(conversation_id, found, slots) for conversation_id, found in zip(ids, columns, strict=True)],
        parts={part: tuple(listed) for part, listed in parts.items()},
        split_rule=lambda _, listed: {"file": file_split("file", listed)},
        notes={"source": source.path.name, "layout": LAYOUT.name},
    )


def read(source: Source) -> Corpus:
    """The corpus, with the file's own split as `file`.

    Raises:
        DataError: names the file and the conversation.
    """
    return corpus_from(draft(source), source.path)


def _known_corpus(source: Source, ids: list[str]) -> KnownCorpus:
    known = [corpus for corpus in (IEMOCAP, MELD, EMORYNLP) if corpus.recognises(ids)]
    if not known:
        example = f"conversation ids such as {ids[0]!r}" if ids else "no conversation"
        raise DataError(f"{source.path}: {example}; the label names are known for iemocap, meld and emorynlp only")
    return known[0]


def _label_names(corpus: KnownCorpus, columns: list[dict[object, object]]) -> tuple[str, ...]:
    numbers = [integer_of(number) for found in columns for number in items_of(found.get("labels")) or []]
    highest = max((number for number in numbers if number is not None), default=0)
    return corpus.labels[:IEMOCAP_FOUR] if corpus is IEMOCAP and highest < IEMOCAP_FOUR else corpus.labels


def _slots(columns: list[dict[object, object]]) -> list[FeatureSlot]:
    slots: list[FeatureSlot] = []
    for modality in MODALITIES:
        row = next((rows[0] for found in columns if (rows := items_of(found.get(modality)))), None)
        if row is not None:
            encoder = ENCODER_BY_WIDTH.get((modality, len(items_of(row) or ())), "unknown")
            slots.append(FeatureSlot(modality, "corect", encoder))
    return slots


def _raw(conversation_id: str, found: Mapping[object, object], slots: list[FeatureSlot]) -> RawConversation:
    return RawConversation(
        id=conversation_id,
        labels=found.get("labels"),
        speakers=found.get("speakers"),
        sentences=found.get("sentence"),
        features={slot.key: found[slot.modality] for slot in slots if slot.modality in found},
    )


LAYOUT = Layout(
    name="corect",
    description="data_*.pkl of CORECT, EmotionHeart: {'train', 'dev', 'test'}, each a list of conversations",
    matches=matches,
    read=read,
)
