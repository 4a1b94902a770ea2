"""Cross-fitting: no conversation is encoded by an encoder that saw it, and what is done is never done again."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from labelled_talks import LABELS, talks
from merc.encoders.text.adapter import adapter_from, joint_version
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import RunError
from merc.training.text import cross_fitting
from merc.training.text.cross_fitting import cross_fitted
from merc.training.text.tuning import TextTuningConfig, tune
from tiny_text_model import build_plain

FILES = {
    "tuning.json",
    "checksums.json",
    "fold-1.safetensors",
    "fold-2.safetensors",
    "fold-3.safetensors",
    "features.safetensors",
}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    base = str(build_plain(folder / "tiny"))
    return TextTuningConfig(
        encoder=str(folder / "kept"), base=base, rank=2, epochs=1, learning_rate=0.01, batch_utterances=8, folds=3
    )


@pytest.fixture(scope="module")
def train():
    return talks(8)


@pytest.fixture(scope="module")
def tuned(config, train):
    return cross_fitted(train, LABELS, config)


def test_each_conversation_is_encoded_by_an_encoder_that_did_not_see_it(tuned, config, train):
    folder = Path(config.encoder)
    assert {path.name for path in folder.iterdir()} == FILES
    encoders = [DialogueEncoder([adapter_from((folder / f"fold-{n}.safetensors").read_bytes(), "x")]) for n in (1, 2, 3)]
    makers = {}
    for conversation in train:
        made = [np.allclose(e.encode([conversation])[0], tuned.train[conversation.id], atol=1e-5) for e in encoders]
        assert sum(made) == 1
        makers[conversation.id] = made.index(True)
    assert sorted(np.bincount(list(makers.values()))) == [2, 3, 3]
    for fold, encoder in enumerate(encoders):
        others = [c for c in train if makers[c.id] != fold]
        assert joint_version([tune(others, LABELS, config)]) == encoder.version


def test_the_encoder_is_that_of_all_folds(tuned, config):
    folder = Path(config.encoder)
    kept = [adapter_from((folder / f"fold-{n}.safetensors").read_bytes(), "x") for n in (1, 2, 3)]
    assert joint_version(kept) == tuned.spec.version == DialogueEncoder(tuned.adapters).version
    assert len({adapter.version for adapter in tuned.adapters}) == 3
    assert (tuned.spec.key, tuned.spec.dimension, tuned.spec.encoder) == ("text/tuned", 16, "dialogue")


def test_all_runs_on_the_device_that_is_asked_for(config, train, tmp_path, monkeypatch):
    asked = []

    def tuned_there(conversations, labels, settings, progress, device):
        asked.append(("tune", device))
        return tune(conversations, labels, settings, progress)

    def encoder_there(adapters, device):
        asked.append(("encode", device))
        return DialogueEncoder(adapters)

    monkeypatch.setattr(cross_fitting, "tune", tuned_there)
    monkeypatch.setattr(cross_fitting, "DialogueEncoder", encoder_there)
    cross_fitted(train, LABELS, config.model_copy(update={"encoder": str(tmp_path / "kept")}), device="cuda:7")
    assert asked == [("tune", "cuda:7"), ("encode", "cuda:7")] * 3


def test_what_is_kept_is_taken_up(tuned, config, train, monkeypatch):
    monkeypatch.setattr(cross_fitting, "tune", None)
    monkeypatch.setattr(cross_fitting, "DialogueEncoder", None)
    again = cross_fitted(train, LABELS, config)
    assert again.spec == tuned.spec
    assert all((again.train[c.id] == tuned.train[c.id]).all() for c in train)


def test_a_tuning_that_was_stopped_goes_on(tuned, config, train, tmp_path):
    other = config.model_copy(update={"encoder": str(tmp_path / "kept")})
    told = []

    def stop(stage, done, total):
        told.append(stage)
        if stage.endswith("3/3") and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_fitted(train, LABELS, other, stop)
    assert {path.name for path in (tmp_path / "kept").iterdir()} == FILES - {"fold-3.safetensors", "features.safetensors"}
    told.clear()
    again = cross_fitted(train, LABELS, other, lambda stage, *_: told.append(stage))
    assert set(told) == {"tuning text encoder 3/3"}
    assert again.spec == tuned.spec
    assert all(np.allclose(again.train[c.id], tuned.train[c.id], atol=1e-5) for c in train)


def test_damaged_features_are_made_anew(tuned, config, train, tmp_path):
    shutil.copytree(config.encoder, tmp_path / "kept")
    (tmp_path / "kept/features.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0junk")
    again = cross_fitted(train, LABELS, config.model_copy(update={"encoder": str(tmp_path / "kept")}))
    assert all(np.allclose(again.train[c.id], tuned.train[c.id], atol=1e-5) for c in train)


def test_a_damaged_fold_is_refused_by_its_name(tuned, config, train, tmp_path):
    shutil.copytree(config.encoder, tmp_path / "kept")
    kept = config.model_copy(update={"encoder": str(tmp_path / "kept")})
    path = tmp_path / "kept/fold-2.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(RunError, match=rf"^{path}: damaged, or changed since it was saved"):
        cross_fitted(train, LABELS, kept)
    (tmp_path / "kept/checksums.json").unlink()  # as of an older version
    with pytest.warns(UserWarning, match=r"no checksums\.json"):
        cross_fitted(train, LABELS, kept)
    assert not (tmp_path / "kept/checksums.json").exists()


def test_features_of_another_sum_are_made_anew(tuned, config, train, tmp_path):
    shutil.copytree(config.encoder, tmp_path / "kept")
    path = tmp_path / "kept/features.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    again = cross_fitted(train, LABELS, config.model_copy(update={"encoder": str(tmp_path / "kept")}))
    assert all(np.allclose(again.train[c.id], tuned.train[c.id], atol=1e-5) for c in train)


def test_another_ones_folder_is_refused(tuned, config, train, tmp_path):
    with pytest.raises(RunError, match=r"was tuned with other settings; name another folder with text_tuning.encoder"):
        cross_fitted(train, LABELS, config.model_copy(update={"rank": 3}))
    with pytest.raises(RunError, match="was tuned with other training part"):
        cross_fitted(train[:-1], LABELS, config)
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(RunError, match="holds something else than a tuned encoder"):
        cross_fitted(train, LABELS, config.model_copy(update={"encoder": str(tmp_path)}))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_more_folds_than_conversations(config, train, tmp_path):
    with pytest.raises(RunError, match=r"text_tuning\.folds is 3; the training part has 2 conversations"):
        cross_fitted(train[:2], LABELS, config.model_copy(update={"encoder": str(tmp_path / "x")}))
    assert not (tmp_path / "x").exists()
