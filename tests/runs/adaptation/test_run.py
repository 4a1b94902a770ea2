"""An adaptation from its corpus to its saved model: what helps is taken, what does not is left, and the report tells the truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import merc
from merc.data.schema import LabelSet
from merc.errors import DataError, FeatureError, RunError
from merc.runs.adaptation.run import adapt
from merc.synthetic.conversations import SyntheticConfig, synthesise
from merc.synthetic.planting import Stream
from merc.training.adaptation import AdaptationConfig

QUICK = AdaptationConfig(epochs=1)
FREE = AdaptationConfig(epochs=1, pull=1.0)  # a tiny network needs long weights
CLASSES = ("calm", "cross", "glad")
STREAMS = (
    Stream(modality="text", dimension=6, quality=3.0, noise=0.1, absent=0.1),
    Stream(modality="audio", dimension=5, quality=2.0, noise=0.2, absent=0.15),
)


def talks(conversations=14):
    sizes = {"train": conversations, "validation": 1, "test": 1, "length": (4, 8), "speakers": (2, 2)}
    corpus = synthesise(SyntheticConfig(**sizes, classes=CLASSES, streams=STREAMS))
    return replace(corpus, conversations=corpus.part("official", "train"), splits={})


def relabelled(corpus, names):
    """The corpus with label k of its set called `names[k]`."""
    renamed = dict(zip(corpus.label_set.names, names, strict=True))
    conversations = tuple(
        replace(c, utterances=tuple(replace(u, label=renamed[u.label]) for u in c.utterances)) for c in corpus.conversations
    )
    return replace(corpus, label_set=LabelSet(names=tuple(dict.fromkeys(names))), conversations=conversations)


@pytest.fixture(scope="module")
def own(tiny_recipe, tmp_path_factory):
    """A model that was trained on talks like those that it is adapted to."""
    corpus = synthesise(
        SyntheticConfig(train=40, validation=8, test=2, length=(4, 8), speakers=(2, 2), classes=CLASSES, streams=STREAMS)
    )
    recipe = tiny_recipe(training={"epochs": 12})
    return merc.train(recipe, tmp_path_factory.mktemp("own") / "run", corpus=corpus).recogniser


@pytest.fixture(scope="module")
def swapped():
    """Talks in which two labels mean each other."""
    return relabelled(talks(), ("cross", "calm", "glad"))


@pytest.fixture(scope="module")
def steps():
    """What the hook of `run` is told."""
    return []


@pytest.fixture(scope="module")
def run(own, swapped, steps, tmp_path_factory):
    """The model adapted to them."""
    return adapt(swapped, tmp_path_factory.mktemp("swapped") / "run", model=own, config=FREE, progress=lambda *s: steps.append(s))


def predicted(model, corpus):
    judged = model.predict(corpus.conversations, corpus.feature_schema)
    return [u.emotion for conversation in judged for u in conversation.utterances]


def test_a_model_whose_labels_mean_something_else_here_is_adapted(own, swapped, run):
    report = run.report
    assert not report.kept
    assert report.depth in ("heads", "all")
    assert report.new_labels == ()
    assert report.labels == own.label_set.names
    assert report.arms["adapted"].weighted_f1 > report.arms["as it is"].weighted_f1 + 0.2
    assert report.differences["as it is"].verdict == "better"
    true = [u.label for c in swapped.conversations for u in c.utterances]
    right = np.mean([a == b for a, b in zip(predicted(run.recogniser, swapped), true, strict=True)])
    assert right > np.mean([a == b for a, b in zip(predicted(own, swapped), true, strict=True)]) + 0.2


def test_a_model_that_is_right_already_is_kept(own, tmp_path):
    run = adapt(talks(), tmp_path / "run", model=own, config=QUICK)
    assert run.report.kept
    assert run.report.differences["as it is"].verdict != "better"
    assert merc.load(tmp_path / "run").weights_sha256() == own.weights_sha256() == run.report.weights
    assert merc.load(tmp_path / "run").temperature == own.temperature


def test_other_labels_get_classifiers_of_their_own(own, tmp_path):
    renamed = relabelled(talks(), ("bored", "furious", "glad"))
    report = adapt(renamed, tmp_path / "run", model=own, config=QUICK).report
    assert report.new_labels == ("bored", "furious")
    assert set(report.arms) == {"adapted", "from nothing", "majority"}
    assert set(report.differences) == {"from nothing"}
    assert report.arms["adapted"].weighted_f1 > report.arms["majority"].weighted_f1
    saved = merc.load(tmp_path / "run")
    assert saved.label_set.names == ("bored", "furious", "glad")
    again = adapt(renamed, tmp_path / "again", model=saved, config=QUICK)
    assert again.report.new_labels == ()


def test_some_of_the_models_labels_leave_it_its_label_set(own, tmp_path):
    corpus = relabelled(talks(), ("calm", "cross", "cross"))
    assert corpus.label_set.names == ("calm", "cross")
    report = adapt(corpus, tmp_path / "run", model=own, config=QUICK).report
    assert report.labels == CLASSES
    assert "as it is" in report.arms


def test_what_is_saved_is_what_was_returned_with_its_report_and_card(swapped, run):
    saved = merc.load(run.folder)
    assert [p.name for p in run.folder.iterdir()] == ["model"]
    assert predicted(saved, swapped) == predicted(run.recogniser, swapped)
    kept = json.loads((run.folder / "model" / "adaptation.json").read_text())
    assert kept == run.report.model_dump(mode="json")
    assert saved.record.scores["weighted_f1"] == run.report.arms["adapted"].weighted_f1
    assert saved.record.corpus["adapted from"] == "tiny, trained on synthetic"
    assert saved.name == "tiny, adapted to synthetic"
    card = (run.folder / "model" / "README.md").read_text()
    assert "Scores on the conversations that 5-fold cross-validation over 14 conversations held out" in card


def test_it_is_the_same_every_time_and_leaves_model_and_generators_as_they_were(own, swapped, run, tmp_path):
    before, state = own.weights_sha256(), torch.random.get_rng_state()
    again = adapt(swapped, tmp_path / "again", model=own, config=FREE)
    assert own.weights_sha256() == before
    assert torch.equal(torch.random.get_rng_state(), state)
    assert again.report == run.report
    assert again.recogniser.weights_sha256() == run.recogniser.weights_sha256()


def test_unlabelled_conversations_have_no_part_and_unlabelled_utterances_are_context(own, tmp_path):
    corpus = talks()
    first, *rest = corpus.conversations
    bare = replace(first, id="bare", utterances=tuple(replace(u, label=None) for u in first.utterances))
    partly = replace(first, utterances=(replace(first.utterances[0], label=None), *first.utterances[1:]))
    report = adapt(replace(corpus, conversations=(bare, partly, *rest)), tmp_path / "run", model=own, config=QUICK).report
    assert report.conversations == 14
    assert report.utterances == corpus.utterance_count - 1


def test_progress_ends_where_it_said_it_would(run, steps):
    assert not run.report.kept
    counted = [step for step in steps if step[0] == "adapting"]
    assert [done for _, done, _ in counted] == list(range(1, len(counted) + 1))
    assert counted[-1][1] == counted[-1][2]


def test_what_cannot_be_adapted_is_refused_and_nothing_is_left(own, trained, tiny_corpus, rival_config, tmp_path):
    corpus, out = talks(), tmp_path / "run"
    with pytest.raises(DataError, match=r"has 9 conversation\(s\) with labels; adapting needs 10"):
        adapt(replace(corpus, conversations=corpus.conversations[:9]), out, model=own)
    calm = tuple(
        replace(c, utterances=tuple(replace(u, label=u.label and "calm") for u in c.utterances)) for c in corpus.conversations
    )
    with pytest.raises(DataError, match="has no label but 'calm'; adapting needs two"):
        adapt(replace(corpus, conversations=calm), out, model=own)
    rival = trained(model=rival_config)
    with pytest.raises(RunError, match="is no CMATH"):
        adapt(tiny_corpus, out, model=rival.recogniser)
    without = tuple(replace(c, features={}) for c in corpus.conversations)
    with pytest.raises(FeatureError, match="neither words nor a feature that the model takes"):
        adapt(replace(corpus, conversations=without), out, model=own)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    with pytest.raises(RunError, match="already exists"):
        adapt(corpus, out, model=own)
    assert [p.name for p in out.iterdir()] == ["mine.txt"]


def test_a_modality_that_is_missing_here_may_be_central_in_the_model(tiny_recipe, tmp_path):
    whole = synthesise(
        SyntheticConfig(train=12, validation=2, test=1, length=(4, 6), speakers=(2, 2), classes=CLASSES, streams=STREAMS)
    )
    model = merc.train(tiny_recipe(model={"central": ["audio"]}), tmp_path / "own", corpus=whole).recogniser
    talk = tuple(replace(c, features={"text/planted": c.features["text/planted"]}) for c in talks().conversations)
    report = adapt(replace(talks(), conversations=talk), tmp_path / "run", model=model, config=QUICK).report
    assert report.modalities == ("text",)


def test_conversations_that_were_trained_on_or_are_there_twice_are_told(own, swapped, tmp_path):
    called = own.record.corpus["name"]
    twice = tuple(
        replace(c, utterances=tuple(replace(u, words=f"{min(k, 12)} {t}") for t, u in enumerate(c.utterances)))
        for k, c in enumerate(replace(c, utterances=c.utterances) for c in swapped.conversations)
    )
    same = tuple(replace(twice[0], id=f"again-{n}") for n in range(2))
    corpus = replace(swapped, name=called, conversations=(*twice[:10], *same))
    first, second = adapt(corpus, tmp_path / "run", model=own, config=QUICK).report.warnings
    assert f"was trained on a corpus called {called}, too" in first
    assert f"1 group(s) of conversations have the same words throughout, the first is {twice[0].id}, again-0, again-1:" in second


def test_an_interrupt_leaves_nothing(own, swapped, tmp_path):
    def interrupt(stage, done, total):
        if stage == "adapting":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(swapped, tmp_path / "deep" / "run", model=own, config=QUICK, progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_evaluating_an_adaptation_names_where_its_scores_are(run):
    with pytest.raises(RunError, match=r"was adapted by cross-validation, whose scores are in .*adaptation\.json"):
        merc.evaluate(run.folder)
