"""The recipe: everything that decides a training, composed of the components' own configs.

A recipe is a YAML file. Options change single keys: `training.learning_rate=3e-4`. Unknown keys are refused with the nearest name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from merc.data.schema import Part
from merc.data.standardisation import CLIP_BOUND
from merc.errors import RecipeError
from merc.files.arguments import checked, path_from, shown
from merc.files.printable import encodable
from merc.files.strict_yaml import dump_yaml, load_yaml
from merc.files.validation import explain_all
from merc.networks.cmath.network import CMATHConfig
from merc.networks.registry import NetworkConfig, network_class, network_config
from merc.settings import OwnSettings, Settings
from merc.training.corruption import CorruptionConfig
from merc.training.loop import TrainingConfig
from merc.training.objective import ObjectiveConfig
from merc.training.text.tuning import TextTuningConfig

Protocol = Literal["validation", "test-peak"]


def _network(value: object) -> NetworkConfig:
    if isinstance(value, NetworkConfig):
        network_class(value.name)  # or a saved model could not be loaded again
        return value
    return network_config({"name": "cmath", **cast("Mapping[str, object]", value)} if isinstance(value, Mapping) else value)


class DataConfig(Settings):
    """Which store, features, labels and split.

    Attributes:
        store: folder of a store, absolute or relative to the working folder.
        features: modality -> feature name; empty takes every modality of the store, which must then offer one feature each.
        labels: a label mapping to apply, by name (such as `iemocap4`) or path of its YAML file; None keeps the labels.
        split: name of a split of the store.
        clip: bound on standardised features, in standard deviations.
    """

    store: str | None = None
    features: dict[str, str] = Field(default_factory=dict)
    labels: str | None = None
    split: str = "official"
    clip: float = Field(default=CLIP_BOUND, gt=0)


class Recipe(OwnSettings):
    """One training.

    Attributes:
        name: of the recipe, for tables.
        about: a sentence for people.
        protocol: the part on which the weights of the best epoch are chosen. `test-peak` chooses them on the test part, as much of
            the literature does; such scores are not comparable with others, and every file and table marks them.
        calibration: `temperature` scales the finished model's logits by what fits the selection part best; no label changes.
        data, model, objective, corruption, training: the components' configs.
        text_tuning: tunes a text encoder of the recipe's own, whose feature is `text: tuned`; None takes the store's features only.

    Example:
        >>> import merc
        >>> merc.Recipe(name="mine").model.name
        'cmath'
    """

    name: str
    about: str = ""
    protocol: Protocol = "validation"
    calibration: Literal["none", "temperature"] = "none"
    data: DataConfig = DataConfig()
    model: Annotated[SerializeAsAny[NetworkConfig], BeforeValidator(_network)] = Field(default_factory=CMATHConfig)
    objective: ObjectiveConfig = ObjectiveConfig()
    corruption: CorruptionConfig = CorruptionConfig()
    training: TrainingConfig = TrainingConfig()
    text_tuning: TextTuningConfig | None = None

    @property
    def warnings(self) -> list[str]:
        """Consequences of unusual choices, a sentence each."""
        found: list[str] = []
        if isinstance(self.model, CMATHConfig) and self.model.has_trust and not self.objective.latent:
            found.append("trust means nothing with objective.latent 0: no other term of the loss reaches the unimodal variances")
        if self.protocol == "test-peak":
            found.append("protocol test-peak: the epoch is chosen on the test part, so no score of this model is comparable")
        return found

    @property
    def selection_part(self) -> Part:
        """The part on which the best epoch is chosen."""
        return "test" if self.protocol == "test-peak" else "validation"


def load_recipe(path: str | Path, options: Sequence[str] = ()) -> Recipe:
    """Reads a recipe and applies options, left to right.

    Args:
        path: a YAML file.
        options: `key.key=value`, the value in YAML.

    Raises:
        RecipeError: no such file, no valid YAML, an unknown key, a value that is not allowed.

    Example:
        >>> import merc
        >>> from pathlib import Path
        >>> _ = Path("mine.yaml").write_text("training: {epochs: 3}")
        >>> merc.load_recipe("mine.yaml", ["training.seed=1"]).training.epochs
        3
    """
    return recipe_from(recipe_values(path, options), str(path))


def recipe_values(path: str | Path, options: Sequence[str] = ()) -> dict[str, Any]:
    """The nested plain values of a recipe's file, not yet checked, with `--set` options applied; the name is the file's by default.

    Raises:
        RecipeError: no such file, no valid YAML, no mapping, or an option that can't be applied.
    """
    path = path_from(path, "recipe", "a YAML file", RecipeError)
    if options is None or isinstance(options, (str, Mapping)):  # pyright: ignore[reportUnnecessaryComparison]
        raise RecipeError(f"options: expected a list such as ['training.seed=1'], found {shown(options)}")
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: a folder; a recipe is a YAML file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: not a readable YAML file ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values, found {type(content).__name__}")
    values: dict[str, Any] = {"name": encodable(path.stem), **content}
    for option in options:
        _apply(values, option)
    return values


def overlaid(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with changes laid over them, key by key.

    Replaced as a whole are a section with another `name`, as of another network, and `features`.
    """
    merged = dict(values)
    for key, change in changes.items():
        old = merged.get(key)
        merged[key] = change
        if isinstance(old, Mapping) and isinstance(change, Mapping) and key != "features":
            one_name = change.get("name", old.get("name")) == old.get("name")
            merged[key] = overlaid(old, change) if one_name else change
    return merged


def recipe_from(values: Mapping[str, object], where: str = "recipe") -> Recipe:
    """A recipe from nested plain values.

    Raises:
        RecipeError: an unknown key or a value that is not allowed; all of them, in one line.
    """
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise RecipeError(f"{where}: {explain_all(error, Recipe)}") from None


def dump_recipe(recipe: Recipe) -> str:
    """The whole recipe as YAML, defaults included."""
    return dump_yaml(recipe.model_dump(mode="json"))


def _apply(values: dict[str, Any], option: str) -> None:
    checked(option, str, "options", "a list such as ['training.seed=1']", RecipeError)
    key, separator, text = option.partition("=")
    names = key.strip().split(".")
    if not separator or not all(names):
        raise RecipeError(f"--set {option!r}: write KEY=VALUE, such as training.learning_rate=3e-4")
    try:
        value = load_yaml(text) if encodable(text) == text else text  # a path that is not UTF-8, which YAML refuses
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {option!r}: the value is no valid YAML ({' '.join(str(error).split())})") from None
    for name in names[:-1]:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {option!r}: {name!r} holds a single value, no keys")
        values = inner
    values[names[-1]] = value
