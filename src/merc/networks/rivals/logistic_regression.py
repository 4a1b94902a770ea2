"""Multinomial logistic regression on one utterance: no context, no speakers, no hidden layer.

The standardised features of all modalities side by side, zeros where a modality is absent, then a flag of presence for each
[chosen]. The lead of a rival with context over this one measures what context adds.

Letters in shapes: B conversations, T utterances, C classes, M modalities, I columns of all modalities and their flags.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from merc.data.batching import Batch
from merc.networks.interface import Level, Network, NetworkOutput
from merc.networks.registry import NetworkConfig, register_network


@register_network
class LogisticRegressionConfig(NetworkConfig):
    """A linear map has no sizes of its own."""

    name: str = "logistic_regression"

    def build(self, widths: Mapping[str, int], classes: int) -> LogisticRegression:
        return LogisticRegression(self, widths, classes)


class LogisticRegression(Network):
    """The network. Its weights start at zero: the problem is convex, so no start is better [chosen]."""

    def __init__(self, config: LogisticRegressionConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.config = config
        self.linear = nn.Linear(sum(widths.values()) + len(widths), classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, batch: Batch) -> NetworkOutput:
        masked = [torch.where(batch.present[..., i, None], x, 0.0) for i, x in enumerate(batch.inputs.values())]
        x_BTI = torch.cat([*masked, batch.present.to(torch.get_default_dtype())], dim=-1)
        return NetworkOutput(Level(self.linear(x_BTI)))
