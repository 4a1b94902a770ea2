"""Numpy arrays, scalars and dtypes out of a pickle: checked, then built from bytes.

The results of numpy's `_reconstruct`, `ndarray.__setstate__`, `dtype`, `scalar` and `_frombuffer` are made from plain values:
nothing is called that could run code, nothing is allocated beyond the bytes that the file holds. Arrays are in native byte order,
writable, in memory of their own; object arrays of one axis become lists.

Source of the states: numpy, `array_reduce`, `arraydescr_reduce`, `gentype_reduce` (versions 1.6 to 2.4), `numpy/_core/numeric.py`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from merc.data.unpickle.budget import CONTAINER, SLOT, Meter, Refusal
from merc.data.unpickle.stand_ins import DType, Name, Unbuilt, describe, is_list, is_tuple, printable, raw_bytes, wrong_call

_DTYPE_CODE = re.compile(r"b1|[iu][1248]|f[248]|[SU][0-9]{1,7}|O[48]?")
_ALLOWED_DTYPES = "b1, i1 to i8, u1 to u8, f2, f4, f8, S, U, and O for lists"
_ALLOWED_STATE = "(1, shape, dtype, is_fortran, bytes), or a list in place of the bytes of an object array"
_MAX_AXES = 32
_MAX_EMPTY = 1_000_000  # rows that an array without any byte may claim
_MAX_CODE_POINT = 0x10FFFF
_ARRAY_BYTES = 128  # about what numpy's array object takes beside its data
_SCALAR_BYTES = 40
_OBJECT_FLAGS = 63  # numpy's flags of an object array


def call_reconstruct(arguments: tuple[object, ...], _: Meter) -> Unbuilt:
    """`_reconstruct(ndarray, (0,), b'b')`: an array that waits for its state."""
    match arguments:
        case (Name(module="numpy", name="ndarray"), shape, code) if _integers(shape) == (0,) and raw_bytes(code) == b"b":
            return Unbuilt("array")
        case _:
            raise wrong_call("numpy's _reconstruct", "(numpy.ndarray, (0,), b'b')")


def call_dtype(arguments: tuple[object, ...], _: Meter) -> Unbuilt:
    """`dtype(code, False, True)`: a dtype that waits for its byte order."""
    match arguments:
        case (str(code), align, copy) if _flag(align) is False and _flag(copy) is True:
            if not _DTYPE_CODE.fullmatch(code):
                raise Refusal(f"the numpy dtype {printable(code)!r}", _ALLOWED_DTYPES)
            return Unbuilt("dtype", code)
        case _:
            raise wrong_call("numpy.dtype", "(code, False, True)")


def call_scalar(arguments: tuple[object, ...], meter: Meter) -> object:
    """`scalar(dtype, bytes)`: a numpy scalar."""
    match arguments:
        case (DType(dtype=np.dtype() as dtype), content):
            data = raw_bytes(content)
            if data is None or len(data) != dtype.itemsize:
                raise Refusal(f"a numpy scalar of {dtype} with another content", f"{dtype.itemsize} bytes")
            meter.spent += _SCALAR_BYTES + len(data)
            if not data:
                return np.str_() if dtype.kind == "U" else np.bytes_()
            if dtype.kind in "bU":
                _check_items(data, dtype)
            return np.frombuffer(data, dtype)[0]
        case _:
            raise wrong_call("numpy's scalar", "(dtype, bytes)")


def call_frombuffer(arguments: tuple[object, ...], meter: Meter) -> object:
    """`_frombuffer(bytes, dtype, shape, order)`: an array as protocol 5 writes it."""
    match arguments:
        case (bytes(raw), DType(dtype=np.dtype() as dtype), shape, str("C" | "F" as order)):
            return _array(shape, dtype, raw, order, meter)
        case (bytes(raw), DType(dtype=np.dtype() as dtype), shape, str("K"), axes):
            array = _array(shape, dtype, raw, "C", meter)
            turned = _integers(axes)
            if turned is not None and sorted(turned) == list(range(array.ndim)):
                return array.transpose(turned)
        case _:
            pass
    raise wrong_call("numpy's _frombuffer", "(bytes, dtype, shape, 'C' or 'F'), or (bytes, dtype, shape, 'K', order of the axes)")


def build(stand_in: Unbuilt, state: object, meter: Meter) -> object:
    """What a stand-in becomes with its state: an array (a list for an object array), or a `DType`.

    Raises:
        Refusal: the state is not one that numpy writes for plain arrays.
    """
    if not is_tuple(state):
        raise Refusal(f"{stand_in}: {describe(state)} instead of it", "a tuple, as numpy writes it")
    return _build_array(state, meter) if stand_in.of == "array" else _build_dtype(stand_in.code, state)


def _build_dtype(code: str, state: tuple[object, ...]) -> DType:
    """The dtype in the byte order of its state; wrong flags would make numpy take numbers for pointers."""
    dtype = np.dtype("O" if code[0] == "O" else code)
    match state:
        case (int(version), str(order), None, None, None, int(size), int(), int(flags)) if version == 3 and order in tuple("<>=|"):
            if size not in (-1, dtype.itemsize) or flags not in ((_OBJECT_FLAGS,) if dtype.kind == "O" else (0, dtype.flags)):
                found = f"the item size {printable(str(size))} and the flags {printable(str(flags))}"
                raise Refusal(f"the numpy dtype {code!r} with {found}", f"{dtype.itemsize} bytes and {dtype.flags}")
            if dtype.kind == "O":
                return DType(None)
            return DType(dtype if order == "|" else dtype.newbyteorder(cast("Literal['<', '>', '=']", order)))
        case _:
            raise Refusal(f"another state than that of the plain numpy dtype {code!r}", "no fields, no sub-arrays, no metadata")


def _build_array(state: tuple[object, ...], meter: Meter) -> object:
    match state:
        case (int(1), shape, DType(dtype=None), fortran, items) if is_list(items) and _flag(fortran) is not None:
            if _integers(shape) != (len(items),):
                raise Refusal("a numpy object array of several axes, or of another length than its list", "one axis")
            meter.charge(CONTAINER + SLOT * len(items))
            return list(items)
        case (int(1), shape, DType(dtype=np.dtype() as dtype), fortran, raw) if _flag(fortran) is not None:
            return _array(shape, dtype, raw, "F" if _flag(fortran) else "C", meter)
        case _:
            raise Refusal("another state than that of a plain numpy array", _ALLOWED_STATE)


def _array(shape: object, dtype: np.dtype[Any], raw: object, order: Literal["C", "F"], meter: Meter) -> NDArray[np.generic]:
    """The array of this shape, if the bytes are as many as it needs and each item is a value of the dtype."""
    axes = _integers(shape)
    if axes is None or len(axes) > _MAX_AXES:
        raise Refusal("a numpy shape that is none", f"a tuple of at most {_MAX_AXES} integers, none of them negative")
    data = raw_bytes(raw)
    if data is None:
        raise Refusal(f"{describe(raw)} as a numpy array's content", "bytes")
    shown = printable(str(axes))
    if math.prod(axes) * dtype.itemsize != len(data):
        raise Refusal(f"{len(data)} bytes for a numpy array of shape {shown} and {dtype}", "shape x item size")
    if not data and math.prod(n for n in axes if n) > _MAX_EMPTY:
        raise Refusal(f"a numpy array of shape {shown} that has no bytes", f"at most {_MAX_EMPTY} empty rows")
    meter.charge(_ARRAY_BYTES + len(data))
    native = dtype.newbyteorder("=")
    if not data:
        return np.zeros(axes, native, order)
    _check_items(data, dtype)
    return np.frombuffer(data, dtype).reshape(axes, order=order).astype(native, order="K", copy=True)


def _check_items(data: bytes, dtype: np.dtype[Any]) -> None:
    """Refuses bytes that are no value of their type, which numpy accepts and fails on later."""
    if dtype.kind == "b" and np.frombuffer(data, np.uint8).max() > 1:
        raise Refusal("a numpy boolean that is neither 0 nor 1", "0 or 1")
    if dtype.kind == "U" and np.frombuffer(data, np.dtype(np.uint32).newbyteorder(dtype.byteorder)).max() > _MAX_CODE_POINT:
        raise Refusal("a numpy string with a character beyond Unicode", f"code points up to {_MAX_CODE_POINT:#x}")


def _integers(value: object) -> tuple[int, ...] | None:
    """A tuple of integers that are not negative; None for anything else."""
    if not is_tuple(value):
        return None
    numbers = tuple(item for item in value if type(item) is int and item >= 0)
    return numbers if len(numbers) == len(value) else None


def _flag(value: object) -> bool | None:
    """A boolean, also where Python 2 wrote it as 0 or 1; None for anything else."""
    return bool(value) if type(value) in (bool, int) and value in (0, 1) else None
