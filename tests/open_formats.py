"""Writers of the open formats, JSON Lines and parquet, whose readers must give the corpus back."""

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from merc.data.schema import iterate_utterances


def header(corpus):
    features = [spec.model_dump() for spec in corpus.feature_schema]
    splits = {name: dict(split.parts) for name, split in corpus.splits.items()}
    names = list(corpus.label_set.names)
    return {"merc": 1, "name": corpus.name, "labels": names, "features": features, "splits": splits, "notes": dict(corpus.notes)}


def write_jsonl(corpus, path):
    records = [header(corpus)]
    for conversation in corpus.conversations:
        utterances = []
        for position, u in enumerate(conversation.utterances):
            rows = {key: array[position].tolist() for key, array in conversation.features.items()}
            features = {key: [None if math.isnan(x) else x for x in row] for key, row in rows.items()}
            fields = {"transcript": u.words, "label": u.label, "start": u.start, "end": u.end, "features": features}
            utterances.append({"id": u.id, "speaker": u.speaker, **{key: x for key, x in fields.items() if x is not None}})
        records.append({"id": conversation.id, "utterances": utterances})
    Path(path).write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def write_parquet(corpus, path):
    rows = list(iterate_utterances(corpus.conversations))
    columns = {
        "conversation": [c.id for c, _, _ in rows],
        "utterance": [u.id for _, _, u in rows],
        "speaker": [u.speaker for _, _, u in rows],
        "transcript": pa.array([u.words for _, _, u in rows], pa.string()),
        "label": pa.array([u.label for _, _, u in rows], pa.string()),
        "start": pa.array([u.start for _, _, u in rows], pa.float64()),
        "end": pa.array([u.end for _, _, u in rows], pa.float64()),
    }
    for name, split in corpus.splits.items():
        part_of = {i: part for part, ids in split.parts.items() for i in ids}
        columns["split" if name == "official" else f"split:{name}"] = pa.array([part_of.get(c.id) for c, _, _ in rows], pa.string())
    for spec in corpus.feature_schema:
        arrays = [c.features[spec.key][position] if spec.key in c.features else None for c, position, _ in rows]
        lists = [None if x is None or np.isnan(x).all() else [None if np.isnan(n) else n for n in x] for x in arrays]
        columns[spec.key] = pa.array(lists, pa.list_(pa.float32()))
    facts = {key: value for key, value in header(corpus).items() if key != "splits"}
    metadata = {b"merc": json.dumps(facts, ensure_ascii=False).encode()}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)
