"""A study opened: its recipe read, its arms planned, its folder claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from merc.data.schema import Conversation, Corpus, Part, first_repeated
from merc.errors import DataError, RecipeError
from merc.runs.corpus import mapped
from merc.settings import Progress, no_progress
from merc.studies.arms import base_values, check_names, plan_study
from merc.studies.features import study_corpus
from merc.studies.plan import KeptPlan, check_place, digest_of, keep_plan
from merc.studies.recipe import load_study
from merc.studies.strata import utterances_file, write_utterances
from merc.training.recipe import overlaid, recipe_from


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study that can be run: its plan, and the folder of its store."""

    plan: KeptPlan
    store: Path


def open_study(
    recipe: str | Path, out: str | Path, options: Sequence[str] = (), part: Part = "test", progress: Progress = no_progress
) -> OpenedStudy:
    """Reads a study's recipe, makes sure that every arm can be trained, and claims the folder. No arm is trained.

    Features that the base takes and its store does not hold are made, and kept in the study's folder (see `study_corpus`).

    Args:
        recipe: the study's YAML file; base, rivals and ablations lie beside it.
        out: the study's folder: new, empty, or that of this very study.
        options: `key.key=value`, laid over the study's recipe.
        part: that is to be judged.
        progress: of the tuning of a text encoder, if the base has one.

    Raises:
        RecipeError, FeatureError, DataError, StoreError: see `study_corpus` and `plan_study`.
        RunError: the folder belongs to another study, or to something else.
    """
    recipe, out = Path(recipe), Path(out)
    study = load_study(recipe, options)
    check_names(study, recipe.parent)  # before a tuning that may take hours
    base = recipe_from(base_values(study, recipe.parent), study.base)
    if base.data.store is None:
        raise RecipeError(f"study {study.name!r}: its base names no store; give one with --set common.data.store=FOLDER")
    check_place(out)
    shared = study_corpus(base, study.splits or (base.data.split,), out, progress)
    changed = study.model_copy(update={"common": overlaid(study.common, shared.changes)})
    plan = replace(plan_study(changed, recipe.parent, shared.corpus), study=study)
    whole = mapped(shared.corpus, plan.arms[0].recipe)
    conversations = judged_conversations(whole, plan.splits, part)
    kept = keep_plan(plan, whole, digest_of(shared.corpus), out)
    write_utterances(conversations, whole.label_set, out / utterances_file(part))
    return OpenedStudy(kept, shared.store)


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
