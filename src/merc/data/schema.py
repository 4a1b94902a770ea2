"""What a corpus is: utterances in conversations, named features per modality, a label set and named splits.

Everything is immutable and checked when made. A feature array holds one row an utterance. A row of NaN means that the modality is
absent, a row with some NaN that it is partly missing.

Shapes: T utterances, D features.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, field_validator

from merc.errors import DataError, MercError
from merc.files.arguments import checked, shown
from merc.settings import OwnSettings

PARTS: tuple[str, str, str] = ("train", "validation", "test")
Part = Literal["train", "validation", "test"]
MAX_MODALITIES = 8
_NOTHING = type(None)
_FIELDS: tuple[tuple[str, tuple[type, ...], str], ...] = (  # of an utterance: what it may be, and how errors say so
    ("id", (str,), "a str"),
    *((name, (str, _NOTHING), "a str or None") for name in ("speaker", "words", "label")),
    *((name, (float, int, _NOTHING, np.floating, np.integer), "finite seconds or None") for name in ("start", "end")),
    ("channel", (int, _NOTHING, np.integer), "a whole number or None"),
)
FeatureArray = NDArray[np.float32]  # (T, D); its shape is checked by `Conversation`, since it may come from users


def _matching(pattern: str, rule: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(rule.format(value))
        return value

    return AfterValidator(check)


class FeatureSpec(OwnSettings):
    """One named feature of one modality.

    Attributes:
        modality: name of the stream, such as `text`; lower case letters, digits and underscores.
        name: name of the feature within the modality, such as `minilm` or `R1`.
        dimension: numbers per utterance.
        encoder: what made it, such as `all-MiniLM-L6-v2`; `unknown` where the source does not say.
        version: the encoder's version, or the checksum of its weights.

    Raises:
        DataError: another value.

    Example:
        >>> import merc
        >>> merc.FeatureSpec(modality="text", name="minilm", dimension=384).key
        'text/minilm'
    """

    refusal: ClassVar[type[MercError]] = DataError
    modality: Annotated[
        str, _matching("[a-z][a-z0-9_]{0,31}", "modality {!r}: lower-case letters, digits and underscores, 32 at most")
    ]
    name: Annotated[
        str, _matching(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}", "feature name {!r}: letters, digits, '_', '.', '-', 100 at most")
    ]
    dimension: Annotated[int, Field(ge=1, le=1_000_000)]
    encoder: str = "unknown"
    version: str = "unknown"

    @property
    def key(self) -> str:
        """`modality/name`: the feature's name wherever one string is needed."""
        return f"{self.modality}/{self.name}"


