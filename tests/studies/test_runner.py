"""A small study run for real in processes: what is done is not repeated, what fails or is killed does not stop the rest."""

import json
import re
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from merc.cli import main
from merc.data.schema import FeatureSpec, Split
from merc.data.store.store import add_features, open_store, save_store
from merc.errors import DataError, RunError
from merc.files.lock import locked_folder
from merc.files.staged_file import staged_file, temporary_name
from merc.settings import no_progress
from merc.studies import pool, runner
from merc.studies.plan import all_tasks, digest_of, read_plan, strongest_rivals, tasks_of
from merc.studies.robustness import CLEAN
from merc.studies.runner import StudyHooks, run_study
from merc.studies.strata import read_utterances
from merc.studies.study import open_study
from merc.studies.summary import summarise
from merc.studies.task import Place, is_done, read_failure, read_judged, run_task
from studies import faults
from studies.inline import in_this_process


def run(recipe, out, *options, part="validation", spawn=False, **more):
    opened = open_study(recipe, out, options, part)
    with nullcontext() if spawn else in_this_process():
        return opened, run_study(opened.plan, out, opened.store, part=part, processes=2, **more)


def stamps(out):
    """When every model was written."""
    return {str(p.relative_to(out)): p.stat().st_mtime_ns for p in out.rglob("model.safetensors")}


def test_a_study_runs_once_and_then_judges_alone(study_recipe, study_store, tmp_path):
    out = tmp_path / "out"
    seen = []
    opened, outcome = run(study_recipe, out, hooks=StudyHooks(on_status=seen.append))
    assert outcome.finished and outcome.failed == {}
    seeds = {arm.name: sorted(p.name for p in (out / "runs" / arm.name).iterdir()) for arm in opened.plan.arms}
    (strong,) = strongest_rivals(opened.plan, out, "validation")
    assert {name: len(found) for name, found in seeds.items()} == {
        "cmath": 3,
        "majority": 2 + (strong == "majority"),
        "early-fusion": 2 + (strong == "early-fusion"),
        "without-corruption": 1,
    }
    assert seen[-1].arms[0].done == 3 and sum(a.done for a in seen[-1].arms) == 9
    assert not list(out.rglob("checkpoint.safetensors")), "a finished run keeps no checkpoint"

    before = stamps(out)
    again = []
    _, outcome = run(study_recipe, out, hooks=StudyHooks(on_status=again.append))
    assert outcome.finished and stamps(out) == before and not any(a.running for p in again for a in p.arms)
    _, outcome = run(study_recipe, out, part="test")
    assert outcome.finished and stamps(out) == before, "another part is judged without training"
    for task in all_tasks(opened.plan, out, "test"):
        log = [json.loads(line) for line in (out / task.folder / "run" / "log.jsonl").read_text().splitlines()]
        assert sorted(line["judged"] for line in log) == ["test", "validation"]

    _same_as_judged_by_hand(opened.plan, out, study_store)


def _same_as_judged_by_hand(plan, out, store):
    """One task's predictions against the model asked directly."""
    from merc.data.store.store import open_store
    from merc.inference.loading import load

    task = tasks_of(plan, plan.arms[0], [1], "validation")[0]
    judged = read_judged(out / task.folder / "judged-validation.safetensors")
    model = load(out / task.folder / "run")
    assert model.record.recipe["training"]["seed"] == 1
    samples = [model.preprocessor.sample(c) for c in open_store(store).part("official", "validation")]
    said = model.infer(samples)
    np.testing.assert_allclose(judged.probabilities, np.concatenate([j.probabilities for j in said]), atol=1e-6)
    np.testing.assert_allclose(judged.uncertainty, np.concatenate([j.uncertainty for j in said]), rtol=1e-5)
    assert judged.facts.conditions[0] == CLEAN
    assert judged.predicted.shape == (len(judged.facts.conditions), sum(map(len, samples)))
    assert judged.predicted[0].tolist() == np.concatenate([j.probabilities.argmax(axis=1) for j in said]).tolist()
    noisy = judged.facts.conditions.index(next(c for c in judged.facts.conditions if c.curve == "noise text"))
    assert judged.trust.shape == (len(judged.facts.conditions), 3) and judged.trust[noisy, 0] != judged.trust[0, 0]
    assert judged.facts.training_cpu_seconds > 0 and judged.facts.utterances_per_second > 0
    assert judged.facts.peak_memory_mib > 0 and {"system", "processor", "cores"} <= set(judged.facts.machine)
    assert (judged.facts.data, judged.facts.protocol, judged.facts.part) == (plan.data, "validation", "validation")


