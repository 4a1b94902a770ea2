"""Both backends give the same, to 1e-5: every network and switch, random and trained weights, padded, windowed, absent, long."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

from merc.data.preprocessing import Preprocessor
from merc.data.schema import FeatureSpec, LabelSet
from merc.data.standardisation import Standardiser
from merc.errors import RunError
from merc.graphs.errors import NotExportableError
from merc.inference.backend import infer
from merc.inference.loading import SHIPPED_FOLDER, load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from switches import MODELS, train

pytestmark = pytest.mark.usefixtures("with_graphs")

TOLERANCE = 1e-5
WIDTHS = {"text": 6, "audio": 5}  # an export takes the square of the modalities
WITHOUT_GRAPH = {"DialogueRNN", "bc-LSTM"}  # docs/model.md lists them
CLASSES = ("calm", "cross", "glad")


def model_of(network, section, widths):
    specs = [FeatureSpec(modality=m, name="f", dimension=width, encoder="e", version="1") for m, width in widths.items()]
    random = np.random.default_rng(0)
    standardisers = {s.modality: Standardiser.fit(s, [random.normal(size=(9, s.dimension)).astype(np.float32)], 5.0) for s in specs}
    record = ModelRecord(recipe={"name": "m", "model": section})
    return Recogniser(network, Preprocessor(LabelSet(names=CLASSES), standardisers), record)


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def assert_alike(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=TOLERANCE)
        assert list(one.levels) == list(other.levels) and list(one.embeddings) == list(other.embeddings)
        for level, probabilities in other.levels.items():
            np.testing.assert_allclose(one.levels[level], probabilities, rtol=0, atol=TOLERANCE)
        for level, means in other.embeddings.items():
            np.testing.assert_allclose(one.embeddings[level], means, rtol=TOLERANCE, atol=TOLERANCE)
        for what in ("trust", "uncertainty"):
            assert (getattr(one, what) is None) == (getattr(other, what) is None)
            if getattr(other, what) is not None:
                np.testing.assert_allclose(getattr(one, what), getattr(other, what), rtol=0, atol=TOLERANCE)


def test_both_backends_agree(name, make_network, make_samples, tiny_recipe, tmp_path):
    widths = {**WIDTHS, "visual": 4} if name == "pool" else WIDTHS
    network = make_network(widths=widths, **MODELS[name])
    section = tiny_recipe(model=MODELS[name]).model.model_dump(mode="json")
    model = model_of(network, section, widths)
    if name in WITHOUT_GRAPH:
        with pytest.raises(NotExportableError):
            model.graph()
        model.save_pretrained(tmp_path)
        assert not (tmp_path / "model.onnx").exists() and load(tmp_path).backend == "torch"
        with pytest.raises(RunError, match=r"has no model\.onnx"):
            load(tmp_path, backend="onnx")
        return
    small = make_samples(widths=widths, lengths=(1, 2, 5, 3, 9, 1))
    absent = [
        replace(s, present=s.present & (np.arange(len(widths)) != 1), inputs={**s.inputs, "audio": 0 * s.inputs["audio"]})
        for s in small
    ]
    none = [replace(s, present=0 * s.present > 0, inputs={m: 0 * x for m, x in s.inputs.items()}) for s in small[:2]]
    for weights in ("random", "trained"):
        if weights == "trained":
            train(network, make_samples(widths=widths, lengths=(4, 3, 5)))
        folder = tmp_path / weights
        model.save_pretrained(folder)
        graph, torches = load(folder), load(folder, backend="torch")
        assert (graph.backend, torches.backend) == ("onnx", "torch")
        long = make_samples(widths=widths, lengths=(2000,))
        for samples in (small, small[:1], absent, none, long):
            assert_alike(graph.infer(samples, embeddings=True), torches.infer(samples, embeddings=True))


def test_onnx_runtime_alone_reads_a_saved_folder():
    session = onnxruntime.InferenceSession(str(SHIPPED_FOLDER / "model.onnx"), providers=["CPUExecutionProvider"])
    t = 5
    random = np.random.default_rng(0)
    inputs = {f"input/{m}": random.normal(size=(1, t, w)).astype(np.float32) for m, w in load().preprocessor.widths.items()}
    flags = {"present": np.ones((1, t, 2), bool), "valid": np.ones((1, t), bool), "speakers": np.array([[0, 1, 0, 1, 0]])}
    found = session.run(["logits/coarse"], {**inputs, **flags})[0]
    with torch.inference_mode():
        from merc.data.batching import Batch

        batch = Batch(
            {m.removeprefix("input/"): torch.from_numpy(x) for m, x in inputs.items()},
            *(torch.from_numpy(flags[key]) for key in ("present", "valid", "speakers")),
            torch.full((1, t), -1),
        )
        wanted = load(backend="torch").network(batch).coarse.logits.numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.fixture
def copied(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(SHIPPED_FOLDER, folder)
    return folder


def without_checksums(folder):
    (folder / "checksums.json").unlink()
    return pytest.warns(UserWarning, match=r"no checksums\.json")


def test_a_model_of_an_older_version_says_how_to_get_a_graph(copied, monkeypatch):
    (copied / "model.onnx").unlink()
    with pytest.raises(RunError, match=r"model\.onnx: can't be read"):  # the checksums list it
        load(copied)
    with without_checksums(copied):
        assert load(copied).backend == "torch"
    with pytest.warns(UserWarning), pytest.raises(RunError, match=rf"'merc export {re.escape(str(copied))}' makes it"):
        load(copied, backend="onnx")
    monkeypatch.setattr("merc.inference.saved.importlib.util.find_spec", lambda name: None)
    with pytest.warns(UserWarning), pytest.raises(RunError, match=r"has no model\.onnx, by which it runs without torch"):
        load(copied)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no graph of ONNX, or damaged"),
        (b"\x00" * 100, "no graph of ONNX, or damaged"),
        (b'{"graph": 1}', "no graph of ONNX, or damaged"),
    ],
)
def test_a_damaged_graph_is_one_line(copied, content, message):
    (copied / "model.onnx").write_bytes(content)
    with pytest.raises(RunError, match=r"model\.onnx: damaged, or changed since it was saved"):
        load(copied)
    with without_checksums(copied), pytest.raises(RunError, match=message):
        load(copied)


def test_a_foreign_graph_is_one_line(copied):
    from merc.encoders.text.minilm import GRAPH

    shutil.copyfile(GRAPH, copied / "model.onnx")
    with (
        without_checksums(copied),
        pytest.raises(RunError, match=r"model\.onnx: the graph takes .*; the model's inputs are input/text"),
    ):
        load(copied)


def test_a_graph_of_other_sizes_is_one_line(copied):
    config = json.loads((copied / "config.json").read_text())
    config["labels"] = config["labels"][:-1]
    (copied / "config.json").write_text(json.dumps(config))
    with without_checksums(copied), pytest.raises(RunError, match="expected are logits of 6 classes"):
        load(copied)


def test_the_network_is_torchs_from_the_first_look(make_samples):
    model = load()
    assert model.backend == "onnx"
    with torch.no_grad():
        model.network.coarse_classifier.bias += torch.tensor([9.0, 0, 0, 0, 0, 0, 0])
    assert model.backend == "torch"
    samples = make_samples(widths=model.preprocessor.widths, lengths=(3,))
    assert (model.infer(samples)[0].probabilities.argmax(axis=1) == 0).all()


def test_a_device_that_is_no_cpu_asks_for_torch(monkeypatch):
    monkeypatch.setattr("merc.inference.recogniser.usable_device", lambda name: name)
    with pytest.raises(RunError, match="ONNX Runtime runs on the CPU here"):
        load(backend="onnx").to("meta")
    model = load()
    assert model.to("cpu").backend == "onnx"
    assert model.to("meta").backend == "torch"


def test_an_unknown_backend_is_refused():
    program = "import merc; merc.load(backend='tvm')"  # in a process of its own, where types are not checked before
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "backend 'tvm' (str); allowed are auto, onnx, torch" in done.stderr


def test_saving_a_loaded_model_keeps_its_files(tmp_path):
    load().save_pretrained(tmp_path)
    for name in ("model.safetensors", "model.onnx"):
        assert (tmp_path / name).read_bytes() == (SHIPPED_FOLDER / name).read_bytes()
    saved, shipped = (json.loads((folder / "config.json").read_bytes()) for folder in (tmp_path, SHIPPED_FOLDER))
    later = {"scored_on", "languages"} - shipped["record"].keys()  # what the record has had since the model was made
    saved["record"] = {name: value for name, value in saved["record"].items() if name not in later}
    assert saved == shipped


def test_inference_needs_no_backend_but_its_own(make_samples):
    model = load()
    samples = make_samples(widths=model.preprocessor.widths, lengths=(3, 1))
    assert_alike(infer(model._backend(), samples, temperature=model.temperature), model.infer(samples))
