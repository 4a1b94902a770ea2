"""Late fusion: a transformer and a classifier for each modality, which meet only in the mean of their logits.

Symmetric by design [chosen]: the same projection, the same transformer with CMATH's biases for position and speaker, and an equal
vote for every modality that is present. No modality ever sees another.

Letters in shapes: B conversations, T utterances, C classes, M modalities, W input columns, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.networks.attention import AttentionConfig, Relations, check_heads
from merc.networks.cmath.cma_transformer import Tower, TowerConfig
from merc.networks.dropout import Dropout
from merc.networks.interface import Classify, Level, Network, NetworkOutput, check_names
from merc.networks.registry import NetworkConfig, register_network


@register_network
class LateFusionConfig(NetworkConfig):
    """Sizes of the rival.

    Attributes:
        name: tells configs of networks apart.
        width: d, of each modality's transformer.
        layers: of each modality's transformer.
        feed_forward: width of the feed-forward layer, in units of d.
        dropout: everywhere.
        attention: heads, biases and masks.
    """

    name: str = "late_fusion"
    width: int = Field(default=128, ge=4)
    layers: int = Field(default=2, ge=1, le=24)
    feed_forward: int = Field(default=4, ge=1, le=8)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    attention: AttentionConfig = AttentionConfig()

    @model_validator(mode="after")
    def _heads_divide_width(self) -> LateFusionConfig:
        check_heads(self.width, self.attention.heads, "attention.heads")
        return self

    @property
    def is_causal(self) -> bool:
        """With `attention.causal`."""
        return self.attention.causal

    def build(self, widths: Mapping[str, int], classes: int) -> LateFusion:
        """The network for inputs of these widths (modality -> columns).

        Raises:
            RecipeError: a modality has a name that torch keeps for itself.
        """
        return LateFusion(self, widths, classes)


class ModalityClassifier(nn.Module):
    """One modality's own network: projection, transformer over the conversation, classifier."""

    def __init__(self, config: LateFusionConfig, width: int, classes: int) -> None:
        super().__init__()
        d = config.width
        self.project = nn.Linear(width, d)
        self.absent = nn.Parameter(torch.randn(d) * 0.02)  # chosen: as small as CMATH's
        tower = TowerConfig(layers=config.layers, feed_forward=config.feed_forward)
        self.transformer = Tower(config.attention, tower, d, [], config.dropout)
        self.dropout = Dropout(config.dropout)
        self.classifier = nn.Linear(d, classes)

    def forward(
        self, x_BTW: Float[Tensor, "B T W"], present_BT: Bool[Tensor, "B T"], relations: Relations
    ) -> Float[Tensor, "B T C"]:
        """The modality's logits (B, T, C); a learned vector stands in where it is absent."""
        projected_BTd = torch.where(present_BT[..., None], F.gelu(self.project(x_BTW)), self.absent)
        h_BTd = self.transformer(self.dropout(projected_BTd), {}, {}, {}, relations)
        return self.classifier(self.dropout(h_BTd))


class LateFusion(Network):
    """The network."""

    def __init__(self, config: LateFusionConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        check_names(widths)
        self.config = config
        self.unimodal = nn.ModuleDict({m: ModalityClassifier(config, w, classes) for m, w in widths.items()})

    def forward(self, batch: Batch) -> NetworkOutput:
        """Judges a batch: the mean of the present modalities' logits, of all of them where none is present."""
        relations = Relations.of(batch, self.config.attention)
        unimodal = {
            m: Level(self.unimodal[m](x, batch.present[..., i], relations)) for i, (m, x) in enumerate(batch.inputs.items())
        }
        logits_BTMC = torch.stack([level.logits for level in unimodal.values()], dim=2)
        taken_BTM = batch.present | ~batch.present.any(dim=-1, keepdim=True)
        weight_BTM = taken_BTM / taken_BTM.sum(dim=-1, keepdim=True)
        return NetworkOutput(Level((weight_BTM[..., None] * logits_BTMC).sum(dim=2)), unimodal=unimodal)

    def terms(
        self, output: NetworkOutput, batch: Batch, classify: Classify, teacher: NetworkOutput | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """Cross-entropy of the answer, and the mean over the modalities of each one's own where it is present."""
        labelled, own = batch.labelled, list[Tensor]()
        for i, level in enumerate(output.unimodal.values()):
            judged = labelled & batch.present[..., i]
            own.append(classify(level.logits[judged], batch.labels[judged]))
        return {
            "coarse": classify(output.coarse.logits[labelled], batch.labels[labelled]),
            "unimodal": torch.stack(own).mean(),
        }
