"""The parquet table as other programs write it, and every fault named. Round trips stand in test_round_trips."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merc.data.formats.layout import CorpusSource
from merc.data.formats.parquet_table import LAYOUT
from merc.data.schema import Utterance
from merc.errors import DataError

GOOD = {
    "conversation": ["c1", "c2", "c1"],
    "speaker": ["Ann", "Bo", "Cy"],
    "label": ["calm", "cross", None],
    "split": ["train", None, "train"],
    "text/t": [[1.0, None], None, [3.0, 4.0]],
}


def written(folder, columns=GOOD, **changes):
    path = folder / "chats.parquet"
    pq.write_table(pa.table({key: value for key, value in {**columns, **changes}.items() if value is not None}), path)
    return CorpusSource(path)


def test_a_plain_table_is_a_corpus(tmp_path):
    source = written(tmp_path, start=[0.5, math.nan, None], transcript=["a", "b", "c"])
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    assert (corpus.name, corpus.label_set.names) == ("chats", ("calm", "cross"))
    first, second = corpus.conversations
    assert first.utterances == (Utterance("0", "Ann", words="a", start=0.5, label="calm"), Utterance("1", "Cy", words="c"))
    assert second.utterances == (Utterance("0", "Bo", words="b", label="cross"),)
    np.testing.assert_array_equal(first.features["text/t"], np.array([[1, math.nan], [3, 4]], np.float32))
    assert np.isnan(second.features["text/t"]).all()
    assert dict(corpus.splits["official"].parts) == {"train": ("c1",)}


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float64(), 2), pa.list_(pa.int16()), pa.list_(pa.float16())],
)
@pytest.mark.parametrize("chunks", [1, 3])
def test_lists_of_any_make(tmp_path, kind, chunks):
    rows = [[1, 2], None, [3, 4]]
    column = pa.chunked_array([pa.array(rows, kind)] if chunks == 1 else [pa.array([row], kind) for row in rows])
    corpus = LAYOUT.read(written(tmp_path, **{"text/t": column}))
    np.testing.assert_array_equal(corpus.conversations[0].features["text/t"], np.array([[1, 2], [3, 4]], np.float32))
    assert np.isnan(corpus.conversations[1].features["text/t"]).all()


def test_whole_numbers_and_dictionaries_serve_as_ids(tmp_path):
    corpus = LAYOUT.read(written(tmp_path, conversation=[1, 2, 1], speaker=pa.array(GOOD["speaker"]).dictionary_encode()))
    assert [c.id for c in corpus.conversations] == ["1", "2"]


def test_without_splits_one_is_drawn(tmp_path):
    corpus = LAYOUT.read(written(tmp_path, split=None, conversation=["a", "b", "c"], label=["calm", "cross", "calm"]))
    assert sorted(i for part in corpus.splits["seeded"].parts.values() for i in part) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"speaker": None}, "no column 'speaker'; needed: conversation, speaker; found: conversation, label"),
        ({"speaker": ["Ann", None, "Cy"]}, "row 2: column 'speaker' is null"),
        ({"speaker": [[1], [2], [3]]}, "column 'speaker' is list<.*>, expected text"),
        ({"colour": ["r", "g", "b"]}, "unknown column 'colour'; allowed: conversation, "),
        ({"start": ["0", "1", "2"]}, r"column 'start' is string, expected numbers \(seconds\)"),
        ({"start": [0, math.inf, 2]}, "row 2: column 'start' is infinite"),
        ({"split": ["train", None, "test"]}, "row 3, column 'split': conversation 'c1' is in 'train' and in 'test'"),
        ({"split": ["train", "dev", "train"]}, "row 2: unknown part 'dev' in column 'split'; allowed: train, validation, test"),
        ({"split:official": ["train", None, "train"]}, "both give the split 'official'"),
        ({"text/t": [[1.0, 2.0], None, [3.0]]}, "row 3, feature text/t: 1 numbers, expected 2"),
        ({"text/t": pa.array([[], None, []], pa.list_(pa.float32()))}, "row 1, feature text/t: 0 numbers, expected 1"),
        (
            {"text/t": [[1e39], None, [3.0]]},
            "conversation 'c1', utterance '0', feature text/t: a number that is infinite, or too large for float32",
        ),
        ({"text/t": [1.0, 2.0, 3.0]}, "column 'text/t' is double, expected lists of numbers"),
        ({"text/t": [["a"], None, None]}, "column 'text/t' is list<.*>, expected lists of numbers"),
        ({"Text/t": [[1.0], None, None]}, "feature 'Text/t': .*expected the form 'modality/name'"),
        ({"utterance": ["0", "0", "0"]}, "conversation 'c1': utterance id '0' occurs more than once"),
        ({"label": ["calm", "calm", None]}, r"found 1 label\(s\)"),
    ],
)
def test_faults_are_named(tmp_path, changes, message):
    source = written(tmp_path, **changes)
    with pytest.raises(DataError, match=message) as caught:
        LAYOUT.read(source)
    assert str(caught.value).startswith(str(source.path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (b"{", "the metadata 'merc' is not valid JSON"),
        (b"[]", "is no JSON object"),
        (b'{"merc": 1, "lables": []}', "header: unknown key 'lables'"),
        (b'{"merc": 1, "features": [{"modality": "text", "name": "t", "dimension": 3}]}', "feature text/t: 2 numbers, expected 3"),
    ],
)
def test_faults_of_the_metadata_are_named(tmp_path, metadata, message):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(GOOD).replace_schema_metadata({b"merc": metadata}), path)
    with pytest.raises(DataError, match=message):
        LAYOUT.read(CorpusSource(path))


def test_truncated_files_and_others(tmp_path):
    source = written(tmp_path)
    data = source.path.read_bytes()
    for kept in (0, 3, len(data) // 2, len(data) - 1):
        source.path.write_bytes(data[:kept])
        assert not LAYOUT.matches(source)
        with pytest.raises(DataError, match=r"chats\.parquet: not a readable parquet file"):
            LAYOUT.read(source)
    assert not LAYOUT.matches(CorpusSource(tmp_path))
    pq.write_table(pa.table({"x": [1]}), source.path)
    assert not LAYOUT.matches(source)
