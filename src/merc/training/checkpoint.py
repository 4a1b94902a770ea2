"""One file that holds all that a training needs to continue: tensors as safetensors, the rest as JSON in its header."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from merc.errors import RunError
from merc.files.staged_file import write_atomically
from merc.files.tensors import tensor_metadata

FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a training.

    Attributes:
        parts: `network`, `average`, `best` and `optimiser` -> tensors by name; the file names them PART/NAME.
        progress: JSON values: step, steps an epoch, sums of the running epoch, best score and its epoch, digest of the samples.
    """

    parts: Mapping[str, Mapping[str, Tensor]]
    progress: Mapping[str, Any]


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """There is always the old checkpoint or the new one. The folder must exist."""
    header = {"format": str(FORMAT), "progress": json.dumps(dict(checkpoint.progress))}
    tensors = {f"{part}/{name}": t for part, named in checkpoint.parts.items() for name, t in named.items()}
    write_atomically(path, save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, metadata=header))


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads what `save_checkpoint` wrote.

    Raises:
        RunError: missing, damaged or of another format.
    """
    try:
        content = path.read_bytes()
        tensors, metadata = load(content), tensor_metadata(content)
        if metadata.get("format") != str(FORMAT):
            raise RunError(f"{path}: checkpoint format {metadata.get('format')}, this version reads {FORMAT}")
        parts: dict[str, dict[str, Tensor]] = defaultdict(dict)  # a part without tensors is empty
        for key, tensor in tensors.items():
            part, _, name = key.partition("/")
            parts[part][name] = tensor
        return Checkpoint(parts, json.loads(metadata["progress"]))
    except FileNotFoundError:
        raise RunError(f"{path}: no checkpoint to resume from") from None
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged checkpoint ({error})") from None


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as `INDEX/name` tensors."""
    state = cast("dict[int, dict[str, Tensor]]", optimiser.state_dict()["state"])
    return {f"{index}/{name}": value for index, entries in state.items() for name, value in entries.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimiser_tensors`, for an optimiser of the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, entry = name.split("/")
        state.setdefault(int(index), {})[entry] = value.clone()
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def restore_network(network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Puts weights in place.

    Raises:
        RunError: they belong to another network.
    """
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise RunError(f"{path}: the weights belong to another network ({str(error).splitlines()[0]})") from None
