"""A run from its recipe to its log: the same every time, and whole whenever it is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import merc
from labelled_talks import talks_with_audio
from merc.data.probe import FeatureProbe, ProbeReport
from merc.data.schema import Split
from merc.data.store.store import save_store
from merc.errors import DataError, FeatureError, MercError, RecipeError, RunError
from merc.evaluation.report import Conditions
from merc.runs.evaluation import evaluate
from merc.runs.training import Hooks, train
from merc.training.recipe import load_recipe

FILES = ["checkpoint.safetensors", "metrics.jsonl", "model", "recipe.yaml", "run.json"]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def same_weights(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def strict_json(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def ctrl_c_after(step):
    """A progress hook that interrupts its own process."""
    return lambda _stage, done, _total: done == step and os.kill(os.getpid(), signal.SIGINT)


def test_a_run_leaves_these_files(trained, tiny_recipe):
    run = trained()
    assert sorted(p.name for p in run.folder.iterdir()) == FILES
    assert load_recipe(run.folder / "recipe.yaml") == tiny_recipe()
    status = strict_json((run.folder / "run.json").read_text())
    assert status["status"] == "finished"
    assert status["outcome"]["finished"]
    assert set(status["versions"]) == {"python", "merc", "torch", "numpy"}


def test_metrics_hold_every_term_of_every_epoch(trained):
    run = trained()
    records = lines(run.folder / "metrics.jsonl")
    assert [r["epoch"] for r in records] == [1, 2, 3]
    for record in records:
        assert set(record["terms"]) == {"coarse", "fine", "unimodal", "reconstruction", "kl", "logit", "latent"}
        assert all(np.isfinite(list(record["terms"].values())))
        assert {"weighted_f1", "accuracy"} <= set(record["validation"])
    best = max(records, key=lambda r: (r["validation"]["weighted_f1"], -r["epoch"]))
    assert run.outcome.best_epoch == best["epoch"]
    assert run.recogniser.record.scores["weighted_f1"] == best["validation"]["weighted_f1"] == run.outcome.best_score


def test_the_kept_model_is_the_one_that_was_returned(trained, tiny_corpus):
    run = trained()
    again, judged = merc.load(run.folder), tiny_corpus.part("official", "test")
    assert again.predict(judged) == run.recogniser.predict(judged)
    assert again.record.corpus["name"] == "synthetic"
    assert again.record.corpus["synthetic"] is True
    assert again.record.corpus["conversations"] == {"train": 6, "validation": 3, "test": 3}
    assert "validation" in again.record.chosen_by


def test_the_languages_of_the_words_are_recorded_and_a_wrong_note_is_refused_at_once(tiny_recipe, tmp_path):
    corpus = talks_with_audio()
    recipe = tiny_recipe(data={"features": {"audio": "praat"}})
    assert train(recipe, tmp_path / "found", corpus=corpus).recogniser.record.languages == ("en",)
    noted = replace(corpus, notes={"languages": ["nl"]})
    train(recipe, tmp_path / "noted", corpus=noted)
    assert merc.load(tmp_path / "noted").record.languages == ("nl",)
    with pytest.raises(DataError, match="note 'languages' is 'Dutch'"):
        train(recipe, tmp_path / "wrong", corpus=replace(corpus, notes={"languages": "Dutch"}))
    assert not (tmp_path / "wrong").exists()


def test_two_trainings_give_identical_losses_and_weights(trained, tiny_recipe, tiny_corpus, tmp_path):
    torch.manual_seed(12345)
    again = train(tiny_recipe(), tmp_path / "again", corpus=tiny_corpus)
    assert (again.folder / "metrics.jsonl").read_bytes() == (trained().folder / "metrics.jsonl").read_bytes()
    assert same_weights(weights(again.folder), weights(trained().folder))
    other = trained(training={"seed": 1})
    assert not same_weights(weights(other.folder), weights(trained().folder))


def test_hooks_are_told(tiny_recipe, tiny_corpus, tmp_path):
    steps, epochs, warnings = [], [], []
    hooks = Hooks(epochs.append, warnings.append)
    train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=lambda *step: steps.append(step), hooks=hooks)
    assert steps == [("training", n, 6) for n in range(1, 7)]
    assert [e.epoch for e in epochs] == [1, 2, 3]
    assert warnings == []


def test_progress_is_shown_when_asked_for(tiny_recipe, tiny_corpus, tmp_path, monkeypatch, capsys):
    train(tiny_recipe(), tmp_path / "silent", corpus=tiny_corpus)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert capsys.readouterr() == ("", "")
    train(tiny_recipe(), tmp_path / "shown", corpus=tiny_corpus, progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "training" in err and "epoch 2/3  loss" in err and "validation weighted F1" in err
    assert (tmp_path / "shown/metrics.jsonl").read_bytes() == (tmp_path / "silent/metrics.jsonl").read_bytes()


def test_the_callers_generators_are_as_before(tiny_recipe, tiny_corpus, tmp_path):
    def states():
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        # Python's own generator is left out: the type checks of the test run draw from it.
        return torch.get_rng_state().tolist(), (name, keys.tolist(), *rest)

    before = states()
    run = train(tiny_recipe(calibration="temperature"), tmp_path / "run", corpus=tiny_corpus)
    evaluate(run.folder, corpus=tiny_corpus, conditions=Conditions.parse(run.recogniser.modalities, corrupt=("text=noise:1.0",)))
    assert states() == before


def test_a_corpus_that_was_not_probed_is_warned_of(tiny_recipe, tiny_corpus, tmp_path):
    real = replace(tiny_corpus, notes={})
    warnings = []
    run = train(tiny_recipe(training={"epochs": 1}), tmp_path / "run", corpus=real, hooks=Hooks(on_warning=warnings.append))
    assert len(warnings) == 1
    assert "was not probed: run 'merc data probe" in warnings[0]
    assert run.recogniser.record.warnings == tuple(warnings)
    assert warnings[0] in run.recogniser.card()


def test_a_flagged_probe_is_told_in_its_own_words(tiny_recipe, tiny_corpus, tmp_path):
    specs = [{"feature": s.key, "encoder": s.encoder, "version": s.version} for s in tiny_corpus.feature_schema]
    numbers = dict.fromkeys(("inside", "validation", "test"))
    features = [FeatureProbe(**s, **numbers, verdict="carries nothing", sentence=f"beware {s['feature']}") for s in specs]
    report = ProbeReport(corpus="synthetic", split="official", seed=0, features=tuple(features))
    corpus, warnings = replace(tiny_corpus, notes={"probe": report.model_dump(mode="json")}), []
    train(tiny_recipe(training={"epochs": 1}), tmp_path / "r", corpus=corpus, hooks=Hooks(on_warning=warnings.append))
    assert warnings == ["beware text/planted", "beware audio/planted", "beware visual/planted"]


def test_a_probe_counts_for_its_split_and_for_the_features_that_are_taken(tiny_recipe, tiny_corpus, tmp_path):
    def warned(name, **data):
        numbers = dict.fromkeys(("inside", "validation", "test"))
        features = [
            FeatureProbe(feature=s.key, encoder=s.encoder, version=s.version, **numbers, verdict="carries nothing", sentence=s.key)
            for s in tiny_corpus.feature_schema[:2]
        ]
        note = ProbeReport(corpus="synthetic", split="official", seed=0, features=tuple(features)).model_dump(mode="json")
        splits = {**tiny_corpus.splits, "mine": tiny_corpus.splits["official"]}
        corpus, warnings = replace(tiny_corpus, notes={"probe": note}, splits=splits), []
        recipe = tiny_recipe(data=data, training={"epochs": 1})
        train(recipe, tmp_path / name, corpus=corpus, hooks=Hooks(on_warning=warnings.append))
        return warnings

    assert warned("picked", features={"audio": "planted"}) == ["audio/planted"]
    known, sentence = warned("not covered", features={"audio": "planted", "visual": "planted"})
    assert known == "audio/planted"
    assert sentence.startswith("visual/planted of corpus 'synthetic' was not probed: run 'merc data probe STORE' to")
    (sentence,) = warned("other split", features={"audio": "planted"}, split="mine")
    assert "split 'mine', was not probed: run 'merc data probe STORE --split mine' to" in sentence


def test_labels_are_mapped_as_the_recipe_says(tiny_recipe, tiny_corpus, tmp_path):
    (tmp_path / "two.yaml").write_text("name: two\nlabels: [low, high]\nmapping: {calm: low, cross: high, glad: null}\n")
    recipe = tiny_recipe(data={"labels": str(tmp_path / "two.yaml")}, training={"epochs": 1})
    run = train(recipe, tmp_path / "run", corpus=tiny_corpus)
    assert run.recogniser.label_set.names == ("low", "high")
    found = evaluate(run.folder, corpus=tiny_corpus)
    assert found.report.coarse.labels == ("low", "high")
    assert found.report.coarse.utterances < sum(len(c) for c in tiny_corpus.part("official", "validation"))


def test_features_are_picked_as_the_recipe_says(tiny_recipe, tiny_corpus, tmp_path):
    recipe = tiny_recipe(data={"features": {"audio": "planted"}}, training={"epochs": 1})
    assert train(recipe, tmp_path / "run", corpus=tiny_corpus).recogniser.modalities == ("audio",)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"data": {"split": "other"}}, DataError, "no split 'other'; it has: official"),
        ({"data": {"features": {"text": "R9"}}}, FeatureError, "no feature 'R9'"),
        ({"model": {"central": ["smell"]}}, RecipeError, r"model\.central"),
        ({"data": {"labels": "iemocap9"}}, DataError, "unknown label mapping"),
    ],
)
def test_a_recipe_that_does_not_fit_leaves_nothing_behind(tiny_recipe, tiny_corpus, tmp_path, change, kind, message):
    with pytest.raises(kind, match=message):
        train(tiny_recipe(**change), tmp_path / "run", corpus=tiny_corpus)
    assert list(tmp_path.iterdir()) == []


def test_without_a_label_there_is_nothing_to_learn(tiny_recipe, tiny_corpus, tmp_path):
    def bare(conversation):
        return replace(conversation, utterances=tuple(replace(u, label=None) for u in conversation.utterances))

    for part in ("train", "validation"):
        ids = set(tiny_corpus.splits["official"].parts[part])
        corpus = replace(tiny_corpus, conversations=tuple(bare(c) if c.id in ids else c for c in tiny_corpus.conversations))
        with pytest.raises(DataError, match=f"no utterance of part '{part}' has a label"):
            train(tiny_recipe(), tmp_path / "run", corpus=corpus)
    assert not (tmp_path / "run").exists()


def test_no_store_is_said(tiny_recipe, tmp_path):
    with pytest.raises(RecipeError, match=r"names no store; give one with --set data\.store=FOLDER"):
        train(tiny_recipe(), tmp_path / "run")


def test_the_recipes_store_is_trained_and_judged(tiny_recipe, tiny_corpus, trained, tmp_path):
    save_store(tiny_corpus, tmp_path / "store")
    run = train(tiny_recipe(data={"store": str(tmp_path / "store")}), tmp_path / "run")
    assert same_weights(weights(run.folder), weights(trained().folder))
    assert str(tmp_path) not in run.recogniser.card()
    assert str(tmp_path) not in (run.folder / "model/config.json").read_text()
    expected = evaluate(trained().folder, corpus=tiny_corpus).report
    assert evaluate(run.folder).report == expected
    save_store(tiny_corpus, tmp_path / "moved")
    assert evaluate(run.folder, store=str(tmp_path / "moved")).report == expected


def test_a_folder_in_use_is_refused_and_left_alone(trained, tiny_recipe, tiny_corpus, tmp_path):
    folder = trained().folder
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(RunError, match="already exists; give another --out, or go on with it by --resume"):
        train(tiny_recipe(), folder, corpus=tiny_corpus)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="already exists"):
        train(tiny_recipe(), tmp_path / "file", corpus=tiny_corpus)
    assert (tmp_path / "file").read_text() == "mine"


def test_two_trainings_do_not_share_a_folder(tiny_recipe, tiny_corpus, tmp_path):
    for folder in (tmp_path / "new", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
        refused = []

        def second(_record, folder=folder, refused=refused):
            before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
            with pytest.raises(RunError, match="another process is training into it") as caught:
                train(tiny_recipe(), folder, resume=True, corpus=tiny_corpus)
            refused.append(str(caught.value))
            assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before

        run = train(tiny_recipe(), folder, corpus=tiny_corpus, hooks=Hooks(on_epoch=second))
        assert len(refused) == 3 and str(folder) in refused[0]
        assert run.outcome.finished and (folder / "model").is_dir()


def test_a_training_that_fails_early_leaves_the_place_as_it_was(tiny_recipe, tiny_corpus, tmp_path):
    def fail(*_):
        raise ZeroDivisionError

    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "a" / "b", tmp_path / "empty"):
        with pytest.raises(ZeroDivisionError):
            train(tiny_recipe(), folder, corpus=tiny_corpus, progress=fail)
        assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["empty"]


def test_what_a_killed_process_left_at_its_first_write_is_no_run(tiny_recipe, tiny_corpus, tmp_path):
    def fail(*_):
        raise ZeroDivisionError

    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".merc-0123456789abcdef.tmp").write_text("half")
    with pytest.raises(ZeroDivisionError):
        train(tiny_recipe(), folder, corpus=tiny_corpus, progress=fail)
    assert list(folder.iterdir()) == []


def test_a_training_that_is_refused_leaves_the_folder_to_the_one_that_has_it(tiny_recipe, tiny_corpus, tmp_path, monkeypatch):
    """Another process makes the folder, and locks it, between the look whether it is there and the lock."""
    import merc.runs.folder

    @contextmanager
    def taken(_folder, *, wait):
        assert not wait
        yield False

    monkeypatch.setattr(merc.runs.folder, "locked_folder", taken)
    with pytest.raises(RunError, match="another process is training into it"):
        train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus)
    assert (tmp_path / "run").is_dir()


def test_a_name_that_is_too_long_is_one_line_and_leaves_nothing(tiny_recipe, tiny_corpus, tmp_path):
    with pytest.raises(RunError, match="no file has so long a name"):
        train(tiny_recipe(), tmp_path / "q" / ("x" * 300), corpus=tiny_corpus)
    assert list(tmp_path.iterdir()) == []


def test_resuming_needs_a_run_of_the_same_recipe(trained, tiny_recipe, tiny_corpus, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match=r"nothing to resume: it holds no recipe\.yaml"):
        train(tiny_recipe(), tmp_path / "other", resume=True, corpus=tiny_corpus)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["mine.txt"]
    folder = trained().folder
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(RunError, match="belongs to another recipe; they differ in objective, training"):
        train(tiny_recipe(training={"seed": 5}, objective={"kl": 0.5}), folder, resume=True, corpus=tiny_corpus)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_resuming_where_nothing_was_begun_begins_and_says_so(trained, tiny_recipe, tiny_corpus, tmp_path):
    said = []
    run = train(tiny_recipe(), tmp_path / "a" / "run", resume=True, corpus=tiny_corpus, hooks=Hooks(on_warning=said.append))
    assert run.outcome == trained().outcome
    assert f"{tmp_path / 'a' / 'run'}: no run was begun there, so this one begins" in said
    assert not any("begun" in sentence for sentence in run.recogniser.record.warnings)


def test_a_finished_run_resumed_stays_as_it_is(trained, tiny_recipe, tiny_corpus):
    run = trained(training={"seed": 3})
    before = {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}
    again = train(tiny_recipe(training={"seed": 3}), run.folder, resume=True, corpus=tiny_corpus)
    assert again.outcome == run.outcome
    assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == before


def test_a_finished_run_is_not_written_again_unless_its_model_is_damaged(trained, tiny_recipe, tiny_corpus, tmp_path, monkeypatch):
    shutil.copytree(trained().folder, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr("merc.runs.training.save_model", lambda *_: pytest.fail("rewritten"))
        again = train(tiny_recipe(), tmp_path / "run", resume=True)  # not even the store is needed
    assert again.recogniser.record.recipe == tiny_recipe().model_dump(mode="json")
    path = tmp_path / "run/model/model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    train(tiny_recipe(), tmp_path / "run", resume=True, corpus=tiny_corpus)
    assert same_weights(weights(tmp_path / "run"), weights(trained().folder))
    assert {p.name for p in (tmp_path / "run").iterdir()} - {"log.jsonl"} == set(FILES)


def test_an_earlier_model_comes_back_if_the_new_one_cannot_take_its_place(trained, tmp_path, monkeypatch):
    shutil.copytree(trained().folder, tmp_path / "run")
    replace_path, before = Path.replace, weights(trained().folder)
    other = trained(training={"seed": 3}).recogniser

    def refuse_second(self, target, calls=[]):  # noqa: B006
        calls.append(self)
        if len(calls) == 2:
            raise OSError(28, "no space")
        return replace_path(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse_second)
        with pytest.raises(OSError, match="no space"):
            merc.runs.training.save_model(other, tmp_path / "run")
    assert same_weights(weights(tmp_path / "run"), before)
    assert {p.name for p in (tmp_path / "run").iterdir()} - {"log.jsonl"} == set(FILES)


def test_a_resumed_run_is_running(tiny_recipe, tiny_corpus, tmp_path):
    seen = []
    train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=ctrl_c_after(3))

    def look(*_):
        seen.append(strict_json((tmp_path / "run/run.json").read_text())["status"])

    train(tiny_recipe(), tmp_path / "run", resume=True, corpus=tiny_corpus, progress=look)
    assert set(seen) == {"running"}
    assert strict_json((tmp_path / "run/run.json").read_text())["status"] == "finished"


@pytest.mark.parametrize("step", [1, 3, 4])
def test_ctrl_c_saves_and_the_rest_is_as_if_nothing_had_happened(trained, tiny_recipe, tiny_corpus, tmp_path, step):
    """Two steps an epoch: an interruption before the first epoch ends, in the second one, and at its end."""
    handler = signal.getsignal(signal.SIGINT)
    stopped = train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=ctrl_c_after(step))
    assert signal.getsignal(signal.SIGINT) is handler
    assert not stopped.outcome.finished
    assert stopped.outcome.epochs == step // 2
    assert strict_json((tmp_path / "run/run.json").read_text())["status"] == "interrupted"
    assert not (tmp_path / "run/model").exists()
    with pytest.raises(RunError, match="no finished run here"):
        evaluate(tmp_path / "run", corpus=tiny_corpus)
    seen = []
    resumed = train(
        tiny_recipe(), tmp_path / "run", resume=True, corpus=tiny_corpus, progress=lambda _stage, done, _total: seen.append(done)
    )
    assert seen == list(range(step + 1, 7))
    assert resumed.outcome == trained().outcome
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (trained().folder / "metrics.jsonl").read_bytes()
    assert same_weights(weights(tmp_path / "run"), weights(trained().folder))


def test_a_second_ctrl_c_stops_at_once(tiny_recipe, tiny_corpus, tmp_path):
    def twice(*_):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=twice)
    resumed = train(tiny_recipe(), tmp_path / "run", resume=True, corpus=tiny_corpus)
    assert resumed.outcome.finished


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 100], ids=["half", "empty", "other"]
)
def test_a_damaged_checkpoint_is_one_clear_error(tiny_recipe, tiny_corpus, tmp_path, damage):
    train(tiny_recipe(), tmp_path / "run", corpus=tiny_corpus, progress=ctrl_c_after(1))
    path = tmp_path / "run/checkpoint.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=r"checkpoint\.safetensors: damaged checkpoint") as caught:
        train(tiny_recipe(), tmp_path / "run", resume=True, corpus=tiny_corpus)
    assert "\n" not in str(caught.value)


def test_numbers_that_run_away_end_in_an_error_not_in_a_model_of_nan(tiny_recipe, tiny_corpus, tmp_path):
    recipe = tiny_recipe(training={"learning_rate": 1e38, "clip_norm": 1e38, "warmup": 0.0})
    with pytest.raises(MercError):
        train(recipe, tmp_path / "run", corpus=tiny_corpus)
    assert not (tmp_path / "run/model").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import merc.runs.training, merc.training.checkpoint, merc.training.loop
from merc.training.recipe import load_recipe
from merc.data.store.store import open_store
from merc.runs.training import train

home = Path(sys.argv[1])
recipe, corpus = load_recipe(home / "recipe.yaml"), open_store(home / "store")

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def before(module, name, count=1):
    '''The process dies when it calls module.name for the count-th time.'''
    original, left = getattr(module, name), [count]
    def call(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            die()
        return original(*args, **kwargs)
    setattr(module, name, call)

def after(module, name, count=1):
    original, left = getattr(module, name), [count]
    def call(*args, **kwargs):
        done = original(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            die()
        return done
    setattr(module, name, call)

def at_step(step):
    return lambda _stage, done, _total: die() if done == step else None

def half_a_line(path, line):
    with path.open("a") as file:
        file.write('{"epoch": 2, "los')
    die()

MOMENTS = {
    "first write": lambda: before(merc.runs.training, "write_atomically", 1),
    "recipe staged": lambda: before(Path, "replace", 1),
    "first step": lambda: at_step(1),
    "middle of an epoch": lambda: at_step(3),
    "end of an epoch": lambda: at_step(4),
    "epoch written, checkpoint not": lambda: after(merc.runs.training, "append_line", 2),
    "half a line written": lambda: setattr(merc.runs.training, "append_line", half_a_line),
    "checkpoint not written": lambda: before(merc.training.checkpoint, "write_atomically", 2),
    "checkpoint written": lambda: after(merc.training.loop, "save_checkpoint", 2),
    "all trained": lambda: before(merc.runs.training, "save_model"),
    "model staged": lambda: after(merc.runs.training.Recogniser, "save_pretrained"),
    "model saved": lambda: after(merc.runs.training, "save_model"),
}
SERIES = {
    "at every epoch": [lambda: after(merc.training.loop, "save_checkpoint", 1)] * 3,
    "at several steps": [*(lambda step=step: at_step(step) for step in (1, 3, 3, 6)), MOMENTS["model staged"]],
}

def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    return pid

def go(folder, prepare=None):
    '''As a person would: resume, or start anew where nothing was begun.'''
    progress = (prepare and prepare()) or False
    train(recipe, folder, corpus=corpus, progress=progress, resume=folder.exists())

def ended(pid):
    status = os.waitpid(pid, 0)[1]
    return "killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)

# What torch and its optimiser import on first use is imported once here, not in every child. No backward pass before a fork.
parameter = torch.nn.Parameter(torch.zeros(2))
parameter.grad = torch.zeros(2)
torch.optim.AdamW([parameter]).step()
recipe.model.build({"text": 2}, 2)

assert ended(child(lambda: go(home / "straight"))) == 0
for name, moments in [*((name, [moment]) for name, moment in MOMENTS.items()), *SERIES.items()]:
    folder = home / name
    kills = [ended(child(lambda: go(folder, moment))) for moment in moments]
    print(name, *kills, ended(child(lambda: go(folder))), sep="\t", flush=True)
"""