class LabelSet(OwnSettings):
    """The classes, in the order in which models, tables and confusion matrices use them.

    Raises:
        DataError: fewer than two names, or no names.

    Example:
        >>> import merc
        >>> merc.LabelSet(names=("calm", "cross")).index("cross")
        1
    """

    refusal: ClassVar[type[MercError]] = DataError
    names: tuple[str, ...]

    @field_validator("names")
    @classmethod
    def _at_least_two_distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) < 2 or len(set(value)) != len(value) or not all(name.strip() for name in value):
            raise ValueError(f"label set {list(value)}: two or more different, non-empty names")
        return value

    def __len__(self) -> int:
        return len(self.names)

    def index(self, label: str) -> int:
        """The label's class index.

        Raises:
            DataError: the label is not in the set.
        """
        if label not in self.names:
            raise DataError(f"unknown label {label!r}; allowed: {', '.join(self.names)}")
        return self.names.index(label)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn or sentence, as every reader gives it.

    Attributes:
        id: unique in its conversation.
        speaker: a name, or None where it is unknown; all utterances without one count as one speaker's.
        words: what was said, without mark-up; None where that is not known, or nothing was.
        start, end: seconds from the start of the recording, or None.
        channel: of the recording, from 0, or None.
        label: the annotated emotion; None means unlabelled: context for the others, masked from loss and metrics.

    Raises:
        DataError: a value of another type, or a time that is not finite. Numbers of numpy are fine.

    Example:
        >>> import merc
        >>> merc.Utterance("1", "Ann", "I got the job!", start=0.0, end=1.4).words
        'I got the job!'
    """

    id: str
    speaker: str | None = None
    words: str | None = None
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        for name, kinds, expected in _FIELDS:
            value: object = getattr(self, name)
            if not isinstance(value, kinds) or (isinstance(value, (float, np.floating)) and not abs(value) < np.inf):
                raise DataError(f"utterance {shown(self.id)}, {name}: expected {expected}, found {shown(value)}")


@dataclass(frozen=True, slots=True)
class Absence:
    """A modality that an utterance lacked when it was judged.

    Attributes:
        utterance_id: None stands for every utterance.
        modality: its name.
        reason: in words.

    Example:
        >>> import merc
        >>> merc.Absence(None, "audio", "there is no recording").modality
        'audio'
    """

    utterance_id: str | None
    modality: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Utterances in order, with their features.

    Attributes:
        id: unique in the corpus.
        utterances: one or more, ids unique in the conversation.
        features: `FeatureSpec.key` -> array of shape (T, D), kept as float32; an all-NaN row is absence. Not every feature need be
            there.

    Raises:
        DataError: no utterance, a repeated utterance id, an array of another length or rank, an infinite number.

    Example:
        >>> import merc
        >>> merc.Conversation("chat", (merc.Utterance("1", "Ann", "Hi!"), merc.Utterance("2", "Bo", "Hello!")))
        Conversation('chat': 2 utterances, no features)
    """

    id: str
    utterances: tuple[Utterance, ...]
    features: Mapping[str, FeatureArray] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        where = f"conversation {self.id!r}"
        checked(self.id, str, "the id of a conversation", "a str")
        for u in checked(self.utterances, (tuple, list), f"{where}, utterances", "a tuple of merc.Utterance"):
            checked(u, Utterance, f"{where}, utterances", "a tuple of merc.Utterance")
        object.__setattr__(self, "utterances", tuple(self.utterances))
        checked(self.features, Mapping, f"{where}, features", "a mapping of names such as 'text/minilm' to arrays")
        if not self.utterances:
            raise DataError(f"conversation {self.id!r} is empty: it needs at least one utterance")
        if (repeated := first_repeated(u.id for u in self.utterances)) is not None:
            raise DataError(f"conversation {self.id!r}: utterance id {repeated!r} occurs more than once")
        features: dict[str, FeatureArray] = {}
        for key, given in self.features.items():
            where = f"conversation {self.id!r}, feature {key}"
            try:
                array = np.asarray(given)
            except ValueError:
                raise DataError(f"{where}: expected an array, found rows of different lengths") from None
            if array.ndim != 2 or array.shape[0] != len(self.utterances):
                raise DataError(f"{where}: shape {array.shape}, expected ({len(self.utterances)}, dimension), one row an utterance")
            if array.dtype.kind != "f":
                raise DataError(f"{where}: dtype {array.dtype}, expected floating-point numbers")
            with np.errstate(over="ignore"):  # what float32 can't hold is infinite, and refused below
                array = features[key] = array.astype(np.float32, copy=False)
            infinite = np.isinf(array).any(axis=1)
            if infinite.any():
                row = int(np.flatnonzero(infinite)[0])
                raise DataError(
                    f"conversation {self.id!r}, utterance {self.utterances[row].id!r}, feature {key}: "
                    "a number that is infinite, or too large for float32; allowed are finite numbers, and NaN for what is missing"
                )
        object.__setattr__(self, "features", MappingProxyType(features))

    def __len__(self) -> int:
        return len(self.utterances)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{key} {array.shape[1]}-d" for key, array in self.features.items()) or "no features"
        return f"Conversation({self.id!r}: {len(self.utterances)} utterances, {shapes})"

    def __reduce__(self) -> tuple[type[Conversation], tuple[object, ...]]:
        return (Conversation, (self.id, self.utterances, dict(self.features)))

    def with_features(self, features: Mapping[str, FeatureArray]) -> Conversation:
        """The same conversation with these features added, or put in place of those of the same key."""
        return replace(self, features={**self.features, **features})


