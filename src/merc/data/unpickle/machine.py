"""The stack machine of the inert pickle reader: a stack, marks and a memo that hold plain data and stand-ins only.

Source: the comments of Python's `pickletools` for what each opcode does. What Python's own machine tolerates but no pickler writes
(left-over values, overwritten memo entries, wrong frame lengths) is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from merc.data.unpickle.budget import CONTAINER, EMPTY_SET, ENTRY, MEMO_ENTRY, SLOT, Meter, Refusal
from merc.data.unpickle.names import construct, find_name, plain_key
from merc.data.unpickle.numpy_stand_ins import build
from merc.data.unpickle.stand_ins import Name, Unbuilt, describe, is_dict, is_list, is_set, is_tuple
from merc.errors import DataError

HIGHEST_PROTOCOL = 5
MAX_INTEGER_BITS = 255 * 8  # what LONG1 holds: longer integers are no data, and slow to print
FLOATS = "BINFLOAT, several"  # no opcode of the format: a run of BINFLOATs, with a list for its argument
_FRAME_HEAD = 9  # bytes of the opcode FRAME and its argument


class Operation(NamedTuple):
    """One opcode of the file, with its decoded argument (None if it has none)."""

    name: str
    argument: object
    offset: int


class Machine:
    """Carries out the operations of one pickle.

    Attributes:
        offset: byte of the operation that is being carried out, for errors.
    """

    def __init__(self, meter: Meter) -> None:
        self.offset = 0
        self._meter = meter
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._slots: dict[int, list[int]] = {}  # id of a stand-in without its state -> its places in the memo
        self._frame_end = 0
        self._left = meter.budget.objects
        self._handlers = self._table()

    def run(self, operations: Iterator[Operation]) -> object:
        """The one value that the pickle holds; stand-ins may still be in it.

        Raises:
            Refusal: the file holds something that no pickle of plain data holds.
        """
        handlers, meter = self._handlers, self._meter
        for name, argument, offset in operations:
            self.offset = offset
            handlers[name](argument)
            if meter.spent > meter.room:
                raise meter.overdrawn()
            self._left -= 1
            if self._left < 0:
                raise Refusal("too many opcodes", f"at most {self._meter.budget.objects}")
        if self._marks or len(self._stack) != 1:
            raise Refusal(f"an end with {len(self._stack)} values and {len(self._marks)} marks on the stack", "one value")
        return self._stack[0]

    def _table(self) -> dict[str, Callable[[object], object]]:
        push = self._stack.append
        literals = (
            *("BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
            *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "NONE"),
        )
        return {
            **dict.fromkeys(literals, push),
            **dict.fromkeys(("INT", "LONG", "LONG1", "LONG4"), self._push_integer),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), self._get),
            FLOATS: self._push_floats,
            "NEWTRUE": lambda _: push(True),
            "NEWFALSE": lambda _: push(False),
            "BYTEARRAY8": lambda value: push(bytes(cast("bytearray", value))),
            "EMPTY_LIST": lambda _: self._push([], CONTAINER),
            "EMPTY_DICT": lambda _: self._push({}, CONTAINER),
            "EMPTY_SET": lambda _: self._push(set[object](), EMPTY_SET),
            "EMPTY_TUPLE": lambda _: push(()),
            "TUPLE1": lambda _: self._push_tuple(self._pop_many(1)),
            "TUPLE2": lambda _: self._push_tuple(self._pop_many(2)),
            "TUPLE3": lambda _: self._push_tuple(self._pop_many(3)),
            "TUPLE": lambda _: self._push_tuple(self._pop_marked()),
            "LIST": lambda _: self._push_list(self._pop_marked()),
            "DICT": lambda _: self._push_dict(self._pop_marked()),
            "FROZENSET": lambda _: self._push_frozenset(self._pop_marked()),
            "APPEND": lambda _: self._extend_list(self._pop_many(1)),
            "APPENDS": lambda _: self._extend_list(self._pop_marked()),
            "SETITEM": lambda _: self._extend_dict(self._pop_many(2)),
            "SETITEMS": lambda _: self._extend_dict(self._pop_marked()),
            "ADDITEMS": lambda _: self._extend_set(self._pop_marked()),
            "MARK": lambda _: self._marks.append(len(self._stack)),
            "POP": self._drop,
            "POP_MARK": lambda _: self._pop_marked(),
            "DUP": lambda _: self._refer(self._top()),
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            "GLOBAL": self._global,
            "STACK_GLOBAL": self._stack_global,
            "REDUCE": self._reduce,
            "BUILD": self._build,
            "PROTO": self._protocol,
            "FRAME": self._frame,
            "STOP": lambda _: None,
        }

    def _push(self, value: object, cost: int) -> None:
        self._meter.spent += cost
        self._stack.append(value)

    def _pop_many(self, count: int) -> list[object]:
        """The topmost values, which must lie above the last mark."""
        if len(self._stack) - (self._marks[-1] if self._marks else 0) < count:
            raise Refusal("an opcode that takes more values than there are on the stack", "as many as were put there")
        values = self._stack[-count:]
        del self._stack[-count:]
        return values

    def _pop_marked(self) -> list[object]:
        if not self._marks:
            raise Refusal("an opcode that needs a mark on the stack, where there is none", "one mark for each such opcode")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _top(self) -> object:
        if len(self._stack) == (self._marks[-1] if self._marks else 0):
            raise Refusal("an opcode that needs a value on the stack, where there is none", "a value to work on")
        return self._stack[-1]

    def _push_integer(self, value: object) -> None:
        assert isinstance(value, int)
        if value.bit_length() > MAX_INTEGER_BITS:
            raise Refusal(f"an integer of {value.bit_length()} bits", f"at most {MAX_INTEGER_BITS} bits")
        self._stack.append(value)

    def _push_floats(self, values: object) -> None:
        floats = cast("list[float]", values)
        self._left -= len(floats) - 1
        self._stack.extend(floats)

    def _push_list(self, values: list[object]) -> None:
        self._push(values, CONTAINER + SLOT * len(values))

    def _push_tuple(self, values: list[object]) -> None:
        self._push(tuple(values), CONTAINER + SLOT * len(values))

    def _push_dict(self, values: list[object]) -> None:
        self._push({}, CONTAINER)
        self._extend_dict(values)

    def _push_frozenset(self, values: list[object]) -> None:
        self._push(frozenset(map(plain_key, values)), EMPTY_SET + ENTRY * len(values))

    def _extend_list(self, values: list[object]) -> None:
        target = self._top()
        if not is_list(target):
            raise Refusal(f"items for {describe(target)}", "items for a list")
        self._meter.spent += SLOT * len(values)
        target.extend(values)

    def _extend_dict(self, values: list[object]) -> None:
        target = self._top()
        if not is_dict(target) or len(values) % 2:
            raise Refusal(f"{len(values)} keys and values for {describe(target)}", "pairs of key and value for a dict")
        self._meter.spent += ENTRY * (len(values) // 2)
        target.update(zip(map(plain_key, values[::2]), values[1::2], strict=True))

    def _extend_set(self, values: list[object]) -> None:
        target = self._top()
        if not is_set(target):
            raise Refusal(f"members for {describe(target)}", "members for a set")
        members = [plain_key(value) for value in values]
        self._meter.spent += ENTRY * len(members)
        target.update(members)

    def _drop(self, _: object) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop_many(1)

    def _refer(self, value: object) -> None:
        """Pushes a second reference to a value."""
        if isinstance(value, Unbuilt):  # the reference would not be replaced when the state comes
            raise Refusal(f"a use of {value}", "its state first")
        self._stack.append(value)

    def _put(self, index: object) -> None:
        assert isinstance(index, int)
        if not 0 <= index < self._meter.budget.memo:
            raise Refusal(f"the memo index {index}", f"0 to {self._meter.budget.memo - 1}")
        if index in self._memo:
            raise Refusal(f"a second memo entry with the index {index}", "one for each index")
        value = self._top()
        self._meter.spent += MEMO_ENTRY
        self._memo[index] = value
        if isinstance(value, Unbuilt):
            self._slots.setdefault(id(value), []).append(index)

    def _get(self, index: object) -> None:
        assert isinstance(index, int)
        if index not in self._memo:
            raise Refusal(f"a reference to the memo entry {index}, which is not there", "references to what came before")
        self._refer(self._memo[index])

    def _global(self, names: object) -> None:
        module, name = cast("tuple[str, str]", names)
        self._push(find_name(module, name), CONTAINER)

    def _stack_global(self, _: object) -> None:
        module, name = self._pop_many(2)
        if type(module) is not str or type(name) is not str:
            raise Refusal(f"a name made of {describe(module)} and {describe(name)}", "two str")
        self._push(find_name(module, name), CONTAINER)

    def _reduce(self, _: object) -> None:
        called, arguments = self._pop_many(2)
        if not isinstance(called, Name) or not is_tuple(arguments):
            raise Refusal(f"a call of {describe(called)} with {describe(arguments)}", "calls of allowed names with a tuple")
        self._stack.append(construct(called, arguments, self._meter))

    def _build(self, _: object) -> None:
        stand_in, state = self._pop_many(2)
        if not isinstance(stand_in, Unbuilt):
            raise Refusal(f"a state for {describe(stand_in)}", "states of numpy arrays and dtypes, each once")
        built = build(stand_in, state, self._meter)
        for index in self._slots.pop(id(stand_in), ()):
            self._memo[index] = built
        self._stack.append(built)

    def _protocol(self, version: object) -> None:
        assert isinstance(version, int)
        if self.offset or version > HIGHEST_PROTOCOL:
            raise Refusal(f"pickle protocol {version}", f"protocols 0 to {HIGHEST_PROTOCOL}, named in the first byte only")

    def _frame(self, length: object) -> None:
        assert isinstance(length, int)
        end = self.offset + _FRAME_HEAD + length
        if end > self._meter.file_size:
            raise Refusal(
                f"a frame of {length} bytes, of which the file lacks {end - self._meter.file_size}", "a whole pickle", DataError
            )
        if self.offset < self._frame_end:
            raise Refusal("a frame within another", "frames one after the other")
        self._frame_end = end
