"""A study's plan as its folder keeps it, and the tasks that follow from it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from statistics import mean

import numpy as np
from pydantic import ValidationError

from merc.data.preprocessing import pick_features
from merc.data.schema import Corpus, Part
from merc.data.store.manifest import MANIFEST
from merc.errors import RunError
from merc.files.staged_file import is_temporary, write_atomically
from merc.files.validation import explain
from merc.runs.corpus import mapped
from merc.runs.folder import read_outcome
from merc.settings import Settings
from merc.studies.arms import Arm, study_arms
from merc.studies.recipe import StudyRecipe
from merc.studies.robustness import conditions_of
from merc.studies.task import RUN, Task

PLAN, RUNS, STORE = "plan.json", "runs", "store"
FORMAT = 2
Used = tuple[tuple[str, ...] | None, tuple[str, ...] | None]
_WHOLE = 1  # the format whose digest is that of the whole corpus, what the study does not use included


class Plan(Settings):
    """What a study trains, and what `plan.json` holds.

    Attributes:
        arms: CMATH first, then rivals, then ablations, in the recipe's order.
        splits: that every seed trains on.
        data: `digest` of the store's corpus, so that a study never mixes results of different data.
        classes: its label set.
        features: specs of the study's features, by modality: name, encoder, version, dimension.
    """

    format: int = FORMAT
    study: StudyRecipe
    arms: tuple[Arm, ...]
    splits: tuple[str, ...]
    corpus: str
    data: str
    classes: tuple[str, ...]
    features: dict[str, dict[str, str | int]]

    @property
    def picks(self) -> dict[str, str]:
        """The name of each modality's feature."""
        return {modality: str(spec["name"]) for modality, spec in self.features.items()}

    @property
    def used(self) -> Used:
        """Keys of the features and names of the splits that the study uses, for `digest_of`."""
        return (None, None) if self.format == _WHOLE else (tuple(keys_of(self.picks)), self.splits)

    def digest(self, corpus: Corpus) -> str:
        """The digest of what the study uses of a corpus."""
        return digest_of(corpus, *self.used)


def plan_study(study: StudyRecipe, folder: Path, corpus: Corpus) -> Plan:
    """A study's plan, once it is certain that every arm can be trained; arguments and errors as for `study_arms`."""
    arms = study_arms(study, folder, corpus)
    recipe = arms[0].recipe
    specs = pick_features(corpus, recipe.data.features)
    splits = study.splits or (recipe.data.split,)
    return Plan(
        study=study,
        arms=arms,
        splits=splits,
        corpus=corpus.name,
        data=digest_of(corpus, [spec.key for spec in specs], splits),
        classes=mapped(corpus, recipe).label_set.names,
        features={s.modality: s.model_dump(include={"name", "encoder", "version", "dimension"}) for s in specs},
    )


def keep_plan(plan: Plan, folder: Path, corpus: Corpus) -> Plan:
    """Writes the plan into the study's folder, or makes sure that the folder belongs to it.

    Args:
        plan, folder: the plan, and the study's folder.
        corpus: that the plan was made for.

    Returns:
        The plan that the folder holds.

    Raises:
        RunError: the folder holds something else, or another study.
    """
    if (folder / PLAN).is_file():
        earlier = read_plan(folder)
        changed = _differences(earlier, plan.model_copy(update={"data": earlier.digest(corpus)}))
        if changed:
            raise RunError(f"{folder}: belongs to another study; they differ in {'; '.join(changed)}. Give another --out")
        return earlier
    check_place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / PLAN, (plan.model_dump_json(indent=1) + "\n").encode())
    return plan


def check_place(folder: Path) -> None:
    """Refuses a folder that holds something else than a study.

    Raises:
        RunError: it does.
    """
    if not folder.exists() or (folder / PLAN).is_file():
        return
    begun = {STORE} if (folder / STORE / MANIFEST).is_file() else set[str]()  # of a study that was killed before it had a plan
    if not folder.is_dir() or any(not is_temporary(path.name) and path.name not in begun for path in folder.iterdir()):
        raise RunError(f"{folder}: already exists and holds no study (no {PLAN}); give another --out")


