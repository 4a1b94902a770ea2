"""Low-rank changes of a text model's weights (LoRA: Hu et al., ICLR 2022), small enough to be saved with what was trained on them.

On disk: one safetensors file, for each changed matrix `<module>.A`, (r, in), and `<module>.B`, (out, r), in half precision; the new
weight is W + B A. The scale that LoRA multiplies by is in B already. Its metadata names the model that was changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from merc.encoders.registry import VERSION_DIGITS
from merc.errors import FeatureError
from merc.files.printable import first_line, printable
from merc.files.shapes import Float16
from merc.files.strict_json import load_json
from merc.files.tensors import tensor_bytes

_FORMAT = "merc-adapter-1"
_ABOUT = "merc"
Pair = tuple[Float16[np.ndarray, "_ _"], Float16[np.ndarray, "_ _"]]


@dataclass(frozen=True, eq=False)  # no slots: its version is kept
class Adapter:
    """What was learned.

    Attributes:
        base: name of the model that it changes, such as `minilm`.
        base_version: of that model; on another, the changes mean nothing.
        pairs: module's name -> (A, B).
    """

    base: str
    base_version: str
    pairs: Mapping[str, Pair]

    def to_bytes(self) -> bytes:
        """The file; equal adapters give equal bytes."""
        tensors = {
            f"{name}.{side}": matrix for name in sorted(self.pairs) for side, matrix in zip("AB", self.pairs[name], strict=True)
        }
        about = {"format": _FORMAT, "base": self.base, "base_version": self.base_version}
        return tensor_bytes(tensors, {_ABOUT: json.dumps(about)})

    @cached_property
    def version(self) -> str:
        """The first 16 hex digits of the file's SHA-256."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:VERSION_DIGITS]


def adapter_file(number: int) -> str:
    """Name of the file that keeps one of a model's adapters; they are counted from 1."""
    return f"adapter-{number}.safetensors"


def joint_version(adapters: Sequence[Adapter]) -> str:
    """Of an encoder that averages the vectors of several, in their order: 16 hex digits of a SHA-256 over their versions."""
    return hashlib.sha256(" ".join(adapter.version for adapter in adapters).encode()).hexdigest()[:VERSION_DIGITS]


def adapter_from(content: bytes, where: str) -> Adapter:
    """Reads an adapter's file, which errors name as `where`.

    Raises:
        FeatureError: it is no adapter, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        size = int.from_bytes(content[:8], "little")
        if not 0 < size <= len(content) - 8:
            raise ValueError(f"a header of {size} bytes in a file of {len(content)}")
        header: Any = load_json(content[8 : 8 + size])
        about: Any = load_json(header["__metadata__"][_ABOUT])
        form, base, base_version = (str(about[key]) for key in ("format", "base", "base_version"))
        if form != _FORMAT:
            raise FeatureError(f"{where}: format {form!r}, this version reads {_FORMAT!r}")
        tensors = load(content)
        names = sorted({key.rpartition(".")[0] for key in tensors})
        pairs = {name: (tensors.pop(f"{name}.A"), tensors.pop(f"{name}.B")) for name in names}
    except FeatureError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise FeatureError(f"{where}: not an adapter, or damaged ({type(error).__name__}: {first_line(error)})") from None
    matrices = {f"{name}.{side}": matrix for name, pair in pairs.items() for side, matrix in zip("AB", pair, strict=True)}
    if tensors or not pairs or any(m.ndim != 2 or m.dtype != np.float16 for m in matrices.values()):
        raise FeatureError(f"{where}: not an adapter: expected half-precision matrices A and B for each module")
    if wrong := [name for name, matrix in matrices.items() if not np.isfinite(matrix).all()]:
        raise FeatureError(f"{where}: a damaged adapter: tensor {printable(wrong[0])} holds numbers that are not finite")
    return Adapter(base, base_version, pairs)
