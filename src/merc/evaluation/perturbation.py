"""Losing or perturbing one modality of prepared samples, to evaluate a finished model without it (docs/model.md).

Noise is that of `merc.training.corruption`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import ValidationError, model_validator

from merc.data.preprocessing import Sample
from merc.errors import RecipeError
from merc.settings import Settings


class Perturbation(Settings):
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
    def _amount_within_bounds(self) -> Perturbation:
        highest = 1 if self.kind == "drop" else 10
        if not 0 <= self.amount <= highest:
            raise ValueError(f"amount {self.amount} of {self.kind}; allowed: 0 to {highest}")
        return self

    @classmethod
    def parse(cls, text: str, modalities: Sequence[str]) -> Perturbation:
        """Reads `MODALITY=noise:STRENGTH` or `MODALITY=drop:SHARE`.

        Raises:
            RecipeError: anything else, or an unknown modality.
        """
        match = re.fullmatch(r"(?P<modality>[^=]+)=(?P<kind>noise|drop):(?P<amount>[0-9.]+(?:e-?\d+)?)", text)
        try:
            perturbation = cls.model_validate(match.groupdict() if match else {})
        except ValidationError:
            allowed = "write MODALITY=noise:STRENGTH (0 to 10) or MODALITY=drop:SHARE (0 to 1)"
            raise RecipeError(f"corruption {text!r}: {allowed}") from None
        if perturbation.modality not in modalities:
            raise RecipeError(
                f"corruption {text!r}: unknown modality {perturbation.modality!r}; the model has: {', '.join(modalities)}"
            )
        return perturbation


def perturb(sample: Sample, perturbations: Sequence[Perturbation], seed: int) -> Sample:
    """The sample with its modalities perturbed. What is drawn depends on the seed and the conversation's id alone."""
    inputs, present = dict(sample.inputs), sample.present.copy()
    names = list(inputs)
    for perturbation in perturbations:
        column = names.index(perturbation.modality)
        key = zlib.crc32(f"{sample.conversation_id}\0{perturbation.modality}".encode())
        random = np.random.default_rng([seed, key])
        if perturbation.kind == "drop":
            present[:, column] &= random.random(len(sample)) >= perturbation.amount
        else:
            x = inputs[perturbation.modality]
            noise = random.standard_normal(x.shape, dtype=np.float32)
            keep = np.float32(np.sqrt(max(0.0, 1 - perturbation.amount**2)))
            inputs[perturbation.modality] = keep * x + np.float32(perturbation.amount) * noise
        inputs[perturbation.modality] = inputs[perturbation.modality] * present[:, column, None]
    return replace(sample, inputs=inputs, present=present)


def without(sample: Sample, modalities: Sequence[str]) -> Sample:
    """The sample with these modalities absent throughout."""
    return perturb(sample, [Perturbation(modality=name, kind="drop", amount=1.0) for name in modalities], seed=0)
