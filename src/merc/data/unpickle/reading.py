"""Reads the field's pickles without Python's unpickler, so that no file can run code; docs/data.md says what is allowed.

`pickletools` splits the file into opcodes, `Machine` carries out those that make plain data, and everything else is an error.
No module that a file names is imported, memory and nesting have budgets, and no option turns this off. OrderedDict and defaultdict
become dict, bytearray bytes, numpy object arrays of one axis list; Python 2's strings are read as latin1.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from merc.data.unpickle.budget import DEFAULT_BUDGET, Budget, Meter, Refusal, check_plain
from merc.data.unpickle.machine import FLOATS, Machine, Operation
from merc.data.unpickle.stand_ins import printable
from merc.errors import DataError, UnsafeFileError

__all__ = ["Budget", "loads_plain", "read_pickle"]

_Reader = Callable[[io.BytesIO], object]
_REFUSED = {
    **dict.fromkeys(("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"), "an instance of a class"),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), "an entry of Python's extension registry"),
    **dict.fromkeys(("PERSID", "BINPERSID"), "a reference to something outside the file"),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), "a buffer outside the file"),
}
_OTHER_FORMATS = {
    b"\x1f\x8b": "gzip: unpack it first",
    b"PK\x03\x04": "zip, such as torch.save and numpy.savez write",
    b"BZh": "bzip2: unpack it first",
    b"\xfd7zXZ": "xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "zstandard: unpack it first",
    b"\x93NUMPY": "numpy's own .npy",
    b"\x89HDF": "HDF5",
    b"PAR1": "parquet",
}
_NUMBER_LINE = 700  # bytes: the digits of the longest integer that is read, and then some; a longer line costs quadratic time
_BINFLOAT = np.dtype([("opcode", "u1"), ("value", ">f8")])
_INTEGER = re.compile(rb"(?:0[01]|-?(?:0|[1-9][0-9]*)L?)\n")  # 00 and 01 are booleans; other leading zeros mean octal to Python
_FLOAT = re.compile(rb"-?(?:[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?|inf|nan)\n")
_LONGEST_RUN = 256  # floats that are read at once
_ESCAPES = re.compile(rb"""(?:[^\\]|\\[\\'"abfnrtv]|\\x[0-9a-fA-F]{2}|\\[0-3][0-7]{2})*""")


def read_pickle(path: str | Path, budget: Budget = DEFAULT_BUDGET) -> object:
    """The plain data that a pickle file holds.

    Raises:
        UnsafeFileError: the file holds something that is not plain data, or asks for more than the budget allows.
        DataError: there is no such file, it is no pickle, it is truncated, damaged or too long.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise DataError(f"{path}: not a file; expected is a pickle")
        size = path.stat().st_size
        if size > budget.file_bytes:
            raise DataError(f"{path}: {size} bytes; a pickle may have at most {budget.file_bytes}")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}") from error
    return loads_plain(data, str(path), budget)


def loads_plain(data: bytes, where: str, budget: Budget = DEFAULT_BUDGET) -> object:
    """The plain data that the bytes of a pickle hold; `where` names their source in errors.

    Raises:
        UnsafeFileError: as for `read_pickle`.
        DataError: as for `read_pickle`.
    """
    for start, name in _OTHER_FORMATS.items():
        if data.startswith(start):
            raise DataError(f"{where}: not a pickle; its format is {name}")
    meter = Meter(budget, len(data))
    machine = Machine(meter)
    try:
        root = machine.run(_operations(data, machine))
        check_plain(root, meter)
    except Refusal as refusal:
        nature = "not plain data" if refusal.error is UnsafeFileError else "not a whole pickle"
        raise refusal.error(
            f"{where}, byte {machine.offset}: {nature}: {refusal.found}; allowed: {refusal.allowed}. Nothing in the file was run"
        ) from None
    return root


def _operations(data: bytes, machine: Machine) -> Iterator[Operation]:
    """The opcodes of a pickle, as `pickletools.genops` gives them; each is checked before its argument is read."""
    stream = io.BytesIO(data)
    name = ""
    while name != "STOP":
        machine.offset = offset = stream.tell()
        code = stream.read(1)
        if not code:
            raise _damage("the file ends before the pickle does" if data else "the file is empty", "a pickle up to its STOP")
        if code not in _OPCODES:
            raise _damage(f"the byte {code!r}, which is no opcode", "a pickle of protocol 0 to 5")
        name, reader = _OPCODES[code]
        if not offset and name not in _FIRST:
            raise _damage(f"the byte {code!r}, with which no pickle begins", "a pickle of protocol 0 to 5")
        if name == "BINFLOAT" and data[offset + _BINFLOAT.itemsize : offset + _BINFLOAT.itemsize + 1] == code:
            floats = _read_floats(data, offset)
            stream.seek(offset + _BINFLOAT.itemsize * len(floats))
            yield Operation(FLOATS, floats, offset)
            continue
        if name in _REFUSED:
            names = [stream.readline().rstrip(b"\n") for _ in range(2)] if name == "INST" else []  # of the class that INST asks for
            wanted = f", {'.'.join(printable(part.decode('latin-1')) for part in names)}" if names else ""
            raise Refusal(f"{name}, {_REFUSED[name]}{wanted}")
        argument = None
        if reader is not None:
            try:
                argument = reader(stream)
            except ValueError as error:
                raise _damage(f"{name} with an argument that can't be read", "a pickle that is whole") from error
        yield Operation(name, argument, offset)
    if stream.tell() != len(data):
        machine.offset = stream.tell()
        raise _damage(f"{len(data) - stream.tell()} bytes after the end of the pickle", "one pickle and nothing else")


def _read_floats(data: bytes, offset: int) -> list[float]:
    """The run of BINFLOATs that begins here: features that were saved as lists are hardly anything else."""
    count = min((len(data) - offset) // _BINFLOAT.itemsize, _LONGEST_RUN)
    operations = np.frombuffer(data, _BINFLOAT, count, offset)
    others = np.flatnonzero(operations["opcode"] != ord("G"))
    return operations["value"][: others[0] if len(others) else count].tolist()


def _damage(found: str, allowed: str) -> Refusal:
    return Refusal(found, allowed, DataError)


def _read_number(reader: _Reader, form: re.Pattern[bytes]) -> _Reader:
    """The reader of a number in decimal digits, for lines of reasonable length only, written as Python writes them."""

    def read(stream: io.BytesIO) -> object:
        start = stream.tell()
        line = stream.readline(_NUMBER_LINE)
        if not form.fullmatch(line):
            raise ValueError("a number that is too long, cut off or not decimal")
        stream.seek(start)
        return reader(stream)

    return read


def _read_string(stream: io.BytesIO) -> str:
    """Python 2's str of protocol 0, as latin1; `pickletools` itself reads ASCII only."""
    quoted = pickletools.read_stringnl(stream, decode=False)
    assert isinstance(quoted, bytes)
    if not _ESCAPES.fullmatch(quoted):
        raise ValueError("an escape that Python 2 does not write")
    return codecs.escape_decode(quoted)[0].decode("latin-1")


def _read_names(stream: io.BytesIO) -> tuple[str, str]:
    """Module and name of GLOBAL, as they stand there; `pickletools` would undo escapes, which Python's unpickler does not."""
    lines = (stream.readline(), stream.readline())
    if not all(line.endswith(b"\n") for line in lines):
        raise ValueError("a name that is cut off")
    return lines[0][:-1].decode("utf-8"), lines[1][:-1].decode("utf-8")


def _opcodes() -> dict[bytes, tuple[str, _Reader | None]]:
    """Every opcode's name and the reader of its argument, from `pickletools`."""
    special: dict[str, _Reader] = {"STRING": _read_string, "GLOBAL": _read_names}
    table: dict[bytes, tuple[str, _Reader | None]] = {}
    for opcode in pickletools.opcodes:
        reader = special.get(opcode.name) or (opcode.arg.reader if opcode.arg is not None else None)
        if opcode.name in ("INT", "LONG", "FLOAT", "GET", "PUT"):
            assert reader is not None
            reader = _read_number(reader, _FLOAT if opcode.name == "FLOAT" else _INTEGER)
        table[opcode.code.encode("latin-1")] = (opcode.name, reader)
    return table


_OPCODES = _opcodes()
_FIRST = frozenset(opcode.name for opcode in pickletools.opcodes if not opcode.stack_before)
