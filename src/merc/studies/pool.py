"""Processes that work on a study's tasks: one executor a slot, so that one that is killed takes no other's task with it."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Literal

from merc.data.store.store import open_store
from merc.errors import MercError
from merc.files.processes import SPAWNED, end, executor, submit, use_one_thread
from merc.files.processes import Ended as WorkerEnded
from merc.settings import Amount, Progress
from merc.studies.plan import Used, digest_of
from merc.studies.task import End, Place, Task, run_task

_EVERY = 0.5  # seconds between two reports of a task's progress
_KILLED = "its process was killed, or ended by itself; the system's log may tell (out of memory?)"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended.

    Attributes:
        error: one line for people, if it failed.
        details: the traceback of an error that nobody foresaw.
    """

    task: Task
    end: End | Literal["failed"]
    error: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Slot:
    """A process, and the queue on which it reports its progress; its own, since a killed process may leave a queue locked."""

    executor: ProcessPoolExecutor
    progress: SimpleQueue[tuple[str, Amount, Amount | None]]


class Pool:
    """A fixed number of processes; for their threads see `use_one_thread`. Leaving the context awaits them; an error does not."""

    def __init__(self, processes: int, study: Path, store: Path, used: Used) -> None:
        self._stop = SPAWNED.Event()
        self._arguments = (study, store, used)
        self._slots: list[_Slot | None] = [None] * processes
        self._running: dict[int, tuple[Future[End], Task]] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        executors = [slot.executor for slot in self._slots if slot is not None]
        if kind is not None:
            end(executors)
        for used in executors:
            used.shutdown(wait=True, cancel_futures=True)

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
        try:
            future = submit(self._slot(number).executor, _work, task)
        except BrokenProcessPool:  # its process died while it had nothing to do
            self._slots[number] = None
            future = submit(self._slot(number).executor, _work, task)
        self._running[number] = (future, task)

    def wait(self, seconds: float, progress: Progress) -> list[Ended]:
        """Waits for an end, at most so many seconds. The stage that `progress` gets is the task's folder."""
        wait([future for future, _ in self._running.values()], timeout=seconds, return_when="FIRST_COMPLETED")
        for slot in self._slots:
            while slot is not None and not slot.progress.empty():
                progress(*slot.progress.get())
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
            progress: SimpleQueue[tuple[str, Amount, Amount | None]] = SPAWNED.SimpleQueue()
            slot = _Slot(executor(_begin, (progress, self._stop, *self._arguments)), progress)
            self._slots[number] = slot
        return slot

    def _end(self, number: int, future: Future[End], task: Task) -> Ended:
        try:
            return Ended(task, future.result())
        except MercError as error:
            return Ended(task, "failed", str(error))
        except (BrokenProcessPool, WorkerEnded):
            self._slots[number] = None
            return Ended(task, "interrupted") if self._stop.is_set() else Ended(task, "failed", _KILLED)
        except Exception as error:
            details = "".join(traceback.format_exception(error))
            return Ended(task, "failed", f"{type(error).__name__}: {error}", details)


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    """What a process knows; set once, when it begins."""

    progress: SimpleQueue[tuple[str, Amount, Amount | None]]
    stop: Event
    study: Path
    store: Path
    used: Used


_worker: list[_Worker] = []


def _begin(progress: SimpleQueue[tuple[str, Amount, Amount | None]], stop: Event, study: Path, store: Path, used: Used) -> None:
    use_one_thread()
    _worker.append(_Worker(progress, stop, study, store, used))


def _work(task: Task) -> End:
    worker, last = _worker[0], 0.0

    def progress(_stage: str, done: Amount, total: Amount | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY or done == total:
            last = now
            worker.progress.put((task.folder, done, total))

    if worker.stop.is_set():
        return "interrupted"
    return run_task(task, _place(worker.study, worker.store, worker.used), progress, worker.stop.is_set)


@lru_cache(maxsize=1)
def _place(study: Path, store: Path, used: Used) -> Place:
    corpus = open_store(store)
    return Place(study, corpus, digest_of(corpus, *used))
