"""Shapes and types are checked in the test run only: jaxtyping's import hook with beartype over the whole package."""

from jaxtyping import install_import_hook

install_import_hook("merc", "beartype.beartype")
