"""A file that a user names by its path, or has opened already, read as bytes."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

from merc.errors import DataError


@runtime_checkable
class OpenFile(Protocol):
    """A file opened as bytes, or what acts like one, such as `io.BytesIO`. It is read from its first byte, wherever it stands."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
    def seekable(self) -> bool: ...


def found_at(path: Path) -> str:
    """What lies at a path where a file was expected, for error messages."""
    return "a folder" if path.is_dir() else "neither a file nor a folder" if path.exists() else "nothing"


@contextmanager
def opened_file(source: Path | OpenFile, name: str, expected: str) -> Generator[OpenFile, None, None]:
    """The file at its first byte; afterwards a user's open file stands where it stood.

    Args:
        source: what is read.
        name: what errors call it.
        expected: what it should be, such as "a recording".

    Raises:
        DataError: no file, one that may not be read, or an open file that gives no bytes or can't seek.
    """
    if isinstance(source, Path):
        if not source.is_file():  # a device or a pipe might never end
            raise DataError(f"{name}: expected {expected}, found {found_at(source)}")
        try:
            file = source.open("rb")
        except OSError as error:
            raise DataError(f"{name} can't be read: {error.strerror}") from error
        with file:
            yield file
        return
    place, nothing = None, None
    with suppress(OSError, ValueError, AttributeError):  # closed, or opened for writing
        place, nothing = source.tell() if source.seekable() else None, source.read(0)
    if place is None or not isinstance(nothing, bytes):  # opened as text
        raise DataError(f"{name}: expected a file that is open as bytes ('rb') and in which one can seek")
    try:
        source.seek(0, os.SEEK_SET)
        yield source
    finally:
        with suppress(OSError, ValueError):  # its user has closed it meanwhile
            source.seek(place)
