"""The command line on a small invented corpus, from a file of transcripts to judged conversations, and what each command prints."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from merc.cli import main
from merc.data.probe import recorded_probe
from merc.data.store.store import open_store, save_store
from merc.errors import MercError
from merc.evaluation.report import EvaluationReport
from merc.inference.loading import load
from merc.synthetic.planting import planted_streams

WORDS = ("i", "am", "so", "happy", "today", "why", "did", "you", "leave", "me")
LABELS = ("calm", "cross", "glad")
SIZES = {"train": 10, "validation": 6, "test": 6}
MODEL = {"width": 16, "dropout": 0.1, "attention": {"heads": 2}, "tower": {"layers": 1}}
RECIPE = {
    "name": "small",
    "model": MODEL,
    "training": {"epochs": 2, "learning_rate": 2e-3, "batch_conversations": 4, "device": "cpu"},
}


@dataclass(frozen=True)
class Place:
    """Where the steps of the whole path left their results."""

    folder: Path
    corpus: Path
    encoder: Path
    store: Path
    recipe: Path
    run: Path


def write_corpus(path):
    """Conversations whose words and audio hang on their labels."""
    random = np.random.default_rng(0)
    ids = {part: [f"{part}{i}" for i in range(size)] for part, size in SIZES.items()}
    audio = {"modality": "audio", "name": "tone", "dimension": 3, "encoder": "invented", "version": "1"}
    header = {"merc": 1, "name": "chats", "labels": LABELS, "features": [audio], "splits": {"official": ids}}
    lines = [header]
    for conversation in (i for of_part in ids.values() for i in of_part):
        utterances = []
        for position in range(int(random.integers(2, 6))):
            label = int(random.integers(len(LABELS)))
            words = random.choice(WORDS[3 * label : 3 * label + 4], 4)
            tone = [round(float(number), 3) for number in random.standard_normal(3) + label]
            utterances.append(
                {
                    "speaker": "AB"[position % 2],
                    "label": LABELS[label],
                    "transcript": " ".join(words),
                    "features": {"audio/tone": tone},
                }
            )
        lines.append({"id": conversation, "utterances": utterances})
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def build_encoder(folder):
    """A BERT of one layer and 8 dimensions with a word tokenizer, as transformers saves it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32).save_pretrained(
        folder
    )
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("path")
    names = ("corpus.jsonl", "encoder", "store", "recipe.yaml", "run")
    place = Place(folder, *(folder / name for name in names))
    write_corpus(place.corpus)
    build_encoder(place.encoder)
    place.recipe.write_text(yaml.safe_dump(RECIPE))
    assert main(["data", "import", str(place.corpus), "--out", str(place.store)]) == 0
    assert main(["features", "text", str(place.store), "--encoder", str(place.encoder)]) == 0
    assert main(["data", "probe", str(place.store)]) == 0
    assert main(train_arguments(place, place.run)) == 0
    return place


def train_arguments(place, out, *more):
    return ["train", str(place.recipe), "--set", f"data.store={place.store}", *more, "--out", str(out)]


