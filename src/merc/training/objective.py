"""The loss: named terms, their weights and their ramps (docs/model.md).

L = CE(coarse) + a CE(fine) + u CE(unimodal) + r L_rec + b L_kl + k L_logit + l L_latent. The last three terms are ramped up from 0
over the first epochs, since early teachers are random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from merc.files.shapes import Float, Int64
from merc.settings import Settings

RAMPED = frozenset({"kl", "logit", "latent"})


class ObjectiveConfig(Settings):
    """Weights of the terms; `coarse` always has weight 1.

    Attributes:
        fine, unimodal, reconstruction, kl, logit, latent: a, u, r, b, k and l of the equation.
        ramp_epochs: epochs over which kl, logit and latent rise linearly from 0 to their weight.
        label_smoothing: of every cross-entropy.
        class_weights: `none`; `balanced`, inverse to the class's share in training; `root`, the square root of that.
    """

    fine: float = Field(default=1.0, ge=0)
    unimodal: float = Field(default=1.0, ge=0)
    reconstruction: float = Field(default=0.05, ge=0)
    kl: float = Field(default=0.01, ge=0)
    logit: float = Field(default=0.3, ge=0)
    latent: float = Field(default=4.0, ge=0)
    ramp_epochs: float = Field(default=1.0, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced", "root"] = "root"


class Objective:
    """Weighs terms; holds the class weights of the training split."""

    def __init__(self, config: ObjectiveConfig, class_counts: Sequence[int]) -> None:
        self.config = config
        self.class_weights = class_weights(config.class_weights, class_counts)

    def classify(self, logits: Float[Tensor, "N C"], labels: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
        """Weighted, smoothed cross-entropy, mean over the utterances; 0 for none."""
        return self.summed(logits, labels) / self.class_weights.to(logits.device)[labels].sum().clamp_min(1e-12)

    def summed(self, logits: Float[Tensor, "N C"], labels: Int64[Tensor, " N"]) -> Float[Tensor, ""]:
        """Weighted, smoothed cross-entropy, summed over the utterances: that of batches is the sum of theirs."""
        weights = self.class_weights.to(logits.device)
        return F.cross_entropy(logits, labels, weights, reduction="sum", label_smoothing=self.config.label_smoothing)

    def total(self, terms: Mapping[str, Float[Tensor, ""]], epochs_done: float) -> Float[Tensor, ""]:
        """The weighted sum at a point of the training, in epochs since its start."""
        ramp = min(1.0, epochs_done / self.config.ramp_epochs) if self.config.ramp_epochs else 1.0
        total = terms["coarse"]
        for name, term in terms.items():
            if name != "coarse":
                total = total + getattr(self.config, name) * (ramp if name in RAMPED else 1.0) * term
        return total


def class_weights(kind: Literal["none", "balanced", "root"], counts: Sequence[int]) -> Float[Tensor, " C"]:
    """A weight per class, of mean 1 over the training utterances; a class that training lacks gets weight 1."""
    count = torch.tensor(counts, dtype=torch.float32)
    if kind == "none":
        return torch.ones_like(count)
    share = count / count.sum()
    raw = torch.where(count > 0, share.clamp_min(1e-12) ** (-1.0 if kind == "balanced" else -0.5), torch.zeros_like(count))
    scaled = raw / (raw * share).sum()
    return torch.where(count > 0, scaled, torch.ones_like(count))
