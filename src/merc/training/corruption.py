"""Corruption of modalities in training; without it trust has no reason to fall (docs/model.md).

Noise of strength s turns standardised features x into sqrt(1 - s^2) x + s e with e ~ N(0, 1) (first factor 0 from s = 1 on):
variance stays that of the data up to s = 1, where nothing of the features is left [chosen].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from merc.data.batching import Batch
from merc.settings import Settings


class CorruptionConfig(Settings):
    """How often training loses or perturbs a modality. Each is a probability, drawn anew for every batch.

    Attributes:
        drop_conversation: a modality is lost throughout a conversation.
        drop_utterance: a modality is lost for one utterance.
        noise_conversation: a modality is noisy throughout a conversation.
        noise_utterance: a modality is noisy for one utterance.
        strength: noise strengths are drawn evenly from 0 to this.
    """

    drop_conversation: float = Field(default=0.05, ge=0, le=1)
    drop_utterance: float = Field(default=0.05, ge=0, le=1)
    noise_conversation: float = Field(default=0.15, ge=0, le=1)
    noise_utterance: float = Field(default=0.15, ge=0, le=1)
    strength: float = Field(default=2.0, ge=0, le=10)


def corrupt(batch: Batch, config: CorruptionConfig, random: torch.Generator) -> Batch:
    """A batch with modalities dropped and perturbed. An utterance that would lose its last modality keeps what it had.

    Args:
        batch: on the CPU or the generator's device.
        config: probabilities.
        random: of every draw.
    """
    b, t, m = batch.present.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random, device=random.device).to(batch.present.device)

    lost = (draw(b, 1, m) < config.drop_conversation) | (draw(b, t, m) < config.drop_utterance)
    kept = batch.present & ~lost
    present = torch.where(kept.any(dim=-1, keepdim=True), kept, batch.present)
    noisy = (draw(b, 1, m) < config.noise_conversation) | (draw(b, t, m) < config.noise_utterance)
    strength = draw(b, t, m) * config.strength * noisy
    corrupted = batch.with_inputs(batch.inputs, present)
    for i, x in enumerate(corrupted.inputs.values()):  # fresh tensors, so they may be written to
        perturbed = (strength[..., i] > 0) & present[..., i]  # noise for these alone: to draw it costs more than to add it
        noise = torch.randn(int(perturbed.sum()), x.shape[-1], generator=random, device=random.device).to(x.device)
        s = strength[..., i][perturbed][:, None]
        x[perturbed] = (1 - s**2).clamp_min(0).sqrt() * x[perturbed] + s * noise
    return corrupted
