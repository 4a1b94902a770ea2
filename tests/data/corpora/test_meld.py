"""MELD's csv: hand-made folders, and the published counts on the real files where they are."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from merc.data.corpora.meld import LABELS, LAYOUT, PRAAT, PRAAT_COLUMNS
from merc.data.formats.layout import CorpusSource
from merc.errors import DataError

DATA = Path(os.environ.get("MERC_DATA", Path(__file__).resolve().parents[3] / "../shared/data"))
real = pytest.mark.skipif(
    not (DATA / "meld/train_sent_emo.csv").is_file(), reason=f"no MELD in {DATA} (MERC_DATA names the folder)"
)

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
PRAAT_HEADER = ",".join(("Dialogue_ID", "Utterance_ID", *PRAAT_COLUMNS)) + "\n"


def row(words="Hm.", speaker="Ann", emotion="neutral", dialogue=0, utterance=0, start='"00:00:01,500"', end='"00:00:02,000"'):
    return f"1,{words},{speaker},{emotion},neutral,{dialogue},{utterance},1,1,{start},{end}\n"


def folder(tmp_path, train=None, dev=None, test=None, **praat):
    for prefix, rows in (("train", train), ("dev", dev), ("test", test)):
        (tmp_path / f"{prefix}_sent_emo.csv").write_text(HEADER + (row() if rows is None else rows))
    for prefix, rows in praat.items():
        (tmp_path / f"{prefix}.csv").write_text(PRAAT_HEADER + rows)
    return CorpusSource(tmp_path)


def test_ids_labels_times_and_split(tmp_path):
    rows = row("It\x92s.", "Bo", "Joy ", 3, 1) + row('"Well, no"', "Ann", "anger", 3, 0, '""', "2.5") + row(dialogue=1)
    source = folder(tmp_path, train=rows)
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    assert [c.id for c in corpus.conversations] == ["1", "3", "1039", "1153"]
    first, second = corpus.conversations[1].utterances
    assert (first.id, first.speaker, first.label, first.words, first.start, first.end) == (
        "0",
        "Ann",
        "anger",
        "Well, no",
        None,
        2.5,
    )
    assert (second.id, second.speaker, second.label, second.words, second.start) == ("1", "Bo", "joy", "It’s.", 1.5)
    assert {p: set(i) for p, i in corpus.splits["official"].parts.items()} == {
        "train": {"1", "3"},
        "validation": {"1039"},
        "test": {"1153"},
    }
    assert corpus.feature_schema == ()
    assert corpus.label_set == LABELS


def test_praat_rows_missing_and_partial(tmp_path):
    rows = row(utterance=0) + row(utterance=1) + row(utterance=2)
    praat = "0,0,1,2,3,4,5,6,7,8\n0,2,1,2,3,,5,6,nan,8\n"
    corpus = LAYOUT.read(folder(tmp_path, train=rows, train_praat=praat, test_praat="0,0,,,,,,,,\n"))
    assert corpus.feature_schema == (PRAAT,)
    assert (PRAAT.key, PRAAT.dimension, PRAAT.encoder) == ("audio/praat", 8, "praat")
    found = {c.id: c.features[PRAAT.key] for c in corpus.conversations}
    nan = math.nan
    np.testing.assert_array_equal(
        found["0"], np.array([[1, 2, 3, 4, 5, 6, 7, 8], [nan] * 8, [1, 2, 3, nan, 5, 6, nan, 8]], np.float32)
    )
    assert np.isnan(found["1039"]).all() and np.isnan(found["1153"]).all()


def test_praat_columns_are_found_by_name(tmp_path):
    source = folder(tmp_path)
    (tmp_path / "train_praat.csv").write_text(
        "mean_hnr,Utterance_ID,Dialogue_ID,duration,avg_intensity,intensity_variation,avg_pitch,pitch_std,pitch_range,articulation_rate,more\n"
        "8,0,0,1,2,3,4,5,6,7,99\n"
    )
    np.testing.assert_array_equal(LAYOUT.read(source).conversations[0].features["audio/praat"], [[1, 2, 3, 4, 5, 6, 7, 8]])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"dev": row(emotion="hapy")}, r"dev_sent_emo\.csv, row 2: unknown label 'hapy'; allowed: neutral, surprise, "),
        ({"train": row() + row()}, r"train_sent_emo\.csv, row 3: Dialogue_ID 0, Utterance_ID 0 occurs already in row 2"),
        ({"dev": row(dialogue=114)}, r"dev_sent_emo\.csv, row 2: Dialogue_ID 114; MELD's dev dialogues are 0 to 113"),
        ({"train": row(dialogue="x")}, r"train_sent_emo\.csv, row 2: column 'Dialogue_ID' is 'x'; allowed is a whole number"),
        ({"test": row(speaker="")}, r"test_sent_emo\.csv, row 2: column 'Speaker' is empty"),
        ({"test": row(start="soon")}, r"test_sent_emo\.csv, row 2: column 'StartTime' is 'soon'"),
        ({"train_praat": "0,1,1,2,3,4,5,6,7,8\n"}, r"train_praat\.csv, row 2: no such utterance in train_sent_emo\.csv"),
        ({"train_praat": "0,0,1,2,3,4,5,6,7,8\n" * 2}, r"train_praat\.csv, row 3: .* occurs already in row 2"),
        ({"train_praat": "0,0,1,2,3,4,5,6,7,loud\n"}, r"train_praat\.csv, row 2: column 'mean_hnr' is 'loud'"),
        ({"train": "", "dev": "", "test": ""}, "MELD's files hold no utterance"),
    ],
)
def test_faults_are_named_with_file_and_row(tmp_path, files, message):
    with pytest.raises(DataError, match=message):
        LAYOUT.read(folder(tmp_path, **files))


def test_a_missing_split_is_named_and_other_folders_do_not_match(tmp_path):
    source = folder(tmp_path)
    (tmp_path / "dev_sent_emo.csv").unlink()
    assert LAYOUT.matches(source)
    with pytest.raises(DataError, match=r"dev_sent_emo\.csv is missing"):
        LAYOUT.read(source)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/train_sent_emo.csv").write_text("a,b\n")
    assert not LAYOUT.matches(CorpusSource(tmp_path / "other"))
    assert not LAYOUT.matches(CorpusSource(tmp_path / "train_sent_emo.csv"))
    assert not LAYOUT.matches(CorpusSource(tmp_path / "gone"))


@real
def test_real_meld_has_the_published_counts():
    source = CorpusSource(DATA / "meld")
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    published = {
        "train": (1038, 9989, [4710, 1205, 268, 683, 1743, 271, 1109]),
        "validation": (114, 1109, [470, 150, 40, 111, 163, 22, 153]),
        "test": (280, 2610, [1256, 281, 50, 208, 402, 68, 345]),
    }
    for part, (conversations, utterances, counts) in published.items():
        found = corpus.part("official", part)
        assert len(found) == conversations
        assert sum(len(c) for c in found) == utterances
        assert list(corpus.label_counts(found).values()) == counts
    assert "60" not in corpus.splits["official"].parts["train"]
    audio = np.concatenate([c.features["audio/praat"] for c in corpus.conversations])
    assert np.isnan(audio).all(axis=1).sum() == 2
    words = [u.words for c in corpus.conversations for u in c.utterances]
    assert all(words) and not any("\x80" <= letter <= "\x9f" for text in words for letter in text or "")
