"""What a graph consists of, held against ONNX's own package; and what is refused before anything runs it."""

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from merc.errors import DataError
from merc.graphs.outline import TensorOutline, graph_outline

WEIGHTS = "model.safetensors"


def external(name="w", location=WEIGHTS, dims=(2, 3)):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "8"), ("length", "24")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def model(*nodes, initializers=(), **more):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3])
    graph = helper.make_graph(list(nodes) or [helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], list(initializers))
    return helper.make_model(graph, **more)


def test_inputs_outputs_and_weights():
    found = graph_outline(model(initializers=[external()]).SerializeToString(), "m", WEIGHTS)
    assert found.inputs == {"x": TensorOutline("float32", ("rows", 2))}
    assert found.outputs == {"y": TensorOutline("float32", ("rows", 3))}
    assert found.weights == {"w": TensorOutline("float32", (2, 3))}


@pytest.mark.parametrize("location", ["../model.safetensors", "/etc/hostname", "other.bin", "", "sub/model.safetensors"])
def test_another_file_is_refused(location):
    content = model(initializers=[external(location=location)]).SerializeToString()
    with pytest.raises(DataError, match=r"^m: tensor w is to be read from '.*'; allowed is model\.safetensors$"):
        graph_outline(content, "m", WEIGHTS)
    with pytest.raises(DataError, match="allowed is no other file"):
        graph_outline(content, "m")


def branch(node):
    return helper.make_graph([node], "b", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])


def test_a_constants_and_a_branchs_file_is_refused_too():
    constant = helper.make_node("Constant", [], ["w"])
    constant.attribute.append(helper.make_attribute("value", external()))
    for node in (constant, helper.make_node("If", ["x"], ["y"], then_branch=branch(constant), else_branch=branch(constant))):
        with pytest.raises(DataError, match="allowed is no other file"):
            graph_outline(model(node).SerializeToString(), "m", WEIGHTS)


def test_operators_of_libraries_are_refused():
    foreign = helper.make_node("Mine", ["x"], ["y"], domain="com.example")
    for node in (foreign, helper.make_node("If", ["x"], ["y"], then_branch=branch(foreign), else_branch=branch(foreign))):
        with pytest.raises(DataError, match=r"operator com\.example\.Mine is refused; allowed are ONNX's own"):
            graph_outline(model(node).SerializeToString(), "m", WEIGHTS)
    function = helper.make_function("ai.onnx", "F", ["a"], ["b"], [foreign], [helper.make_opsetid("", 20)])
    with pytest.raises(DataError, match="functions of its own"):
        graph_outline(model(functions=[function]).SerializeToString(), "m", WEIGHTS)


def test_sparse_weights_are_refused():
    sparse = onnx.SparseTensorProto(values=external("s", "elsewhere"))
    content = model()
    content.graph.sparse_initializer.append(sparse)
    with pytest.raises(DataError, match="sparse weights are refused"):
        graph_outline(content.SerializeToString(), "m", WEIGHTS)
    constant = helper.make_node("Constant", [], ["w"])
    constant.attribute.append(helper.make_attribute("sparse_value", sparse))
    with pytest.raises(DataError, match="sparse constants are refused"):
        graph_outline(model(constant).SerializeToString(), "m", WEIGHTS)


def test_graphs_nested_too_deep_are_refused():
    node = helper.make_node("Relu", ["x"], ["z"])
    for _ in range(12):
        node = helper.make_node("If", ["x"], ["z"], then_branch=branch(node), else_branch=branch(node))
    with pytest.raises(DataError, match="more than 8 deep"):
        graph_outline(model(node).SerializeToString(), "m", WEIGHTS)


@given(st.binary(max_size=60))
def test_no_graph_is_one_error(content):
    with pytest.raises(DataError, match=r"^m: "):
        graph_outline(content, "m", WEIGHTS)


@given(st.data())
def test_damage_is_an_error_or_leaves_a_graph_that_names_no_other_file(data):
    content = bytearray(model(initializers=[external()]).SerializeToString())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        graph_outline(bytes(content), "m", WEIGHTS)
    except DataError as error:
        assert str(error).startswith("m: ")
        return
    try:
        again = onnx.load_model_from_string(bytes(content))
    except Exception:  # protobuf's own reader is stricter, and ONNX Runtime reads by it
        return
    for tensor in again.graph.initializer:
        named = {entry.key: entry.value for entry in tensor.external_data}
        assert tensor.data_location != TensorProto.EXTERNAL or named.get("location") == WEIGHTS


def test_the_shipped_graphs_are_as_onnx_reads_them():
    from merc.encoders.text.minilm import ADAPTED_GRAPH, GRAPH
    from merc.inference.loading import SHIPPED_FOLDER

    for path, weights in ((GRAPH, WEIGHTS), (ADAPTED_GRAPH, None), (SHIPPED_FOLDER / "model.onnx", WEIGHTS)):
        known = onnx.load(path, load_external_data=False)
        if path != GRAPH:  # whose weights are those of another package
            onnx.checker.check_model(path)
        found = graph_outline(path.read_bytes(), path.name, weights)
        assert list(found.inputs) == [value.name for value in known.graph.input]
        assert list(found.outputs) == [value.name for value in known.graph.output]
        outside = {t.name: tuple(t.dims) for t in known.graph.initializer if t.data_location == TensorProto.EXTERNAL}
        assert {name: tensor.shape for name, tensor in found.weights.items()} == outside
        assert bool(outside) == (weights is not None)
