"""Calls that only POSIX systems have; elsewhere they do nothing, so on Windows Ctrl-C may end worker processes too."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

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


def leave_terminal() -> None:
    """Takes this process out of the terminal's group, so that Ctrl-C reaches its parent alone, and ends `block_sigint` in it."""
    if POSIX:
        os.setpgrp()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