def output(capsys, *arguments):
    """What a command that succeeds printed on stdout and stderr."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out, err


def json_output(capsys, *arguments):
    return json.loads(output(capsys, *arguments, "--json")[0])


def test_version(capsys):
    out, err = output(capsys, "--version")
    assert (out.split()[0], len(out.split()), err) == ("merc", 2, "")


@pytest.mark.parametrize(
    "command",
    [
        *((), ("data",), ("features",), ("train",), ("adapt",), ("evaluate",), ("predict",), ("demo",), ("features", "text")),
        *(("data", name) for name in ("import", "inspect", "fetch", "plant", "synthesise", "probe")),
    ],
)
def test_every_command_explains_itself(capsys, command):
    out, _ = output(capsys, *command, "--help")
    assert out.startswith(f"Usage: {' '.join(['merc', *command])}")


def test_a_module_run_and_a_wrong_option(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "merc", "demo", "--nonsense"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option: --nonsense" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_import_says_what_the_store_holds(capsys, place):
    out, err = output(capsys, "data", "import", "jsonl", place.corpus, "--out", place.folder / "again")
    assert "chats: 22 conversations" in out
    assert "audio" in out and "tone" in out
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("official")] == [
        ["official", part, str(size)] for part, size in SIZES.items()
    ]
    assert err == ""
    output(capsys, "data", "import", place.corpus, "--out", place.folder / "again", "--overwrite")


def test_import_takes_zeros_as_absence_if_asked(capsys, tmp_path):
    turns = [
        {"speaker": "A", "label": label, "features": {"audio/tone": numbers}} for label, numbers in (("x", [0, 0]), ("y", [1, 2]))
    ]
    (tmp_path / "zeros.jsonl").write_text(json.dumps({"id": "c", "utterances": turns}) + "\n")
    output(capsys, "data", "import", tmp_path / "zeros.jsonl", "--out", tmp_path / "kept")
    output(capsys, "data", "import", tmp_path / "zeros.jsonl", "--out", tmp_path / "absent", "--zeros-absent")
    kept, absent = (open_store(tmp_path / name).conversations[0].features["audio/tone"] for name in ("kept", "absent"))
    assert kept.tolist() == [[0, 0], [1, 2]]
    assert np.isnan(absent[0]).all() and absent[1].tolist() == [1, 2]


def test_inspect_in_words_and_as_json(capsys, place):
    out, _ = output(capsys, "data", "inspect", place.corpus)
    assert "jsonl" in out and "can be imported" in out
    inspection = json_output(capsys, "data", "inspect", place.corpus, "--layout", "jsonl")
    assert (inspection["conversations"], inspection["importable"]) == (22, True)
    assert inspection["labels"].keys() == set(LABELS)


def write_labelled(folder, good=("so happy today", "happy today am"), bad=("why did leave me", "why leave you")):
    """Ten talks in tables, whose labels are the writer's own."""
    folder.mkdir()
    for number in range(10):
        turns = [("nice", good), ("nasty", bad), ("nice", good), ("nasty", bad)]
        rows = [f"{'AB'[t % 2]},{words[(number + t) % 2]},{label}" for t, (label, words) in enumerate(turns)]
        (folder / f"talk{number}.csv").write_text("\n".join(["speaker,text,emotion", *rows]) + "\n")


def test_adapt_tells_scores_differences_and_what_was_trained(capsys, place, tmp_path):
    write_labelled(tmp_path / "own")
    out, _ = output(capsys, "adapt", tmp_path / "own", "--model", place.run, "--out", tmp_path / "new")
    assert "own: 10 conversations, 40 labelled utterances; labels nasty, nice; judged by text" in out
    assert "small has no label nasty, nice, so it can't be judged as it is" in out
    assert [line.split()[0] for line in out.splitlines() if line.startswith(("adapted  ", "from", "majority"))] == [
        "adapted",
        "from",
        "majority",
    ]
    assert re.search(r"adapted minus from nothing: [+-][\d.]+ weighted F1 \(95 % interval [+-][\d.]+ to [+-][\d.]+; p", out)
    assert "trained: " in out and "chosen within the folds: " in out
    assert f"model: {tmp_path / 'new' / 'model'}" in out.replace("\n", "")
    (judged,) = json_output(capsys, "predict", tmp_path / "new", tmp_path / "own" / "talk0.csv")
    assert {u["emotion"] for u in judged["utterances"]} == {"nice", "nasty"}


def test_adapt_maps_labels_and_prints_its_report(capsys, place, tmp_path):
    write_labelled(tmp_path / "own")
    mapping = {"name": "mine", "labels": ["calm", "cross"], "mapping": {"nice": "calm", "nasty": "cross"}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mapping))
    shared = ("--model", place.run, "--map-labels", tmp_path / "mine.yaml")
    report = json_output(capsys, "adapt", tmp_path / "own", "--out", tmp_path / "new", *shared)
    assert report["labels"] == list(LABELS)
    assert set(report["arms"]) == {"as it is", "adapted", "from nothing", "majority"}
    assert report == json.loads((tmp_path / "new" / "model" / "adaptation.json").read_text())


def test_adapt_takes_a_store_but_no_options_of_transcripts(capsys, place, tmp_path):
    for option in (("--labels-from", "mood"), ("--no-sound",), ("--clock", "film")):
        assert main(["adapt", str(place.store), "--out", str(tmp_path / "new"), *option]) == 2
        assert "it is for transcripts" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert not (tmp_path / "new").exists()


