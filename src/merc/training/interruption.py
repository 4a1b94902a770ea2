"""Ctrl-C as a question that a training asks between its steps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def interruption() -> Generator[Callable[[], bool], None, None]:
    """Turns Ctrl-C into an answer to ask for, so that the step under way ends and is kept. A second one interrupts at once.

    Outside the main thread signals are somebody else's: the answer is then always no.
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
