"""XML from strangers: a tree of elements, and nothing else that XML can do.

The standard library's own parser expands entities, which a few lines of a document type can make as large as memory. A file with a
document type is refused therefore: no annotation tool writes one. Expat then knows only the five entities of XML.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import cast
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from merc.errors import DataError
from merc.files.encoding import Decoded, decode

_DECLARED = re.compile(rb"\A(?:\xef\xbb\xbf)?<\?xml[^>]{1,100}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z][\w.\-]{0,40})[\"']")

# What text is written in; Python knows other encodings, some of which take long.
_TEXTS = ("utf-8", "utf-16", "iso8859", "cp", "mac", "ascii", "koi8", "gb", "big5", "shift_jis", "euc")
_DEEPEST = 30  # elements within one another; annotation files have seven


def decode_xml(data: bytes, name: str) -> Decoded:
    """The text of an XML file in the encoding that its declaration names; without one, or if that can't be, as any other file's.

    Raises:
        DataError: see `merc.files.encoding.decode`.
    """
    found = _DECLARED.match(data)
    if found is not None and not data.startswith(codecs.BOM_UTF8):
        try:
            encoding = codecs.lookup(found[1].decode()).name
            text = data.decode(encoding) if encoding.startswith(_TEXTS) else None
        except (LookupError, UnicodeError, ValueError):
            text = None
        if text is not None and text.startswith("<?xml") and "\0" not in text:
            return Decoded(text.replace("\r\n", "\n").replace("\r", "\n"))
    return decode(data, name)


def parse_xml(text: str, name: str, root: str, what: str, comments: bool = False) -> Element:
    """The root element.

    Args:
        text: of the file; what encoding it names no longer matters.
        name: of the file, for errors.
        root: the tag that the root must have.
        what: the file should be, for errors.
        comments: keep those within the root.

    Raises:
        DataError: no XML, another root, or a document type; the message names the line.
    """
    builder = TreeBuilder(insert_comments=comments)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    depth = 0

    def comment(content: str) -> None:
        if depth:
            cast("Callable[[str], Element]", builder.comment)(content)

    def refuse(*_: object) -> None:
        raise DataError(f"{name}, line {parser.CurrentLineNumber}: a document type, which {what} does not have; it is not read")

    parser.StartDoctypeDeclHandler = refuse
    if comments:

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > _DEEPEST:
                raise DataError(f"{name}, line {parser.CurrentLineNumber}: elements deeper than {_DEEPEST}; expected {what}")
            builder.start(tag, attributes)

        def end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            builder.end(tag)

        parser.StartElementHandler, parser.EndElementHandler, parser.CommentHandler = start, end, comment
    try:
        parser.Parse(text.encode("utf-8", errors="replace"), True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "unreadable")
        raise DataError(f"{name}, line {error.lineno}: expected {what}, found broken XML: {reason}") from error
    found = builder.close()
    if found.tag != root:
        raise DataError(f"{name}: expected {what}, whose first element is {root}; found {found.tag[:40]}")
    return found
