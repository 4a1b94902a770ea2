"""The interface that every known layout of a corpus has: how to recognise it and how to read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from merc.data.formats.draft import CorpusDraft, corpus_from
from merc.data.schema import Corpus
from merc.files.printable import encodable


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """An existing file or folder.

    Attributes:
        path: of the file or folder.
        content: the plain data of a pickle, read once by the inert reader; None for everything that is not a pickle.
    """

    path: Path
    content: object = None

    @property
    def file_name(self) -> str:
        """The path's name; what is not UTF-8 in it is escaped."""
        return encodable(self.path.name)


@dataclass(frozen=True, slots=True)
class Layout:
    """One known layout.

    Attributes:
        name: as the command line takes it, such as `meld` or `sdt-iemocap`.
        description: one line for tables: whose files look like this.
        matches: whether a source has this layout, by content, never by file name alone; raises nothing.
        draft: reads a source that matches: leniently, so that inspection can list all problems, or else as the corpus itself.
    """

    name: str
    description: str
    matches: Callable[[CorpusSource], bool]
    draft: Callable[[CorpusSource], CorpusDraft | Corpus]

    def read(self, source: CorpusSource) -> Corpus:
        """The corpus of a source that matches.

        Raises:
            DataError: names file and place.
        """
        found = self.draft(source)
        return found if isinstance(found, Corpus) else corpus_from(found, source.path)
