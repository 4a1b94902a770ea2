"""A network's graph in ONNX: what `forward` computes in evaluation, for any number of conversations and utterances.

Letters in shapes: B conversations, T utterances, C classes, M modalities, W input columns, Z latent width.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from merc.data.batching import Batch
from merc.files.shapes import Float
from merc.graphs.errors import NotExportableError
from merc.graphs.export import adopt, example_length, exported_graph
from merc.networks.graph_names import (
    CONVERSATIONS,
    INPUT,
    LOGITS,
    MEAN,
    PRESENT,
    SPEAKERS,
    TRUST,
    UNCERTAINTY,
    UTTERANCES,
    VALID,
)
from merc.networks.interface import Network, NetworkOutput


def network_graph(network: Network, widths: Mapping[str, int], weights_file: str) -> bytes:
    """The graph; see `merc.graphs.export.exported_graph`.

    Inputs, see `merc.data.batching.Batch`: `input/NAME` of each modality, (B, T, W); `present`, (B, T, M); `valid` and `speakers`,
    (B, T). Outputs: `logits/HEAD`, (B, T, C), and `mean/HEAD`, (B, T, Z), of every head; `trust`, (B, T, M), and `uncertainty`,
    (B, T), where the network has them.

    Args:
        network: any.
        widths: modality -> W, in the order of a batch's `inputs`.
        weights_file: name of the file of the network's `state_dict`.

    Raises:
        NotExportableError: torch can't export it for free lengths.
        MissingExtraError: what writes ONNX is not installed.
    """
    network = copy.deepcopy(network).to("cpu").eval()
    flat = _Flat(network, tuple(widths))
    example = _example(widths)
    try:
        with torch.no_grad():
            shapes = {name: x.shape[2:] for name, x in _flattened(network(_batch(example, flat.modalities))).items()}
    except Exception as error:  # a network of a user's may not take such a batch
        raise NotExportableError(f"{type(error).__name__} on a batch of zeros: {error}") from error
    free = (CONVERSATIONS, UTTERANCES)
    axes = {name: (*free, *([None] * (x.ndim - 2))) for name, x in example.items()}
    outputs = {name: (*free, *([None] * len(rest))) for name, rest in shapes.items()}
    return exported_graph(flat, example, axes, outputs, weights_file)


class _Flat(nn.Module):
    """A network that takes and returns plain tensors. Its `state_dict` has the network's own names."""

    def __init__(self, network: Network, modalities: tuple[str, ...]) -> None:
        super().__init__()
        self.modalities = modalities
        adopt(self, network)
        self._compute = [network]  # in a list it is no part of this module: its names would begin with `network.`
        self.eval()

    def forward(self, tensors: dict[str, Tensor]) -> tuple[Tensor, ...]:
        (network,) = self._compute
        return tuple(_flattened(network(_batch(tensors, self.modalities))).values())


def _flattened(output: NetworkOutput) -> dict[str, Float[Tensor, "B T *rest"]]:
    """Name -> tensor of all that inference reads."""
    found = {f"{LOGITS}{name}": level.logits for name, level in output.levels.items()}
    found |= {f"{MEAN}{name}": x.posterior.mean for name, x in output.levels.items() if x.posterior is not None}
    found |= {} if output.trust is None else {TRUST: output.trust}
    return found if output.uncertainty is None else {**found, UNCERTAINTY: output.uncertainty}


def _batch(tensors: Mapping[str, Tensor], modalities: tuple[str, ...]) -> Batch:
    inputs = {m: tensors[f"{INPUT}{m}"] for m in modalities}
    return Batch(inputs, tensors[PRESENT], tensors[VALID], tensors[SPEAKERS], torch.full_like(tensors[SPEAKERS], -1))


def _example(widths: Mapping[str, int]) -> dict[str, Tensor]:
    b, t = example_length(0), example_length(1)
    inputs = {f"{INPUT}{m}": torch.zeros(b, t, width) for m, width in widths.items()}
    flags = {PRESENT: torch.ones(b, t, len(widths), dtype=torch.bool), VALID: torch.ones(b, t, dtype=torch.bool)}
    return {**inputs, **flags, SPEAKERS: torch.zeros(b, t, dtype=torch.int64)}
