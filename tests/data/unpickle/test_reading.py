"""The inert pickle reader on harmless and on damaged files; Python's own unpickler is its slow twin (on files made here only)."""

from __future__ import annotations

import collections
import gzip
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from merc.data.unpickle.reading import Budget, loads_plain, read_pickle
from merc.errors import DataError, MercError, UnsafeFileError

DATA = Path(os.environ.get("MERC_DATA", Path(__file__).resolve().parents[3] / "../shared/data"))
needs_pickles = pytest.mark.skipif(
    not (DATA / "legacy_pickles").is_dir(), reason=f"real pickles lie neither in {DATA} nor where MERC_DATA points"
)
quick = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def same(ours: object, theirs: object) -> bool:
    """Equality of values and types; NaN equals NaN, a dict may be any kind of dict, byte order is ours."""
    if isinstance(theirs, np.ndarray):
        if theirs.dtype.kind == "O":
            return type(ours) is list and all(same(a, b) for a, b in zip(ours, theirs.tolist(), strict=True))
        return (
            type(ours) is np.ndarray
            and ours.dtype == theirs.dtype.newbyteorder("=")
            and ours.dtype.isnative
            and ours.shape == theirs.shape
            and ours.flags.writeable
            and ours.flags.f_contiguous == theirs.flags.f_contiguous
            and ours.astype(theirs.dtype).tobytes() == theirs.tobytes()
        )
    if isinstance(theirs, np.generic):
        return type(ours) is type(theirs) and np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()
    if isinstance(theirs, dict):
        return type(ours) is dict and list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list | tuple):
        return type(ours) is type(theirs) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, bytearray):
        return type(ours) is bytes and ours == theirs
    return type(ours) is type(theirs) and (ours == theirs or (ours != ours and theirs != theirs))


def is_plain(value: object) -> bool:
    """Whether nothing but plain data can be reached from here."""
    if type(value) is dict:
        return all(type(key) in (str, bytes, int) for key in value) and all(map(is_plain, value.values()))
    if type(value) in (list, tuple, set, frozenset):
        return all(map(is_plain, value))
    if type(value) is np.ndarray or isinstance(value, np.generic):
        return value.dtype.kind in "fiubSU" and value.dtype.isnative and isinstance(value.tolist(), object)
    return type(value) in (str, bytes, int, float, bool, type(None))


