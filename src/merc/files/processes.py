"""Worker processes, each with its own executor, so that one that is killed loses only its own task. They ignore Ctrl-C, which their
parent handles, and end with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from merc.files.posix import block_sigint, leave_terminal

Task = TypeVar("Task")
Result = TypeVar("Result")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # what torch reads
SPAWNED = multiprocessing.get_context("spawn")  # torch does not survive a fork


def in_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    begin: Callable[..., None],
    arguments: tuple[object, ...],
) -> Iterator[tuple[Task, Result | None]]:
    """Runs tasks in processes that are spawned for them. Closing the iterator, as Ctrl-C does, kills the running ones.

    Args:
        work: a function of a module; what it raises ends the iterator.
        tasks: in the order in which they are begun.
        processes: how many at a time.
        begin: called first in each process, with `arguments`.

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
    """One process, which is made when it is first given work and then calls `begin`; see `block_sigint`."""
    return ProcessPoolExecutor(1, SPAWNED, _begin, (begin, arguments))


def use_one_thread() -> None:
    """Lets torch compute on one thread, unless the user's environment says how many: several wait for one another here."""
    import torch

    if not any(os.environ.get(name) for name in _THREADS):
        torch.set_num_threads(1)


def kill(executor: ProcessPoolExecutor) -> None:
    """Kills the executor's process."""
    found = executor._processes  # pyright: ignore[reportPrivateUsage]  # there is no public access
    for process in list((found or {}).values()):
        process.kill()


def _begin(begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_terminal()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    begin(*arguments)
