"""Ctrl-C as a flag that a training reads between its steps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def interruption() -> Generator[Callable[[], bool], None, None]:
    """Yields a function that tells whether Ctrl-C was pressed, so that the current step ends and is kept; a second one interrupts.

    Outside the main thread, which alone may handle signals, the function always returns False.
    """
    asked: list[bool] = []

    def note(_signal: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    try:
        previous = signal.signal(signal.SIGINT, note)
    except ValueError:
        yield lambda: False
        return
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, previous)
