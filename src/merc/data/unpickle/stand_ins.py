"""What lies on the inert reader's stack in place of things that are no data: names, dtypes, arrays that are not built yet.

All are immutable labels; none gives access to a module, a class or a function. The reader checks values by exact type, since a
numpy scalar may be an instance of str, bytes or float.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

import numpy as np

from merc.data.unpickle.budget import Refusal


@dataclass(frozen=True, slots=True)
class Name:
    """A name out of the table of allowed names. No module was imported for it and nothing looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"the name {self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class DType:
    """A numpy dtype that was checked; `dtype` is None for object arrays, which become lists."""

    dtype: np.dtype[Any] | None

    def __str__(self) -> str:
        return "a bare numpy dtype"


@dataclass(frozen=True, slots=True, eq=False)
class Unbuilt:
    """An array or a dtype that has been called for and waits for its state. Each is one of a kind."""

    of: Literal["array", "dtype"]
    code: str = ""

    def __str__(self) -> str:
        return f"a numpy {self.of} without its state"


def is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return type(value) is tuple


def is_list(value: object) -> TypeGuard[list[object]]:
    return type(value) is list


def is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return type(value) is dict


def is_set(value: object) -> TypeGuard[set[object]]:
    return type(value) is set


def is_frozenset(value: object) -> TypeGuard[frozenset[object]]:
    return type(value) is frozenset


def describe(value: object) -> str:
    """What a value on the stack is, for an error: its kind, never its content."""
    return str(value) if isinstance(value, Name | DType | Unbuilt) else f"a value of type {type(value).__name__}"


def printable(text: str) -> str:
    """Text out of a file as it may stand in one line on a terminal, cut at 120 characters."""
    start = text[:121]
    shown = start if start.isascii() and start.isprintable() else ascii(start)
    return shown if len(shown) <= 120 else f"{shown[:120]}..."


def wrong_call(name: str, allowed: str) -> Refusal:
    """The refusal of a call of an allowed name with arguments that no pickler writes."""
    return Refusal(f"a call of {name} with other arguments than it takes", allowed)


def raw_bytes(value: object) -> bytes | None:
    """Bytes, also where Python 2 wrote them as a str; None for anything else."""
    if type(value) is bytes:
        return value
    if type(value) is str:
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return None
