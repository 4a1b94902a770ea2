"""A network run by ONNX Runtime: from its graph and its weights, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from merc.data.padding import PaddedSamples
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.shapes import Shaped
from merc.graphs.outline import GraphOutline, TensorOutline, graph_outline
from merc.graphs.session import GraphSession
from merc.inference.backend import HeadArrays
from merc.networks.graph_names import INPUT, LOGITS, MEAN, PRESENT, SPEAKERS, TRUST, UNCERTAINTY, VALID

Tensors = Mapping[str, Shaped[np.ndarray, "..."]]


class OnnxBackend:
    """See `merc.inference.backend.Backend`.

    Args:
        graph: content of the graph's file, made by `merc.networks.graph`.
        where: what errors call it.
        tensors: of the file of weights.
        weights_file: its name, which the graph gives.
        widths: modality -> columns, in the order of a batch's `inputs`.
        classes: C.

    Raises:
        DataError: the graph is damaged or foreign, or does not fit the weights, the modalities or the classes.
    """

    name: Literal["onnx"] = "onnx"

    def __init__(
        self, graph: bytes, where: str, tensors: Tensors, weights_file: str, widths: Mapping[str, int], classes: int
    ) -> None:
        outline = graph_outline(graph, where, weights_file)
        _check_interface(outline, where, widths, classes)
        _check_weights(outline, where, tensors)
        self._widths, self._classes, self._where = dict(widths), classes, where
        self._session = GraphSession(graph, where, {name: tensors[name] for name in outline.weights})

    def run(self, batch: PaddedSamples) -> HeadArrays:
        """See `merc.inference.backend.Backend.run`.

        Raises:
            DataError: the graph can't be run, or computes something of another shape than a network does.
        """
        inputs = {f"{INPUT}{name}": batch.inputs[name] for name in self._widths}
        found = self._session.run({**inputs, PRESENT: batch.present, VALID: batch.valid, SPEAKERS: batch.speakers})
        self._check_computed(found, batch.valid.shape)
        return HeadArrays(
            logits={name.removeprefix(LOGITS): array for name, array in found.items() if name.startswith(LOGITS)},
            means={name.removeprefix(MEAN): array for name, array in found.items() if name.startswith(MEAN)},
            trust=found.get(TRUST),
            uncertainty=found.get(UNCERTAINTY),
        )

    def _check_computed(self, found: Tensors, axes: tuple[int, ...]) -> None:
        """Refuses outputs of other shapes: what a graph declares of them does not bind it."""
        columns = {TRUST: (len(self._widths),), UNCERTAINTY: ()}
        for name, array in found.items():
            own = (self._classes,) if name.startswith(LOGITS) else columns.get(name, array.shape[2:3])
            if array.shape != (wanted := (*axes, *own)) or array.dtype.kind != "f":
                told = f"{array.dtype} {list(array.shape)}; expected are floats {list(wanted)}"
                raise DataError(f"{self._where}: the graph computes {printable(name)}, {told}")


def _check_interface(outline: GraphOutline, where: str, widths: Mapping[str, int], classes: int) -> None:
    """Refuses a graph that takes or gives something else than a network of these modalities and classes does."""
    wanted = {f"{INPUT}{name}": ("float32", width) for name, width in widths.items()}
    wanted |= {PRESENT: ("bool", len(widths)), VALID: ("bool", None), SPEAKERS: ("int64", None)}
    found = {name: (tensor.dtype, _fixed(tensor)) for name, tensor in outline.inputs.items()}
    if found != wanted:
        raise DataError(f"{where}: the graph takes {_shown(found)}; the model's inputs are {_shown(wanted)}")
    heads = {name: tensor for name, tensor in outline.outputs.items() if name.startswith(LOGITS)}
    others = [name for name in outline.outputs if name not in heads and name not in (TRUST, UNCERTAINTY)]
    unknown = [name for name in others if not name.startswith(MEAN) or f"{LOGITS}{name.removeprefix(MEAN)}" not in heads]
    if unknown or f"{LOGITS}coarse" not in heads or any(_fixed(tensor) != classes for tensor in heads.values()):
        given = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in outline.outputs.items())
        raise DataError(f"{where}: the graph gives {printable(given)[:300]}; expected are logits of {classes} classes")


def _check_weights(outline: GraphOutline, where: str, tensors: Tensors) -> None:
    for name, tensor in outline.weights.items():
        found = tensors.get(name)
        shown = "none" if found is None else f"{found.dtype} {list(found.shape)}"
        if found is None or (found.dtype.name, found.shape) != (tensor.dtype, tensor.shape):
            wanted = f"{tensor.dtype} {list(tensor.shape)}"
            raise DataError(f"{where}: the graph reads a tensor {printable(name)}, {wanted}; the weights hold {shown}")


def _fixed(tensor: TensorOutline) -> int | str | None:
    """The length of the axis behind conversations and utterances; None where there is none."""
    return tensor.shape[2] if len(tensor.shape) > 2 else None


def _shown(interface: Mapping[str, tuple[str, object]]) -> str:
    columns = (f"{name} {dtype}{'' if width is None else f' of {width} columns'}" for name, (dtype, width) in interface.items())
    return printable(", ".join(columns))[:300]