def test_adapt_refuses_what_cannot_be_before_anything_is_read(capsys, place, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    for source, out, more, told in (
        ("nowhere", taken, (), "taken: already exists; give another --out\n"),
        ("nowhere", "new", ("--model", "no-model"), "no-model: no model here"),
        (place.store, "new", ("--seed", 2**31), "--seed"),
    ):
        assert main(["adapt", str(source), "--out", str(tmp_path / out), *map(str, more)]) == 2
        assert told in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_text_features_are_in_the_store_with_their_encoder(capsys, place):
    (spec,) = open_store(place.store).features_of("text")
    assert (spec.name, spec.dimension, spec.encoder) == ("encoder", 8, str(place.encoder))
    _, err = output(capsys, "features", "text", place.store, "--encoder", place.encoder)
    assert "text/encoder, dimension 8" in err


def test_probe_is_kept_in_the_store_and_printed(capsys, place):
    report = recorded_probe(open_store(place.store))
    assert report is not None
    assert json_output(capsys, "data", "probe", place.store) == report.model_dump(mode="json")
    out, _ = output(capsys, "data", "probe", place.store)
    for feature in report.features:
        assert feature.sentence in out
        assert f"{100 * feature.inside.weighted_f1:.1f}" in out


def test_fetch_names_the_files_and_the_next_step(capsys, tmp_path, monkeypatch):
    import merc.data.corpora.fetch

    asked = []

    def fetch(corpus, folder, mirror, progress):
        asked.append((corpus, folder, mirror))
        progress("files", 1, 1)
        return [folder / "train.csv"]

    monkeypatch.setattr(merc.data.corpora.fetch, "fetch", fetch)
    out, err = output(capsys, "data", "fetch", "meld", "--out", tmp_path, "--mirror", "http://localhost:1")
    assert out == f"{tmp_path / 'train.csv'}\n"
    assert f"merc data import meld {tmp_path} --out store/meld" in err
    assert output(capsys, "data", "fetch", "meld")[0] == f"{Path('data/meld/train.csv')}\n"
    assert asked == [("meld", tmp_path, "http://localhost:1"), ("meld", Path("data/meld"), None)]


def test_plant_copies_the_store_and_tells_the_ceiling(capsys, place, tmp_path):
    streams = ("--stream", "audio:5:3.0:0.25:0.10", "--stream", "visual:4:1.0")
    out, err = output(capsys, "data", "plant", place.store, "--out", tmp_path / "planted", *streams, "--seed", 3)
    planted = planted_streams(open_store(tmp_path / "planted"))
    audio, visual = planted["audio"].stream, planted["visual"].stream
    assert (audio.dimension, audio.quality, audio.noise, audio.absent, planted["audio"].seed) == (5, 3.0, 0.25, 0.10, 3)
    assert (visual.dimension, visual.quality, visual.noise, visual.absent) == (4, 1.0, 0.0, 0.0)
    assert "ceiling on validation: the Bayes-optimal oracle given densities and text has accuracy" in out
    assert err == ""
    assert "area under the ROC curve of the oracle's detection of noise on validation, row by row: audio" in out


def test_plant_without_the_usual_split_tells_no_ceiling(capsys, place, tmp_path):
    corpus = open_store(place.store)
    save_store(replace(corpus, splits={"mine": corpus.splits["official"]}), tmp_path / "mine")
    out, err = output(capsys, "data", "plant", tmp_path / "mine", "--out", tmp_path / "standard")
    assert sorted(planted_streams(open_store(tmp_path / "standard"))) == ["audio", "visual"]
    assert "no ceiling: corpus 'chats' has no split 'official'" in err
    out, _ = output(capsys, "data", "plant", tmp_path / "mine", "--out", tmp_path / "named", "--split", "mine")
    assert "ceiling on validation" in out


def test_synthesise_writes_what_was_asked_for(capsys, tmp_path):
    sizes = ("--train", 3, "--validation", 2, "--test", 1, "--seed", 5, "--stream", "text:4:2.5")
    out, _ = output(capsys, "data", "synthesise", "--out", tmp_path / "store", *sizes)
    corpus = open_store(tmp_path / "store")
    assert corpus.notes["synthetic"] is True
    assert {part: len(ids) for part, ids in corpus.splits["official"].parts.items()} == {"train": 3, "validation": 2, "test": 1}
    assert corpus.modalities == ("text",)
    assert "ceiling on validation: the Bayes-optimal oracle given densities and chain" in out


def test_train_says_where_the_model_lies_and_warns_in_yellow(capsys, place, tmp_path, monkeypatch):
    output(capsys, "data", "import", place.corpus, "--out", tmp_path / "bare")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich then takes stderr for a terminal
    out, err = output(capsys, "train", place.recipe, "--set", f"data.store={tmp_path / 'bare'}", "--out", tmp_path / "run")
    assert f"model: {tmp_path / 'run' / 'model'}" in out
    assert "was not probed" in err
    assert "epoch 2/2" in err and "validation weighted F1" in err and "loss" in err
    best = load(tmp_path / "run").record.scores["weighted_f1"]
    assert f"{100 * best:.1f}" in out


def test_train_is_silent_on_stderr_where_nobody_watches(capsys, place, tmp_path):
    capsys.readouterr()
    assert main(train_arguments(place, tmp_path / "run")) == 0
    out, err = capsys.readouterr()
    assert out and all(line.startswith("warning: ") for line in err.splitlines())


def test_ctrl_c_saves_and_names_the_command_that_goes_on(capsys, place, tmp_path, monkeypatch):
    from merc.cli import runs

    @contextmanager
    def pressing_ctrl_c():
        yield lambda _stage, done, _total: done == 4 and signal.raise_signal(signal.SIGINT)

    whole = tmp_path / "whole run"
    assert main(train_arguments(place, whole, "--set", "training.seed=4")) == 0
    stopped = tmp_path / "stopped run"
    with monkeypatch.context() as patch:
        patch.setattr(runs, "staged", pressing_ctrl_c)
        capsys.readouterr()
        assert main(train_arguments(place, stopped, "--set", "training.seed=4")) == 130
    out, err = capsys.readouterr()
    assert out == ""
    *warnings, said, command = err.splitlines()
    assert all(line.startswith("warning: audio/tone: ") for line in warnings)
    assert said == f"interrupted; the run is saved in {stopped}. Go on with:"
    assert shlex.split(command)[0] == "merc"
    assert not (stopped / "model").exists()
    assert main(shlex.split(command)[1:]) == 0
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (whole, stopped)]
    assert weights[0] == weights[1]


