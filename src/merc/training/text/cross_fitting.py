"""Features of a tuned text encoder that do not leak the labels which a network is to learn from them.

An encoder that was tuned on a conversation has learned from its labels, so a network that is trained on its vectors of that
conversation relies on text and ignores the rest. Therefore the training part is divided into folds by conversation, and each fold
is encoded by an encoder that was tuned on the others [chosen: cross-fitting; docs/tuning.md]. All folds begin with the same model
and head, so that their vectors are comparable. Other conversations get the mean of all encoders' vectors [chosen: better than one
encoder of the whole training part; docs/tuning.md].

The encoder's folder keeps the settings, each fold's adapter and the training part's vectors, with their checksums, so a tuning that
was stopped continues with the next fold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from merc.data.schema import Conversation, FeatureSpec, LabelSet
from merc.encoders.text.adapter import Adapter, adapter_from, joint_version
from merc.encoders.text.dialogue import DIALOGUE, DialogueEncoder
from merc.errors import RunError
from merc.files.checksums import CheckedFolder, checked_folder, sha256, write_checksums
from merc.files.shapes import Float32
from merc.files.staged_file import write_atomically
from merc.files.strict_json import load_json
from merc.files.tensors import tensor_bytes
from merc.settings import Progress, no_progress
from merc.training.text.tuning import STAGE, TextTuningConfig, tune

TUNED = "tuned"  # the feature's name
SETTINGS, FEATURES = "tuning.json", "features.safetensors"  # beside each fold's fold-N.safetensors


@dataclass(frozen=True, slots=True, eq=False)
class TunedText:
    """A tuned encoder and the features of what it was tuned on.

    Attributes:
        adapters: of the folds.
        spec: of the feature.
        train: conversation id -> (T, D), from encoders that were tuned without the conversation.
    """

    adapters: tuple[Adapter, ...]
    spec: FeatureSpec
    train: Mapping[str, Float32[np.ndarray, "_ _"]]


def cross_fitted(
    train: Sequence[Conversation],
    label_set: LabelSet,
    config: TextTuningConfig,
    progress: Progress = no_progress,
    device: str = "cpu",
) -> TunedText:
    """Tunes the encoders of a training part, or reads those that the encoder's folder keeps.

    Args:
        train, label_set: the training conversations, with transcripts and with labels of this set.
        config: the settings; `encoder` is the folder.
        progress: of each fold, in steps; what it raises ends the tuning, and what is done stays.
        device: to tune and encode on.

    Raises:
        RunError: the folder belongs to other settings or conversations, can't be written, or there are fewer conversations than
            folds.
        DataError, MissingExtraError: see `tune`.
    """
    if len(train) < config.folds:
        raise RunError(f"text_tuning.folds is {config.folds}; the training part has {len(train)} conversations")
    folder = Path(config.encoder)
    _claim(folder, train, label_set, config)
    parts = np.array_split(np.random.default_rng(config.seed).permutation(len(train)), config.folds)
    names = [f"fold-{number}.safetensors" for number in range(1, config.folds + 1)]
    begun = any((folder / name).is_file() for name in (*names, FEATURES))
    files = checked_folder(folder) if begun else CheckedFolder(folder, {})
    kept = _kept_features(files, train)
    features: dict[str, Float32[np.ndarray, "_ _"]] = {}
    adapters: list[Adapter] = []
    for number, (part, name) in enumerate(zip(parts, names, strict=True), start=1):
        held = set(part.tolist())
        if not (folder / name).is_file():
            others = [c for i, c in enumerate(train) if i not in held]
            stage = f"{STAGE} {number}/{config.folds}"
            adapter = tune(others, label_set, config, lambda _, done, total, stage=stage: progress(stage, done, total), device)
            files = _keep(files, name, adapter.to_bytes())
        adapters.append(adapter_from(files.read(name), str(folder / name)))
        if kept is None:
            own = [train[i] for i in sorted(held)]
            features |= {c.id: rows for c, rows in zip(own, DialogueEncoder(adapters[-1:], device).encode(own), strict=True)}
    if kept is None:
        kept = features
        _keep(files, FEATURES, tensor_bytes({str(i): features[c.id] for i, c in enumerate(train)}))
    dimension, version = next(iter(kept.values())).shape[1], joint_version(adapters)
    spec = FeatureSpec(modality="text", name=TUNED, dimension=dimension, encoder=DIALOGUE, version=version)
    return TunedText(tuple(adapters), spec, kept)


def _claim(folder: Path, train: Sequence[Conversation], label_set: LabelSet, config: TextTuningConfig) -> None:
    said = [[c.id, [[u.speaker, u.words, u.label] for u in c.utterances]] for c in train]
    content = {
        "settings": config.model_dump(mode="json", exclude={"encoder"}),
        "labels": list(label_set.names),
        "training_part": hashlib.sha256(json.dumps(said).encode()).hexdigest(),
    }
    path = folder / SETTINGS
    if path.is_file():
        try:
            found = load_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: not readable ({error}); name another folder with text_tuning.encoder") from None
        different = [key for key in content if not isinstance(found, dict) or found.get(key) != content[key]]
        if different:
            raise RunError(
                f"{folder} keeps an encoder that was tuned with other {', '.join(different).replace('_', ' ')}; "
                "name another folder with text_tuning.encoder, or remove this one"
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: holds something else than a tuned encoder; name another folder with text_tuning.encoder")
    with _writing(path):
        write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def _keep(files: CheckedFolder, name: str, content: bytes) -> CheckedFolder:
    """Writes a file, its checksum before it: a file without one belongs to a folder that is older than checksums."""
    known = None if files.known is None else {**files.known, name: sha256(content)}
    with _writing(files.folder / name):
        if known is not None:
            write_checksums(files.folder, known)
        write_atomically(files.folder / name, content)
    return CheckedFolder(files.folder, known)


@contextmanager
def _writing(path: Path) -> Generator[None, None, None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise RunError(f"{path} can't be written: {error.strerror or error}; what was there is as it was") from error


def _kept_features(files: CheckedFolder, train: Sequence[Conversation]) -> dict[str, Float32[np.ndarray, "_ _"]] | None:
    try:
        tensors = load(files.read(FEATURES))
        found = {c.id: tensors[str(i)] for i, c in enumerate(train)}
    except (RunError, KeyError, SafetensorError):  # not there yet, or damaged: encoded anew from the folds' adapters
        return None
    fits = all(rows.dtype == np.float32 and len(rows) == len(c) for rows, c in zip(found.values(), train, strict=True))
    return found if fits else None
