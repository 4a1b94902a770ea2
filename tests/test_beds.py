"""benchmarks/beds.py, which measures all arms on all test beds: one table, resumed after an interruption, no run repeated."""

import json
import shutil
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import f1_score

import programs
from merc.data.schema import Conversation, LabelSet, Utterance
from merc.data.store.store import save_store
from merc.errors import StoreError
from merc.evaluation.statistics import compare, tally
from merc.synthetic.planting import Stream, planted_streams
from studies.inline import in_this_process

BASE = """\
data: {{store: {store}}}
model: {{width: 8, attention: {{heads: 2}}, reconstruction: {{hidden: 8}}, fusion: {{latent: 4}}}}
training: {{epochs: 2, batch_conversations: 3}}
"""
TWO_ARMS = ("--arms", "cmath", "early-fusion")


@pytest.fixture(scope="module")
def recipes(tiny_corpus, tmp_path_factory):
    """Two beds: recipes of their own, on one small store."""
    folder = tmp_path_factory.mktemp("beds")
    save_store(tiny_corpus, folder / "store")
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(BASE.format(store=folder / "store"))
    return folder / "one.yaml", folder / "two.yaml"


def run(out, recipes, *words, seeds=1):
    with in_this_process():
        return programs.run("beds", "--out", out, "--beds", *recipes, "--seeds", seeds, "--redraws", "2", *words)


def without_seconds(value):
    """Results, or a table, but for what no two runs share."""
    if isinstance(value, dict):
        return {name: without_seconds(inner) for name, inner in value.items() if name != "cpu_seconds"}
    return value


def results(out):
    return without_seconds(json.loads((out / "results.json").read_text()))


def written(out):
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*.safetensors")}


@pytest.fixture(scope="module")
def whole(recipes, tmp_path_factory):
    """The folder of a round of two beds and two arms, and what was printed."""
    out = tmp_path_factory.mktemp("whole")
    return out, run(out, recipes, *TWO_ARMS, "--noise")


@contextmanager
def interrupted_after(questions):
    """Ctrl-C, as soon as a study has asked so many times whether there was one."""
    left = iter(range(questions))

    @contextmanager
    def asked():
        yield lambda: next(left, None) is None

    with mock.patch("merc.studies.runner.interruption", asked):
        yield


def test_an_interrupted_round_goes_on_and_gives_the_same_table(recipes, whole, tmp_path):
    with interrupted_after(3):
        stopped = run(tmp_path, recipes, *TWO_ARMS, "--noise", "--processes", "1")
    assert stopped.returncode == 130 and "the same command goes on" in stopped.stderr
    done = written(tmp_path)
    assert 0 < len(done) < len(written(whole[0])) and not (tmp_path / "results.json").exists()
    resumed = run(tmp_path, recipes, *TWO_ARMS, "--noise")
    assert resumed.returncode == 0, resumed.stderr
    assert done.keys() <= written(tmp_path).keys()
    assert results(tmp_path) == results(whole[0])


