"""CMU-MOSI's table: hand-made folders, the drawn validation part, and the real one where it is."""

import os
from pathlib import Path

import numpy as np
import pytest

from merc.data.corpora.mosi import LAYOUT
from merc.data.formats.layout import CorpusSource
from merc.errors import DataError

DATA = Path(os.environ.get("MERC_DATA", Path(__file__).resolve().parents[3] / "../shared/data"))
real = pytest.mark.skipif(not (DATA / "mosi/utterances.csv").is_file(), reason=f"no MOSI in {DATA} (MERC_DATA names the folder)")

ROWS = "train,a,2,1,GOOD\ntrain,a,1,0,BAD\ntrain,b,1,1,\ntest,c,7,0,NO\n"


def folder(tmp_path, rows=ROWS, **arrays):
    (tmp_path / "utterances.csv").write_text("split,video,index,label,transcript\n" + rows)
    np.savez(tmp_path / "features.npz", **(arrays or {"audio": np.arange(8.0).reshape(4, 2)}))
    return CorpusSource(tmp_path)


def test_videos_become_conversations_in_the_order_of_their_index(tmp_path):
    source = folder(tmp_path)
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    assert [c.id for c in corpus.conversations] == ["a", "b", "c"]
    video = corpus.conversations[0]
    assert [(u.id, u.speaker, u.label, u.words) for u in video.utterances] == [
        ("1", "a", "negative", "BAD"),
        ("2", "a", "positive", "GOOD"),
    ]
    np.testing.assert_array_equal(video.features["audio/mosi2"], np.array([[2, 3], [0, 1]], np.float32))
    assert corpus.conversations[1].utterances[0].words is None
    (spec,) = corpus.feature_schema
    assert (spec.key, spec.dimension, spec.encoder) == ("audio/mosi2", 2, "unknown")
    assert {part: len(ids) for part, ids in corpus.splits["official"].parts.items()} == {"train": 1, "validation": 1, "test": 1}
    assert "1 of 2 training videos, drawn with seed 0" in str(corpus.notes["official_split"])


def test_a_given_validation_part_is_kept(tmp_path):
    corpus = LAYOUT.read(folder(tmp_path, ROWS.replace("train,b", "validation,b")))
    assert corpus.splits["official"].parts == {"train": ("a",), "validation": ("b",), "test": ("c",)}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS.replace("1,0,BAD", "1,2,BAD"), r"utterances\.csv, row 3: unknown label '2'; allowed: 0 \(negative\), 1 \(positive\)"),
        (ROWS.replace("train,a,1", "test,a,1"), r"row 3: video 'a' is in '.*' and in '.*'"),
        (ROWS.replace("train,a,1", "train,a,2"), r"row 3: video 'a', index 2 occurs already in row 2"),
        (ROWS.replace("train,b", "valid,b"), r"row 4: unknown split 'valid'; allowed: train, validation, test"),
        (ROWS + "train,d,1,1,X\n", r"array 'audio' is float64 \(4, 2\), expected numbers of shape \(5, dimension\)"),
        ("", "holds no utterance"),
    ],
)
def test_faults_of_the_table_are_named(tmp_path, rows, message):
    with pytest.raises(DataError, match=message):
        LAYOUT.read(folder(tmp_path, rows))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[1.0], [2.0], [np.inf], [1.0]]), "row 2: infinite"),
        (np.array([[1.0], [1e39], [1.0], [1.0]]), "row 1: infinite, or too large for float32"),
        (np.ones(4), r"expected numbers of shape \(4, dimension\)"),
        (np.array([["a"], ["b"], ["c"], ["d"]]), "expected numbers"),
        (np.array([[{}], [1], [2], [3]], dtype=object), "not a readable npz of plain numbers"),
        (np.ones((4, 0)), "dimension out of range"),
    ],
)
def test_faults_of_the_arrays_are_named(tmp_path, array, message):
    with pytest.raises(DataError, match=message):
        LAYOUT.read(folder(tmp_path, audio=array))


def test_truncated_and_altered_archives_are_one_clear_error(tmp_path):
    source = folder(tmp_path)
    path = tmp_path / "features.npz"
    data = path.read_bytes()
    for kept in (0, 3, 60, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:kept])
        with pytest.raises(DataError, match=r"features\.npz"):
            LAYOUT.read(source)
    for place in range(0, len(data), 5):
        altered = bytearray(data)
        altered[place] ^= 0xFF
        path.write_bytes(altered)
        try:
            LAYOUT.read(source)
        except DataError as error:
            assert "features.npz" in str(error)


def test_a_modality_must_have_a_modalitys_name(tmp_path):
    with pytest.raises(DataError, match="array 'Audio!'"):
        LAYOUT.read(folder(tmp_path, **{"Audio!": np.ones((4, 1))}))


def test_other_folders_do_not_match(tmp_path):
    source = folder(tmp_path)
    (tmp_path / "features.npz").unlink()
    assert not LAYOUT.matches(source)
    assert not LAYOUT.matches(CorpusSource(tmp_path / "utterances.csv"))


@real
def test_real_mosi():
    source = CorpusSource(DATA / "mosi")
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    assert (len(corpus.conversations), corpus.utterance_count) == (93, 2199)
    parts = corpus.splits["official"].parts
    assert {part: len(ids) for part, ids in parts.items()} == {"train": 53, "validation": 9, "test": 31}
    assert corpus.label_counts() == {"negative": 1023, "positive": 1176}
    assert [spec.key for spec in corpus.feature_schema] == ["audio/mosi73"]
