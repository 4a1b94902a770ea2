"""Hierarchical distillation: coarse teaches fine, fine teaches unimodal (docs/model.md).

[paper] keeps representations of different granularities consistent. [chosen] both terms: of the logits, and of the latents, where a
student learns its own distance from the consensus, so that its variance means something. Teachers are detached, and their logits
are made from their posteriors' means.

Letters in shapes: B conversations, T utterances, C classes, Z latent width.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from merc.files.shapes import Bool, Float
from merc.networks.interface import Level, masked_mean
from merc.settings import Settings


class DistillationConfig(Settings):
    """Which levels teach.

    Attributes:
        teacher: `average` teaches with the averaged weights on the batch as it was before corruption; `self` with the running
            network on the corrupted batch.
        temperature: T of the softened logits.
        coarse_to_fine: the coarse level teaches the towers.
        fine_to_unimodal: each tower teaches its modality's unimodal level; coarse does where there is no tower.
    """

    teacher: Literal["average", "self"] = "average"
    temperature: float = Field(default=2.0, gt=0)
    coarse_to_fine: bool = True
    fine_to_unimodal: bool = True


def logit_term(
    teacher_BTC: Float[Tensor, "B T C"], student_BTC: Float[Tensor, "B T C"], temperature: float, mask_BT: Bool[Tensor, "B T"]
) -> Float[Tensor, ""]:
    """T^2 KL(softmax(teacher/T) || softmax(student/T)), mean over the utterances that have a teacher (Hinton et al. 2015)."""
    return masked_mean(softened_kl(teacher_BTC.detach(), student_BTC, temperature) * temperature**2, mask_BT)


def softened_kl(
    teacher_BTC: Float[Tensor, "B T C"], student_BTC: Float[Tensor, "B T C"], temperature: float
) -> Float[Tensor, "B T"]:
    """KL(softmax(teacher/T) || softmax(student/T)) of each utterance."""
    teacher, student = (F.log_softmax(x / temperature, dim=-1) for x in (teacher_BTC, student_BTC))
    return (teacher.exp() * (teacher - student)).sum(dim=-1)


def latent_term(teacher: Level, student: Level, mask_BT: Bool[Tensor, "B T"], *, moves_mean: bool) -> Float[Tensor, ""]:
    """1/2 [log sigma_s^2 + (mu_s - mu_teacher)^2 / sigma_s^2], mean over dimensions and the utterances of the mask [chosen].

    Args:
        teacher, student: the levels.
        mask_BT: where the student has a teacher.
        moves_mean: False trains the student's variance alone: the coarse mean is pooled from the towers' means and shrunk towards
            the prior, so towers that learned it would shrink with it.

    Raises:
        ValueError: a level without a posterior.
    """
    if teacher.posterior is None or student.posterior is None:
        raise ValueError("the latent term needs posteriors on both levels")
    log_variance = student.posterior.log_variance
    mean = student.posterior.mean if moves_mean else student.posterior.mean.detach()
    distance = (mean - teacher.posterior.mean.detach()) ** 2
    term = 0.5 * (log_variance + distance * (-log_variance).exp())
    return masked_mean(term.mean(dim=-1), mask_BT)
