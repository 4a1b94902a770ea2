"""A folder of transcripts with labels, or one such file, as a corpus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from merc.annotation.labelled import columns, tiers
from merc.annotation.labelled.agreement import Agreement, agreement, majority
from merc.annotation.labelled.columns import read_labelled_table
from merc.annotation.labelled.tiers import read_labelled_tiers
from merc.annotation.labelled.transcript import LabelledFile, LabelledTranscript
from merc.annotation.media.pairing import OWN, RECORDINGS
from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.formats import SUFFIXES
from merc.annotation.transcripts.transcript import speaker_of, unnamed_warnings
from merc.data.labels import LabelMapping
from merc.data.schema import Conversation, Corpus, LabelSet, Utterance
from merc.data.splits import seeded
from merc.errors import DataError
from merc.files.printable import encodable, printable
from merc.files.validation import shorten

WITH_LABELS = (*tiers.SUFFIXES, *columns.SUFFIXES)
LAYOUT = "labelled"
_SEED = 0  # of the split
_SHOWN = 6  # names of a message
_BLANKS = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """What was found.

    Attributes:
        corpus: a conversation a file, or more where a table tells them apart; no features.
        agreement: of the annotators, if there are several.
        warnings: a sentence each.
    """

    corpus: Corpus
    agreement: Agreement | None
    warnings: tuple[str, ...]


def may_be_labelled(path: Path) -> bool:
    """Whether a path is a file that may hold labels, or a folder with one in it."""
    return any(path.suffix.lower() in WITH_LABELS for path in _files(path))


def import_labelled(path: str | Path, labels_from: Sequence[str] = (), mapping: LabelMapping | None = None) -> LabelledFolder:
    """The corpus of a folder's transcripts with labels, or of one such file.

    Conversations are called after their files, as seen from the folder, without suffix and without `.emotions`; those of one table
    after what it calls them, behind the table's name if there are several files. What several annotators labelled gets the
    majority's label. With three conversations or more there is a split, `seeded`: 80/10/10 % of them.

    Args:
        path: of the folder, whose subfolders are looked through, too, or of the file.
        labels_from: names of tiers or columns that hold labels, with or without the speaker; none means our own tiers of emotions,
            or those called `emotion`, or columns called so, or `label`.
        mapping: from the labels that are found to those of the corpus; before annotators are compared.

    Raises:
        DataError: no file, no labels, labels that differ only in their spelling or of one kind only; two files of one
            conversation have labels; or see `read_labelled_tiers` and `read_labelled_table`.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    wanted = tuple(dict.fromkeys(labels_from))
    files = _files(path)
    found: dict[str, tuple[Path, LabelledFile]] = {}
    unlabelled: dict[Path, tuple[str, ...]] = {}
    for file in files:
        if file.suffix.lower() not in WITH_LABELS:
            continue
        reader = read_labelled_tiers if file.suffix.lower() in tiers.SUFFIXES else read_labelled_table
        read = reader(file, wanted)
        base = _base(file, path)
        if not read.conversations:
            unlabelled[file] = read.names
        elif base in found:
            both = f"{printable(found[base][0].name)} and {printable(file.name)}"
            raise DataError(f"{path}: {both} both hold labels of {printable(base)}; keep one")
        else:
            found[base] = (file, read)
    if not found:
        raise DataError(_nothing_found(path, files, unlabelled, wanted))
    used = frozenset[str]().union(*(read.wanted for _, read in found.values()))
    unknown = [word for word in wanted if word not in used]
    if unknown:
        names = [name for _, read in found.values() for name in read.names]
        raise DataError(f"{path}: nothing is called {shorten(repr(unknown[0]))}; found: {_listed(dict.fromkeys(names))}")
    warnings = [warning for _, read in found.values() for warning in read.warnings]
    warnings += _left_out(files, found, path)
    conversations: dict[str, LabelledTranscript] = {}
    for base, (file, read) in found.items():
        for one in read.conversations:
            warnings += (f"{printable(file.name)}: {warning}" for warning in one.transcript.warnings)
            named = one.transcript.conversation if len(read.conversations) > 1 else None
            conversation_id = base if named is None else named if len(found) == 1 else f"{base}/{named}"
            if conversation_id in conversations:
                raise DataError(
                    f"{path}: two conversations are called {shorten(repr(printable(conversation_id)))}; rename one file"
                )
            conversations[conversation_id] = one
        said = unnamed_warnings([u for one in read.conversations for u in one.transcript.utterances])
        warnings += (f"{printable(file.name)}: {warning}" for warning in said)
    return _labelled_folder(path, conversations, mapping, {"source": encodable(path.name)}, warnings)


