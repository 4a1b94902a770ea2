"""The main job on real conversations, where they are at hand: a slice of MELD and of MOSI, from files to scores and predictions."""

import json
import os
from pathlib import Path

import pytest

from merc.cli import main
from merc.data.formats.importing import import_corpus
from merc.data.schema import Corpus, Split
from merc.data.store.store import save_store

DATA = Path(os.environ.get("MERC_DATA", Path(__file__).resolve().parents[1] / "../shared/data"))
SMALL = ["--set", "training.epochs=1", "--set", "model.width=16", "--set", "training.device=cpu"]
RECIPES = Path(__file__).resolve().parents[1] / "recipes"


def slice_of(corpus: Corpus, count: int) -> Corpus:
    """The first conversations of each part of the official split."""
    parts = {part: ids[:count] for part, ids in corpus.splits["official"].parts.items()}
    kept = {i for ids in parts.values() for i in ids}
    conversations = tuple(c for c in corpus.conversations if c.id in kept)
    splits = {"official": Split("official", parts)}
    return Corpus(corpus.name, corpus.label_set, corpus.feature_schema, conversations, splits, corpus.notes)


@pytest.mark.parametrize("name", ["meld", "mosi"])
@pytest.mark.skipif(not DATA.is_dir(), reason="no real data: set MERC_DATA, or lay it at ../shared/data")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_from_files_to_predictions(name, tmp_path, capsys):
    if not (DATA / name).is_dir():
        pytest.fail(f"{DATA} holds no {name}")
    store, run = tmp_path / "store", tmp_path / "run"
    save_store(slice_of(import_corpus(DATA / name), 12), store)
    assert main(["features", "text", str(store)]) == 0
    assert main(["data", "probe", str(store)]) == 0
    assert main(["train", str(RECIPES / f"{name}.yaml"), "--set", f"data.store={store}", "--out", str(run), *SMALL]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["part"] == "validation"
    assert report["coarse"]["utterances"] > 50
    chat = tmp_path / "chat.csv"
    chat.write_text("speaker,transcript\nAnn,What a day!\nBo,Tell me.\n", encoding="utf-8")
    assert main(["predict", str(run), str(chat), "--json"]) == 0
    (judged,) = json.loads(capsys.readouterr().out)
    assert len(judged["utterances"]) == 2
