"""What a file or folder holds and what looks wrong with it, before anything is imported.

Import stops at the first problem; inspection works on the draft of a corpus, counts what can be read and reports every problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from merc.data.duplicates import same_words
from merc.data.formats.draft import CorpusDraft, DraftConversation, corpus_from
from merc.data.formats.importing import describe_source, layout_named, layout_of, open_source
from merc.data.schema import Corpus, FeatureSpec
from merc.errors import DataError
from merc.settings import Settings

Severity = Literal["error", "warning", "note"]
Splits = Mapping[str, Mapping[str, Sequence[str]]]  # split -> part -> conversation ids
_LISTED_PROBLEMS = 20  # of each kind; the rest is counted
_LISTED_NAMES = 4


class Finding(Settings):
    """What looks wrong: `error` where import refuses, `warning` where a result would suffer, `note` for what is worth knowing."""

    severity: Severity
    kind: str
    message: str


class FeatureReport(Settings):
    """One feature over all utterances. Rows that are all zero or all NaN are suspected absence.

    `constant_columns` counts the columns that hold a single value in all rows that are not absent.
    """

    modality: str
    name: str
    dimension: int
    encoder: str
    rows: int
    zero_rows: int
    nan_rows: int
    partly_nan_rows: int
    infinite_rows: int
    constant_columns: int


class PartReport(Settings):
    """One part of one split: conversations, utterances, utterances per label."""

    split: str
    part: str
    conversations: int
    utterances: int
    labels: dict[str, int]


class Inspection(Settings):
    """What was found. `layout` and all that follows it are None, zero or empty where the source can't be read at all."""

    path: str
    layout: str | None
    description: str
    importable: bool
    corpus: str | None = None
    conversations: int = 0
    utterances: int = 0
    shortest: int = 0
    longest: int = 0
    unlabelled: int = 0
    with_transcript: int = 0
    labels: dict[str, int] = Field(default_factory=dict[str, int])
    features: tuple[FeatureReport, ...] = ()
    parts: tuple[PartReport, ...] = ()
    findings: tuple[Finding, ...] = ()


def inspect(path: str | Path, layout: str | None = None) -> Inspection:
    """Inspects what `import_corpus` takes; a layout that import would refuse is reported as a finding.

    Raises:
        DataError: there is nothing at the path, or no layout of that name.
        UnsafeFileError: a pickle holds something that is not plain data; nothing is reported of its content.
    """
    named = None if layout is None else layout_named(layout)
    source = open_source(path)
    found = None
    try:
        found = layout_of(source, named)
        draft = found.draft(source)
    except DataError as error:
        finding = Finding(severity="error", kind="refused" if found else "layout", message=str(error))
        return Inspection(
            path=str(path),
            layout=found.name if found else None,
            description=found.description if found else describe_source(source),
            importable=False,
            findings=(finding,),
        )
    if isinstance(draft, Corpus):
        return inspect_corpus(draft, source.path, found.name, found.description)
    return _inspect_draft(source.path, found.name, found.description, draft)


def inspect_corpus(corpus: Corpus, path: str | Path, layout: str, description: str) -> Inspection:
    """Inspects a corpus that was read as a whole: its layout's name and description, and what looks wrong with it."""
    return _inspect_draft(Path(path), layout, description, _draft_of(corpus))


def _draft_of(corpus: Corpus) -> CorpusDraft:
    """The draft, without problems, of a corpus that was read as a whole."""
    conversations = tuple(DraftConversation(c.id, c.utterances, c.features) for c in corpus.conversations)
    labels, splits = corpus.label_set.names, dict(corpus.splits)
    return CorpusDraft(corpus.name, labels, corpus.feature_schema, conversations, {}, lambda _ids, _parts: splits, (), corpus.notes)


def _inspect_draft(path: Path, layout: str, description: str, draft: CorpusDraft) -> Inspection:
    found: list[tuple[Severity, str, str]] = []
    for kind, count in Counter(problem.kind for problem in draft.problems).items():
        messages = [problem.message for problem in draft.problems if problem.kind == kind][:_LISTED_PROBLEMS]
        if count > _LISTED_PROBLEMS:
            messages.append(f"and {count - _LISTED_PROBLEMS} more of this kind")
        found.extend(("error", kind, message) for message in messages)
    splits: Splits = {"file": draft.parts}
    try:
        splits = {name: split.parts for name, split in corpus_from(draft, path).splits.items()}
    except DataError as error:
        if not draft.problems:
            found.append(("error", "refused", str(error)))
    conversations = draft.conversations
    features = tuple(feature_report(spec, conversations) for spec in draft.feature_schema)
    lengths = [len(c.utterances) for c in conversations]
    labels = _label_counts(conversations, draft.label_names)
    parts = tuple(_part_reports(splits, conversations, draft.label_names))
    found.extend(finding for feature in features for finding in _feature_findings(feature))
    found.extend(_label_findings(labels, parts))
    found.extend(_membership_findings(splits, conversations))
    found.extend(_duplicate_findings(splits, conversations))
    return Inspection(
        path=str(path),
        layout=layout,
        description=description,
        importable=not any(severity == "error" for severity, _, _ in found),
        corpus=draft.name,
        conversations=len(conversations),
        utterances=sum(lengths),
        shortest=min(lengths, default=0),
        longest=max(lengths, default=0),
        unlabelled=sum(u.label is None for c in conversations for u in c.utterances),
        with_transcript=sum(u.words is not None for c in conversations for u in c.utterances),
        labels=labels,
        features=features,
        parts=parts,
        findings=tuple(Finding(severity=severity, kind=kind, message=message) for severity, kind, message in found),
    )


