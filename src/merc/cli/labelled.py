"""One's own labelled conversations, as commands take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from merc.cli.terminal import warn
from merc.settings import Progress

if TYPE_CHECKING:
    from merc.data.schema import Corpus
else:  # slow to import, and not needed by `merc --help`
    Corpus = object

LabelsFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--labels-from",
        metavar="NAME",
        help="A tier or column of transcripts that holds labels, with or without the speaker; repeatable, one an annotator.",
    ),
]
MapLabels = Annotated[
    str | None,
    typer.Option("--map-labels", metavar="FILE|NAME", help="A label mapping: a YAML file, or the name of a shipped one."),
]


def labelled_corpus(source: Path, labels_from: Sequence[str] | None, map_labels: str | None, progress: Progress) -> Corpus:
    """The corpus of a store, or of transcripts with labels; what a user should know of them is told.

    Raises:
        DataError, StoreError: see `open_store`, `import_labelled` and `apply_mapping`.
    """
    from merc.annotation.labelled.folder import import_labelled
    from merc.data.labels import apply_mapping, find_mapping
    from merc.data.store.manifest import MANIFEST
    from merc.data.store.store import open_store

    mapping = None if map_labels is None else find_mapping(map_labels)
    if (source / MANIFEST).is_file():
        if labels_from:
            raise typer.BadParameter("it is for transcripts; a store has labels of its own", param_hint="--labels-from")
        corpus = open_store(source)
        return corpus if mapping is None else apply_mapping(corpus, mapping)
    progress("reading transcripts", 0.0, None)
    found = import_labelled(source, labels_from or (), mapping)
    for warning in found.warnings:
        warn(warning)
    return found.corpus
