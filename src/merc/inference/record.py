"""What is known of a trained model besides its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """How a model came to be, and what it scored.

    Attributes:
        scores: validation scores by name.
        chosen_by: how the weights were chosen, in words.
        corpus: facts about the training corpus: name, source, licence, synthetic, counts.
        versions: of merc, Python, torch and numpy.
        seed: of the training.
        warnings: what a user should know, such as a flagged probe.
    """

    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    chosen_by: str = "not trained"
    corpus: Mapping[str, object] = field(default_factory=dict[str, object])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    seed: int = 0
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelRecord:
        """What `dataclasses.asdict` gave, read back from JSON."""
        return cls(
            scores=values["scores"],
            chosen_by=values["chosen_by"],
            corpus=values["corpus"],
            versions=values["versions"],
            seed=values["seed"],
            warnings=tuple(values["warnings"]),
        )
