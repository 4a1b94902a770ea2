"""The graph of a network that is to be saved: exported, held against the network itself, and given the places of its weights.

An export takes some ten seconds, and depends on the network's sizes alone, not on its weights. So graphs of merc's own networks are
kept in a folder of the cache: a file of 50 KB for each kind and size.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import merc.networks
from merc.data.padding import PaddedSamples, padded
from merc.data.preprocessing import Sample
from merc.errors import DataError
from merc.files.cache_folder import default_folder
from merc.files.staged_file import write_atomically
from merc.files.tensors import tensor_places
from merc.graphs import export
from merc.graphs.errors import NotExportableError
from merc.graphs.export import located
from merc.inference.backend import HeadArrays, softmax
from merc.inference.onnx_backend import OnnxBackend
from merc.inference.torch_backend import TorchBackend
from merc.networks.graph import network_graph
from merc.networks.interface import Network
from merc.networks.registry import BUILT_IN, UNROLLED

TOLERANCE = 1e-5  # of a probability, and of trust
_MADE_BY = ("torch", "onnx", "onnx-ir", "onnxscript", "numpy")


def graph_for(
    network: Network, section: Mapping[str, Any], widths: Mapping[str, int], classes: int, weights: bytes, weights_file: str
) -> bytes:
    """The graph's file.

    Args:
        network: any.
        section: `model` of its recipe, as plain values.
        widths, classes: what the network was built from.
        weights, weights_file: content and name of the file that holds its weights.

    Raises:
        NotExportableError: torch can't export it for free lengths, or the graph computes something else.
        MissingExtraError: what writes ONNX is not installed.
    """
    if section.get("name") in UNROLLED:  # known before a minute is spent on it
        raise NotExportableError(f"network {section['name']!r} has no graph: it is recurrent, and would run for one length alone")
    kept = _kept_at(section, widths, classes, weights_file)
    places = tensor_places(weights)
    if (graph := _read(kept)) is not None:
        with suppress(Exception):  # whatever the file holds, it is made anew
            return _checked(network, graph, places, widths, classes, weights_file)
    graph = network_graph(network, widths, weights_file)
    made = _checked(network, graph, places, widths, classes, weights_file)
    if kept is not None:
        _keep(kept, graph)
    return made


def _checked(
    network: Network,
    graph: bytes,
    places: Mapping[str, tuple[int, int]],
    widths: Mapping[str, int],
    classes: int,
    weights_file: str,
) -> bytes:
    """The graph with the places of its weights, once it has computed what the network does: on made-up conversations of several
    lengths, with absent modalities and several speakers.

    Raises:
        NotExportableError: their results differ, or the graph does not run.
    """
    tensors = {name: t.detach().cpu().numpy() for name, t in network.state_dict().items()}
    made = located(graph, places)
    try:
        backend = OnnxBackend(made, "the exported graph", tensors, weights_file, widths, classes)
        for lengths in ((1,), (2, 1), (9, 9, 4, 1)):
            batch = _made_up(lengths, widths)
            _check_alike(TorchBackend(network).run(batch), backend.run(batch), batch)
    except DataError as error:
        raise NotExportableError(str(error)) from error
    return made


def _check_alike(wanted: HeadArrays, found: HeadArrays, batch: PaddedSamples) -> None:
    if (wanted.logits.keys(), wanted.means.keys()) != (found.logits.keys(), found.means.keys()):
        raise NotExportableError("the exported graph has other heads than the network")
    pairs = {
        name: (softmax(logits.astype(np.float64)), softmax(found.logits[name].astype(np.float64)))
        for name, logits in wanted.logits.items()
    }
    pairs |= {f"mean of {name}": (mean, found.means[name]) for name, mean in wanted.means.items()}
    for name, one, other in (("trust", wanted.trust, found.trust), ("uncertainty", wanted.uncertainty, found.uncertainty)):
        if (one is None) != (other is None):
            raise NotExportableError(
                f"the exported graph differs from the network: {'no' if other is None else 'an additional'} {name}"
            )
        if one is not None and other is not None:
            pairs[name] = (one, other)
    for name, (one, other) in pairs.items():
        bound = TOLERANCE * max(1.0, float(np.abs(one[batch.valid]).max()))
        difference = float(np.abs(one - other)[batch.valid].max())
        if not difference <= bound:  # NaN, too
            raise NotExportableError(f"the exported graph differs from the network: {name} by {difference:.1e}")


def _made_up(lengths: tuple[int, ...], widths: Mapping[str, int]) -> PaddedSamples:
    random = np.random.default_rng(len(lengths))
    samples: list[Sample] = []
    for length in lengths:
        present = random.random((length, len(widths))) < 0.7
        inputs = {
            name: (random.normal(size=(length, width)) * present[:, m, None]).astype(np.float32)
            for m, (name, width) in enumerate(widths.items())
        }
        speakers = random.integers(0, 3, length)
        samples.append(Sample("made up", inputs, present, speakers, np.full(length, -1)))
    return padded(samples)


def _kept_at(section: Mapping[str, Any], widths: Mapping[str, int], classes: int, weights_file: str) -> Path | None:
    """Where the cache has the graph; None for networks of other packages, whose code may change."""
    if section.get("name") not in BUILT_IN:
        return None
    made_by = {name: importlib.metadata.version(name) for name in _MADE_BY if _installed(name)}
    sources = sorted([*Path(merc.networks.__path__[0]).rglob("*.py"), Path(export.__file__)])
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    asked = json.dumps([section, list(widths.items()), classes, weights_file, made_by, code], sort_keys=True, default=str)
    try:
        return default_folder() / "graphs" / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.onnx"
    except DataError:  # no home
        return None


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError:
        return None


def _keep(path: Path, graph: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, graph, 0o600)
    except OSError:  # a full or a foreign disk: it is made again next time
        return
