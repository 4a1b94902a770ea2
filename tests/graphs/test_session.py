"""Sessions of ONNX Runtime: how many threads they take, and what they say of a graph that fails."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from merc.errors import DataError
from merc.files.posix import usable_cores
from merc.graphs.session import GraphSession, threads


@pytest.mark.parametrize("said", [None, "", "0", "-1", "many", "999999", "9" * 5000, "\u0663" * 9])
def test_there_are_no_more_threads_than_cores(said, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == usable_cores()


@pytest.mark.parametrize(("said", "wanted"), [("1", 1), (" 2 ", 2), ("3,1", 3), ("8", 8), ("9", 8)])
def test_fewer_are_taken_where_they_are_asked_for(said, wanted, monkeypatch):
    monkeypatch.setattr("merc.graphs.session.usable_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == wanted


def test_a_graph_that_fails_is_one_error_and_prints_nothing(capfd):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["a", "b"]) for name in "xy")
    shape = onnx.numpy_helper.from_array(np.array([2, 5]), "shape")
    graph = helper.make_graph([helper.make_node("Reshape", ["x", "shape"], ["y"])], "g", [x], [y], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = GraphSession(model.SerializeToString(), "x.onnx")
    with pytest.raises(DataError, match=r"x\.onnx: ONNX Runtime can't run the graph"):
        session.run({"x": np.ones((3, 3), np.float32)})
    assert capfd.readouterr() == ("", "")
