"""Progress on the screen: rich's bars, in a terminal or in a notebook."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from merc.settings import Amount, Progress, no_progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
else:  # slow to import, and not needed where nothing is shown
    Console = RichProgress = TaskID = object


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
def progress_bars(console: Console | None = None) -> Generator[ProgressBars, None, None]:
    """Bars that disappear at the end. Nothing is shown where the output is neither a terminal nor a notebook.

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
    hidden = not (console.is_terminal or console.is_jupyter)
    with Progress(*columns, console=console, transient=True, disable=hidden) as shown:
        yield ProgressBars(shown)


@contextmanager
def shown_progress(progress: bool | Progress) -> Generator[Progress, None, None]:
    """The hook of an argument `progress`: True shows bars, False nothing, and a hook is that hook."""
    if progress is True:
        with progress_bars() as bars:
            yield bars
    else:
        yield no_progress if progress is False else progress
