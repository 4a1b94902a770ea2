"""A model as one file of ONNX: a program without merc gets the same from it and from the description beside it."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest

from merc.cli import main
from merc.data.schema import Conversation, Utterance
from merc.errors import DataError
from merc.inference.exported import export
from merc.inference.loading import SHIPPED_FOLDER, load


@pytest.fixture(scope="module")
def model():
    return load()


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    return export(model, tmp_path_factory.mktemp("exported") / "model.onnx")


def standardised(rows, about):
    """By the rule in the description, an utterance at a time."""
    kept = np.array(about["kept"])
    found, present = [], []
    for row in np.asarray(rows, dtype=np.float64):
        missing = np.isnan(row)
        numbers = (row[kept] - about["mean"]) / about["deviation"]
        numbers = np.clip(np.where(missing[kept], 0, numbers), -about["clip"], about["clip"])
        present.append(not missing.all())
        found.append(np.concatenate([numbers, missing[about["indicated"]]]) * present[-1])
    return np.array(found, dtype=np.float32), np.array(present)


def test_a_program_without_merc_gets_the_same(model, files):
    graph, described = files
    about = json.loads(described.read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(graph.read_bytes(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    talks, longest = [], 4
    for number, speakers in enumerate((["Ann", "Bob", "Ann", "Cy"], ["Ann", "Ann"])):
        text = random.normal(size=(len(speakers), 384)).astype(np.float32) * 0.1
        audio = random.normal(size=(len(speakers), 16)).astype(np.float32) * 3
        audio[0, 3], audio[1] = np.nan, np.nan
        utterances = tuple(Utterance(str(i), name, "words") for i, name in enumerate(speakers))
        keys = [spec.key for spec in model.preprocessor.specs]
        talks.append(Conversation(str(number), utterances, dict(zip(keys, (text, audio), strict=True))))
    shapes = {name: [2, longest, *each["shape"][2:]] for name, each in about["inputs"].items()}
    inputs = {name: np.zeros(shapes[name], dtype=each["type"]) for name, each in about["inputs"].items()}
    inputs["speakers"] -= 1
    for row, talk in enumerate(talks):
        length = len(talk)
        inputs["valid"][row, :length] = True
        names = list(dict.fromkeys(u.speaker for u in talk.utterances))
        inputs["speakers"][row, :length] = [names.index(u.speaker) for u in talk.utterances]
        for m, modality in enumerate(about["modalities"]):
            rule = about["standardisation"][modality]
            key = f"{rule['feature']['modality']}/{rule['feature']['name']}"
            rows, inputs["present"][row, :length, m] = standardised(talk.features[key], rule)
            inputs[f"input/{modality}"][row, :length] = rows
    found = session.run(["probabilities", "trust"], inputs)
    for row, judged in enumerate(model.judge(talks)):
        wanted = [[u.probabilities[label] for label in about["labels"]] for u in judged.utterances]
        np.testing.assert_allclose(found[0][row, : len(wanted)], wanted, atol=1e-5)
        trust = [[u.trust[m] for m in about["modalities"]] for u in judged.utterances]
        np.testing.assert_allclose(found[1][row, : len(trust)], trust, atol=1e-5)


def test_the_file_stands_alone_and_describes_itself(files):
    graph, described = files
    checked = onnx.load(graph)
    onnx.checker.check_model(checked)
    assert not any(tensor.external_data for tensor in checked.graph.initializer)
    about = json.loads(described.read_text(encoding="utf-8"))
    assert list(about["inputs"]) == [value.name for value in checked.graph.input]
    assert list(about["outputs"]) == [value.name for value in checked.graph.output]
    assert about["labels"] == list(load().label_set.names) and "Limits" in about["card"]


@pytest.mark.parametrize(("name", "message"), [("x.pb", "exported as .onnx"), ("no/x.onnx", "there is no folder")])
def test_another_place_is_refused(model, tmp_path, name, message):
    with pytest.raises(DataError, match=message):
        export(model, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_commands(tmp_path, capsys):
    assert main(["export", "shipped", "--out", str(tmp_path / "x.onnx")]) == 0
    assert capsys.readouterr().err.splitlines() == [str(tmp_path / "x.onnx"), str(tmp_path / "x.json")]
    assert main(["export", "nowhere"]) == 2
    assert "no folder of a run or of a saved model" in capsys.readouterr().err


@pytest.mark.usefixtures("with_graphs")
def test_an_older_model_gets_a_graph(tmp_path, capsys):
    shutil.copytree(SHIPPED_FOLDER, tmp_path / "old")
    (tmp_path / "old" / "model.onnx").unlink()
    known = json.loads((tmp_path / "old" / "checksums.json").read_text())
    del known["model.onnx"]
    (tmp_path / "old" / "checksums.json").write_text(json.dumps(known))
    assert load(tmp_path / "old").backend == "torch"
    assert main(["export", str(tmp_path / "old")]) == 0
    assert capsys.readouterr().err.splitlines() == [str(tmp_path / "old" / "model.onnx")]
    assert load(tmp_path / "old").backend == "onnx"
