"""Tuning a text model: it learns what words tell, the same from the same seed, and its mask is that of the encoder."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from labelled_talks import LABELS, talks
from merc.data.schema import Conversation, Utterance
from merc.encoders.text.adapter import adapter_from
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import DataError, RunError
from merc.training.text.tuning import TextTuningConfig, has_bfloat16, low_rank, tune
from tiny_text_model import build_plain


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(build_plain(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def config(base):
    return TextTuningConfig(encoder="unused", base=base, rank=4, epochs=8, learning_rate=0.01, batch_utterances=8, folds=2)


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
    assert separation(DialogueEncoder([adapter])) > 2 * separation(DialogueEncoder([nothing]))


def test_every_matrix_of_the_layers_is_changed(adapter):
    assert len(adapter.pairs) == 2 * 6  # query, key, value and three dense ones in each of two layers
    assert all(np.abs(b).max() > 0 for _, b in adapter.pairs.values())
    assert not any("pooler" in name or "embeddings" in name for name in adapter.pairs)


def test_its_file_holds_what_was_learned(adapter):
    kept = adapter_from(adapter.to_bytes(), "x")
    for name, pair in adapter.pairs.items():
        for learned, read in zip(pair, kept.pairs[name], strict=True):
            np.testing.assert_array_equal(read, learned)


def test_the_same_seed_gives_the_same_adapter(adapter, config):
    assert tune(talks(30), LABELS, config).version == adapter.version
    assert tune(talks(30), LABELS, config.model_copy(update={"seed": 1})).version != adapter.version


def test_steps_are_told(config):
    told = []
    tune(talks(5), LABELS, config.model_copy(update={"epochs": 2}), lambda *step: told.append(step))
    assert told == [("tuning text encoder", n + 1, len(told)) for n in range(len(told))] and told


def test_the_callers_random_numbers_stay_as_they_are(config):
    before = torch.get_rng_state()
    tune(talks(3), LABELS, config.model_copy(update={"epochs": 1}))
    assert torch.equal(torch.get_rng_state(), before)


def test_auto_is_half_precision_only_where_the_processor_has_it(config, monkeypatch):
    def version(precision):
        return tune(talks(5), LABELS, config.model_copy(update={"epochs": 1, "precision": precision})).version

    versions = {precision: version(precision) for precision in ("float32", "bfloat16")}
    assert versions["float32"] != versions["bfloat16"]
    for name, has, expected in (("avx512_bf16", True, "bfloat16"), ("avx512_bf16", False, "float32"), ("avx2", True, "float32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name, has=has: {name: has, "cpu_name": "bf16"})
        assert version("auto") == versions[expected]
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not has_bfloat16(torch.device("cpu"))


def test_a_long_utterance_is_learned_from_to_its_end(config):
    def version(end):
        utterance = Utterance("0", "a", words="i am so happy today ! " * 20 + end, label="glad")
        return tune([Conversation("c", (utterance,))], LABELS, config.model_copy(update={"epochs": 1})).version

    assert version("leave") != version("happy")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_it_tunes_on_the_device_that_is_asked_for(config):
    before = torch.cuda.get_rng_state()
    adapter = tune(talks(30), LABELS, config, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert separation(DialogueEncoder([adapter], "cuda")) > 1


def test_nothing_to_learn_from(config):
    with pytest.raises(DataError, match="no utterance has both a transcript and a label"):
        tune(talks(3, labelled=False), LABELS, config)


def test_a_rate_that_is_too_high_is_told(config):
    with pytest.raises(RunError, match=r"text tuning: the loss is nan at step \d+; try a lower text_tuning.learning_rate"):
        tune(talks(10), LABELS, config.model_copy(update={"learning_rate": 1e30}))


def test_the_kept_change_is_the_best_of_its_rank():
    change = torch.randn(12, 7, generator=torch.Generator().manual_seed(0)) * 0.01
    kept = [torch.from_numpy(b.astype(np.float32) @ a.astype(np.float32)) for a, b in (low_rank(change, r) for r in (1, 3, 7, 50))]
    errors = [float((change - k).norm()) for k in kept]
    values = torch.linalg.svdvals(change)
    wanted = [float(values[r:].norm()) for r in (1, 3, 7, 7)]
    np.testing.assert_allclose(errors, wanted, atol=1e-4)
    assert errors[2] < 1e-4 and [low_rank(change, r)[0].shape for r in (3, 50)] == [(3, 7), (7, 7)]


def test_a_linear_head_reads_the_vectors(config):
    encoder = DialogueEncoder([tune(talks(30), LABELS, config.model_copy(update={"rank": 16, "epochs": 16}))])
    rows, labels = [], []
    for part in (talks(30), talks(20, seed=1)):
        rows.append(np.concatenate(encoder.encode(part)))
        labels.append([LABELS.index(u.label) for c in part for u in c.utterances])
    head = LogisticRegression(max_iter=1000).fit(rows[0], labels[0])
    assert head.score(rows[1], labels[1]) > 0.8  # half of them by chance
