"""Corrupting modalities on purpose: in training, or trust has no reason to fall; in evaluation, to re-judge one (docs/model.md).

Noise of strength s turns standardised features x into sqrt(1 - s^2) x + s e with e ~ N(0, 1) (first factor 0 from s = 1 on):
variance stays that of the data up to s = 1, where nothing of the features is left [chosen].
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor

from merc.data.batching import Batch
from merc.data.preprocessing import Sample
from merc.errors import RecipeError
from merc.settings import Settings


class CorruptionConfig(Settings):
    """How often training loses or spoils a modality. Each is a probability, drawn anew for every batch.

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
    """A batch with modalities dropped and spoilt. An utterance that would lose its last modality keeps what it had.

    Args:
        batch: on the CPU or the generator's device.
        config: probabilities.
        random: decides all.
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
        spoilt = (strength[..., i] > 0) & present[..., i]  # noise for these alone: to draw it costs more than to add it
        noise = torch.randn(int(spoilt.sum()), x.shape[-1], generator=random, device=random.device).to(x.device)
        x[spoilt] = _mix(x[spoilt], noise, strength[..., i][spoilt][:, None])
    return corrupted


class Spoiling(Settings):
    """One corruption of one modality at test time, such as `audio=noise:1.0` or `audio=drop:0.5`.

    Attributes:
        modality: which.
        kind: `noise` of a strength for every utterance, or `drop` for a share of the utterances.
        amount: noise strength from 0 to 10, or share from 0 to 1.
    """

    modality: str
    kind: Literal["noise", "drop"]
    amount: float

    @model_validator(mode="after")
    def _amount_within_bounds(self) -> Spoiling:
        highest = 1 if self.kind == "drop" else 10
        if not 0 <= self.amount <= highest:
            raise ValueError(f"amount {self.amount} of {self.kind}; allowed: 0 to {highest}")
        return self

    @classmethod
    def parse(cls, text: str, modalities: Sequence[str]) -> Spoiling:
        """Reads `MODALITY=noise:STRENGTH` or `MODALITY=drop:SHARE`.

        Raises:
            RecipeError: anything else, or a modality that the model has not.
        """
        match = re.fullmatch(r"([^=]+)=(noise|drop):([0-9.]+(?:e-?\d+)?)", text)
        try:
            spoiling = cls.model_validate(dict(zip(("modality", "kind", "amount"), match.groups(), strict=True))) if match else None
        except ValidationError:
            spoiling = None
        if spoiling is None:
            raise RecipeError(f"corruption {text!r}: write MODALITY=noise:STRENGTH (0 to 10) or MODALITY=drop:SHARE (0 to 1)")
        if spoiling.modality not in modalities:
            raise RecipeError(
                f"corruption {text!r}: unknown modality {spoiling.modality!r}; the model has: {', '.join(modalities)}"
            )
        return spoiling


def spoil(sample: Sample, spoilings: Sequence[Spoiling], seed: int) -> Sample:
    """The sample with its modalities spoilt. What is drawn depends on the seed and the conversation's id alone."""
    inputs, present = dict(sample.inputs), sample.present.copy()
    names = list(inputs)
    for spoiling in spoilings:
        column = names.index(spoiling.modality)
        key = zlib.crc32(f"{sample.conversation_id}\0{spoiling.modality}".encode())
        random = np.random.default_rng([seed, key])
        if spoiling.kind == "drop":
            present[:, column] &= random.random(len(sample)) >= spoiling.amount
        else:
            x = inputs[spoiling.modality]
            noise = random.standard_normal(x.shape, dtype=np.float32)
            keep = np.float32(np.sqrt(max(0.0, 1 - spoiling.amount**2)))
            inputs[spoiling.modality] = keep * x + np.float32(spoiling.amount) * noise
        inputs[spoiling.modality] = inputs[spoiling.modality] * present[:, column, None]
    return replace(sample, inputs=inputs, present=present)


def without(sample: Sample, modalities: Sequence[str]) -> Sample:
    """The sample with these modalities absent throughout."""
    return spoil(sample, [Spoiling(modality=name, kind="drop", amount=1.0) for name in modalities], seed=0)


def _mix(x: Tensor, noise: Tensor, strength: Tensor) -> Tensor:
    return (1 - strength**2).clamp_min(0).sqrt() * x + strength * noise
