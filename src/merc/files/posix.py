"""What only POSIX systems have: it keeps Ctrl-C from worker processes. Elsewhere nothing is done, and Ctrl-C ends them too."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager

HERE = hasattr(signal, "pthread_sigmask")


@contextmanager
def block_sigint() -> Generator[None, None, None]:
    """Holds Ctrl-C back while a process is made, which would be born into the terminal's group and die of it."""
    if not HERE or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_terminal() -> None:
    """Takes this process out of the terminal's group, so that Ctrl-C reaches its parent alone, and ends `block_sigint` in it."""
    if HERE:
        os.setpgrp()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
