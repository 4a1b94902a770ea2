"""What a pickle may cost: limits, an account of the memory it asks for, and the final check of what was made of it.

A small pickle can ask for much memory: one object referred to many times, one long string converted again and again. So all that
the inert reader (`merc.data.unpickle.reading`) makes is charged to one account, which grows with the file's size.
The numbers are chosen: two real files ask for 6 and 23 bytes per byte of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from pydantic import Field

from merc.errors import DataError, UnsafeFileError
from merc.settings import Settings

ALLOWED_DATA = "dict, list, tuple, set, str, bytes, int, float, bool, None, numpy arrays and scalars"
SLOT = 8  # bytes: what a place in a list or tuple takes
CONTAINER = 64  # bytes: about what an empty list, tuple or dict takes
ENTRY = 64  # bytes: about what an entry of a dict or a set takes beside its value
MEMO_ENTRY = 100  # bytes: the same for the memo, with its index
EMPTY_SET = 216  # bytes: a set brings its first table along
_ATOMS: frozenset[type] = frozenset({int, float, bool, type(None)})
_CONTAINERS: frozenset[type] = frozenset({dict, list, tuple, set, frozenset})


class Budget(Settings):
    """Limits for one pickle (chosen).

    Attributes:
        file_bytes: the longest file that is read at all.
        objects: the most opcodes; one opcode makes one object at most.
        memo: the most entries in the memo, and one more than its highest index.
        depth: the deepest nesting of containers.
        spare_bytes: memory that any file may ask for, however small it is.
        growth: memory that a file may ask for beyond that, per byte of its own.
    """

    file_bytes: int = Field(default=8 << 30, gt=0)
    objects: int = Field(default=1_000_000_000, gt=0)
    memo: int = Field(default=200_000_000, gt=0)
    depth: int = Field(default=100, gt=0)
    spare_bytes: int = Field(default=64 << 20, ge=0)
    growth: int = Field(default=64, ge=0)


DEFAULT_BUDGET = Budget()


class Refusal(Exception):
    """Stops the reading and never leaves the reader: `loads_plain` turns it into the one error that names file and byte.

    `error` is `UnsafeFileError` for what the reader will not make, `DataError` for a file that is damaged or no pickle.
    """

    def __init__(self, found: str, allowed: str = ALLOWED_DATA, error: type[DataError] = UnsafeFileError) -> None:
        super().__init__(found)
        self.found = found
        self.allowed = allowed
        self.error = error


class Meter:
    """The account of one reading: the bytes of memory that the file has asked for, and the room for them altogether.

    The machine adds small sums to `spent` itself and looks at the account after each opcode; `charge` comes before large ones.
    """

    __slots__ = ("budget", "file_size", "room", "spent")

    def __init__(self, budget: Budget, file_size: int) -> None:
        self.budget = budget
        self.file_size = file_size
        self.room = budget.spare_bytes + budget.growth * file_size
        self.spent = 0

    def charge(self, cost: int) -> None:
        """Takes `cost` bytes from the account, before they are allocated.

        Raises:
            Refusal: the account is empty.
        """
        self.spent += cost
        if self.spent > self.room:
            raise self.overdrawn()

    def overdrawn(self) -> Refusal:
        """The refusal of a file that asks for more than its room."""
        return Refusal(
            f"the file has {self.file_size} bytes but asks for more than {self.room} bytes of memory",
            f"{self.budget.spare_bytes} bytes and {self.budget.growth} more per byte of the file",
        )


@dataclass(slots=True)
class _Visit:
    """A container that is being measured: bytes (as if nothing were shared) and levels so far, and what is to be entered yet."""

    container: object
    size: int
    children: Iterator[object]
    depth: int = 1

    def add(self, child: _Visit) -> None:
        self.size += child.size
        self.depth = max(self.depth, child.depth + 1)


def check_plain(root: object, meter: Meter) -> None:
    """Looks at everything that can be reached from `root`, each container once.

    Shared containers count each time they are referred to, so that a file of shared references can't make a caller hang who walks
    the result, compares it or copies it.

    Raises:
        Refusal: something that is not plain data, a container inside itself, too deep a nesting, or more bytes than the room.
    """
    path = [_enter((root,))]  # the outermost tuple is no level of the file's
    on_path: set[int] = set()
    measured: dict[int, _Visit] = {}
    while path:
        visit = path[-1]
        child = next(visit.children, None)  # never None itself: children are containers
        if child is None:
            path.pop()
            on_path.discard(id(visit.container))
            measured[id(visit.container)] = visit
            if path:
                path[-1].add(visit)
        elif id(child) in on_path:
            raise Refusal(f"a {type(child).__name__} that contains itself", "containers that do not contain themselves")
        elif id(child) in measured:
            visit.add(measured[id(child)])
        else:
            on_path.add(id(child))
            path.append(_enter(child))
        if max(len(path), visit.depth) - 1 > meter.budget.depth:
            raise Refusal(f"containers nested more than {meter.budget.depth} deep", f"at most {meter.budget.depth} levels")
        if visit.size > meter.room:
            raise meter.overdrawn()


def _enter(container: object) -> _Visit:
    """Measures what a container itself holds and lists the containers in it."""
    size = CONTAINER
    held = container
    if isinstance(held, dict):
        entries = cast("dict[object, object]", held)
        size += sum(len(key) for key in entries if isinstance(key, str | bytes))
        held = entries.values()
    values = cast("Collection[object]", held)
    size += SLOT * len(values)
    if set(map(type, values)) <= _ATOMS:  # the usual case, long lists of numbers, is not walked in Python
        return _Visit(container, size, iter(()))
    children: list[object] = []
    for value in values:
        if type(value) in _CONTAINERS:
            children.append(value)
        elif type(value) is str or type(value) is bytes:
            size += len(value)
        elif type(value) is np.ndarray or isinstance(value, np.generic):
            size += value.nbytes
        elif type(value) not in _ATOMS:
            raise Refusal(f"{value} where data should be")
    return _Visit(container, size, iter(children))
