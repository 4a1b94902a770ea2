"""Adds text features to a whole store, and to conversations that a model is to label.

The encoder's name and version go into the feature schema: a model that was trained on one encoder's vectors refuses another's.
Encoding a store takes minutes to hours, so every chunk is kept beside the store until the feature is in it: a run that was killed
continues where it stopped, and ends with the same numbers.

Shapes: T utterances, D features.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from merc.data.schema import Conversation, Corpus, FeatureSpec
from merc.data.store.store import add_features, open_store
from merc.encoders.interface import Encoder
from merc.encoders.registry import feature_name
from merc.encoders.text.dialogue import DialogueEncoder
from merc.encoders.text.sentence import text_encoder
from merc.encoders.text.windows import WINDOW_RULE
from merc.errors import DataError, FeatureError, StoreError
from merc.files.staged_file import write_atomically
from merc.files.tensors import tensor_bytes
from merc.settings import Progress, no_progress

CHUNK = 1024  # utterances; a few seconds of work with the default encoder
_TENSOR = "features"


def feature_spec(encoder: Encoder[Any]) -> FeatureSpec:
    """The schema entry of what this encoder makes."""
    return FeatureSpec(
        modality=encoder.modality,
        name=feature_name(encoder.name),
        dimension=encoder.dimension,
        encoder=encoder.name,
        version=encoder.version,
    )


def encode_corpus(
    store_folder: str | Path,
    encoder: Encoder[str | None],
    progress: Progress = no_progress,
    *,
    overwrite: bool = False,
    chunk: int = CHUNK,
) -> FeatureSpec:
    """Encodes a store's transcripts and adds them to it as one feature. A killed run is continued by calling this again.

    Args:
        store_folder: the store.
        encoder: what turns transcripts into vectors.
        progress: called with the utterances done and their total.
        overwrite: replace a feature of this name that another encoder or another version made; this encoder's own is left as it is.
        chunk: utterances that are encoded and kept at a time.

    Returns:
        The feature's schema entry.

    Raises:
        StoreError: no store, a feature of this name made by another encoder, or the disk is full or not writable.
        DataError: no utterance has a transcript.
    """
    folder = Path(store_folder).absolute()
    corpus = open_store(folder)
    transcripts = [utterance.words for conversation in corpus.conversations for utterance in conversation.utterances]
    spec = feature_spec(encoder)
    cache = folder.parent / f".{folder.name}.encoding-{_cache_key(spec, transcripts, chunk)}"
    if not _is_needed(corpus, spec, folder, overwrite=overwrite):
        shutil.rmtree(cache, ignore_errors=True)
        return spec
    if not any(text and text.strip() for text in transcripts):
        raise DataError(f"store {folder}: no utterance has a transcript, so there is nothing to encode")
    rows = _encode_in_chunks(transcripts, encoder, cache, progress, chunk)
    by_id = dict(zip((c.id for c in corpus.conversations), _split(rows, corpus.conversations), strict=True))
    add_features(folder, spec, by_id, overwrite=overwrite)
    shutil.rmtree(cache, ignore_errors=True)
    return spec


def encode_conversations(
    conversations: Sequence[Conversation], spec: FeatureSpec, encoder: Encoder[str | None] | DialogueEncoder
) -> tuple[Conversation, ...]:
    """Adds one feature to conversations that come as raw transcripts. Those that carry the feature already stay as they are.

    Args:
        conversations: with transcripts; an utterance without one gets a row of NaN, absence.
        spec: the feature that a model was trained on.
        encoder: see `encoder_for`.

    Raises:
        FeatureError: the encoder is not the one that `spec` names.
    """
    check_same(spec, encoder)
    raw = [conversation for conversation in conversations if spec.key not in conversation.features]
    if isinstance(encoder, DialogueEncoder):
        arrays = iter(encoder.encode(raw))
    else:
        arrays = iter(
            _split(encoder.encode([utterance.words for conversation in raw for utterance in conversation.utterances]), raw)
        )
    return tuple(c if spec.key in c.features else c.with_features({spec.key: next(arrays)}) for c in conversations)


def encoder_for(
    spec: FeatureSpec,
    device: str = "cpu",
    *,
    at: str | Path | None = None,
    load: Callable[[str, str], Encoder[str | None]] = text_encoder,
) -> Encoder[str | None]:
    """Loads the encoder that made a feature.

    Args:
        spec: of the feature, as a store or a model keeps it.
        device: where the encoder runs.
        at: where the encoder's folder lies now, if it was a local one and has moved.
        load: what loads an encoder by name and device.

    Raises:
        FeatureError: the encoder is unknown or can't be had, or its version or dimension is another.
        MissingExtraError: the extra `text` is not installed.
        UnsafeFileError: see `text_encoder`.
    """
    if spec.encoder == "unknown":
        raise FeatureError(f"feature {spec.key}: the encoder that made it is not known, so transcripts can't stand in for it")
    encoder = load(spec.encoder if at is None else str(Path(at).absolute()), device)
    check_same(spec, encoder)
    return encoder


def check_same(spec: FeatureSpec, encoder: Encoder[Any] | DialogueEncoder) -> None:
    """Refuses an encoder that is not the one that made a feature; one folder copied elsewhere is one encoder.

    Raises:
        FeatureError: its name, version or dimension is another.
    """
    moved = Path(spec.encoder).is_absolute() and Path(encoder.name).is_absolute()
    if (encoder.name != spec.encoder and not moved) or encoder.version != spec.version or encoder.dimension != spec.dimension:
        raise FeatureError(
            f"feature {spec.key} was made by encoder {spec.encoder!r}, version {spec.version}, dimension {spec.dimension}; "
            f"found {encoder.name!r}, version {encoder.version}, dimension {encoder.dimension}"
        )


def _is_needed(corpus: Corpus, spec: FeatureSpec, folder: Path, *, overwrite: bool) -> bool:
    present = {entry.key: entry for entry in corpus.feature_schema}.get(spec.key)
    if present not in (None, spec) and not overwrite:
        raise StoreError(
            f"store {folder} has feature {spec.key} of encoder {present.encoder!r}, version {present.version}; "
            f"ask to overwrite it with that of {spec.encoder!r}, version {spec.version}"
        )
    return present != spec


def _cache_key(spec: FeatureSpec, transcripts: Sequence[str | None], chunk: int) -> str:
    content = json.dumps([WINDOW_RULE, spec.encoder, spec.version, spec.dimension, chunk, list(transcripts)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _encode_in_chunks(
    transcripts: Sequence[str | None], encoder: Encoder[str | None], cache: Path, progress: Progress, chunk: int
) -> Float32[np.ndarray, "N D"]:
    rows, total = np.empty((len(transcripts), encoder.dimension), dtype=np.float32), len(transcripts)
    for number, start in enumerate(range(0, total, chunk), start=1):
        part = transcripts[start : start + chunk]

        def report(stage: str, done: float, of: float | None, start: int = start, size: int = len(part)) -> None:
            if done < size:  # a chunk is done once it is kept
                progress(stage, start + done, float(total))

        path = cache / f"chunk-{number:05d}.safetensors"
        kept = _read_chunk(path, (len(part), encoder.dimension))
        if kept is None:
            kept = encoder.encode(part, report)
            _write_chunk(path, kept)
        rows[start : start + len(part)] = kept
        progress("encoding text", float(start + len(part)), float(total))
    return rows


def _read_chunk(path: Path, shape: tuple[int, int]) -> Float32[np.ndarray, "n D"] | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensor = load(path.read_bytes()).get(_TENSOR)
    except (OSError, SafetensorError):  # not there yet, or damaged: encoded anew
        return None
    return tensor if tensor is not None and tensor.shape == shape and tensor.dtype == np.float32 else None


def _write_chunk(path: Path, rows: Float32[np.ndarray, "n D"]) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, tensor_bytes({_TENSOR: rows}))
    except OSError as error:
        raise StoreError(f"{path}: can't be written: {error.strerror or error}; the store is as it was") from error


def _split(rows: Float32[np.ndarray, "N D"], conversations: Sequence[Conversation]) -> list[Float32[np.ndarray, "T D"]]:
    """The rows of each conversation; one array for none."""
    return np.split(rows, np.cumsum([len(c) for c in conversations[:-1]], dtype=int))
