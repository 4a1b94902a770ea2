"""Processes that share work: one executor each, so that one that is killed takes no other's work with it. They do not hear
Ctrl-C, which their parent answers, and end when it is gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
SPAWNED = multiprocessing.get_context("spawn")  # torch does not survive a fork


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
    waiting = deque(tasks)
    executors: dict[int, ProcessPoolExecutor] = {}
    running: dict[Future[Result], tuple[int, Task]] = {}
    try:
        while waiting or running:
            free = [slot for slot in range(processes) if slot not in {s for s, _ in running.values()}]
            for slot in free[: len(waiting)]:
                if slot not in executors:
                    executors[slot] = executor(begin, arguments)
                task = waiting.popleft()
                try:
                    with block_sigint():
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
        for used in executors.values():
            kill(used)
        raise
    finally:
        for used in executors.values():
            used.shutdown(wait=True, cancel_futures=True)


def executor(begin: Callable[..., None], arguments: tuple[object, ...]) -> ProcessPoolExecutor:
    """One process, which is made when it is first given work; see `block_sigint`.

    Args:
        begin: called first in it, with the arguments.
        arguments: of `begin`.
    """
    return ProcessPoolExecutor(1, SPAWNED, _begin, (os.getpid(), begin, arguments))


def kill(executor: ProcessPoolExecutor) -> None:
    """Kills the executor's process."""
    found = executor._processes  # pyright: ignore[reportPrivateUsage]  # nothing public tells
    for pid in list(found or {}):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def block_sigint() -> Generator[None, None, None]:
    """Holds Ctrl-C back while a process is made, which would be born into the terminal's group and die of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    os.setpgrp()  # so that Ctrl-C in the terminal reaches the parent alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    begin(*arguments)
