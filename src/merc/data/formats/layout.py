"""The interface that every known layout of a corpus has: how to recognise it and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from merc.data.schema import Corpus


@dataclass(frozen=True, slots=True)
class Source:
    """What a person pointed at.

    Attributes:
        path: a file or a folder that exists.
        content: the plain data of a pickle, read once by the inert reader; None for everything that is not a pickle.
    """

    path: Path
    content: object = None


@dataclass(frozen=True, slots=True)
class Layout:
    """One known layout.

    Attributes:
        name: what a person types, such as `meld` or `sdt-iemocap`.
        description: one line for tables: whose files look like this.
        matches: tells by content, never by file name alone, whether a source has this layout; raises nothing.
        read: makes the corpus; raises DataError that names file and place.
    """

    name: str
    description: str
    matches: Callable[[Source], bool]
    read: Callable[[Source], Corpus]
