"""Features kept by what they were made of: a recording that is annotated again costs nothing, an edited one only its changes.

Layout: `features/<encoder>/<64 hex digits>.safetensors` in the cache's folder, a pack for each call that encoded something. A pack
holds the digests of its inputs, (n, 32), their rows, (n, D), and a SHA-256 over both; its name is that of the digests. A name for
a whole recording would be simpler, but correcting one line of a transcript would then encode a whole film again; a file for each
utterance would mean thousands. So packs are read from the one last used until every digest is found; at most `MAX_PACKS` are
kept, which bounds the reading.

Packs are written whole or not at all, and never changed, so any number of processes may share a folder without a lock. What is
damaged is removed and encoded anew. A cache that can't be read or written costs time, never the result.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from merc.errors import DataError
from merc.files.printable import printable
from merc.files.staged_file import is_temporary, write_atomically
from merc.files.tensors import tensor_bytes

MAX_BYTES = 2**30  # of all packs; about 700,000 utterances of 384 numbers [chosen]
MAX_PACKS = 4096  # their digests are read in less than a second [chosen]
ABANDONED = 3600.0  # s; a temporary file that is older was left by a process that was killed [chosen]
DIGEST = 32  # bytes, SHA-256's
_LAYOUT = b"merc features 1"  # another layout gets other folders
_SUFFIX = ".safetensors"

Digests = UInt8[np.ndarray, "_ 32"]
Rows = Float32[np.ndarray, "_ _"]
Row = Float32[np.ndarray, "_"]


def default_folder() -> Path:
    """`$MERC_CACHE`, else `merc` in `$XDG_CACHE_HOME` where that is an absolute path, else `~/.cache/merc`. Need not exist.

    Raises:
        DataError: none of them is set, and the user has no home folder.
    """
    if chosen := os.environ.get("MERC_CACHE"):
        return Path(chosen)
    if Path(base := os.environ.get("XDG_CACHE_HOME", "")).is_absolute():
        return Path(base) / "merc"
    try:
        return Path.home() / ".cache" / "merc"
    except RuntimeError as error:
        raise DataError("no home folder for the cache of features; set MERC_CACHE to a folder") from error


class FeatureCache:
    """Rows of features that were encoded before.

    Args:
        folder: made when there is something to keep; None keeps nothing. What lies there tells of what was said: it is made
            readable by its owner alone.
        on_warning: called once, with a sentence, where something can't be kept.
        max_bytes, max_packs: beyond either, the packs that were not used for the longest time are removed.
    """

    def __init__(
        self,
        folder: Path | None,
        on_warning: Callable[[str], None] | None = None,
        max_bytes: int = MAX_BYTES,
        max_packs: int = MAX_PACKS,
    ) -> None:
        self._folder = None if folder is None else folder / "features"
        self._on_warning = on_warning
        self._max_bytes = max_bytes
        self._max_packs = max_packs

    def rows(
        self,
        encoder_name: str,
        encoder_version: str,
        dimension: int,
        contents: Sequence[bytes | None],
        encode: Callable[[Sequence[int]], Rows],
    ) -> Rows:
        """The features of N inputs, encoded only where they were not before.

        Args:
            encoder_name, encoder_version, dimension: of the encoder; another of any is another encoder. D is the dimension.
            contents: N SHA-256 digests of all that decides an input's features, 32 bytes each; None where it is absent.
            encode: takes n indices into `contents`, ascending, of different digests; gives their rows, (n, D). Not called for none.

        Returns:
            (N, D), NaN throughout where an input is absent.
        """
        assert all(content is None or len(content) == DIGEST for content in contents)
        places: dict[bytes, list[int]] = {}
        for index, content in enumerate(contents):
            if content is not None:
                places.setdefault(content, []).append(index)
        result = np.full((len(contents), dimension), np.nan, dtype=np.float32)
        folder = None if self._folder is None else self._folder / _encoder_folder(encoder_name, encoder_version, dimension)
        missing = set(places)
        if folder is not None:
            for digest, row in _found(folder, missing, dimension):
                result[places[digest]] = row
        if missing:
            fresh = [digest for digest in places if digest in missing]
            encoded = encode([places[digest][0] for digest in fresh])
            assert encoded.shape == (len(fresh), dimension)
            for digest, row in zip(fresh, encoded, strict=True):
                result[places[digest]] = row
            if folder is not None:
                self._keep(folder, fresh, encoded)
        return result

    def _keep(self, folder: Path, digests: list[bytes], rows: Rows) -> None:
        try:
            folder.parents[1].mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            name, data = _pack(digests, rows)
            if len(data) <= self._max_bytes:
                write_atomically(folder / name, data)
            self._trim(folder.parent)
        except OSError as error:
            if self._on_warning is not None:
                place = printable(str(folder.parents[1]))
                self._on_warning(f"features can't be kept in {place} for a next run: {error.strerror or error}")
                self._on_warning = None

    def _trim(self, features: Path) -> None:
        """Removes what is beyond the bounds. Another process may do so at the same time: what is gone is as good as removed."""
        packs: list[tuple[int, int, Path]] = []  # last used, size
        for path in features.glob("*/*"):
            with suppress(OSError):
                found = path.lstat()
                if _is_pack(path.name):
                    packs.append((found.st_mtime_ns, found.st_size, path))
                elif is_temporary(path.name) and found.st_mtime < time.time() - ABANDONED:
                    path.unlink()
        size, count = sum(size for _, size, _ in packs), len(packs)
        for _, freed, path in sorted(packs):
            if size <= self._max_bytes and count <= self._max_packs:
                return
            path.unlink(missing_ok=True)
            size, count = size - freed, count - 1


def _encoder_folder(name: str, version: str, dimension: int) -> str:
    """A readable name and a hash, since what is readable of two encoders may be equal."""
    key = hashlib.sha256(_LAYOUT)
    for part in (name, version, str(dimension)):
        key.update(hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest())
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[-40:].lstrip("-")
    return f"{readable or 'encoder'}-{key.hexdigest()[:16]}"


def _is_pack(name: str) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{64}}{re.escape(_SUFFIX)}", name) is not None


def _pack(digests: list[bytes], rows: Rows) -> tuple[str, bytes]:
    """A pack's name and bytes. Equal digests give an equal name: processes that encode the same write the same file."""
    table = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, DIGEST)
    name = hashlib.sha256(table.tobytes()).hexdigest() + _SUFFIX
    return name, tensor_bytes({"digests": table, "rows": rows}, {"sha256": _checksum(table, rows)})


