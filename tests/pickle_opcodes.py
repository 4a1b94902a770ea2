"""Pieces of pickles as bytes, for tests that write by hand what no pickler would."""

import struct


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def content(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def dtype(code: str, order: str = "<", size: int = -1, fields: bytes = b"NNN", flags: int = 0) -> bytes:
    made = b"cnumpy\ndtype\n" + text(code) + b"\x89\x88\x87R"
    return made + b"(K\x03" + text(order) + fields + integer(size) + integer(size) + integer(flags) + b"tb"
