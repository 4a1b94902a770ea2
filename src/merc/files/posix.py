"""Calls that only POSIX systems have; elsewhere they do nothing, so on Windows Ctrl-C may end worker processes too, and a new
file's rights are its folder's.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

POSIX = hasattr(signal, "pthread_sigmask")


def usable_cores() -> int:
    """The cores that this process may use, which a batch system or `taskset` may limit to fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def block_sigint() -> Generator[None, None, None]:
    """Holds Ctrl-C back while a process is started, which belongs to the terminal's group until `leave_terminal`.

    The mask, which the process inherits, is that of this thread alone. The system may give the signal to another thread, and Python
    then runs the handler in this one; so that is held back, too.
    """
    if not POSIX or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if handler is not None:  # else one that Python did not set, and could not set again
        signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


def lock(descriptor: int, *, wait: bool = True) -> bool:
    """Locks an open file or folder until it is closed, or its process ends. Only those who ask for it heed such a lock.

    Returns:
        Whether it was had; always True with `wait`, or elsewhere than on POSIX.

    Raises:
        OSError: the file system has no locks.
    """
    if POSIX:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
    return True


def remove_unless_locked(path: Path) -> None:
    """Removes a file that nobody has locked. Elsewhere than on POSIX the system refuses to remove one that is open.

    Raises:
        OSError: it can't be locked, or removed.
    """
    if not POSIX:
        path.unlink()
        return
    with path.open("r+b") as file:
        if lock(file.fileno(), wait=False):
            path.unlink()


def rights_like(paths: Iterable[Path], folder: Path) -> int:
    """The mode of a new file in `folder` that nobody may read or change who may not do so to all of `paths`, but for its owner.

    Who may not pass a folder above one of the paths may not read that either; folders above `folder` too don't count, as they guard
    the new file themselves. The process's umask still applies to it. A path that is missing counts for nothing; of a folder its own
    mode counts.
    """
    rights = 0o666
    if not POSIX:
        return rights
    place = folder.stat()
    guarded = {folder.resolve(), *folder.resolve().parents}
    passed: set[Path] = set()
    group = place.st_gid if place.st_mode & stat.S_ISGID or sys.platform != "linux" else os.getegid()
    for path in paths:
        try:
            found = path.stat()
        except OSError:
            continue
        rights &= _as_of(found, group) | 0o600
        for above in path.resolve().parents:
            if above in guarded or above in passed:
                break
            passed.add(above)
            searchable = _as_of(above.stat(), group) & 0o011
            rights &= 0o600 | (searchable << 1 | searchable << 2)
    return rights


def _as_of(found: os.stat_result, group: int) -> int:
    """The mode of what was found, its bits for the group as they are for the members of this group."""
    mode = found.st_mode
    return mode if found.st_gid == group else mode & (~0o070 | (mode & 0o007) << 3)


def leave_terminal() -> None:
    """Takes this process out of the terminal's group, so that Ctrl-C reaches its parent alone, and ends `block_sigint` in it."""
    if POSIX:
        os.setpgrp()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
