"""From a torch module to a graph of ONNX without weights, so that it runs where torch is not installed.

The graph's weights are ONNX's external data: it names the safetensors file that holds them, which other runtimes read, too.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from merc.errors import MissingExtraError
from merc.files.printable import first_line
from merc.graphs.errors import NotExportableError

_NOISY = ("torch.onnx", "torch.export", "torch.fx", "torch.__trace", "onnxscript", "onnx_ir")
_LENGTHS = (3, 7)  # of example axes: no two alike, since torch takes axes of one length for one axis


def example_length(position: int) -> int:
    """The length that an example has along the first and the second of its axes of any length."""
    return _LENGTHS[position]


def exported_graph(
    module: nn.Module,
    example: Mapping[str, Tensor],
    axes: Mapping[str, Sequence[str | None]],
    outputs: Mapping[str, Sequence[str | None]],
    weights_file: str,
) -> bytes:
    """The graph of a module that takes a dictionary of tensors and returns a tuple of them.

    Args:
        module: in evaluation mode; its tensors become external data under the names of its `state_dict`.
        example: input's name -> a tensor; see `example_length`.
        axes: input's name -> the name of each of its axes that may have any length from 1; None where the length is fixed.
        outputs: output's name -> its axes alike, in the order in which the module returns them.
        weights_file: what the graph calls the file of its weights; `located` adds where in it each begins.

    Raises:
        NotExportableError: torch can't export it, or fixes a length that should be free.
        MissingExtraError: what writes ONNX is not installed.
    """
    try:
        import onnx_ir
        import onnxscript.optimizer
    except ImportError as error:
        raise MissingExtraError("train", "the graph of a network, by which it runs without torch,") from error
    free = {name: {i: torch.export.Dim.AUTO for i, axis in enumerate(named) if axis} for name, named in axes.items()}
    with _quiet():
        try:
            with torch.no_grad(), _FlatLinear():
                program = torch.export.export(module, (dict(example),), dynamic_shapes=(free,), strict=False)
            converted: Any = torch.onnx.export(
                program, (), dynamo=True, optimize=False, verbose=False, input_names=list(example), output_names=list(outputs)
            )
            model = converted.model
            own = set(module.state_dict())
            weights = {name: value for name, value in model.graph.initializers.items() if name in own}
            kept = {name: value.const_value for name, value in weights.items()}
            for value in weights.values():  # what has no value can't be folded into constants
                value.const_value = None
            onnxscript.optimizer.optimize_ir(model)
            for name, value in weights.items():
                tensor = kept[name]
                value.const_value = onnx_ir.ExternalTensor(
                    weights_file, None, None, tensor.dtype, shape=tensor.shape, name=name, base_dir=""
                )
        except Exception as error:  # whatever a network's own code, torch or the converter raise
            reason: BaseException = error
            while reason.__cause__ is not None:  # the first ones say which step failed, the last one why
                reason = reason.__cause__
            raise NotExportableError(f"{type(reason).__name__}: {first_line(reason)}") from error
    _name_axes(model, {**axes, **outputs})
    _strip(model)
    return onnx_ir.to_proto(model).SerializeToString(deterministic=True)


def located(graph: bytes, places: Mapping[str, tuple[int, int]]) -> bytes:
    """The graph with the place of each of its weights in their file.

    Args:
        graph: of `exported_graph`.
        places: weight's name -> offset and length in bytes.
    """
    import onnx

    model = onnx.load_model_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            offset, length = places[tensor.name]
            for key, value in (("offset", offset), ("length", length)):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, str(value)
    return model.SerializeToString(deterministic=True)


def with_weights_as_inputs(graph: bytes, but: Collection[str] = ()) -> bytes:
    """The graph with its weights as further inputs, for whoever hands them over at each run.

    Args:
        graph: of `exported_graph`.
        but: names of weights that are handed over when it is loaded.
    """
    import onnx

    model = onnx.load_model_from_string(graph)
    external = [tensor for tensor in model.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    own = [tensor for tensor in external if tensor.name not in but]
    for tensor in own:
        model.graph.initializer.remove(tensor)
        model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return model.SerializeToString(deterministic=True)


def adopt(module: nn.Module, other: nn.Module) -> None:
    """Gives a module what another consists of, under its names: as a part, all its names would begin with the part's."""
    for parts in ("_modules", "_parameters", "_buffers"):
        getattr(module, parts).update(getattr(other, parts))


class _FlatLinear(TorchFunctionMode):
    """Linear layers as products of two matrices, which take their bias along: of more axes, adding it is an operator of its own."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        x = args[0] if args else None
        if func is not nn.functional.linear or not isinstance(x, Tensor) or x.ndim < 3:
            return func(*args, **(kwargs or {}))
        return func(x.flatten(0, -2), *args[1:], **(kwargs or {})).unflatten(0, x.shape[:-1])


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Exporters at work: they warn of what is deprecated in themselves, and of packages that nobody asked for, and where they fail
    they print pages of intermediate code."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings(), redirect_stderr(StringIO()) as held:
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    print(held.getvalue(), end="", file=sys.stderr)  # where they did not fail it is another's, such as another thread's


def _name_axes(model: Any, axes: Mapping[str, Sequence[str | None]]) -> None:
    """Gives the free axes of inputs and outputs their names.

    Raises:
        NotExportableError: a length that should be free is fixed.
    """
    import onnx_ir

    for value in (*model.graph.inputs, *model.graph.outputs):
        named = axes[value.name]
        shape = [axis or length for axis, length in zip(named, value.shape, strict=True)]
        fixed = [axis for axis, length in zip(named, value.shape, strict=True) if axis and isinstance(length, int)]
        if fixed:
            raise NotExportableError(f"{value.name} would have one number of {fixed[0]} only")
        value.shape = onnx_ir.Shape(shape)


def _strip(model: Any) -> None:
    """Removes what tells where in the source a node is from: it names folders of this machine."""
    model.producer_name, model.producer_version, model.doc_string = "merc", None, None
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.graph.doc_string = None
    for node in model.graph:
        node.metadata_props.clear()
        node.doc_string = None
        node.name = None
    interface = {*model.graph.inputs, *model.graph.outputs}
    for node in model.graph:
        for value in node.outputs:
            value.metadata_props.clear()
            if value not in interface:
                value.shape, value.type = None, None
    for value in (*interface, *model.graph.initializers.values()):
        value.metadata_props.clear()
