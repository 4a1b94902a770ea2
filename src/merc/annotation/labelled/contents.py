"""What labels the files of a folder hold, talk by talk. Files of one talk that say the same are one; problems are collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from merc.annotation.labelled.copies import first_difference
from merc.annotation.labelled.readers import READERS, LabelReader, label_reader
from merc.annotation.labelled.transcript import LabelledFile, LabelledTranscript
from merc.annotation.media.pairing import OWN
from merc.annotation.transcripts.cues import counted
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten
from merc.settings import Progress, no_progress

_SHOWN = 6  # names of a message


@dataclass(frozen=True, slots=True)
class LabelledTalk:
    """The labels of one talk, or of the conversations of one table.

    Attributes:
        base: what its conversation is called: the file as seen from the folder, without suffix and without `.emotions`.
        path: of the file that is taken.
        file: what it holds.
        copies: of files that say the same.
    """

    base: str
    path: Path
    file: LabelledFile
    copies: tuple[tuple[Path, LabelledFile], ...] = ()


@dataclass(frozen=True, slots=True)
class FolderContents:
    """What a folder, or a file, holds.

    Attributes:
        path: of it.
        files: all files, sorted, without hidden ones.
        talks: those with labels.
        conversations: id -> its talk, and what is said in it.
        problems: why it can't be imported as it is.
    """

    path: Path
    files: tuple[Path, ...]
    talks: tuple[LabelledTalk, ...]
    conversations: Mapping[str, tuple[LabelledTalk, LabelledTranscript]]
    problems: tuple[DataError, ...]


def folder_contents(path: Path, labels_from: Sequence[str] = (), hook: Progress = no_progress) -> FolderContents:
    """Reads the labels of a folder's files, or of one file.

    Args:
        path: of the folder, whose subfolders are looked through, too, or of the file.
        labels_from: names of what holds labels.
        hook: called with the files read and their number.

    Raises:
        DataError: there is nothing at the path.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    wanted = tuple(dict.fromkeys(labels_from))
    files = files_of(path)
    read: dict[str, list[tuple[Path, LabelledFile]]] = {}
    unlabelled: list[tuple[Path, LabelReader, tuple[str, ...]]] = []
    problems: list[DataError] = []
    labelled = [(file, reader) for file in files if (reader := label_reader(file)) is not None]
    for number, (file, reader) in enumerate(labelled):
        hook("reading files", number, len(labelled))
        try:
            found = reader.read(file, wanted)
        except DataError as error:
            problems.append(error)
            continue
        if found.conversations:
            read.setdefault(base_of(file, path), []).append((file, found))
        else:
            unlabelled.append((file, reader, found.names))
    talks: list[LabelledTalk] = []
    for base, of_talk in read.items():
        talk, differences = _talk(path, base, of_talk)
        talks.append(talk)
        problems += differences
    if not talks and not problems:
        problems.append(DataError(_nothing_found(path, files, unlabelled, wanted)))
    problems += _unknown(path, wanted, talks) if talks else []
    conversations, repeated = _conversations(path, talks)
    return FolderContents(path, tuple(files), tuple(talks), conversations, (*problems, *repeated))


def files_of(path: Path) -> list[Path]:
    """A file, or those of a folder, sorted, without hidden ones."""
    if not path.is_dir():
        return [path]
    found = (each for each in path.rglob("*") if not any(part.startswith(".") for part in each.relative_to(path).parts))
    return sorted(each for each in found if each.is_file())


def base_of(file: Path, folder: Path) -> str:
    """What a file's conversation is called."""
    place = file.relative_to(folder) if folder.is_dir() else Path(file.name)
    return place.with_name(place.stem.removesuffix(OWN) or place.stem).as_posix()


def listed(names: Iterable[str]) -> str:
    """Names in quotes, as many as a message has room for."""
    shown = [shorten(repr(printable(name))) for name in islice(names, _SHOWN + 1)]
    return ", ".join(shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")


def _talk(path: Path, base: str, files: Sequence[tuple[Path, LabelledFile]]) -> tuple[LabelledTalk, list[DataError]]:
    """The talk as the file tells it that has the most utterances, and where others differ from it."""
    order = [reader.ending for reader in READERS]

    def rank(entry: tuple[Path, LabelledFile]) -> tuple[int, int]:
        reader = label_reader(entry[0])
        assert reader is not None, "only what has a reader is read"
        return -sum(len(one.labels) for one in entry[1].conversations), order.index(reader.ending)

    (taken, file), *others = sorted(files, key=rank)
    problems: list[DataError] = []
    for other, of_other in others:
        names = (printable(taken.name), printable(other.name))
        difference = first_difference(file, of_other, names)
        if difference is not None:
            both = f"{' and '.join(names)} both hold labels of {printable(base)}"
            problems.append(DataError(f"{path}: {both} and differ, first {difference}; keep one"))
    return LabelledTalk(base, taken, file, tuple(others)), problems


def _unknown(path: Path, wanted: Sequence[str], talks: Sequence[LabelledTalk]) -> list[DataError]:
    """A problem if what was wanted is in no file."""
    found = [file for talk in talks for file in (talk.file, *(file for _, file in talk.copies))]
    used = frozenset[str]().union(*(file.wanted for file in found))
    unknown = next((word for word in wanted if word not in used), None)
    if unknown is None:
        return []
    names = dict.fromkeys(name for file in found for name in file.names)
    return [DataError(f"{path}: nothing is called {shorten(repr(unknown))}; found: {listed(names)}")]


def _conversations(
    path: Path, talks: Sequence[LabelledTalk]
) -> tuple[dict[str, tuple[LabelledTalk, LabelledTranscript]], list[DataError]]:
    """The conversations by their ids, and where two would have one."""
    found: dict[str, tuple[LabelledTalk, LabelledTranscript]] = {}
    problems: list[DataError] = []
    for talk in talks:
        for one in talk.file.conversations:
            named = one.transcript.conversation if len(talk.file.conversations) > 1 else None
            conversation_id = talk.base if named is None else named if len(talks) == 1 else f"{talk.base}/{named}"
            if conversation_id in found:
                called = shorten(repr(printable(conversation_id)))
                problems.append(DataError(f"{path}: two conversations are called {called}; rename one file"))
            found[conversation_id] = (talk, one)
    return found, problems


def _nothing_found(
    path: Path, files: Sequence[Path], unlabelled: Sequence[tuple[Path, LabelReader, Sequence[str]]], wanted: Sequence[str]
) -> str:
    if not unlabelled:
        kinds = ", ".join(reader.ending for reader in READERS)
        suffixes = listed(dict.fromkeys(file.suffix for file in files)) or "no file"
        return f"{path}: labels are read from {kinds}; found {suffixes}"
    file, reader, names = min(unlabelled, key=lambda entry: entry[1].fixed)
    expected = listed(wanted) if wanted else reader.expected
    others = len(unlabelled) - 1
    more = f" (and so {counted(others, 'other file', 'other files')})" if others else ""
    how = "" if wanted or reader.fixed else f"; --labels-from names another {reader.holder}"
    where = printable(file.name)
    return f"{where} has no {reader.holder} of labels{more}: expected one called {expected}; found: {listed(names) or 'none'}{how}"
