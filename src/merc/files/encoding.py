"""Bytes to text, whatever program wrote them; the same bytes always give the same text.

A name of an encoding that the user gives decides. Else:
1. A byte order mark decides: UTF-8, UTF-16 or UTF-32.
2. Else regular zero bytes mean UTF-16: little-endian if they stand second in their pairs, big-endian if first (see `_pairs`).
3. Else it is UTF-8 if it can be read as such; or if more characters beyond ASCII can be read than bytes can't, which become U+FFFD.
4. Else what an XML declaration names.
5. Else what it looks like, with a warning that says so (see `encoding_guess`).
6. Else it is Windows-1252; its five open places are Latin-1's control characters.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from merc.errors import DataError
from merc.files.encoding_guess import Guess, guessed_encoding
from merc.files.validation import shorten

# U+0080 to U+009F as Windows-1252 reads these bytes; it leaves five of them open.
_REPAIRS = {code: bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}

_DECLARED = re.compile(rb"\A\s{0,20}<\?xml[^<>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z][\w.:\-]{0,40})[\"']")
# What a declaration may name; Python knows other encodings, which are none of texts, and some of which take long.
_OF_TEXTS = ("utf-8", "utf-16", "iso8859", "cp", "mac", "ascii", "koi8", "gb", "big5", "shift_jis", "euc", "johab", "tis")
_UTF_32 = ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"))
_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, its lines ended by line feeds alone, and what was odd about its encoding."""

    text: str
    warnings: tuple[str, ...] = ()


def repair_quotes(text: str) -> str:
    """Windows-1252 punctuation that came through as control characters: U+0092 becomes the apostrophe that was meant."""
    return text.translate(_REPAIRS)


def decode(data: bytes, name: str, *, strict: bool = False, encoding: str | None = None) -> Decoded:
    """The text of a file that errors call `name`.

    Args:
        data: the file's bytes.
        name: of the file.
        strict: refuse a broken place in UTF-8.
        encoding: the one that the file has, by a name that Python knows; None finds out.

    Raises:
        DataError: no such encoding, text that is not in it, broken UTF-16 or UTF-32, a zero byte, or with `strict` a broken place.
    """
    text, warnings = _decoded(data, name, strict) if encoding is None else (_named(data, name, encoding), ())
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}, line {line}: a zero byte; expected a text file")
    return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"), warnings)


def check_encoding(encoding: str) -> None:
    """Raises DataError where Python knows no encoding of texts by this name."""
    try:
        "".encode(encoding)
    except (LookupError, ValueError, UnicodeError):
        known = "allowed are those that Python knows, such as utf-8, cp1251, gb18030, shift_jis or mac_roman"
        raise DataError(f"encoding {shorten(repr(encoding))} is not known; {known}") from None


def _named(data: bytes, name: str, encoding: str) -> str:
    check_encoding(encoding)
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {line}: not a text in {encoding}, as which it was to be read") from error


def _decoded(data: bytes, name: str, strict: bool) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in _UTF_32:  # before UTF-16, whose mark begins that of UTF-32
        if data.startswith(mark):
            return _unicode(data[4:], encoding, name), ()
    if data.startswith(codecs.BOM_UTF16_LE):
        return _unicode(data[2:], "utf-16-le", name), ()
    if data.startswith(codecs.BOM_UTF16_BE):
        return _unicode(data[2:], "utf-16-be", name), ()
    marked = data.startswith(codecs.BOM_UTF8)
    if b"\0" in data and not marked and (encoding := _pairs(data)) is not None:
        return _unicode(data, encoding, name), ()
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
    return _foreign(data)


def _foreign(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file that is no Unicode, and what a user should know of it."""
    declared = _DECLARED.match(data)
    if declared is not None:
        try:
            encoding = codecs.lookup(declared[1].decode()).name
            if encoding.startswith(_OF_TEXTS):
                return data.decode(encoding), ()
        except (LookupError, ValueError):
            pass
    guess = guessed_encoding(data)
    if guess is not None:
        try:
            return data.decode(guess.encoding), (_guessed(guess),)
        except UnicodeDecodeError:
            pass
    # Latin-1 never fails, and the repair gives its control characters what Windows-1252 has in their places.
    return repair_quotes(data.decode("latin-1")), (_guessed(Guess("cp1252", "Windows-1252")),)


def _guessed(guess: Guess) -> str:
    others = f"; so little text may be {' or '.join(guess.others[:3])} as well" if guess.others else ""
    return f"the file is not UTF-8, and read as {guess.shown}, which is a guess{others}: --encoding names another"


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


def _unicode(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        shown = encoding.upper().rpartition("-")[0]
        raise DataError(f"{name}: expected text in UTF-8, UTF-16 or Windows-1252, found broken {shown}") from error
