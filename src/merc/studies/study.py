"""A study opened: its recipe read, its features made, its arms planned, its folder claimed.

A base may take what its store does not hold: mapped labels, derived features, those of a tuned text encoder. They are made once,
before the first training, and kept as a store in the study's folder. The arms' recipes name that store, so that all arms train on
the same vectors and no process encodes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from merc.data.preprocessing import pick_features
from merc.data.schema import Conversation, Corpus, Part, first_repeated
from merc.data.store.store import open_store, save_store, store_files
from merc.encoders.derivation import PRAAT_RELATIVE, source_of
from merc.errors import DataError, RecipeError, RunError, StoreError
from merc.runs.corpus import mapped, open_recipe_store, prepared
from merc.settings import Progress, no_progress
from merc.studies.arms import base_values, check_names
from merc.studies.plan import PLAN, STORE, Plan, check_place, digest_of, keep_plan, keys_of, plan_study, read_plan
from merc.studies.recipe import load_study
from merc.studies.strata import utterances_file, write_utterances
from merc.training.recipe import Recipe, overlaid, recipe_from

MADE_OF = "made_for_study"  # the key of what a study's own store was made of, in its notes


@dataclass(frozen=True, slots=True)
class OpenedStudy:
    """A study that can be run: its plan, and the folder of its store."""

    plan: Plan
    store: Path


def open_study(
    recipe: str | Path, out: str | Path, options: Sequence[str] = (), part: Part = "test", progress: Progress = no_progress
) -> OpenedStudy:
    """Reads a study's recipe, makes sure that every arm can be trained, and claims the folder. No arm is trained.

    Args:
        recipe: the study's YAML file; base, rivals and ablations lie beside it.
        out: the study's folder: new, empty, or that of this very study.
        options: `key.key=value`, laid over the study's recipe.
        part: that is to be judged.
        progress: of the tuning of a text encoder, if the base has one.

    Raises:
        RecipeError: the base names no store, or tunes a text encoder and the study has several splits; see also `plan_study`.
        RunError: the folder, or the store in it, belongs to another study, or to something else.
        FeatureError, DataError, StoreError, MissingExtraError: see `merc.runs.corpus.prepared` and `plan_study`.
    """
    recipe, out = Path(recipe), Path(out)
    study = load_study(recipe, options)
    check_names(study, recipe.parent)  # before a tuning that may take hours
    base = recipe_from(base_values(study, recipe.parent), study.base)
    place = base.data.store
    if place is None:
        raise RecipeError(f"study {study.name!r}: its base names no store; give one with --set common.data.store=FOLDER")
    check_place(out)
    if not base.data.features and (out / PLAN).is_file():  # the store may offer more by now
        picks = {"data": {"features": read_plan(out).picks}}
        base = recipe_from(overlaid(base.model_dump(mode="json"), picks), study.base)
    source = open_recipe_store(base)
    offered = {(spec.modality, spec.name) for spec in source.feature_schema}
    changes: dict[str, Any]
    if base.text_tuning is None and offered.issuperset(base.data.features.items()):
        store, corpus, changes = Path(place), source, {"data": {"features": base.data.features}}
    else:
        store = out / STORE
        corpus = _own_corpus(source, place, base, study.splits or (base.data.split,), store, progress)
        changes = {"data": {"store": str(store), "labels": None}, "text_tuning": None}
    changed = study.model_copy(update={"common": overlaid(study.common, changes)})
    plan = plan_study(changed, recipe.parent, corpus).model_copy(update={"study": study})
    labelled = mapped(corpus, plan.arms[0].recipe)
    conversations = _judged_conversations(labelled, plan.splits, part)
    plan = keep_plan(plan, out, corpus)
    write_utterances(conversations, labelled.label_set, out / utterances_file(part))
    return OpenedStudy(plan, store)


def _own_corpus(source: Corpus, place: str, base: Recipe, splits: Sequence[str], store: Path, progress: Progress) -> Corpus:
    """The source with the features that it lacks: made now and saved, or read from the study's own store."""
    if base.text_tuning is not None and len(splits) > 1:
        raise RecipeError(
            f"recipe {base.name!r} tunes a text encoder on the training part of one split; the study has {', '.join(splits)}: "
            "take one split, or features that the store holds"
        )
    base = base.model_copy(update={"data": base.data.model_copy(update={"split": splits[0]})})
    tuning = None if base.text_tuning is None else base.text_tuning.model_dump(mode="json", exclude={"encoder"})
    made_of = {
        "store": digest_of(source, _sources(source, base), splits, words=tuning is not None),
        "labels": base.data.labels,
        "features": base.data.features,
        "text_tuning": tuning and {**tuning, "split": splits[0]},
    }
    if not store.exists():
        made, _ = prepared(mapped(source, base), base, progress)
        pick_features(made, base.data.features)
        try:
            save_store(replace(made, notes={**made.notes, MADE_OF: made_of}), store, like=store_files(place))
        except StoreError:
            if not store.exists():  # else another process that runs this study was first
                raise
    corpus = open_store(store)
    found = corpus.notes.get(MADE_OF)
    if isinstance(found, dict) and found.get("store") == digest_of(source):  # a store of an earlier version
        found = {**found, "store": made_of["store"]}
    different = [key for key in made_of if not isinstance(found, dict) or found.get(key) != made_of[key]]
    if different:
        raise RunError(f"{store} was made with other {', '.join(different)}. Give another --out")
    return corpus


def _sources(source: Corpus, base: Recipe) -> list[str] | None:
    """Keys of the features of a corpus that a recipe takes, or derives others from; None for all."""
    picks = base.data.features
    derived = [m for m, name in picks.items() if name == PRAAT_RELATIVE.name]
    sources = [source_of(PRAAT_RELATIVE.model_copy(update={"modality": m}), source.feature_schema) for m in derived]
    return [*keys_of(picks), *(spec.key for spec in sources if spec is not None)] or None


def _judged_conversations(corpus: Corpus, splits: Sequence[str], part: Part) -> tuple[Conversation, ...]:
    """The conversations of a part, of all splits one after the other: the order of a seed's predictions.

    Raises:
        DataError: a conversation in the part of two splits, as folds share validation: it would count twice.
    """
    found = tuple(c for split in splits for c in corpus.part(split, part))
    repeated = first_repeated(c.id for c in found)
    if repeated is not None:
        raise DataError(f"conversation {repeated!r} is in part {part!r} of several splits and would count twice; judge part 'test'")
    return found
