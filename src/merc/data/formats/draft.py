"""A corpus as read, before it is checked: every problem is noted, so that inspection can report all of them.

Import refuses a draft with problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from merc.data.formats.cells import describe, identifier_of, integer_of, items_of, matrix_of, speaker_of, transcript_of
from merc.data.formats.known_corpora import SplitRule
from merc.data.schema import Conversation, Corpus, FeatureArray, FeatureSpec, LabelSet, Utterance
from merc.errors import DataError

# What made the vectors is known for two widths that no other encoder of the field shares.
_ENCODERS = {("audio", 1582): "openSMILE IS10", ("visual", 342): "DenseNet FER+"}
ProblemKind = Literal["cell", "length", "dimension", "label", "duplicate", "overlap", "split", "infinite", "empty"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for which import refuses; `message` names the conversation and what is wrong there."""

    kind: ProblemKind
    message: str


@dataclass(frozen=True, slots=True)
class FeatureSlot:
    """A feature that a layout carries: its modality, the name it gets, and what made it, or None to go by the width."""

    modality: str
    name: str
    encoder: str | None = None

    @property
    def key(self) -> str:
        """`modality/name`, as in `FeatureSpec.key`."""
        return f"{self.modality}/{self.name}"


@dataclass(frozen=True, slots=True)
class RawConversation:
    """The cells of one conversation as the file has them; None where the layout has no such column.

    Attributes:
        labels: whole numbers; their count is the number of utterances.
        speakers: names, numbers or one-hot rows.
        utterance_ids: text or whole numbers; without them utterances are called `{id}_0`, `{id}_1`, ...
        sentences: transcripts.
        features: `FeatureSlot.key` -> rows; a missing key means that the file's table has no such conversation.
    """

    id: str
    labels: object
    speakers: object
    utterance_ids: object = None
    sentences: object = None
    features: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, eq=False)
class DraftConversation:
    """Utterances and features that may still disagree; an utterance whose label is unknown has none."""

    id: str
    utterances: tuple[Utterance, ...]
    features: Mapping[str, FeatureArray]


@dataclass(frozen=True, slots=True, eq=False)
class CorpusDraft:
    """All that could be read, and all that stands in the way.

    Attributes:
        label_names: in the order of the label numbers.
        feature_schema: dimensions are those of most conversations.
        conversations: in the order of the file.
        parts: the file's own lists of conversation ids; may overlap or name unknown conversations.
        split_rule: makes the named splits.
        problems: empty if the corpus can be imported.
    """

    name: str
    label_names: tuple[str, ...]
    feature_schema: tuple[FeatureSpec, ...]
    conversations: tuple[DraftConversation, ...]
    parts: Mapping[str, tuple[str, ...]]
    split_rule: SplitRule
    problems: tuple[Problem, ...]
    notes: Mapping[str, object]


def assemble(
    name: str,
    label_names: tuple[str, ...],
    slots: Sequence[FeatureSlot],
    raw: Iterable[RawConversation],
    parts: Mapping[str, tuple[str, ...]],
    split_rule: SplitRule,
    notes: Mapping[str, object],
    problems: Iterable[Problem] = (),
) -> CorpusDraft:
    """Reads the cells of every conversation and adds each problem to those that the layout has found.

    A conversation whose labels can't be read as a sequence is left out, with a problem; everything else is kept as far as it goes.
    """
    problems = list(problems)
    read = [_conversation(item, label_names, slots, problems) for item in raw]
    conversations = [conversation for conversation in read if conversation is not None]
    if not conversations:
        problems.append(Problem("empty", "it holds no conversation"))
    schema = _feature_schema(slots, conversations, problems)
    _check_ids(conversations, problems)
    _check_parts(conversations, parts, problems)
    return CorpusDraft(name, label_names, schema, tuple(conversations), dict(parts), split_rule, tuple(problems), dict(notes))


