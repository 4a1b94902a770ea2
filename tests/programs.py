"""Runs the programs of benchmarks/ in the process of the test, which has imported torch."""

import contextlib
import importlib
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def module(name):
    """A program as a module."""
    with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
        return importlib.import_module(name)


def run(name, *words):
    """What a program ends with and prints: returncode, stdout, stderr."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", [f"{name}.py", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            module(name).main()
        except SystemExit as left:
            code = left.code
    return SimpleNamespace(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())