def test_the_time_left_is_that_of_trainings_of_the_same_kind(study_recipe, tmp_path):
    opened = open_study(study_recipe, tmp_path / "out", (), "validation")
    processes = pool.Pool(2, tmp_path, opened.store, opened.plan.used)
    session = runner._Session(opened.plan, tmp_path / "out", processes, 2, StudyHooks(), lambda: False)
    assert session.status().seconds_left is None
    session.took = {"cmath": [90.0, 110.0], "majority": [1.0]}
    cmath, majority, early_fusion, one_more_of_the_strongest, ablation = 3 * 100.0, 2 * 1.0, 2 * 1.0, 1.0, 100.0
    assert session.status().seconds_left == (cmath + majority + early_fusion + one_more_of_the_strongest + ablation) / 2


def test_a_training_that_fails_is_recorded_and_stops_nothing(study_recipe, tmp_path):
    said = []
    opened, outcome = run(
        study_recipe, tmp_path / "out", "ablations=[diverges]", "rivals=[]", hooks=StudyHooks(on_failure=said.append)
    )
    assert outcome.finished and list(outcome.failed) == ["runs/diverges/seed-0"]
    assert "training diverged" in outcome.failed["runs/diverges/seed-0"] and "runs/diverges/seed-0: training diverged" in said[0]
    assert "training diverged" in read_failure(tmp_path / "out/runs/diverges/seed-0")
    done = [t.arm for t in all_tasks(opened.plan, tmp_path / "out", "validation") if is_done(t, tmp_path / "out")]
    assert done == ["cmath"] * 3


def test_a_process_that_is_killed_takes_no_other_with_it(study_recipe, tmp_path, monkeypatch):
    """The first training is killed at its third step; the next session trains it anew."""
    out = tmp_path / "out"
    options = ("rivals=[]", "ablations=[]", "seeds.cmath=2")
    monkeypatch.setattr(pool, "_work", faults.killed_at_the_third_step)
    opened, outcome = run(study_recipe, out, *options, spawn=True)
    folder = "runs/cmath/seed-0"
    assert outcome.finished and list(outcome.failed) == [folder]
    assert "its process was killed" in outcome.failed[folder] and "its process was killed" in read_failure(out / folder)
    (other,) = [t for t in all_tasks(opened.plan, out, "validation") if t.folder != folder]
    assert is_done(other, out)
    monkeypatch.undo()
    _, outcome = run(study_recipe, out, *options)
    assert outcome.finished and not outcome.failed and read_failure(out / folder) is None


def test_ctrl_c_saves_what_is_under_way(study_recipe, tmp_path, monkeypatch, capsys):
    """As a person would: one Ctrl-C, then the same command again. Nothing that was done is repeated."""
    out = tmp_path / "out"
    words = ["--set", "rivals=[]", "--set", "ablations=[]", "--set", "seeds.cmath=2", "--set", "common.training.epochs=6"]
    monkeypatch.setattr(pool, "_work", faults.interrupted_at_the_third_step)
    status, seen = runner._Session.status, []
    monkeypatch.setattr(runner._Session, "status", lambda session: seen.append(status(session)) or seen[-1])
    code = main(["study", str(study_recipe), "--out", str(out), "--part", "validation", "--processes", "2", *words])
    errors = capsys.readouterr().err
    assert code == 130, errors
    assert any(len(arm.running) == 2 for told in seen for arm in told.arms)
    assert "interrupted; what is done is kept" in errors and "merc study" in errors and "--part validation" in errors
    kept = list(out.glob("runs/*/*/run/run.json"))
    assert {json.loads(p.read_text())["status"] for p in kept} == {"interrupted"}
    epochs = {p.parent: sum(len(m.read_text().splitlines()) for m in p.parent.glob("metrics.jsonl")) for p in kept}
    assert any(epochs.values())
    monkeypatch.undo()
    _, outcome = run(study_recipe, out, *words[1::2])
    assert outcome.finished and not outcome.failed
    for folder, done in epochs.items():
        assert len((folder / "metrics.jsonl").read_text().splitlines()) == 6 > done