def corpus_from(draft: CorpusDraft, path: Path) -> Corpus:
    """The corpus, checked by the schema.

    Raises:
        DataError: the draft has problems (the first is named, the others counted), or breaks a rule of the schema or of a split.
    """
    if draft.problems:
        others = len(draft.problems) - 1
        more = f" (and {others} more; `merc data inspect` lists them)" if others else ""
        raise DataError(f"{path}: {draft.problems[0].message}{more}")
    try:
        return Corpus(
            name=draft.name,
            label_set=LabelSet(names=draft.label_names),
            feature_schema=draft.feature_schema,
            conversations=tuple(Conversation(c.id, c.utterances, c.features) for c in draft.conversations),
            splits=draft.split_rule([c.id for c in draft.conversations], draft.parts),
            notes=draft.notes,
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _conversation(
    raw: RawConversation, label_names: tuple[str, ...], slots: Sequence[FeatureSlot], problems: list[Problem]
) -> DraftConversation | None:
    where = f"conversation {raw.id!r}"
    numbers = items_of(raw.labels)
    if numbers is None:
        problems.append(Problem("cell", f"{where}: its labels are {describe(raw.labels)}, expected one whole number an utterance"))
        return None
    if not numbers:
        problems.append(Problem("empty", f"{where} is empty: it needs at least one utterance"))
    rows = [f"{where}, row {position}" for position in range(len(numbers))]
    given = _column(raw.utterance_ids, "utterance id", identifier_of, "text or a whole number", where, rows, problems)
    ids = [utterance_id or f"{raw.id}_{position}" for position, utterance_id in enumerate(given)]
    places = [f"{where}, utterance {utterance_id!r}" for utterance_id in ids]
    speakers = _column(raw.speakers, "speaker", speaker_of, "a name or a one-hot row", where, places, problems)
    sentences = _column(raw.sentences, "sentence", transcript_of, "text", where, places, problems)
    names: dict[int | None, str] = dict(enumerate(label_names))
    labels = [names.get(integer_of(number)) for number in numbers]
    for place, number, label in zip(places, numbers, labels, strict=True):
        if label is None:
            allowed = ", ".join(f"{index} {name}" for index, name in names.items())
            problems.append(Problem("label", f"{place}: unknown label {describe(number)}; allowed: {allowed}"))
    utterances = tuple(
        Utterance(id=utterance_id, speaker=speaker or "unknown", words=sentence, label=label)
        for utterance_id, speaker, sentence, label in zip(ids, speakers, sentences, labels, strict=True)
    )
    return DraftConversation(raw.id, utterances, _features(raw, slots, ids, problems))


def _column(
    cells: object,
    name: str,
    read: Callable[[object], str | None],
    expected: str,
    where: str,
    places: Sequence[str],
    problems: list[Problem],
) -> list[str | None]:
    """What `read` makes of the cell of each utterance; None where it can't be read, or the file has no such column."""
    items = items_of(cells)
    if items is not None and len(items) == len(places):
        values = [read(item) for item in items]
        for place, item, value in zip(places, items, values, strict=True):
            if value is None:
                problems.append(Problem("cell", f"{place}: {name} {describe(item)}, expected {expected}"))
        return values
    if items is not None:
        problems.append(Problem("length", f"{where}: lengths disagree: {len(places)} labels, {len(items)} {name}s"))
    elif cells is not None:
        problems.append(Problem("cell", f"{where}: its {name}s are {describe(cells)}, expected one an utterance"))
    return [None] * len(places)


def _features(
    raw: RawConversation, slots: Sequence[FeatureSlot], utterance_ids: Sequence[str], problems: list[Problem]
) -> dict[str, FeatureArray]:
    features: dict[str, FeatureArray] = {}
    for slot in slots:
        where = f"conversation {raw.id!r}, feature {slot.key}"
        if slot.key not in raw.features:
            problems.append(Problem("length", f"{where}: the file has no entry for this conversation"))
            continue
        try:
            matrix = matrix_of(raw.features[slot.key])
        except DataError as error:
            problems.append(Problem("cell", f"{where}: {error}"))
            continue
        features[slot.key] = matrix
        if len(matrix) != len(utterance_ids):
            problems.append(Problem("length", f"{where}: lengths disagree: {len(utterance_ids)} labels, {len(matrix)} rows"))
            continue
        infinite = np.flatnonzero(np.isinf(matrix).any(axis=1))
        if infinite.size:
            place = f"{where}, utterance {utterance_ids[int(infinite[0])]!r}"
            what = "a number that is infinite, or too large for float32"
            problems.append(Problem("infinite", f"{place}: {what} ({infinite.size} such rows); allowed: finite, NaN"))
    return features


def _feature_schema(
    slots: Sequence[FeatureSlot], conversations: Sequence[DraftConversation], problems: list[Problem]
) -> tuple[FeatureSpec, ...]:
    schema: list[FeatureSpec] = []
    for slot in slots:
        widths = Counter(c.features[slot.key].shape[1] for c in conversations if slot.key in c.features)
        if not widths:
            continue
        usual = widths.most_common(1)[0][0]
        encoder = slot.encoder or _ENCODERS.get((slot.modality, usual), "unknown")
        try:
            schema.append(FeatureSpec(modality=slot.modality, name=slot.name, dimension=usual, encoder=encoder))
        except DataError as error:
            problems.append(Problem("dimension", f"feature {slot.key}: {error}"))
            continue
        for c in conversations:
            if slot.key in c.features and (width := c.features[slot.key].shape[1]) != usual:
                where = f"conversation {c.id!r}, feature {slot.key}"
                problems.append(Problem("dimension", f"{where}: dimension {width}, most conversations have {usual}"))
    return tuple(schema)


def _check_ids(conversations: Sequence[DraftConversation], problems: list[Problem]) -> None:
    for conversation_id, times in Counter(c.id for c in conversations).items():
        if times > 1:
            problems.append(Problem("duplicate", f"conversation id {conversation_id!r} occurs {times} times"))
    for conversation in conversations:
        repeated = [i for i, times in Counter(u.id for u in conversation.utterances).items() if times > 1]
        if repeated:
            found = f"utterance id {repeated[0]!r} occurs more than once ({len(repeated)} such ids)"
            problems.append(Problem("duplicate", f"conversation {conversation.id!r}: {found}"))


def _check_parts(conversations: Sequence[DraftConversation], parts: Mapping[str, tuple[str, ...]], problems: list[Problem]) -> None:
    known = {c.id for c in conversations}
    owner: dict[str, str] = {}
    for part, ids in parts.items():
        unknown = [i for i in ids if i not in known]
        if unknown:
            message = f"part {part!r} lists {len(unknown)} conversation(s) without data, the first is {unknown[0]!r}"
            problems.append(Problem("split", message))
        shared: dict[str, list[str]] = {}
        for conversation_id in ids:
            if conversation_id in owner:
                shared.setdefault(owner[conversation_id], []).append(conversation_id)
            owner.setdefault(conversation_id, part)
        for other, both in shared.items():
            places = f"{other!r} and {part!r}" if other != part else f"{part!r} twice"
            problems.append(Problem("overlap", f"{len(both)} conversation(s) are in {places}, the first is {both[0]!r}"))
