"""Files that appear whole or not at all: written beside their place, synced to the disk, then renamed into it.

A program that is killed may leave a hidden `.merc-*.tmp` behind, never a half file under the real name. Any exception, Ctrl-C and a
full disk included, removes the temporary file. Its writer holds a lock on it, so `sweep_temporaries` can tell what was left behind
from what another process is writing.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from merc.files.posix import lock, remove_unless_locked, rights_like

TEMPORARY_PREFIX = ".merc-"
TEMPORARY_SUFFIX = ".tmp"


class StagedFile:
    """A temporary file that `commit` turns into the real one. Made by `staged_file`."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes; a memoryview must be of format `B`."""
        self._stream.write(data)
        self._hash.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, as 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def sync(self) -> None:
        """Bring the bytes to the disk; after that only `commit` may come."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def commit(self, target: Path) -> None:
        """Sync the bytes and the folder to the disk and move the file to `target`, replacing what is there."""
        self.sync()
        self._path.replace(target)
        sync_folder(target.parent)


@contextmanager
def staged_file(folder: str | Path, rights: int = 0o666) -> Generator[StagedFile, None, None]:
    """A temporary file in `folder`, which must exist; removed on leaving unless it was committed.

    Args:
        folder: where the file will have its place.
        rights: its mode, from which the umask takes away; see `rights_like`.

    Raises:
        OSError: the folder can't be written, or the disk is full.
    """
    path = Path(folder) / temporary_name()
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, rights)) as stream:
            with suppress(OSError):  # a file system without locks, where nothing is swept
                lock(stream.fileno())
            if path.exists():
                yield StagedFile(path, stream)
                return
        with staged_file(folder, rights) as again:  # swept in the moment before it was locked
            yield again
    finally:
        path.unlink(missing_ok=True)


def write_atomically(path: str | Path, data: bytes, rights: int = 0o666) -> None:
    """Write `data` to `path`: afterwards the file is the old one or the new one, never a mixture.

    Args:
        path: the file's place.
        data: its content.
        rights: its mode, from which the umask takes away, and the mode of an older file in its place.

    Raises:
        OSError: the folder can't be written, or the disk is full.
    """
    path = Path(path)
    with staged_file(path.parent, rights & rights_like([path], path.parent)) as staged:
        staged.write(data)
        staged.commit(path)


def write_together(folder: str | Path, contents: Mapping[str, bytes], like: Iterable[str | Path] = ()) -> None:
    """Writes files of one folder: all their bytes are on the disk before the first gets its name.

    Args:
        folder: made if need be, but not for nothing.
        contents: name of a file -> its bytes.
        like: nobody may read the files who may not read these (see `rights_like`).

    Raises:
        OSError: the folder can't be made or written, or the disk is full; nothing was changed, and folders that were made are gone.
    """
    if not contents:
        return
    folder, read = Path(folder), [Path(each) for each in like]
    made = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            rights = {name: rights_like([*read, folder / name], folder) for name in contents}
            files = {name: stack.enter_context(staged_file(folder, rights[name])) for name in contents}
            for name, file in files.items():
                file.write(contents[name])
                file.sync()
            for name, file in files.items():
                file.commit(folder / name)
    except BaseException:
        for place in made:
            with suppress(OSError):  # rmdir takes empty folders only
                place.rmdir()
        raise


def sweep_temporaries(folder: str | Path) -> None:
    """Removes the temporary files that killed processes left in `folder`; what can't be removed stays."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_temporary(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    remove_unless_locked(Path(entry.path))


def temporary_name(stem: str = "") -> str:
    """A fresh hidden name that `is_temporary` recognises; `stem` names its owner."""
    return f"{TEMPORARY_PREFIX}{stem}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"


def is_temporary(name: str, stem: str = "") -> bool:
    """Whether `temporary_name(stem)` may have made this name."""
    form = f"{re.escape(TEMPORARY_PREFIX + stem)}[0-9a-f]{{16}}{re.escape(TEMPORARY_SUFFIX)}"
    return re.fullmatch(form, name) is not None


def sync_folder(folder: str | Path) -> None:
    """Make renames within `folder` survive a power cut, where the file system can.

    Failure is ignored: the rename has happened, and readers see the whole new file.
    """
    with suppress(OSError):  # Windows opens no folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