def test_another_studys_folder_is_refused(study_recipe, tmp_path):
    out = tmp_path / "out"
    open_study(study_recipe, out)
    kept = (out / "plan.json").read_bytes()
    with pytest.raises(RunError, match=r"belongs to another study; they differ in study\.seeds\. Give another --out"):
        open_study(study_recipe, out, ["seeds.cmath=4"])
    (study_recipe.parent / "small.yaml").write_text(
        (study_recipe.parent / "small.yaml").read_text().replace("epochs: 2", "epochs: 3")
    )
    with pytest.raises(RunError, match=r"they differ in arm cmath; arm majority; arm early-fusion; arm without-corruption\."):
        open_study(study_recipe, out)
    assert (out / "plan.json").read_bytes() == kept
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match=r"already exists and holds no study \(no plan\.json\)"):
        open_study(study_recipe, other)
    assert [p.name for p in other.iterdir()] == ["mine.txt"]


def test_a_folder_without_a_study_or_with_a_damaged_one_is_told(study_recipe, tmp_path):
    with pytest.raises(RunError, match="no study here"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(RunError, match="damaged, or of another version"):
        read_plan(tmp_path)


def test_what_another_process_trains_is_waited_for(study_recipe, tmp_path, monkeypatch):
    """Two sessions share a folder: together they train every run once."""
    out = tmp_path / "out"
    options = ("rivals=[]", "ablations=[]")
    opened = open_study(study_recipe, out, options, "validation")
    first = tasks_of(opened.plan, opened.plan.arms[0], [0], "validation")[0]
    (out / first.folder).mkdir(parents=True)
    other = ExitStack()
    assert other.enter_context(locked_folder(out / first.folder))
    naps = []

    def nap(_seconds):
        naps.append([is_done(t, out) for t in all_tasks(opened.plan, out, "validation")])
        if naps[-1] == [False, True, True]:
            other.close()
            corpus = open_store(opened.store)
            assert run_task(first, Place(out, corpus, opened.plan.digest(corpus)), no_progress, lambda: False) == "done"

    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=runner.time.monotonic, sleep=nap))
    _, outcome = run(study_recipe, out, *options)
    assert outcome.finished and not outcome.failed and naps[-1] == [False, True, True]
    costs = list(out.glob("runs/cmath/*/cost.jsonl"))
    assert len(costs) == 3 and all(len(p.read_text().splitlines()) == 1 for p in costs)


def test_what_killed_sessions_left_goes_and_what_is_in_use_stays(study_recipe, tmp_path):
    out = tmp_path / "out"
    options = ("rivals=[]", "ablations=[]", "seeds.cmath=2")
    opened, _ = run(study_recipe, out, *options)
    folders = [out / task.folder for task in tasks_of(opened.plan, opened.plan.arms[0], [0, 1], "validation")]
    left = [folders[0].with_name(".seed-0.lock"), folders[1] / ".run.lock"]
    left += [place / temporary_name() for place in (folders[0], folders[1] / "run")]
    for path in left:
        path.touch()
    with staged_file(folders[1]) as staged, locked_folder(folders[1]):
        staged.write(b"another session's")
        in_use = [p for p in [*folders[1].iterdir(), *folders[1].parent.iterdir()] if p.name.startswith(".") and p not in left]
        assert len(in_use) == 2
        run(study_recipe, out, *options)
        assert not any(path.exists() for path in left) and all(path.exists() for path in in_use)


def test_several_splits_are_trained_apart_and_judged_together(study_recipe, tiny_corpus, tmp_path):
    parts = tiny_corpus.splits["official"].parts
    folds = {
        "one": Split("one", {"train": parts["train"], "validation": parts["validation"], "test": parts["test"]}),
        "two": Split("two", {"train": parts["train"], "validation": parts["test"], "test": parts["validation"]}),
    }
    save_store(replace(tiny_corpus, splits=folds), tmp_path / "store")
    options = [f"common.data.store={tmp_path / 'store'}", "splits=[one, two]", "rivals=[majority]", "ablations=[]", "strongest=0"]
    opened, outcome = run(study_recipe, tmp_path / "out", *options, part="test")
    assert outcome.finished and not outcome.failed
    assert sorted(p.name for p in (tmp_path / "out/runs/cmath").iterdir()) == ["one", "two"]
    order = read_utterances(tmp_path / "out/utterances-test.parquet").conversations
    assert list(dict.fromkeys(order)) == [c for fold in ("one", "two") for c in sorted_ids(tiny_corpus, folds[fold])]
    for task in tasks_of(opened.plan, opened.plan.arms[0], [0], "test"):
        judged = read_judged(tmp_path / "out" / task.folder / "judged-test.safetensors")
        mine = [c for c in tiny_corpus.conversations if c.id in folds[task.split].parts["test"]]
        assert len(judged.probabilities) == sum(map(len, mine))
    assert summarise(tmp_path / "out", "test").conversations == len(parts["test"]) + len(parts["validation"])


