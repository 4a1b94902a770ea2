"""The studies that ship, on invented stores with the names of their corpora: each is planned whole; one trains every variant, the
others what they change themselves, shortened."""

from dataclasses import replace
from pathlib import Path

import pytest

from labelled_talks import talks_with_audio
from merc.data.formats.known_corpora import IEMOCAP, MELD
from merc.data.splits import COSMIC_VALIDATION, cosmic_iemocap, leave_one_session_out
from merc.data.store.store import save_store
from merc.studies.plan import all_tasks
from merc.studies.recipe import load_study
from merc.studies.runner import run_study
from merc.studies.study import open_study
from merc.studies.task import is_done
from merc.synthetic.conversations import SyntheticConfig, synthesise
from merc.synthetic.planting import Stream
from merc.training.recipe import load_recipe, overlaid, recipe_from, recipe_values
from studies.inline import in_this_process
from tiny_text_model import build_plain

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "recipes").glob("study-*.yaml"))
PAPER = "cmath-paper"
WHOLE = "study-iemocap"  # has every rival and ablation that there is
TUNED = "study-shipped"  # makes features that its store lacks, and is smaller
SESSIONS = [f"session{i}" for i in range(1, 6)]


def invented_store(study, folder):
    """Few conversations under the corpus's own names of features, labels, ids and splits."""
    recipe = load_recipe(ROOT / "recipes" / study.base)
    iemocap = "iemocap" in study.name
    streams = tuple(Stream(modality=m, dimension=5, quality=2.0, absent=0.1) for m in recipe.data.features)
    sizes = {"train": 9, "validation": 3, "test": 3, "length": (3, 6), "speakers": (2, 2)}
    made = synthesise(SyntheticConfig(**sizes, classes=(IEMOCAP if iemocap else MELD).labels, streams=streams))
    names = {spec.key: f"{spec.modality}/{recipe.data.features[spec.modality]}" for spec in made.feature_schema}
    schema = tuple(spec.model_copy(update={"name": recipe.data.features[spec.modality]}) for spec in made.feature_schema)
    ids = [c.id for c in made.conversations]
    if iemocap:
        ids = [*sorted(COSMIC_VALIDATION)[:5], *(f"Ses0{i % 5 + 1}F_impro9{i // 5}" for i in range(10))]
    renamed = [
        replace(c, id=ids[i], features={names[key]: array for key, array in c.features.items()})
        for i, c in enumerate(made.conversations)
    ]
    splits = {"cosmic": cosmic_iemocap(ids), **leave_one_session_out(ids)} if iemocap else made.splits
    corpus = replace(made, feature_schema=schema, conversations=tuple(renamed), splits=splits, notes={"synthetic": True})
    save_store(corpus, folder)
    return corpus


def shortened(study, store):
    return [
        f"common={{data: {{store: {store}}}, training: {{epochs: 1, device: cpu}}, "
        "model: {width: 8, reconstruction: {hidden: 8}, fusion: {latent: 4}}}",
        "seeds={cmath: 1, strongest: 1, rivals: 1, ablations: 1}",
        "strongest=1",
        "robustness={drop: [0.5], noise: [1.0]}",
    ]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_it_is_planned_whole_and_its_arms_are_trained_and_judged(path, tmp_path):
    study = load_study(path)
    assert study.name == path.stem and study.about
    counts = {"cmath": 10, "strongest": 10, "rivals": 5, "ablations": 3}
    assert study.name == TUNED or (study.seeds.model_dump() == counts and study.strongest == 2)
    options = shortened(study, tmp_path / "store")
    if study.name == TUNED:
        save_store(talks_with_audio(), tmp_path / "store")
        tuning = {"encoder": str(tmp_path / "encoder"), "base": str(build_plain(tmp_path / "tiny")), "rank": 2, "epochs": 1}
        options += [f"common.text_tuning.{key}={value}" for key, value in tuning.items()]
    else:
        invented_store(study, tmp_path / "store")
    opened = open_study(path, tmp_path / "whole", options)
    modalities = len(opened.plan.features)
    assert {m: spec["name"] for m, spec in opened.plan.features.items()} == load_recipe(ROOT / "recipes" / study.base).data.features
    singles = ("unimodal-transformer" in study.rivals) + ("modality" in study.ablations)
    pairs = "modality-pair" in study.ablations
    expected = 1 + len(study.rivals) + len(study.ablations) + singles * (modalities - 1) + pairs * (modalities - 1)
    assert len(all_tasks(opened.plan, tmp_path / "whole", "test")) == expected, "a single modality and a pair are an arm each"
    out = tmp_path / "out"
    if study.name != WHOLE:
        rivals, ablations = ", ".join(sorted({"majority", *study.changes})), ", ".join({"modality"} & set(study.ablations))
        opened = open_study(path, out, [*options, f"rivals=[{rivals}]", f"ablations=[{ablations}]"])
    else:
        opened = open_study(path, out, options)
    with in_this_process():
        outcome = run_study(opened.plan, out, opened.store, processes=2)
    assert outcome.finished and outcome.failed == {}
    assert all(is_done(task, out) for task in all_tasks(opened.plan, out, "test"))


@pytest.mark.parametrize(
    "options", [["splits=[" + ", ".join(SESSIONS) + "]"], ["common.data.labels=iemocap4"]], ids=["sessions", "four"]
)
def test_iemocaps_other_protocols_are_ready(options, tmp_path):
    path = ROOT / "recipes" / "study-iemocap.yaml"
    study = load_study(path)
    corpus = invented_store(study, tmp_path / "store")
    small = [*shortened(study, tmp_path / "store"), "rivals=[majority, early-fusion]", "ablations=[]", *options]
    opened = open_study(path, tmp_path / "out", small)
    with in_this_process():
        outcome = run_study(opened.plan, tmp_path / "out", opened.store, processes=2)
    assert outcome.finished and outcome.failed == {}
    if "labels" in options[0]:
        assert len(opened.plan.classes) == 4
    else:
        assert opened.plan.splits == tuple(SESSIONS)
        judged = {p.parent.parent.name for p in (tmp_path / "out/runs/cmath").rglob("judged-test.safetensors")}
        assert judged == set(SESSIONS)
        tested = [i for name in SESSIONS for i in corpus.splits[name].parts["test"]]
        assert sorted(tested) == sorted(c.id for c in corpus.conversations), "each conversation is tested once"


def test_every_variant_belongs_to_a_study():
    """A rival or an ablation that no study runs would be forgotten; one study runs them all."""
    whole = load_study(ROOT / "recipes" / f"{WHOLE}.yaml")
    used = {(folder, name) for folder in ("rivals", "ablations") for name in getattr(whole, folder)}
    there = {(p.parent.name, p.stem) for folder in ("rivals", "ablations") for p in (ROOT / "recipes" / folder).glob("*.yaml")}
    assert used == there


def test_the_paper_read_literally_is_one_network_as_a_recipe_and_as_an_arm_of_every_study():
    arm = overlaid(recipe_values(ROOT / "recipes" / "meld.yaml"), recipe_values(ROOT / "recipes" / "rivals" / f"{PAPER}.yaml"))
    recipe = load_recipe(ROOT / "recipes" / f"{PAPER}.yaml")
    assert recipe == recipe_from(arm, PAPER)
    assert recipe.model != load_recipe(ROOT / "recipes" / "meld.yaml").model
    assert all(PAPER in load_study(path).rivals for path in STUDIES)
