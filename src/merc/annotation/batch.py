"""A folder of recordings and transcripts, annotated file by file in several processes. What is done is not done again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath

from merc.annotation.annotator import annotate
from merc.annotation.export.files import FORMATS, write_files
from merc.annotation.folder_table import FileRecord, read_folder_table, write_folder_table
from merc.annotation.media.pairing import OWN, RECORDINGS, transcripts_of
from merc.annotation.media.sources import content_digest, given
from merc.annotation.older_table import older_table
from merc.annotation.options import Options
from merc.annotation.transcripts.formats import SUFFIXES
from merc.errors import DataError, MercError
from merc.files.lock import locked_in_place
from merc.files.posix import rights_like
from merc.files.processes import in_processes, use_one_thread
from merc.files.staged_file import sweep_temporaries
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.settings import Progress, no_progress

TRANSCRIPTS = frozenset(SUFFIXES) - {".txt", ".md", ".docx", ".xml"}  # judged without a recording; few other texts are [chosen]
SAVED_EVERY = 2.0  # s between two writings of the folder's table [chosen]
KILLED = "its process was killed, or ended by itself; the system's log may tell (out of memory?)"


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """How a folder is annotated.

    Attributes:
        model: that judges; see `merc.load`.
        annotation: how each file is annotated.
        formats: of json, csv, srt and html.
        out: folder for what is written, subfolders as in the source; made if need be. None writes beside each file.
        workers: processes; 1 works in this one.
    """

    model: str | Path | None = None
    annotation: Options = field(default_factory=Options)
    formats: tuple[str, ...] = FORMATS
    out: str | Path | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class _Task:
    """One file to annotate.

    Attributes:
        root: folder to write to, subfolders as in the source.
        begun: its record before the work: failed, without a reason.
        before: its record of an earlier call, if there is one.
        rival: a recording of the same name, whose results would lie in the same files.
    """

    path: Path
    root: Path
    options: FolderOptions
    begun: FileRecord
    before: FileRecord | None
    rival: str | None


def annotate_folder(folder: str | Path, options: FolderOptions, hook: Progress = no_progress) -> tuple[FileRecord, ...]:
    """Annotates all recordings of a folder and its subfolders, and the transcripts that belong to none.

    A file whose content, model, options and results are as the folder's table says is left alone. A file that fails is recorded,
    and the others go on. Hidden files and linked folders are passed over.

    Args:
        folder: where the recordings lie.
        hook: called with "files", the files done, and all files.

    Returns:
        A record for each file, in the order of their names; the folder's table holds them too, and those of an earlier call.

    Raises:
        DataError: no such folder, nothing in it to annotate, another file in the place of the folder's table, a place that can't
            be written to, or into which another process is annotating.
        RunError: no such model.
    """
    folder = Path(folder)
    root = folder if options.out is None else Path(options.out)
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder, found {'a file' if folder.exists() else 'nothing'}")
    files = dict(sorted(_files(folder)))
    if not files:
        raise DataError(f"{folder}: no recording and no transcript in it; recordings are {' '.join(sorted(RECORDINGS))}")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{root} can't be made: {error.strerror or error}") from error
    with locked_in_place(root) as alone:
        if not alone:
            raise DataError(f"{root}: another process is annotating into it; wait for its end, or give another --out")
        return _annotate_files(files, folder, root, options, hook)


def _annotate_files(
    files: Mapping[Path, Path | None], folder: Path, root: Path, options: FolderOptions, hook: Progress
) -> tuple[FileRecord, ...]:
    records, older = read_folder_table(root), older_table(root)
    if older is not None:
        records = older.with_newer(records)
    rights = rights_like([path for paths in files.items() for path in paths if path is not None], root)
    write_folder_table(records.values(), root, rights)  # a place that can't be written to is an error before the work
    if older is not None:
        older.retire()
    _model.cache_clear()
    tasks = list(_tasks(files, folder, root, options, records))
    for place in {root, *((root / file).parent for file in (*records, *(task.begun.file for task in tasks)))}:
        sweep_temporaries(place)
    done: dict[str, FileRecord] = {}
    saved = time.monotonic()
    try:
        for task, record in _results(tasks, options.workers):
            done[task.begun.file] = record or replace(task.begun, error=KILLED)
            hook("files", float(len(done)), float(len(tasks)))
            if time.monotonic() - saved > SAVED_EVERY:
                write_folder_table((records | done).values(), root, rights)
                saved = time.monotonic()
    finally:
        write_folder_table((records | done).values(), root, rights)
        _model.cache_clear()
    return tuple(done[task.begun.file] for task in tasks)


def _files(folder: Path) -> Iterator[tuple[Path, Path | None]]:
    """Recordings, each with its transcript or None; and transcripts without a recording."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        shown = [name for name in names if not name.startswith(".")]
        paired = transcripts_of(shown)
        yield from ((Path(place, name), Path(place, found[0]) if found else None) for name, found in paired.items())
        taken = {name for found in paired.values() for name in found}
        alone: dict[str, list[str]] = {}  # of talk.srt and talk.vtt one is taken
        for name in shown:
            path = PurePath(name)
            if path.suffix.lower() in TRANSCRIPTS and name not in taken and not path.stem.endswith(OWN):
                alone.setdefault(path.stem, []).append(name)
        for named in alone.values():
            yield Path(place, min(named, key=lambda name: SUFFIXES.index(PurePath(name).suffix.lower()))), None


