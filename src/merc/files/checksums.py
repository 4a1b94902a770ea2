"""`checksums.json`: the SHA-256 of files beside it, so that damage to them is refused rather than computed with."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from merc.errors import RunError
from merc.files.printable import first_line
from merc.files.staged_file import write_atomically
from merc.files.strict_json import load_json

CHECKSUMS = "checksums.json"


@dataclass(frozen=True, slots=True)
class CheckedFolder:
    """A folder whose files are read against their checksums.

    Attributes:
        folder: where the files lie.
        known: file's name -> SHA-256 in hex; None where the folder has no `checksums.json`.
    """

    folder: Path
    known: Mapping[str, str] | None

    def has(self, name: str) -> bool:
        """Whether a file is there, or listed, so that it should be."""
        return (self.folder / name).is_file() or (self.known is not None and name in self.known)

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            RunError: it is missing, unreadable, without a checksum, or damaged.
        """
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RunError(f"{path}: can't be read: {error.strerror or error}") from None
        if self.known is not None and name not in self.known:
            raise RunError(f"{path}: not listed in {CHECKSUMS}, so it belongs to something else; take all files of one save")
        if self.known is not None and sha256(content) != self.known[name]:
            raise RunError(
                f"{path}: damaged, or changed since it was saved: its SHA-256 is not that in {CHECKSUMS}; copy or save it anew"
            )
        return content


def sha256(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def checked_folder(folder: Path) -> CheckedFolder:
    """A folder with its checksums. A folder without them is read too, with a warning: it may be older than they are.

    Raises:
        RunError: `checksums.json` is damaged, or can't be read.
    """
    path = folder / CHECKSUMS
    try:
        values = load_json(path.read_bytes())
    except FileNotFoundError:
        warnings.warn(
            f"{folder}: no {CHECKSUMS}, so damage to its files would pass unseen; saving it anew writes one", stacklevel=2
        )
        return CheckedFolder(folder, None)
    except OSError as error:
        raise RunError(f"{path}: can't be read: {error.strerror or error}") from None
    except ValueError as error:
        raise RunError(f"{path}: damaged checksums ({first_line(error)})") from None
    known = cast("dict[str, object]", values) if isinstance(values, dict) else {}
    if not known or not all(isinstance(each, str) for each in known.values()):
        raise RunError(f"{path}: damaged checksums (expected an object of file names and their SHA-256)")
    return CheckedFolder(folder, cast("dict[str, str]", known))


def write_checksums(folder: Path, checksums: Mapping[str, str]) -> None:
    """Writes file's name -> SHA-256.

    Raises:
        OSError: the folder can't be written, or the disk is full.
    """
    write_atomically(folder / CHECKSUMS, (json.dumps(dict(checksums), indent=1) + "\n").encode())
