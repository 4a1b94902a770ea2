"""Pickles of what is no plain data: each must end in one error, after few steps, in little memory, with nothing run or opened.

None of these files would harm a program that reads it with Python's own unpickler: the functions that they name give the number of
the process or some such value, no length or depth is large, and the limits that they exceed are those of a small budget.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from merc.data.unpickle.reading import Budget, loads_plain, read_pickle
from merc.errors import DataError, UnsafeFileError
from pickle_opcodes import content, dtype, integer, text

SMALL = Budget(file_bytes=10_000, objects=2_000, memo=100, depth=49, spare_bytes=20_000, growth=64)
CLAIMED = 16 << 20  # bytes that a file says it has
MEMORY = 1 << 20  # bytes
FORBIDDEN = (
    "import",
    "exec",
    "compile",
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "pickle.",
    "marshal.",
    "ctypes.",
    "code.",
    "builtins.input",
    "builtins.breakpoint",
)


class Watch:
    """Python's audit events, while it is on. A hook can't be removed, so there is one for the whole run and a switch."""

    def __init__(self) -> None:
        self.on = False
        self.events: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event.startswith(FORBIDDEN):
            self.events.append(f"{event} {arguments!r}"[:200])


@pytest.fixture(scope="module")
def watch() -> Watch:
    warm = pickle.dumps([{"a": np.arange(3)}, {1}, np.float32(1), np.array(["a"])])
    loads_plain(warm, "warm")  # what is imported lazily, by whoever, is now
    with pytest.raises(DataError):
        loads_plain(b"cposix\ngetpid\n.", "warm", SMALL)
    return Watch()


@contextmanager
def bounded(watch: Watch, steps: int) -> Iterator[None]:
    """Fails if the body makes more than `steps` calls or takes too much memory, or does anything but compute."""
    modules = set(sys.modules)
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    watch.events.clear()
    watch.on = True
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
        watch.on = False
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert not watch.events
    assert set(sys.modules) == modules
    assert calls < steps
    assert peak < MEMORY


RECONSTRUCT = b"cnumpy._core.multiarray\n_reconstruct\n"
EMPTY_ARRAY = RECONSTRUCT + b"cnumpy\nndarray\nK\x00\x85C\x01b\x87R"


def array(shape: tuple[int, ...], kind: bytes, data: bytes, fortran: bytes = b"\x89") -> bytes:
    return EMPTY_ARRAY + b"(K\x01(" + b"".join(map(integer, shape)) + b"t" + kind + fortran + data + b"tb"


F4 = dtype("f4")

ATTACKS: dict[str, tuple[bytes, str]] = {
    # calls: every name is harmless, and none is in the table
    "os.getpid": (b"cos\ngetpid\n)R", "byte 0: .*os.getpid"),
    "posix.getpid": (b"cposix\ngetpid\n)R", "posix.getpid"),
    "after a protocol": (b"\x80\x02cos\ngetpid\n)R", "byte 2: .*os.getpid"),
    "built-in function": (b"cbuiltins\nlen\n(S'1'\ntR", "builtins.len"),
    "python 2's": (b"c__builtin__\nlen\n(S'1'\ntR", "__builtin__.len"),
    "getattr": (b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'shape'\ntR", "builtins.getattr"),
    "type": (b"cbuiltins\ntype\n(NtR", "builtins.type"),
    "object": (b"cbuiltins\nobject\n)R", "builtins.object"),
    "a module that is not there": (b"cno_such_module\nthing\n", "no_such_module.thing"),
    "a module that is not imported yet": (b"ctabnanny\ncheck\n", "tabnanny.check"),
    "reconstructor": (b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR", "copy_reg._reconstructor"),
    "torch": (b"ctorch._utils\n_rebuild_tensor_v2\n", "torch._utils._rebuild_tensor_v2"),
    "pandas": (b"cpandas.core.frame\nDataFrame\n", "pandas.core.frame.DataFrame"),
    "another function of numpy": (b"cnumpy\nzeros\n(K\x01tR", "numpy.zeros"),
    "other functions of multiarray": (b"cnumpy.core.multiarray\nzeros\n(K\x01tR", "numpy.core.multiarray.zeros"),
    "codecs.decode": (b"c_codecs\ndecode\n(S'x'\nS'rot13'\ntR", "_codecs.decode"),
    "another codec": (b"c_codecs\nencode\n(" + text("x") + text("idna") + b"tR", "_codecs.encode"),
    "dotted name": (b"\x80\x04" + text("numpy") + text("ndarray.__reduce__") + b"\x93", "numpy.ndarray.__reduce__"),
    "dotted module": (b"\x80\x04" + text("numpy.ndarray") + text("tofile") + b"\x93", "numpy.ndarray.tofile"),
    "computed name": (b"\x80\x04" + text("posix") + b"\x94" + text("getpid") + b"\x94" + b"00h\x00h\x01\x93", "posix.getpid"),
    "name of bytes": (b"\x80\x04C\x05posixC\x06getpid\x93", "type bytes"),
    "name of lists": (b"\x80\x04]]\x93", "type list"),
    "name of numpy strings": (
        b"cnumpy._core.multiarray\nscalar\n" + dtype("S5", "|", 5) + content(b"numpy") + b"\x86R" + text("ndarray") + b"\x93",
        "type bytes_",
    ),
    "name with escapes": (b"cposix\nget\\x70id\n", r"posix\.get"),
    "name with control characters": (b"c\x1b[31mposix\ngetpid\n", "x1b"),
    "long name": (b"c" + b"a" * 1000 + b"\nx\n", "aaa"),
    "INST": (b"(iposix\ngetpid\n", "byte 1: .*INST.*posix.getpid"),
    "OBJ": (b"(cbuiltins\nlist\no", "OBJ"),
    "NEWOBJ": (b"\x80\x02cbuiltins\nlist\n)\x81", "NEWOBJ"),
    "NEWOBJ_EX": (b"\x80\x04cbuiltins\nlist\n)}\x92", "NEWOBJ_EX"),
    "EXT1": (b"\x80\x02\x82\x01", "extension registry"),
    "EXT2": (b"\x80\x02\x83\x01\x00", "extension registry"),
    "EXT4": (b"\x80\x02\x84\x01\x00\x00\x00", "extension registry"),
    "PERSID": (b"Pfile\n", "outside the file"),
    "BINPERSID": (b"K\x01Q", "outside the file"),
    "NEXT_BUFFER": (b"\x80\x05\x97", "outside the file"),
    "READONLY_BUFFER": (b"\x80\x05C\x01a\x98", "outside the file"),
    "call of ndarray": (b"cnumpy\nndarray\n(K\x01\x85tR", "a call of numpy.ndarray"),
    "call of a default's type": (b"cbuiltins\nint\n(S'5'\ntR", "a call of builtins.int"),
    "call of a list": (b"])R", "a call of a value of type list"),
    "call with a list": (b"cbuiltins\nlist\n]R", "with a value of type list"),
    "call of a str": (b"S'posix.getpid'\n)R", "a call of a value of type str"),
    "call of a dtype": (dtype("f4") + b")R", "a call of a bare numpy dtype"),
    "default factory that runs": (b"ccollections\ndefaultdict\n(ccollections\nOrderedDict\ntR", "defaultdict"),
    "bytes of a length": (b"cbuiltins\nbytes\n(K\x05tR", "bytes"),
    "dict of a str": (b"cbuiltins\ndict\n(S'ab'\ntR", "built-in container"),
    "dict of long pairs": (b"cbuiltins\ndict\n(](K\x01K\x02K\x03tatR", "dict"),
    # states
    "BUILD of a dict": (b"}}S'__class__'\nNsb", "a state for a value of type dict"),
    "BUILD of a list": (b"]}b", "a state for a value of type list"),
    "BUILD of a name": (b"cbuiltins\nlist\n}S'append'\nNsb", "a state for the name builtins.list"),
    "BUILD of a set": (b"\x8f}b", "a state for a value of type set"),
    "BUILD twice": (
        array((1,), F4, content(bytes(4))) + b"(K\x01(K\x01t" + F4 + b"\x89C\x04abcdtb",
        "a state for a value of type ndarray",
    ),
    "BUILD of a dtype twice": (F4 + b"(K\x03S'<'\nNNNK\x00K\x00K\x00tb", "a state for a bare numpy dtype"),
    "array state that is no tuple": (EMPTY_ARRAY + b"]b", "type list instead"),
    "array state of arrays": (EMPTY_ARRAY + b"(" + array((2,), F4, content(bytes(8))) * 5 + b"tb", "another state"),
    "array state of another version": (EMPTY_ARRAY + b"(K\x02(K\x01t" + F4 + b"\x89C\x04abcdtb", "another state"),
    "array without its state": (EMPTY_ARRAY, "without its state"),
    "array in a list before its state": (b"]" + EMPTY_ARRAY + b"a", "without its state"),
    "array used before its state": (EMPTY_ARRAY + b"q\x00h\x00", "without its state"),
    "array doubled before its state": (EMPTY_ARRAY + b"2", "without its state"),
    "subclass of ndarray": (RECONSTRUCT + b"cnumpy\nmatrix\nK\x00\x85C\x01b\x87R", "numpy.matrix"),
    "reconstruct of another type": (RECONSTRUCT + b"cbuiltins\nlist\nK\x00\x85C\x01b\x87R", "_reconstruct"),
    "reconstruct of another shape": (RECONSTRUCT + b"cnumpy\nndarray\nK\x05\x85C\x01b\x87R", "_reconstruct"),
    "reconstruct of a shape of arrays": (
        RECONSTRUCT + b"cnumpy\nndarray\n" + array((2,), F4, content(bytes(8))) + b"\x85C\x01b\x87R",
        "_reconstruct",
    ),
    # dtypes
    "object dtype with bytes": (array((1,), dtype("O8", "|", flags=63), content(bytes(8))), "another state"),
    "object scalar": (b"cnumpy._core.multiarray\nscalar\n" + dtype("O8", "|", flags=63) + b"]\x86R", "scalar"),
    "object buffer": (
        b"cnumpy._core.numeric\n_frombuffer\n(" + content(bytes(8)) + dtype("O8", "|", flags=63) + b"K\x01\x85S'C'\ntR",
        "_frombuffer",
    ),
    "object array of another length": (array((3,), dtype("O8", "|", flags=63), b"]Na"), "several axes, or of another length"),
    "void dtype": (b"cnumpy\ndtype\n" + text("V8") + b"\x89\x88\x87R", "dtype 'V8'"),
    "dtype with fields": (b"cnumpy\ndtype\n" + text("f4,O") + b"\x89\x88\x87R", "dtype 'f4,O'"),
    "dtype from a list": (b"cnumpy\ndtype\n](S'a'\nS'O'\nta\x89\x88\x87R", "numpy.dtype"),
    "dtype from a name": (b"cnumpy\ndtype\ncnumpy\nndarray\n\x89\x88\x87R", "numpy.dtype"),
    "dtype with fields in its state": (dtype("f4", fields=b"N(S'a'\nt}"), "another state"),
    "dtype with a sub-array": (dtype("f4", fields=b"(S'f4'\nK\x05tNN"), "another state"),
    "dtype with metadata": (
        b"cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R(K\x04S'<'\nNNNK\x00K\x00K\x00}tb",
        "another state",
    ),
    "dtype state that lies about its size": (dtype("U2", size=12), "item size"),
    "dtype with flags that are not its own": (array((1,), dtype("i8", flags=8), content(bytes(8))), "and the flags 8"),
    "dtype shared with numpy": (b"cnumpy\ndtype\n" + text("f4") + b"\x89\x89\x87R", "numpy.dtype"),
    "object dtype with flags that are not its own": (dtype("O8", "|", flags=127), "and the flags 127"),
    "dtype with another order": (dtype("f4", order="?"), "another state"),
    "dtype without its state": (b"cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R", "without its state"),
    "datetime": (b"cnumpy\ndtype\n" + text("M8") + b"\x89\x88\x87R", "dtype 'M8'"),
    "long double": (b"cnumpy\ndtype\n" + text("f16") + b"\x89\x88\x87R", "dtype 'f16'"),
    "complex": (b"cnumpy\ndtype\n" + text("c8") + b"\x89\x88\x87R", "dtype 'c8'"),
    "string of long items": (b"cnumpy\ndtype\n" + text("U10000000") + b"\x89\x88\x87R", "dtype 'U100"),
    "bare dtype": (F4, "bare numpy dtype"),
    "bare name": (b"]cbuiltins\nlist\na", "the name builtins.list where data should be"),
    # shapes and bytes
    "fewer bytes than the shape": (array((3, 2), F4, content(bytes(8))), "8 bytes for a numpy array of shape"),
    "more bytes than the shape": (array((1,), F4, content(bytes(8))), "8 bytes for a numpy array"),
    "negative shape": (array((-1,), F4, content(bytes(4))), "shape that is none"),
    "two negative axes": (array((-2, -2), F4, content(bytes(16))), "shape that is none"),
    "shape that overflows": (array((2**32, 2**32, 4), F4, content(b"")), "0 bytes for a numpy array"),
    "shape that overflows to its bytes": (array((2**62 + 1, 4), F4, content(bytes(16))), "16 bytes for a numpy array"),
    "shape of large integers": (array((2**70, 0), F4, content(b"")), "that has no bytes"),
    "many empty rows": (array((1_000_001, 0), F4, content(b"")), "that has no bytes"),
    "shape of booleans": (EMPTY_ARRAY + b"(K\x01\x88\x85" + F4 + b"\x89C\x04abcdtb", "shape that is none"),
    "shape of floats": (EMPTY_ARRAY + b"(K\x01G" + struct.pack(">d", 1) + b"\x85" + F4 + b"\x89C\x04abcdtb", "shape that is none"),
    "shape of 65 axes": (array((1,) * 65, F4, content(bytes(4))), "shape that is none"),
    "items of no bytes": (array((1_000_001,), dtype("S0", "|", 0), content(b"")), "that has no bytes"),
    "content that is no bytes": (array((1,), F4, b"]"), "type list as a numpy array's content"),
    "content that is no latin1": (array((1,), F4, text("ab\u20ac")), "type str as a numpy array's content"),
    "character beyond Unicode": (array((1,), dtype("U1", size=4), content(b"\xff" * 4)), "beyond Unicode"),
    "boolean of 2": (array((1,), dtype("b1", "|"), content(b"\x02")), "neither 0 nor 1"),
    "scalar of other bytes": (b"cnumpy._core.multiarray\nscalar\n" + F4 + content(bytes(5)) + b"\x86R", "numpy scalar of float32"),
    "buffer with a wrong order": (
        b"cnumpy._core.numeric\n_frombuffer\n(" + content(bytes(4)) + F4 + b"K\x01\x85S'Q'\ntR",
        "_frombuffer",
    ),
    "buffer with wrong axes": (
        b"cnumpy._core.numeric\n_frombuffer\n(" + content(bytes(4)) + F4 + b"K\x01\x85S'K'\n(K\x00K\x00ttR",
        "_frombuffer",
    ),
    "buffer ordered by an array": (
        b"cnumpy._core.numeric\n_frombuffer\n("
        + content(bytes(8))
        + F4
        + b"K\x02\x85"
        + array((2,), F4, content(bytes(8)))
        + b"tR",
        "_frombuffer",
    ),
    # hashes
    "shared tuples as key": (b"}" + b"K\x01" + b"2\x86" * 3 + b"K\x01s", "type tuple as a dict's key"),
    "shared tuples in a set": (b"\x8f(" + b"K\x01" + b"2\x86" * 3 + b"\x90", "type tuple as a dict's key"),
    "shared tuples in a frozenset": (b"(" + b"K\x01" + b"2\x86" * 3 + b"\x91", "type tuple as a dict's key"),
    "shared tuples in set()": (b"cbuiltins\nset\n(]K\x01" + b"2\x86" * 3 + b"atR", "type tuple as a dict's key"),
    "list as key": (b"}]Ns", "type list as a dict's key"),
    "float as key": (b"}G" + struct.pack(">d", 1) + b"Ns", "type float"),
    "array as key": (b"}" + array((1,), F4, content(bytes(4))) + b"Ns", "type ndarray"),
    "colliding integers": (
        b"}(" + b"".join(integer(i * (2**61 - 1)) + b"N" for i in range(1, 4)) + b"u",
        "type int as a dict's key",
    ),
    # loops
    "list in itself": (b"]q\x00h\x00a", "a list that contains itself"),
    "dict in itself": (b"}q\x00K\x00h\x00s", "a dict that contains itself"),
    "tuple in itself": (b"]q\x00h\x00\x85a", "contains itself"),
    # lengths beyond the end of the file, none of them large
    "BINBYTES8 beyond the end": (b"\x80\x04\x8e" + struct.pack("<Q", 300) + b"ab", "BINBYTES8"),
    "BINUNICODE8 beyond the end": (b"\x80\x04\x8d" + struct.pack("<Q", 300) + b"ab", "BINUNICODE8"),
    "BYTEARRAY8 beyond the end": (b"\x80\x05\x96" + struct.pack("<Q", 300) + b"ab", "BYTEARRAY8"),
    "BINBYTES beyond the end": (b"\x80\x03B" + struct.pack("<I", CLAIMED) + b"ab", "BINBYTES"),
    "BINUNICODE beyond the end": (b"\x80\x02X" + struct.pack("<I", CLAIMED) + b"ab", "BINUNICODE"),
    "BINSTRING of -1": (b"T\xff\xff\xff\xffab", "BINSTRING"),
    "LONG4 beyond the end": (b"\x80\x02\x8b" + struct.pack("<i", CLAIMED) + b"ab", "LONG4"),
    "LONG4 of -1": (b"\x80\x02\x8b\xff\xff\xff\xffab", "LONG4"),
    "LONG4 of 256 bytes": (b"\x80\x02\x8b" + struct.pack("<i", 256) + b"\x7f" * 256, "an integer of 2047 bits"),
    "INT of 700 digits": (b"I" + b"9" * 700 + b"\n", "INT"),
    "LONG of 700 digits": (b"L" + b"9" * 700 + b"L\n", "LONG"),
    "FLOAT of 700 digits": (b"F" + b"9" * 700 + b"\n", "FLOAT"),
    "INT in octal": (b"I0101\n", "INT"),
    "INT in hexadecimal": (b"I0x10\n", "INT"),
    "FLOAT in other digits": (b"F1_0.5\n", "FLOAT"),
    "GET of 700 digits": (b"g" + b"9" * 700 + b"\n", "GET"),
    "frame beyond the end": (b"\x80\x04\x95" + struct.pack("<Q", 100) + b"N", "of which the file lacks"),
    "frame within a frame": (
        b"\x80\x04\x95" + struct.pack("<Q", 10) + b"\x95" + struct.pack("<Q", 1) + b"N",
        "a frame within another",
    ),
    "bad escape": (b"S'\\d'\n", "STRING"),
    "bad UTF-8": (b"X\x01\x00\x00\x00\xff", "BINUNICODE"),
    # the memo
    "memo index beyond the budget": (b"Nr" + struct.pack("<I", 100), "memo index 100"),
    "memo index of 30 digits": (b"Np" + b"9" * 30 + b"\n", "memo index 999"),
    "negative memo index": (b"Np-1\n", "memo index -1"),
    "memo entry that is not there": (b"h\x05", "memo entry 5"),
    "memo entry written twice": (b"Nq\x00K\x01q\x00", "second memo entry with the index 0"),
    "MEMOIZE over PUT": (b"\x80\x04Nq\x01K\x05\x94", "second memo entry with the index 1"),
    "MEMOIZE of nothing": (b"\x80\x04\x94", "needs a value"),
    "PUT of a mark": (b"N(q\x00", "needs a value"),
    # the stack
    "POP of nothing": (b"N00", "more values than there are"),
    "POP_MARK without a mark": (b"N1", "needs a mark"),
    "TUPLE without a mark": (b"Nt", "needs a mark"),
    "TUPLE2 across a mark": (b"N(N\x86", "more values than there are"),
    "APPEND to nothing": (b"Na", "needs a value"),
    "APPEND across a mark": (b"](Na", "needs a value"),
    "APPEND to a tuple": (b")Na", "items for a value of type tuple"),
    "APPENDS to a dict": (b"}(Ne", "items for a value of type dict"),
    "SETITEM of a list": (b"]K\x00Ns", "keys and values for a value of type list"),
    "SETITEMS of an odd number": (b"}(K\x00NK\x01u", "3 keys and values"),
    "ADDITEMS to a frozenset": (b"(\x91(K\x01\x90", "members for a value of type frozenset"),
    "DUP of nothing": (b"N02", "needs a value"),
    "STOP with nothing": (b"N0", "an end with 0 values"),
    "STOP with two values": (b"NN", "an end with 2 values"),
    "STOP with a mark": (b"(N", "an end with 1 values and 1 marks"),
    # the format
    "protocol 6": (b"\x80\x06N", "pickle protocol 6"),
    "protocol 255": (b"\x80\xffN", "pickle protocol 255"),
    "protocol named later": (b"N\x80\x02", "pickle protocol 2"),
    "unknown opcode": (b"N\xff", "no opcode"),
    "second pickle after the first": (b"N.cposix\ngetpid\n)R", "17 bytes after the end"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_ends_in_one_error(name: str, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, found = ATTACKS[name]
    monkeypatch.chdir(tmp_path)
    data = attack + b"."
    with bounded(watch, 2_000 + 50 * len(data)), pytest.raises(DataError, match=found) as caught:
        loads_plain(data, "features.pkl", SMALL)
    message = str(caught.value)
    assert message.startswith("features.pkl, byte ") and "; allowed: " in message
    assert message.isprintable() and len(message) < 700
    assert not any(tmp_path.iterdir())


def test_the_watch_sees_what_python_would_have_done(watch: Watch) -> None:
    """The files are real ones and the watch works: Python's own unpickler calls the function and imports the module."""
    assert "tabnanny" not in sys.modules
    watch.events.clear()
    watch.on = True
    try:
        assert pickle.loads(ATTACKS["posix.getpid"][0] + b".") == os.getpid()
        assert pickle.loads(ATTACKS["a module that is not imported yet"][0] + b".").__name__ == "check"
    finally:
        watch.on = False
        sys.modules.pop("tabnanny", None)
    assert any("pickle.find_class" in event and "getpid" in event for event in watch.events)
    assert any(event.startswith("import") and "tabnanny" in event for event in watch.events)


