"""Early fusion: the modalities concatenated, then one transformer over the conversation. The plain rival.

Symmetric by design: one projection a modality, concatenation with flags of presence, a projection to the model width, and
self-attention with the same biases for position and speaker as CMATH's.

Letters in shapes: B conversations, T utterances, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field, model_validator
from torch import nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.networks.attention import AttentionConfig, Relations, check_heads
from merc.networks.cmath.cma_transformer import Tower, TowerConfig
from merc.networks.interface import Level, Network, NetworkOutput, check_names
from merc.networks.registry import NetworkConfig, register_network


@register_network
class EarlyFusionConfig(NetworkConfig):
    """Sizes of the rival.

    Attributes:
        name: tells configs of networks apart.
        width: d.
        layers: of the transformer.
        feed_forward: width of the feed-forward layer, in units of d.
        dropout: everywhere.
        attention: heads, biases and masks.
    """

    name: str = "early_fusion"
    width: int = Field(default=128, ge=4)
    layers: int = Field(default=4, ge=1, le=24)
    feed_forward: int = Field(default=4, ge=1, le=8)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    attention: AttentionConfig = AttentionConfig()

    @model_validator(mode="after")
    def _heads_divide_width(self) -> EarlyFusionConfig:
        check_heads(self.width, self.attention.heads, "attention.heads")
        return self

    @property
    def is_causal(self) -> bool:
        """With `attention.causal`."""
        return self.attention.causal

    def build(self, widths: Mapping[str, int], classes: int) -> EarlyFusion:
        """The network for inputs of these widths (modality -> columns).

        Raises:
            RecipeError: a modality has a name that torch keeps for itself.
        """
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
        tower = TowerConfig(layers=config.layers, feed_forward=config.feed_forward)
        self.transformer = Tower(config.attention, tower, d, [], config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(d, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        """Judges a batch."""
        present = batch.present.to(torch.get_default_dtype())
        projected = [
            torch.where(batch.present[..., i, None], F.gelu(self.project[m](x)), 0.0)
            for i, (m, x) in enumerate(batch.inputs.items())
        ]
        fused = self.fuse(self.dropout(torch.cat([*projected, present], dim=-1)))
        relations = Relations.of(batch, self.config.attention)
        return NetworkOutput(Level(self.classifier(self.dropout(self.transformer(fused, {}, {}, {}, relations)))))
