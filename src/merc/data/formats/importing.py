"""From a file or folder of any known layout to a corpus. The layout is recognised by content, and exactly one must fit."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import numpy as np

from merc.data.corpora import meld, mosi
from merc.data.formats import json_lines, mmsa, multiemo, parquet_table, splits_pickle, vid_dictionaries
from merc.data.formats.cells import describe, sequence_of, table_of
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import Conversation, Corpus, FeatureArray
from merc.data.unpickle.reading import read_pickle
from merc.errors import DataError

LAYOUTS: tuple[Layout, ...] = (
    meld.LAYOUT,
    mosi.LAYOUT,
    json_lines.LAYOUT,
    parquet_table.LAYOUT,
    *vid_dictionaries.LAYOUTS,
    multiemo.LAYOUT,
    splits_pickle.LAYOUT,
    mmsa.LAYOUT,
)
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".pk", ".p")
_PICKLE_HEADS = tuple(bytes([0x80, protocol]) for protocol in (2, 3, 4, 5))
_SHOWN_ENTRIES = 14


def open_source(path: str | Path) -> CorpusSource:
    """A path with what a pickle there holds, read by the inert reader; MultiEMO's folder of pickles comes as a dict by file name.

    Raises:
        DataError: there is nothing at the path, or only a pointer of Git LFS.
        UnsafeFileError: a pickle holds something that is not plain data.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    if path.is_dir():
        files = [path / name for name in multiemo.FILES]
        whole = all(file.is_file() for file in files)
        return CorpusSource(path, {file.name: _read_pickle(file) for file in files} if whole else None)
    with path.open("rb") as file:
        head = file.read(2)
    is_pickle = path.suffix.lower() in _PICKLE_SUFFIXES or head in _PICKLE_HEADS
    return CorpusSource(path, _read_pickle(path) if is_pickle else None)


def layout_of(source: CorpusSource, named: Layout | None = None) -> Layout:
    """The one layout that fits the source, or the named one if it does.

    Raises:
        DataError: none fits, several fit, or the named one does not; says what was found and what was looked for.
    """
    if named is not None:
        if named.matches(source):
            return named
        raise DataError(f"{source.path}: not of layout {named.name!r} ({named.description}); found {describe_source(source)}")
    fitting = [layout for layout in LAYOUTS if layout.matches(source)]
    if len(fitting) > 1:
        names = ", ".join(layout.name for layout in fitting)
        raise DataError(f"{source.path}: several layouts fit ({names}); name one of them")
    if not fitting:
        raise DataError(f"{source.path}: no known layout fits; found {describe_source(source)}; looked for: {_names()}")
    return fitting[0]


def fits_a_layout(path: str | Path) -> bool:
    """Whether any known layout fits a file or folder.

    Raises:
        DataError, UnsafeFileError: see `open_source`.
    """
    source = open_source(path)
    return any(layout.matches(source) for layout in LAYOUTS)


def layout_named(name: str) -> Layout:
    """The layout of that name.

    Raises:
        DataError: there is none; names the nearest.
    """
    for layout in LAYOUTS:
        if layout.name == name:
            return layout
    nearest = difflib.get_close_matches(name, [layout.name for layout in LAYOUTS], n=1)
    hint = f" (did you mean {nearest[0]!r}?)" if nearest else ""
    raise DataError(f"unknown layout {name!r}{hint}; known: {_names()}")


def import_corpus(path: str | Path, layout: str | None = None, *, zeros_absent: bool = False) -> Corpus:
    """Reads the corpus of a file or folder.

    Args:
        layout: name of the layout; None recognises it by content.
        zeros_absent: take a feature row of nothing but zeros as absence of that feature, as many files of the field mean it.

    Raises:
        DataError: no layout fits, the named one does not, or a rule of the schema is broken; names file and place.
        UnsafeFileError: a pickle holds something that is not plain data.
    """
    named = None if layout is None else layout_named(layout)  # before a long file is read
    source = open_source(path)
    corpus = layout_of(source, named).read(source)
    return with_zeros_absent(corpus) if zeros_absent else corpus


def files_at(path: str | Path) -> list[Path]:
    """A file; or a folder with all that is in it, any of which its layout may read."""
    path = Path(path)
    return [path, *path.rglob("*")] if path.is_dir() else [path]


def with_zeros_absent(corpus: Corpus) -> Corpus:
    """The same corpus, with every feature row of nothing but zeros made NaN; `notes["zeros_absent"]` counts them per feature."""
    counts = {spec.key: 0 for spec in corpus.feature_schema}
    conversations: list[Conversation] = []
    for conversation in corpus.conversations:
        changed: dict[str, FeatureArray] = {}
        for key, array in conversation.features.items():
            zeros = (array == 0).all(axis=1, keepdims=True)
            changed[key] = np.where(zeros, np.float32(np.nan), array)
            counts[key] += int(zeros.sum())
        conversations.append(conversation.with_features(changed))
    return replace(corpus, conversations=tuple(conversations), notes={**corpus.notes, "zeros_absent": counts})


def describe_source(source: CorpusSource) -> str:
    """What a source holds, in one line: kinds and sizes of the entries of a pickle, the names in a folder."""
    content = source.content
    if content is not None:
        table = table_of(content)
        if table is not None:
            entries = [f"{describe(key)}: {_describe_entry(value)}" for key, value in list(table.items())[:_SHOWN_ENTRIES]]
        else:
            entries = [_describe_entry(entry) for entry in (sequence_of(content) or [])[:_SHOWN_ENTRIES]]
        return f"{describe(content)} ({'; '.join(entries)})" if entries else describe(content)
    if source.path.is_dir():
        names = sorted(entry.name for entry in source.path.iterdir())
        shown = ", ".join(names[:_SHOWN_ENTRIES])
        return f"a folder of {len(names)}: {shown}{', ...' if len(names) > _SHOWN_ENTRIES else ''}"
    return f"a file of {source.path.stat().st_size} bytes with suffix {source.path.suffix!r}, no pickle"


def _describe_entry(entry: object) -> str:
    table = table_of(entry)
    if not table:
        return describe(entry)
    key, value = next(iter(table.items()))
    return f"{describe(entry)}, {describe(key)} -> {describe(value)}"


def _read_pickle(path: Path) -> object:
    with path.open("rb") as file:
        if file.read(40).startswith(b"version https://git-lfs"):
            raise DataError(f"{path}: a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`")
    return read_pickle(path)


def _names() -> str:
    return ", ".join(layout.name for layout in LAYOUTS)
