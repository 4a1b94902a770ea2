"""Processes that work on a study's tasks: one executor a slot, so that one that is killed takes no other's task with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Literal

import torch

from merc.data.schema import Corpus
from merc.data.store import open_store
from merc.errors import MercError
from merc.studies.task import Task, run_task

End = Literal["done", "interrupted", "failed"]
_EVERY = 0.5  # seconds between two reports of a task's progress


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
    end: End
    error: str = ""
    details: str = ""


class Pool:
    """A fixed number of processes. Use as a context; leaving it ends them.

    Args:
        processes: how many.
        threads: of torch, in each.
        place: the study's folder.
        store: of the corpus.
    """

    def __init__(self, processes: int, threads: int, place: Path, store: Path) -> None:
        self._context = multiprocessing.get_context("spawn")  # torch does not survive a fork
        self._progress: SimpleQueue[tuple[str, int, int]] = self._context.SimpleQueue()
        self._threads, self._place, self._store = threads, place, store
        self._slots: list[ProcessPoolExecutor | None] = [None] * processes
        self._running: dict[int, tuple[Future[bool], Task]] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for executor in self._slots:
            if executor is not None:
                executor.shutdown(wait=True, cancel_futures=True)

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
        slot = next(i for i in range(len(self._slots)) if i not in self._running)
        executor = self._slots[slot]
        if executor is None:
            arguments = (self._progress, self._threads, os.getpid())
            executor = ProcessPoolExecutor(1, mp_context=self._context, initializer=_begin, initargs=arguments)
            self._slots[slot] = executor
        self._running[slot] = (executor.submit(_work, task, self._place, self._store), task)

    def wait(self, seconds: float, on_progress: Callable[[str, int, int], None]) -> list[Ended]:
        """Waits for an end, or for so many seconds, and tells what has happened.

        Args:
            seconds: at most.
            on_progress: takes a task's folder, its steps done and its steps in all.
        """
        wait([future for future, _ in self._running.values()], timeout=seconds, return_when="FIRST_COMPLETED")
        while not self._progress.empty():
            on_progress(*self._progress.get())
        ended: list[Ended] = []
        for slot, (future, task) in list(self._running.items()):
            if future.done():
                del self._running[slot]
                ended.append(self._end(slot, future, task))
        return ended

    def interrupt(self) -> None:
        """Asks every training under way to save itself and stop."""
        for slot in self._running:
            executor = self._slots[slot]
            processes = {} if executor is None else executor._processes  # pyright: ignore[reportPrivateUsage]  # nothing public tells
            for pid in list(processes or {}):
                os.kill(pid, signal.SIGINT)

    def _end(self, slot: int, future: Future[bool], task: Task) -> Ended:
        try:
            return Ended(task, "done" if future.result() else "interrupted")
        except MercError as error:
            return Ended(task, "failed", str(error))
        except BrokenProcessPool:
            self._slots[slot] = None
            return Ended(task, "failed", "its process was killed, or ended by itself; the system's log may tell (out of memory?)")
        except Exception as error:
            details = "".join(traceback.format_exception(error))
            return Ended(task, "failed", f"{type(error).__name__}: {error}", details)


def _begin(progress: SimpleQueue[tuple[str, int, int]], threads: int, parent: int) -> None:
    """Prepares a process: threads, signals, and an end when the parent has gone."""
    torch.set_num_threads(threads)
    os.setpgrp()  # so that Ctrl-C in the terminal reaches the parent alone, which passes it on once
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # but in trainings, which set their own
    _reporter.append(progress)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


_reporter: list[SimpleQueue[tuple[str, int, int]]] = []  # of this process; set once, by `_begin`


def _work(task: Task, place: Path, store: Path) -> bool:
    last = 0.0

    def on_step(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY or done == total:
            last = now
            _reporter[0].put((task.folder, done, total))

    return run_task(task, place, _corpus(store), on_step)


@lru_cache(maxsize=1)
def _corpus(store: Path) -> Corpus:
    return open_store(store)
