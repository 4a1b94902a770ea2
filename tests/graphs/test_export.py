"""Torch modules as graphs: linear layers in one operator each, and failures told in one line."""

import sys

import onnx
import pytest
import torch
from torch import nn

from merc.graphs.errors import NotExportableError
from merc.graphs.export import exported_graph, with_weights_as_inputs

EXAMPLE = {"x": torch.ones(3, 7, 4)}
AXES = {"x": ("conversations", "utterances", None)}


def graph_of(forward):
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 2)

        def forward(self, inputs):
            return (forward(self, inputs["x"]),)

    return Module().eval(), lambda module: exported_graph(
        module, EXAMPLE, AXES, {"y": ("conversations", "utterances", None)}, "w.safetensors"
    )


def test_a_linear_layer_is_one_operator_and_computes_what_torch_does():
    import onnxruntime

    module, export = graph_of(lambda m, x: m.second(torch.tanh(m.first(x))))
    graph = with_weights_as_inputs(export(module))
    kinds = [node.op_type for node in onnx.load_model_from_string(graph).graph.node]
    assert kinds.count("Gemm") == 2 and "MatMul" not in kinds and "Add" not in kinds
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    for shape in ((1, 1, 4), (2, 9, 4)):
        x = torch.randn(shape)
        (found,) = onnxruntime.InferenceSession(graph).run(None, {"x": x.numpy(), **weights})
        torch.testing.assert_close(torch.from_numpy(found), module({"x": x})[0].detach())


def test_what_others_print_meanwhile_is_not_lost(capfd):
    def printing(module, x):
        print("as a thread would", file=sys.stderr)
        return module.first(x)

    module, export = graph_of(printing)
    export(module)
    assert set(capfd.readouterr().err.splitlines()) == {"as a thread would"}


def loops(module, x):
    for _ in range(int(x.sum())):
        x = x + 1
    return module.first(x)


def eigenvalues(module, x):
    return torch.linalg.eigh(x.transpose(1, 2) @ x)[0] + 0 * module.first(x).sum()


@pytest.mark.parametrize(("forward", "reason"), [(loops, "data-dependent"), (eigenvalues, "_linalg_eigh")])
def test_a_failed_export_says_why_in_one_line_and_prints_nothing(forward, reason, capfd):
    module, export = graph_of(forward)
    with pytest.raises(NotExportableError, match=reason) as caught:
        export(module)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
