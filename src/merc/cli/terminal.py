"""Where the command line writes: results to stdout, all else to stderr; and its progress bars.

A reader that closes the pipe, as `head` does, has read enough: the command goes on, and the rest is printed to nowhere.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from merc.files.printable import encodable, printable

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

    console = _console(stderr=False)
    after_table = False
    for position, renderable in enumerate(renderables):
        with console.capture() as captured:  # rich ends the program where a pipe is closed
            if position and (after_table or isinstance(renderable, Table)):
                console.print()
            console.print(renderable, soft_wrap=not isinstance(renderable, Table))
        after_table = isinstance(renderable, Table)
        _echo(captured.get(), end=False)


def show_json(values: object) -> None:
    """Prints plain values to stdout as JSON, in ASCII, and nothing else."""
    show_text(json.dumps(values, indent=1, allow_nan=False))


def show_text(text: str) -> None:
    """Prints a text to stdout as it is, and a line end."""
    _echo(text)


def show_path(path: Path) -> None:
    """Prints a path to stdout, byte by byte as programs need it, and a line end."""
    _echo(os.fsencode(path) if encodable(str(path)) != str(path) else str(path))


def note(sentence: str) -> None:
    """A sentence for people, on stderr."""
    _echo(printable(sentence), stderr=True)


def warn(sentence: str) -> None:
    """A sentence that should not be overlooked: yellow, on stderr."""
    _echo(typer.style(f"warning: {printable(sentence)}", fg=typer.colors.YELLOW), stderr=True)


def complain(sentence: str) -> None:
    """What ended the program, in one line on stderr."""
    _echo(f"error: {printable(sentence)}", stderr=True)


def open_streams() -> None:
    """Gives stdin, stdout and stderr that are closed (`2>&-`) the null device: the next file opened would have their number.

    Where the terminal's encoding lacks a character, its escape is printed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def discard(*, stderr: bool = False) -> None:
    """Lets what is in the buffer of stdout, or of stderr, and all that comes, go nowhere."""
    stream = sys.stderr if stderr else sys.stdout
    with suppress(OSError, ValueError):  # a stream in the memory of a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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


def _echo(text: str | bytes, *, stderr: bool = False, end: bool = True) -> None:
    try:
        typer.echo(text, err=stderr, nl=end)
    except OSError as error:
        if not stderr and not isinstance(error, BrokenPipeError):
            raise
        discard(stderr=stderr)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    known = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if known else _WIDTH_OF_FILES, markup=False, emoji=False, highlight=False)
