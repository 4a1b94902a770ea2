"""benchmarks/grid.py, which tunes every rival of a study on the same grid."""

import json
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
import yaml

import programs
from merc.runs.folder import read_outcome


def run(recipe, out, *words):
    def one_thread(_processes, _context, begin, arguments):
        return ThreadPoolExecutor(1, "in place of a process", begin, arguments)

    with mock.patch.object(programs.module("grid"), "ProcessPoolExecutor", one_thread):
        return programs.run("grid", recipe, "--out", out, "--seeds", "2", *words)


def test_every_rival_with_a_dropout_meets_every_point(study_recipe, tmp_path):
    words = ["--dropout", "0.1", "0.6", "--rate", "5e-3", "--set", "rivals=[majority, early-fusion, unimodal]", "--processes", "2"]
    done = run(study_recipe, tmp_path / "grid", *words)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "grid" / "results.json").read_text())
    assert [(r["rival"], r["dropout"], r["rate"]) for r in rows] == [
        (name, dropout, 5e-3) for name in ("early-fusion", "unimodal") for dropout in (0.1, 0.6)
    ]
    best = {}
    for row in rows:
        point = f"dropout-{row['dropout']:g}-rate-0.005"
        for seed, score in enumerate(row["scores"]):
            run_folder = tmp_path / "grid" / "grid" / row["rival"] / point / f"seed-{seed}"
            assert score == pytest.approx(100 * read_outcome(run_folder).best_score)
            recipe = yaml.safe_load((run_folder / "recipe.yaml").read_text())
            assert (recipe["model"]["dropout"], recipe["training"]["seed"]) == (row["dropout"], seed)
        best.setdefault(row["rival"], []).append((sum(row["scores"]), -row["dropout"]))
    changes = yaml.safe_load(done.stdout[done.stdout.index("changes:") :])["changes"]
    assert {name: change["model"]["dropout"] for name, change in changes.items()} == {n: -max(b)[1] for n, b in best.items()}

    weights = {p: p.stat().st_mtime_ns for p in (tmp_path / "grid").rglob("*.safetensors")}
    assert len(weights) >= 8
    assert run(study_recipe, tmp_path / "grid", *words).returncode == 0
    assert {p: p.stat().st_mtime_ns for p in weights} == weights, "a finished run is not repeated"
