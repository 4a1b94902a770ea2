"""Arrays as the bytes of a safetensors file. The library's own functions for files take no path that is not UTF-8."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Shaped

from merc.files.strict_json import load_json


def tensor_bytes(arrays: Mapping[str, Shaped[np.ndarray, ...]], metadata: Mapping[str, str] | None = None) -> bytes:
    """The file's content. Arrays are made row-major first, since the library writes memory as it lies and reads it as row-major.

    `metadata` goes into the file's header; of several keys safetensors keeps no order.
    """
    from safetensors.numpy import save

    return save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=dict(metadata) if metadata else None
    )


def tensor_metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file that the library reads; empty where it has none.

    Raises:
        ValueError: there is no header.
    """
    header = load_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found: object = header.get("__metadata__") if isinstance(header, dict) else None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
