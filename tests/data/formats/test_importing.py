"""Detection among all layouts, import by name, and the reading of zeros as absence."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from merc.data.formats.importing import LAYOUTS, import_corpus, layout_of, open_source
from merc.data.formats.layout import CorpusSource
from merc.data.schema import Corpus
from merc.errors import DataError, UnsafeFileError

DATA = Path(os.environ.get("MERC_DATA", Path(__file__).resolve().parents[3] / "../shared/data"))
needs_pickles = pytest.mark.skipif(not (DATA / "legacy_pickles").is_dir(), reason=f"real data not at {DATA}; MERC_DATA names it")
needs_meld = pytest.mark.skipif(not (DATA / "meld").is_dir(), reason=f"real data not at {DATA}; MERC_DATA names it")
LENGTHS = {"Ses01F_impro01": 2, "Ses02M_impro01": 3, "Ses05F_impro04": 1}


def iemocap_content() -> list[Any]:
    random = np.random.default_rng(1)
    return [
        {vid: [f"{vid}_u{i}" for i in range(n)] for vid, n in LENGTHS.items()},
        {vid: ["MF"[i % 2] for i in range(n)] for vid, n in LENGTHS.items()},
        {vid: [i % 6 for i in range(n)] for vid, n in LENGTHS.items()},
        *({vid: list(random.normal(size=(n, width))) for vid, n in LENGTHS.items()} for width in (4, 3, 2)),
        {vid: [f"so {i}" for i in range(n)] for vid, n in LENGTHS.items()},
        ["Ses01F_impro01", "Ses02M_impro01"],
        ["Ses05F_impro04"],
    ]


def write(path: Path, content: object) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def test_names_are_unique_and_those_of_the_open_formats_are_there() -> None:
    names = [layout.name for layout in LAYOUTS]
    assert len(set(names)) == len(names)
    assert {"meld", "mosi", "jsonl", "parquet"} <= set(names)


@pytest.mark.parametrize("file", ["corpus.pkl", "corpus.data", "corpus"])
def test_a_pickle_is_known_by_content_whatever_its_name(file: str, tmp_path: Path) -> None:
    path = write(tmp_path / file, iemocap_content())
    assert layout_of(open_source(path)).name == "mmgcn-iemocap"
    corpus = import_corpus(path)
    assert corpus.utterance_count == 6
    assert corpus.notes["source"] == file


def test_the_folder_of_multiemo_is_read_as_a_whole(tmp_path: Path) -> None:
    content = iemocap_content()
    write(tmp_path / "Speakers.pkl", content)
    assert open_source(tmp_path).content is None
    for name, place in (("TextFeatures.pkl", 3), ("AudioFeatures.pkl", 4), ("VisualFeatures.pkl", 5)):
        write(tmp_path / name, content[place])
    corpus = import_corpus(tmp_path)
    assert [spec.dimension for spec in corpus.feature_schema] == [4, 3, 2]
    assert corpus.notes["layout"] == "multiemo"


def test_no_layout_says_what_was_found_and_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "x.pkl", [{1: [2]}, "odd"])
    with pytest.raises(
        DataError, match=r"x\.pkl: no known layout fits; found a list of 2 \(a dict of 1, 1 -> a list of 1; 'odd'\)"
    ) as error:
        import_corpus(path)
    assert all(layout.name in str(error.value) for layout in LAYOUTS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found a folder of 0"):
        import_corpus(tmp_path / "empty")
    (tmp_path / "some.txt").write_text("hello")
    with pytest.raises(DataError, match=r"found a file of 5 bytes with suffix '\.txt', no pickle"):
        import_corpus(tmp_path / "some.txt")


def test_a_named_layout_must_exist_and_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "x.pkl", iemocap_content())
    assert import_corpus(path, "mmgcn-iemocap").name == "iemocap"
    with pytest.raises(DataError, match=r"unknown layout 'mmgcn-iemcap' \(did you mean 'mmgcn-iemocap'\?\); known: meld, "):
        import_corpus(path, "mmgcn-iemcap")
    with pytest.raises(DataError, match=r"x\.pkl: not of layout 'sdt-meld' .* found a list of 9 "):
        import_corpus(path, "sdt-meld")


def test_what_is_no_file_or_no_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        open_source(tmp_path / "nothing.pkl")
    (tmp_path / "lfs.pkl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(DataError, match="a pointer of Git LFS"):
        open_source(tmp_path / "lfs.pkl")
    (tmp_path / "call.pkl").write_bytes(b"cos\ngetpid\n)R.")
    with pytest.raises(UnsafeFileError):
        import_corpus(tmp_path / "call.pkl")


def test_zeros_are_data_unless_told_otherwise(tmp_path: Path) -> None:
    content = iemocap_content()
    content[4]["Ses02M_impro01"][1] = np.zeros(3)
    content[4]["Ses02M_impro01"][2] = np.array([0.0, 1.0, 0.0])
    path = write(tmp_path / "x.pkl", content)
    plain, absent = import_corpus(path), import_corpus(path, zeros_absent=True)
    assert (plain.conversations[1].features["audio/mmgcn"][1] == 0).all()
    audio = absent.conversations[1].features["audio/mmgcn"]
    assert np.isnan(audio[1]).all() and not np.isnan(audio[[0, 2]]).any()
    assert audio.dtype == np.float32
    assert absent.notes["zeros_absent"] == {"text/mmgcn": 0, "audio/mmgcn": 1, "visual/mmgcn": 0}
    np.testing.assert_array_equal(absent.conversations[0].features["audio/mmgcn"], plain.conversations[0].features["audio/mmgcn"])


@pytest.fixture(scope="module")
def meld() -> Corpus:
    """The real MELD pickle, read once."""
    return import_corpus(DATA / "legacy_pickles" / "meld_cosmic.pkl")


@needs_pickles
def test_the_real_meld_pickle_has_its_published_sizes(meld: Corpus) -> None:
    assert meld.notes["layout"] == "cosmic-raw-meld"
    sizes = {part: (len(c), sum(map(len, c))) for part in ("train", "validation", "test") for c in [meld.part("official", part)]}
    assert sizes == {"train": (1038, 9989), "validation": (114, 1109), "test": (280, 2610)}
    counts = {part: list(meld.label_counts(meld.part("official", part)).values()) for part in ("train", "validation", "test")}
    assert counts["train"] == [4710, 1205, 268, 683, 1743, 271, 1109]
    assert counts["validation"] == [470, 150, 40, 111, 163, 22, 153]
    assert counts["test"] == [1256, 281, 50, 208, 402, 68, 345]


@needs_pickles
def test_the_real_emorynlp_pickle_has_its_published_sizes() -> None:
    # In a process of its own, without type checks: they make this file's 85,000 numpy scalars slow.
    path = DATA / "legacy_pickles" / "emorynlp_cosmic.pkl"
    code = "import sys; from pathlib import Path; from merc.data.formats.inspection import inspect; "
    code += "print(inspect(Path(sys.argv[1])).model_dump_json())"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    emory = json.loads(done.stdout)
    assert (emory["layout"], emory["importable"], emory["findings"]) == ("cosmic-raw-emorynlp", True, [])
    assert {p["part"]: (p["conversations"], p["utterances"]) for p in emory["parts"]} == {
        "train": (659, 7551),
        "validation": (89, 954),
        "test": (79, 984),
    }
    assert emory["labels"]["neutral"] == max(emory["labels"].values()) == 3095


@needs_pickles
@needs_meld
def test_pickle_and_csv_of_meld_are_the_same_conversations(meld: Corpus) -> None:
    published = import_corpus(DATA / "meld")
    by_id = {c.id: c for c in published.conversations}
    assert meld.splits["official"].parts == published.splits["official"].parts
    same_words = 0
    for conversation in meld.conversations:
        other = by_id[conversation.id]
        assert [u.label for u in conversation.utterances] == [u.label for u in other.utterances]
        same_words += sum(u.words == v.words for u, v in zip(conversation.utterances, other.utterances, strict=True))
    assert same_words > 0.98 * meld.utterance_count


def test_a_source_without_content_is_no_pickle_layout(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no known layout fits"):
        layout_of(CorpusSource(tmp_path))
