"""One feature of a corpus as a safetensors file: one float32 tensor `features` of shape (N, D), a row an utterance.

The format is simple enough to be written row block by row block, so that saving needs no second copy of the array, and to be
memory-mapped, which the safetensors library does not offer for numpy. What is written here the library reads; a test says so.

File: 8 bytes little-endian length of the header, the header (JSON, padded with spaces to a multiple of 8), the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np

from merc.data.schema import FeatureArray
from merc.errors import StoreError
from merc.files.staged_file import StagedFile

TENSOR = "features"
_MAX_HEADER = 65_536  # bytes; ours have about 120


def write_features(staged: StagedFile, blocks: Iterable[FeatureArray], *, rows: int, dimension: int) -> None:
    """Write blocks of shape (T, D), in order, as one tensor of shape (N, D): `rows` is N, the sum of all T, `dimension` D."""
    layout = {"dtype": "F32", "shape": [rows, dimension], "data_offsets": [0, 4 * rows * dimension]}
    header = json.dumps({TENSOR: layout}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    staged.write(len(header).to_bytes(8, "little"))
    staged.write(header)
    written = 0
    for block in blocks:
        assert block.shape[1] == dimension, "the caller checks dimensions"
        staged.write(np.ascontiguousarray(block, dtype="<f4").data.cast("B"))
        written += block.shape[0]
    assert written == rows, "the caller counts rows"


def map_features(path: Path, *, rows: int, dimension: int) -> FeatureArray:
    """The file's tensor as a read-only, memory-mapped array of shape (N, D); slices of it are views.

    Raises:
        StoreError: the file is no such tensor of this shape, or is longer or shorter than its header says.
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = stream.read(length) if length <= _MAX_HEADER else b""
        size = path.stat().st_size
    except OSError as error:
        raise StoreError(f"{path}: can't be read: {error.strerror}") from error
    start = 8 + length
    expected = {"dtype": "F32", "shape": [rows, dimension], "data_offsets": [0, 4 * rows * dimension]}
    found = _layout(header)
    if found != expected:
        shape = found.get("shape") if found is not None else "no safetensors header"
        raise StoreError(f"{path}: found {shape}, expected a float32 tensor {TENSOR!r} of shape {[rows, dimension]}")
    if size != start + 4 * rows * dimension:
        raise StoreError(f"{path}: {size} bytes, expected {start + 4 * rows * dimension}: truncated or altered")
    mapped = np.memmap(path, dtype="<f4", mode="r", offset=start, shape=(rows, dimension))
    return cast(FeatureArray, mapped.view(np.ndarray))


def _layout(header: bytes) -> dict[str, Any] | None:
    try:
        whole: object = json.loads(header)
    except (ValueError, RecursionError):
        return None
    tensor = cast("dict[str, object]", whole).get(TENSOR) if isinstance(whole, dict) else None
    return cast("dict[str, Any]", tensor) if isinstance(tensor, dict) else None
