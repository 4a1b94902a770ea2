"""The test beds and their draws, and a round on one of them: a study planned anew with the arms that are asked for."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from stores import STORES, opened

from merc.data.schema import Corpus
from merc.data.store.store import open_store
from merc.errors import RecipeError, RunError
from merc.files.staged_file import write_atomically
from merc.runs.corpus import open_recipe_store
from merc.studies.arms import CMATH_NAME, FOLDERS, Arm
from merc.studies.plan import PLAN, Plan, plan_study, read_plan
from merc.studies.recipe import load_study
from merc.training.recipe import load_recipe, overlaid, recipe_values

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
ARMS = (
    CMATH_NAME,
    "early-fusion",
    "without-reconstruction",
    "symmetric-attention",
    "fusion-concat",
    "deterministic",
    "without-distillation",
    "without-corruption",
)
_SMALL = {"features": {"text": "minilm", "audio": "planted"}}


@dataclass(frozen=True, slots=True)
class Draw:
    """One training set of a bed.

    Attributes:
        name: of its folder.
        store: a key of `stores.STORES`, or a folder.
        base: CMATH's recipe.
        tuned: a study's recipe, whose changes the rivals take.
        data: laid over the recipe's section `data`.
    """

    name: str
    store: str
    base: Path
    tuned: Path | None = None
    data: dict[str, Any] = field(default_factory=dict)


_PLANTED = (RECIPES / "meld-planted.yaml", RECIPES / "study-meld-planted.yaml")
BEDS: dict[str, tuple[Draw, ...]] = {
    "meld": (Draw("meld", "meld", RECIPES / "meld.yaml", RECIPES / "study-meld.yaml"),),
    "meld-planted": (Draw("meld-planted", "meld-planted", *_PLANTED),),
    "emorynlp-planted": (Draw("emorynlp-planted", "emorynlp-planted", *_PLANTED),),
    "small": tuple(
        Draw(f"small-{corpus}-{n}", f"{corpus}-small", *_PLANTED, {**_SMALL, "split": f"set-{n}"})
        for corpus in ("meld", "emorynlp")
        for n in range(1, 1 + STORES[f"{corpus}-small"].sets)
    ),
    "mosi": (Draw("mosi", "mosi", RECIPES / "mosi.yaml"),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """A draw that can be run.

    Attributes:
        plan: of the arms of this round; the folder's own lists those of earlier rounds, too.
        store: folder of the store that `corpus` was read from.
        folder: of the runs.
        ideas: names of the arms that no file of the project describes.
    """

    draw: Draw
    plan: Plan
    corpus: Corpus
    store: Path
    folder: Path
    ideas: tuple[str, ...]

    @property
    def split(self) -> str:
        """That every arm trains on."""
        return self.plan.splits[0]

    def is_idea(self, arm: str) -> bool:
        """Whether an arm of the plan is an idea, or one of the modalities of it."""
        return arm not in self.plan.study.ablations[: -len(self.ideas) or None] and any(
            arm == idea or arm.startswith(f"{idea}-") for idea in self.ideas
        )


def draws_of(bed: str) -> tuple[Draw, ...]:
    """The draws of a bed, by its name or as a recipe of CMATH that names a store.

    Raises:
        RecipeError: neither.
    """
    if bed in BEDS:
        return BEDS[bed]
    if not bed.endswith((".yaml", ".yml")):
        raise RecipeError(f"unknown bed {bed!r}; there are {', '.join(BEDS)}, and any recipe's YAML file")
    recipe = load_recipe(bed)
    open_recipe_store(recipe)
    return (Draw(Path(bed).stem, str(recipe.data.store), Path(bed).absolute()),)


def ideas_of(options: Sequence[str]) -> dict[str, list[str]]:
    """`NAME=RECIPE.yaml` and `NAME=KEY=VALUE`, several of one name laid over one another: name -> what is changed.

    Raises:
        RecipeError: of another form, or the name of an arm that there is.
    """
    found: dict[str, list[str]] = {}
    for option in options:
        name, _, change = option.partition("=")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name) or not ("=" in change or change.endswith((".yaml", ".yml"))):
            raise RecipeError(f"--arm {option!r}: write NAME=RECIPE.yaml or NAME=KEY=VALUE, the name in small letters and hyphens")
        if name == CMATH_NAME or name in _shipped("rivals") + _shipped("ablations"):
            raise RecipeError(f"--arm {option!r}: there is an arm {name!r} already; give another name")
        found.setdefault(name, []).append(change)
    return found


def sorted_arms(names: Sequence[str]) -> dict[str, list[str]]:
    """The names of rivals and of ablations, each in the order given.

    Raises:
        RecipeError: an arm that there is not.
    """
    rivals, ablations = _shipped("rivals"), _shipped("ablations")
    for name in names:
        if name not in (CMATH_NAME, *rivals, *ablations):
            raise RecipeError(
                f"unknown arm {name!r}; there are {', '.join((CMATH_NAME, *rivals, *ablations))}, and --arm makes others"
            )
    once = list(dict.fromkeys(names))
    return {"rivals": [n for n in once if n in rivals], "ablations": [n for n in once if n in ablations]}


def planned(
    draw: Draw,
    arms: Sequence[str],
    ideas: dict[str, list[str]],
    settings: Sequence[str],
    seeds: tuple[int, int],
    places: tuple[Path, Path, Path],
) -> Round:
    """A draw's round, once it is certain that every arm can be trained.

    Args:
        draw: of a bed.
        arms: names of rivals and ablations; CMATH is always there.
        ideas: further arms (see `ideas_of`).
        settings: KEY=VALUE, laid over the recipe of every arm.
        seeds: of CMATH, and of each other arm.
        places: folders of the local data, of the stores and of the runs.

    Raises:
        RunError: the folder holds an arm of this name with another recipe, or runs on other data.
        MercError: see `stores.opened` and `merc.studies.plan.plan_study`.
    """
    data, stores, out = places
    store = stores / draw.store if draw.store in STORES else Path(draw.store)
    corpus = opened(draw.store, data, stores) if draw.store in STORES else open_store(store)
    with TemporaryDirectory() as place:
        folder = Path(place)
        for kind in FOLDERS.values():
            shutil.copytree(RECIPES / kind, folder / kind)
        for name, changes in ideas.items():
            _write_idea(folder / FOLDERS["ablation"] / f"{name}.yaml", changes)
        known = sorted_arms(arms)
        study = {
            "base": str(draw.base),
            "common": {"data": {**draw.data, "store": str(store)}},
            "changes": load_study(draw.tuned).changes if draw.tuned else {},
            "seeds": {"cmath": seeds[0], **dict.fromkeys(("strongest", "rivals", "ablations"), seeds[1])},
            "strongest": 0,
            "rivals": known["rivals"],
            "ablations": [*known["ablations"], *ideas],
            "robustness": {"drop": [], "noise": []},
        }
        path = folder / f"{draw.name}.yaml"
        path.write_text(yaml.safe_dump(study), encoding="utf-8")
        plan = plan_study(load_study(path, [f"common.{setting}" for setting in settings]), folder, corpus)
    place_of_runs = out / draw.name
    _keep(plan, place_of_runs, corpus)
    return Round(draw, plan, corpus, store, place_of_runs, tuple(ideas))


def _shipped(kind: str) -> list[str]:
    return sorted(path.stem for path in (RECIPES / kind).glob("*.yaml"))


def _write_idea(path: Path, changes: Sequence[str]) -> None:
    values: dict[str, Any] = {}
    for file in (change for change in changes if "=" not in change):
        values = overlaid(values, recipe_values(file))
    values = {"about": "; ".join(changes), **values}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    values = recipe_values(path, [change for change in changes if "=" in change])
    path.write_text(yaml.safe_dump(values), encoding="utf-8")


def _keep(plan: Plan, folder: Path, corpus: Corpus) -> None:
    """Adds the arms to the plan in the folder, whose runs must not be taken for those of another recipe."""
    arms = {arm.name: arm for arm in plan.arms}
    if (folder / PLAN).is_file():
        earlier = read_plan(folder)
        if earlier.digest(corpus) != earlier.data or earlier.used != plan.used:
            raise RunError(f"{folder}: its runs were trained on other data; give another --out")
        for arm in earlier.arms:
            if arm.name in arms and _trained(arm) != _trained(arms[arm.name]):
                raise RunError(f"{folder}: arm {arm.name!r} was trained by another recipe; give it another name, or another --out")
        arms = {arm.name: arm for arm in earlier.arms} | arms
    folder.mkdir(parents=True, exist_ok=True)
    kept = plan.model_copy(update={"arms": tuple(arms.values())})
    write_atomically(folder / PLAN, (kept.model_dump_json(indent=1) + "\n").encode())


def _trained(arm: Arm) -> dict[str, Any]:
    return arm.recipe.model_dump(mode="json", exclude={"name": True, "about": True, "data": {"store"}})
