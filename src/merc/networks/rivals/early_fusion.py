"""Early fusion: the modalities concatenated, then one transformer over the conversation. The plain rival.

Symmetric by design: one projection a modality, concatenation with flags of presence, a projection to the model width, and
self-attention with the same biases for position and speaker as CMATH's.

Letters in shapes: B conversations, T utterances, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.networks.attention import Relations
from merc.networks.interface import Level, Network, NetworkOutput, check_names
from merc.networks.registry import register_network
from merc.networks.rivals.transformer import TransformerConfig


@register_network
class EarlyFusionConfig(TransformerConfig):
    """The transformer's sizes, with defaults of this rival."""

    name: str = "early_fusion"
    layers: int = Field(default=4, ge=1, le=24)
    dropout: float = Field(default=0.3, ge=0, lt=1)

    def build(self, widths: Mapping[str, int], classes: int) -> EarlyFusion:
        return EarlyFusion(self, widths, classes)


class EarlyFusion(Network):
    """The network."""

    def __init__(self, config: EarlyFusionConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        check_names(widths)
        d = config.width
        self.config = config
        self.project = nn.ModuleDict({m: nn.Linear(w, d) for m, w in widths.items()})
        self.fuse = nn.Linear(len(widths) * (d + 1), d)
        self.transformer = config.transformer()
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(d, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        present = batch.present.to(torch.get_default_dtype())
        projected = [
            torch.where(batch.present[..., i, None], F.gelu(self.project[m](x)), 0.0)
            for i, (m, x) in enumerate(batch.inputs.items())
        ]
        fused = self.fuse(self.dropout(torch.cat([*projected, present], dim=-1)))
        relations = Relations.of(batch, self.config.attention)
        return NetworkOutput(Level(self.classifier(self.dropout(self.transformer(fused, {}, relations)))))
