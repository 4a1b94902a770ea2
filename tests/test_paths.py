"""Whoever takes a path takes a str: `merc.data.store.open_store("store/x")` works, as does every public function of the package."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import merc
import merc.data.store
from merc.annotation.batch import FolderOptions
from merc.annotation.cache import FeatureCache
from merc.annotation.sample import make_sample
from merc.annotation.transcripts.conversations import read_conversations
from merc.data.corpora.fetch import fetch
from merc.data.formats.importing import import_corpus
from merc.data.formats.inspection import inspect as inspect_corpus
from merc.data.labels import read_mapping
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.store.store import update_notes
from merc.encoders.encoding import encode_corpus
from merc.errors import DataError
from merc.files.staged_file import write_atomically
from open_formats import write_jsonl, write_parquet

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
MODULES = [
    f"merc.{package}.{name}"
    for package, names in {
        "annotation": ("annotator", "batch", "cache", "options", "sample", "transcripts.reading"),
        "data": ("corpora.fetch", "labels", "store.store", "unpickle.reading"),
        "data.formats": ("csv_table", "importing", "inspection", "json_lines", "parquet_table"),
        "encoders": ("encoding",),
        "files": ("lock", "staged_file"),
        "inference": ("recogniser", "table"),
        "runs": ("demo", "evaluation", "training"),
        "studies": ("mistakes", "recipe", "report.files", "runner", "study", "summary"),
        "training": ("recipe",),
    }.items()
    for name in names
]


def public_functions():
    """Dotted name, function: of the modules that a user meets, of what `merc` itself offers, of classes that take options."""
    for module in MODULES:
        names = vars(import_module(module)).items()
        yield from (
            (f"{f.__module__}.{n}", f) for n, f in names if inspect.isfunction(f) and f.__module__ == module and n[0] != "_"
        )
    for found in (*(getattr(merc, name) for name in merc.__all__), FeatureCache, FolderOptions):
        if inspect.isclass(found):
            methods = [n for n, member in vars(found).items() if n == "__init__" or (n[0] != "_" and inspect.isroutine(member))]
            yield from ((f"{found.__module__}.{found.__name__}.{n}", getattr(found, n)) for n in methods)
        elif inspect.isfunction(found):
            yield f"{found.__module__}.{found.__name__}", found


def paths_alone(function):
    """Parameters that are annotated as Path and not as str."""
    words = {p.name: re.findall(r"\w+", str(p.annotation)) for p in inspect.signature(function).parameters.values()}
    return [name for name, found in words.items() if "Path" in found and "str" not in found]


FUNCTIONS = dict(public_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_parameter_that_takes_a_path_takes_a_str(name):
    assert paths_alone(FUNCTIONS[name]) == []


def test_the_walk_finds_functions_and_paths():
    def only(a: Path, b: "Path | None", c: str | Path, d: "str | Path") -> None: ...

    assert paths_alone(only) == ["a", "b"]
    assert {"merc.data.store.store.open_store", "merc.runs.training.train", "merc.annotation.options.Options.__init__"} <= set(
        FUNCTIONS
    )


@pytest.fixture
def corpus():
    turns = tuple(Utterance(str(i), "A", words="so", label="calm") for i in range(3))
    return Corpus(
        name="made",
        label_set=LabelSet(names=("calm", "cross")),
        feature_schema=(FeatureSpec(modality="audio", name="x", dimension=2),),
        conversations=(Conversation("c", turns, {"audio/x": np.ones((3, 2), np.float32)}),),
    )


class Lengths:
    """An encoder of texts: their length."""

    modality, name, version, dimension, licence = "text", "lengths", "1", 1, "MIT"

    def encode(self, texts, progress=None):
        return np.array([[len(text or "")] for text in texts], dtype=np.float32)


def test_a_store_is_named_by_a_str(tmp_path, monkeypatch, corpus):
    monkeypatch.chdir(tmp_path)
    merc.data.store.save_store(corpus, "store/x")
    merc.data.store.add_features("store/x", FeatureSpec(modality="text", name="t", dimension=1), {})
    update_notes("store/x", {"a": 1})
    opened = merc.data.store.open_store("store/x")
    assert [spec.key for spec in opened.feature_schema] == ["audio/x", "text/t"] and opened.notes == {"a": 1}
    spec = encode_corpus("store/x", Lengths())
    assert spec.key in merc.open_store("store/x").conversations[0].features


def test_files_are_named_by_a_str(tmp_path, monkeypatch, corpus):
    monkeypatch.chdir(tmp_path)
    write_jsonl(corpus, "x.jsonl")
    write_parquet(corpus, "x.parquet")
    write_atomically("x.yaml", b"{name: m, labels: [a, b], mapping: {calm: a, cross: b}}")
    assert [import_corpus(name).utterance_count for name in ("x.jsonl", "x.parquet")] == [3, 3]
    assert inspect_corpus("x.jsonl").importable
    assert len(read_conversations("x.jsonl").conversations) == 1
    assert read_mapping("x.yaml").name == "m"
    assert merc.load_recipe(str(RECIPES / "meld.yaml")).name == "meld"
    assert make_sample("sample").path.parent == Path("sample")
    with pytest.raises(DataError, match="file/meld"):
        fetch("meld", "x.yaml/file/meld")
