"""Annotations of arrays with their shapes: `Float32[np.ndarray, "N D"]`, in jaxtyping's words.

They are checked in the test run, which loads jaxtyping before merc. Elsewhere nothing reads them, and importing jaxtyping, which
takes a twentieth of a second, is left out: there an annotation stands for the array's type alone.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.modules.get("jaxtyping"):
    from jaxtyping import Bool, Float, Float16, Float32, Float64, Int, Int8, Int16, Int64, Num, Shaped
else:

    class _Unchecked:
        def __class_getitem__(cls, array_and_shape: tuple[type, str]) -> type:
            return array_and_shape[0]

    Bool = Float = Float16 = Float32 = Float64 = Int = Int8 = Int16 = Int64 = Num = Shaped = _Unchecked

__all__ = ["Bool", "Float", "Float16", "Float32", "Float64", "Int", "Int8", "Int16", "Int64", "Num", "Shaped"]