def read_plan(folder: str | Path) -> Plan:
    """The plan that a study's folder belongs to.

    Raises:
        RunError: no study here, or a damaged plan.
    """
    folder = Path(folder)
    try:
        kept = Plan.model_validate_json((folder / PLAN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{folder}: no study here (no {PLAN}); make one with 'merc study RECIPE --out {folder}'") from None
    except (OSError, ValueError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else str(error).splitlines()[0]
        raise RunError(f"{folder / PLAN}: damaged, or of another version ({reason})") from None
    if kept.format not in (_WHOLE, FORMAT):
        raise RunError(f"{folder / PLAN}: plan format {kept.format}, this version reads {_WHOLE} and {FORMAT}")
    return kept


def tasks_of(plan: Plan, arm: Arm, seeds: Iterable[int], part: Part) -> list[Task]:
    """The tasks of an arm with these seeds, on every split."""
    features = plan.picks
    conditions = conditions_of(plan.study.robustness, tuple(features))

    def task(seed: int, split: str) -> Task:
        fold = (split,) if len(plan.splits) > 1 else ()
        data = arm.recipe.data.model_copy(update={"split": split})
        training = arm.recipe.training.model_copy(update={"seed": seed})
        return Task(
            arm=arm.name,
            split=split,
            seed=seed,
            folder="/".join((RUNS, arm.name, *fold, f"seed-{seed}")),
            recipe=arm.recipe.model_copy(update={"data": data, "training": training}),
            data=plan.data,
            features=features,
            part=part,
            conditions=conditions,
        )

    return [task(seed, split) for seed in seeds for split in plan.splits]


def first_tasks(plan: Plan, part: Part) -> list[Task]:
    """All of CMATH, and the first seeds of the rivals: what must be known before the strongest rivals are."""
    seeds = plan.study.seeds
    counts = {"cmath": seeds.cmath, "rival": seeds.rivals}
    return [t for arm in plan.arms if arm.kind in counts for t in tasks_of(plan, arm, range(counts[arm.kind]), part)]


def later_tasks(plan: Plan, folder: Path, part: Part) -> list[Task]:
    """The further seeds of the strongest rivals, and the ablations."""
    seeds = plan.study.seeds
    strong = strongest_rivals(plan, folder, part)
    more = [t for arm in plan.arms if arm.name in strong for t in tasks_of(plan, arm, range(seeds.rivals, seeds.strongest), part)]
    return more + [t for arm in plan.arms if arm.kind == "ablation" for t in tasks_of(plan, arm, range(seeds.ablations), part)]


def all_tasks(plan: Plan, folder: Path, part: Part) -> list[Task]:
    """Every task, as far as is known."""
    return first_tasks(plan, part) + later_tasks(plan, folder, part)


def strongest_rivals(plan: Plan, folder: Path, part: Part) -> tuple[str, ...]:
    """The rivals of the highest mean score over their first seeds on the part that chooses epochs, the strongest first."""
    scores: dict[str, float] = {}
    for arm in plan.arms:
        if arm.kind == "rival":
            known = [selected_score(folder / t.folder) for t in tasks_of(plan, arm, range(plan.study.seeds.rivals), part)]
            found = [score for score in known if score is not None]
            if found:
                scores[arm.name] = mean(found)
    return tuple(sorted(scores, key=lambda name: -scores[name])[: plan.study.strongest])


def selected_score(folder: Path) -> float | None:
    """The best score of a task's training on the part that chooses the epoch; None if it is not trained."""
    outcome = read_outcome(folder / RUN)
    return None if outcome is None else outcome.best_score


def keys_of(picks: Mapping[str, str]) -> list[str]:
    """`FeatureSpec.key` of features that are named by modality."""
    return [f"{modality}/{name}" for modality, name in picks.items()]


def digest_of(
    corpus: Corpus, features: Collection[str] | None = None, splits: Collection[str] | None = None, *, words: bool = False
) -> str:
    """SHA-256 of what decides a result: labels, speakers, splits and features. Notes do not.

    Args:
        corpus: any.
        features, splits: keys of the features and names of the splits that are used, with the conversations of those splits; what
            else the corpus holds may change. None uses all.
        words: whether the words decide, too, as where a text encoder is tuned.
    """
    names = corpus.splits if splits is None else splits
    used = None if splits is None else {i for name in splits for ids in corpus.splits[name].parts.values() for i in ids}
    digest = hashlib.sha256(repr((corpus.name, corpus.label_set.names)).encode())
    for name in sorted(names):
        digest.update(repr((name, sorted((part, ids) for part, ids in corpus.splits[name].parts.items()))).encode())
    for spec in corpus.feature_schema:
        if features is None or spec.key in features:
            digest.update(spec.model_dump_json().encode())
    for conversation in corpus.conversations:
        if used is not None and conversation.id not in used:
            continue
        digest.update(repr((conversation.id, [(u.id, u.speaker, u.label) for u in conversation.utterances])).encode())
        if words:
            digest.update(repr([u.words for u in conversation.utterances]).encode())
        for key, array in sorted(conversation.features.items()):
            if features is not None and key not in features:
                continue
            digest.update(repr((key, array.shape)).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _differences(earlier: Plan, now: Plan) -> list[str]:
    """What sets two plans apart, in words. Software, machine, sentences about an arm and the store's path may differ."""
    before, after = earlier.model_dump(mode="json"), now.model_dump(mode="json")
    keys = [key for key in ("corpus", "classes", "features", "splits") if before[key] != after[key]]
    found = [f"{key} ({before[key]} there, {after[key]} here)" for key in keys]
    if before["data"] != after["data"] and not found:
        found = ["the store's content"]
    for kept in (before, after):
        kept["study"]["about"] = ""
        kept["study"]["common"].get("data", {}).pop("store", None)
        for arm in kept["arms"]:
            arm["about"] = arm["recipe"]["about"] = ""
            arm["recipe"]["data"]["store"] = None
    found += [f"study.{key}" for key in before["study"] if before["study"][key] != after["study"][key]]
    arms_before, arms_after = ({arm["name"]: arm for arm in kept["arms"]} for kept in (before, after))
    names = list(dict.fromkeys([*arms_before, *arms_after]))
    return found + [f"arm {name}" for name in names if arms_before.get(name) != arms_after.get(name)]
