"""Where the command line writes: results to stdout, all else to stderr; and its progress bars."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import typer

from merc.files.printable import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, ProgressColumn
else:  # slow to import, and not needed by `merc --help`
    Console = RenderableType = Progress = ProgressColumn = object

Shown = TypeVar("Shown")

_WIDTH_OF_FILES = 160  # columns, where stdout is no terminal that has a width


def show(renderables: Iterable[RenderableType]) -> None:
    """Prints tables and lines to stdout."""
    from rich.table import Table

    out = _console(stderr=False)
    after_table = False
    for position, renderable in enumerate(renderables):
        if position and (after_table or isinstance(renderable, Table)):
            out.print()
        out.print(renderable, soft_wrap=not isinstance(renderable, Table))
        after_table = isinstance(renderable, Table)


def show_json(values: object) -> None:
    """Prints plain values to stdout as JSON, in ASCII, and nothing else."""
    typer.echo(json.dumps(values, indent=1, allow_nan=False))


def note(sentence: str) -> None:
    """A sentence for people, on stderr."""
    typer.echo(printable(sentence), err=True)


def warn(sentence: str) -> None:
    """A sentence that should not be overlooked: yellow, on stderr."""
    typer.secho(f"warning: {printable(sentence)}", fg=typer.colors.YELLOW, err=True)


def complain(sentence: str) -> None:
    """What ended the program, in one line on stderr."""
    typer.echo(f"error: {printable(sentence)}", err=True)


@contextmanager
def counted(description: str) -> Generator[Callable[[int, int], None], None, None]:
    """One progress bar on stderr, if that is a terminal; yields a function of the count done and the total."""
    from rich.progress import MofNCompleteColumn

    with _progress(MofNCompleteColumn()) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def trained(description: str) -> Generator[Callable[[int, int, str], None], None, None]:
    """One progress bar on stderr, if that is a terminal; yields a function of steps done, steps in all, and words beside it."""
    from rich.progress import TaskProgressColumn, TextColumn

    with _progress(TaskProgressColumn(), TextColumn("{task.fields[words]}")) as progress:
        task = progress.add_task(description, total=None, words="")
        yield lambda done, total, words: progress.update(task, completed=done, total=total, words=words)


@contextmanager
def staged() -> Generator[Callable[[str, float, float | None], None], None, None]:
    """A progress bar on stderr for each stage, if that is a terminal; yields a function of stage, amount done, and total."""
    from rich.progress import TaskID, TaskProgressColumn

    with _progress(TaskProgressColumn()) as progress:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, done: float, total: float | None) -> None:
            if stage not in tasks:
                for earlier in tasks.values():
                    progress.update(earlier, visible=False)
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield update


@contextmanager
def live(table: Callable[[Shown], RenderableType], line: Callable[[Shown], str]) -> Generator[Callable[[Shown], None], None, None]:
    """A table that changes in place on stderr; if that is no terminal, a line whenever there is something new to say.

    Args:
        table: renders what is shown.
        line: says it in a line, that begins with what is done, up to a comma.
    """
    from rich.live import Live

    console = _console(stderr=True)
    if not console.is_terminal:
        said: list[str] = []

        def say(shown: Shown) -> None:
            done = line(shown).partition(",")[0]
            if done not in said:
                said[:] = [done]
                note(line(shown))

        yield say
        return
    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="ellipsis") as display:
        yield lambda shown: display.update(table(shown), refresh=True)


def _progress(*columns: ProgressColumn) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console, text = _console(stderr=True), TextColumn("{task.description}")
    hidden = not console.is_terminal
    return Progress(text, BarColumn(), *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if known else _WIDTH_OF_FILES, markup=False, emoji=False, highlight=False)