def test_evaluate_prints_every_head_class_and_modality(capsys, place):
    out, err = output(capsys, "evaluate", place.run)
    for word in (*LABELS, "coarse", "fine/text", "unimodal/audio", "confusion", "mean trust", "Kendall tau"):
        assert word in out
    assert "small on chats, split official, part validation" in out
    assert err == ""
    report = EvaluationReport.model_validate(json_output(capsys, "evaluate", place.run))
    low, high = report.trust.intervals.kendall_tau
    assert f"95 % interval {low:.2f} to {high:.2f}" in out
    assert re.search(rf"coarse \(the answer\) .* {report.coarse.negative_log_likelihood:.2f}\n", out)
    for order, area in (("latent uncertainty", "area"), ("largest probability", "confidence_area"), ("by lot", "random_area")):
        assert re.search(rf"{order}.* {100 * getattr(report.uncertainty, area):.1f}\n", out)


def test_evaluate_prints_the_report_as_json_and_nothing_else(capsys, place):
    out, err = output(capsys, "evaluate", place.run, "--json")
    report = EvaluationReport.model_validate_json(out)
    assert json.loads(out) == report.model_dump(mode="json")
    assert (report.part, report.coarse.conversations, report.conditions.without) == ("validation", 6, ())
    assert err == ""


