"""A trained model's record besides its weights: plain data, as it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter

# What in a recipe's plain values may name a folder of one machine: models are shared, such folders are not.
_FOLDERS = (("data", "store"), ("data", "labels"), ("text_tuning", "encoder"), ("text_tuning", "base"))
_LATER = ("recipe", "languages", "scored_on")  # kept apart, and missing in models of older versions


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
        languages: of the training corpus's words, as ISO 639 codes; none where they are not known, as in models of older versions.
        scored_on: the utterances of `scores`, in words; empty for the part on which the recipe's protocol chooses.
        recipe: of the training, as nested plain values; its section `model` builds the network.
    """

    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    chosen_by: str = "not trained"
    corpus: Mapping[str, object] = field(default_factory=dict[str, object])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    seed: int = 0
    warnings: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    scored_on: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """The recipe's name."""
        return str(self.recipe.get("name", "model"))

    def to_json(self) -> dict[str, object]:
        """Name -> value of all but the recipe, which a saved model keeps apart."""
        return {known.name: getattr(self, known.name) for known in fields(self) if known.name != "recipe"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], recipe: Mapping[str, Any]) -> ModelRecord:
        """Reads what `to_json` made; a KeyError names what is missing, a pydantic.ValidationError what is of a wrong type."""
        saved: dict[str, Any] = {name: values[name] for name in (known.name for known in fields(cls)) if name not in _LATER}
        saved["warnings"] = tuple(saved["warnings"])
        later = {"languages": values.get("languages", ()), "scored_on": values.get("scored_on", "")}
        return TypeAdapter(cls).validate_python({**saved, **later, "recipe": recipe})

    def shared(self) -> ModelRecord:
        """The record as it is shared: of absolute paths in recipe and warnings only the last part."""
        sections = [(self.recipe.get(section), key) for section, key in _FOLDERS]
        found = [values.get(key) for values, key in sections if isinstance(values, Mapping)]
        paths = sorted((path for path in found if isinstance(path, str) and Path(path).is_absolute()), key=len, reverse=True)
        recipe, warnings = dict(self.recipe), self.warnings
        for path in paths:  # the longest first
            warnings = tuple(sentence.replace(path, Path(path).name) for sentence in warnings)
        for section, key in _FOLDERS:
            values = recipe.get(section)
            if isinstance(values, Mapping) and values.get(key) in paths:
                recipe[section] = {**cast("Mapping[str, Any]", values), key: Path(values[key]).name}
        return replace(self, recipe=recipe, warnings=warnings)
