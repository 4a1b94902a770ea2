"""The same small grid for every rival of a study: dropout x learning rate, on validation alone.

    python benchmarks/grid.py recipes/study-meld.yaml --out runs/grid/meld [--seeds 2] [--dropout 0.3 0.5] [--rate 5e-4 1e-3]

Trains each rival that has a dropout at each point, prints the mean weighted F1 of the epoch that validation chose, and the
`changes` that give each rival its best point in the study's recipe. Of a rival with an arm for each modality, such as the
unimodal transformer, the first arm is tuned; of several splits the first is taken. A finished run is not repeated. The test
part is never looked at.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
import yaml
from rich.console import Console
from rich.table import Table

from merc.data.store.store import open_store
from merc.files.posix import usable_cores
from merc.runs.training import train
from merc.studies.study import open_study
from merc.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Point:
    """One place in the grid."""

    dropout: float
    rate: float

    def __str__(self) -> str:
        return f"dropout-{self.dropout:g}-rate-{self.rate:g}"


def main() -> None:
    """Parses, trains, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and results.json")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--dropout", type=float, nargs="+", default=[0.3, 0.5])
    parser.add_argument("--rate", type=float, nargs="+", default=[5e-4, 1e-3])
    parser.add_argument("--set", action="append", default=[], dest="options", metavar="KEY=VALUE")
    parser.add_argument("--processes", type=int, default=usable_cores())
    arguments = parser.parse_args()
    points = [Point(dropout, rate) for dropout, rate in product(arguments.dropout, arguments.rate)]
    opened = open_study(arguments.study, arguments.out, ["ablations=[]", *arguments.options], "validation")
    arms: dict[str, Recipe] = {}  # name of a rival's file -> recipe of its first arm
    for arm in opened.plan.arms:
        name = next((r for r in opened.plan.study.rivals if arm.name == r or arm.name.startswith(f"{r}-")), None)
        if arm.kind == "rival" and name is not None and hasattr(arm.recipe.model, "dropout"):
            arms.setdefault(name, arm.recipe)
    split = opened.plan.splits[0]
    jobs = {
        (name, point, seed): (_at(recipe, split, point, seed), _folder(arguments.out, name, point, seed), opened.store)
        for name, recipe in arms.items()
        for point in points
        for seed in range(arguments.seeds)
    }
    with ProcessPoolExecutor(arguments.processes, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        scores = dict(zip(jobs, pool.map(_train, *zip(*jobs.values(), strict=True)), strict=True))
    found = {name: {p: [scores[name, p, seed] for seed in range(arguments.seeds)] for p in points} for name in arms}
    _show(found, points)
    rows = [{"rival": n, "dropout": p.dropout, "rate": p.rate, "scores": v} for n, at in found.items() for p, v in at.items()]
    (arguments.out / "results.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _at(recipe: Recipe, split: str, point: Point, seed: int) -> Recipe:
    data = recipe.data.model_copy(update={"split": split})
    model = recipe.model.model_copy(update={"dropout": point.dropout})
    training = recipe.training.model_copy(update={"learning_rate": point.rate, "seed": seed})
    return recipe.model_copy(update={"data": data, "model": model, "training": training})


def _folder(out: Path, name: str, point: Point, seed: int) -> Path:
    return out / "grid" / name / str(point) / f"seed-{seed}"


def _train(recipe: Recipe, folder: Path, store: Path) -> float:
    outcome = train(recipe, folder, resume=folder.exists(), corpus=open_store(store)).outcome
    return 100 * outcome.best_score


def _show(found: dict[str, dict[Point, list[float]]], points: Sequence[Point]) -> None:
    table = Table("rival", *(str(point) for point in points))
    changes: dict[str, dict[str, dict[str, float]]] = {}
    for name, at in found.items():
        best = max(points, key=lambda p: statistics.mean(at[p]))
        scores = {p: f"{statistics.mean(at[p]):.2f} ({', '.join(f'{v:.1f}' for v in at[p])})" for p in points}
        cells = [f"{scores[p]} *" if p is best else scores[p] for p in points]
        table.add_row(name, *cells)
        changes[name] = {"model": {"dropout": best.dropout}, "training": {"learning_rate": best.rate}}
    console = Console(width=140)
    console.print(table)
    console.print(yaml.safe_dump({"changes": changes}, sort_keys=False))


if __name__ == "__main__":
    main()
