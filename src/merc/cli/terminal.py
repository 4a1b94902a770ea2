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

    from merc.runs.progress_bar import ShownProgress
else:  # slow to import, and not needed by `merc --help`
    Console = RenderableType = ShownProgress = object

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
def staged() -> Generator[ShownProgress, None, None]:
    """A progress bar on stderr for the present stage of a work; if that is no terminal, a line now and then."""
    from merc.runs.progress_bar import progress_bars

    with progress_bars(_console(stderr=True)) as bars:
        yield bars


@contextmanager
def live(table: Callable[[Shown], RenderableType], line: Callable[[Shown], str]) -> Generator[Callable[[Shown], None], None, None]:
    """A table that changes in place on stderr; if that is no terminal, a line whenever its part before the comma is new."""
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


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if known else _WIDTH_OF_FILES, markup=False, emoji=False, highlight=False)
