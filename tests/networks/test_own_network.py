"""A network of one's own, as docs/model.md shows it: written outside the package, named in a recipe, trained, saved and loaded."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import merc
from merc.networks import registry

SECTION = (Path(__file__).parents[2] / "docs" / "model.md").read_text().split("## A network of your own")[1]
SHOWN = dict(re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL))
RECIPE = {**yaml.safe_load(SHOWN["yaml"]), "training": {"epochs": 3, "batch_conversations": 3, "learning_rate": 0.01}}


@pytest.fixture
def place(tmp_path, tiny_corpus, monkeypatch):
    """A folder of a user: the module, a store, a recipe."""
    from merc.data.store.store import save_store

    save_store(tiny_corpus, tmp_path / "store")
    (tmp_path / "modality_sum.py").write_text(SHOWN["python"])
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**RECIPE, "data": {"store": str(tmp_path / "store")}}))
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    yield tmp_path
    sys.modules.pop("modality_sum", None)


def python(place, *arguments):
    """A fresh process whose path has the user's folder, and the package that is tested."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(place), str(Path(merc.__file__).parents[1])])}
    return subprocess.run([sys.executable, *arguments], cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_a_decorated_network_is_trained_saved_and_loaded_in_another_process(place, monkeypatch):
    with pytest.raises(merc.MercError, match="no network is registered as 'modality_sum'"):
        merc.load_recipe(place / "recipe.yaml")
    monkeypatch.syspath_prepend(place)
    import modality_sum

    recipe = merc.load_recipe(str(place / "recipe.yaml"), ["model.width=16"])
    assert recipe.model == modality_sum.ModalitySumConfig(width=16)
    run = merc.train(recipe, place / "run")
    assert type(run.recogniser.network) is modality_sum.ModalitySum
    score = merc.evaluate(place / "run").report.coarse.weighted_f1

    done = python(
        place,
        "-c",
        """
import json, merc
try:
    merc.load("run")
except merc.MercError as error:
    refused = str(error)
import modality_sum
model = merc.load("run")
print(json.dumps([refused, type(model.network).__name__, merc.evaluate("run").report.coarse.weighted_f1]))
""",
    )
    assert done.returncode == 0, done.stderr
    refused, name, again = json.loads(done.stdout)
    assert (name, again) == ("ModalitySum", score)
    for part in ("'modality_sum'", "there are cmath, majority, ", "mult.", "merc.register_network", "'merc.networks'"):
        assert part in refused
    assert "\n" not in refused


def test_the_commands_find_an_installed_network_by_its_entry_point(place):
    metadata = place / "modality_sum-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: modality-sum\nVersion: 1.0\n")
    group, offered = re.fullmatch(r'\[project\.entry-points\."(.+)"\]\n(.+) = "(.+)"\n', SHOWN["toml"]).group(1, 2)
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{offered} = modality_sum:ModalitySumConfig\n")
    trained = python(place, "-m", "merc", "train", "recipe.yaml", "--out", "run")
    assert trained.returncode == 0, trained.stderr
    evaluated = python(place, "-m", "merc", "evaluate", "run", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads(evaluated.stdout)["coarse"]["utterances"] > 0


def test_every_network_is_named_in_the_docs():
    listed = SECTION[SECTION.rindex("taken:") :]
    assert tuple(re.findall(r"`(\w+)`", listed)) == tuple(registry.BUILT_IN)
