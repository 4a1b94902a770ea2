"""A rival that is no network of the package: a decorator registers it, in a module that the study's processes import."""

import sys

import pytest

from merc.errors import RunError
from merc.networks import registry
from merc.studies.runner import run_study
from merc.studies.study import open_study
from merc.studies.summary import summarise
from merc.studies.task import read_judged

MODULE = """
import merc
from torch import nn


@merc.register_network
class PlainConfig(merc.NetworkConfig):
    name: str = "plain"
    width: int = 8

    def build(self, widths, classes):
        return Plain(widths, self.width, classes)


class Plain(merc.Network):
    def __init__(self, widths, width, classes):
        super().__init__()
        self.maps = nn.ModuleDict({m: nn.Sequential(nn.Linear(w, width), nn.Linear(width, classes)) for m, w in widths.items()})

    def forward(self, batch):
        return merc.NetworkOutput(merc.Level(sum(self.maps[m](x) for m, x in batch.inputs.items())))
"""


@pytest.fixture
def plain(tmp_path, monkeypatch):
    (tmp_path / "plain_rival.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    import plain_rival

    yield plain_rival
    del sys.modules["plain_rival"]


def test_it_is_sized_trained_judged_and_compared(plain, study_recipe, tmp_path):
    (study_recipe.parent / "rivals" / "plain.yaml").write_text("about: Ours.\nsame_size: true\nmodel: {name: plain}\n")
    options = ["rivals=[plain]", "ablations=[]", "seeds={cmath: 1, strongest: 1, rivals: 1}", "strongest=0"]
    opened = open_study(study_recipe, tmp_path / "out", options, "validation")
    cmath, rival = opened.plan.arms
    assert isinstance(rival.recipe.model, plain.PlainConfig)
    assert abs(rival.parameters / cmath.parameters - 1) < 0.1
    outcome = run_study(opened.plan, tmp_path / "out", opened.store, part="validation", processes=1)
    assert outcome.finished and outcome.failed == {}
    judged = [read_judged(path) for path in (tmp_path / "out").rglob("judged-validation.safetensors")]
    assert {each.facts.machine["threads"] for each in judged} == {"1"}, "a single process takes no more threads for that"
    summary = summarise(tmp_path / "out", "validation")
    assert [(arm.name, arm.network) for arm in summary.arms] == [("cmath", "cmath"), ("plain", "plain")]
    del registry._registered["plain"]
    with pytest.raises(RunError, match="no network is registered as 'plain'"):
        summarise(tmp_path / "out", "validation")
