"""What MulT and SDT share: projected streams of one width, and the transformer layer in which one stream reads another.

Letters in shapes: B conversations, T utterances, M modalities, H heads, d model width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from merc.data.batching import Batch
from merc.files.shapes import Float
from merc.networks.attention import attend, check_heads
from merc.networks.dropout import Dropout
from merc.networks.interface import Network, check_names
from merc.networks.registry import NetworkConfig


class CrossmodalConfig(NetworkConfig):
    """The sizes that both have.

    Attributes:
        width: d.
        heads: H of every attention; must divide the width.
    """

    width: int = Field(ge=4)
    heads: int = Field(ge=1)

    @model_validator(mode="after")
    def _heads_divide_width(self) -> CrossmodalConfig:
        check_heads(self.width, self.heads, "heads")
        return self


class CrossmodalNetwork(Network):
    """A network that begins with a projection of each modality to the model width; chosen: of each utterance for itself."""

    def __init__(self, config: CrossmodalConfig, widths: Mapping[str, int]) -> None:
        super().__init__()
        check_names(widths)
        self.project = nn.ModuleDict({m: nn.Linear(w, config.width, bias=False) for m, w in widths.items()})
        self.absent = nn.Parameter(torch.zeros(len(widths), config.width))  # chosen: stands for a modality that is absent

    def streams(self, batch: Batch, place: Float[Tensor, "*B T d"]) -> dict[str, Float[Tensor, "B T d"]]:
        """Modality -> its projected inputs, plus `place`."""
        return {
            m: torch.where(batch.present[..., i, None], project(batch.inputs[m]), self.absent[i]) + place
            for i, (m, project) in enumerate(self.project.items())
        }


class CrossmodalLayer(nn.Module):
    """Attention and feed-forward with pre-norm and residual; chosen: dropout behind attention, inside and behind feed-forward.

    The LayerNorms of the subclass, by name, come before all other parts; `feed_forward` is a width in units of d.
    """

    def __init__(
        self,
        norms: Mapping[str, nn.LayerNorm | None],
        d: int,
        heads: int,
        dropout: float,
        feed_forward: int,
        activation: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        for name, norm in norms.items():
            self.register_module(name, norm)
        self.heads = heads
        self.query = nn.Linear(d, d)
        self.kv_projection = nn.Linear(d, 2 * d)  # keys and values
        self.project_out = nn.Linear(d, d)
        self.norm_feed = nn.LayerNorm(d)
        self.feed_1 = nn.Linear(d, feed_forward * d)
        self.feed_2 = nn.Linear(feed_forward * d, d)
        self.activation = activation
        self.dropout = Dropout(dropout)

    def read(
        self,
        x_BTd: Float[Tensor, "B T d"],
        target_BTd: Float[Tensor, "B T d"],
        source_BTd: Float[Tensor, "B T d"],
        bias_BHTT: Float[Tensor, "B H T T"],
    ) -> Float[Tensor, "B T d"]:
        """The layer's output for the stream x, whose normed form `target` reads the normed `source`."""
        k, v = self.kv_projection(source_BTd).chunk(2, dim=-1)
        x_BTd = x_BTd + self.dropout(self.project_out(attend(self.query(target_BTd), k, v, bias_BHTT, self.heads)))
        hidden = self.dropout(self.activation(self.feed_1(self.norm_feed(x_BTd))))
        return x_BTd + self.dropout(self.feed_2(hidden))
