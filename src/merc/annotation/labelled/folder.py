"""A folder of transcripts with labels, or one such file, as a corpus."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from merc.annotation.labelled.agreement import Agreement, agreement, majority
from merc.annotation.labelled.contents import FolderContents, base_of, files_of, folder_contents, listed
from merc.annotation.labelled.readers import label_reader
from merc.annotation.labelled.sound import HeardTalks, find_recordings, heard_talks, without_sound
from merc.annotation.media.pairing import OWN, RECORDINGS
from merc.annotation.options import SoundOptions
from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.formats import SUFFIXES
from merc.data.labels import LabelMapping
from merc.data.schema import Conversation, Corpus, LabelSet, Utterance
from merc.data.splits import seeded
from merc.encoders.derivation import PRAAT
from merc.errors import DataError
from merc.files.printable import encodable, printable
from merc.files.validation import shorten
from merc.settings import Progress, no_progress

LAYOUT = "labelled"
HEARD = SoundOptions()
_SEED = 0  # of the split
_BLANKS = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True)
class LabelledFolder:
    """What was found.

    Attributes:
        corpus: a conversation a file, or more where a table tells them apart; with `PRAAT`, if some sound could be had.
        agreement: of the annotators, if there are several.
        warnings: a sentence each.
        recordings: id of a conversation -> its recording, for those that have one.
    """

    corpus: Corpus
    agreement: Agreement | None
    warnings: tuple[str, ...]
    recordings: Mapping[str, Path]


def may_be_labelled(path: Path) -> bool:
    """Whether a path is a file that may hold labels, or a folder with one in it."""
    return any(label_reader(file) is not None for file in files_of(path))


def import_labelled(
    path: str | Path,
    labels_from: Sequence[str] = (),
    mapping: LabelMapping | None = None,
    *,
    sound: SoundOptions | None = HEARD,
    hook: Progress = no_progress,
) -> LabelledFolder:
    """The corpus of a folder's transcripts with labels, or of one such file, and of the recordings that belong to them.

    Conversations are called after their files, as seen from the folder, without suffix and without `.emotions`; those of one table
    after what it calls them, behind the table's name if there are several files. What several annotators labelled gets the
    majority's label. With three conversations or more there is a split, `seeded`: 80/10/10 % of them.

    Times are those of the recording; where there is none, the file's own. An utterance without sound has a row of NaN.

    Args:
        path: of the folder, whose subfolders are looked through, too, or of the file.
        labels_from: names of tiers or columns that hold labels, with or without the speaker; none means our own tiers of emotions,
            or those called `emotion`, or columns called so, or `label`.
        mapping: from the labels that are found to those of the corpus; before annotators are compared.
        sound: how the recordings' sound is taken, by the path that annotation takes; None leaves it out.
        hook: called on the way with what is done at present, how much of it is done, and how much there is or None.

    Raises:
        DataError: no file, no labels, labels that differ only in their spelling or of one kind only; two files of one
            conversation have labels and do not say the same; or see the readers of `merc.annotation.labelled.readers`.
    """
    return labelled_folder(folder_contents(Path(path), labels_from, hook), mapping, sound, hook)


def labelled_folder(
    contents: FolderContents, mapping: LabelMapping | None, sound: SoundOptions | None, hook: Progress = no_progress
) -> LabelledFolder:
    """The corpus of what a folder holds; see `import_labelled`.

    Raises:
        DataError: likewise.
    """
    if contents.problems:
        raise contents.problems[0]
    names, notes = _label_names(contents, mapping)
    found = find_recordings(contents.talks)
    if sound is None:
        talks = without_sound(contents.conversations)
    else:
        talks = heard_talks(contents.conversations, found.of_talks, sound, hook)
    warnings = [warning for talk in contents.talks for warning in talk.file.warnings]
    warnings += _left_out(contents, found.of_talks.values())
    warnings += talks.warnings
    warnings += () if sound is None else found.warnings
    recordings = {i: found.of_talks[talk.base] for i, (talk, _) in contents.conversations.items() if talk.base in found.of_talks}
    corpus, agreed = _corpus(contents, talks, names, mapping, notes)
    return LabelledFolder(corpus, agreed, tuple(dict.fromkeys(warnings)), recordings)


def _left_out(contents: FolderContents, recordings: Iterable[Path]) -> list[str]:
    """A warning that names transcripts and recordings to which no labels belong.

    Args:
        contents: of the folder.
        recordings: those to which some belong.
    """
    bases, taken = {talk.base for talk in contents.talks}, set(recordings)
    names = [
        encodable(base) + file.suffix
        for file in contents.files
        if file.suffix.lower() in (*SUFFIXES, *RECORDINGS)
        and (base := base_of(file, contents.path)) not in bases
        and file not in taken
        and not file.stem.endswith(OWN)
    ]
    if not names:
        return []
    return [f"{counted(len(names), 'file has', 'files have')} no labels, and so left out: {listed(names)}"]


def _label_names(contents: FolderContents, mapping: LabelMapping | None) -> tuple[tuple[str, ...], dict[str, object]]:
    """The label set, and what the corpus notes of its source.

    Raises:
        DataError: see `import_labelled`.
    """
    path = contents.path
    given = {label for _, one in contents.conversations.values() for labels in one.labels for label in labels.values()}
    notes: dict[str, object] = {"source": encodable(path.name)}
    if mapping is None:
        _refuse_spellings(path, given)
        names = tuple(sorted(given))
        if len(names) < 2:
            shown = listed(names) or "none"
            raise DataError(f"{path}: found {counted(len(names), 'label', 'labels')}: {shown}; a corpus needs two or more")
        return names, notes
    if missing := sorted(given - mapping.mapping.keys()):
        has = ", ".join(mapping.mapping)
        raise DataError(f"label mapping {mapping.name!r} leaves out {listed(missing)} of {path}; it maps: {has}")
    return mapping.labels, {**notes, "label_mapping": mapping.name}


def _corpus(
    contents: FolderContents,
    talks: HeardTalks,
    names: tuple[str, ...],
    mapping: LabelMapping | None,
    notes: Mapping[str, object],
) -> tuple[Corpus, Agreement | None]:
    """The corpus, and how far its annotators agree, if there are several."""
    conversations: list[Conversation] = []
    votes: list[Mapping[str, str | None]] = []
    found = [one for _, one in contents.conversations.values()]
    for conversation_id, conversation, one in zip(contents.conversations, talks.conversations, found, strict=True):
        utterances: list[Utterance] = []
        for u, labels in zip(conversation.utterances, one.labels, strict=True):
            vote = {who: label if mapping is None else mapping.mapping[label] for who, label in labels.items()}
            votes.append(vote)
            utterances.append(replace(u, label=majority(vote)[0]))
        conversations.append(Conversation(encodable(conversation_id), tuple(utterances), conversation.features))
    several = any(len({who for labels in one.labels for who in labels}) > 1 for one in found)
    agreed = agreement(votes) if several else None
    if agreed is not None:
        notes = {
            **notes,
            "annotators": list(agreed.annotators),
            "agreement": {"krippendorff_alpha": agreed.alpha, "utterances": agreed.utterances, "ties": agreed.ties},
        }
    ids = [conversation.id for conversation in conversations]
    splits = {"seeded": seeded(ids, _SEED)} if len(ids) >= 3 else {}
    path = contents.path.resolve()
    name = encodable(path.name if path.is_dir() else base_of(path, path))
    schema = (PRAAT,) if any(PRAAT.key in conversation.features for conversation in conversations) else ()
    return Corpus(name, LabelSet(names=names), schema, tuple(conversations), splits, notes), agreed


def _refuse_spellings(path: Path, labels: set[str]) -> None:
    first: dict[str, str] = {}
    for label in sorted(labels):
        other = first.setdefault(_BLANKS.sub("", label).casefold(), label)
        if other != label:
            both = f"{shorten(repr(printable(other)))} and {shorten(repr(printable(label)))}"
            raise DataError(f"{path}: labels {both} differ only by case or blanks; write one, or map both to one by --map-labels")