def test_a_finished_run_is_not_repeated_and_arms_and_seeds_may_be_added(recipes, whole, tmp_path):
    out = shutil.copytree(whole[0], tmp_path / "out")
    before = written(out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    again = run(out, recipes, *TWO_ARMS, "--noise")
    assert again.returncode == 0 and "to be done" not in again.stdout and "code" not in again.stdout
    (out / "code.json").write_text('["other"]')
    assert "the code of networks or training changed" in run(out, recipes, *TWO_ARMS).stdout
    more = run(out, recipes[:1], *TWO_ARMS, "--arm", "wide=model.width=16", "--arm", "wide=training.epochs=1", seeds=2)
    assert more.returncode == 0, more.stderr
    assert {path: path.stat().st_mtime_ns for path in times} == times
    new = {str(path.parent) for path in written(out).keys() - before.keys()}
    assert {"runs/one/runs/wide/seed-1/run/model", "runs/one/runs/cmath/seed-1/run/model"} <= new
    assert not any(name.startswith(("runs/two", "runs/one/runs/cmath/seed-0")) for name in new)
    assert list(results(out)["validation"]["one"]["arms"]) == ["cmath", "early-fusion", "wide"]
    changed = run(out, recipes[:1], *TWO_ARMS, "--arm", "wide=model.width=24")
    assert changed.returncode.startswith("error: ") and "arm 'wide' was trained by another recipe" in changed.returncode
    changed = run(out, recipes[:1], *TWO_ARMS, "--set", "training.epochs=1")
    assert "arm 'cmath' was trained by another recipe" in changed.returncode


def test_the_table_and_the_results_hold_scores_differences_trust_and_costs(whole):
    out, done = whole
    assert done.returncode == 0, done.stderr
    for word in ("cmath", "early-fusion", "one", "two", "nll", "ece", "falls", "CPU s a run", " p "):
        assert word in done.stdout
    arms = json.loads((out / "results.json").read_text())["validation"]["one"]["arms"]
    difference = arms["early-fusion"]["difference"]
    means = [arms[name]["weighted_f1"]["mean"] for name in ("cmath", "early-fusion")]
    assert difference["difference"] == pytest.approx(means[0] - means[1])
    assert difference["p_holm"] == difference["p"], "a family of one"
    assert difference["conversations"] == 3, "new draws of a conversation are no other conversations"
    assert arms["cmath"]["difference"] is None and len(arms["cmath"]["cpu_seconds"]["values"]) == 1
    assert {name for name in arms["cmath"] if name.startswith("trust/falls/")} == {
        f"trust/falls/{m}" for m in ("text", "audio", "visual")
    }
    assert not any(name.startswith("trust") for name in arms["early-fusion"]), "a network without trust"


def test_the_test_part_is_judged_when_asked_for_and_an_idea_may_be_a_recipe(recipes, tiny_corpus, tmp_path):
    idea = tmp_path / "idea.yaml"
    idea.write_text("about: Half.\nmodel: {width: 4}\n")
    words = ("--arms", "cmath", "--arm", f"half={idea}", "--set", "training.epochs=1", "--noise", "--test", "--others", "1")
    done = run(tmp_path / "out", recipes[:1], *words, seeds=2)
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "out")
    assert found["test"]["one"]["arms"].keys() == found["validation"]["one"]["arms"].keys() == {"cmath", "half"}
    assert {arm: len(of["seeds"]) for arm, of in found["test"]["one"]["arms"].items()} == {"cmath": 2, "half": 1}
    assert "test: weighted F1" in done.stdout and "of 2 seeds" not in done.stdout
    judged = [
        tmp_path / "out/runs/one/runs/cmath/seed-1" / name for name in ("redrawn-2.safetensors", "redrawn-test-2.safetensors")
    ]
    rows = [len(load_file(path)["probabilities"]) for path in judged]
    parts = [{c.id: len(c.utterances) for c in tiny_corpus.part("official", part)} for part in ("validation", "test")]
    assert rows == [2 * sum(part.values()) for part in parts], "each part on its own new draws"
    assert (
        found["test"]["one"]["arms"]["cmath"]["trust/falls/text"] != found["validation"]["one"]["arms"]["cmath"]["trust/falls/text"]
    )
    log = next((tmp_path / "out").rglob("run/log.jsonl")).read_text()
    assert [json.loads(line).get("judged") for line in log.splitlines()].count("test") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--beds", "melt"), "unknown bed 'melt'; there are meld, meld-planted, emorynlp-planted, small, mosi, and any recipe"),
        (("--arms", "early-fission"), "unknown arm 'early-fission'; there are cmath, bc-lstm, "),
        (("--arm", "mine"), "--arm 'mine': write NAME=RECIPE.yaml or NAME=KEY=VALUE"),
        (("--arm", "cmath=model.width=4"), "there is an arm 'cmath' already"),
        (("--beds", "mosi", "--data", "nowhere"), "bed store 'mosi': nowhere/mosi is not there; give the folder of the data"),
    ],
)
def test_what_there_is_not_is_one_clear_error(words, message, tmp_path):
    done = programs.run("beds", "--out", tmp_path / "out", *words)
    assert message in done.returncode and not (tmp_path / "out" / "runs").exists()


@pytest.fixture
def data(tmp_path):
    """A folder of data with a MELD of four dialogues, of a sentence each but for the second."""
    header = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"
    rows = {"train": "Hi.,Ann,joy,0,0,1,2\nOh!,Ann,surprise,1,0,1,2\nNo.,Bo,anger,1,1,2,3\n", "dev": "So?,Ann,neutral,0,0,1,2\n"}
    (tmp_path / "meld").mkdir()
    for part in ("train", "dev", "test"):
        (tmp_path / f"meld/{part}_sent_emo.csv").write_text(header + rows.get(part, rows["dev"]))
    return tmp_path


def test_two_beds_of_one_name_are_refused(recipes, tmp_path):
    other = shutil.copy(recipes[0], tmp_path / "one.yaml")
    assert "two beds of the name 'one'" in run(tmp_path / "out", (recipes[0], other)).returncode


