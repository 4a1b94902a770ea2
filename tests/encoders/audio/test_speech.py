"""Speech models as sound encoders: tiny ones of every architecture made here, and folders that must be refused."""

import hashlib
import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders.voices import RATE, buzz, noise, syllables, tone
from merc.encoders.audio.speech import ARCHITECTURES, clip_digest, receptive_field, resolve_speech, speech_encoder
from merc.encoders.interface import Encoder
from merc.errors import FeatureError, MissingExtraError, UnsafeFileError

pytest.importorskip("transformers")

LAYERS = {"conv_dim": (8, 8), "conv_kernel": (10, 3), "conv_stride": (5, 4), "num_feat_extract_layers": 2}
SHORTEST = 20  # samples: (3 - 1) * 5 + 10
STEP = 20  # samples


def build(folder: Path, kind: str = "wav2vec2", rate: int = RATE, **settings: Any) -> Path:
    """A model of 2 layers and 16 dimensions with random weights, as transformers saves it."""
    import torch
    from transformers import AutoConfig, AutoModel, Wav2Vec2FeatureExtractor

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    positions = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
    config = AutoConfig.for_model(kind, **{**sizes, **LAYERS, **positions, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModel.from_config(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(sampling_rate=rate, do_normalize=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("models") / "tiny wav2vec2")


@pytest.fixture
def copy(wav2vec2: Path, tmp_path: Path) -> Path:
    """A folder that a test may perturb."""
    return Path(shutil.copytree(wav2vec2, tmp_path / "model"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def change(path: Path, **keys: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def slow_pooled(folder: Path, clip: np.ndarray) -> np.ndarray:
    """One clip through transformers, pooled frame by frame."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    scaled = (clip - clip.mean(dtype=np.float64)) / np.sqrt(clip.var(dtype=np.float64) + 1e-7)
    with torch.no_grad():
        frames = model(torch.tensor(scaled, dtype=torch.float32)[None]).last_hidden_state[0].double().numpy()
    mean = sum(frames) / len(frames)
    return np.concatenate((mean, np.sqrt(sum((frame - mean) ** 2 for frame in frames) / len(frames))))


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_every_architecture_equals_its_slow_twin(kind: str, tmp_path: Path, no_network: None) -> None:
    folder = build(tmp_path / kind, kind)
    encoder = speech_encoder(str(folder))
    assert isinstance(encoder, Encoder)
    assert (encoder.name, encoder.dimension, encoder.modality) == (str(folder), 32, "audio")
    rows = encoder.encode([syllables(2), buzz(200, 0.3)])
    assert rows.dtype == np.float32 and rows.shape == (2, 32)
    for row, clip in zip(rows, [syllables(2), buzz(200, 0.3)], strict=True):
        np.testing.assert_allclose(row, slow_pooled(folder, clip), atol=1e-5)
    assert (rows[:, 16:] > 0).all() and not np.allclose(rows[0], rows[1], atol=1e-2)


def test_a_model_that_normalises_layers_equals_its_slow_twin(tmp_path: Path) -> None:
    folder = build(tmp_path / "large", feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)
    np.testing.assert_allclose(speech_encoder(str(folder)).encode([syllables(2)])[0], slow_pooled(folder, syllables(2)), atol=1e-5)


def test_batch_composition_changes_nothing(wav2vec2: Path) -> None:
    encoder = speech_encoder(str(wav2vec2))
    clips = [tone(200, 0.1), syllables(4), noise(0.02), buzz(90, 1.3), noise(0.7)]
    together = encoder.encode(clips)
    assert np.abs(together - np.concatenate([encoder.encode([clip]) for clip in clips])).max() < 1e-5
    assert np.abs(together - encoder.encode(clips[::-1])[::-1]).max() < 1e-5


def test_absent_clips_are_rows_of_nan(wav2vec2: Path) -> None:
    broken = tone(200)
    broken[7] = np.nan
    told: list[tuple[int, int]] = []
    rows = speech_encoder(str(wav2vec2)).encode(
        [None, tone(200), np.zeros(0, dtype=np.float32), broken], lambda _stage, done, total: told.append((done, total))
    )
    assert np.isnan(rows).all(axis=1).tolist() == [True, False, True, True]
    assert not np.isnan(rows[1]).any()
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert speech_encoder(str(wav2vec2)).encode([]).shape == (0, 32)


def test_a_quarter_of_the_amplitude_changes_next_to_nothing(wav2vec2: Path) -> None:
    loud, quiet = speech_encoder(str(wav2vec2)).encode([syllables(3), syllables(3) / 4])
    assert np.abs(loud - quiet).max() < 1e-2


@pytest.mark.parametrize("samples", [1, 2, SHORTEST - 1, SHORTEST, SHORTEST + STEP])
def test_the_shortest_clips_have_vectors(wav2vec2: Path, samples: int) -> None:
    row = speech_encoder(str(wav2vec2)).encode([noise(samples / RATE)])[0]
    assert np.isfinite(row).all()
    assert (row[16:] == 0).all() == (samples < SHORTEST + STEP)  # one frame has no deviation


def test_a_silent_clip_has_a_vector(wav2vec2: Path) -> None:
    assert np.isfinite(speech_encoder(str(wav2vec2)).encode([np.zeros(RATE, dtype=np.float32)])).all()


def test_a_long_clip_is_read_whole_in_windows_averaged_by_their_lengths(tmp_path: Path) -> None:
    encoder = speech_encoder(str(build(tmp_path / "coarse", conv_stride=(160, 4))))
    clip = np.concatenate((noise(25.0), tone(200, 6.0)))[:-1]
    halves = clip[: (len(clip) + 1) // 2], clip[(len(clip) + 1) // 2 :]
    assert len(halves[0]) == len(halves[1]) + 1
    whole, first, second = encoder.encode([clip, *halves])
    np.testing.assert_allclose(whole, (len(halves[0]) * first + len(halves[1]) * second) / len(clip), atol=1e-6)
    assert np.abs(whole - first).max() > 1e-3, "the end does not count"


def test_a_clip_of_30_seconds_is_one_window(tmp_path: Path) -> None:
    folder = build(tmp_path / "coarse", conv_stride=(160, 4))
    np.testing.assert_allclose(speech_encoder(str(folder)).encode([noise(30.0)])[0], slow_pooled(folder, noise(30.0)), atol=1e-5)


def test_digests_tell_clips_apart() -> None:
    short, long = noise(1.0), noise(31.0)
    assert clip_digest(short) == hashlib.sha256(short.tobytes()).digest() != clip_digest(tone(200))
    assert clip_digest(long) != hashlib.sha256(long.tobytes()).digest(), "the rule for long clips is part of it"


def test_receptive_fields() -> None:
    assert receptive_field((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)) == 400
    assert receptive_field(LAYERS["conv_kernel"], LAYERS["conv_stride"]) == SHORTEST


def test_the_version_is_that_of_configs_and_weights(wav2vec2: Path, copy: Path) -> None:
    version = resolve_speech(str(wav2vec2)).version
    assert len(version) == 16 and int(version, 16) >= 0
    assert speech_encoder(str(wav2vec2)).version == version
    (copy / "README.md").write_text("a model")
    (copy / "vocab.json").write_text("{}")
    assert resolve_speech(str(copy)).version == version
    change(copy / "preprocessor_config.json", do_normalize=False)
    other = resolve_speech(str(copy)).version
    assert other != version
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes() + b" ")
    assert resolve_speech(str(copy)).version not in {version, other}


def test_a_relative_folder_is_named_absolutely(wav2vec2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wav2vec2.parent)
    assert resolve_speech(wav2vec2.name).name == str(wav2vec2.resolve())


def test_weights_in_shards_are_read(tmp_path: Path, wav2vec2: Path) -> None:
    from transformers import AutoModel

    AutoModel.from_pretrained(wav2vec2).save_pretrained(tmp_path / "shards", max_shard_size="5KB")
    shutil.copy(wav2vec2 / "preprocessor_config.json", tmp_path / "shards")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    made = [speech_encoder(str(folder)).encode([syllables(2)]) for folder in (wav2vec2, tmp_path / "shards")]
    assert np.array_equal(*made)


def test_weights_with_a_head_are_read_as_the_model_below_it(tmp_path: Path, wav2vec2: Path) -> None:
    from transformers import AutoModel, Wav2Vec2ForCTC

    headed = Wav2Vec2ForCTC.from_pretrained(wav2vec2, vocab_size=12, pad_token_id=0)
    headed.wav2vec2.load_state_dict(AutoModel.from_pretrained(wav2vec2).state_dict())
    headed.save_pretrained(tmp_path / "headed")
    shutil.copy(wav2vec2 / "preprocessor_config.json", tmp_path / "headed")
    made = [speech_encoder(str(folder)).encode([syllables(2)]) for folder in (wav2vec2, tmp_path / "headed")]
    assert np.array_equal(*made)


def test_weights_that_lack_a_layer_are_refused(copy: Path) -> None:
    change(copy / "config.json", num_hidden_layers=3)
    with pytest.raises(
        FeatureError, match=r"model\.safetensors: the weights lack encoder\.layers\.2\..* more; allowed are"
    ) as told:
        speech_encoder(str(copy))
    assert "\n" not in str(told.value)


def test_another_sampling_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="it takes 8000 Hz; allowed are whole models for 16000 Hz"):
        speech_encoder(str(build(tmp_path / "telephone", rate=8000)))


@pytest.mark.parametrize("kind", ["bert", "whisper", None, 7, "wav2vec2\n\x1b[31m"])
def test_other_architectures_are_refused(copy: Path, kind: object) -> None:
    change(copy / "config.json", model_type=kind)
    with pytest.raises(FeatureError, match=r"config\.json: model_type .*; allowed: wav2vec2, hubert") as told:
        speech_encoder(str(copy))
    assert str(told.value).isprintable()


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json", "processor_config.json"])
def test_code_of_its_own_is_refused(copy: Path, file: str) -> None:
    (copy / "own.py").write_text("class Model: pass\n")
    (copy / "processor_config.json").write_text("{}")
    change(copy / file, deep={"auto_map": {"AutoModel": "own.Model", "AutoFeatureExtractor": "own.Extractor"}})
    with pytest.raises(UnsafeFileError, match="auto_map is refused"):
        speech_encoder(str(copy))
    assert not any(name.split(".")[-1] == "own" for name in sys.modules)


@pytest.mark.parametrize("shard", ["pytorch_model.bin", "../model-1.safetensors", "/model-1.safetensors", "other.safetensors", 3])
def test_shards_from_elsewhere_are_refused(copy: Path, shard: object) -> None:
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": shard}}))
    with pytest.raises(UnsafeFileError, match=r"index\.json: file .* is refused"):
        speech_encoder(str(copy))


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UnsafeFileError, match=r"found only pytorch_model\.bin, which can run code"):
        speech_encoder(str(copy))


def test_kernels_to_download_are_refused(copy: Path) -> None:
    change(copy / "config.json", _attn_implementation="someone/kernel")
    with pytest.raises(UnsafeFileError, match="someone/kernel"):
        speech_encoder(str(copy))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("preprocessor_config.json", "{"),
        ("model.safetensors", "no weights"),
        ("preprocessor_config.json", '{"feature_extractor_type": "ClapFeatureExtractor", "sampling_rate": 16000}'),
        ("preprocessor_config.json", '{"feature_extractor_type": "NoSuchExtractor"}'),
    ],
)
def test_broken_folders_are_told_in_one_line(copy: Path, file: str, content: str) -> None:
    (copy / file).write_text(content)
    with pytest.raises(FeatureError) as told:
        speech_encoder(str(copy))
    assert str(told.value).isprintable() and str(copy) in str(told.value)


def test_a_model_that_returns_no_finite_numbers_is_told(copy: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    weights["encoder.layer_norm.weight"][:] = np.inf
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(FeatureError, match="not finite for clip 1"):
        speech_encoder(str(copy)).encode([None, tone(200)])


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "a/b/c", ""])
def test_a_missing_folder_is_told(name: str, no_network: None) -> None:
    with pytest.raises(FeatureError, match="no such folder; allowed are praat, a folder"):
        speech_encoder(name)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"no speech model; it holds no config\.json"):
        speech_encoder(str(tmp_path))


@pytest.mark.parametrize("name", ["someone/no-such-speech-model", "an id with blanks"])
def test_a_hub_id_that_cannot_be_had_is_told_in_one_line(name: str, no_network: None) -> None:
    with pytest.raises(FeatureError, match="can't be had from the Hugging Face Hub") as told:
        speech_encoder(name)
    assert str(told.value).isprintable()


def test_a_hub_id_is_loaded_from_its_snapshot_under_its_own_name(wav2vec2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def snapshot(hub_id: str, files: tuple[str, ...], ignore: tuple[str, ...]) -> Path:
        asked.append((hub_id, files))
        return wav2vec2

    monkeypatch.setattr("merc.encoders.registry.hub_folder", snapshot)
    encoder = speech_encoder("someone/tiny")
    assert encoder.name == "someone/tiny" and encoder.version == resolve_speech(str(wav2vec2)).version
    assert asked[0][0] == "someone/tiny" and not any(pattern.endswith((".bin", ".py", "*")) for pattern in asked[0][1])


def test_a_device_that_is_not_there_is_told(wav2vec2: Path) -> None:
    with pytest.raises(FeatureError, match="can't be loaded") as told:
        speech_encoder(str(wav2vec2), device="no such device")
    assert str(told.value).isprintable()


def test_a_missing_extra_is_named(wav2vec2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"merc\[train\]"):
        speech_encoder(str(wav2vec2))