def test_a_look_at_the_test_part_is_noted_and_said(capsys, place):
    out, err = output(capsys, "evaluate", place.run, "--part", "test", "--json")
    assert json.loads(out)["part"] == "test"
    assert str(place.run / "log.jsonl") in err
    lines = [json.loads(line) for line in (place.run / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["judged"] == "test"


def test_the_same_checkpoint_under_other_conditions(capsys, place):
    whole = json_output(capsys, "evaluate", place.run)
    without = json_output(capsys, "evaluate", place.run, "--without", "audio")
    only = json_output(capsys, "evaluate", place.run, "--only", "text")
    assert without == only
    assert without["conditions"]["without"] == ["audio"]
    assert without["coarse"] != whole["coarse"]
    perturbed = json_output(
        capsys, "evaluate", place.run, "--corrupt", "audio=noise:1.0", "--corrupt", "text=drop:0.5", "--seed", 2
    )
    assert perturbed["conditions"] == {
        "without": [],
        "corrupt": [{"modality": "audio", "kind": "noise", "amount": 1.0}, {"modality": "text", "kind": "drop", "amount": 0.5}],
        "seed": 2,
    }
    out, _ = output(capsys, "evaluate", place.run, "--without", "audio", "--corrupt", "text=noise:0.5")
    assert "without audio, text with noise 0.5" in out


def test_evaluate_takes_another_store_and_writes_predictions(capsys, place, tmp_path):
    _, err = output(capsys, "evaluate", place.run, "--store", place.store, "--predictions", tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet")
    assert {"label", "emotion", "p_calm", "trust_text", "uncertainty"} <= set(table.column_names)
    assert table.num_rows == json_output(capsys, "evaluate", place.run)["coarse"]["utterances"]
    assert "p.parquet" in err


@pytest.fixture
def chat(tmp_path):
    path = tmp_path / "chat.csv"
    rows = [("speaker", "text"), ("Ann", "why did you leave me"), ("=Bo", "=cmd()"), ("Ann", ":red_circle: happy\u202e today")]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_predict_shows_words_as_they_are_but_steers_no_terminal(capsys, place, chat):
    out, _ = output(capsys, "predict", place.run, chat)
    assert ":red_circle: happy today" in out  # an override that never ends is dropped
    assert "\x1b" not in out and "\u202e" not in out
    for word in ("conversation chat", "Ann", "=cmd()", "emotion", "probability", "trust text"):
        assert word in out


def test_predict_takes_an_encoding(capsys, place, tmp_path):
    path = tmp_path / "chat.txt"
    path.write_bytes("Žofie: Hello there.\nBen: Hi.\n".encode("cp852"))
    judged = json_output(capsys, "predict", place.run, path, "--encoding", "cp852")
    assert [utterance["speaker"] for utterance in judged[0]["utterances"]] == ["Žofie", "Ben"]


def test_predict_as_json_is_what_the_package_says(capsys, place, chat):
    from dataclasses import asdict

    from merc.annotation.transcripts.conversations import read_conversations

    judged = json_output(capsys, "predict", place.run, chat)
    assert judged == json.loads(json.dumps([asdict(c) for c in load(place.run).predict(read_conversations(chat).conversations)]))
    assert [u["speaker"] for u in judged[0]["utterances"]] == ["Ann", "=Bo", "Ann"]
    assert judged[0]["utterances"][0]["present"] == ["text"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predict_into_a_file(capsys, place, chat, tmp_path, suffix):
    path = tmp_path / f"judged{suffix}"
    out, err = output(capsys, "predict", place.run, chat, "--out", path)
    assert (out, err) == ("", f"{path}: 3 utterances\n")
    if suffix == ".csv":
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = pq.read_table(path).to_pylist() if suffix == ".parquet" else list(map(json.loads, path.read_text().splitlines()))
    guard = "'" if suffix == ".csv" else ""
    assert [row["speaker"] for row in rows] == ["Ann", f"{guard}=Bo", "Ann"]
    assert rows[1]["words"] == f"{guard}=cmd()"
    for row in rows:
        assert sum(float(row[f"p_{label}"]) for label in LABELS) == pytest.approx(1)
        assert max(LABELS, key=lambda label, row=row: float(row[f"p_{label}"])) == row["emotion"]


def test_output_stays_whole_where_it_is_no_terminal(place):
    """A table in a file is not squeezed into 80 columns, and holds no colours."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "merc", "data", "inspect", str(place.corpus)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "constant columns" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_defect_of_ours_is_not_hidden(monkeypatch, place):
    """Only errors that a person can mend are turned into a line."""
    import merc.data.formats.inspection

    def fail(*_):
        raise ValueError("a defect")

    monkeypatch.setattr(merc.data.formats.inspection, "inspect", fail)
    with pytest.raises(ValueError, match="a defect") as caught:
        main(["data", "inspect", str(place.corpus)])
    assert not isinstance(caught.value, MercError)
