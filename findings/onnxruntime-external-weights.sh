#!/usr/bin/env bash
# ONNX Runtime: two ways to hand over the weights that a graph keeps in another file; only one does without that file.
# Date: 2026-11-30
# Versions: onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6
# Guess: SessionOptions.add_initializer, which lends the session a tensor for an initializer of that name, does so for one with
#   external data as well, so that the file need not be there; add_external_initializers does the same for many at once, and both
#   read the caller's memory, without copies.
# Seen: With add_initializer the session is refused, since the file that it has no need of is missing. With
#   add_external_initializers it loads, but has a copy of every tensor: what is written into the caller's tensor afterwards has no effect.
#   (Where the weight is inside the graph, add_initializer is taken and does read the caller's memory.)
# Why it matters: A graph of a few KB beside a safetensors file can be run from memory, but each session has its own copy of the
#   weights; workers or adapters that share a large model are to be planned for that.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
ORT_DISABLE_TELEMETRY=1 venv/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])
inside = numpy_helper.from_array(np.zeros((1, 4), np.float32), "w")
outside = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 4], data_location=TensorProto.EXTERNAL)
entry = outside.external_data.add()
entry.key, entry.value = "location", "weights.bin"


def graph(weight):
    node = helper.make_node("Add", ["x", "w"], ["y"])
    made = helper.make_graph([node], "g", [x], [y], initializer=[weight])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()


def outcome(weight, hand_over):
    """What x = 0 gives at first, and after the caller's array was changed; or why there is no session."""
    array = np.ones((1, 4), np.float32)
    value = ort.OrtValue.ortvalue_from_numpy(array)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    hand_over(options, value)
    try:
        session = ort.InferenceSession(graph(weight), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return "does not exist" if "does not exist" in str(error) else str(error)
    zeros = {"x": np.zeros((1, 4), np.float32)}
    first = float(session.run(None, zeros)[0][0, 0])
    value.update_inplace(np.full((1, 4), 5, np.float32))
    return first, float(session.run(None, zeros)[0][0, 0])


def lent(options, value):
    options.add_initializer("w", value)


def handed(options, value):
    options.add_external_initializers(["w"], [value])


found = {
    "inside, add_initializer": outcome(inside, lent),
    "outside, add_initializer": outcome(outside, lent),
    "outside, add_external_initializers": outcome(outside, handed),
}
print(found)
assert found == {
    "inside, add_initializer": (1.0, 5.0),
    "outside, add_initializer": "does not exist",
    "outside, add_external_initializers": (1.0, 1.0),
}
PY
