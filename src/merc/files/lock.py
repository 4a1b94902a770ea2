"""Locks between processes: the system frees one when its holder dies."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from merc.files.posix import POSIX, lock


@contextmanager
def locked_folder(folder: str | Path, *, wait: bool = True) -> Generator[bool, None, None]:
    """Hold a folder's lock, the file `.NAME.lock` beside it, which goes with the lock. The folder itself need not exist.

    A holder that is killed leaves an empty file, which locks nothing.

    Yields:
        Whether the lock was had; always True with `wait`.

    Raises:
        OSError: nothing can be written beside the folder, whose parents are made if need be.
    """
    from filelock import FileLock, Timeout  # a tenth of a second, and not needed to label one file

    place = Path(folder).resolve()
    path = place.with_name(f".{place.name}.lock")
    held = FileLock(path)
    try:
        held.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # While it is held: filelock, once it has a lock, looks whether the file still has its name, and else begins again.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        held.release()


def remove_left_lock(folder: str | Path) -> None:
    """Removes the file of `locked_folder` that a killed holder left, if there is one and the place can be written to."""
    place = Path(folder).resolve()
    if place.with_name(f".{place.name}.lock").exists():
        with suppress(OSError), locked_folder(folder, wait=False):
            pass


@contextmanager
def locked_in_place(folder: str | Path) -> Generator[bool, None, None]:
    """Hold a lock of an existing folder that leaves no file, in it or beside it. It is another lock than that of `locked_folder`.

    On Windows, where the file system has no such locks, and where the folder may not be listed, nothing is locked.

    Yields:
        Whether no other process has the lock.
    """
    alone = True
    with ExitStack() as stack:
        if POSIX:
            with suppress(OSError):
                descriptor = os.open(folder, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                alone = lock(descriptor, wait=False)
        yield alone
