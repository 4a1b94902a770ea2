"""Arrays as the bytes of a safetensors file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Shaped


def tensor_bytes(arrays: Mapping[str, Shaped[np.ndarray, ...]], metadata: Mapping[str, str] | None = None) -> bytes:
    """The file's content. Arrays are made row-major first, since the library writes memory as it lies and reads it as row-major.

    `metadata` goes into the file's header; of several keys safetensors keeps no order.
    """
    from safetensors.numpy import save

    return save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=dict(metadata) if metadata else None
    )
