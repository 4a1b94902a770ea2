"""The names that a pickle may use, and what the inert reader makes when the file calls them.

Nothing is looked up in a module: a name is a pair of strings, to which the table assigns a function of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from merc.data.unpickle import numpy_stand_ins
from merc.data.unpickle.budget import CONTAINER, EMPTY_SET, ENTRY, SLOT, Meter, Refusal
from merc.data.unpickle.stand_ins import Name, describe, is_frozenset, is_list, is_set, is_tuple, printable, raw_bytes, wrong_call

ALLOWED_NAMES = (
    "numpy's _reconstruct, ndarray, dtype, scalar and _frombuffer, _codecs.encode to latin1, OrderedDict, defaultdict, "
    "and the built-in dict, list, tuple, set, frozenset, bytes, bytearray"
)
_ALLOWED_KEYS = "str, bytes, and int of at most 60 bits"
_KEY_LIMIT = 1 << 60  # below it an int's hash is the int itself, so that no file can make many of them collide
_NUMPY_CORES = ("numpy.core", "numpy._core")
Constructor = Callable[[tuple[object, ...], Meter], object]


def find_name(module: str, name: str) -> Name:
    """The label of a name in the table.

    Raises:
        Refusal: the table does not have it.
    """
    if (module, name) not in _CONSTRUCTORS:
        raise Refusal(f"the name {printable(module)}.{printable(name)}", ALLOWED_NAMES)
    return Name(module, name)


def construct(name: Name, arguments: tuple[object, ...], meter: Meter) -> object:
    """What the file gets for calling `name` with `arguments`: plain data or a stand-in.

    Raises:
        Refusal: the name can't be called, or not with these arguments.
    """
    constructor = _CONSTRUCTORS[name.module, name.name]
    if constructor is None:
        raise Refusal(f"a call of {name.module}.{name.name}", ALLOWED_NAMES)
    return constructor(arguments, meter)


def plain_key(value: object) -> str | bytes | int:
    """A key of a dict or a member of a set, freed of numpy's scalar types.

    Raises:
        Refusal: it is no str, bytes or int, or an int whose hash a file could choose.
    """
    if isinstance(value, np.str_ | np.bytes_ | np.integer):
        value = value.item()
    if type(value) is int and -_KEY_LIMIT < value < _KEY_LIMIT:
        return value
    if type(value) is str or type(value) is bytes:
        return value
    raise Refusal(f"{describe(value)} as a dict's key or a set's member", _ALLOWED_KEYS)


def _encode_call(arguments: tuple[object, ...], meter: Meter) -> bytes:
    match arguments:
        case (str(text), str("latin1" | "latin-1")):
            meter.charge(len(text))
            data = raw_bytes(text)
        case _:
            data = None
    if data is not None:
        return data
    raise wrong_call("_codecs.encode", "(characters up to U+00FF, 'latin1')")


def _bytes_call(arguments: tuple[object, ...], _: Meter) -> bytes:
    match arguments:
        case ():
            return b""
        case (bytes(data),):
            return data
        case _:
            raise wrong_call("bytes", "nothing, or bytes")


def _items(arguments: tuple[object, ...], meter: Meter, base: int = CONTAINER, each: int = SLOT) -> list[object]:
    """The items that a built-in container is called with; `base` and `each` are its cost in bytes."""
    match arguments:
        case ():
            meter.charge(base)
            return []
        case (items,) if is_list(items) or is_tuple(items) or is_set(items) or is_frozenset(items):
            meter.charge(base + each * len(items))
            return list(items)
        case _:
            raise wrong_call("a built-in container", "nothing, or a list, tuple or set")


def _dict_call(arguments: tuple[object, ...], meter: Meter) -> dict[str | bytes | int, object]:
    made: dict[str | bytes | int, object] = {}
    for pair in _items(arguments, meter, CONTAINER, ENTRY):
        if not (is_list(pair) or is_tuple(pair)) or len(pair) != 2:
            raise wrong_call("dict or OrderedDict", "nothing, or pairs of key and value")
        made[plain_key(pair[0])] = pair[1]
    return made


def _defaultdict_call(arguments: tuple[object, ...], meter: Meter) -> dict[str | bytes | int, object]:
    match arguments:
        case () | (None | Name(module="builtins" | "__builtin__"),):
            return _dict_call((), meter)
        case _:
            raise wrong_call("defaultdict", "nothing, or a built-in type")


_BUILTINS: Mapping[str, Constructor | None] = {
    "dict": _dict_call,
    "list": _items,
    "tuple": lambda arguments, meter: tuple(_items(arguments, meter)),
    "set": lambda arguments, meter: set(map(plain_key, _items(arguments, meter, EMPTY_SET, ENTRY))),
    "frozenset": lambda arguments, meter: frozenset(map(plain_key, _items(arguments, meter, EMPTY_SET, ENTRY))),
    "bytes": _bytes_call,
    "bytearray": _bytes_call,
    **dict.fromkeys(("int", "float", "str", "bool")),  # these can't be called: they stand for a defaultdict's default only
}
_CONSTRUCTORS: Mapping[tuple[str, str], Constructor | None] = MappingProxyType(
    {
        ("numpy", "ndarray"): None,
        ("numpy", "dtype"): numpy_stand_ins.call_dtype,
        **{(f"{core}.multiarray", "_reconstruct"): numpy_stand_ins.call_reconstruct for core in _NUMPY_CORES},
        **{(f"{core}.multiarray", "scalar"): numpy_stand_ins.call_scalar for core in _NUMPY_CORES},
        **{(f"{core}.numeric", "_frombuffer"): numpy_stand_ins.call_frombuffer for core in _NUMPY_CORES},
        ("_codecs", "encode"): _encode_call,
        ("collections", "OrderedDict"): _dict_call,
        ("collections", "defaultdict"): _defaultdict_call,
        **{(module, name): call for module in ("builtins", "__builtin__") for name, call in _BUILTINS.items()},
    }
)
