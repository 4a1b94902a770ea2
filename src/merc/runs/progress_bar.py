"""Progress on the screen: rich's bars, in a terminal or in a notebook; elsewhere, as in a log file, a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from merc.settings import Amount, Progress, no_progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
else:  # slow to import, and not needed where nothing is shown
    Console = RichProgress = TaskID = object

EVERY = 30.0  # s between two lines of a log [chosen]


class ShownProgress(Protocol):
    """A `Progress` that can show words beside it."""

    def __call__(self, stage: str, done: Amount, total: Amount | None) -> None:
        """Shows how far a stage is."""
        ...

    def say(self, words: str) -> None:
        """Shows words beside the present stage."""
        ...


class ProgressLines:
    """Progress as lines: one whenever `EVERY` seconds have passed since the last, with the words that were said latest.

    Args:
        write: takes a line.
        clock: s, from any start.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._stage, self._words, self._last = "", "", clock()

    def __call__(self, stage: str, done: Amount, total: Amount | None) -> None:
        """Writes how far a stage is, if it is time for a line."""
        if stage != self._stage:
            self._stage, self._words = stage, ""
        if self._clock() - self._last >= EVERY:
            self._last = self._clock()
            share = f"{done:,.0f}" if not total else f"{done:,.0f} of {total:,.0f} ({100 * done / total:.0f} %)"
            self._write(f"{stage}: {share}" + (f"  {self._words}" if self._words else ""))

    def say(self, words: str) -> None:
        """Keeps the words for the next lines of this stage."""
        self._words = words


class ProgressBars:
    """A `Progress` that shows a bar for the present stage, with words beside it."""

    def __init__(self, shown: RichProgress) -> None:
        self._shown = shown
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: Amount, total: Amount | None) -> None:
        """Shows how far a stage is; those before it disappear."""
        if stage not in self._tasks:
            for earlier in self._tasks.values():
                self._shown.update(earlier, visible=False)
            self._tasks[stage] = self._shown.add_task(stage, total=total, words="")
        self._shown.update(self._tasks[stage], completed=done, total=total)

    def say(self, words: str) -> None:
        """Shows words beside the present stage's bar."""
        for task in list(self._tasks.values())[-1:]:
            self._shown.update(task, words=words)


@contextmanager
def progress_bars(console: Console | None = None) -> Generator[ShownProgress, None, None]:
    """Bars that disappear at the end; lines where the output is neither a terminal nor a notebook.

    Args:
        console: where to; stderr if none is given.
    """
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = RichConsole(stderr=True) if console is None else console
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        TimeRemainingColumn(),
    )
    if not (console.is_terminal or console.is_jupyter):
        yield ProgressLines(lambda line: console.print(line, soft_wrap=True, markup=False, highlight=False))
        return
    with Progress(*columns, console=console, transient=True) as shown:
        yield ProgressBars(shown)


@contextmanager
def shown_progress(progress: bool | Progress) -> Generator[Progress, None, None]:
    """The hook of an argument `progress`: True shows bars or lines, False nothing, and a hook is that hook."""
    if progress is True:
        with progress_bars() as bars:
            yield bars
    else:
        yield no_progress if progress is False else progress
