"""The majority class: the same prediction for every utterance, the floor below every rival.

C log-odds and nothing else [chosen], which begin at the classes' shares in the training part. There unweighted cross-entropy is
least, so training does not move them if the recipe sets `objective.class_weights: none`.

Letters in shapes: B conversations, T utterances, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from merc.data.batching import Batch
from merc.networks.interface import Level, Network, NetworkOutput
from merc.networks.registry import NetworkConfig, register_network


@register_network
class MajorityConfig(NetworkConfig):
    """A constant has no sizes."""

    name: str = "majority"

    def build(self, widths: Mapping[str, int], classes: int) -> Majority:
        return Majority(self, classes)


class Majority(Network):
    """The network."""

    def __init__(self, config: MajorityConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.log_odds = nn.Parameter(torch.zeros(classes))

    def begin(self, class_counts: Sequence[int]) -> None:
        """Sets the log-odds to the shares of the classes; a class without an utterance counts as half a one."""
        counts = torch.tensor(class_counts, dtype=torch.float64).clamp_min(0.5)
        with torch.no_grad():
            self.log_odds.copy_((counts / counts.sum()).log())

    def forward(self, batch: Batch) -> NetworkOutput:
        """Gives every utterance of a batch the same logits (B, T, C)."""
        return NetworkOutput(Level(self.log_odds.expand(*batch.valid.shape, -1)))