def _labelled_folder(
    path: Path,
    found: Mapping[str, LabelledTranscript],
    mapping: LabelMapping | None,
    notes: Mapping[str, object],
    warnings: Sequence[str],
) -> LabelledFolder:
    """The corpus of labelled transcripts by conversation id."""
    given = {label for one in found.values() for labels in one.labels for label in labels.values()}
    if mapping is None:
        _refuse_spellings(path, given)
        names = tuple(sorted(given))
        if len(names) < 2:
            listed = _listed(names) or "none"
            raise DataError(f"{path}: found {counted(len(names), 'label', 'labels')}: {listed}; a corpus needs two or more")
    else:
        names = mapping.labels
        if missing := sorted(given - mapping.mapping.keys()):
            has = ", ".join(mapping.mapping)
            raise DataError(f"label mapping {mapping.name!r} leaves out {_listed(missing)} of {path}; it maps: {has}")
        notes = {**notes, "label_mapping": mapping.name}
    conversations: list[Conversation] = []
    votes: list[Mapping[str, str | None]] = []
    for conversation_id, one in found.items():
        utterances: list[Utterance] = []
        for u, labels in zip(one.transcript.utterances, one.labels, strict=True):
            vote = {who: label if mapping is None else mapping.mapping[label] for who, label in labels.items()}
            votes.append(vote)
            utterances.append(replace(u, speaker=speaker_of(u), label=majority(vote)[0]))
        conversations.append(Conversation(encodable(conversation_id), tuple(utterances)))
    several = any(len({who for labels in one.labels for who in labels}) > 1 for one in found.values())
    agreed = agreement(votes) if several else None
    if agreed is not None:
        notes = {
            **notes,
            "annotators": list(agreed.annotators),
            "agreement": {"krippendorff_alpha": agreed.alpha, "utterances": agreed.utterances, "ties": agreed.ties},
        }
    ids = [conversation.id for conversation in conversations]
    splits = {"seeded": seeded(ids, _SEED)} if len(ids) >= 3 else {}
    name = encodable(path.resolve().stem if path.is_file() else path.resolve().name)
    corpus = Corpus(name, LabelSet(names=names), (), tuple(conversations), splits, notes)
    return LabelledFolder(corpus, agreed, tuple(dict.fromkeys(warnings)))


def _files(path: Path) -> list[Path]:
    """A file, or those of a folder, sorted, without hidden ones."""
    if not path.is_dir():
        return [path]
    found = (each for each in path.rglob("*") if not any(part.startswith(".") for part in each.relative_to(path).parts))
    return sorted(each for each in found if each.is_file())


def _base(file: Path, folder: Path) -> str:
    """What a file's conversation is called."""
    place = file.relative_to(folder) if folder.is_dir() else Path(file.name)
    return place.with_name(place.stem.removesuffix(OWN) or place.stem).as_posix()


def _left_out(files: Sequence[Path], found: Mapping[str, object], folder: Path) -> list[str]:
    """A warning that names transcripts and recordings to which no labels belong."""
    readable = (*SUFFIXES, *RECORDINGS)
    names = [
        encodable(base) + file.suffix
        for file in files
        if file.suffix.lower() in readable and (base := _base(file, folder)) not in found and not file.stem.endswith(OWN)
    ]
    if not names:
        return []
    return [f"{counted(len(names), 'file has', 'files have')} no labels, and so left out: {_listed(names)}"]


def _nothing_found(path: Path, files: Sequence[Path], unlabelled: Mapping[Path, Sequence[str]], wanted: Sequence[str]) -> str:
    if not unlabelled:
        kinds = ", ".join(WITH_LABELS)
        suffixes = _listed(dict.fromkeys(file.suffix for file in files)) or "no file"
        return f"{path}: labels are read from {kinds}; found {suffixes}"
    file, names = next(iter(unlabelled.items()))
    of_tiers = file.suffix.lower() in tiers.SUFFIXES
    what = "tier" if of_tiers else "column"
    expected = _listed(wanted) if wanted else "'emotion'" if of_tiers else "'emotion' or 'label'"
    others = len(unlabelled) - 1
    more = f" (and so {counted(others, 'other file', 'other files')})" if others else ""
    how = "" if wanted else f"; --labels-from names another {what}"
    where = printable(file.name)
    return f"{where} has no {what} of labels{more}: expected one called {expected}; found: {_listed(names) or 'none'}{how}"


def _refuse_spellings(path: Path, labels: set[str]) -> None:
    first: dict[str, str] = {}
    for label in sorted(labels):
        other = first.setdefault(_BLANKS.sub("", label).casefold(), label)
        if other != label:
            both = f"{shorten(repr(printable(other)))} and {shorten(repr(printable(label)))}"
            raise DataError(f"{path}: labels {both} differ only by case or blanks; write one, or map both to one by --map-labels")


def _listed(names: Iterable[str]) -> str:
    listed = [shorten(repr(printable(name))) for name in islice(names, _SHOWN + 1)]
    return ", ".join(listed[:_SHOWN]) + (", …" if len(listed) > _SHOWN else "")
