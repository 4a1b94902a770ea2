"""The study's recipe: which rivals and ablations, how many seeds, how modalities are lost and perturbed.

A study recipe is a YAML file beside the recipe of CMATH that it builds on (`base`) and the folders `rivals` and `ablations`, which
hold one variant a file (see `merc.studies.arms`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from merc.files.validation import validated
from merc.settings import Settings
from merc.training.recipe import Protocol, recipe_values


class SeedCounts(Settings):
    """How many seeds each arm is trained with, counted from 0; `strongest` for the rivals that are best after their first seeds."""

    cmath: int = Field(default=10, ge=1)
    strongest: int = Field(default=10, ge=1)
    rivals: int = Field(default=5, ge=1)
    ablations: int = Field(default=3, ge=1)

    @model_validator(mode="after")
    def _strongest_get_no_fewer(self) -> SeedCounts:
        if self.strongest < self.rivals:
            raise ValueError(f"strongest {self.strongest} is below rivals {self.rivals}, which the strongest have already")
        return self


class RobustnessConfig(Settings):
    """Under which losses and noise every model is judged.

    Attributes:
        drop: shares of utterances that lose a modality, and rates at which any modality is lost.
        noise: strengths of noise in place of a modality (see `merc.training.corruption`).
    """

    drop: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    noise: tuple[float, ...] = (0.5, 1.0, 2.0)

    @model_validator(mode="after")
    def _amounts_rise(self) -> RobustnessConfig:
        for name, values, highest in (("drop", self.drop, 1), ("noise", self.noise, 10)):
            if list(values) != sorted(set(values)) or any(not 0 < value <= highest for value in values):
                raise ValueError(f"{name}: rising numbers above 0 and up to {highest}, found {list(values)}")
        return self


class StudyRecipe(Settings):
    """One study.

    Attributes:
        base: CMATH's recipe, a path relative to the study recipe.
        common: sections laid over the recipe of every arm, such as another store or a shorter training.
        protocol: how epochs are chosen (see `merc.training.recipe.Recipe`).
        splits: names of the store's splits. With several, such as the folds of leave-one-session-out, each seed trains on each
            split, and a seed's test parts are judged together. Empty takes the base's split.
        strongest: how many rivals get `seeds.strongest`.
        tuning: how the settings of the arms were chosen, a sentence for the report.
        changes: name of a rival or an ablation -> sections laid over its file's, such as a setting that hangs on the corpus.
        rivals, ablations: names of files in the folders `rivals` and `ablations` beside the study recipe.
    """

    name: str
    about: str = ""
    base: str
    common: dict[str, Any] = Field(default_factory=dict)
    protocol: Protocol = "validation"
    splits: tuple[str, ...] = ()
    seeds: SeedCounts = SeedCounts()
    strongest: int = Field(default=2, ge=0)
    tuning: str = ""
    changes: dict[str, dict[str, Any]] = Field(default_factory=dict)
    rivals: tuple[str, ...] = ()
    ablations: tuple[str, ...] = ()
    robustness: RobustnessConfig = RobustnessConfig()

    @property
    def further_trainings(self) -> int:
        """Trainings on one split that the strongest rivals get beyond those of the others."""
        return min(self.strongest, len(self.rivals)) * (self.seeds.strongest - self.seeds.rivals)

    @field_validator("common")
    @classmethod
    def _common_leaves_some_keys(cls, value: dict[str, Any]) -> dict[str, Any]:
        return refuse_keys(value, ("protocol", "name", "about", "training.seed"), "protocol and seeds are keys of the study itself")

    @field_validator("rivals", "ablations", "splits")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"each once, found {list(value)}")
        return value


def load_study(path: str | Path, options: Sequence[str] = ()) -> StudyRecipe:
    """Reads a study recipe and applies `--set` options.

    Raises:
        RecipeError: no such file, no valid YAML, an unknown key, a value that is not allowed.
    """
    return validated(StudyRecipe, recipe_values(path, options), str(path))


def refuse_keys(values: dict[str, Any], keys: Sequence[str], why: str) -> dict[str, Any]:
    """The values, if they set none of these dotted keys; else ValueError."""
    for key in keys:
        inner: Any = values
        for name in key.split("."):
            inner = inner.get(name) if isinstance(inner, dict) else None
        if inner is not None:
            raise ValueError(f"{key} can't be set here: {why}")
    return values
