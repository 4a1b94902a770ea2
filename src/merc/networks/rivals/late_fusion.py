"""Late fusion: a transformer and a classifier for each modality, joined only by the mean of their logits.

Symmetric by design [chosen]: the same projection and transformer for every modality, and an equal weight for each that is present.

Letters in shapes: B conversations, T utterances, C classes, M modalities, W input columns, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.files.shapes import Bool, Float
from merc.networks.attention import Relations
from merc.networks.dropout import Dropout
from merc.networks.interface import Classify, Level, Network, NetworkOutput, check_names, loss_at
from merc.networks.registry import register_network
from merc.networks.rivals.transformer import TransformerConfig


@register_network
class LateFusionConfig(TransformerConfig):
    """The sizes of each modality's transformer, with defaults of this rival."""

    name: str = "late_fusion"
    layers: int = Field(default=2, ge=1, le=24)
    dropout: float = Field(default=0.5, ge=0, lt=1)

    def build(self, widths: Mapping[str, int], classes: int) -> LateFusion:
        return LateFusion(self, widths, classes)


class ModalityClassifier(nn.Module):
    """One modality's own network: projection, transformer over the conversation, classifier."""

    def __init__(self, config: LateFusionConfig, width: int, classes: int) -> None:
        super().__init__()
        d = config.width
        self.project = nn.Linear(width, d)
        self.absent = nn.Parameter(torch.empty(d).normal_().mul_(0.02))  # chosen: as small as CMATH's
        self.transformer = config.transformer()
        self.dropout = Dropout(config.dropout)
        self.classifier = nn.Linear(d, classes)

    def forward(
        self, x_BTW: Float[Tensor, "B T W"], present_BT: Bool[Tensor, "B T"], relations: Relations
    ) -> Float[Tensor, "B T C"]:
        """The modality's logits (B, T, C); a learned vector stands in where it is absent."""
        projected_BTd = torch.where(present_BT[..., None], F.gelu(self.project(x_BTW)), self.absent)
        h_BTd = self.transformer(self.dropout(projected_BTd), {}, relations)
        return self.classifier(self.dropout(h_BTd))


class LateFusion(Network):
    """The network."""

    def __init__(self, config: LateFusionConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        check_names(widths)
        self.config = config
        self.unimodal = nn.ModuleDict({m: ModalityClassifier(config, w, classes) for m, w in widths.items()})

    def forward(self, batch: Batch) -> NetworkOutput:
        """Predicts by the mean of the present modalities' logits, of all of them where none is present."""
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
        """The loss of the prediction, and the mean of each modality's own loss where it is present."""
        labelled, present = batch.labelled, batch.present.unbind(-1)
        own = [loss_at(labelled & at, level, batch, classify) for at, level in zip(present, output.unimodal.values(), strict=True)]
        return {"coarse": loss_at(labelled, output.coarse, batch, classify), "unimodal": torch.stack(own).mean()}
