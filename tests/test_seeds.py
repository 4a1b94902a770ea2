"""benchmarks/seeds.py, which prints the scores of the docs: seeds, new draws of planted streams, trust under noise."""

import json

import pytest

import programs
from merc.data.store.store import save_store
from merc.errors import RunError

RIVAL = ["--set", "model={name: early_fusion, width: 8, layers: 1, attention: {heads: 2}}"]


@pytest.fixture(scope="module")
def recipe(tiny_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    save_store(tiny_corpus, folder / "store")
    path = folder / "small.yaml"
    path.write_text(
        f"data: {{store: {folder / 'store'}}}\n"
        "model: {width: 8, attention: {heads: 2}, reconstruction: {hidden: 8}, fusion: {latent: 4}}\n"
        "training: {epochs: 2, batch_conversations: 3}\n"
    )
    return path


def run(recipe, out, *words):
    return programs.run("seeds", recipe, "--out", out, "--seeds", "2", *words)


def test_scores_over_seeds_new_draws_and_noise(recipe, tmp_path):
    done = run(recipe, tmp_path / "runs", "--redraws", "2", "--noise", "--test")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "runs" / "results.json").read_text())
    assert [row["seed"] for row in found["runs"]] == [0, 1]
    expected = {f"{part}/weighted_f1" for part in ("validation", "test", "validation redrawn")}
    expected |= {f"validation/trust falls/{m}" for m in ("text", "audio", "visual")}
    assert expected <= set(found["summary"])
    for name in expected:
        first, second = (row[name] for row in found["runs"])
        assert found["summary"][name]["mean"] == pytest.approx((first + second) / 2)
        assert name in done.stdout
    log_likelihoods = [found["runs"][0][f"{part}/negative_log_likelihood"] for part in ("validation", "validation redrawn")]
    assert log_likelihoods[0] != log_likelihoods[1]

    before = {p: p.read_bytes() for p in (tmp_path / "runs").rglob("model/*")}
    again = run(recipe, tmp_path / "runs")
    assert again.returncode == 0 and "test/" not in again.stdout
    assert {p: p.read_bytes() for p in (tmp_path / "runs").rglob("model/*")} == before, "a finished run is not repeated"
    with pytest.raises(RunError, match="belongs to another recipe"):
        run(recipe, tmp_path / "runs", "--set", "training.epochs=1")


def test_a_network_without_trust(recipe, tmp_path):
    done = run(recipe, tmp_path / "runs", "--noise", *RIVAL)
    assert done.returncode == 0, done.stderr
    assert "validation/weighted_f1" in done.stdout and "trust" not in done.stdout
