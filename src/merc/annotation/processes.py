"""Work shared by processes, one executor each, so that one that is killed takes no other's work with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    begin: Callable[..., None],
    arguments: tuple[object, ...],
) -> Iterator[tuple[Task, Result | None]]:
    """Does tasks in processes that are spawned for it. Closing the iterator, as Ctrl-C does, kills what is under way.

    Args:
        work: a function of a module; what it raises ends the iterator.
        tasks: in the order in which they are begun.
        processes: how many at a time.
        begin: called first in each process, with the arguments.
        arguments: of `begin`.

    Yields:
        Each task with its result, as it ends; None where its process was killed.
    """
    context = multiprocessing.get_context("spawn")  # torch does not survive a fork
    waiting = deque(tasks)
    executors: dict[int, ProcessPoolExecutor] = {}
    running: dict[Future[Result], tuple[int, Task]] = {}
    try:
        while waiting or running:
            free = [slot for slot in range(processes) if slot not in {s for s, _ in running.values()}]
            for slot in free[: len(waiting)]:
                if slot not in executors:
                    executors[slot] = ProcessPoolExecutor(1, context, _begin, (os.getpid(), begin, arguments))
                task = waiting.popleft()
                try:
                    running[executors[slot].submit(work, task)] = (slot, task)
                except BrokenProcessPool:  # its process died while it had nothing to do
                    del executors[slot]
                    waiting.appendleft(task)
            done, _ = wait(running, return_when="FIRST_COMPLETED")
            for future in done:
                slot, task = running.pop(future)
                try:
                    yield task, future.result()
                except BrokenProcessPool:
                    executors.pop(slot).shutdown(wait=False)
                    yield task, None
    except BaseException:
        for executor in executors.values():
            _kill(executor)
        raise
    finally:
        for executor in executors.values():
            executor.shutdown(wait=True, cancel_futures=True)


def _kill(executor: ProcessPoolExecutor) -> None:
    found = executor._processes  # pyright: ignore[reportPrivateUsage]  # nothing public tells
    for pid in list(found or {}):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    """Prepares a process: deaf to Ctrl-C, which its parent answers, and gone when the parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    begin(*arguments)