def _checksum(digests: Digests, rows: Rows) -> str:
    return hashlib.sha256(digests.tobytes() + rows.tobytes()).hexdigest()


def _found(folder: Path, missing: set[bytes], dimension: int) -> Iterator[tuple[bytes, Row]]:
    """What the folder's packs hold of the missing digests, which are taken out of the set; used packs are marked as used."""
    for path in _newest_first(folder):
        if not missing:
            return
        try:
            wanted = list(_read(path, missing, dimension))
        except _DamagedPack:
            with suppress(OSError):
                path.unlink()
            continue
        except OSError:  # removed by another process, or not to be read
            continue
        if wanted:
            with suppress(OSError):
                os.utime(path)
        for digest, row in wanted:
            if digest in missing:
                missing.remove(digest)
                yield digest, row


class _DamagedPack(Exception):
    """A file that is no pack, or not the one that was written."""


def _newest_first(folder: Path) -> list[Path]:
    packs: list[tuple[int, Path]] = []
    with suppress(OSError):  # no folder yet, or none that can be read
        for path in folder.iterdir():
            if _is_pack(path.name):
                with suppress(OSError):
                    packs.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(packs, reverse=True)]


def _read(path: Path, missing: set[bytes], dimension: int) -> Iterator[tuple[bytes, Row]]:
    """The rows of a pack that are wanted. The rows are read, and the checksum made, only where there is one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as pack:
            digests = pack.get_tensor("digests")
            if digests.dtype != np.uint8 or digests.ndim != 2 or digests.shape[1] != DIGEST:
                raise _DamagedPack
            wanted = [(place, digest) for place, digest in enumerate(map(bytes, digests)) if digest in missing]
            if not wanted:
                return
            rows = pack.get_tensor("rows")
            if rows.dtype != np.float32 or rows.shape != (len(digests), dimension):
                raise _DamagedPack
            if (pack.metadata() or {}).get("sha256") != _checksum(digests, rows):
                raise _DamagedPack
    except (SafetensorError, TypeError, AttributeError, ValueError) as error:  # the latter: types that numpy does not know
        raise _DamagedPack from error
    for place, digest in wanted:
        yield digest, rows[place]