def test_killed_at_any_moment_and_resumed_it_ends_bit_for_bit_the_same(tiny_corpus, tiny_recipe, tmp_path):
    """SIGKILL at every kind of moment, once and several times over; each run is resumed in a fresh process."""
    save_store(tiny_corpus, tmp_path / "store")
    recipe = tiny_recipe(model={"central": ["text"]})
    (tmp_path / "recipe.yaml").write_text(merc.training.recipe.dump_recipe(recipe))
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    reports = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(reports) == 14
    straight = tmp_path / "straight"
    for name, *kills, last in reports:
        assert set(kills) == {"killed"}, (name, done.stderr)
        assert last == "0", (name, done.stderr)
        folder = tmp_path / name
        assert (folder / "metrics.jsonl").read_bytes() == (straight / "metrics.jsonl").read_bytes(), name
        assert same_weights(weights(folder), weights(straight)), name
        assert (
            strict_json((folder / "run.json").read_text())["outcome"] == strict_json((straight / "run.json").read_text())["outcome"]
        )
        assert sorted(p.name for p in folder.iterdir()) == FILES, name


def test_the_protocol_of_the_literature_chooses_on_test_and_says_so_everywhere(tiny_recipe, tiny_corpus, tmp_path):
    said = []
    recipe = tiny_recipe(protocol="test-peak")
    run = train(recipe, tmp_path / "run", corpus=tiny_corpus, hooks=Hooks(on_warning=said.append))
    scores = [line["validation"]["weighted_f1"] for line in lines(run.folder / "metrics.jsonl")]
    test = evaluate(run.folder, part="test", corpus=tiny_corpus).report.coarse.weighted_f1
    assert run.outcome.best_score == max(scores) == pytest.approx(test)
    assert any("no score of this model is comparable" in sentence for sentence in said)
    assert "NOT COMPARABLE" in run.recogniser.record.chosen_by
    card = (run.folder / "model" / "README.md").read_text()
    assert (
        "## Scores on TEST, on which the epoch was chosen: not comparable" in card
        and "no score of this model is comparable" in card
    )
    looks = lines(run.folder / "log.jsonl")
    assert (looks[0]["judged"], looks[0]["by"]) == ("test", "choice of the epoch")


def test_the_honest_protocol_never_looks_at_test(tiny_recipe, tiny_corpus, tmp_path):
    """Without a test part it trains all the same, and no look is on record."""
    parts = {part: ids for part, ids in tiny_corpus.splits["official"].parts.items() if part != "test"}
    corpus = replace(tiny_corpus, splits={"official": Split("official", parts)})
    run = train(tiny_recipe(), tmp_path / "run", corpus=corpus)
    assert run.outcome.finished and not (run.folder / "log.jsonl").exists()
    assert "on the validation part" in run.recogniser.record.chosen_by
    with pytest.raises(DataError, match="part 'test' is empty"):
        train(tiny_recipe(protocol="test-peak"), tmp_path / "other", corpus=corpus)


def test_the_package_offers_the_whole_way(tiny_recipe, tiny_corpus, tmp_path):
    run = merc.train(tiny_recipe(training={"epochs": 1}), tmp_path / "run", corpus=tiny_corpus)
    assert merc.evaluate(run.folder, corpus=tiny_corpus).report.model == "tiny"
    assert merc.load(run.folder).predict(tiny_corpus.conversations[:1])[0].id == tiny_corpus.conversations[0].id
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = merc.nothing_of_the_kind
