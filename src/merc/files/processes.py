"""Worker processes, each with its own executor, so that one that is killed loses only its own task. They ignore Ctrl-C, which their
parent handles, and end with it. Before they end they have a moment to remove their temporary files.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from merc.files.posix import block_sigint, leave_terminal

UNWINDING = 2.0  # s that a task has to end when its process is to end [chosen]
Task = TypeVar("Task")
Result = TypeVar("Result")
_idle = threading.Event()  # in a worker process: it has no task
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # what torch reads, and what ONNX Runtime is told of
SPAWNED = multiprocessing.get_context("spawn")  # torch does not survive a fork


def in_processes(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    processes: int,
    begin: Callable[..., None],
    arguments: tuple[object, ...],
) -> Iterator[tuple[Task, Result | None]]:
    """Runs tasks in processes that are spawned for them. Closing the iterator, as Ctrl-C does, ends the running ones (see `end`).

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
                    running[submit(executors[slot], work, task)] = (slot, task)
                except BrokenProcessPool:  # its process died while it had nothing to do
                    del executors[slot]
                    waiting.appendleft(task)
            done, _ = wait(running, return_when="FIRST_COMPLETED")
            for future in done:
                slot, task = running.pop(future)
                try:
                    yield task, future.result()
                except (BrokenProcessPool, Ended):
                    executors.pop(slot).shutdown(wait=False)
                    yield task, None
    except BaseException:
        end(executors.values())
        raise
    finally:
        for used in executors.values():
            used.shutdown(wait=True, cancel_futures=True)


def executor(begin: Callable[..., None], arguments: tuple[object, ...]) -> ProcessPoolExecutor:
    """One process, which is made when it is first given work and then calls `begin`; see `block_sigint`."""
    return ProcessPoolExecutor(1, SPAWNED, _begin, (begin, arguments))


def use_one_thread() -> None:
    """Lets this process compute on one thread, unless the user's environment says how many: several wait for one another here."""
    if any(os.environ.get(name) for name in _THREADS):
        return
    os.environ[_THREADS[0]] = "1"  # what is loaded later reads it
    loaded = sys.modules.get("torch")  # which annotating does without
    if loaded is not None:
        loaded.set_num_threads(1)


def submit(executor: ProcessPoolExecutor, work: Callable[[Task], Result], task: Task) -> Future[Result]:
    """Gives a task to the executor's process. The future raises `Ended` where the process was asked to end meanwhile.

    Raises:
        BrokenProcessPool: the process has died.
    """
    with block_sigint():
        return executor.submit(_work, work, task)


def end(executors: Collection[ProcessPoolExecutor]) -> None:
    """Ends the executors' processes: their tasks are asked to unwind, and killed if that takes them too long."""
    processes = [p for e in executors for p in list((e._processes or {}).values())]  # pyright: ignore[reportPrivateUsage]
    for process in processes:  # the library gives no public access
        process.terminate()
    for executor in executors:
        executor.shutdown(wait=False, cancel_futures=True)
    latest = time.monotonic() + UNWINDING
    try:
        for process in processes:
            process.join(max(0.0, latest - time.monotonic()))
    finally:
        for process in processes:
            process.kill()


class Ended(SystemExit):
    """Raised in the task of a process that is asked to end, by SIGTERM."""


def _raise_ended(*_: object) -> None:
    raise Ended


def _work(work: Callable[[Task], Result], task: Task) -> Result:
    _idle.clear()
    try:
        return work(task)
    finally:
        _idle.set()


def _begin(begin: Callable[..., None], arguments: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _raise_ended)
    leave_terminal()
    _idle.set()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)  # which the main thread handles
        _idle.wait(UNWINDING)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    begin(*arguments)
