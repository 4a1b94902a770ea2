"""The sizes of the rivals whose modalities meet before or behind one transformer: early and late fusion."""

from __future__ import annotations

from pydantic import Field, model_validator

from merc.networks.attention import AttentionConfig, check_heads
from merc.networks.cmath.cma_transformer import Tower, TowerConfig
from merc.networks.registry import NetworkConfig


class TransformerConfig(NetworkConfig):
    """Sizes of a transformer over the conversation with CMATH's biases for position and speaker.

    Attributes:
        width: d.
        layers: of each transformer.
        feed_forward: width of the feed-forward layer, in units of d.
        dropout: everywhere.
        attention: heads, biases and masks.
    """

    width: int = Field(default=128, ge=4)
    layers: int = Field(ge=1, le=24)
    feed_forward: int = Field(default=4, ge=1, le=8)
    dropout: float = Field(ge=0, lt=1)
    attention: AttentionConfig = AttentionConfig()

    @model_validator(mode="after")
    def _heads_divide_width(self) -> TransformerConfig:
        check_heads(self.width, self.attention.heads, "attention.heads")
        return self

    @property
    def is_causal(self) -> bool:
        """With `attention.causal`."""
        return self.attention.causal

    def transformer(self) -> Tower:
        """CMATH's tower without auxiliaries."""
        tower = TowerConfig(layers=self.layers, feed_forward=self.feed_forward)
        return Tower(self.attention, tower, self.width, [], self.dropout)
