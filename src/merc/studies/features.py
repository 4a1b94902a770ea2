"""What a study's base takes and its store need not hold: mapped labels, derived features and those of a tuned text encoder.

They are made once, before the first training, and kept as a store in the study's folder. The arms' recipes name that store and
take its features as any other, so that all arms train on the same vectors and no process encodes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from merc.data.preprocessing import pick_features
from merc.data.schema import Corpus
from merc.data.store.store import open_store, save_store
from merc.errors import RecipeError, RunError, StoreError
from merc.runs.corpus import mapped, open_recipe_store, prepared
from merc.settings import Progress, no_progress
from merc.studies.plan import STORE, digest_of
from merc.training.recipe import Recipe

NOTE = "made_for_study"  # the key of what a study's own store was made of, in its notes


@dataclass(frozen=True, slots=True)
class StudyCorpus:
    """The corpus that all arms of a study share.

    Attributes:
        corpus: with the features that the base takes.
        store: its folder.
        changes: sections laid over the base, so that it names this store and what this store offers.
    """

    corpus: Corpus
    store: Path
    changes: dict[str, Any]


def study_corpus(base: Recipe, splits: Sequence[str], out: Path, progress: Progress = no_progress) -> StudyCorpus:
    """The store that a base names, or the study's own with the features that it lacks: made now, or taken up from the folder.

    Args:
        base: of all arms.
        splits: of the study.
        out: the study's folder.
        progress: of the tuning of a text encoder.

    Raises:
        RecipeError: the base names no store, or tunes a text encoder and the study has several splits.
        RunError: the folder's store was made of another store, or with other settings.
        FeatureError, DataError, StoreError, MissingExtraError: see `merc.runs.corpus.prepared`.
    """
    source = open_recipe_store(base)
    offered = {(spec.modality, spec.name) for spec in source.feature_schema}
    if base.text_tuning is None and offered.issuperset(base.data.features.items()):
        return StudyCorpus(source, Path(str(base.data.store)), {})
    if base.text_tuning is not None and len(splits) > 1:
        raise RecipeError(
            f"recipe {base.name!r} tunes a text encoder on the training part of one split; the study has {', '.join(splits)}: "
            "take one split, or features that the store holds"
        )
    base = base.model_copy(update={"data": base.data.model_copy(update={"split": splits[0]})})
    tuning = None if base.text_tuning is None else base.text_tuning.model_dump(mode="json", exclude={"encoder"})
    made_of = {
        "store": digest_of(source),
        "labels": base.data.labels,
        "features": base.data.features,
        "text_tuning": tuning and {**tuning, "split": splits[0]},
    }
    store = out / STORE
    if not store.exists():
        made, _ = prepared(mapped(source, base), base, progress)
        pick_features(made, base.data.features)
        try:
            save_store(replace(made, notes={**made.notes, NOTE: made_of}), store)
        except StoreError:
            if not store.exists():  # else another process that runs this study was first
                raise
    corpus = open_store(store)
    found = corpus.notes.get(NOTE)
    different = [key for key in made_of if not isinstance(found, dict) or found.get(key) != made_of[key]]
    if different:
        raise RunError(f"{store} was made with other {', '.join(different)}. Give another --out")
    return StudyCorpus(corpus, store, {"data": {"store": str(store), "labels": None}, "text_tuning": None})
