"""Encodes the transcripts of a whole store, or of conversations that a model is to label.

Encoding a store takes minutes to hours, so every chunk is kept beside the store until the feature is in it: a run that was killed
continues where it stopped, and ends with the same numbers.

Shapes: T utterances, D features.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from merc.data.schema import Corpus, FeatureSpec
from merc.data.store.store import add_features, open_store
from merc.encoders.interface import Encoder
from merc.encoders.registry import feature_name
from merc.encoders.text.windows import WINDOW_RULE
from merc.encoders.vectors import rows_of
from merc.errors import DataError, StoreError
from merc.files.lock import remove_left_lock
from merc.files.shapes import Float32
from merc.files.staged_file import write_atomically
from merc.files.tensors import tensor_bytes
from merc.settings import Progress, no_progress

CHUNK = 1024  # utterances; a few seconds of work with the default encoder
_TENSOR = "features"


def feature_spec(encoder: Encoder[Any]) -> FeatureSpec:
    """The schema entry of the vectors of an encoder, by which a model that was trained on them refuses another's."""
    modality, name, version = encoder.modality, encoder.name, encoder.version
    return FeatureSpec(modality=modality, name=feature_name(name), dimension=encoder.dimension, encoder=name, version=version)


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
        store_folder, encoder: the store, and what encodes its transcripts.
        progress: called with the utterances done and their number.
        overwrite: replace a feature of this name that another encoder or another version made; this encoder's own is left as it is.
        chunk: utterances that are encoded and kept at a time.

    Raises:
        StoreError: no store, a feature of this name made by another encoder, or the disk is full or not writable.
        DataError: no utterance has a transcript.
    """
    folder = Path(store_folder).absolute()
    corpus = open_store(folder)
    transcripts = [u.words for c in corpus.conversations for u in c.utterances]
    spec = feature_spec(encoder)
    kept = f".{folder.name}.encoding-{_digest(transcripts)}"
    cache = folder.with_name(f"{kept}-{_digest([WINDOW_RULE, spec.encoder, spec.version, spec.dimension, chunk])}")
    _remove_others(folder, kept)
    if not _is_needed(corpus, spec, folder, overwrite=overwrite):
        shutil.rmtree(cache, ignore_errors=True)
        remove_left_lock(folder)  # of a call that was killed once the feature was there
        return spec
    if not any(text and text.strip() for text in transcripts):
        raise DataError(f"store {folder}: no utterance has a transcript, so there is nothing to encode")
    rows = _encode_in_chunks(transcripts, encoder, cache, progress, chunk)
    arrays = rows_of(rows, corpus.conversations)
    add_features(folder, spec, {c.id: own for c, own in zip(corpus.conversations, arrays, strict=True)}, overwrite=overwrite)
    shutil.rmtree(cache, ignore_errors=True)
    return spec


def _is_needed(corpus: Corpus, spec: FeatureSpec, folder: Path, *, overwrite: bool) -> bool:
    present = {entry.key: entry for entry in corpus.feature_schema}.get(spec.key)
    if present not in (None, spec) and not overwrite:
        raise StoreError(
            f"store {folder} has feature {spec.key} of encoder {present.encoder!r}, version {present.version}; "
            f"ask to overwrite it with that of {spec.encoder!r}, version {spec.version}"
        )
    return present != spec


def _remove_others(folder: Path, kept: str) -> None:
    """Removes what is kept for transcripts that the store no longer has."""
    name = re.compile(rf"\.{re.escape(folder.name)}\.encoding-[0-9a-f]{{16}}(-[0-9a-f]{{16}})?")
    for other in folder.parent.iterdir():
        if name.fullmatch(other.name) and not other.name.startswith(kept):
            shutil.rmtree(other, ignore_errors=True)


def _digest(values: Sequence[str | int | None]) -> str:
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()[:16]


def _encode_in_chunks(
    transcripts: Sequence[str | None], encoder: Encoder[str | None], cache: Path, progress: Progress, chunk: int
) -> Float32[np.ndarray, "N D"]:
    rows, total = np.empty((len(transcripts), encoder.dimension), dtype=np.float32), float(len(transcripts))
    for number, start in enumerate(range(0, len(transcripts), chunk), start=1):
        part = transcripts[start : start + chunk]

        def report(stage: str, done: float, of: float | None, start: int = start, size: int = len(part)) -> None:
            if done < size:  # a chunk is done once it is kept
                progress(stage, start + done, total)

        path = cache / f"chunk-{number:05d}.safetensors"
        kept = _read_chunk(path, (len(part), encoder.dimension))
        if kept is None:
            kept = encoder.encode(part, report)
            _write_chunk(path, kept)
        rows[start : start + len(part)] = kept
        progress("encoding text", float(start + len(part)), total)
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
        path.parent.mkdir(exist_ok=True, mode=0o700)  # features tell of what was said
        write_atomically(path, tensor_bytes({_TENSOR: rows}))
    except OSError as error:
        with suppress(OSError):  # chunks that are kept let the next call go on; an empty folder is of no use
            path.parent.rmdir()
        raise StoreError(f"{path}: can't be written: {error.strerror or error}; the store is as it was") from error
