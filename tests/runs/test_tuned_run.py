"""A recipe that tunes its own text encoder and takes derived features, from the corpus to a saved model that judges raw words."""

import json
import shutil

import numpy as np
import pytest

from labelled_talks import LABELS, talks_with_audio
from merc.data.schema import Conversation
from merc.encoders.derivation import PRAAT
from merc.encoders.text.adapter import adapter_file
from merc.errors import FeatureError, MissingExtraError, RecipeError, RunError
from merc.evaluation.report import Conditions
from merc.files.checksums import CHECKSUMS, sha256, write_checksums
from merc.inference.loading import load
from merc.inference.saved import CONFIG
from merc.runs.evaluation import evaluate
from merc.runs.training import train
from tiny_text_model import build_plain


@pytest.fixture(scope="module")
def corpus():
    return talks_with_audio()


@pytest.fixture(scope="module")
def recipe(tiny_recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    tuning = {"encoder": str(folder / "kept"), "base": str(build_plain(folder / "tiny")), "rank": 3, "epochs": 2, "folds": 2}
    return tiny_recipe(
        data={"features": {"text": "tuned", "audio": "praat-relative"}},
        text_tuning={**tuning, "learning_rate": 0.01, "batch_utterances": 8},
        calibration="temperature",
    )


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def run(corpus, recipe, tmp_path_factory, told):
    return train(recipe, tmp_path_factory.mktemp("runs") / "run", corpus=corpus, progress=lambda *steps: told.append(steps))


def raw(corpus, part):
    return [Conversation(c.id, c.utterances, {PRAAT.key: c.features[PRAAT.key]}) for c in corpus.part("official", part)]


def test_it_trains_tells_and_saves_what_it_needs(run, told):
    assert {stage for stage, _, _ in told} == {"tuning text encoder 1/2", "tuning text encoder 2/2", "training"}
    assert all(0 < done <= total for _, done, total in told)
    files = {"adapter-1.safetensors", "adapter-2.safetensors", "model.safetensors", "config.json", "checksums.json", "README.md"}
    assert {path.name for path in (run.folder / "model").iterdir()} == files
    assert len(run.recogniser.adapters) == 2 and run.recogniser.temperature != 1.0


def test_the_card_and_the_config_name_no_folder(run, recipe):
    folder = str(recipe.text_tuning.encoder).removesuffix("/kept")
    for name in ("README.md", CONFIG):
        text = (run.folder / "model" / name).read_text()
        assert folder not in text and "text_tuning" in text


def test_a_loaded_model_says_the_same_of_raw_words_as_of_the_corpus(run, corpus):
    model = load(run.folder)
    (judged, *_) = model.predict(raw(corpus, "validation"))
    evaluation = evaluate(run.folder, part="validation", corpus=corpus)
    rows = [[u.probabilities[name] for name in LABELS.names] for u in judged.utterances]
    np.testing.assert_allclose(evaluation.predictions.probabilities[: len(rows)], rows, atol=1e-5)
    assert model.temperature == pytest.approx(run.recogniser.temperature)
    assert evaluation.report.coarse.negative_log_likelihood == pytest.approx(
        run.recogniser.record.scores["negative_log_likelihood"], abs=1e-5
    )


def test_temperature_changes_no_label_and_fits_better(run, corpus):
    model = load(run.folder)
    scaled = evaluate(run.folder, corpus=corpus)
    samples = [model.preprocessor.sample(c) for c in model.features.complete(raw(corpus, "validation"))[0]]
    model.temperature = 1.0
    plain = np.concatenate([judged.probabilities for judged in model.infer(samples)])
    assert (plain.argmax(axis=1) == scaled.predictions.probabilities.argmax(axis=1)).all()
    true = scaled.predictions.true
    losses = [-np.log(p[np.arange(len(true)), true]).mean() for p in (plain, scaled.predictions.probabilities)]
    assert losses[1] <= losses[0]


def test_a_second_training_takes_up_the_encoder(run, corpus, recipe, tmp_path):
    told = []
    other = recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": 1})})
    again = train(other, tmp_path / "run", corpus=corpus, progress=lambda *steps: told.append(steps))
    assert {stage for stage, _, _ in told} == {"training"}
    assert [a.version for a in again.recogniser.adapters] == [a.version for a in run.recogniser.adapters]


def test_sound_alone_is_judged_too(run, corpus):
    (first, *_) = raw(corpus, "test")
    silent = Conversation("x", tuple(type(u)(u.id, u.speaker) for u in first.utterances), first.features)
    (judged,) = load(run.folder).predict([silent])
    assert all(u.present == ("audio",) for u in judged.utterances)


def test_without_the_text_extra_sound_is_judged_and_the_absence_told(run, corpus, monkeypatch):
    def missing(_self, _spec):
        raise MissingExtraError("train", "the text encoder")

    model = load(run.folder)
    monkeypatch.setattr(type(model.features), "encoder", missing)
    with pytest.warns(UserWarning, match="judged without text: the text encoder needs the optional extra 'train'"):
        judged = model.predict(raw(corpus, "test"))
    assert all(u.present == ("audio",) for c in judged for u in c.utterances)
    assert [(a.utterance_id, a.modality) for a in judged[0].absences] == [(None, "text")]
    (first, *_) = raw(corpus, "test")
    with pytest.raises(MissingExtraError):
        model.predict([Conversation(first.id, first.utterances)])
    report = evaluate(run.folder, corpus=corpus, conditions=Conditions(without=("text",))).report
    assert report.coarse.weighted_f1 > 0
    with pytest.raises(FeatureError, match=r"evaluate without it: --without text"):
        evaluate(run.folder, corpus=corpus)


def resign(folder, name):
    """Gives a changed file the checksum that it would have been saved with."""
    known = json.loads((folder / CHECKSUMS).read_text())
    write_checksums(folder, {**known, name: sha256((folder / name).read_bytes())})


def test_a_missing_or_foreign_adapter_is_told(run, corpus, tmp_path):
    shutil.copytree(run.folder / "model", tmp_path / "model")
    adapter = tmp_path / "model" / adapter_file(2)
    content = adapter.read_bytes()
    adapter.unlink()
    with pytest.raises(RunError, match=r"adapter-2\.safetensors: can't be read: No such file"):
        load(tmp_path / "model")
    adapter.write_bytes(content[:-2] + b"\x00\x01")
    resign(tmp_path / "model", adapter.name)
    with pytest.raises(RunError, match="feature text/tuned needs adapters of version"):
        load(tmp_path / "model")


@pytest.mark.parametrize("temperature", [0, -1, float("inf")])
def test_an_impossible_temperature_is_told(run, tmp_path, temperature):
    shutil.copytree(run.folder / "model", tmp_path / "model")
    config = json.loads((tmp_path / "model" / CONFIG).read_text())
    (tmp_path / "model" / CONFIG).write_text(json.dumps({**config, "temperature": temperature}))
    resign(tmp_path / "model", CONFIG)
    with pytest.raises(RunError, match=r"temperature .*; allowed is a number above 0|Infinity is not a finite number"):
        load(tmp_path / "model")


@pytest.mark.parametrize("change", [{"text_tuning": None}, {"data": {"features": {"audio": "praat-relative"}}}])
def test_a_tuning_without_its_feature_is_refused(recipe, corpus, tiny_recipe, tmp_path, change):
    values = recipe.model_dump(mode="json") | change
    with pytest.raises(RecipeError, match=r"text_tuning and data\.features.text: tuned need one another"):
        train(type(recipe).model_validate(values), tmp_path / "run", corpus=corpus)
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there_is_refused_before_anything_is_tuned(recipe, corpus, tmp_path):
    values = recipe.model_dump(mode="json")
    values["text_tuning"]["encoder"] = str(tmp_path / "encoder")
    values["training"]["device"] = "cuda:99"
    with pytest.raises(RecipeError, match=r"training\.device is 'cuda:99'"):
        train(type(recipe).model_validate(values), tmp_path / "run", corpus=corpus)
    assert not (tmp_path / "encoder").exists()
