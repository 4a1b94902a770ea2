"""The cache of features: nothing is encoded twice, and nothing that happens to its folder changes a result."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.annotation import cache as module
from merc.annotation.cache import FeatureCache, default_folder
from merc.errors import DataError
from merc.files.staged_file import temporary_name

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


def packs(folder: Path) -> list[Path]:
    return sorted(folder.glob("features/*/*.safetensors"))


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
    assert first.asked == [[0, 2]] and len(packs(folder)) == 1


def test_an_edited_line_is_all_that_is_encoded(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a", "b", "c")
    edited, again = encoder(), encoder()
    edited("a", "B", "c", "d")
    assert edited.asked == [[1, 3]]
    again("a", "B", "c", "d")
    assert again.asked == []
    assert len(packs(folder)) == 2


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


def of_type(kind: str, size: int) -> bytes:
    """A safetensors file whose digests are of a type that is not ours."""
    header = json.dumps({"digests": {"dtype": kind, "shape": [1, 32], "data_offsets": [0, 32 * size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(32 * size)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half of it": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "a flipped bit in the rows": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "a flipped bit in the checksum": lambda data: data.replace(b'"sha256":"', b'"sha256":"x'),
    "text": lambda _: b"hello " * 100,
    "a huge header": lambda data: struct.pack("<Q", 2**62) + data[8:],
    "another type": lambda _: of_type("BF16", 2),
    "wide digests": lambda _: of_type("I64", 8),
    "no rows": lambda _: of_type("U8", 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_counts_as_absent_and_is_written_anew(encoder: Callable[..., Encoder], folder: Path, damage: str) -> None:
    encoder()("a", "b")
    (pack,) = packs(folder)
    whole = pack.read_bytes()
    pack.write_bytes(DAMAGES[damage](whole))
    assert pack.read_bytes() != whole
    second, third = encoder(), encoder()
    second("a", "b")
    assert second.asked == [[0, 1]]
    assert pack.read_bytes() == whole
    third("a", "b")
    assert third.asked == []


def test_any_flipped_byte_leaves_the_result_as_it_is(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a", "b")
    (pack,) = packs(folder)
    whole = pack.read_bytes()
    for place in range(len(whole)):
        for old in packs(folder):
            old.unlink()
        pack.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        encoder()("a", "b")  # compares with what the encoder gives


def test_a_process_killed_while_writing_leaves_no_pack_and_its_rest_is_removed_later(
    encoder: Callable[..., Encoder], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder()("a")
    (pack,) = packs(folder)
    half, fresh, foreign = (pack.parent / name for name in (temporary_name(), temporary_name(), "notes.tmp"))
    for path in (half, fresh, foreign):
        path.write_bytes(pack.read_bytes()[:50])
    for path in (half, foreign):
        os.utime(path, (1e9, 1e9))
    second = encoder()
    second("a", "b")
    assert second.asked == [[1]]
    assert not half.exists()
    assert fresh.exists() and foreign.exists(), "another process may be writing it; and what is not ours is left alone"


def test_an_encoder_that_fails_leaves_nothing(folder: Path) -> None:
    def fail(_: Sequence[int]) -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FeatureCache(folder).rows("e", "1", 5, [digest("a")], fail)
    assert packs(folder) == []


def test_a_file_where_the_folder_should_be_is_told_once(folder: Path) -> None:
    folder.write_bytes(b"")
    told: list[str] = []
    encoder = Encoder(FeatureCache(folder, on_warning=told.append))
    encoder("a")
    encoder("a")
    assert encoder.asked == [[0], [0]]
    assert told == [f"features can't be kept in {folder} for a next run: {os.strerror(errno.EEXIST)}"]
    Encoder(FeatureCache(folder))("a")  # nobody listens


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read_and_the_rest_encoded(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a")
    (pack,) = packs(folder)
    pack.parent.chmod(0o500)
    told: list[str] = []
    second = Encoder(FeatureCache(folder, on_warning=told.append))
    second("a", "b")
    pack.parent.chmod(0o700)
    assert second.asked == [[1]] and len(told) == 1


def test_a_full_disk_is_told_and_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    told: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("merc.files.staged_file.os.fsync", full)
        Encoder(FeatureCache(folder, on_warning=told.append))("a")
    assert len(told) == 1 and told[0].endswith(f": {os.strerror(errno.ENOSPC)}")
    assert list(folder.glob("features/*/*")) == []


def test_what_was_not_used_for_the_longest_time_is_removed(folder: Path) -> None:
    encoder = Encoder(FeatureCache(folder, max_packs=3))
    for age, word in enumerate("abc"):
        before = set(packs(folder))
        encoder(word)
        (pack,) = set(packs(folder)) - before
        os.utime(pack, (1e9 + age, 1e9 + age))
    encoder("a")  # used now
    encoder("d")
    assert len(packs(folder)) == 3
    encoder.asked.clear()
    encoder("a", "c", "d")
    assert encoder.asked == []
    encoder("b")
    assert encoder.asked == [[0]]


def test_packs_are_read_from_the_one_last_used_until_all_is_found(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a")
    (old,) = packs(folder)
    encoder()("b")
    old.write_bytes(b"damaged")
    os.utime(old, (1e9, 1e9))
    encoder()("b")
    assert old.exists(), "it was read, though all had been found"
    encoder()("c")
    assert not old.exists()


def test_the_bound_on_size_holds_over_all_encoders(folder: Path) -> None:
    Encoder(FeatureCache(folder))("a")
    size = packs(folder)[0].stat().st_size
    for number in range(8):
        Encoder(FeatureCache(folder, max_bytes=3 * size), name=f"e{number % 2}")(str(number))
        assert sum(pack.stat().st_size for pack in packs(folder)) <= 3 * size
    assert len(packs(folder)) == 3
    kept = packs(folder)
    Encoder(FeatureCache(folder, max_bytes=3 * size))(*map(str, range(100)))
    assert packs(folder) == kept, "what exceeds the bound by itself drives nothing out"


def test_a_pack_removed_by_another_process_meanwhile_is_encoded_anew(
    encoder: Callable[..., Encoder], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder()("a")
    listed = packs(folder)
    listed[0].unlink()
    monkeypatch.setattr(module, "_newest_first", lambda _: listed)
    second = encoder()
    second("a")
    assert second.asked == [[0]]


def work(folder: Path, seed: int) -> int:
    """Many calls over the same words, with bounds so tight that packs are removed all the time; how often was encoded."""
    told: list[str] = []
    encoder = Encoder(FeatureCache(folder, on_warning=told.append, max_packs=5))
    random = np.random.default_rng(seed)
    for _ in range(60):
        encoder(*(str(number) for number in random.integers(0, 12, size=4)))
    assert told == []
    return sum(map(len, encoder.asked))


def test_two_processes_share_a_folder(folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        encoded = pool.starmap(work, [(folder, 0), (folder, 1)])
    assert all(0 < count < 240 for count in encoded)
    assert 1 <= len(packs(folder)) <= 6
    assert [path for path in folder.glob("features/*/*") if path not in packs(folder)] == []


def test_only_the_owner_may_read(encoder: Callable[..., Encoder], folder: Path) -> None:
    encoder()("a")
    assert folder.stat().st_mode & 0o077 == 0
    assert packs(folder)[0].parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../../up", "/home/me/models/my model", "..", "Größe/ü", "a" * 300, "\ud800", "x\0y"])
def test_any_name_of_an_encoder_stays_inside_the_folder(encoder: Callable[..., Encoder], folder: Path, name: str) -> None:
    first = encoder(name=name)
    first("a")
    first("a")
    assert first.asked == [[0]]
    (pack,) = packs(folder)
    assert pack.parent.parent == folder / "features"


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
