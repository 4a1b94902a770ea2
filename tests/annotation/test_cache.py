"""The cache of features: nothing is encoded twice, and nothing that happens to its folder changes a result."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.annotation.cache import NAME, FeatureCache
from merc.errors import DataError
from merc.files.cache_folder import default_folder

DIMENSION = 5


def digest(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()


def row(content: bytes) -> np.ndarray:
    """What the encoder of these tests gives for an input."""
    return np.frombuffer(content[:DIMENSION], dtype=np.uint8).astype(np.float32)


class Encoder:
    """Encodes digests of words and notes which."""

    def __init__(self, cache: FeatureCache, name: str = "org/model", version: str = "1", dimension: int = DIMENSION) -> None:
        self.cache, self.name, self.version, self.dimension = cache, name, version, dimension
        self.asked: list[list[int]] = []

    def __call__(self, *words: str | None) -> np.ndarray:
        contents = [None if word is None else digest(word) for word in words]

        def encode(indices: Sequence[int]) -> np.ndarray:
            self.asked.append(list(indices))
            return np.stack([np.resize(row(contents[i] or b""), self.dimension) for i in indices])

        found = self.cache.rows(self.name, self.version, self.dimension, contents, encode)
        expected = [np.full(self.dimension, np.nan) if c is None else np.resize(row(c), self.dimension) for c in contents]
        np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32).reshape(len(words), self.dimension))
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def encoder(folder: Path) -> Callable[..., Encoder]:
    """Makes an encoder with a cache of its own in the one folder; any warning fails the test."""
    return lambda **named: Encoder(FeatureCache(folder, on_warning=pytest.fail), **named)


def database(folder: Path) -> Path:
    return folder / NAME


def kept(folder: Path) -> int:
    """How many rows the cache holds."""
    with closing(sqlite3.connect(database(folder))) as opened:
        return opened.execute("SELECT count(*) FROM features").fetchone()[0]


def test_a_second_call_encodes_nothing(encoder: Callable[..., Encoder]) -> None:
    first, second = encoder(), encoder()
    first("a", "b", "c")
    assert first.asked == [[0, 1, 2]]
    second("a", "b", "c")
    second("c", "a")
    assert second.asked == []


def test_equal_inputs_are_encoded_once_and_absent_ones_never(encoder: Callable[..., Encoder], folder: Path) -> None:
    first = encoder()
    found = first("a", None, "b", "a")
    assert first.asked == [[0, 2]]
    assert np.isnan(found).all(axis=1).tolist() == [False, True, False, False]
    first(None, None)
    first()
    assert first.asked == [[0, 2]] and kept(folder) == 2


def test_an_edited_line_is_all_that_is_encoded(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a", "b", "c")
    edited, again = encoder(), encoder()
    edited("a", "B", "c", "d")
    assert edited.asked == [[1, 3]]
    again("a", "B", "c", "d")
    assert again.asked == []
    assert kept(folder) == 5


@pytest.mark.parametrize(
    "other", [{"version": "2"}, {"name": "org-model"}, {"dimension": 4}, {"name": "org/mode", "version": "l1"}]
)
def test_another_encoder_or_version_encodes_anew(encoder: Callable[..., Encoder], other: dict) -> None:
    first, changed = encoder(), encoder(**other)
    for _ in range(2):  # the one does not drive the other out
        first("a")
        changed("a")
    assert first.asked == changed.asked == [[0]]


def test_rows_are_kept_bit_by_bit(folder: Path) -> None:
    odd = np.array([[np.nan, np.inf, -0.0, 1e-42, 3.4e38]], dtype=np.float32)
    cache = FeatureCache(folder)
    cache.rows("e", "1", 5, [digest("a")], lambda _: odd)
    assert cache.rows("e", "1", 5, [digest("a")], lambda _: pytest.fail("encoded")).tobytes() == odd.tobytes()


def test_none_keeps_nothing() -> None:
    nothing = Encoder(FeatureCache(None))
    nothing("a", "a")
    nothing("a")
    assert nothing.asked == [[0], [0]]


@given(st.lists(st.lists(st.sampled_from([*"abcdefgh", None]), max_size=6), max_size=6))
def test_any_calls_give_what_the_encoder_gives_and_never_encode_twice(
    tmp_path_factory: pytest.TempPathFactory, calls: list[list[str | None]]
) -> None:
    encoder = Encoder(FeatureCache(tmp_path_factory.mktemp("cache")))
    for words in calls:
        encoder(*words)
    assert sum(map(len, encoder.asked)) == len({word for words in calls for word in words if word is not None})


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda data: data[: len(data) // 2],
    "text": lambda _: b"hello " * 1000,
    "zeros": lambda data: bytes(len(data)),
    "another header": lambda data: b"SQLite format 4\0" + data[16:],
    "another root page": lambda data: data[:100] + bytes(3996) + data[4096:],
    "another table of this name": lambda data: data.replace(b"used INTEGER", b"unused INT  "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_database_is_told_and_begun_anew(encoder: Callable[..., Encoder], folder: Path, damage: str) -> None:
    encoder()("a", "b")
    whole = database(folder).read_bytes()
    database(folder).write_bytes(DAMAGES[damage](whole))
    assert database(folder).read_bytes() != whole
    told: list[str] = []
    second, third = Encoder(FeatureCache(folder, on_warning=told.append)), encoder()
    second("a", "b")
    second("a", "c")
    assert second.asked == [[0, 1], [1]]
    third("a", "b", "c")
    assert third.asked == [], "the new one is whole"
    assert len(told) == 1 and str(folder) in told[0] and "damaged" in told[0]


def test_an_empty_file_is_an_empty_cache(encoder: Callable[..., Encoder], folder: Path) -> None:
    folder.mkdir()
    database(folder).touch()
    encoder()("a")
    again = encoder()
    again("a")
    assert again.asked == []


@pytest.mark.parametrize("value", [b"", b"short", b"x" * 36, "text", 7, None])
def test_a_damaged_row_is_encoded_anew(encoder: Callable[..., Encoder], folder: Path, value: object) -> None:
    encoder()("a", "b")
    with closing(sqlite3.connect(database(folder))) as opened, opened:
        opened.execute("UPDATE features SET row = ?", (value,))
    second, third = encoder(), encoder()
    second("a", "b")
    third("a", "b")
    assert second.asked == [[0, 1]] and third.asked == []


def test_a_row_of_another_key_is_not_taken(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a", "b")
    with closing(sqlite3.connect(database(folder))) as opened, opened:
        opened.execute("UPDATE features SET row = (SELECT max(row) FROM features)")
    second = encoder()
    second("a", "b")
    assert len(second.asked) == 1 and len(second.asked[0]) == 1


def test_any_flipped_byte_leaves_the_result_as_it_is(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a", "b")
    whole = database(folder).read_bytes()
    told = [place for place in range(len(whole)) if whole[place]]
    for place in [*told[:150], *told[150::8]]:
        database(folder).write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        Encoder(FeatureCache(folder))("a", "b")  # compares with what the encoder gives


def test_a_process_killed_while_writing_leaves_what_was_there(folder: Path) -> None:
    Encoder(FeatureCache(folder))("a")
    program = f"""
