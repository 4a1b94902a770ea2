"""A study whose base takes features that its store lacks: they are made once, and all arms train on the same vectors."""

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import yaml

from labelled_talks import talks_with_audio
from merc.data.schema import Conversation, FeatureSpec
from merc.data.store.store import open_store, save_store
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import FeatureError, RecipeError, RunError
from merc.inference.loading import load
from merc.runs.corpus import prepared
from merc.runs.evaluation import evaluate
from merc.studies import runner
from merc.studies.mistakes import transcripts_store, words_of
from merc.studies.plan import all_tasks
from merc.studies.study import open_study
from merc.studies.summary import summarise
from merc.studies.task import is_done
from merc.training.recipe import load_recipe
from merc.training.text import cross_fitting
from studies.inline import in_this_process
from tiny_text_model import build_plain

SMALL = ("rivals=[majority, unimodal]", "ablations=[central-text]", "seeds={cmath: 1, strongest: 1, rivals: 1, ablations: 1}")


@pytest.fixture(scope="module")
def talks_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talks") / "store"
    save_store(talks_with_audio(), folder)
    return folder


@pytest.fixture(scope="module")
def text_model(tmp_path_factory):
    return build_plain(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def tuned_study(study_recipe, talks_store, text_model, tmp_path):
    """Path of a study whose base tunes its text encoder and takes derived audio features."""
    base = study_recipe.parent / "small.yaml"
    values = yaml.safe_load(base.read_text())
    values["data"] = {"store": str(talks_store), "features": {"text": "tuned", "audio": "praat-relative"}}
    values["text_tuning"] = {"encoder": str(tmp_path / "encoder"), "base": str(text_model), "rank": 2, "epochs": 1, "folds": 2}
    values["calibration"] = "temperature"
    base.write_text(yaml.safe_dump(values))
    return study_recipe


def trained(opened, out):
    with in_this_process():
        return runner.run_study(opened.plan, out, opened.store, processes=1)


def test_every_arm_trains_on_features_that_are_made_once(tuned_study, talks_store, tmp_path, monkeypatch):
    out, stages = tmp_path / "out", []
    opened = open_study(tuned_study, out, SMALL, progress=lambda *stage: stages.append(stage))
    assert [stage for stage, done, total in stages if done == total] == ["tuning text encoder 1/2", "tuning text encoder 2/2"]
    assert opened.store == out / "store"
    assert trained(opened, out).failed == {}
    assert all(is_done(task, out) for task in all_tasks(opened.plan, out, "test"))
    taken = {arm.name: arm.recipe.data.features for arm in opened.plan.arms}
    assert taken["cmath"] == {"text": "tuned", "audio": "praat-relative"}
    assert (taken["unimodal-text"], taken["unimodal-audio"]) == ({"text": "tuned"}, {"audio": "praat-relative"})
    assert {arm.recipe.text_tuning for arm in opened.plan.arms} == {None}

    corpus = open_store(opened.store)
    expected, _ = prepared(open_store(talks_store), load_recipe(tuned_study.parent / "small.yaml"))
    for conversation, same in zip(corpus.conversations, expected.conversations, strict=True):
        for key in ("text/tuned", "audio/praat-relative"):
            np.testing.assert_allclose(conversation.features[key], same.features[key], atol=1e-5)
    (spec,) = [s for s in load(out / "runs/unimodal-text/seed-0/run").preprocessor.specs if s.modality == "text"]
    assert spec in corpus.feature_schema
    model = out / "runs/cmath/seed-0/run"
    assert evaluate(model).report.coarse.utterances > 0
    with pytest.raises(FeatureError, match="text/tuned needs the adapters of version"):
        load(model).predict([Conversation("raw", corpus.conversations[0].utterances)])

    for function in ("encode", "encode_at"):
        monkeypatch.setattr(DialogueEncoder, function, lambda *_: pytest.fail("nothing is encoded anew"))
    monkeypatch.setattr(cross_fitting, "tune", lambda *_: pytest.fail("nothing is tuned anew"))
    again = open_study(tuned_study, out, SMALL)
    assert again == opened
    summary = summarise(out, "test", transcripts=words_of(transcripts_store(out)))
    assert {arm.name for arm in summary.arms} == {"cmath", "majority", "unimodal-text", "unimodal-audio", "central-text"}
    assert all(mistake.transcript for mistake in summary.mistakes)


def test_another_store_or_other_settings_are_refused(tuned_study, tmp_path):
    out = tmp_path / "out"
    open_study(tuned_study, out, SMALL)
    plan = (out / "plan.json").read_bytes()
    corpus = talks_with_audio()
    first, *others = corpus.conversations
    first = first.with_features({"audio/praat": first.features["audio/praat"] + 1})
    save_store(replace(corpus, conversations=(first, *others)), tmp_path / "other")
    with pytest.raises(RunError, match=r"store was made with other store\. Give another --out"):
        open_study(tuned_study, out, [*SMALL, f"common.data.store={tmp_path / 'other'}"])
    with pytest.raises(RunError, match=r"store was made with other text_tuning\. Give another --out"):
        open_study(tuned_study, out, [*SMALL, "common.text_tuning.rank=3", f"common.text_tuning.encoder={tmp_path / 'new'}"])
    assert (out / "plan.json").read_bytes() == plan


def test_a_foreign_folder_is_refused_before_the_tuning(tuned_study, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="holds no study"):
        open_study(tuned_study, tmp_path, SMALL)
    assert not (tmp_path / "encoder").exists()


def test_a_study_that_is_killed_before_it_has_a_plan_goes_on(tuned_study, tmp_path, monkeypatch):
    """What its store holds is not made again: encoding anew may give other last digits, and so another study."""
    import merc.studies.study

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(merc.studies.study, "keep_plan", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            open_study(tuned_study, out, SMALL)
    assert [path.name for path in out.iterdir()] == ["store"]
    with monkeypatch.context() as patch:
        patch.setattr(merc.studies.study, "prepared", Mock(side_effect=AssertionError))
        opened = open_study(tuned_study, out, SMALL)
    assert opened == open_study(tuned_study, out, SMALL) and (out / "plan.json").is_file()
    (tmp_path / "mine" / "store" / "meld").mkdir(parents=True)
    with pytest.raises(RunError, match="holds no study"):
        open_study(tuned_study, tmp_path / "mine", SMALL)


def test_derived_features_alone_need_no_tuning_and_several_splits_no_refusal(tuned_study, talks_store, tmp_path):
    corpus = open_store(talks_store)
    split = corpus.splits["official"]
    swapped = {"train": split.parts["train"], "validation": split.parts["test"], "test": split.parts["validation"]}
    folds = {"official": split, "other": replace(split, name="other", parts=swapped)}
    save_store(replace(corpus, splits=folds), tmp_path / "folds")
    options = [*SMALL, "ablations=[]", "splits=[official, other]", f"common.data.store={tmp_path / 'folds'}"]
    with pytest.raises(RecipeError, match="tunes a text encoder on the training part of one split; the study has official, other"):
        open_study(tuned_study, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()
    audio = [*options, "common.data.features={audio: praat-relative}", "common.text_tuning=null"]
    opened = open_study(tuned_study, tmp_path / "out", audio)
    spec = FeatureSpec.model_validate({**opened.plan.features["audio"], "modality": "audio"})
    assert (spec.name, spec.dimension) == ("praat-relative", 16)
    assert trained(opened, tmp_path / "out").failed == {}


def test_a_feature_that_nothing_makes_is_refused(tuned_study, tmp_path):
    options = [*SMALL, "common.data.features={audio: opensmile}", "common.text_tuning=null"]
    with pytest.raises(FeatureError, match=r"modality 'audio' has no feature 'opensmile'; it offers: praat"):
        open_study(tuned_study, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_what_a_study_needs_of_its_store_only_leaves_no_store_behind(study_recipe, study_store, tmp_path):
    opened = open_study(study_recipe, tmp_path / "out")
    assert opened.store == study_store and not (tmp_path / "out" / "store").exists()