def feature_report(spec: FeatureSpec, conversations: Sequence[DraftConversation]) -> FeatureReport:
    """Counts over all rows of one feature; conversations in which it has another dimension are left out."""
    blocks = [c.features[spec.key] for c in conversations if spec.key in c.features]
    rows = np.concatenate([np.zeros((0, spec.dimension), np.float32), *(x for x in blocks if x.shape[1] == spec.dimension)])
    missing, zero = np.isnan(rows), (rows == 0).all(axis=1)
    nan = missing.all(axis=1)
    present = rows[~zero & ~nan]
    constant = np.fmin.reduce(present) == np.fmax.reduce(present) if len(present) > 1 else np.zeros(0)
    return FeatureReport(
        modality=spec.modality,
        name=spec.name,
        dimension=spec.dimension,
        encoder=spec.encoder,
        rows=len(rows),
        zero_rows=int(zero.sum()),
        nan_rows=int(nan.sum()),
        partly_nan_rows=int((missing.any(axis=1) & ~nan).sum()),
        infinite_rows=int(np.isinf(rows).any(axis=1).sum()),
        constant_columns=int(constant.sum()),
    )


def _feature_findings(feature: FeatureReport) -> Iterator[tuple[Severity, str, str]]:
    rows = f"of {feature.rows} rows are"
    columns = f"of {feature.dimension} columns hold one value throughout and carry no information"
    counts: tuple[tuple[int, Severity, str, str], ...] = (
        (feature.zero_rows, "warning", "zero rows", f"{rows} all zero; if they mean absence, import with --zeros-absent"),
        (feature.nan_rows, "note", "nan rows", f"{rows} all NaN and count as absent"),
        (feature.partly_nan_rows, "note", "partly nan", f"{rows} partly NaN; those entries count as missing"),
        (feature.constant_columns, "warning", "constant columns", columns),
    )
    for count, severity, kind, text in counts:
        if count:
            yield severity, kind, f"{feature.modality}/{feature.name}: {count} {text}"


def _label_counts(conversations: Sequence[DraftConversation], label_names: tuple[str, ...]) -> dict[str, int]:
    counts = Counter(u.label for c in conversations for u in c.utterances)
    return {name: counts[name] for name in label_names}


def _label_findings(labels: Mapping[str, int], parts: Sequence[PartReport]) -> Iterator[tuple[Severity, str, str]]:
    never = [name for name, count in labels.items() if not count]
    if never:
        yield "warning", "labels", f"no utterance is labelled {', '.join(never)}"
    for part in parts:
        lacking = [name for name, count in part.labels.items() if not count and name not in never]
        if lacking and part.utterances:
            yield "warning", "labels", f"split {part.split!r}, part {part.part!r}: no utterance is labelled {', '.join(lacking)}"


def _part_reports(splits: Splits, conversations: Sequence[DraftConversation], label_names: tuple[str, ...]) -> Iterator[PartReport]:
    by_id = {c.id: c for c in conversations}
    for split, parts in splits.items():
        for part, ids in parts.items():
            chosen = [by_id[i] for i in ids if i in by_id]
            yield PartReport(
                split=split,
                part=part,
                conversations=len(chosen),
                utterances=sum(len(c.utterances) for c in chosen),
                labels=_label_counts(chosen, label_names),
            )


def _membership_findings(splits: Splits, conversations: Sequence[DraftConversation]) -> Iterator[tuple[Severity, str, str]]:
    for split, parts in splits.items():
        listed = {i for ids in parts.values() for i in ids}
        outside = [c.id for c in conversations if c.id not in listed]
        if outside:
            message = f"split {split!r}: {len(outside)} conversation(s) are in no part, the first is {outside[0]!r}"
            yield "note", "split", message


def _duplicate_findings(splits: Splits, conversations: Sequence[DraftConversation]) -> Iterator[tuple[Severity, str, str]]:
    """Conversations with the same words throughout: one conversation under two ids, which no check of ids can find."""
    alike = same_words((c.id, [u.words for u in c.utterances]) for c in conversations)
    if alike:
        more = len(alike[0]) - _LISTED_NAMES
        names = ", ".join(alike[0][:_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")
        message = f"{len(alike)} group(s) of conversations have the same words throughout, the first is {names}"
        yield "warning", "duplicate", message
    for split, parts in splits.items():
        part_of = {i: part for part, ids in parts.items() for i in ids}
        across: list[dict[str, str]] = []  # of each such group, part -> the first of its conversations there
        for ids in alike:
            first_of: dict[str, str] = {}
            for i in ids:
                if i in part_of:
                    first_of.setdefault(part_of[i], i)
            if len(first_of) > 1:
                across.append(first_of)
        if across:
            places = ", ".join(f"{i} in {part!r}" for part, i in across[0].items())
            message = f"split {split!r}: {len(across)} of these groups lie across parts, the first is {places}"
            yield "warning", "duplicate", message