def sorted_ids(corpus, split):
    """Conversations of a split's test part in the corpus's order."""
    return [c.id for c in corpus.conversations if c.id in split.parts["test"]]


def test_folds_that_share_validation_are_judged_on_test_alone(study_recipe, tiny_corpus, tmp_path):
    parts = tiny_corpus.splits["official"].parts
    half = len(parts["train"]) // 2
    first, second = parts["train"][:half], parts["train"][half:]
    folds = {
        "one": Split("one", {"train": first, "validation": parts["validation"], "test": second}),
        "two": Split("two", {"train": second, "validation": parts["validation"], "test": first}),
    }
    save_store(replace(tiny_corpus, splits=folds), tmp_path / "store")
    options = [f"common.data.store={tmp_path / 'store'}", "splits=[one, two]"]
    open_study(study_recipe, tmp_path / "out", options)
    with pytest.raises(DataError, match="in part 'validation' of several splits and would count twice"):
        open_study(study_recipe, tmp_path / "other", options, "validation")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("form", [1, 2])
def test_what_a_study_does_not_use_may_change(form, study_recipe, tiny_corpus, tmp_path, monkeypatch):
    """A feature, a split and conversations more leave a study what it was, and its tasks too, even if its recipe names no feature;
    but not one that was begun when plans had the digest of the whole store."""
    base = study_recipe.parent / "small.yaml"
    base.write_text(re.sub(r", features: {.*}}", "}", base.read_text()))
    store, out = tmp_path / "store", tmp_path / "out"
    save_store(tiny_corpus, store)
    options = [f"common.data.store={store}", "rivals=[]", "ablations=[]", "strongest=0", "seeds.cmath=1"]
    plan = open_study(study_recipe, out, options).plan
    if form == 1:
        plan = plan.model_copy(update={"format": 1, "data": digest_of(open_store(store))})
        (out / "plan.json").write_text(plan.model_dump_json())
        assert open_study(study_recipe, out, options).plan == plan
    more = [replace(c, id=f"more-{c.id}") for c in tiny_corpus.conversations[:2]]
    splits = {**tiny_corpus.splits, "other": Split("other", {"train": (more[0].id, tiny_corpus.conversations[0].id)})}
    other = FeatureSpec(modality="text", name="other", dimension=1)
    rows = {c.id: np.zeros((len(c), 1), np.float32) for c in [*tiny_corpus.conversations, *more]}
    save_store(replace(tiny_corpus, conversations=(*tiny_corpus.conversations, *more), splits=splits), store, overwrite=True)
    add_features(store, other, rows)
    if form == 1:
        with pytest.raises(RunError, match="belongs to another study; they differ in the store's content"):
            open_study(study_recipe, out, options)
        return
    again = open_study(study_recipe, out, options)
    assert again.plan == plan
    with in_this_process():
        assert run_study(again.plan, out, again.store, processes=1).failed == {}


def test_a_store_that_changed_is_refused(study_recipe, tiny_corpus, tmp_path):
    """Another label in the store is another study; so it is for a task that was planned before."""
    save_store(tiny_corpus, tmp_path / "store")
    options = [f"common.data.store={tmp_path / 'store'}", "rivals=[]", "ablations=[]", "strongest=0"]
    opened = open_study(study_recipe, tmp_path / "out", options)
    first, *rest = tiny_corpus.conversations
    label = next(name for name in tiny_corpus.label_set.names if name != first.utterances[0].label)
    utterances = (replace(first.utterances[0], label=label), *first.utterances[1:])
    changed = replace(tiny_corpus, conversations=(replace(first, utterances=utterances), *rest))
    save_store(changed, tmp_path / "changed")
    with pytest.raises(RunError, match=r"belongs to another study; they differ in the store's content"):
        open_study(study_recipe, tmp_path / "out", [f"common.data.store={tmp_path / 'changed'}", *options[1:]])
    with in_this_process():
        outcome = run_study(opened.plan, tmp_path / "out", tmp_path / "changed", processes=1)
    assert len(outcome.failed) == 3 and all("is not what it was when the study began" in e for e in outcome.failed.values())
    moved = tmp_path / "moved"
    (tmp_path / "store").rename(moved)
    assert open_study(study_recipe, tmp_path / "out", [f"common.data.store={moved}", *options[1:]]).store == moved
