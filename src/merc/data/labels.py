"""From one label set to another, as published protocols do: merge classes, or leave some unlabelled.

A label mapped to None stays in its conversation as context, without a label. MELD's seven emotions to its three sentiments are not
shipped: MELD judges the sentiment of each surprised utterance by itself, so no mapping of names gives it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml
from pydantic import ValidationError, model_validator

from merc.data.schema import Corpus, LabelSet
from merc.errors import DataError
from merc.files.strict_yaml import load_yaml
from merc.files.validation import explain
from merc.settings import Settings


class LabelMapping(Settings):
    """Old labels to new ones.

    Attributes:
        name: such as `iemocap4`; kept in the corpus's notes as `label_mapping`.
        labels: the new label set, in order; two or more.
        mapping: every old label to a new one, or to None: unlabelled.
    """

    name: str
    labels: tuple[str, ...]
    mapping: dict[str, str | None]

    @model_validator(mode="after")
    def _consistent(self) -> LabelMapping:
        LabelSet(names=self.labels)
        for old, new in self.mapping.items():
            if new is not None and new not in self.labels:
                raise ValueError(f"{old!r} maps to unknown label {new!r}; allowed: {', '.join(self.labels)}, or null")
        unused = [label for label in self.labels if label not in self.mapping.values()]
        if unused:
            raise ValueError(f"nothing maps to label {unused[0]!r}")
        return self


IEMOCAP4 = LabelMapping(
    name="iemocap4",
    labels=("happy", "sad", "neutral", "angry"),
    mapping={"happy": "happy", "excited": "happy", "sad": "sad", "neutral": "neutral", "angry": "angry", "frustrated": None},
)
SHIPPED: tuple[LabelMapping, ...] = (IEMOCAP4,)


def apply_mapping(corpus: Corpus, mapping: LabelMapping) -> Corpus:
    """The corpus under the new label set; features, splits and order stay.

    Raises:
        DataError: the mapping names a label that the corpus lacks, or leaves out one that it has.
    """
    name, known = f"label mapping {mapping.name!r}", corpus.label_set.names
    for label in mapping.mapping:
        if label not in known:
            raise DataError(f"{name}: unknown label {label!r}; corpus {corpus.name!r} has: {', '.join(known)}")
    for label in known:
        if label not in mapping.mapping:
            has = ", ".join(mapping.mapping)
            raise DataError(f"{name} leaves out {label!r} of corpus {corpus.name!r}; it maps: {has}")
    conversations = tuple(
        replace(c, utterances=tuple(replace(u, label=None if u.label is None else mapping.mapping[u.label]) for u in c.utterances))
        for c in corpus.conversations
    )
    return replace(
        corpus,
        label_set=LabelSet(names=mapping.labels),
        conversations=conversations,
        notes={**corpus.notes, "label_mapping": mapping.name},
    )


def find_mapping(name_or_path: str) -> LabelMapping:
    """A shipped mapping by name, or a mapping of one's own from a YAML file (a name that ends in `.yaml` or `.yml`).

    Raises:
        DataError: no such mapping, or a file that is not valid.
    """
    if name_or_path.endswith((".yaml", ".yml")):
        return read_mapping(name_or_path)
    shipped = {mapping.name: mapping for mapping in SHIPPED}
    if name_or_path not in shipped:
        raise DataError(f"unknown label mapping {name_or_path!r}; allowed: {', '.join(shipped)}, or a YAML file")
    return shipped[name_or_path]


def read_mapping(path: str | Path) -> LabelMapping:
    """Read a mapping from YAML with the keys `name`, `labels` and `mapping`.

    Raises:
        DataError: the file can't be read, is no YAML, repeats a key, or is no valid mapping. Labels that YAML takes for something
            else (`no`, `null`, `1`) must be quoted.
    """
    try:
        content: object = load_yaml(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"label mapping {path}: can't be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"label mapping {path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise DataError(f"label mapping {path}: expected the keys name, labels and mapping")
    try:
        return LabelMapping.model_validate(content)
    except ValidationError as error:
        raise DataError(f"label mapping {path}: {explain(error)}") from error
