"""Signals that end a program, heeded as Ctrl-C is: what is running is unwound or saved, and nothing half-written stays."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # of a batch system or a container that ends; of a terminal that is closed. Windows lacks the second


@contextmanager
def heeding_signals() -> Generator[list[int], None, None]:
    """Lets SIGTERM and SIGHUP do what Ctrl-C does at that moment.

    One that somebody else handles or ignores, as `nohup` does, is left alone. Outside the main thread, which alone may handle
    signals, nothing changes.

    Yields:
        The numbers of those that came.
    """
    came: list[int] = []

    def heed(number: int, frame: FrameType | None) -> None:
        came.append(number)
        pressed = signal.getsignal(signal.SIGINT)
        if callable(pressed):
            pressed(signal.SIGINT, frame)
        else:  # Ctrl-C is ignored, as a shell has it for what runs in its background
            raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    taken = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, heed)
    try:
        yield came
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
