"""The benchmark's programs run, at tiny sizes, and give the figures that docs/speed.md speaks of. Speed itself is not tested."""

import json
from unittest import mock

import pytest

import programs

SPREAD = {"median", "least", "greatest"}
FIGURES = {
    "utterances_per_cpu_second",
    "utterances_per_second",
    "gemm_gflop_per_cpu_second",
    "utterances_per_gemm_gflop",
}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "small.yaml"
    path.write_text(
        "model: {width: 8, attention: {heads: 2}, reconstruction: {hidden: 8}, tower: {layers: 1}, fusion: {latent: 4}}\n"
    )
    return path


@pytest.fixture(scope="module")
def measured(recipe, tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "bench.json"
    words = [
        "--rounds",
        "2",
        "--conversations",
        "3",
        "--recipe",
        str(recipe),
        "--set",
        "model.width=12",
        "--seed",
        "5",
        "--json",
        str(path),
    ]
    with mock.patch.object(programs.module("bench"), "HELP_RUNS", 1):
        done = programs.run("bench", *words)
    assert done.returncode == 0, done.stderr
    assert "utterances per GEMM-GFLOP" in done.stdout
    return json.loads(path.read_text())


def test_the_figures_have_their_names(measured):
    assert set(measured) == {"machine", "workload", "training", "inference", "help_cpu_seconds"}
    assert set(measured["machine"]) == {"processor", "cores", "vector_unit", "python", "torch", "threads"}
    for part in ("training", "inference"):
        assert set(measured[part]) == FIGURES | {"memory", "padding_waste"}
        assert all(set(measured[part][name]) == SPREAD for name in FIGURES)
        assert set(measured[part]["memory"]) == {"peak_gib", "imports_gib"}
    assert set(measured["help_cpu_seconds"]) == SPREAD


def test_the_workload_is_what_was_asked_for(measured):
    workload = measured["workload"]
    assert (workload["recipe"], workload["seed"], workload["rounds"]) == ("small", 5, 2)
    assert workload["widths"] == {"text": 1024, "audio": 1582, "visual": 342}
    assert (workload["changes"], workload["model"]["width"]) == (["model.width=12"], 12)
    assert workload["train"] == {"conversations": 3, "utterances": 26 + 30 + 44}
    assert workload["test"] == {"conversations": 3, "utterances": 64 + 49 + 40}
    assert workload["parameters"] > 0
    assert measured["machine"]["threads"] == 1


def test_the_figures_are_possible(measured):
    for part in ("training", "inference"):
        figures = measured[part]
        assert all(0 < figures[n]["least"] <= figures[n]["median"] <= figures[n]["greatest"] for n in FIGURES)
        assert 0 <= figures["padding_waste"] < 1
        assert 0 < figures["memory"]["imports_gib"] < figures["memory"]["peak_gib"]
    assert measured["help_cpu_seconds"]["least"] > 0


def test_the_breakdown_names_the_parts(recipe):
    done = programs.run("breakdown", "--conversations", "2", "--recipe", str(recipe), "--top", "3")
    assert done.returncode == 0, done.stderr
    rows = {
        part.strip(): calls.strip()
        for part, calls in (line.strip("│ ").split("│")[:2] for line in done.stdout.splitlines() if "│" in line)
    }
    for part in (
        "collate",
        "corruption",
        "network, teacher's pass included",
        "reconstruction, contracting",
        "reconstruction, expanding",
        "towers",
        "posteriors and fusion",
        "terms of the loss",
        "backward pass",
        "clipping",
        "optimiser",
        "averaged weights",
        "checkpoint",
    ):
        assert int(rows[part]) > 0, f"{part} is no longer where the breakdown looks for it"


@pytest.mark.parametrize("words", [["--rounds", "0"], ["--threads", "0"], ["--conversations", "0"]])
def test_sizes_below_one_are_refused(words):
    done = programs.run("bench", *words)
    assert done.returncode == 2
    assert "must be 1 or more" in done.stderr
