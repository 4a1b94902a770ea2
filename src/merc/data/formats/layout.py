"""The interface that every known layout of a corpus has: how to recognise it and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from merc.data.formats.draft import CorpusDraft, corpus_from
from merc.data.schema import Corpus


@dataclass(frozen=True, slots=True)
class Source:
    """An existing file or folder.

    Attributes:
        path: of the file or folder.
        content: the plain data of a pickle, read once by the inert reader; None for everything that is not a pickle.
    """

    path: Path
    content: object = None


@dataclass(frozen=True, slots=True)
class Layout:
    """One known layout.

    Attributes:
        name: as the command line takes it, such as `meld` or `sdt-iemocap`.
        description: one line for tables: whose files look like this.
        matches: tells by content, never by file name alone, whether a source has this layout; raises nothing.
        read: makes the corpus; raises DataError that names file and place.
        draft: reads leniently, for inspection; None where the layout can only be read as a whole.
    """

    name: str
    description: str
    matches: Callable[[Source], bool]
    read: Callable[[Source], Corpus]
    draft: Callable[[Source], CorpusDraft] | None = None

    @classmethod
    def drafted(
        cls, name: str, description: str, matches: Callable[[Source], bool], draft: Callable[[Source], CorpusDraft]
    ) -> Layout:
        """A layout whose corpus is made from its draft."""
        return cls(name, description, matches, lambda source: corpus_from(draft(source), source.path), draft)
