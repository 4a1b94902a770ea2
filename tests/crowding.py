"""Threads that meet, or must not."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError


def in_threads(*works):
    """What each of these gives, each run in a thread of its own."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


class Door:
    """Called where one thread may be at a time: counts its calls, and those that another thread was inside with."""

    def __init__(self):
        self.calls, self.met = 0, 0
        self._barrier = Barrier(2)

    def __call__(self):
        self.calls += 1
        try:
            self._barrier.wait(0.2)
            self.met += 1
        except BrokenBarrierError:
            pass
