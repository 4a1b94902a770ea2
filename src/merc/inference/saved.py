"""A saved model, in a folder or on a model hub.

`model.safetensors` (weights), `model.onnx` (the network's graph, which names the weights' file; networks that can't be exported,
and models of older versions, have none), `config.json` (recipe, label set, feature schema, standardisation, scores and how they
were chosen), `README.md` (the model card), if its text encoder was tuned, `adapter-1.safetensors` and so on, and `checksums.json`,
which covers what decides a result: all but the card, which people edit.

What the config asks for is held against the shapes of the weights before memory is taken for it.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from pydantic import ValidationError
from safetensors.numpy import load

from merc.data.preprocessing import Preprocessor
from merc.data.schema import LabelSet
from merc.data.standardisation import Standardiser
from merc.encoders.interface import BackendChoice
from merc.encoders.registry import LOADING
from merc.encoders.text.adapter import adapter_file, adapter_from, joint_version
from merc.encoders.text.dialogue import DIALOGUE
from merc.errors import DataError, FeatureError, MercError, MissingExtraError, RunError
from merc.files.checksums import checked_folder
from merc.files.printable import first_line, printable
from merc.files.strict_json import load_json
from merc.files.validation import explain, shorten
from merc.inference.onnx_backend import OnnxBackend, Tensors
from merc.inference.record import ModelRecord
from merc.networks.registry import BUILT_IN, NetworkConfig, network_config

if TYPE_CHECKING:
    from merc.networks.interface import Network
else:
    Network = object  # torch is slow to import

WEIGHTS, GRAPH, CONFIG, CARD = "model.safetensors", "model.onnx", "config.json", "README.md"
FORMAT = 2
Model = TypeVar("Model")
_SHOWN = 500  # characters of a reason: a damaged file may hold anything


@dataclass(frozen=True, slots=True, eq=False)
class SavedNetwork:
    """A network as it was saved, which runs by its graph.

    Attributes:
        weights, graph: contents of the files.
        parameters: how many numbers the weights are.
        backend: runs the graph.
        build: makes torch's network of the weights.
    """

    weights: bytes
    graph: bytes
    parameters: int
    backend: OnnxBackend
    build: Callable[[], Network]


def read_model(folder: Path, make: Callable[..., Model], backend: BackendChoice = "auto") -> Model:
    """Reads a model's files. Those of a model that was saved before there were checksums are read with a warning.

    Args:
        folder: where they lie.
        make: takes the arguments of `merc.inference.recogniser.Recogniser`.
        backend: what runs the network; `auto` is `onnx` where the model has a graph, else `torch`.

    Raises:
        RunError: a file is missing or damaged, or does not fit the others; or there is no graph for `onnx`.
        MissingExtraError: torch is needed and not installed.
    """
    files, config_path = checked_folder(folder), folder / CONFIG
    content, weights = files.read(CONFIG), files.read(WEIGHTS)
    graph = files.read(GRAPH) if backend != "torch" and files.has(GRAPH) else None
    try:
        config = cast("dict[str, Any]", load_json(content))
        if config["format"] != FORMAT:
            raise RunError(f"{config_path}: model format {printable(str(config['format']))[:60]}, this version reads {FORMAT}")
        temperature, count = float(config["temperature"]), config["adapters"]
        if not (math.isfinite(temperature) and temperature > 0):
            raise RunError(f"{config_path}: temperature {temperature}; allowed is a number above 0")
        if type(count) is not int or count < 0:
            raise RunError(f"{config_path}: adapters is {shorten(printable(repr(count)))}; allowed is their number, from 0")
        standardisers = [Standardiser.from_state(state) for state in config["standardisation"]]
        preprocessor = Preprocessor(LabelSet(names=tuple(config["labels"])), {s.spec.modality: s for s in standardisers})
        record = ModelRecord.from_json(config["record"], config["recipe"])
        section: object = record.recipe["model"]
    except RunError:
        raise
    except Exception as error:  # an arbitrary file in the hands of validators, some of them other packages'
        raise _no_config(config_path, error) from None
    tensors = _tensors(weights, folder / WEIGHTS)

    def build() -> Network:
        return _torch_network(section, preprocessor, tensors, folder)

    if graph is None:
        if backend == "onnx" or (backend == "auto" and importlib.util.find_spec("torch") is None):
            raise RunError(
                f"{folder}: the model has no {GRAPH}, by which it runs without torch; where 'merc[train]' is installed, "
                f"'merc export {folder}' makes it, unless the network can't be exported"
            )
        network: Network | SavedNetwork = build()
    else:
        network = _by_graph(graph, weights, tensors, section, preprocessor, folder, build)
    try:
        names = map(adapter_file, range(1, count + 1))
        adapters = tuple(adapter_from(files.read(name), str(folder / name)) for name in names)
    except FeatureError as error:
        raise RunError(f"{error} (an adapter of the text encoder)") from None
    for spec in preprocessor.specs:
        # A model that was trained on a store's vectors has no adapters, and judges what holds such vectors.
        if spec.encoder == DIALOGUE and adapters and joint_version(adapters) != spec.version:
            raise RunError(f"{config_path}: feature {spec.key} needs adapters of version {spec.version}; the saved ones are others")
    return make(network, preprocessor, record, adapters=adapters, temperature=temperature)


def _no_config(path: Path, error: Exception) -> RunError:
    return RunError(f"{path}: not a merc model's config ({_reason(error)})")


def _tensors(content: bytes, path: Path) -> Tensors:
    try:
        return load(content)  # which holds the header's sizes against the file's
    except Exception as error:  # such as a KeyError for a type that numpy lacks
        raise RunError(f"{path}: damaged weights, or another model's ({_reason(error)})") from None


def _by_graph(
    graph: bytes,
    weights: bytes,
    tensors: Tensors,
    section: object,
    preprocessor: Preprocessor,
    folder: Path,
    build: Callable[[], Network],
) -> SavedNetwork:
    name = cast("Mapping[str, object]", section).get("name") if isinstance(section, Mapping) else None
    # None of merc's own networks has a buffer that may be infinite, see `_check_finite`.
    _check_finite(tensors, tensors if name in BUILT_IN else (), folder / WEIGHTS)
    inputs = (preprocessor.widths, len(preprocessor.label_set))
    try:
        backend = OnnxBackend(graph, str(folder / GRAPH), tensors, WEIGHTS, *inputs)
    except DataError as error:
        raise RunError(str(error)) from None
    return SavedNetwork(weights, graph, sum(array.size for array in tensors.values()), backend, build)


def _torch_network(section: object, preprocessor: Preprocessor, tensors: Tensors, folder: Path) -> Network:
    """The network that the config's section `model` asks for, with these weights."""
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("train", f"{folder}: running the network by torch")
    with LOADING:
        import torch

        try:
            settings = network_config(section, saved=True)  # whose module imports torch
        except Exception as error:
            raise _no_config(folder / CONFIG, error) from None
    path, inputs = folder / WEIGHTS, (preprocessor.widths, len(preprocessor.label_set))
    # The weights that are drawn are replaced; the caller's generator is as before.
    with LOADING, torch.random.fork_rng(devices=()):
        try:
            expected = _shapes(settings, *inputs)
            if expected is not None and (fault := _difference({name: t.shape for name, t in tensors.items()}, expected)):
                raise RunError(f"{path}: damaged weights, or another model's ({fault})")
            network = settings.build(*inputs)
        except RunError:
            raise
        except Exception as error:  # sizes beyond what torch can count, and whatever other packages' networks raise
            raise RunError(f"{folder / CONFIG}: no network can be built of it ({_reason(error)})") from None
    _check_finite(tensors, dict(network.named_parameters()), path)
    try:
        network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in tensors.items()})
    except (RuntimeError, TypeError, ValueError) as error:
        raise RunError(f"{path}: damaged weights, or another model's ({_reason(error)})") from None
    return network


