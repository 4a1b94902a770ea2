"""The arms of a study: CMATH, its rivals and its ablations, each a recipe of its own.

A variant is a YAML file: a fragment of a recipe that is laid over CMATH's, with a sentence about it and up to two more keys:

modalities   `singles` or `pairs` make an arm of each modality or pair of modalities; a list keeps these alone
same_size    true chooses the network's width so that its parameters are as many as CMATH's, as nearly as can be
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from merc.data.preprocessing import Preprocessor, pick_features
from merc.data.schema import Corpus, Part, first_repeated
from merc.errors import DataError, FeatureError, RecipeError
from merc.files.validation import validated
from merc.networks.interface import parameter_count
from merc.networks.registry import NetworkConfig
from merc.networks.shapes import unfilled_network
from merc.runs.corpus import check_causal, mapped
from merc.settings import Settings
from merc.studies.recipe import StudyRecipe, refuse_keys
from merc.training.recipe import Recipe, overlaid, recipe_from, recipe_values

CMATH_NAME = "cmath"
VariantKind = Literal["rival", "ablation"]
ArmKind = Literal["cmath"] | VariantKind
FOLDERS: dict[VariantKind, str] = {"rival": "rivals", "ablation": "ablations"}
_LEAST_LABELLED: dict[Part, int] = {"train": 1, "validation": 2, "test": 2}  # conversations; an interval needs two
WIDEST = 4096  # of a network that is to have CMATH's size


class Variant(Settings):
    """What the file of a rival or an ablation says; `changes` are the sections laid over CMATH's recipe."""

    about: str
    modalities: Literal["all", "singles", "pairs"] | tuple[str, ...] = "all"
    same_size: bool = False
    changes: dict[str, Any]

    @field_validator("changes")
    @classmethod
    def _keeps_what_all_share(cls, value: dict[str, Any]) -> dict[str, Any]:
        return refuse_keys(value, ("protocol", "data", "training.seed", "text_tuning"), "all arms of a study share it")


class Arm(Settings):
    """One competitor.

    Attributes:
        name: unique in the study; the name of its folder.
        recipe: complete but for the seed and the split.
        parameters: trainable numbers of its network.
    """

    name: str
    kind: ArmKind
    about: str
    recipe: Recipe
    parameters: int


def study_arms(study: StudyRecipe, folder: Path, corpus: Corpus) -> tuple[Arm, ...]:
    """CMATH, then the rivals, then the ablations, in the recipe's order, once it is certain that each can be trained.

    Args:
        study: the recipe.
        folder: where the study recipe's file lies.
        corpus: the store that the base names.

    Raises:
        RecipeError: an unknown rival or ablation, a variant that does not fit (see also `merc.runs.corpus.check_causal`), or a base
            that is not CMATH.
        FeatureError: the store lacks a modality or feature that an arm takes.
        DataError: no such split, or conversations that several splits would test.
    """
    check_names(study, folder)
    base = base_values(study, folder)
    whole = recipe_from(base, study.base)
    if whole.model.name != "cmath":
        raise RecipeError(f"study {study.name!r}: its base is CMATH's recipe, {study.base} has model {whole.model.name!r}")
    corpus = mapped(corpus, whole)
    splits = study.splits or (whole.data.split,)
    _check_splits(corpus, splits)
    features = {spec.modality: spec.name for spec in pick_features(corpus, whole.data.features)}
    fitted = [Preprocessor.fit(corpus, corpus.part(split, "train"), features, whole.data.clip) for split in splits]
    widths = fitted[0].widths
    classes = len(corpus.label_set)
    check_causal(corpus, whole)
    size = parameters_of(whole.model, widths, classes)
    base = overlaid(base, {"data": {"features": features}})
    arms = [Arm(name=CMATH_NAME, kind="cmath", about=whole.about, recipe=recipe_from(base, study.base), parameters=size)]
    for kind, name in _variants(study):
        variant = load_variant(folder, kind, name, study.changes.get(name, {}))
        where = f"study {study.name!r}, {kind} {name!r}"
        for arm_name, kept in _expanded(name, variant, tuple(features), where):
            taken = {m: features[m] for m in features if m in kept}
            values = overlaid(base, variant.changes)
            values["name"], values["about"] = arm_name, variant.about
            values["data"] = {**values["data"], "features": taken}
            recipe = recipe_from(values, where)
            narrow = {m: widths[m] for m in taken}
            try:
                check_causal(corpus, recipe)
                if variant.same_size:
                    recipe = _of_size(recipe, narrow, classes, size)
                parameters = parameters_of(recipe.model, narrow, classes)
            except (RecipeError, FeatureError) as error:
                raise type(error)(f"{where}: {error}") from None
            arms.append(Arm(name=arm_name, kind=kind, about=variant.about, recipe=recipe, parameters=parameters))
    twice = first_repeated(arm.name for arm in arms)
    if twice is not None:
        raise RecipeError(f"study {study.name!r}: two arms of the name {twice!r}")
    return tuple(arms)


