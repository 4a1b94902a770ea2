"""A graph and its weights in one file, by ONNX's own package."""

from __future__ import annotations

from typing import Any

import onnx
from safetensors.numpy import load

_NAMES = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.BOOL: "bool", onnx.TensorProto.INT64: "int64"}
Interface = dict[str, dict[str, dict[str, object]]]


def whole_graph(graph: bytes, weights: bytes, logits: str, temperature: float, output: str) -> tuple[bytes, Interface]:
    """The graph with its weights in itself, and one more output: the probabilities.

    Args:
        graph: of `merc.graphs.export`.
        weights: content of the file that it names.
        logits: the output that the probabilities are made of: divided by `temperature`, then softmax.
        output: their name; it comes first.

    Returns:
        The file, and `inputs` and `outputs`: name -> its type, and its shape with the names of axes of any length.
    """
    model = onnx.load_model_from_string(graph)
    tensors = load(weights)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            tensor.CopyFrom(onnx.numpy_helper.from_array(tensors[tensor.name], tensor.name))
    found: Any = next(value for value in model.graph.output if value.name == logits)
    model.graph.initializer.append(onnx.helper.make_tensor("temperature", onnx.TensorProto.FLOAT, [], [temperature]))
    model.graph.node.append(onnx.helper.make_node("Div", [logits, "temperature"], ["tempered"]))
    model.graph.node.append(onnx.helper.make_node("Softmax", ["tempered"], [output], axis=-1))
    probabilities = onnx.ValueInfoProto()
    probabilities.CopyFrom(found)
    probabilities.name = output
    model.graph.output.insert(0, probabilities)
    onnx.checker.check_model(model)
    sides: dict[str, Any] = {"inputs": model.graph.input, "outputs": model.graph.output}
    return model.SerializeToString(deterministic=True), {side: dict(map(_described, values)) for side, values in sides.items()}


def _described(value: Any) -> tuple[str, dict[str, object]]:
    kind = value.type.tensor_type
    shape = [dimension.dim_param or dimension.dim_value for dimension in kind.shape.dim]
    return value.name, {"type": _NAMES[kind.elem_type], "shape": shape}
