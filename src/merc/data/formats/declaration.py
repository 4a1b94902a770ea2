"""What an open file (JSON Lines, parquet) declares of its corpus as a whole, and what is inferred where it declares nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue, ValidationError

from merc.data.schema import Conversation, Corpus, FeatureArray, FeatureSpec, LabelSet, Split
from merc.data.splits import seeded
from merc.errors import DataError
from merc.files.printable import encodable
from merc.files.validation import explain
from merc.settings import Settings

_DRAWN_SEED = 0  # of the split that a corpus gets which brings none


class Declaration(Settings):
    """The head of an open file. All but `merc` is optional: what is None is inferred.

    Attributes:
        name: of the corpus; else the file's name.
        labels: the label set, in order; else the labels that occur, sorted.
        features: the feature schema; else what occurs, by an unknown encoder.
        splits: name -> part -> conversation ids; else a drawn split by conversation, `seeded`.
    """

    merc: Literal[1]
    name: str | None = None
    labels: tuple[str, ...] | None = None
    features: tuple[FeatureSpec, ...] | None = None
    splits: dict[str, dict[str, tuple[str, ...]]] | None = None
    notes: dict[str, JsonValue] | None = None


def parse_declaration(path: Path, content: Mapping[str, Any]) -> Declaration:
    """Check what a file declares.

    Raises:
        DataError: unknown keys or wrong values; the message names the file.
    """
    try:
        return Declaration.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path}, header: {explain(error)}") from error


def declared_corpus(path: Path, declaration: Declaration, conversations: tuple[Conversation, ...]) -> Corpus:
    """The corpus of a file's conversations.

    Raises:
        DataError: the file breaks a rule of the schema; or it names no labels and fewer than two occur.
    """
    if not conversations:
        raise DataError(f"{path} holds no conversation")
    features = declaration.features
    if features is None:
        features = tuple(_found_features(path, conversations))
    labels = declaration.labels
    if labels is None:
        labels = tuple(sorted({u.label for c in conversations for u in c.utterances if u.label is not None}))
        if len(labels) < 2:
            raise DataError(
                f"{path}: found {len(labels)} label(s) {list(labels)}; a corpus needs two or more, or a header with 'labels'"
            )
    ids = list(dict.fromkeys(c.id for c in conversations))
    try:
        if declaration.splits is not None:
            splits = {name: Split(name=name, parts=parts) for name, parts in declaration.splits.items()}
        else:
            splits = {"seeded": seeded(ids, _DRAWN_SEED)} if len(ids) >= 3 else {}
        return Corpus(
            name=declaration.name if declaration.name is not None else encodable(path.stem),
            label_set=LabelSet(names=labels),
            feature_schema=features,
            conversations=conversations,
            splits=splits,
            notes=declaration.notes if declaration.notes is not None else {"source": encodable(path.name)},
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _found_features(path: Path, conversations: tuple[Conversation, ...]) -> Iterator[FeatureSpec]:
    arrays: dict[str, FeatureArray] = {}
    for conversation in conversations:
        for key, array in conversation.features.items():
            arrays.setdefault(key, array)  # in the order in which the file names them first
    for key, array in arrays.items():
        modality, _, name = key.partition("/")
        try:
            yield FeatureSpec(modality=modality, name=name, dimension=array.shape[1])
        except DataError as error:
            raise DataError(f"{path}: feature {key!r}: {error}; expected the form 'modality/name'") from error
