"""Variational fusion: the towers' posteriors become the coarse one; unimodal precisions become trust (docs/model.md).

[paper] a variational fusion network makes the coarse-grained representation. [chosen] a logarithmic opinion pool: the towers have
all seen every modality, so a product of experts would count the same evidence once a tower. It pools their posteriors, or, as
`opinions`, their answers, too.

Letters in shapes: B conversations, T utterances, S towers, M modalities, Z latent width.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from merc.files.shapes import Bool, Float
from merc.networks.interface import Posterior, masked_mean
from merc.settings import Settings

LOG_VARIANCE_RANGE = (-6.0, 2.0)


class FusionConfig(Settings):
    """How the towers' posteriors become one.

    Attributes:
        kind: `opinions`: the coarse logits are a pool of the towers' log probabilities, weighted by precision. The others classify
            the coarse latent: that of the same `pool`, or of a `product` of experts, of `concat` or `gated`.
        latent: Z, the width of the posteriors.
        offset_hidden: width of the hidden layer that lifts all log variances of a posterior together.
        evidence: the coarse logits get the unimodal logits added, each times a learned factor. Modalities are nearly independent
            given the emotion, so their evidence adds; the towers are left the rest. With `opinions` the answer of each tower gets
            that of its centre instead.
        detached: fusion reads the towers, and the heads of their variances what they are made of, behind a stop of the gradient: no
            tower learns from what the others say, so they err independently, and what their variances learn bends no answer.
        variational: False drops variances from fusion and sampling: means alone are used, and there is no trust and no
            uncertainty (an ablation).
    """

    kind: Literal["opinions", "pool", "product", "concat", "gated"] = "opinions"
    latent: int = Field(default=64, ge=1)
    offset_hidden: int = Field(default=128, ge=1)
    evidence: bool = True
    detached: bool = True
    variational: bool = True


class PosteriorHead(nn.Module):
    """Two linear maps, to the mean and to the log variance of a Gaussian, and an offset that is added to all of its log variances.

    A hidden layer makes the offset from the direction and the length of the input: noise has the mean of data but another energy,
    which no linear map measures, and one number for all dimensions is learned from all of them (chosen).
    """

    def __init__(self, d: int, config: FusionConfig, *, detached: bool) -> None:
        super().__init__()
        self.detached = detached
        self.mean = nn.Linear(d, config.latent)
        self.norm = nn.LayerNorm(d)
        self.log_variance_direction = nn.Linear(d, config.latent)
        hidden = config.offset_hidden
        self.log_variance_offset = nn.Sequential(nn.Linear(d + 1, hidden), nn.GELU(), nn.Linear(hidden, 1))

    def forward(self, x_BTd: Float[Tensor, "B T d"]) -> Posterior:
        """(B, T, d) -> a posterior of width Z."""
        mean_BTZ = self.mean(x_BTd)
        if self.detached:
            x_BTd = x_BTd.detach()
        length_BT1 = x_BTd.square().mean(dim=-1, keepdim=True).clamp_min(1e-6).log()
        direction_BTd = self.norm(x_BTd)
        log_variance = self.log_variance_direction(direction_BTd) + self.log_variance_offset(
            torch.cat([direction_BTd, length_BT1], dim=-1)
        )
        return Posterior(mean_BTZ, log_variance.clamp(*LOG_VARIANCE_RANGE))


def with_evidence(
    logits_BTC: Float[Tensor, "B T C"],
    unimodal_MBTC: Float[Tensor, "M B T C"],
    factor_M: Float[Tensor, " M"],
    present_BTM: Bool[Tensor, "B T M"],
) -> Float[Tensor, "B T C"]:
    """Logits with the unimodal ones of the present modalities added, each times its factor."""
    weight_MBT = (factor_M * present_BTM).permute(2, 0, 1)
    return logits_BTC + (weight_MBT[..., None] * unimodal_MBTC).sum(dim=0)


class Fusion(nn.Module):
    """Towers' posteriors -> the coarse posterior; for `opinions` also towers' answers -> the coarse answer."""

    def __init__(self, config: FusionConfig, towers: int, d: int) -> None:
        super().__init__()
        self.config = config
        self.pool = nn.Parameter(torch.zeros(towers + 1)) if config.kind in ("opinions", "pool") else None
        # One row, since ONNX Runtime takes no scalar from a file of weights.
        self.log_sharpness = nn.Parameter(torch.zeros(1)) if config.kind == "opinions" else None
        self.concat = nn.Linear(towers * (d + 1), 2 * config.latent) if config.kind == "concat" else None
        self.gate = nn.Linear(d, config.latent) if config.kind == "gated" else None

    def forward(
        self,
        mean_SBTZ: Float[Tensor, "S B T Z"],
        log_variance_SBTZ: Float[Tensor, "S B T Z"],
        fine_SBTd: Float[Tensor, "S B T d"],
        taken_SBT: Bool[Tensor, "S B T"],
    ) -> Posterior:
        """The coarse posterior.

        Args:
            mean_SBTZ, log_variance_SBTZ: the towers' posteriors.
            fine_SBTd: the towers' representations, which `concat` and `gated` read.
            taken_SBT: the towers that are fused, one at least for each utterance.
        """
        taken = taken_SBT[..., None].to(mean_SBTZ.dtype)
        if self.concat is not None:
            stacked = torch.cat([fine_SBTd * taken, taken], dim=-1)
            mean, log_variance = self.concat(stacked.permute(1, 2, 0, 3).flatten(2)).chunk(2, dim=-1)
            return Posterior(mean, log_variance.clamp(*LOG_VARIANCE_RANGE))
        if self.gate is not None:
            score = self.gate(fine_SBTd).masked_fill(taken == 0, float("-inf"))
            weight = torch.softmax(score, dim=0)
            variance = (weight * log_variance_SBTZ.exp()).sum(dim=0)
            return Posterior((weight * mean_SBTZ).sum(dim=0), variance.log().clamp(*LOG_VARIANCE_RANGE))
        precision = torch.exp(-log_variance_SBTZ) if self.config.variational else torch.ones_like(log_variance_SBTZ)
        if self.pool is not None:
            alpha = self.pool.softmax(dim=0)
            weight = alpha[1:, None, None, None] * taken
            total = alpha[0] + weight.sum(dim=0, keepdim=True)
            prior, weight = alpha[0] / total, weight / total
        else:
            prior, weight = torch.ones_like(taken[:1]), taken
        evidence = weight * precision
        precision_BTZ = prior[0] + evidence.sum(dim=0)
        mean_BTZ = (evidence * mean_SBTZ).sum(dim=0) / precision_BTZ
        return Posterior(mean_BTZ, (-precision_BTZ.log()).clamp(*LOG_VARIANCE_RANGE))

    def opinion(
        self, logits_SBTC: Float[Tensor, "S B T C"], log_variance_SBTZ: Float[Tensor, "S B T Z"], taken_SBT: Bool[Tensor, "S B T"]
    ) -> Float[Tensor, "B T C"]:
        """The pool of the towers' log probabilities and the prior's, which are the same for all classes, times a learned sharpness.

        A tower has its share of the pool's precision, by its mean variance. The less certain all are, the more the prior has.

        Raises:
            RuntimeError: this kind of fusion has no pool of opinions.
        """
        if self.pool is None or self.log_sharpness is None:
            raise RuntimeError(f"fusion of kind {self.config.kind} pools no opinions")
        alpha = self.pool.softmax(dim=0)
        weight_SBT = alpha[1:, None, None] * taken_SBT
        if self.config.variational:
            weight_SBT = weight_SBT / log_variance_SBTZ.exp().mean(dim=-1)
        weight_SBT = self.log_sharpness.exp() * weight_SBT / (alpha[0] + weight_SBT.sum(dim=0, keepdim=True))
        return (weight_SBT[..., None] * logits_SBTC.log_softmax(dim=-1)).sum(dim=0)


def sample(posterior: Posterior) -> Float[Tensor, "B T Z"]:
    """A reparameterised draw: mean + sd * standard normal noise from torch's generator."""
    return posterior.mean + torch.exp(0.5 * posterior.log_variance) * torch.randn_like(posterior.mean)


def kl_to_standard_normal(posterior: Posterior, valid_BT: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """KL(q || N(0, I)) per dimension, mean over the valid utterances."""
    kl = 0.5 * (posterior.mean**2 + posterior.log_variance.exp() - 1 - posterior.log_variance).mean(dim=-1)
    return masked_mean(kl, valid_BT)


def trust_of(log_variance_MBTZ: Float[Tensor, "M B T Z"], present_BTM: Bool[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
    """Each modality's share of the precision of the unimodal posteriors: 0 where it is absent.

    The precision is the inverse of the mean variance, the expected squared distance from the consensus (chosen: in the mean of the
    dimensions' own precisions, dimensions without information would dominate).
    """
    precision = log_variance_MBTZ.exp().mean(dim=-1).reciprocal().permute(1, 2, 0) * present_BTM
    return precision / precision.sum(dim=-1, keepdim=True).clamp_min(1e-12)
