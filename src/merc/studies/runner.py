"""Runs a study: every task of every arm in a pool of processes, without repeating what is done.

plan.json                            the study's recipe and that of each arm, complete
runs/ARM/seed-N/, or
runs/ARM/SPLIT/seed-N/               one folder a task (see `merc.studies.task`)
utterances-PART.parquet              the judged utterances: ids, labels, and how they stand in their conversation
results.parquet, results.md,
report.html                          what comes of it (see `merc.studies.report`)

Several machines may run one study into one shared folder: what another process is training is waited for, not repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from merc.data.schema import Part
from merc.files.posix import usable_cores
from merc.settings import Amount
from merc.studies.arms import CMATH_NAME, Arm, ArmKind
from merc.studies.plan import Plan, first_tasks, later_tasks, selected_score
from merc.studies.pool import Ended, Pool
from merc.studies.task import Task, is_done, record_failure, remove_leftovers
from merc.training.interruption import interruption
from merc.training.recipe import Protocol

_POLL = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """How far an arm is.

    Attributes:
        wanted: tasks in all, as far as is known.
        done: judged.
        failed: since this call began.
        running: shares of the tasks under way that are done.
        selected: mean score of the tasks that are done, on the part that chooses epochs; None if there is none.
        error: of the last failure.
    """

    name: str
    kind: ArmKind
    wanted: int
    done: int
    failed: int
    running: tuple[float, ...]
    selected: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """How far a study is.

    Attributes:
        arms: in the plan's order.
        seconds_left: an estimate from what finished trainings of the same arm took, else of the same kind (rivals, or CMATH and its
            ablations), else all; None before any has finished.
    """

    arms: tuple[ArmStatus, ...]
    protocol: Protocol
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class StudyHooks:
    """What a caller may watch.

    Attributes:
        on_status: how far it is, about twice a second.
        on_failure: a sentence about a task that failed.
        on_interruption: a sentence, when Ctrl-C was asked for and trainings are being saved.
    """

    on_status: Callable[[StudyStatus], None] = lambda _status: None
    on_failure: Callable[[str], None] = lambda _sentence: None
    on_interruption: Callable[[str], None] = lambda _sentence: None


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """How a study's session ended.

    Attributes:
        finished: nothing is left but what failed.
        failed: tasks that failed, by folder, with their errors.
    """

    finished: bool
    failed: dict[str, str]


def run_study(
    plan: Plan,
    folder: str | Path,
    store: str | Path,
    *,
    part: Part = "test",
    processes: int | None = None,
    hooks: StudyHooks | None = None,
) -> StudyOutcome:
    """Trains and judges all that is not done. Ctrl-C saves what is under way and ends; the same call goes on.

    Judge the part `validation` while a design is still being chosen. By default there is a process for each usable core.
    """
    folder, store, hooks = Path(folder), Path(store), hooks or StudyHooks()
    processes = processes or usable_cores()
    with interruption() as interrupted, Pool(processes, folder, store, plan.used) as pool:
        session = _Session(plan, folder, pool, processes, hooks, interrupted)
        finished = session.work(first_tasks(plan, part)) and session.work(later_tasks(plan, folder, part))
        return StudyOutcome(finished, session.failed)


class _Session:
    """The state of one call of `run_study`."""

    def __init__(
        self, plan: Plan, folder: Path, pool: Pool, processes: int, hooks: StudyHooks, interrupted: Callable[[], bool]
    ) -> None:
        self.plan, self.folder, self.pool, self.processes, self.hooks = plan, folder, pool, processes, hooks
        self.interrupted = interrupted
        self.failed: dict[str, str] = {}  # folder of a task -> its error
        self.known: dict[str, Task] = {}
        self.scores: dict[str, float] = {}  # of the tasks that are done
        self.shares: dict[str, float] = {}  # of the steps of those under way
        self.started: dict[str, float] = {}
        self.took: dict[str, list[float]] = {}  # arm -> seconds of its trainings so far

    def work(self, tasks: Sequence[Task]) -> bool:
        """Does these tasks; what another process is at is put off. Whether it got to their end."""
        self.known |= {t.folder: t for t in tasks}
        for task in tasks:
            remove_leftovers(task, self.folder)
        waiting = [t for t in tasks if not self._is_done(t)]
        self.hooks.on_status(self.status())
        told = False
        while waiting or self.pool.running:
            if self.interrupted():
                if not told:
                    told = True
                    self.pool.interrupt()
                    self.hooks.on_interruption("saving what is under way; Ctrl-C again ends at once")
                waiting = []
            while waiting and self.pool.free:
                task = waiting.pop(0)
                if not self._is_done(task):
                    self.started[task.folder] = time.monotonic()
                    self.pool.start(task)
            waiting += self.note(self.pool.wait(_POLL, self.progress))
            self.hooks.on_status(self.status())
        return not told

    def note(self, ended: Sequence[Ended]) -> list[Task]:
        """Keeps how tasks ended, and returns those that another process is at."""
        busy: list[Task] = []
        for end in ended:
            folder = end.task.folder
            trained = self.shares.pop(folder, None) is not None
            if end.end == "busy":
                busy.append(end.task)
            elif end.end == "done":
                if trained:
                    self.took.setdefault(end.task.arm, []).append(time.monotonic() - self.started[folder])
                self._is_done(end.task)
            elif end.end == "failed":
                self.failed[folder] = end.error
                record_failure(self.folder / folder, end.error, end.details)
                self.hooks.on_failure(f"{folder}: {end.error}")
        if busy and not self.pool.running:
            time.sleep(_POLL)
        return busy

    def progress(self, folder: str, done: Amount, total: Amount | None) -> None:
        """Keeps how far a training is."""
        self.shares[folder] = done / max(1, total or 1)

    def status(self) -> StudyStatus:
        """How far the study is."""
        arms: list[ArmStatus] = []
        for arm in self.plan.arms:
            mine = [t.folder for t in self.known.values() if t.arm == arm.name]
            scores = [self.scores[f] for f in mine if f in self.scores]
            errors = [self.failed[f] for f in mine if f in self.failed]
            arms.append(
                ArmStatus(
                    name=arm.name,
                    kind=arm.kind,
                    wanted=max(len(mine), self._expected(arm)),
                    done=len(scores),
                    failed=len(errors),
                    running=tuple(self.shares.get(t.folder, 0.0) for t in self.pool.running if t.arm == arm.name),
                    selected=mean(scores) if scores else None,
                    error=errors[-1] if errors else None,
                )
            )
        return StudyStatus(tuple(arms), self.plan.study.protocol, self._seconds_left(arms))

    def _expected(self, arm: Arm) -> int:
        seeds = self.plan.study.seeds
        return len(self.plan.splits) * {"cmath": seeds.cmath, "rival": seeds.rivals, "ablation": seeds.ablations}[arm.kind]

    def _is_done(self, task: Task) -> bool:
        if task.folder not in self.scores and is_done(task, self.folder):
            score = selected_score(self.folder / task.folder)
            self.scores |= {} if score is None else {task.folder: score}
        return task.folder in self.scores

    def _seconds_left(self, arms: Sequence[ArmStatus]) -> float | None:
        """What is left of each arm, at what such trainings took so far; shared by all processes."""
        if not self.took:
            return None
        kinds = {arm.name: arm.kind for arm in self.plan.arms}
        known = {name: mean(seconds) for name, seconds in self.took.items()}

        def usual(*alike: ArmKind) -> float:
            return mean([seconds for name, seconds in known.items() if kinds[name] in alike] or known.values())

        def each(arm: ArmStatus) -> float:
            return known.get(arm.name) or (usual("rival") if arm.kind == "rival" else usual("cmath", "ablation"))

        left = sum(each(arm) * (arm.wanted - arm.done - arm.failed - sum(arm.running)) for arm in arms)
        strongest = {t.arm for t in self.known.values() if t.seed >= self.plan.study.seeds.rivals and t.arm != CMATH_NAME}
        if not strongest:  # whose further seeds are not known yet
            left += usual("rival") * self.plan.study.further_trainings * len(self.plan.splits)
        return max(0.0, left) / self.processes
