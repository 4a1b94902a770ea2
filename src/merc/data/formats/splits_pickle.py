"""Files of CORECT and its kin: {'train', 'dev', 'test'}, each a list of conversations, each a dictionary of columns."""

from __future__ import annotations

from merc.data.formats.cells import describe, identifier_of, integer_of, items_of, sequence_of, table_of
from merc.data.formats.draft import CorpusDraft, FeatureSlot, RawConversation, assemble
from merc.data.formats.known_corpora import EMORYNLP, IEMOCAP, LANGUAGES, MELD, listed_split
from merc.data.formats.layout import CorpusSource, Layout
from merc.errors import DataError

_PART_OF_KEY = {"train": "train", "dev": "validation", "test": "test"}
_REQUIRED = ("vid", "speakers", "labels")
_IEMOCAP_FOUR = 4  # data_iemocap_4.pkl numbers the first four of IEMOCAP's classes


def _matches(source: CorpusSource) -> bool:
    """Whether the content has the three keys, and the first conversation of each is a dictionary with vid, speakers and labels."""
    table = table_of(source.content)
    if table is None or set(table) != set(_PART_OF_KEY):
        return False
    parts = [sequence_of(conversations) for conversations in table.values()]
    first = [table_of(conversations[0]) or {} for conversations in parts if conversations]
    return None not in parts and bool(first) and all(name in columns for columns in first for name in _REQUIRED)


def _draft(source: CorpusSource) -> CorpusDraft:
    table = table_of(source.content) or {}
    conversations: list[tuple[str, dict[object, object]]] = []
    parts: dict[str, tuple[str, ...]] = {}
    for key, part in _PART_OF_KEY.items():
        start = len(conversations)
        for position, conversation in enumerate(items_of(table.get(key)) or []):
            columns = table_of(conversation)
            conversation_id = None if columns is None else identifier_of(columns.get("vid"))
            if columns is None or conversation_id is None:
                where = f"{source.path}: {key}[{position}]"
                raise DataError(f"{where} is {describe(conversation)}, expected a dict with a `vid` that is text or a whole number")
            conversations.append((conversation_id, columns))
        parts[part] = tuple(conversation_id for conversation_id, _ in conversations[start:])
    ids = [conversation_id for conversation_id, _ in conversations]
    corpus = next((known for known in (IEMOCAP, MELD, EMORYNLP) if known.recognises(ids)), None)
    if corpus is None:
        example = f"conversation ids such as {ids[0]!r}" if ids else "no conversation"
        raise DataError(f"{source.path}: {example}; the label names are known for iemocap, meld and emorynlp only")
    modalities = ("text", "audio", "visual")
    slots = [FeatureSlot(m, "corect") for m in modalities if any(items_of(columns.get(m)) for _, columns in conversations)]
    labels = [integer_of(label) or 0 for _, columns in conversations for label in items_of(columns.get("labels")) or []]
    four = corpus is IEMOCAP and max(labels, default=0) < _IEMOCAP_FOUR
    return assemble(
        name=corpus.name,
        label_names=corpus.labels[:_IEMOCAP_FOUR] if four else corpus.labels,
        slots=slots,
        raw=[
            RawConversation(
                id=conversation_id,
                labels=columns.get("labels"),
                speakers=columns.get("speakers"),
                sentences=columns.get("sentence"),
                features={slot.key: columns[slot.modality] for slot in slots if slot.modality in columns},
            )
            for conversation_id, columns in conversations
        ],
        parts=parts,
        split_rule=listed_split("file"),
        notes={"source": source.file_name, "layout": LAYOUT.name, "languages": LANGUAGES},
    )


LAYOUT = Layout(
    name="corect",
    description="data_*.pkl of CORECT, EmotionHeart: {'train', 'dev', 'test'}, each a list of conversations",
    matches=_matches,
    draft=_draft,
)
