"""Bytes to text, whatever program wrote them; the same bytes always give the same text.

1. A byte order mark decides: UTF-8 or UTF-16.
2. Else regular zero bytes mean UTF-16: little-endian if they stand second in their pairs, big-endian if first (see `_pairs`).
3. Else it is UTF-8 if it can be read as such; or if more characters beyond ASCII can be read than bytes can't, which become U+FFFD.
4. Else it is Windows-1252; its five open places are Latin-1's control characters.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from merc.errors import DataError

# U+0080 to U+009F as Windows-1252 reads these bytes; it leaves five of them open.
_REPAIRS = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}

_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, its lines ended by line feeds alone, and what was odd about its encoding."""

    text: str
    warnings: tuple[str, ...] = ()


def repair_quotes(text: str) -> str:
    """Windows-1252 punctuation that came through as control characters: U+0092 becomes the apostrophe that was meant."""
    return text.translate(_REPAIRS)


def decode(data: bytes, name: str, *, strict: bool = False) -> Decoded:
    """The text of a file that errors call `name`.

    Raises:
        DataError: broken UTF-16, a zero byte, or with `strict` a broken place in UTF-8.
    """
    text, warnings = _decoded(data, name, strict)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}, line {line}: a zero byte; expected a text file")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), warnings)


def _decoded(data: bytes, name: str, strict: bool) -> tuple[str, tuple[str, ...]]:
    if data.startswith(codecs.BOM_UTF16_LE):
        return _utf_16(data[2:], "utf-16-le", name), ()
    if data.startswith(codecs.BOM_UTF16_BE):
        return _utf_16(data[2:], "utf-16-be", name), ()
    marked = data.startswith(codecs.BOM_UTF8)
    if b"\0" in data and not marked and (encoding := _pairs(data)) is not None:
        return _utf_16(data, encoding, name), ()
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8-sig", errors="replace")
    broken = text.count("\ufffd")
    readable = len(text) - len(text.encode("ascii", errors="ignore")) - broken  # beyond ASCII
    if marked or readable > broken or (strict and readable):
        if strict:
            raise DataError(f"{name}, line {text.count(chr(10), 0, text.index(chr(0xFFFD))) + 1}: broken UTF-8")
        return text, (f"the file is UTF-8 but for {broken} place{'s' * (broken != 1)}, which can't be read",)
    # Latin-1 never fails, and the repair gives its control characters what Windows-1252 has in their places.
    return repair_quotes(data.decode("latin-1")), ("the file is not UTF-8, and so read as Windows-1252",)


def _pairs(data: bytes) -> str | None:
    """Which UTF-16 has its zero bytes where these stand; None if they are strays, or the padding of a file that was cut off.

    Twice as many must stand on one side of the pairs as on the other: on half of that side where the other bytes are a text as they
    are, as around a stray in UTF-8, else on a sixteenth, since of Chinese hardly more than the line ends have a zero [chosen].
    """
    first, second = data[::2].count(0), data[1::2].count(0)
    others = data.replace(b"\0", b"")
    try:
        is_text = not _CONTROLS.search(others.decode())
    except UnicodeDecodeError:
        is_text = False
    regular = min(first, second) * 2 <= max(first, second) and max(first, second) * (2 if is_text else 16) >= len(data) // 2
    return ("utf-16-le" if second > first else "utf-16-be") if regular else None


def _utf_16(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: expected text in UTF-8, UTF-16 or Windows-1252, found broken UTF-16") from error
