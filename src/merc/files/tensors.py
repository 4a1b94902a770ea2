"""Arrays as the bytes of a safetensors file. The library's own functions for files take no path that is not UTF-8."""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from merc.errors import DataError
from merc.files.printable import first_line
from merc.files.shapes import Shaped
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


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "BOOL": "bool"}


def mapped_tensors(path: Path) -> dict[str, Shaped[np.ndarray, ...]]:
    """Tensor's name -> its numbers as they lie in a file, of which the system reads only what is looked at; not to be written to.

    Raises:
        DataError: no safetensors file, damaged, or of types that numpy lacks.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = int.from_bytes(content[:8], "little")
        if not 0 < size <= len(content) - 8:
            raise ValueError(f"a header of {size} bytes in a file of {len(content)}")
        header: Any = load_json(content[8 : 8 + size])
        found: dict[str, Shaped[np.ndarray, ...]] = {}
        for name, about in header.items():
            if name != "__metadata__":
                dtype, shape, (begin, end) = np.dtype(_DTYPES[about["dtype"]]), about["shape"], about["data_offsets"]
                count = math.prod(shape)
                if not 0 <= begin <= end <= len(content) - 8 - size or end - begin != count * dtype.itemsize:
                    raise ValueError(f"tensor {name} lies outside the file")
                found[name] = np.frombuffer(content, dtype, count, 8 + size + begin).reshape(shape)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: damaged tensors ({type(error).__name__}: {first_line(error)})") from None
    return found


def tensor_places(content: bytes) -> dict[str, tuple[int, int]]:
    """Tensor's name -> offset and length, in bytes, of its numbers in a safetensors file that the library reads."""
    size = int.from_bytes(content[:8], "little")
    header: Any = load_json(content[8 : 8 + size])
    spans = {name: about["data_offsets"] for name, about in header.items() if name != "__metadata__"}
    return {name: (8 + size + begin, end - begin) for name, (begin, end) in spans.items()}