def test_stores_are_made_once_and_checked(data, tmp_path):
    stores = programs.module("stores")
    stream = Stream(modality="audio", dimension=3, quality=2.0)
    sources = {"meld": stores.Source("meld"), "small": stores.Source("meld", (stream,), seed=5, sets=2)}
    with mock.patch.object(stores, "SET_SIZE", 1):
        made = stores.opened("small", data, tmp_path / "stores", sources)
    assert [spec.key for spec in made.feature_schema] == ["text/minilm", "audio/planted"]
    assert planted_streams(made)["audio"].seed == 5
    sets = [made.splits[f"set-{n}"].parts for n in (1, 2)]
    assert {ids for each in sets for ids in each["train"]} == {"0", "1"} and len(sets[0]["train"]) == 1
    assert all(each["validation"] == ("1039",) for each in sets)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "stores").rglob("*") if path.is_file()}
    assert stores.opened("small", data, tmp_path / "stores", sources).splits.keys() == made.splits.keys()
    assert stores.opened("small", tmp_path / "gone", tmp_path / "stores", sources).splits.keys() == made.splits.keys()
    assert {path: path.stat().st_mtime_ns for path in files} == files
    other = {**sources, "small": stores.Source("meld", (stream,), seed=6, sets=2)}
    with pytest.raises(StoreError, match="small: was made of other seed; remove it, or give another --stores"):
        stores.opened("small", data, tmp_path / "stores", other)
    (data / "meld/LICENSE").write_text("Changed.")
    with pytest.raises(StoreError, match="meld: was made of other content"):
        stores.opened("small", data, tmp_path / "stores", sources)


def test_the_small_bed_has_five_draws_of_two_corpora():
    rounds = programs.module("rounds")
    assert [draw.name for draw in rounds.BEDS["small"]] == [
        *(f"small-meld-{n}" for n in (1, 2, 3)),
        *(f"small-emorynlp-{n}" for n in (1, 2)),
    ]
    for draws in rounds.BEDS.values():
        assert all(draw.store in rounds.STORES and draw.base.is_file() for draw in draws)


def predictions(draw, corpus, names, generator, size, repeats=1):
    """Random truth, and predictions of two arms with two seeds."""
    scores = programs.module("scores")
    labels = generator.integers(0, len(names), size)
    said = [Utterance(str(i), "Ann", label=names[c]) for i, c in enumerate(labels)]
    conversations = [Conversation(str(at), tuple(said[at : at + 3]), {}) for at in range(0, size, 3)]
    true, conversation = scores.labels_of(conversations, LabelSet(names=names), repeats)
    found = {
        arm: {seed: generator.dirichlet(np.ones(len(names)), len(true)).astype(np.float32) for seed in range(2)}
        for arm in ("cmath", "rival")
    }
    return scores.Predictions(draw, corpus, LabelSet(names=names), true, conversation, found)


def test_draws_of_several_corpora_are_judged_together():
    scores, generator = programs.module("scores"), np.random.default_rng(0)
    meld = predictions("meld-1", "meld", ("calm", "cross"), generator, 30)
    again = scores.Predictions(
        "meld-2", "meld", meld.label_set, meld.true, meld.conversation, {"cmath": meld.probabilities["rival"], "rival": {}}
    )
    emory = predictions("emory-1", "emory", ("sad", "mad", "glad"), generator, 24, repeats=2)
    both = scores.scores_of([meld, emory], [["rival"]])
    assert scores.scores_of([meld, again, emory], [["rival"]]).keys() == {"cmath"}, "no seed of the rival is judged on every draw"

    def f1(draw, arm, seed):
        return f1_score(draw.true, draw.probabilities[arm][seed].argmax(axis=1), average="weighted")

    for arm in ("cmath", "rival"):
        expected = [(30 * f1(meld, arm, seed) + 48 * f1(emory, arm, seed)) / 78 for seed in range(2)]
        assert both[arm].weighted_f1.values == pytest.approx(expected)
    assert both["rival"].difference.conversations == 10 + 8
    assert both["rival"].by_draw.keys() == {"meld-1", "emory-1"}
    alone = scores.scores_of([meld], [["rival", "planned"]])["rival"].difference

    def tallied(arm):
        predicted = np.stack([meld.probabilities[arm][seed].argmax(axis=1) for seed in range(2)])
        return tally(meld.true, predicted[None], meld.conversation, 2)

    known = compare(tallied("cmath"), tallied("rival"), np.random.default_rng(0))
    assert (alone.low, alone.high, alone.p) == pytest.approx((known.low, known.high, known.p))
    assert alone.p_holm == pytest.approx(min(1, 2 * known.p)), "an arm without a result counts"
