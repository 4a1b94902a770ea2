"""Speech models of transformers as sound encoders: mean and standard deviation over time of the last hidden state.

A folder is checked as plain JSON before it is loaded: known architectures, safetensors, no code of its own.

Shapes: N clips, D = 2 x hidden size.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float32

from merc.encoders.interface import PRAAT_NAME, RATE, Clip, Encoder, clip_rows
from merc.encoders.registry import (
    VERSION_DIGITS,
    ModelFolder,
    check_folder,
    file_sha256,
    json_objects,
    load_errors,
    locate,
    read_object,
)
from merc.errors import FeatureError, MissingExtraError, UnsafeFileError
from merc.files.printable import printable
from merc.settings import Progress, no_progress

ARCHITECTURES = ("wav2vec2", "hubert", "wavlm", "wav2vec2-conformer", "data2vec-audio", "unispeech", "unispeech-sat")
MAX_CLIP = 30.0  # s; chosen: attention grows with the square, and utterances are shorter

_CONFIGS = ("config.json", "preprocessor_config.json", "processor_config.json")
_WEIGHTS = "model*.safetensors"
_INDEX = "model.safetensors.index.json"
_Vector = Float32[np.ndarray, "_"]
_UNUSED = "masked_spec_embed"  # for training alone, and not in every file


class SpeechEncoder:
    """A speech model, one clip at a time, so that no clip's vector depends on another.

    Args:
        source: a checked folder.
        model: of transformers, in evaluation mode.
        extractor: its feature extractor, which scales the samples.
        device: where the model is.
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

        A clip's first 30 s are taken. One that is too short for a single frame is padded with zeros at its end.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """

        def encode(index: int, clip: Clip) -> _Vector:
            vector = self._pooled(clip[: round(MAX_CLIP * RATE)])
            if not np.isfinite(vector).all():
                raise FeatureError(f"sound encoder {printable(self.name)!r} returned numbers that are not finite for clip {index}")
            return vector

        return clip_rows(inputs, self.dimension, encode, progress)

    def _pooled(self, clip: Clip) -> _Vector:
        import torch

        scaled = self._extractor(clip, sampling_rate=RATE, return_tensors="pt")["input_values"].float()
        scaled = torch.nn.functional.pad(scaled, (0, max(0, self._shortest - scaled.shape[1])))
        with torch.inference_mode():
            frames = self._model(scaled.to(self._device)).last_hidden_state[0].float()
            return torch.cat((frames.mean(dim=0), frames.std(dim=0, correction=0))).cpu().numpy()


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
        raise MissingExtraError("text", f"the sound encoder {shown!r}")
    source = resolve_speech(name_or_path)
    with load_errors(f"sound encoder {shown!r}"):
        model, missing, extractor = _load(source.folder, device)
        rate = getattr(extractor, "sampling_rate", None)
        # Weights that the file lacks would be drawn at random, with no error.
        fault = f"its weights lack {missing[0]}" if missing else f"it takes {rate} Hz" if rate != RATE else None
        encoder = None if fault else SpeechEncoder(source, model, extractor, device)
    if encoder is None:
        raise FeatureError(
            f"sound encoder {shown!r} can't be used: {printable(str(fault))}; allowed are whole models for {RATE} Hz"
        )
    return encoder


def resolve_speech(name_or_path: str) -> ModelFolder:
    """Finds a speech model, downloads it where the name is a Hub id, and checks it. Nothing of it is run.

    Raises:
        UnsafeFileError: see `speech_encoder`.
        FeatureError: no such model, or another architecture.
    """
    name, folder = locate(name_or_path, "sound", PRAAT_NAME, allow_patterns=[*_CONFIGS, _INDEX, _WEIGHTS])
    check_speech_folder(folder)
    digest = hashlib.sha256()
    for file in (*(folder / name for name in (*_CONFIGS, _INDEX)), *sorted(folder.glob(_WEIGHTS))):
        if file.is_file():
            digest.update(f"{file.name}\0{file_sha256(file)}\n".encode())
    return ModelFolder(name=name, folder=folder, version=digest.hexdigest()[:VERSION_DIGITS])


def check_speech_folder(folder: Path) -> None:
    """Reads a folder's configs as plain JSON and refuses what could run code. Imports nothing.

    Raises:
        UnsafeFileError: see `speech_encoder`.
        FeatureError: the folder is no speech model of `ARCHITECTURES`.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise FeatureError(f"{folder}: no speech model; it holds no config.json")
    kind = read_object(config).get("model_type")
    if kind not in ARCHITECTURES:
        raise FeatureError(f"{config}: model_type {printable(str(kind))!r}; allowed: {', '.join(ARCHITECTURES)}")
    if (folder / "modules.json").exists():
        raise FeatureError(f"{folder / 'modules.json'}: a model of sentence-transformers; allowed are those of transformers")
    check_folder(folder)
    for file in (folder / name for name in _CONFIGS):
        if file.is_file() and any("auto_map" in entry for entry in json_objects(read_object(file))):
            raise UnsafeFileError(f"{file}: auto_map is refused, as it names code to run; allowed are transformers' own models")
    if (folder / _INDEX).is_file():
        shards = read_object(folder / _INDEX).get("weight_map")
        for shard in cast("dict[str, object]", shards).values() if isinstance(shards, dict) else [None]:
            if not isinstance(shard, str) or Path(shard).name != shard or not Path(shard).match(_WEIGHTS):
                raise UnsafeFileError(
                    f"{folder / _INDEX}: file {printable(str(shard))!r} is refused; allowed are {_WEIGHTS} beside it"
                )


def receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Samples that one frame of stacked convolutions sees, the first layer first: 400 (25 ms) in wav2vec 2.0."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def _load(folder: Path, device: str) -> tuple[Any, list[str], Any]:
    """The model, its parameters that the weights' file lacks, and its feature extractor."""
    import torch
    from transformers import AutoFeatureExtractor, AutoModel

    with _quiet():
        model, report = cast(Any, AutoModel).from_pretrained(
            str(folder),
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
        )
        extractor = cast(Any, AutoFeatureExtractor).from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    missing = sorted(str(name) for name in report["missing_keys"] if not str(name).endswith(_UNUSED))
    return model.to(device).eval(), missing, extractor


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Without a progress bar and without warnings about weights that are for training alone."""
    from transformers.utils import logging

    level, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