def check_names(study: StudyRecipe, folder: Path) -> None:
    """All names at once, before anything else can fail. Changes may name a variant that this study leaves out."""
    for kind, name in _variants(study):
        load_variant(folder, kind, name)
    known = sorted({*_known(folder, "rival"), *_known(folder, "ablation")})
    for name in study.changes:
        if name not in known:
            raise RecipeError(f"study {study.name!r}, changes: {name!r} is no rival and no ablation; there are {', '.join(known)}")


def _variants(study: StudyRecipe) -> Iterator[tuple[VariantKind, str]]:
    for name in study.rivals:
        yield "rival", name
    for name in study.ablations:
        yield "ablation", name


def _known(folder: Path, kind: VariantKind) -> list[str]:
    return sorted(path.stem for path in (folder / FOLDERS[kind]).glob("*.yaml"))


def base_values(study: StudyRecipe, folder: Path) -> dict[str, Any]:
    """CMATH's recipe as plain values, with what is common to all arms laid over it.

    Raises:
        RecipeError: no such recipe.
    """
    return overlaid(recipe_values(folder / study.base), {**study.common, "protocol": study.protocol})


def load_variant(folder: Path, kind: VariantKind, name: str, changes: Mapping[str, Any] | None = None) -> Variant:
    """Reads a variant and lays the study's changes over it.

    Raises:
        RecipeError: unknown, with the names that there are; or not of a variant's form.
    """
    place = folder / FOLDERS[kind]
    if name not in _known(folder, kind):
        raise RecipeError(f"unknown {kind} {name!r}; allowed, as files in {place}: {', '.join(_known(folder, kind)) or 'none'}")
    values = overlaid(recipe_values(place / f"{name}.yaml"), changes or {})
    kept = {key: values.pop(key) for key in ("about", "modalities", "same_size") if key in values}
    values.pop("name", None)
    return validated(Variant, {**kept, "changes": values}, str(place / f"{name}.yaml"))


def parameters_of(config: NetworkConfig, widths: Mapping[str, int], classes: int) -> int:
    """Trainable numbers of the network that a config builds; nothing is allocated."""
    return parameter_count(unfilled_network(config, widths, classes))


def _expanded(name: str, variant: Variant, modalities: tuple[str, ...], where: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and modalities of each arm that a variant stands for. A corpus of one modality has no singles, one of two no pairs."""
    if variant.modalities == "all":
        yield name, modalities
    elif isinstance(variant.modalities, tuple):
        unknown = [m for m in variant.modalities if m not in modalities]
        if unknown or not variant.modalities:
            raise FeatureError(f"{where}: takes the modalities {list(variant.modalities)}; the base has {', '.join(modalities)}")
        yield name, variant.modalities
    else:
        size = 1 if variant.modalities == "singles" else 2
        if size < len(modalities):
            yield from ((f"{name}-{'-'.join(kept)}", kept) for kept in combinations(modalities, size))


def _of_size(recipe: Recipe, widths: Mapping[str, int], classes: int, size: int) -> Recipe:
    """The recipe with the width whose network comes nearest to a number of parameters."""
    model = recipe.model
    if "width" not in type(model).model_fields:
        raise RecipeError(f"same_size: model {model.name!r} has no width")
    step = _step(model)

    def sized(multiple: int) -> NetworkConfig:
        return type(model).model_validate({**model.model_dump(), "width": multiple * step})

    @cache
    def parameters(multiple: int) -> int:
        return parameters_of(sized(multiple), widths, classes)

    widest, high = WIDEST // step, max(1, model.model_dump()["width"] // step)
    while high < widest and parameters(high) < size:
        high = min(2 * high, widest)
    # The narrowest network with at least that many parameters, or the one before it.
    low = bisect_left(range(1, high), size, key=parameters) + 1
    nearest = min((m for m in (low - 1, low) if m), key=lambda m: abs(parameters(m) - size))
    return recipe.model_copy(update={"model": sized(nearest)})


def _step(model: NetworkConfig) -> int:
    """Widths of a network are multiples of it: of its heads, and even."""
    attention = getattr(model, "attention", None)
    heads = int(getattr(model, "heads", None) or getattr(attention, "heads", 1))
    return heads if heads % 2 == 0 else 2 * heads


def _check_splits(corpus: Corpus, splits: Sequence[str]) -> None:
    tested: dict[str, str] = {}
    for split in splits:
        for part, least in _LEAST_LABELLED.items():
            labelled = [c for c in corpus.part(split, part) if any(u.label is not None for u in c.utterances)]
            if len(labelled) < least:
                raise DataError(
                    f"corpus {corpus.name!r}, split {split!r}: {len(labelled)} conversation(s) of part {part!r} with a label; "
                    f"a study needs {least} at least"
                )
        for conversation in corpus.part(split, "test"):
            if conversation.id in tested:
                raise DataError(
                    f"splits {tested[conversation.id]!r} and {split!r} both test conversation {conversation.id!r}; "
                    "splits of one study are folds, which test each conversation once"
                )
            tested[conversation.id] = split