def test_the_error_of_a_file_with_code(tmp_path: Path) -> None:
    """The error for a file with code names file, byte, what was found and what is allowed, and says that nothing was run."""
    path = tmp_path / "features.pkl"
    path.write_bytes(b"\x80\x02](K\x01cposix\ngetpid\n)Re.")
    with pytest.raises(UnsafeFileError) as caught:
        read_pickle(path)
    assert str(caught.value) == (
        f"{path}, byte 6: not plain data: the name posix.getpid; allowed: numpy's _reconstruct, ndarray, dtype, scalar and "
        "_frombuffer, _codecs.encode to latin1, OrderedDict, defaultdict, and the built-in dict, list, tuple, set, frozenset, "
        "bytes, bytearray. Nothing in the file was run"
    )


def test_a_device_or_a_long_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / "long.pkl"
    long.write_bytes(pickle.dumps(list(range(300))))
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    with pytest.raises(DataError, match="a pickle may have at most 100"):
        read_pickle(long, Budget(file_bytes=100))
    with pytest.raises(DataError, match="not a file"):
        read_pickle(Path(os.devnull))


@pytest.mark.parametrize("place", ["encoding", "order", "axes", "version"])
def test_an_array_in_place_of_a_fixed_value_is_refused(place: str) -> None:
    array = pickle.dumps(np.zeros(2), protocol=2)[2:-1]
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    frombuffer = b"cnumpy.core.numeric\n_frombuffer\n(C\x00" + dtype + b"K\x00\x85"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    calls = {
        "encoding": b"c_codecs\nencode\nX\x01\x00\x00\x00a" + array + b"\x86R",
        "order": frombuffer + array + b"tR",
        "axes": frombuffer + array + b"K\x00\x85tR",
        "version": empty + b"(" + array + b"K\x00\x85" + dtype + b"\x89C\x00tb",
    }
    with pytest.raises(UnsafeFileError, match="Nothing in the file was run"):
        loads_plain(b"\x80\x04" + calls[place] + b".", "x")
