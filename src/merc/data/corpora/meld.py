"""MELD as it is published (Poria et al., ACL 2019): one CSV of transcripts and emotions a split, with optional Praat functionals.

The files count dialogues from 0 in each split. Conversation ids follow the field's pickles: train as it is, validation + 1039,
test + 1153. MELD's sentiments are not read.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np

from merc.data.formats.csv_table import CsvTable, read_csv, read_header
from merc.data.formats.known_corpora import MELD
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import Conversation, Corpus, FeatureArray, FeatureSpec, LabelSet, Utterance
from merc.data.splits import MELD_IDS, meld_by_id
from merc.errors import DataError
from merc.files.encoding import repair_quotes

LABELS = LabelSet(names=MELD.labels)
PRAAT_COLUMNS = (
    "duration",  # s
    "avg_intensity",  # dB
    "intensity_variation",  # dB
    "avg_pitch",  # Hz
    "pitch_std",  # Hz
    "pitch_range",  # Hz
    "articulation_rate",  # syllables/s
    "mean_hnr",  # dB
)
# The encoder `praat` measures the same eight; its tests compare it with the description of the files.
PRAAT = FeatureSpec(modality="audio", name="praat", dimension=len(PRAAT_COLUMNS), encoder="praat", version="2")
_COLUMNS = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID", "StartTime", "EndTime")
_IDS = {"train": MELD_IDS["train"], "dev": MELD_IDS["validation"], "test": MELD_IDS["test"]}  # file prefix -> dialogue ids
_Place = tuple[int, int]  # conversation id, utterance id


def _matches(source: CorpusSource) -> bool:
    if not source.path.is_dir():
        return False
    return any(set(_COLUMNS) <= set(read_header(_transcripts(source.path, prefix))) for prefix in _IDS)


def _read(source: CorpusSource) -> Corpus:
    missing = [path.name for path in (_transcripts(source.path, p) for p in _IDS) if not path.is_file()]
    if missing:
        raise DataError(f"{source.path}: MELD's {missing[0]} is missing; needed: {{train,dev,test}}_sent_emo.csv")
    turns: dict[_Place, Utterance] = {}
    praat: dict[_Place, FeatureArray] = {}
    for prefix in _IDS:
        table = read_csv(_transcripts(source.path, prefix), _COLUMNS)
        turns |= dict(zip(_places(table, prefix), _utterances(table), strict=True))
        path = source.path / f"{prefix}_praat.csv"
        if path.is_file():
            table = read_csv(path, ("Dialogue_ID", "Utterance_ID", *PRAAT_COLUMNS))
            places = _places(table, prefix)
            unknown = next((row for row, place in enumerate(places) if place not in turns), None)
            if unknown is not None:
                raise DataError(f"{table.place(unknown)}: no such utterance in {prefix}_sent_emo.csv")
            praat |= dict(zip(places, table.features(PRAAT_COLUMNS), strict=True))
    if not turns:
        raise DataError(f"{source.path}: MELD's files hold no utterance")
    absent = np.full(PRAAT.dimension, np.nan, dtype=np.float32)
    conversations: list[Conversation] = []
    for dialogue, group in groupby(sorted(turns), key=lambda place: place[0]):
        places = list(group)
        features = {PRAAT.key: np.stack([praat.get(place, absent) for place in places])} if praat else {}
        conversations.append(Conversation(str(dialogue), tuple(turns[place] for place in places), features))
    return Corpus(
        name="meld",
        label_set=LABELS,
        feature_schema=(PRAAT,) if praat else (),
        conversations=tuple(conversations),
        splits={"official": meld_by_id(c.id for c in conversations)},
        notes={
            "source": "MELD, github.com/declare-lab/MELD",
            "licence": "GPL-3.0 (transcripts and labels)",
            "languages": ["en"],
            "conversation_ids": "train as published, validation + 1039, test + 1153",
        },
    )


def _transcripts(folder: Path, prefix: str) -> Path:
    return folder / f"{prefix}_sent_emo.csv"


def _places(table: CsvTable, prefix: str) -> list[_Place]:
    """Conversation and utterance of each row, all different."""
    dialogues, utterances = table.counts("Dialogue_ID"), table.counts("Utterance_ID")
    table.check_distinct(Dialogue_ID=dialogues, Utterance_ID=utterances)
    ids = _IDS[prefix]
    for row, dialogue in enumerate(dialogues):
        if dialogue >= len(ids):
            raise DataError(f"{table.place(row)}: Dialogue_ID {dialogue}; MELD's {prefix} dialogues are 0 to {len(ids) - 1}")
    return [(ids[dialogue], utterance) for dialogue, utterance in zip(dialogues, utterances, strict=True)]


def _utterances(table: CsvTable) -> list[Utterance]:
    labels = [label.lower() for label in table.texts("Emotion")]
    for row, label in enumerate(labels):
        if label not in LABELS.names:
            raise DataError(f"{table.place(row)}: unknown label {label!r}; allowed: {', '.join(LABELS.names)}")
    ids = [str(number) for number in table.counts("Utterance_ID")]
    speakers = [repair_quotes(name) for name in table.texts("Speaker")]
    transcripts = [repair_quotes(text).strip() or None for text in table.columns["Utterance"]]
    fields = zip(ids, speakers, transcripts, table.seconds("StartTime"), table.seconds("EndTime"), labels, strict=True)
    return [Utterance(i, speaker, words, start, end, label=label) for i, speaker, words, start, end, label in fields]


LAYOUT = Layout(
    name="meld",
    description="MELD's folder of {train,dev,test}_sent_emo.csv, with {train,dev,test}_praat.csv where they are",
    matches=_matches,
    draft=_read,
)
