"""What runs a model: its graph where it has one, else torch; damaged and foreign graphs, and models that are changed.

That both backends give the same is tested in `test_agreement_of_*.py`.
"""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from inference.agreement import assert_alike
from merc.errors import DataError, MissingExtraError, RunError
from merc.inference.backend import infer
from merc.inference.loading import SHIPPED_FOLDER, load

pytestmark = pytest.mark.usefixtures("with_graphs")


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


def test_where_torch_is_asked_for_and_missing_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("merc.inference.saved.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"running the network by torch needs the optional extra 'train'"):
        load(backend="torch")


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


@pytest.mark.parametrize(
    ("output", "operator", "inputs", "attributes", "told"),
    [
        ("trust", "Concat", ["raw", "raw"], {"axis": 2}, r"trust, float32 \[1, 2, 4\]"),
        ("logits/coarse", "Slice", ["raw", "from", "to", "on"], {}, r"logits/coarse, float32 \[1, 1, 7\]"),
        ("uncertainty", "Cast", ["raw"], {"to": onnx.TensorProto.INT64}, r"uncertainty, int64 \[1, 2\]"),
    ],
)
def test_what_a_graph_computes_beside_its_declaration_is_refused(copied, make_samples, output, operator, inputs, attributes, told):
    graph = onnx.load(copied / "model.onnx", load_external_data=False)
    (maker,) = (node for node in graph.graph.node if output in node.output)
    maker.output[:] = ["raw"]
    graph.graph.node.append(onnx.helper.make_node(operator, inputs, [output], **attributes))
    for name, number in (("from", 0), ("to", 1), ("on", 1)):
        graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array([number]), name))
    if operator == "Cast":
        next(value for value in graph.graph.output if value.name == output).type.tensor_type.elem_type = attributes["to"]
    (copied / "model.onnx").write_bytes(graph.SerializeToString())
    with without_checksums(copied):
        model = load(copied)
    samples = make_samples(widths=model.preprocessor.widths, lengths=(2,))
    with pytest.raises(DataError, match=rf"model\.onnx: the graph computes {told}"):
        model.infer(samples)


def test_the_network_is_torchs_from_the_first_look(make_samples):
    model = load()
    assert model.backend == "onnx"
    with torch.no_grad():
        model.network.offsets.add_(torch.tensor([9.0, 0, 0, 0, 0, 0, 0]))
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
