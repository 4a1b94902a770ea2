"""Pickles that ask for far more memory, time or nesting than they have bytes: the reader's budgets refuse them."""

from __future__ import annotations

import os
import pickle
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import pickle_opcodes
from merc.data.unpickle.reading import Budget, loads_plain
from merc.errors import DataError, UnsafeFileError
from pickle_opcodes import content, dtype, integer, text

SECONDS = 15.0  # CPU, on a slow machine


EMPTY_ARRAY = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
F4 = dtype("f4")


def memo(index: int) -> tuple[bytes, bytes]:
    """The opcodes that write and that fetch a memo entry."""
    return b"r" + struct.pack("<I", index), b"j" + struct.pack("<I", index)


def chain(start: bytes, count: int, step: Callable[[bytes, bytes], bytes]) -> bytes:
    """Values one on top of the other: `step(write, fetch)` drops the last one into the memo and makes the next out of it."""
    return start + b"".join(step(*memo(i)) for i in range(count))


def repeat(value: bytes, use: bytes, count: int) -> bytes:
    """One value in the memo (entry 0), `use` of it `count` times, all in a tuple."""
    return value + b"q\x000(" + use * count + b"t"


BUFFER = b"cnumpy._core.numeric\n_frombuffer\n"

# name -> the file of a size, what is found, the size here (with a small budget), the size in the process of its own
BOMBS: dict[str, tuple[Callable[[int], bytes], str, int, int]] = {
    "laughs in lists": (lambda n: chain(b"]", n, lambda put, get: put + b"0]" + get + b"a" + get + b"a"), "asks for more", 20, 90),
    "laughs in dicts": (
        lambda n: chain(b"}", n, lambda put, get: put + b"0}(K\x00" + get + b"K\x01" + get + b"u"),
        "asks for more",
        20,
        90,
    ),
    "laughs in tuples": (lambda n: b"K\x01" + b"2\x86" * n, "asks for more", 20, 90),
    "one text, often": (lambda n: repeat(text("x" * n), b"h\x00", n), "asks for more", 500, 20_000),
    "one text, often encoded": (
        lambda n: repeat(text("x" * n) + text("latin1") + b"\x86", b"c_codecs\nencode\nh\x00R", n),
        "asks for more",
        500,
        20_000,
    ),
    "one array's bytes, often": (
        lambda n: repeat(
            b"(K\x01" + integer(n) + b"\x85" + F4 + b"\x89" + content(bytes(4 * n)) + b"t", EMPTY_ARRAY + b"h\x00b", n
        ),
        "asks for more",
        400,
        20_000,
    ),
    "one buffer, often": (
        lambda n: repeat(b"(" + content(bytes(4 * n)) + F4 + integer(n) + b"\x85S'C'\nt", BUFFER + b"h\x00R", n),
        "asks for more",
        400,
        20_000,
    ),
    "one list, often copied": (
        lambda n: repeat(b"(" + b"N" * n + b"l\x85", b"cbuiltins\nlist\nh\x00R", n),
        "asks for more",
        300,
        20_000,
    ),
    "one set, often copied": (
        lambda n: repeat(b"(" + b"".join(integer(i) for i in range(n)) + b"l\x85", b"cbuiltins\nset\nh\x00R", n),
        "asks for more",
        200,
        20_000,
    ),
    "one object array, often": (
        lambda n: repeat(
            b"(K\x01" + integer(n) + b"\x85" + dtype("O8", "|", flags=63) + b"\x89(" + b"N" * n + b"lt", EMPTY_ARRAY + b"h\x00b", n
        ),
        "asks for more",
        400,
        20_000,
    ),
    "sets and nothing else": (lambda n: b"(" + b"\x8f" * n + b"t", "asks for more", 600, 450_000),
    "memo and nothing else": (lambda n: b"\x80\x04N" + b"\x94" * n, "asks for more", 1200, 2_000_000),
    "marks and nothing else": (lambda n: b"(" * n, "an end with 0 values", 500, 500_000),
    "deep lists": (lambda n: b"]" * n + b"a" * (n - 1), "nested more than 100 deep", 200, 100_000),
    "deep tuples": (lambda n: b")" + b"\x85" * n, "nested more than 100 deep", 200, 100_000),
    "deep dicts": (lambda n: b"}K\x00" * n + b"N" + b"s" * n, "nested more than 100 deep", 200, 100_000),
    "deep by sharing": (
        lambda n: chain(b"]", n, lambda put, get: put + b"0]" + get + b"a"),
        "nested more than 100 deep",
        200,
        50_000,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_in_one_error(name: str) -> None:
    make, found, size, _ = BOMBS[name]
    data = make(size) + b"."
    with pytest.raises(DataError, match=found):
        loads_plain(data, "features.pkl", Budget(spare_bytes=50_000, growth=8))


def explode() -> None:
    """Reads the bombs at full size, with the default budget; run by a process of its own, whose memory is limited."""
    limit = 1 << 30
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    for name, (make, found, _, size) in BOMBS.items():
        data = make(size) + b"."
        started = time.process_time()
        with pytest.raises(DataError, match=found):
            loads_plain(data, name)
        assert time.process_time() - started < SECONDS, name
    print("all refused")


def test_bombs_of_full_size_are_refused_in_time_and_memory() -> None:
    """In a process of its own: with every call type-checked, as in this one, a million opcodes take minutes."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1])['explode']()"
    environment = {**os.environ, "PYTHONPATH": str(Path(pickle_opcodes.__file__).parent)}
    done = subprocess.run([sys.executable, "-c", code, __file__], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "all refused\n", done.stderr


def test_sharing_within_the_room_is_read() -> None:
    """What is within the room is read, and is then small enough to walk."""
    data = BOMBS["laughs in lists"][0](12) + b"."
    assert loads_plain(data, "file") == pickle.loads(data)
    with pytest.raises(UnsafeFileError, match="asks for more than"):
        loads_plain(data, "file", Budget(spare_bytes=100_000))
