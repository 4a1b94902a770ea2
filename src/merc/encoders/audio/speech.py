"""Speech models of transformers as sound encoders: mean and standard deviation over time of the last hidden state.

A folder is checked as plain JSON before it is loaded: known architectures, safetensors, no code of its own.

Shapes: N clips, D = 2 x hidden size.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from merc.encoders.interface import PRAAT_NAME, RATE, Clip, Encoder, clip_rows
from merc.encoders.registry import (
    INDEX,
    ModelFolder,
    check_folder,
    json_objects,
    load_transformer,
    loading,
    locate,
    read_object,
    version_of,
)
from merc.errors import FeatureError, MissingExtraError, UnsafeFileError
from merc.files.printable import printable
from merc.files.shapes import Float, Float32
from merc.settings import Progress, no_progress

ARCHITECTURES = ("wav2vec2", "hubert", "wavlm", "wav2vec2-conformer", "data2vec-audio", "unispeech", "unispeech-sat")
LONGEST = 30 * RATE  # samples of a window; chosen: attention grows with the square, and most utterances are shorter
WINDOW_RULE = "equal windows, averaged by samples"  # part of every digest of a long clip: another rule, other vectors

_CONFIGS = ("config.json", "preprocessor_config.json", "processor_config.json")
_WEIGHTS = "model*.safetensors"


class SpeechEncoder:
    """A speech model, one clip at a time, so that no clip's vector depends on another.

    Args:
        source, device: a checked folder, and where its model runs.
        model: of transformers, in evaluation mode.
        extractor: its feature extractor, which scales the samples.
    """

    modality = "audio"

    def __init__(self, source: ModelFolder, model: Any, extractor: Any, device: str) -> None:
        self.name = source.name
        self.version = source.version
        self._model = model
        self._extractor = extractor
        self._device = device
        self._shortest = receptive_field(model.config.conv_kernel, model.config.conv_stride)
        self.dimension = int(self._pooled(np.zeros(self._shortest, dtype=np.float32)).shape[0])

    def encode(self, inputs: Sequence[Clip | None], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        """See `merc.encoders.interface.Encoder.encode`.

        A clip of more than 30 s is read in windows of equal length, whose vectors are averaged by their lengths [chosen]. One that
        is too short for a single frame is padded with zeros at its end.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """

        def encode(index: int, clip: Clip) -> Float[np.ndarray, " D"]:
            windows = np.array_split(clip, -(-len(clip) // LONGEST))
            vector = np.average([self._pooled(window) for window in windows], axis=0, weights=[len(window) for window in windows])
            if not np.isfinite(vector).all():
                raise FeatureError(f"sound encoder {printable(self.name)!r} returned numbers that are not finite for clip {index}")
            return vector

        return clip_rows(inputs, self.dimension, encode, progress)

    def _pooled(self, clip: Clip) -> Float32[np.ndarray, " D"]:
        import torch

        scaled = self._extractor(clip, sampling_rate=RATE, return_tensors="pt")["input_values"].float()
        scaled = torch.nn.functional.pad(scaled, (0, max(0, self._shortest - scaled.shape[1])))
        with torch.inference_mode():
            frames = self._model(scaled.to(self._device)).last_hidden_state[0].float()
            return torch.cat((frames.mean(dim=0), frames.std(dim=0, correction=0))).cpu().numpy()


def clip_digest(clip: Clip) -> bytes:
    """A SHA-256 over all that a clip's vector depends on beside its encoder."""
    rule = WINDOW_RULE.encode() if len(clip) > LONGEST else b""
    return hashlib.sha256(clip.tobytes() + rule).digest()


def speech_encoder(name_or_path: str, device: str = "cpu") -> Encoder[Clip | None]:
    """Loads a speech model (wav2vec 2.0, HuBERT, WavLM and their kin, see `ARCHITECTURES`) as a sound encoder.

    Args:
        name_or_path: a folder as transformers saves it, or a Hugging Face Hub id (downloaded unless in the cache).
        device: where it runs, such as `cpu` or `cuda:0`.

    Raises:
        MissingExtraError: transformers is not installed.
        UnsafeFileError: pickled weights, or code of its own; nothing of it was run.
        FeatureError: no such model, another architecture or sampling rate, or it can't be loaded.
    """
    shown = printable(name_or_path)
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("train", f"the sound encoder {shown!r}")
    source = resolve_speech(name_or_path)
    with loading(f"sound encoder {shown!r}"):
        import torch
        from transformers import AutoFeatureExtractor, AutoModel

        model = load_transformer(source.folder, AutoModel, dtype=torch.float32).to(device)
        extractor = cast(Any, AutoFeatureExtractor).from_pretrained(
            str(source.folder), trust_remote_code=False, local_files_only=True
        )
        rate = getattr(extractor, "sampling_rate", None)
        if rate != RATE:
            raise FeatureError(
                f"sound encoder {shown!r} can't be used: it takes {printable(str(rate))} Hz; allowed are whole models for {RATE} Hz"
            )
        return SpeechEncoder(source, model, extractor, device)


def resolve_speech(name_or_path: str) -> ModelFolder:
    """Finds a speech model, downloads it where the name is a Hub id, and checks its configs as plain JSON. Nothing of it is run.

    Raises:
        UnsafeFileError: see `speech_encoder`.
        FeatureError: no such model, or another architecture.
    """
    name, folder = locate(name_or_path, "sound", PRAAT_NAME, (*_CONFIGS, INDEX, _WEIGHTS))
    _check_architecture(folder)
    check_folder(folder)
    configs = [folder / name for name in _CONFIGS if (folder / name).is_file()]
    for file in configs:
        if any("auto_map" in entry for entry in json_objects(read_object(file))):
            raise UnsafeFileError(f"{file}: auto_map is refused, as it names code to run; allowed are transformers' own models")
    index = [folder / INDEX] if (folder / INDEX).is_file() else []
    for file in index:
        shards = read_object(file).get("weight_map")
        for shard in cast("dict[str, object]", shards).values() if isinstance(shards, dict) else [None]:
            if not isinstance(shard, str) or Path(shard).name != shard or not Path(shard).match(_WEIGHTS):
                raise UnsafeFileError(f"{file}: file {printable(str(shard))!r} is refused; allowed are {_WEIGHTS} beside it")
    return ModelFolder(name, folder, version_of([*configs, *index, *sorted(folder.glob(_WEIGHTS))], folder))


def _check_architecture(folder: Path) -> None:
    config = folder / "config.json"
    if not config.is_file():
        raise FeatureError(f"{folder}: no speech model; it holds no config.json")
    kind = read_object(config).get("model_type")
    if kind not in ARCHITECTURES:
        raise FeatureError(f"{config}: model_type {printable(str(kind))!r}; allowed: {', '.join(ARCHITECTURES)}")
    if (folder / "modules.json").exists():
        raise FeatureError(f"{folder / 'modules.json'}: a model of sentence-transformers; allowed are those of transformers")


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Samples that one frame of stacked convolutions sees, the first layer first: 400 (25 ms) in wav2vec 2.0."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples
