"""A network run by torch: the only module of inference that imports it when it is loaded itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from merc.data.batching import Batch
from merc.data.padding import PaddedSamples
from merc.data.preprocessing import Sample
from merc.inference import backend
from merc.inference.backend import HeadArrays
from merc.inference.predictions import PredictionArrays
from merc.networks.interface import Network


class TorchBackend:
    """See `merc.inference.backend.Backend`.

    Args:
        network: runs on its own device and in evaluation mode; its training mode is as before after each batch.
    """

    name: Literal["torch"] = "torch"

    def __init__(self, network: Network) -> None:
        self.network = network

    def run(self, batch: PaddedSamples) -> HeadArrays:
        """See `merc.inference.backend.Backend.run`."""
        was_training, device = self.network.training, next(self.network.parameters()).device
        self.network.eval()
        try:
            with torch.inference_mode():
                output = self.network(Batch.of(batch).to(device))
        finally:
            self.network.train(was_training)
        levels = output.levels
        return HeadArrays(
            logits={name: level.logits.detach().cpu().numpy() for name, level in levels.items()},
            means={name: level.posterior.mean.cpu().numpy() for name, level in levels.items() if level.posterior is not None},
            trust=None if output.trust is None else output.trust.cpu().numpy(),
            uncertainty=None if output.uncertainty is None else output.uncertainty.cpu().numpy(),
        )


def infer(
    network: Network, samples: Sequence[Sample], *, temperature: float = 1.0, embeddings: bool = False
) -> list[PredictionArrays]:
    """Runs a network over samples; see `merc.inference.backend.infer`."""
    return backend.infer(TorchBackend(network), samples, temperature=temperature, embeddings=embeddings)
