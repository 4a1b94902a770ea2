"""MulT: each modality reads each other one by cross-attention, then attends to itself; all of them play the same role.

After Tsai et al., "Multimodal Transformer for Unaligned Multimodal Language Sequences", ACL 2019, at the level of utterances and
for any number of modalities. No gates, no distillation, no speakers. What is marked `chosen` is ours.

Letters in shapes: B conversations, T utterances, M modalities, H heads, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.files.shapes import Float
from merc.networks.attention import key_bias, sinusoids
from merc.networks.dropout import Dropout
from merc.networks.interface import Level, NetworkOutput
from merc.networks.registry import register_network
from merc.networks.rivals.crossmodal import CrossmodalConfig, CrossmodalLayer, CrossmodalNetwork


@register_network
class MulTConfig(CrossmodalConfig):
    """Sizes of the rival. The published networks have width 30 to 40, and 4 or 5 layers that read sequences of words and frames.

    Attributes:
        layers: of the crossmodal transformer of each ordered pair of modalities.
        self_layers: of the self-attention transformer of each modality.
        dropout: everywhere.
    """

    name: str = "mult"
    width: int = Field(default=64, ge=4)
    heads: int = Field(default=4, ge=1)
    layers: int = Field(default=1, ge=1, le=24)
    self_layers: int = Field(default=1, ge=1, le=24)
    dropout: float = Field(default=0.3, ge=0, lt=1)

    def build(self, widths: Mapping[str, int], classes: int) -> MulT:
        return MulT(self, widths, classes)


class MulT(CrossmodalNetwork):
    """The network."""

    def __init__(self, config: MulTConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__(config, widths)
        d = config.width
        self.config = config
        self.targets = nn.ModuleDict({m: Target(config, [n for n in widths if n != m]) for m in widths})
        joined = len(widths) * max(1, len(widths) - 1) * d
        self.mix_1 = nn.Linear(joined, joined)
        self.mix_2 = nn.Linear(joined, joined)
        self.dropout = Dropout(config.dropout)
        self.classifier = nn.Linear(joined, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        position_Td = sinusoids(batch.valid.shape[1], self.config.width, batch.valid.device)
        streams = self.streams(batch, position_Td)
        bias_BHTT = key_bias(batch.valid, self.config.heads)
        joined = torch.cat([target(m, streams, bias_BHTT) for m, target in self.targets.items()], dim=-1)
        mixed = joined + self.mix_2(self.dropout(F.relu(self.mix_1(joined))))
        return NetworkOutput(Level(self.classifier(mixed)))


class Target(nn.Module):
    """One modality as target: a crossmodal transformer a source, then self-attention over their outputs side by side.

    Args:
        config: of the network.
        sources: the other modalities; if there are none, self-attention reads the target's own stream.
    """

    def __init__(self, config: MulTConfig, sources: Sequence[str]) -> None:
        super().__init__()
        d, heads, dropout = config.width, config.heads, config.dropout
        self.crossmodal = nn.ModuleDict({n: Transformer(config.layers, d, heads, dropout, crossed=True) for n in sources})
        self.memory = Transformer(config.self_layers, max(1, len(sources)) * d, heads, dropout, crossed=False)

    def forward(
        self, target: str, streams: Mapping[str, Float[Tensor, "B T d"]], bias_BHTT: Float[Tensor, "B H T T"]
    ) -> Float[Tensor, "B T e"]:
        """(B, T, (M-1)*d) for the modality named `target`; (B, T, d) if it is the only one."""
        own = streams[target]
        read = [transformer(own, streams[source], bias_BHTT) for source, transformer in self.crossmodal.items()]
        return self.memory(torch.cat(read or [own], dim=-1), None, bias_BHTT)


class Transformer(nn.Module):
    """Layers of attention, and a LayerNorm behind them [chosen].

    If `crossed`, every layer reads the source's stream as it came in; otherwise the target attends to itself.
    """

    def __init__(self, layers: int, d: int, heads: int, dropout: float, *, crossed: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(d, heads, dropout, crossed=crossed) for _ in range(layers))
        self.norm = nn.LayerNorm(d)

    def forward(
        self, x_BTd: Float[Tensor, "B T d"], source_BTd: Float[Tensor, "B T d"] | None, bias_BHTT: Float[Tensor, "B H T T"]
    ) -> Float[Tensor, "B T d"]:
        """(B, T, d) -> (B, T, d)."""
        for layer in self.layers:
            x_BTd = layer(x_BTd, source_BTd, bias_BHTT)
        return self.norm(x_BTd)


class Layer(CrossmodalLayer):
    """The target reads the source, or itself; chosen: a LayerNorm each."""

    norm_target: nn.LayerNorm
    norm_source: nn.LayerNorm | None

    def __init__(self, d: int, heads: int, dropout: float, *, crossed: bool) -> None:
        norms = {"norm_target": nn.LayerNorm(d), "norm_source": nn.LayerNorm(d) if crossed else None}
        super().__init__(norms, d, heads, dropout, 4, F.relu)

    def forward(
        self, x_BTd: Float[Tensor, "B T d"], source_BTd: Float[Tensor, "B T d"] | None, bias_BHTT: Float[Tensor, "B H T T"]
    ) -> Float[Tensor, "B T d"]:
        """(B, T, d) -> (B, T, d)."""
        target = self.norm_target(x_BTd)
        return self.read(x_BTd, target, target if self.norm_source is None else self.norm_source(source_BTd), bias_BHTT)
