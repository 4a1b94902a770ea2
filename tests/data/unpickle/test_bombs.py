"""Pickles that ask for more memory, steps or nesting than their bytes allow: the budget refuses them.

All are small, and so is the budget that they exceed: read with Python's own unpickler, none of them takes much.
"""

from __future__ import annotations

import pickle
import struct
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from merc.data.unpickle.reading import Budget, loads_plain
from merc.errors import DataError, UnsafeFileError
from pickle_opcodes import content, dtype, integer, text

SMALL = Budget(spare_bytes=9_000, growth=1, depth=49)
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

# name -> the file of a size, what is found, the size
BOMBS: dict[str, tuple[Callable[[int], bytes], str, int]] = {
    "laughs in lists": (lambda n: chain(b"]", n, lambda put, get: put + b"0]" + get + b"a" + get + b"a"), "asks for more", 9),
    "laughs in dicts": (
        lambda n: chain(b"}", n, lambda put, get: put + b"0}(K\x00" + get + b"K\x01" + get + b"u"),
        "asks for more",
        9,
    ),
    "laughs in tuples": (lambda n: b"K\x01" + b"2\x86" * n, "asks for more", 9),
    "one text, often": (lambda n: repeat(text("x" * n), b"h\x00", n), "asks for more", 120),
    "one text, often encoded": (
        lambda n: repeat(text("x" * n) + text("latin1") + b"\x86", b"c_codecs\nencode\nh\x00R", n),
        "asks for more",
        200,
    ),
    "one array's bytes, often": (
        lambda n: repeat(
            b"(K\x01" + integer(n) + b"\x85" + F4 + b"\x89" + content(bytes(4 * n)) + b"t", EMPTY_ARRAY + b"h\x00b", n
        ),
        "asks for more",
        60,
    ),
    "one buffer, often": (
        lambda n: repeat(b"(" + content(bytes(4 * n)) + F4 + integer(n) + b"\x85S'C'\nt", BUFFER + b"h\x00R", n),
        "asks for more",
        60,
    ),
    "one list, often copied": (lambda n: repeat(b"(" + b"N" * n + b"l\x85", b"cbuiltins\nlist\nh\x00R", n), "asks for more", 60),
    "one set, often copied": (
        lambda n: repeat(b"(" + b"".join(integer(i) for i in range(n)) + b"l\x85", b"cbuiltins\nset\nh\x00R", n),
        "asks for more",
        60,
    ),
    "one object array, often": (
        lambda n: repeat(
            b"(K\x01" + integer(n) + b"\x85" + dtype("O8", "|", flags=63) + b"\x89(" + b"N" * n + b"lt", EMPTY_ARRAY + b"h\x00b", n
        ),
        "asks for more",
        60,
    ),
    "sets and nothing else": (lambda n: b"(" + b"\x8f" * n + b"t", "asks for more", 60),
    "memo and nothing else": (lambda n: b"\x80\x04N" + b"\x94" * n, "asks for more", 100),
    "marks and nothing else": (lambda n: b"(" * n, "an end with 0 values", 100),
    "deep lists": (lambda n: b"]" * n + b"a" * (n - 1), "nested more than 49 deep", 50),
    "deep tuples": (lambda n: b")" + b"\x85" * (n - 1), "nested more than 49 deep", 50),
    "deep dicts": (lambda n: b"}K\x00" * n + b"N" + b"s" * n, "nested more than 49 deep", 50),
    "deep by sharing": (
        lambda n: chain(b"]", n - 1, lambda put, get: put + b"0]" + get + b"a"),
        "nested more than 49 deep",
        50,
    ),
}


def refused(name: str, size: int) -> tuple[int, int]:
    """Calls made and bytes taken, the most at once, until a bomb is refused."""
    make, found, _ = BOMBS[name]
    data = make(size) + b"."
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        with pytest.raises(DataError, match=found):
            loads_plain(data, "features.pkl", SMALL)
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return calls, peak


@pytest.mark.parametrize("name", BOMBS)
def test_bomb_ends_in_one_error_after_few_steps_and_in_little_memory(name: str) -> None:
    make, _, size = BOMBS[name]
    refused(name, size)  # what is made once a process, such as numpy's dtypes, is made now
    length = len(make(size))
    calls, peak = refused(name, size)
    assert calls < 2_000 + 300 * length
    assert peak < 8 * (SMALL.spare_bytes + SMALL.growth * length)


def test_the_default_budget() -> None:
    """Whatever its size, a file takes 64 bytes of memory per byte and 64 MB more, and nests 100 deep."""
    assert Budget() == Budget(
        file_bytes=8 << 30, objects=1_000_000_000, memo=200_000_000, depth=100, spare_bytes=64 << 20, growth=64
    )


def test_sharing_within_the_room_is_read() -> None:
    """What is within the room is read, and is then small enough to walk."""
    data = BOMBS["laughs in lists"][0](6) + b"."
    assert loads_plain(data, "file") == pickle.loads(data)
    with pytest.raises(UnsafeFileError, match="asks for more than"):
        loads_plain(data, "file", Budget(spare_bytes=2_000, growth=0))
