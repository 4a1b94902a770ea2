"""A study opened: its recipe read, its arms planned, its folder claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from merc.config import recipe_from
from merc.data.labels import apply_mapping, find_mapping
from merc.data.schema import Conversation, Corpus, Part
from merc.errors import RecipeError
from merc.run import open_recipe_store
from merc.studies.arms import base_values, plan_study
from merc.studies.plan import KeptPlan, keep_plan
from merc.studies.recipe import load_study
from merc.studies.strata import utterances_file, write_utterances

_PARTS: tuple[Part, Part] = ("validation", "test")


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study that can be run: its plan, and the folder of its store."""

    plan: KeptPlan
    store: Path


def open_study(recipe: Path, out: Path, options: Sequence[str] = ()) -> OpenedStudy:
    """Reads a study's recipe, makes sure that every arm can be trained, and claims the folder. Nothing is trained.

    Args:
        recipe: the study's YAML file; base, rivals and ablations lie beside it.
        out: the study's folder: new, empty, or that of this very study.
        options: `key.key=value`, laid over the study's recipe.

    Raises:
        RecipeError, FeatureError, DataError, StoreError: see `plan_study`.
        RunError: the folder belongs to another study, or to something else.
    """
    study = load_study(recipe, options)
    base = recipe_from(base_values(study, recipe.parent), study.base)
    if base.data.store is None:
        raise RecipeError(f"study {study.name!r}: its base names no store; give one with --set common.data.store=FOLDER")
    corpus = open_recipe_store(base)
    plan = plan_study(study, recipe.parent, corpus)
    mapped = corpus if base.data.labels is None else apply_mapping(corpus, find_mapping(base.data.labels))
    kept = keep_plan(plan, mapped, out)
    for part in _PARTS:
        if not (out / utterances_file(part)).is_file():
            write_utterances(judged_conversations(mapped, plan.splits, part), mapped.label_set, out / utterances_file(part))
    return OpenedStudy(kept, Path(base.data.store))


def judged_conversations(corpus: Corpus, splits: Sequence[str], part: Part) -> tuple[Conversation, ...]:
    """The conversations of a part, of all splits one after the other: the order of a seed's predictions."""
    return tuple(c for split in splits for c in corpus.part(split, part))
