"""Locks between processes, by filelock: the system frees one when its holder dies."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def locked_folder(folder: str | Path, *, wait: bool = True) -> Generator[bool, None, None]:
    """Hold a folder's lock, the file `.NAME.lock` beside it, which goes with the lock. The folder itself need not exist.

    A holder that is killed leaves an empty file, which locks nothing.

    Yields:
        Whether the lock was had; always True with `wait`.

    Raises:
        OSError: nothing can be written beside the folder, whose parents are made if need be.
    """
    place = Path(folder).resolve()
    path = place.with_name(f".{place.name}.lock")
    lock = FileLock(path)
    try:
        lock.acquire(blocking=wait)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # While it is held: filelock, once it has a lock, looks whether the file still has its name, and else begins again.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()
