"""Where merc keeps what it can make again."""

from __future__ import annotations

import os
from pathlib import Path

from merc.errors import DataError


def default_folder() -> Path:
    """`$MERC_CACHE`, else `merc` in `$XDG_CACHE_HOME` where that is an absolute path, else `~/.cache/merc`. Need not exist.

    Raises:
        DataError: none of them is set, and the user has no home folder.
    """
    if chosen := os.environ.get("MERC_CACHE"):
        return Path(chosen)
    if Path(base := os.environ.get("XDG_CACHE_HOME", "")).is_absolute():
        return Path(base) / "merc"
    try:
        return Path.home() / ".cache" / "merc"
    except RuntimeError as error:
        raise DataError("no home folder for the cache of features; set MERC_CACHE to a folder") from error
