"""Escapes characters of foreign text that would move a terminal's cursor or change a page's direction of writing, and what UTF-8
can't hold: the bytes of file names that are not UTF-8, which Python reads as halves of surrogate pairs.
"""

from __future__ import annotations

import re

# Control characters, marks that turn the direction of writing, line separators, halves of surrogate pairs, what XML refuses.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\ufffe\uffff]")
_ESCAPED = re.compile(r"\\(\\|u[dD][89a-fA-F][0-9a-fA-F]{2})")
_BLANK = {"\t": " ", "\n": " ", "\r": " "}


def printable(text: str) -> str:
    """The text in one line: tabs and line ends as spaces, other characters that steer what is shown as their escapes."""
    return _UNPRINTABLE.sub(lambda match: _BLANK.get(match[0]) or match[0].encode("unicode_escape").decode(), text)


def encodable(text: str) -> str:
    """The text with halves of surrogate pairs as their escapes, such as `\\udcff`."""
    return text.encode("utf-8", "backslashreplace").decode()


def escape_path(path: str) -> str:
    """The path as a text that UTF-8 can hold and `unescape_path` reads back: as `encodable` gives it, backslashes doubled."""
    return encodable(path.replace("\\", "\\\\"))


def unescape_path(text: str) -> str:
    """The path that `escape_path` was given."""
    return _ESCAPED.sub(lambda match: "\\" if match[1] == "\\" else chr(int(match[1][1:], 16)), text)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, printable; its type where it has no message."""
    return printable(next(iter(str(error).strip().splitlines()), type(error).__name__))