import os, signal, sqlite3
database = sqlite3.connect({str(database(folder))!r})
database.execute("PRAGMA cache_size = 1")  # so that pages are written before the end
database.execute("BEGIN IMMEDIATE")
database.execute("DELETE FROM features")
database.executemany("INSERT INTO features VALUES (?, ?, 0)", [(os.urandom(32), os.urandom(3000)) for _ in range(50)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL and database(folder).with_name(f"{NAME}-journal").exists()
    after = Encoder(FeatureCache(folder, on_warning=pytest.fail))
    after("a", "b")
    assert after.asked == [[1]] and kept(folder) == 2


def test_an_encoder_that_fails_leaves_nothing(folder: Path) -> None:
    def fail(_: Sequence[int]) -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FeatureCache(folder).rows("e", "1", 5, [digest("a")], fail)
    assert kept(folder) == 0


def test_a_file_where_the_folder_should_be_is_told_once(folder: Path) -> None:
    folder.write_bytes(b"")
    told: list[str] = []
    encoder = Encoder(FeatureCache(folder, on_warning=told.append))
    encoder("a")
    encoder("a")
    assert encoder.asked == [[0], [0]]
    assert told == [f"features can't be kept in {folder} for a next run: {os.strerror(errno.EEXIST)}"]
    Encoder(FeatureCache(folder))("a")  # nobody listens


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read_and_the_rest_encoded(encoder: Callable[..., Encoder], folder: Path, old: bool) -> None:
    encoder()("a")
    used(folder, {"a": 1 if old else 2**40})
    database(folder).chmod(0o400)
    folder.chmod(0o500)
    told: list[str] = []
    second = Encoder(FeatureCache(folder, on_warning=told.append))
    second("a", "b")
    folder.chmod(0o700)
    assert second.asked == [[1]] and len(told) == 1


def test_a_full_disk_is_told_once_and_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Encoder(FeatureCache(folder))("a")

    def on_a_full_disk(*arguments: object, **named: object) -> sqlite3.Connection:
        opened = connect(*arguments, **named)
        opened.execute("PRAGMA max_page_count = 1")  # SQLite then takes as many as there are for the most
        return opened

    told: list[str] = []
    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr("merc.annotation.cache.sqlite3.connect", on_a_full_disk)
        full = Encoder(FeatureCache(folder, on_warning=told.append), dimension=5000)
        full("a")
        full("a")
    assert told == [f"features can't be kept in {folder} for a next run: database or disk is full"]
    assert full.asked == [[0], [0]]
    again = Encoder(FeatureCache(folder, on_warning=pytest.fail))
    again("a")
    assert again.asked == [] and kept(folder) == 1


def used(folder: Path, times: dict[str, int]) -> None:
    """Sets when the rows of words were used last, by the rows themselves, which lie in the order of their keeping."""
    with closing(sqlite3.connect(database(folder))) as opened, opened:
        for number, time in enumerate(times.values(), start=1):
            opened.execute("UPDATE features SET used = ? WHERE rowid = ?", (time, number))


def test_what_was_not_used_for_the_longest_time_is_removed(folder: Path) -> None:
    wide = {"dimension": 900}  # a row takes a page of 4096 bytes
    encoder = Encoder(FeatureCache(folder), **wide)
    for word in "abcd":
        encoder(word)
    used(folder, {"a": 1, "b": 2, "c": 3, "d": 4})
    encoder("a")  # used now
    bounded = Encoder(FeatureCache(folder, max_bytes=database(folder).stat().st_size), **wide)
    bounded("e")
    assert bounded.asked == [[0]] and kept(folder) == 4
    bounded("a", "c", "d", "e")
    assert bounded.asked == [[0]]
    bounded("b")
    assert bounded.asked == [[0], [0]]


def test_reading_writes_at_most_once_a_day(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a")
    before = database(folder).read_bytes()
    encoder()("a")
    assert database(folder).read_bytes() == before
    used(folder, {"a": 1})
    encoder()("a")
    with closing(sqlite3.connect(database(folder))) as opened:
        assert abs(opened.execute("SELECT used FROM features").fetchone()[0] - time.time()) < 60


def test_the_bound_on_size_holds_over_all_encoders(folder: Path) -> None:
    bound = 20 * 4096
    for number in range(30):
        Encoder(FeatureCache(folder, max_bytes=bound), name=f"e{number % 2}", dimension=900)(str(number))
        assert database(folder).stat().st_size <= bound + 2 * 4096
    before = kept(folder)
    assert before >= 10
    Encoder(FeatureCache(folder, max_bytes=bound), dimension=900)(*map(str, range(100)))
    assert kept(folder) == before, "what exceeds the bound by itself drives nothing out"


def work(folder: Path, seed: int) -> int:
    """Many calls over the same words, with a bound so tight that rows are removed all the time; how often was encoded."""
    told: list[str] = []
    encoder = Encoder(FeatureCache(folder, on_warning=told.append, max_bytes=12 * 4096), dimension=900)
    random = np.random.default_rng(seed)
    for _ in range(60):
        encoder(*(str(number) for number in random.integers(0, 12, size=4)))
    assert told == []
    return sum(map(len, encoder.asked))


def test_two_processes_share_a_folder(folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        encoded = pool.starmap(work, [(folder, 0), (folder, 1)])
    assert all(0 < count < 240 for count in encoded)
    assert 1 <= kept(folder) <= 12
    with closing(sqlite3.connect(database(folder))) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_only_the_owner_may_read(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a")
    assert folder.stat().st_mode & 0o077 == database(folder).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../../up", "/home/me/models/my model", "..", "Größe/ü", "a" * 300, "\ud800", "x\0y"])
def test_an_encoder_may_have_any_name(encoder: Callable[..., Encoder], folder: Path, name: str) -> None:
    first = encoder(name=name)
    first("a")
    first("a")
    assert first.asked == [[0]]
    assert list(folder.iterdir()) == [database(folder)]


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MERC_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / "mine"
    monkeypatch.setenv("MERC_CACHE", "")
    assert default_folder() == tmp_path / "xdg" / "merc"
    for relative in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", relative)
        assert default_folder() == tmp_path / ".cache" / "merc"


def test_no_home_folder_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MERC_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(DataError, match="set MERC_CACHE to a folder"):
        default_folder()