@dataclass(frozen=True, slots=True)
class Split:
    """A named division of conversations into `train`, `validation` and `test`; a part may be empty or missing.

    Raises:
        DataError: an unknown part, or a conversation in two parts or twice in one.

    Example:
        >>> import merc
        >>> merc.Split("mine", {"train": ("a", "b"), "test": ("c",)}).parts["test"]
        ('c',)
    """

    name: str
    parts: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        checked(self.parts, Mapping, f"split {self.name!r}, parts", "a mapping of parts to ids of conversations")
        for part, ids in self.parts.items():
            checked(ids, (tuple, list), f"split {self.name!r}, part {part!r}", "a tuple of ids of conversations")
            if part not in PARTS:
                raise DataError(f"split {self.name!r}: unknown part {part!r}; allowed: {', '.join(PARTS)}")
            for conversation_id in ids:
                if conversation_id in seen:
                    found = f"conversation {conversation_id!r} is in {seen[conversation_id]!r} and in {part!r}"
                    raise DataError(f"split {self.name!r}: {found}; a conversation belongs to one part")
                seen[conversation_id] = part
        object.__setattr__(self, "parts", MappingProxyType({part: tuple(ids) for part, ids in self.parts.items()}))

    def __reduce__(self) -> tuple[type[Split], tuple[object, ...]]:
        return (Split, (self.name, dict(self.parts)))


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Conversations, their label set, feature schema and splits.

    Attributes:
        name: such as `meld`.
        label_set: the classes.
        feature_schema: the features that conversations may carry.
        conversations: in a fixed order, ids unique.
        splits: name -> split; a corpus may hold several.
        notes: free facts about the source (`source`, `licence`, `synthetic`, planting parameters, probe results), JSON values only.

    Raises:
        DataError: repeated conversation ids, more than 8 modalities, a label outside the set, a feature outside the
            schema or of another dimension, a split that names an unknown conversation.

    Example:
        >>> import merc
        >>> chat = merc.Conversation("chat", (merc.Utterance("1", "Ann", "Hi!", label="calm"),))
        >>> merc.Corpus("mine", merc.LabelSet(names=("calm", "cross")), (), (chat,)).utterance_count
        1
    """

    name: str
    label_set: LabelSet
    feature_schema: tuple[FeatureSpec, ...]
    conversations: tuple[Conversation, ...]
    splits: Mapping[str, Split] = field(default_factory=lambda: MappingProxyType({}))
    notes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        features = ", ".join(f"{spec.key} {spec.dimension}-d" for spec in self.feature_schema) or "no features"
        splits = ", ".join(self.splits) or "none"
        return f"Corpus({self.name!r}: {len(self.conversations)} conversations, {features}, splits {splits})"

    def __post_init__(self) -> None:
        where = f"corpus {self.name!r}"
        checked(self.label_set, LabelSet, f"{where}, label_set", "a merc.LabelSet")
        for field_name, kind in (("feature_schema", FeatureSpec), ("conversations", Conversation)):
            expected = f"a tuple of merc.{kind.__name__}"
            for each in checked(getattr(self, field_name), (tuple, list), f"{where}, {field_name}", expected):
                checked(each, kind, f"{where}, {field_name}", expected)
        checked(self.splits, Mapping, f"{where}, splits", "a mapping of names to merc.Split")
        checked(self.notes, Mapping, f"{where}, notes", "a mapping")
        if not self.conversations:
            raise DataError(f"corpus {self.name!r} holds no conversation")
        known = {c.id for c in self.conversations}
        if (repeated := first_repeated(c.id for c in self.conversations)) is not None:
            raise DataError(f"corpus {self.name!r}: conversation id {repeated!r} occurs more than once")
        specs = {spec.key: spec for spec in self.feature_schema}
        if (repeated := first_repeated(spec.key for spec in self.feature_schema)) is not None:
            raise DataError(f"corpus {self.name!r}: feature {repeated} is declared more than once")
        if len(self.modalities) > MAX_MODALITIES:
            raise DataError(f"corpus {self.name!r} has {len(self.modalities)} modalities; at most {MAX_MODALITIES}")
        for conversation in self.conversations:
            _check_conversation(conversation, specs, set(self.label_set.names))
        for split in self.splits.values():
            for part, ids in split.parts.items():
                if (unknown := next((i for i in ids if i not in known), None)) is not None:
                    raise DataError(f"split {split.name!r}, part {part!r}: unknown conversation {unknown!r}")
        object.__setattr__(self, "splits", MappingProxyType(dict(self.splits)))
        object.__setattr__(self, "notes", MappingProxyType(dict(self.notes)))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in the schema's order."""
        return tuple(dict.fromkeys(spec.modality for spec in self.feature_schema))

    @property
    def utterance_count(self) -> int:
        """Utterances in all conversations."""
        return sum(len(c) for c in self.conversations)

    def features_of(self, modality: str) -> tuple[FeatureSpec, ...]:
        """The features that this modality offers; empty if the corpus lacks the modality."""
        return tuple(spec for spec in self.feature_schema if spec.modality == modality)

    def part(self, split: str, part: Part) -> tuple[Conversation, ...]:
        """The conversations of one part of one split, in the corpus's order.

        Raises:
            DataError: no such split or part, or the part is empty.
        """
        if split not in self.splits:
            raise DataError(f"corpus {self.name!r} has no split {split!r}; it has: {', '.join(self.splits) or 'none'}")
        if part not in PARTS:
            raise DataError(f"corpus {self.name!r}: unknown part {part!r}; allowed: {', '.join(PARTS)}")
        ids = set(self.splits[split].parts.get(part, ()))
        if not ids:
            raise DataError(f"corpus {self.name!r}, split {split!r}: part {part!r} is empty")
        return tuple(c for c in self.conversations if c.id in ids)

    def label_counts(self, conversations: Sequence[Conversation] | None = None) -> dict[str, int]:
        """Utterances per label, in the label set's order; unlabelled ones are not counted."""
        counts = Counter(u.label for c in (self.conversations if conversations is None else conversations) for u in c.utterances)
        return {name: counts[name] for name in self.label_set.names}


def first_repeated(values: Iterable[str]) -> str | None:
    """The first value that occurs more than once, or None."""
    return next((value for value, times in Counter(values).items() if times > 1), None)


def iterate_utterances(conversations: Iterable[Conversation]) -> Iterator[tuple[Conversation, int, Utterance]]:
    """Every utterance with its conversation and its position in it."""
    for conversation in conversations:
        for position, utterance in enumerate(conversation.utterances):
            yield conversation, position, utterance


def _check_conversation(conversation: Conversation, specs: Mapping[str, FeatureSpec], labels: set[str]) -> None:
    where = f"conversation {conversation.id!r}"
    for u in conversation.utterances:
        if u.label is not None and u.label not in labels:
            raise DataError(f"{where}, utterance {u.id!r}: unknown label {u.label!r}; allowed: {', '.join(sorted(labels))}")
    for key, array in conversation.features.items():
        if key not in specs:
            raise DataError(f"{where}: feature {key} is not in the schema; it has: {', '.join(specs) or 'none'}")
        if array.shape[1] != specs[key].dimension:
            raise DataError(f"{where}, feature {key}: dimension {array.shape[1]}, the schema says {specs[key].dimension}")