def _check_finite(tensors: Tensors, parameters: Collection[str], path: Path) -> None:
    """Refuses NaN, and infinity in parameters: a buffer may be infinite, such as a mask that is added to logits."""
    for name, array in tensors.items():
        wrong = ~np.isfinite(array) if name in parameters else np.isnan(array)
        if wrong.any():
            raise RunError(f"{path}: damaged weights: {int(wrong.sum())} of tensor {printable(name)} are not finite numbers")


def _shapes(settings: NetworkConfig, widths: Mapping[str, int], classes: int) -> dict[str, tuple[int, ...]] | None:
    """Tensor -> shape of the network that a config asks for, without memory for it; None if another package's can't be built so."""
    from merc.networks.shapes import tensor_shapes

    try:
        return tensor_shapes(settings, widths, classes)
    except Exception:
        if settings.name in BUILT_IN:
            raise
        return None


def _difference(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> str:
    """The first tensor that is not as the config asks; empty if all are."""
    for name, shape in expected.items():
        if name not in found:
            return f"no tensor {printable(name)}"
        if found[name] != shape:
            return f"tensor {printable(name)} has shape {list(found[name])}; {CONFIG} asks for {list(shape)}"
    return next((f"a tensor {printable(name)}, for which {CONFIG} has no place" for name in found if name not in expected), "")


def _reason(error: Exception) -> str:
    if isinstance(error, MercError):
        return printable(str(error))[:_SHOWN]
    text = printable(explain(error)) if isinstance(error, ValidationError) else f"{type(error).__name__}: {first_line(error)}"
    return text[:_SHOWN]
