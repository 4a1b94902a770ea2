"""Reading a cell of a circulating pickle as a name, a whole number, a speaker or a matrix of features.

Files write one value in many ways: `3`, `3.0`, `numpy.int32(3)`; `'M'`, `b'M'`; a list of arrays, an array of lists. Each function
takes any plain object and returns None (or raises a `DataError` that says what was found) if it is no such value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from merc.data.schema import FeatureArray
from merc.errors import DataError
from merc.files.encoding import repair_quotes

_LARGEST = 2**63  # no id, label or length of a real file is larger; Python refuses to print much larger ones


def array_of(value: object) -> NDArray[np.generic] | None:
    """The same array, typed; None for anything else."""
    return cast("NDArray[np.generic]", value) if isinstance(value, np.ndarray) else None


def sequence_of(value: object) -> list[object] | None:
    """The elements of a list or tuple; None for anything else."""
    return list(cast("Iterable[object]", value)) if isinstance(value, list | tuple) else None


def items_of(value: object) -> list[object] | None:
    """The elements of a list, tuple, set or array of one or more axes; None for anything else."""
    array = array_of(value)
    if array is not None:
        return list(cast("Iterable[object]", array)) if array.ndim else None
    if isinstance(value, set | frozenset):
        return sorted(cast("Iterable[object]", value), key=str)
    return sequence_of(value)


def table_of(value: object) -> dict[object, object] | None:
    """The same dictionary, typed; None for anything else."""
    return cast("dict[object, object]", value) if isinstance(value, dict) else None


def text_of(value: object) -> str | None:
    """Text from str or (Latin-1) bytes; None for anything else."""
    return value.decode("latin1") if isinstance(value, bytes) else str(value) if isinstance(value, str) else None


def transcript_of(value: object) -> str | None:
    """Text whose Windows-1252 quotes and dashes, if Latin-1 made control characters of them, are put right."""
    text = text_of(value)
    return None if text is None else repair_quotes(text)


def integer_of(value: object) -> int | None:
    """A whole number from int, numpy's integers, arrays without axes, or floats without a fraction; None for anything else."""
    number = number_of(value)
    return int(number) if number is not None and float(number).is_integer() and abs(number) <= _LARGEST else None


def number_of(value: object) -> int | float | None:
    """A number from int, float, numpy's scalars, or arrays without axes; None for anything else, truth values included."""
    is_scalar = isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0)
    plain = cast("np.generic", value).item() if is_scalar else value
    if isinstance(plain, bool) or not isinstance(plain, int | float) or (isinstance(plain, int) and abs(plain) > _LARGEST):
        return None
    return plain


def identifier_of(value: object) -> str | None:
    """A name from text or a whole number; None for anything else."""
    text, number = text_of(value), integer_of(value)
    return text or (None if number is None else str(number))


def one_hot_index(value: object) -> int | None:
    """The position of the 1 in a row of zeros and one 1; None for anything else."""
    cells = items_of(value)
    if cells is None:
        return None
    try:
        row = np.asarray(cells)
    except ValueError:  # numpy refuses lists whose elements differ in length
        return None
    if row.ndim != 1 or row.dtype.kind not in "iuf" or np.count_nonzero(row == 1) != 1 or np.count_nonzero(row) != 1:
        return None
    return int(np.argmax(row))


def speaker_of(value: object) -> str | None:
    """A speaker from a name such as `M`, or `speaker_3` from a number or a one-hot row; None for anything else."""
    text, number = text_of(value), integer_of(value)
    index = one_hot_index(value) if number is None else number
    return (text or "").strip() or (None if index is None else f"speaker_{index}")


def matrix_of(value: object) -> FeatureArray:
    """Feature rows as an array of shape (T, D), float32; numbers beyond float32's range become infinite.

    Raises:
        DataError: not a sequence of rows of numbers, or rows of different lengths; names the row.
    """
    array = array_of(value)
    if array is not None and array.ndim == 2 and array.dtype.kind in "fiub":
        return _as_float32(array)
    rows = items_of(value)
    if rows is None:
        raise DataError(f"found {describe(value)}, expected one row of numbers an utterance")
    if not rows:
        raise DataError("found no rows, expected one row of numbers an utterance")
    vectors = [_vector_of(row, position) for position, row in enumerate(rows)]
    for position, vector in enumerate(vectors):
        if len(vector) != len(vectors[0]):
            raise DataError(f"row {position} has {len(vector)} numbers, row 0 has {len(vectors[0])}")
    return np.stack(vectors)


def describe(value: object) -> str:
    """A few words on what an object is, for error messages: its kind and its size, never its content at length."""
    array = array_of(value)
    if array is not None:
        return f"an array of shape {array.shape}, dtype {array.dtype}"
    if isinstance(value, dict | list | tuple | set | frozenset):
        return f"a {type(cast('object', value)).__name__} of {len(cast('list[object]', value))}"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _vector_of(row: object, position: int) -> FeatureArray:
    try:
        vector = np.asarray(row)
    except ValueError:  # numpy refuses lists whose elements differ in length
        vector = np.empty((0, 0))
    if vector.ndim != 1 or vector.size == 0 or vector.dtype.kind not in "fiub":
        raise DataError(f"row {position} is {describe(row)}, expected a row of numbers")
    return _as_float32(vector)


def _as_float32(array: NDArray[np.generic]) -> FeatureArray:
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
