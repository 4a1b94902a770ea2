"""What callers hand to the public functions, checked once where it comes in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from merc.errors import DataError, MercError
from merc.files.printable import printable
from merc.files.validation import shorten

MOST_BYTES_OF_A_NAME = 255  # of a file, on all usual file systems


def shown(value: object) -> str:
    """A value and its type in one short line, for messages."""
    return "None" if value is None else f"{shorten(printable(repr(value)))} ({type(value).__name__})"


def checked(
    value: object, kinds: type | tuple[type, ...], what: str, expected: str, error: Callable[[str], MercError] = DataError
) -> Any:
    """The value, if it is of one of these types.

    Args:
        value, kinds: the argument, and the types that it may have.
        what, expected: its name, and what it should be, for the message.
        error: what is raised.

    Raises:
        MercError: `error`, where it is of another type.
    """
    if not isinstance(value, kinds):
        raise error(f"{what}: expected {expected}, found {shown(value)}")
    return value


def path_from(value: object, what: str, expected: str, error: Callable[[str], MercError] = DataError) -> Path:
    """The path that an argument names; arguments and errors as for `checked`. What no file system takes for a path is refused."""
    path = Path(checked(value, (str, os.PathLike), what, f"{expected}, as a str or a Path", error))
    fault = "it holds a zero character" if "\0" in str(path) else ""
    if any(len(os.fsencode(part)) > MOST_BYTES_OF_A_NAME for part in path.parts):
        fault = "no file has so long a name"
    if fault:
        raise error(f"{what}: expected {expected}, found {shown(str(value))}, which is no path: {fault}")
    return path
