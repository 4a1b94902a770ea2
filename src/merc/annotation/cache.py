"""Features kept by what they were made of: a recording that is annotated again costs nothing, an edited one only its changes.

They lie in one SQLite database, a row an input, which any number of processes may share and which stays whole when one is killed. A
row carries a checksum. Damaged rows are encoded anew, a damaged database is begun anew: a cache that can't be read or written costs
time, never the result.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from merc.files.printable import printable
from merc.files.shapes import Float32

NAME = "features.sqlite"
MAX_BYTES = 2**30  # of the database; about 500,000 utterances of 384 numbers [chosen]
RENEWED = 86_400  # s; the last use is noted to the day, so that reading seldom writes [chosen]
WAIT = 30.0  # s, for another process that is writing [chosen]
DIGEST = 32  # bytes, SHA-256's
_CHECKSUM = 16  # bytes before the numbers of a row
_LAYOUT = b"merc features 2"
_DAMAGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)  # the first: a table of another form
_OLDEST = "SELECT rowid FROM features ORDER BY used LIMIT 1 + (SELECT count(*) FROM features) / 16"

Rows = Float32[np.ndarray, "_ _"]
Found = TypeVar("Found")


class FeatureCache:
    """Rows of features that were encoded before.

    Args:
        folder: made if need be; None keeps nothing. Its owner alone may read it, since features reveal what was said.
        on_warning: called once, with a sentence, where something can't be kept, or what was kept is lost.
        max_bytes: beyond it, the rows that were not used for the longest time are removed.
    """

    def __init__(
        self, folder: str | Path | None, on_warning: Callable[[str], None] | None = None, max_bytes: int = MAX_BYTES
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self._on_warning = on_warning
        self._max_bytes = max_bytes

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
        parts = (encoder_name, encoder_version, str(dimension))
        encoder = _LAYOUT + b"".join(_sha256(part.encode("utf-8", "surrogatepass")) for part in parts)
        places: dict[bytes, list[int]] = {}
        for index, content in enumerate(contents):
            if content is not None:
                places.setdefault(_sha256(encoder + content), []).append(index)
        known = (self._use(lambda database: _find(database, places, dimension)) if places else None) or {}
        missing = [key for key in places if key not in known]
        if missing:
            encoded = encode([places[key][0] for key in missing])
            assert encoded.shape == (len(missing), dimension)
            known |= zip(missing, encoded, strict=True)
            self._use(lambda database: _keep(database, missing, encoded, self._max_bytes))
        result = np.full((len(contents), dimension), np.nan, dtype=np.float32)
        for key, indices in places.items():
            result[indices] = known[key]
        return result

    def _use(self, work: Callable[[sqlite3.Connection], Found]) -> Found | None:
        """What the work with the database gives; None, with a warning, where it fails."""
        if self._folder is None:
            return None
        path = self._folder / NAME
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                return _with_database(path, work)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                    raise
                self._warn(f"the features that were kept in {printable(str(self._folder))} are damaged, and made anew: {error}")
                path.unlink()
                return _with_database(path, work)
        except (OSError, sqlite3.Error) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            self._warn(f"features can't be kept in {printable(str(self._folder))} for a next run: {reason}")
            return None

    def _warn(self, sentence: str) -> None:
        if self._on_warning is not None:
            self._on_warning(sentence)
            self._on_warning = None


def _with_database(path: Path, work: Callable[[sqlite3.Connection], Found]) -> Found:
    if not path.exists():
        path.touch(mode=0o600)
    with closing(sqlite3.connect(path, timeout=WAIT, isolation_level="IMMEDIATE")) as database:
        database.execute("CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, row BLOB, used INTEGER)")
        database.execute("CREATE INDEX IF NOT EXISTS last_use ON features (used)")
        return work(database)


def _find(database: sqlite3.Connection, keys: Iterable[bytes], dimension: int) -> dict[bytes, Float32[np.ndarray, " D"]]:
    """The rows that are kept and whole."""
    now = int(time.time())
    found: dict[bytes, Float32[np.ndarray, " D"]] = {}
    renewed: list[tuple[int, bytes]] = []
    for key in keys:
        for row, old in database.execute("SELECT CAST(row AS BLOB), used < ? FROM features WHERE key = ?", (now - RENEWED, key)):
            if row and row[:_CHECKSUM] == _checksum(key, row[_CHECKSUM:]) and len(row) == _CHECKSUM + 4 * dimension:
                found[key] = np.frombuffer(row, dtype="<f4", offset=_CHECKSUM).astype(np.float32)
                renewed += [(now, key)] if old else []
    with suppress(sqlite3.OperationalError), database:  # a database that can only be read
        database.executemany("UPDATE features SET used = ? WHERE key = ?", renewed)
    return found


def _keep(database: sqlite3.Connection, keys: Sequence[bytes], rows: Rows, max_bytes: int) -> None:
    """Adds rows, and removes old ones to keep the database within its size."""
    numbers = [row.astype("<f4").tobytes() for row in rows]
    now, added = int(time.time()), sum(map(len, numbers))
    if added > max_bytes:
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        while _used_bytes(database) + added > max_bytes:
            if not database.execute(f"DELETE FROM features WHERE rowid IN ({_OLDEST})").rowcount:
                break
        records = [(key, _checksum(key, row) + row, now) for key, row in zip(keys, numbers, strict=True)]
        database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", records)


def _used_bytes(database: sqlite3.Connection) -> int:
    pages, free, size = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size


def _checksum(key: bytes, row: bytes) -> bytes:
    return _sha256(key + row)[:_CHECKSUM]


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
