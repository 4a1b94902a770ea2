"""Processes that work on a study's tasks: one executor a slot, so that one that is killed takes no other's task with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Literal

import torch

from merc.data.store import open_store
from merc.errors import MercError
from merc.run import Hooks
from merc.studies.plan import digest_of
from merc.studies.task import End, Place, Task, run_task

_EVERY = 0.5  # seconds between two reports of a task's progress
_KILLED = "its process was killed, or ended by itself; the system's log may tell (out of memory?)"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended.

    Attributes:
        task: which.
        end: how.
        error: one line for people, if it failed.
        details: the traceback of an error that nobody foresaw.
    """

    task: Task
    end: End | Literal["failed"]
    error: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Slot:
    """A process, and the queue on which it tells how far it is; its own, since a killed process may leave a queue locked."""

    executor: ProcessPoolExecutor
    progress: SimpleQueue[tuple[str, int, int]]


class Pool:
    """A fixed number of processes. Use as a context; leaving it ends them, and leaving it by an exception kills them.

    Args:
        processes: how many.
        threads: of torch, in each.
        study: the study's folder.
        store: of the corpus.
    """

    def __init__(self, processes: int, threads: int, study: Path, store: Path) -> None:
        self._context = multiprocessing.get_context("spawn")  # torch does not survive a fork
        self._stop = self._context.Event()
        self._arguments = (threads, study, store)
        self._slots: list[_Slot | None] = [None] * processes
        self._running: dict[int, tuple[Future[End], Task]] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for slot in self._slots:
            if slot is not None:
                if kind is not None:
                    for pid in _processes(slot.executor):
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                slot.executor.shutdown(wait=True, cancel_futures=True)

    @property
    def free(self) -> int:
        """Slots without a task."""
        return len(self._slots) - len(self._running)

    @property
    def running(self) -> tuple[Task, ...]:
        """The tasks under way."""
        return tuple(task for _, task in self._running.values())

    def start(self, task: Task) -> None:
        """Gives a task to a free slot."""
        number = next(i for i in range(len(self._slots)) if i not in self._running)
        with _deaf():
            try:
                future = self._slot(number).executor.submit(_work, task)
            except BrokenProcessPool:  # its process died while it had nothing to do
                self._slots[number] = None
                future = self._slot(number).executor.submit(_work, task)
        self._running[number] = (future, task)

    def wait(self, seconds: float, on_progress: Callable[[str, int, int], None]) -> list[Ended]:
        """Waits for an end, or for so many seconds, and tells what has happened.

        Args:
            seconds: at most.
            on_progress: takes a task's folder, its steps done and its steps in all.
        """
        wait([future for future, _ in self._running.values()], timeout=seconds, return_when="FIRST_COMPLETED")
        for slot in self._slots:
            while slot is not None and not slot.progress.empty():
                on_progress(*slot.progress.get())
        ended: list[Ended] = []
        for number, (future, task) in list(self._running.items()):
            if future.done():
                ended.append(self._end(number, future, task))
                del self._running[number]
        return ended

    def interrupt(self) -> None:
        """Asks every training under way to save itself and stop."""
        self._stop.set()

    def _slot(self, number: int) -> _Slot:
        slot = self._slots[number]
        if slot is None:
            progress: SimpleQueue[tuple[str, int, int]] = self._context.SimpleQueue()
            arguments = (progress, self._stop, os.getpid(), *self._arguments)
            slot = _Slot(ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=arguments), progress)
            self._slots[number] = slot
        return slot

    def _end(self, number: int, future: Future[End], task: Task) -> Ended:
        try:
            return Ended(task, future.result())
        except MercError as error:
            return Ended(task, "failed", str(error))
        except BrokenProcessPool:
            self._slots[number] = None
            return Ended(task, "interrupted") if self._stop.is_set() else Ended(task, "failed", _KILLED)
        except Exception as error:
            details = "".join(traceback.format_exception(error))
            return Ended(task, "failed", f"{type(error).__name__}: {error}", details)


def _processes(executor: ProcessPoolExecutor) -> list[int]:
    found = executor._processes  # pyright: ignore[reportPrivateUsage]  # nothing public tells
    return list(found or {})


@contextmanager
def _deaf() -> Generator[None, None, None]:
    """Holds Ctrl-C back while a process is made, which would be born into the terminal's group and die of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """What a process knows; set once, when it begins."""

    progress: SimpleQueue[tuple[str, int, int]]
    stop: Event
    study: Path
    store: Path


_worker: list[_Worker] = []


def _begin(progress: SimpleQueue[tuple[str, int, int]], stop: Event, parent: int, threads: int, study: Path, store: Path) -> None:
    """Prepares a process: threads, signals, and an end when the parent has gone."""
    torch.set_num_threads(threads)
    os.setpgrp()  # so that Ctrl-C in the terminal reaches the parent alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _worker.append(_Worker(progress, stop, study, store))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(task: Task) -> End:
    worker, last = _worker[0], 0.0

    def on_step(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY or done == total:
            last = now
            worker.progress.put((task.folder, done, total))

    if worker.stop.is_set():
        return "interrupted"
    return run_task(task, _place(worker.study, worker.store), Hooks(on_step=on_step, interrupted=worker.stop.is_set))


@lru_cache(maxsize=1)
def _place(study: Path, store: Path) -> Place:
    corpus = open_store(store)
    return Place(study, corpus, digest_of(corpus))
