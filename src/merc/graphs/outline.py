"""What a graph of ONNX consists of, read from its file: enough to refuse what is no plain graph before anything runs it.

A file of ONNX is a Protocol Buffers message (onnx.proto of the ONNX project, protobuf's encoding guide). Only the fields that are
looked at are named here; ONNX's own package is not needed to run a graph, and so is not installed with merc.

What a graph could do beyond computing: name files of any folder as its data, and ask for operators of libraries. Both are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from merc.errors import DataError
from merc.files.printable import printable

# Numbers of fields in onnx.proto
_MODEL = {"graph": 7, "functions": 25}
_GRAPH = {"node": 1, "initializer": 5, "input": 11, "output": 12, "sparse_initializer": 15}
_NODE = {"op_type": 4, "attribute": 5, "domain": 7}
_ATTRIBUTE = {"t": 5, "g": 6, "tensors": 10, "graphs": 11, "sparse_tensor": 22, "sparse_tensors": 23}
_TENSOR = {"dims": 1, "data_type": 2, "name": 8, "external_data": 13, "data_location": 14}
_ENTRY = {"key": 1, "value": 2}
_VALUE = {"name": 1, "type": 2}
_TYPE, _TENSOR_TYPE = {"tensor_type": 1}, {"elem_type": 1, "shape": 2}
_SHAPE, _DIMENSION = {"dim": 1}, {"dim_value": 1, "dim_param": 2}
_EXTERNAL = 1
_DOMAINS = ("", "ai.onnx")  # ONNX's own operators
_DEEPEST = 8  # graphs within graphs
TYPES: Mapping[int, str] = {1: "float32", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
Value = int | bytes


@dataclass(frozen=True, slots=True)
class TensorOutline:
    """One tensor.

    Attributes:
        dtype: numpy's name of its type.
        shape: lengths of its axes; the name of an axis of any length.
    """

    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class GraphOutline:
    """What a graph takes, gives, and reads from the file of its weights.

    Attributes:
        inputs, outputs: name -> tensor, in the graph's order.
        weights: name -> tensor whose numbers lie in another file.
    """

    inputs: Mapping[str, TensorOutline]
    outputs: Mapping[str, TensorOutline]
    weights: Mapping[str, TensorOutline]


def graph_outline(content: bytes, where: str, weights_file: str | None = None) -> GraphOutline:
    """Reads a graph's outline.

    Args:
        content: of the file, which errors name as `where`.
        weights_file: the only file that the graph may name as its data; None allows none.

    Raises:
        DataError: it is no graph of ONNX, or damaged; it asks for operators that are not ONNX's own, or names another file.
    """
    try:
        model = _fields(content)
        (graph,) = model.get(_MODEL["graph"], [])
        if _MODEL["functions"] in model:
            raise DataError(f"{where}: a graph with functions of its own is refused; allowed are ONNX's operators")
        fields = _fields(graph)
        external: dict[str, TensorOutline] = {}
        _check_graph(fields, where, weights_file, external, 0)
        inputs, outputs = (dict(map(_interface, fields.get(_GRAPH[side], []))) for side in ("input", "output"))
    except DataError:
        raise
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, MemoryError):
        raise DataError(f"{where}: no graph of ONNX, or damaged") from None
    return GraphOutline(inputs, outputs, external)


def _check_graph(
    graph: Mapping[int, list[Value]], where: str, allowed: str | None, external: dict[str, TensorOutline], depth: int
) -> None:
    if depth > _DEEPEST:
        raise DataError(f"{where}: graphs within graphs, more than {_DEEPEST} deep, are refused")
    if _GRAPH["sparse_initializer"] in graph:
        raise DataError(f"{where}: sparse weights are refused; allowed are dense ones")
    for tensor in graph.get(_GRAPH["initializer"], []):
        _check_tensor(_fields(tensor), where, allowed, external)
    for node in graph.get(_GRAPH["node"], []):
        fields = _fields(node)
        domain = _text(fields, _NODE["domain"])
        if domain not in _DOMAINS:
            operator = printable(f"{domain}.{_text(fields, _NODE['op_type'])}")
            raise DataError(f"{where}: operator {operator} is refused; allowed are ONNX's own")
        for attribute in map(_fields, fields.get(_NODE["attribute"], [])):
            if _ATTRIBUTE["sparse_tensor"] in attribute or _ATTRIBUTE["sparse_tensors"] in attribute:
                raise DataError(f"{where}: sparse constants are refused; allowed are dense ones")
            for name in ("t", "tensors"):
                for tensor in attribute.get(_ATTRIBUTE[name], []):
                    _check_tensor(_fields(tensor), where, None, external)
            for name in ("g", "graphs"):
                for inner in attribute.get(_ATTRIBUTE[name], []):
                    _check_graph(_fields(inner), where, None, external, depth + 1)


def _check_tensor(tensor: Mapping[int, list[Value]], where: str, allowed: str | None, external: dict[str, TensorOutline]) -> None:
    entries = [_fields(entry) for entry in tensor.get(_TENSOR["external_data"], [])]
    if not entries and tensor.get(_TENSOR["data_location"], [0])[-1] != _EXTERNAL:
        return
    name = _text(tensor, _TENSOR["name"])
    found = {_text(entry, _ENTRY["key"]): _text(entry, _ENTRY["value"]) for entry in entries}
    location = found.get("location", "")
    if allowed is None or location != allowed:
        wanted = "allowed is no other file" if allowed is None else f"allowed is {allowed}"
        raise DataError(f"{where}: tensor {printable(name)} is to be read from {printable(repr(location))}; {wanted}")
    shape = tuple(_int(length) for length in tensor.get(_TENSOR["dims"], []))
    external[name] = TensorOutline(_dtype(tensor, _TENSOR["data_type"]), shape)


def _interface(value: Value) -> tuple[str, TensorOutline]:
    """Name and tensor of an input or output."""
    fields = _fields(value)
    (kind,) = _fields(fields[_VALUE["type"]][-1])[_TYPE["tensor_type"]]
    tensor = _fields(kind)
    dimensions = _fields(tensor[_TENSOR_TYPE["shape"]][-1]).get(_SHAPE["dim"], [])
    return _text(fields, _VALUE["name"]), TensorOutline(
        _dtype(tensor, _TENSOR_TYPE["elem_type"]), tuple(_length(_fields(each)) for each in dimensions)
    )


def _length(dimension: Mapping[int, list[Value]]) -> int | str:
    if _DIMENSION["dim_value"] in dimension:
        return _int(dimension[_DIMENSION["dim_value"]][-1])
    return _text(dimension, _DIMENSION["dim_param"])


def _dtype(fields: Mapping[int, list[Value]], number: int) -> str:
    return TYPES.get(_int(fields[number][-1]), "another type")


def _text(fields: Mapping[int, list[Value]], number: int) -> str:
    value = fields.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise ValueError("a number in place of a text")
    return value.decode("utf-8")


def _int(value: Value) -> int:
    if not isinstance(value, int):
        raise ValueError("a text in place of a number")
    return value


def _fields(message: Value) -> dict[int, list[Value]]:
    """Field's number -> its values in order, of one message: whole numbers, and bytes of texts, packed numbers and messages."""
    if not isinstance(message, bytes):
        raise ValueError("a number in place of a message")
    found: dict[int, list[Value]] = {}
    for number, value in _values(message):
        found.setdefault(number, []).append(value)
    return found


def _values(message: bytes) -> Iterator[tuple[int, Value]]:
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, place = _varint(message, place)
        if size is None or place + size > len(message):
            raise ValueError("a field of another kind, or beyond the end")
        yield key >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number of a variable length, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place + shift // 7]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + shift // 7 + 1
    raise ValueError("a number of more than ten bytes")
