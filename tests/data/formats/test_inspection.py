"""Inspection counts what is there and names what is wrong, also where import refuses."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.data.formats.draft import DraftConversation
from merc.data.formats.importing import import_corpus
from merc.data.formats.inspection import Inspection, feature_report, inspect
from merc.data.schema import FeatureSpec, Utterance
from merc.errors import DataError

LENGTHS = {0: 3, 7: 4, 1039: 3, 1153: 3}


def meld_content() -> list[Any]:
    random = np.random.default_rng(2)
    return [
        {vid: [str(i) for i in range(n)] for vid, n in LENGTHS.items()},
        {vid: [[int(j == i % 2) for j in range(9)] for i in range(n)] for vid, n in LENGTHS.items()},
        {vid: [(vid + i) % 7 for i in range(n)] for vid, n in LENGTHS.items()},
        *({vid: random.normal(size=(n, width)) for vid, n in LENGTHS.items()} for width in (4, 3, 2)),
        {vid: [f"{vid} says {i}" for i in range(n)] for vid, n in LENGTHS.items()},
        [0, 7, 1039],
        [1153],
        None,
    ]


def inspected(tmp_path: Path, content: object) -> Inspection:
    path = tmp_path / "corpus.pkl"
    path.write_bytes(pickle.dumps(content))
    inspection = inspect(path)
    assert Inspection.model_validate(json.loads(inspection.model_dump_json())) == inspection
    if inspection.importable:
        import_corpus(path)
    else:
        with pytest.raises(DataError):
            import_corpus(path)
    return inspection


def messages(inspection: Inspection, kind: str) -> list[str]:
    return [finding.message for finding in inspection.findings if finding.kind == kind]


def test_a_sound_file_is_counted_and_nothing_is_wrong(tmp_path: Path) -> None:
    found = inspected(tmp_path, meld_content())
    assert (found.layout, found.corpus, found.importable) == ("mmgcn-meld", "meld", True)
    assert (found.conversations, found.utterances, found.shortest, found.longest) == (4, 13, 3, 4)
    assert (found.unlabelled, found.with_transcript) == (0, 13)
    assert [(f.modality, f.dimension, f.rows) for f in found.features] == [("text", 4, 13), ("audio", 3, 13), ("visual", 2, 13)]
    assert [(p.split, p.part, p.conversations, p.utterances) for p in found.parts] == [
        ("official", "train", 2, 7),
        ("official", "validation", 1, 3),
        ("official", "test", 1, 3),
    ]
    assert found.labels == import_corpus(tmp_path / "corpus.pkl").label_counts()
    assert sum(found.parts[0].labels.values()) == 7
    assert not [f for f in found.findings if f.kind != "labels"]


def test_absence_and_dead_columns_are_reported(tmp_path: Path) -> None:
    content = meld_content()
    content[4][7][1:3] = 0
    content[4][0][0] = np.nan
    content[5][0][0, 1] = np.nan
    for array in content[3].values():
        array[:, 2] = 1.5
    content[3][0][1] = 0
    found = inspected(tmp_path, content)
    text, audio, visual = found.features
    assert (audio.zero_rows, audio.nan_rows, audio.constant_columns) == (2, 1, 0)
    assert (visual.partly_nan_rows, visual.nan_rows) == (1, 0)
    assert (text.constant_columns, text.zero_rows) == (1, 1)
    assert found.importable
    assert messages(found, "zero rows")[1].startswith("audio/mmgcn: 2 of 13 rows are all zero")
    assert messages(found, "constant columns") == ["text/mmgcn: 1 of 4 columns hold one value throughout and carry no information"]


def test_classes_that_never_occur_are_reported(tmp_path: Path) -> None:
    content = meld_content()
    content[2] = {vid: [0] * n for vid, n in LENGTHS.items()}
    content[2][0][0] = 1
    found = inspected(tmp_path, content)
    assert messages(found, "labels")[0] == "no utterance is labelled fear, sadness, joy, disgust, anger"
    assert "split 'official', part 'test': no utterance is labelled surprise" in messages(found, "labels")


def test_all_that_makes_import_refuse_is_listed_beside_the_counts(tmp_path: Path) -> None:
    content = meld_content()
    content[8] = [1153, 7, 5]
    content[2][0][1] = 11
    content[6][1039] = content[6][1039][:2]
    content[5][1153][2, 1] = np.inf
    content[3][1153] = np.ones((3, 9))
    content[0][7] = ["0", "1", "1", "2"]
    found = inspected(tmp_path, content)
    assert not found.importable
    assert (found.conversations, found.utterances, found.unlabelled) == (4, 13, 1)
    assert messages(found, "overlap") == ["1 conversation(s) are in 'train' and 'test', the first is '7'"]
    assert messages(found, "split") == ["part 'test' lists 1 conversation(s) without data, the first is '5'"]
    assert messages(found, "label")[0].startswith("conversation '0', utterance '1': unknown label 11; allowed: 0 neutral")
    assert messages(found, "length") == ["conversation '1039': lengths disagree: 3 labels, 2 sentences"]
    assert messages(found, "dimension") == ["conversation '1153', feature text/mmgcn: dimension 9, most conversations have 4"]
    assert "utterance '2': a number that is infinite, or too large for float32" in messages(found, "infinite")[0]
    assert "utterance id '1' occurs more than once" in messages(found, "duplicate")[0]
    assert [(p.split, p.part, p.conversations) for p in found.parts] == [("file", "train", 3), ("file", "test", 2)]
    assert found.features[2].infinite_rows == 1


def test_many_problems_of_a_kind_are_counted_not_listed(tmp_path: Path) -> None:
    content = meld_content()
    content[2][7] = [99] * 4
    content[2] |= {vid: [50] for vid in range(100, 140)}
    found = inspected(tmp_path, content)
    assert len(messages(found, "label")) == 21
    assert messages(found, "label")[-1] == "and 24 more of this kind"


def test_the_same_words_under_two_names_are_found(tmp_path: Path) -> None:
    content = meld_content()
    content[6][1153] = [text.upper() for text in content[6][0]]
    found = inspected(tmp_path, content)
    assert found.importable
    alike, across = messages(found, "duplicate")
    assert alike.endswith("the first is 0, 1153")
    assert across == "split 'official': 1 of these groups lie across parts, the first is 0 in 'train', 1153 in 'test'"


def test_conversations_in_no_part_are_noted(tmp_path: Path) -> None:
    content = meld_content()
    content[7], content[8] = [0], [1153]
    found = inspected(tmp_path, content)
    assert messages(found, "split") == ["split 'file': 2 conversation(s) are in no part, the first is '7'"]


def test_a_refused_split_rule_is_a_finding(tmp_path: Path) -> None:
    content = meld_content()
    for table in content[:7]:
        table[5000] = table[0]
    found = inspected(tmp_path, content)
    assert "MELD conversation id '5000'" in messages(found, "refused")[0]
    assert found.conversations == 5


def test_what_no_layout_fits_is_described(tmp_path: Path) -> None:
    found = inspected(tmp_path, {"a": 1})
    assert (found.layout, found.importable, found.description) == (None, False, "a dict of 1 ('a': 1)")
    assert messages(found, "layout")[0].startswith(f"{tmp_path / 'corpus.pkl'}: no known layout fits")
    with pytest.raises(DataError, match="no such file"):
        inspect(tmp_path / "nowhere")
    assert messages(inspect(tmp_path / "corpus.pkl", "sdt-meld"), "layout")[0].endswith("found a dict of 1 ('a': 1)")


def test_open_formats_are_inspected_too(tmp_path: Path) -> None:
    lines = [{"id": f"c{c}", "utterances": [{"speaker": "a", "label": label} for label in ("calm", "cross")]} for c in (1, 2)]
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    found = inspect(path)
    assert (found.layout, found.conversations, found.labels) == ("jsonl", 2, {"calm": 2, "cross": 2})
    lines[1]["id"] = "c1"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    refused = inspect(path)
    assert not refused.importable and refused.layout == "jsonl"
    assert "c1" in messages(refused, "refused")[0]


cells = st.sampled_from([0.0, 0.0, 1.0, -2.0, float("nan"), float("inf")])


@given(
    st.integers(1, 3).flatmap(
        lambda d: st.lists(st.lists(st.lists(cells, min_size=d, max_size=d), min_size=1, max_size=4), min_size=1)
    )
)
def test_a_feature_report_agrees_with_counting_row_by_row(conversations: list[list[list[float]]]) -> None:
    dimension = len(conversations[0][0])
    spec = FeatureSpec(modality="audio", name="x", dimension=dimension)
    drafts = [
        DraftConversation(
            str(i), tuple(Utterance(str(j), "a") for j in range(len(rows))), {"audio/x": np.array(rows, dtype=np.float32)}
        )
        for i, rows in enumerate(conversations)
    ]
    report = feature_report(spec, drafts)
    rows = [row for conversation in conversations for row in conversation]
    missing = [[value != value for value in row] for row in rows]
    present = [row for row, gone in zip(rows, missing, strict=True) if not all(gone) and any(row)]
    assert report.rows == len(rows)
    assert report.zero_rows == sum(row == [0.0] * dimension for row in rows)
    assert report.nan_rows == sum(map(all, missing))
    assert report.partly_nan_rows == sum(any(gone) and not all(gone) for gone in missing)
    assert report.infinite_rows == sum(float("inf") in row for row in rows)
    values = [{row[column] for row in present if row[column] == row[column]} for column in range(dimension)]
    assert report.constant_columns == (sum(len(column) == 1 for column in values) if len(present) > 1 else 0)
