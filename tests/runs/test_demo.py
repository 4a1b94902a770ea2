"""The demonstration: a run that appears whole, scores between guessing and the ceiling, and no invented dialogue."""

import json
import shutil

import numpy as np
import pytest

from merc.cli import main
from merc.data.store.store import open_store
from merc.errors import RunError
from merc.inference.loading import load
from merc.runs import demo as demo_module
from merc.runs.demo import CORPUS, demo_recipe, demonstrate
from merc.runs.evaluation import evaluate
from merc.synthetic.conversations import SyntheticConfig, chain_ceiling, synthesise
from merc.synthetic.planting import planted_truth

SMALL = SyntheticConfig(train=16, validation=4, test=8, length=(4, 9))


@pytest.fixture(scope="module")
def small_recipe():
    recipe = demo_recipe()
    changes = {"model": recipe.model.model_copy(update={"width": 16}), "training": recipe.training.model_copy(update={"epochs": 2})}
    return recipe.model_copy(update=changes)


@pytest.fixture(scope="module")
def shown(tmp_path_factory, small_recipe):
    return demonstrate(tmp_path_factory.mktemp("runs") / "deep" / "demo", config=SMALL, recipe=small_recipe)


def test_the_run_is_whole_and_can_be_judged_and_loaded(shown):
    assert {"recipe.yaml", "run.json", "metrics.jsonl", "model", "store", "log.jsonl"} <= {p.name for p in shown.folder.iterdir()}
    assert json.loads((shown.folder / "run.json").read_text())["status"] == "finished"
    assert evaluate(shown.folder, part="test").report == shown.report
    assert load(shown.folder).predict([shown.conversation])[0] == shown.judged


def test_nothing_but_the_run_is_left(shown):
    assert [path.name for path in shown.folder.parent.iterdir()] == ["demo"]


def test_scores_stand_between_guessing_and_the_ceiling(shown):
    corpus = synthesise(SMALL)
    ceiling = chain_ceiling(corpus, "official", "test")
    assert shown.ceiling.accuracy == pytest.approx(ceiling.accuracy)
    assert shown.ceiling.weighted_f1 == pytest.approx(ceiling.weighted_f1)
    counts = corpus.label_counts(corpus.part("official", "train"))
    largest = max(counts, key=counts.__getitem__)
    test = corpus.label_counts(corpus.part("official", "test"))
    assert shown.majority.accuracy == pytest.approx(test[largest] / sum(test.values()))
    assert shown.majority.accuracy < shown.ceiling.accuracy


def test_the_conversation_is_of_the_test_part_and_has_no_words(shown):
    corpus = open_store(shown.folder / "store")
    assert corpus.notes["synthetic"] is True
    assert shown.conversation.id in corpus.splits["official"].parts["test"]
    assert 8 <= len(shown.conversation) <= 12
    assert all(u.words is None and u.label in corpus.label_set.names for u in shown.conversation.utterances)


def test_states_are_those_that_were_planted(shown):
    truth = planted_truth(open_store(shown.folder / "store"))
    names = {0: "signal", 1: "noise", 2: "absent"}
    for modality, states in shown.states.items():
        assert states == tuple(names[int(s)] for s in truth[modality][shown.conversation.id])
    absent = [[states[t] == "absent" for states in shown.states.values()] for t in range(len(shown.conversation))]
    present = [[m in emotion.present for m in shown.states] for emotion in shown.judged.utterances]
    assert (np.array(absent) == ~np.array(present)).all()


def test_an_earlier_demonstration_is_replaced(shown, small_recipe, tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(shown.folder, folder)
    (folder / "recipe.yaml").write_text("name: demo\nmodel: {a_key_of_long_ago: 1}\n")
    other = small_recipe.model_copy(update={"training": small_recipe.training.model_copy(update={"seed": 1})})
    demonstrate(folder, config=SMALL, recipe=other)
    assert load(folder).record.seed == 1
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.parametrize("what", ["a stranger's file", "another run", "a file"])
def test_what_is_no_demonstration_is_not_replaced(shown, tmp_path, what):
    folder = tmp_path / "demo"
    if what == "a file":
        folder.write_text("mine")
    else:
        shutil.copytree(shown.folder, folder)
    if what == "a stranger's file":
        (folder / "thesis.tex").write_text("mine")
    elif what == "another run":
        (folder / "recipe.yaml").write_text((folder / "recipe.yaml").read_text().replace("name: demo", "name: mine", 1))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RunError, match="holds something else than a demonstration"):
        demonstrate(folder, config=SMALL)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a defect")], ids=["ctrl-c", "defect"])
def test_what_stops_it_leaves_the_earlier_one(shown, small_recipe, tmp_path, error):
    folder = tmp_path / "demo"
    shutil.copytree(shown.folder, folder)

    def stop(*_):
        raise error

    with pytest.raises(type(error)):
        demonstrate(folder, config=SMALL, recipe=small_recipe, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert load(folder).record == load(shown.folder).record


def test_the_embedded_recipe_and_corpus_are_small():
    recipe = demo_recipe()
    assert recipe.name == "demo"
    assert recipe.model.name == "cmath"
    utterances = synthesise(CORPUS).utterance_count
    assert recipe.training.epochs * utterances < 100_000  # under a minute of one core at some 2,000 utterances a second


def test_the_command_prints_scores_and_one_conversation(capsys, monkeypatch, small_recipe, tmp_path):
    monkeypatch.setattr(demo_module, "CORPUS", SMALL)
    monkeypatch.setattr(demo_module, "demo_recipe", lambda: small_recipe)
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    for word in ("synthetic", "majority class", "CMATH", "ceiling", "weighted F1", "macro F1", "calibration error"):
        assert word in out
    for word in ("planted", "predicted", "trust text", "trust audio", "trust visual", "model: runs/demo/model"):
        assert word in out
    assert "merc evaluate runs/demo" in err
    assert main(["evaluate", "runs/demo", "--without", "audio", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["conditions"]["without"] == ["audio"]
