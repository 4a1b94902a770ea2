"""Tuning a text model: it learns what words tell, the same from the same seed, and its mask is that of the encoder."""

import numpy as np
import pytest

from labelled_talks import LABELS, talks
from merc.encoders.adapter import adapter_from
from merc.encoders.dialogue import DialogueEncoder
from merc.errors import DataError, MissingExtraError, RunError
from merc.training.text_tuning import TextTuningConfig, tune
from tiny_text_model import build_plain


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(build_plain(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def config(base):
    return TextTuningConfig(encoder="unused", base=base, rank=4, epochs=8, learning_rate=0.03, tokens_per_batch=64, folds=2)


@pytest.fixture(scope="module")
def adapter(config):
    return tune(talks(30), LABELS, config)


def separation(encoder):
    """How far apart the classes' means lie, in deviations within them, on talks that were not seen."""
    unseen = talks(20, seed=1)
    rows = np.concatenate(encoder.encode(unseen))
    labels = np.array([LABELS.index(u.label) for c in unseen for u in c.utterances])
    means = np.stack([rows[labels == c].mean(axis=0) for c in range(2)])
    within = np.sqrt(((rows - means[labels]) ** 2).mean())
    return np.linalg.norm(means[0] - means[1]) / within


def test_it_learns_what_tells_the_classes_apart(adapter, config):
    nothing = adapter_from(tune(talks(30), LABELS, config.model_copy(update={"learning_rate": 1e-9})).to_bytes(), "x")
    assert separation(DialogueEncoder(adapter)) > 2 * separation(DialogueEncoder(nothing))


def test_every_matrix_of_the_layers_is_changed(adapter):
    assert len(adapter.pairs) == 2 * 6  # query, key, value and three dense ones in each of two layers
    assert all(np.abs(b).max() > 0 for _, b in adapter.pairs.values())
    assert not any("pooler" in name or "embeddings" in name for name in adapter.pairs)


def test_the_same_seed_gives_the_same_adapter(adapter, config):
    assert tune(talks(30), LABELS, config).version == adapter.version
    assert tune(talks(30), LABELS, config.model_copy(update={"seed": 1})).version != adapter.version


def test_steps_are_told(config):
    told = []
    tune(talks(5), LABELS, config.model_copy(update={"epochs": 2}), lambda done, total: told.append((done, total)))
    assert told == [(n + 1, len(told)) for n in range(len(told))] and told


def test_nothing_to_learn_from(config):
    with pytest.raises(DataError, match="no utterance has both a transcript and a label"):
        tune(talks(3, labelled=False), LABELS, config)


def test_a_rate_that_is_too_high_is_told(config):
    with pytest.raises(RunError, match=r"text tuning: the loss is nan at step \d+; try a lower text_tuning.learning_rate"):
        tune(talks(10), LABELS, config.model_copy(update={"learning_rate": 1e30}))


def test_a_missing_extra_is_told(config, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"tuning a text model needs the optional extra 'tune'"):
        tune(talks(2), LABELS, config)