keys = st.text(max_size=6) | st.binary(max_size=6) | st.integers(-(2**59), 2**59)
dtypes = st.one_of(
    *(hnp.floating_dtypes(endianness=e) for e in "<>"),
    *(hnp.integer_dtypes(endianness=e) for e in "<>"),
    *(hnp.unsigned_integer_dtypes(endianness=e) for e in "<>"),
    hnp.boolean_dtypes(),
    *(hnp.unicode_string_dtypes(endianness=e, max_len=5) for e in "<>"),
    hnp.byte_string_dtypes(max_len=5),
)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Arrays of all kinds that the reader knows: C, Fortran, transposed, sliced."""
    array = draw(hnp.arrays(draw(dtypes), draw(shapes)))
    how = draw(st.sampled_from(["C", "F", "axes", "slice"]))
    if how == "F":
        return np.asfortranarray(array) if array.ndim else array
    if how == "axes":
        return array.transpose(draw(st.permutations(range(array.ndim))))
    return array[::2] if how == "slice" and array.ndim else array


scalars = hnp.arrays(dtypes, 1).map(lambda array: array[0])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.binary(max_size=5).map(bytearray)
    | arrays()
    | scalars
    | st.lists(st.floats(), max_size=30)
)
plain = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4).map(collections.OrderedDict),
        st.dictionaries(keys, inner, max_size=4).map(lambda items: collections.defaultdict(list, items)),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
        inner.map(lambda value: [value, value, {"again": value}]),
    ),
    max_leaves=12,
)


@quick
@given(plain, st.sampled_from(PROTOCOLS))
def test_reads_what_pythons_unpickler_reads(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    result = loads_plain(data, "file")
    assert same(result, pickle.loads(data))
    assert is_plain(result)


@quick
@given(plain, st.sampled_from(PROTOCOLS), st.data())
def test_a_damaged_file_gives_plain_data_or_one_error(value: object, protocol: int, data: st.DataObject) -> None:
    damaged = bytearray(pickle.dumps(value, protocol))
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(damaged) - 1))
        if data.draw(st.booleans()):
            damaged[position] = data.draw(st.integers(0, 255))
        else:
            del damaged[position : position + data.draw(st.integers(1, 3))]
            damaged = damaged or bytearray(b".")
    try:
        result = loads_plain(bytes(damaged), "file")
    except MercError as error:
        assert "\n" not in str(error) and str(error).startswith("file")
    else:
        assert is_plain(result)


SNIPPETS = [
    *(
        b"(",
        b")",
        b"]",
        b"}",
        b"\x8f",
        b"N",
        b"\x88",
        b"K\x00",
        b"K\x01",
        b"K\x03",
        b"J\xff\xff\xff\xff",
        b"G" + struct.pack(">d", 2.0),
    ),
    *(b"\x8c\x01b", b"\x8c\x02f4", b"\x8c\x02O8", b"\x8c\x02U1", b"\x8c\x01<", b"\x8c\x01>", b"\x8c\x01C", b"C\x01b", b"C\x00"),
    *(b"C\x04\x00\x00\x80?", b"\x8c\x06latin1", b"\x96\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?", b"I01\n", b"S'\\x00'\n"),
    *(b"t", b"\x85", b"\x86", b"\x87", b"l", b"d", b"\x91", b"a", b"e", b"s", b"u", b"\x90", b"0", b"1", b"2"),
    *(b"\x94", b"q\x00", b"h\x00", b"h\x01", b"h\x02", b"R", b"b", b"\x93"),
    *(b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"cnumpy._core.multiarray\n_reconstruct\n", b"cnumpy._core.multiarray\nscalar\n"),
    *(b"cnumpy._core.numeric\n_frombuffer\n", b"c_codecs\nencode\n", b"cbuiltins\nset\n", b"cbuiltins\nlist\n"),
    *(b"ccollections\nOrderedDict\n", b"ccollections\ndefaultdict\n", b"cbuiltins\nbytes\n"),
    # whole objects, so that odd arguments meet opcodes which expect something else
    b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R",
    b"cnumpy\ndtype\n\x8c\x02i1\x89\x88\x87R(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
    b"cnumpy._core.numeric\n_frombuffer\n(C\x02ab"
    b"cnumpy\ndtype\n\x8c\x02i1\x89\x88\x87R(K\x03\x8c\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbK\x02\x85\x8c\x01CtR",
]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(SNIPPETS), min_size=1, max_size=14))
def test_any_sequence_of_opcodes_gives_plain_data_or_one_error(snippets: list[bytes]) -> None:
    data = b"".join(snippets) + b"."
    try:
        result = loads_plain(data, "file")
    except MercError as error:
        assert "\n" not in str(error)
    else:
        assert is_plain(result)


COMPARE = """
import pickle, sys
from pathlib import Path
from merc.data.unpickle.reading import read_pickle
path = Path(sys.argv[1])
ours, theirs = read_pickle(path), pickle.loads(path.read_bytes(), encoding="latin1")
assert ours == theirs and repr(ours) == repr(theirs)
"""


@needs_pickles
@pytest.mark.parametrize("name", ["meld_cosmic.pkl", "emorynlp_cosmic.pkl"])
def test_reads_the_real_files_as_python_does(name: str) -> None:
    """In a process of its own: with every call type-checked, as in this one, half a million opcodes take a minute."""
    path = DATA / "legacy_pickles" / name
    done = subprocess.run([sys.executable, "-c", COMPARE, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


DTYPE_2 = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
ARRAY_2 = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
FLOATS_2 = struct.pack(">3f", 1.5, -2.0, 1e-3)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02U\x04caf\xe9.",
        b"S'caf\\xe9 \\\\ \\' \\n'\np0\n.",
        b'S"it\'s"\n.',
        b"Vcaf\\u00e9\n.",
        b"(dp0\nS'a'\np1\n(lp2\nI1\naL2L\naF3.5\naI01\nas.",
        b"\x80\x02T\x03\x00\x00\x00\xff\xfea.",
        b"\x80\x02" + ARRAY_2 + b"q\x01(K\x01K\x03\x85" + DTYPE_2 + b"\x89U\x0c" + FLOATS_2 + b"tb.",
        b"\x80\x02cnumpy.core.multiarray\nscalar\n" + DTYPE_2 + b"U\x04" + FLOATS_2[:4] + b"\x86R.",
        b"ccollections\nOrderedDict\n((lp0\n(lp1\nS'a'\naI1\naa(lp2\nS'b'\naI2\naatR.",
        b"c__builtin__\nset\n((lp0\nS'a'\naI7\natR.",
        b"c__builtin__\nfrozenset\n((lp0\nI7\natR.",
        b"c__builtin__\ntuple\n((lp0\nI7\natR.",
        b"ccollections\ndefaultdict\n(c__builtin__\nlist\ntR(S'a'\n(lp0\nI1\nau.",
        b"ccollections\ndefaultdict\n(NtR.",
        b"\x80\x02U\x01aq\x010h\x01.",
        b"\x80\x02(K\x01K\x021K\x05.",
        b"\x80\x02(0K\x05.",
        b"\x80\x02K\x0120.",
    ],
)
def test_reads_files_of_python_2(data: bytes) -> None:
    assert same(loads_plain(data, "file"), pickle.loads(data, encoding="latin1"))


def test_protocol_0_array_of_python_2_with_bytes_beyond_ascii() -> None:
    content = "".join(f"\\x{byte:02x}" for byte in FLOATS_2).encode()
    data = (
        b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntS'b'\ntRp3\n(I1\n(I3\nt"
        b"cnumpy\ndtype\np4\n(S'f4'\nI0\nI1\ntRp5\n(I3\nS'>'\nNNNI-1\nI-1\nI0\ntbI00\nS'" + content + b"'\ntb."
    )
    result = loads_plain(data, "file")
    assert isinstance(result, np.ndarray)
    np.testing.assert_array_equal(result, np.array([1.5, -2.0, 1e-3], np.float32))
    assert same(result, pickle.loads(data, encoding="latin1"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_object_arrays_of_one_axis_are_lists(protocol: int) -> None:
    value = np.array([1, "a", None, np.arange(2)], dtype=object)
    result = loads_plain(pickle.dumps({"x": value, "y": value}, protocol), "file")
    assert isinstance(result, dict) and same(result["x"], value) and result["x"] is result["y"]
    with pytest.raises(UnsafeFileError, match="several axes"):
        loads_plain(pickle.dumps(np.array([[1, "a"]], dtype=object), protocol), "file")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sharing_is_kept(protocol: int) -> None:
    array, row = np.arange(6.0).reshape(2, 3), [1, 2]
    result = loads_plain(pickle.dumps([array, array, row, row, array.T], protocol), "file")
    assert isinstance(result, list)
    assert result[0] is result[1] and result[2] is result[3]


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 1100])
def test_runs_of_floats_of_any_length(count: int) -> None:
    values = [float(i) / 7 for i in range(count)]
    for value in (values, [*values, 1, *values], {"a": values, "b": tuple(values)}):
        assert loads_plain(pickle.dumps(value, 4), "file") == value


def test_numpy_keys_become_plain() -> None:
    result = loads_plain(pickle.dumps({np.str_("a"): 1, np.int64(5): 2, np.bytes_(b"c"): 3}), "file")
    assert isinstance(result, dict)
    assert [(type(key), key) for key in result] == [(str, "a"), (int, 5), (bytes, b"c")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_truncation_is_one_error(protocol: int) -> None:
    data = pickle.dumps({"a": [1.5, 2.5, np.arange(3), "text"], "b": {1, 2}, "c": 10**30}, protocol)
    for length in range(len(data)):
        with pytest.raises(DataError, match=r"^file, byte \d+: not a whole pickle"):
            loads_plain(data[:length], "file")
    with pytest.raises(DataError, match=f"^file, byte {len(data)}: not a whole pickle: 3 bytes after the end"):
        loads_plain(data + b"abc", "file")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (gzip.compress(pickle.dumps([1]), mtime=0), "gzip: unpack it first"),
        (b"PK\x03\x04rest", "zip"),
        (b"", "the file is empty"),
        (b"\x93NUMPY\x01\x00", "npy"),
        (b"id,text\n1,hello\n", "with which no pickle begins"),
        (b"\xff\xfe", "no opcode"),
        (b'{"a": 1}', "no opcode"),
    ],
)
def test_a_file_that_is_no_pickle(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "features.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=found) as caught:
        read_pickle(path)
    assert str(caught.value).startswith(str(path))


def test_a_path_that_can_not_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.pkl"):
        with pytest.raises(DataError, match="not a file"):
            read_pickle(path)


def test_budgets(tmp_path: Path) -> None:
    path = tmp_path / "features.pkl"
    path.write_bytes(pickle.dumps([["a", "b"], [1.5, 2.5, 3.5]]))
    size = path.stat().st_size
    assert read_pickle(path, Budget(file_bytes=size, depth=2, memo=5, objects=30)) == [["a", "b"], [1.5, 2.5, 3.5]]
    with pytest.raises(DataError, match=f"{size} bytes; a pickle may have at most {size - 1}"):
        read_pickle(path, Budget(file_bytes=size - 1))
    for budget, found in (
        (Budget(depth=1), "nested more than 1 deep"),
        (Budget(memo=4), "memo index 4"),
        (Budget(objects=8), "too many opcodes"),
        (Budget(spare_bytes=50, growth=1), "asks for more than"),
    ):
        with pytest.raises(UnsafeFileError, match=found):
            read_pickle(path, budget)


@pytest.mark.parametrize("depth", [48, 49, 50])
def test_nesting_is_counted_in_levels(depth: int) -> None:
    value: object = 1
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    data = pickle.dumps(value)
    if depth <= 49:
        assert loads_plain(data, "file", Budget(depth=49)) == value
    else:
        with pytest.raises(UnsafeFileError, match="nested more than 49 deep"):
            loads_plain(data, "file", Budget(depth=49))