def _tasks(
    files: Iterable[Path], folder: Path, root: Path, options: FolderOptions, records: Mapping[str, FileRecord]
) -> Iterator[_Task]:
    made_by, version = _digest(_model(options.model), options), importlib.metadata.version("merc")
    first: dict[Path, str] = {}  # path without its suffix -> the first file of that name
    for path in files:
        begun = FileRecord(path.relative_to(folder).as_posix(), "failed", made_by=made_by, merc=version)
        rival = first.setdefault(path.with_suffix(""), path.name)
        before = records.get(begun.file)
        yield _Task(path, root, options, begun, before, None if rival == path.name else rival)


def _results(tasks: Sequence[_Task], workers: int) -> Iterator[tuple[_Task, FileRecord | None]]:
    if workers > 1:
        yield from in_processes(_work, tasks, workers, use_one_thread, ())
        return
    for task in tasks:
        yield task, _work(task)


@lru_cache(maxsize=1)
def _model(name: str | Path | None) -> Recogniser:
    """The model, loaded once in each process."""
    return load(name)


def _work(task: _Task) -> FileRecord:
    """Annotates one file. Whatever is wrong with it ends in its record."""
    started = time.process_time()
    record = task.begun
    try:
        if task.rival is not None:
            raise DataError(f"{record.file}: its results would lie in the same files as those of {task.rival}; rename one of them")
        record = replace(record, sha256=content_digest(given(task.path), task.options.annotation.speakers))
        if task.before is not None and _is_done(task.before, record, task.root):
            return task.before
        found = annotate(task.path, model=_model(task.options.model), options=task.options.annotation)
        into = (task.root / record.file).parent
        into.mkdir(parents=True, exist_ok=True)
        warnings = list(found.warnings)
        written = write_files(found, task.path, into, task.options.formats, on_warning=warnings.append)
    except (MercError, OSError, MemoryError, ArithmeticError, LookupError, ValueError, TypeError, RuntimeError) as error:
        reason = (str(error).splitlines() or [""])[0]
        line = str(error) if isinstance(error, MercError) else f"{type(error).__name__}: {reason}"
        return replace(record, error=line, cpu_seconds=time.process_time() - started)
    lacking = {m: sum(m not in u.present for u in found.utterances) for m in found.modalities}
    return replace(
        record,
        status="done",
        utterances=len(found.utterances),
        duration=found.origin.duration,
        cpu_seconds=time.process_time() - started,
        emotions=dict(Counter(u.emotion for u in found.utterances)),
        warnings=tuple(warnings),
        absent={m: count for m, count in lacking.items() if count},
        outputs=tuple(PurePosixPath(os.path.relpath(path, task.root)).as_posix() for path in written),
    )


def _is_done(before: FileRecord, now: FileRecord, root: Path) -> bool:
    same = (before.sha256, before.made_by, before.merc) == (now.sha256, now.made_by, now.merc)
    return same and before.status == "done" and all((root / output).is_file() for output in before.outputs)


def _digest(model: Recogniser, options: FolderOptions) -> str:
    """Of all that the results hang on besides a file's content."""
    chosen = replace(options.annotation, cache=None, device=None)
    facts = f"{model.weights_sha256()} {model.temperature} {model.preprocessor.specs} {chosen} {options.formats}"
    return hashlib.sha256(facts.encode()).hexdigest()
