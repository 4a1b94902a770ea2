"""`merc`: its commands put together, and every error that a person can mend turned into one line and exit code 2."""

from __future__ import annotations

import atexit
import gc
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from merc.cli import annotation, data, features, runs, studies
from merc.cli.options import INTERRUPTED
from merc.cli.terminal import complain, discard, open_streams, show_text, warn
from merc.errors import MercError
from merc.files.extras import naming_extras
from merc.files.signals import heeding_signals

MISTAKE = 2  # exit code: the user can mend it; as for a wrong option

app = typer.Typer(
    name="merc",
    help="Emotion recognition in conversations from text, audio and video, with CMATH.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich help costs a tenth of a second
    pretty_exceptions_enable=False,
)
for commands in (runs, studies, annotation):
    app.add_typer(commands.app)
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line with these arguments, or those of the process.

    Returns:
        The exit code: 0, 2 for what the user can mend, 130 after Ctrl-C, 128 and the signal's number after another that ends it.
    """
    open_streams()
    with fewer_collections(), heeding_signals() as heeded:
        code = _run(arguments)
        return 128 + heeded[0] if heeded and code == INTERRUPTED else code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        with naming_extras("this command"):
            return _run_command(arguments)
    except MercError as error:
        complain(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        reason = error.strerror or str(error)
        complain(reason if error.filename is None else f"{error.filename}: {reason}")
    return MISTAKE


def _run_command(arguments: Sequence[str] | None) -> int:
    code: object = None
    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = _show_warning
        try:
            app(args=None if arguments is None else list(arguments), prog_name="merc")
        except SystemExit as stop:
            code = stop.code
    try:
        sys.stdout.flush()
    except OSError as error:  # a full disk behind `merc ... > file`
        discard()
        if not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "standard output") from error
    return code if isinstance(code, int) else 0


@contextmanager
def fewer_collections() -> Generator[None, None, None]:
    """Looks for garbage less often: most of what a short command makes are modules, which stay, and looks take 6 % of its time.
    What is there when the process ends is not looked through once more, which would take as long."""
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _show_warning(message: Warning | str, *_: object) -> None:
    """In one line, without the place in the source."""
    warn(str(message))


def _show_version(wanted: bool) -> bool:
    if wanted:
        from importlib.metadata import version

        show_text(f"merc {version('merc')}")
        raise typer.Exit
    return wanted


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass
