"""A study opened: its recipe read, its arms planned, its folder claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from merc.data.schema import Conversation, Corpus, Part, first_repeated
from merc.errors import DataError, RecipeError
from merc.runs.corpus import mapped, open_recipe_store
from merc.studies.arms import base_values, plan_study
from merc.studies.plan import KeptPlan, digest_of, keep_plan
from merc.studies.recipe import load_study
from merc.studies.strata import utterances_file, write_utterances
from merc.training.recipe import recipe_from


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study that can be run: its plan, and the folder of its store."""

    plan: KeptPlan
    store: Path


def open_study(recipe: str | Path, out: str | Path, options: Sequence[str] = (), part: Part = "test") -> OpenedStudy:
    """Reads a study's recipe, makes sure that every arm can be trained, and claims the folder. Nothing is trained.

    Args:
        recipe: the study's YAML file; base, rivals and ablations lie beside it.
        out: the study's folder: new, empty, or that of this very study.
        options: `key.key=value`, laid over the study's recipe.
        part: that is to be judged.

    Raises:
        RecipeError, FeatureError, DataError, StoreError: see `plan_study`.
        RunError: the folder belongs to another study, or to something else.
    """
    recipe, out = Path(recipe), Path(out)
    study = load_study(recipe, options)
    base = recipe_from(base_values(study, recipe.parent), study.base)
    if base.data.store is None:
        raise RecipeError(f"study {study.name!r}: its base names no store; give one with --set common.data.store=FOLDER")
    corpus = open_recipe_store(base)
    plan = plan_study(study, recipe.parent, corpus)
    whole = mapped(corpus, base)
    conversations = judged_conversations(whole, plan.splits, part)
    kept = keep_plan(plan, whole, digest_of(corpus), out)
    write_utterances(conversations, whole.label_set, out / utterances_file(part))
    return OpenedStudy(kept, Path(base.data.store))


def judged_conversations(corpus: Corpus, splits: Sequence[str], part: Part) -> tuple[Conversation, ...]:
    """The conversations of a part, of all splits one after the other: the order of a seed's predictions.

    Raises:
        DataError: a conversation in the part of two splits, as folds share validation: it would count twice.
    """
    found = tuple(c for split in splits for c in corpus.part(split, part))
    repeated = first_repeated(c.id for c in found)
    if repeated is not None:
        raise DataError(f"conversation {repeated!r} is in part {part!r} of several splits and would count twice; judge part 'test'")
    return found
