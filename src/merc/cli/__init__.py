"""The command line: parse, call, print. Nothing here decides anything, and nothing slow is imported before a command runs."""

from merc.cli.program import app, main

__all__ = ["app", "main"]
