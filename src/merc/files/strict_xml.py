"""XML of other hands: a tree of elements, and nothing else that XML can do.

The standard library's own parser expands entities, which a few lines of a document type can make as large as memory. A file with a
document type is refused therefore: no program of this field writes one. Expat then knows only the five entities of XML, and nothing
outside the file is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten


def parse_xml(
    text: str, name: str, root: str, what: str, *, namespaces: bool = False, comments: bool = False, deepest: int | None = None
) -> Element:
    """The root element.

    Args:
        text: of the file; what encoding it names no longer matters.
        name: of the file, for errors.
        root: the name that the root must have, without its namespace.
        what: the file should be, for errors.
        namespaces: tags and attributes have their namespaces before them, as `{namespace}name`; else they are as they are written.
        comments: keep those within the root.
        deepest: elements within one another, for who follows them by recursion; None sets no limit.

    Raises:
        DataError: no XML, another root, a document type, or elements too deep; the message names the line.
    """
    builder = TreeBuilder(insert_comments=comments)
    parser = expat.ParserCreate("utf-8", "}" if namespaces else None)
    parser.buffer_text = True
    parser.CharacterDataHandler = builder.data
    stripped = text.lstrip("\ufeff \t\n")  # a declaration must come first
    before = text.count("\n", 0, len(text) - len(stripped))
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if deepest is not None and depth > deepest:
            raise DataError(f"{name}, line {before + parser.CurrentLineNumber}: elements deeper than {deepest}; expected {what}")
        builder.start(_spelt(tag), {_spelt(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_spelt(tag))

    def comment(content: str) -> None:
        if depth:
            cast("Callable[[str], Element]", builder.comment)(content)

    def refuse(*_: object) -> None:
        line = before + parser.CurrentLineNumber
        raise DataError(f"{name}, line {line}: a document type, which {what} does not have; it is not read")

    parser.StartDoctypeDeclHandler = refuse
    if namespaces or comments or deepest is not None:
        parser.StartElementHandler, parser.EndElementHandler = start, end
        if comments:
            parser.CommentHandler = comment
    else:  # at the speed of C
        parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    try:
        parser.Parse(stripped.encode("utf-8", errors="replace"), True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, "unreadable")
        raise DataError(f"{name}, line {before + error.lineno}: expected {what}, found broken XML: {reason}") from error
    found = builder.close()
    if (tag := local_name(found.tag)) != root:
        raise DataError(f"{name}: expected {what}, whose first element is {root}; found {shorten(printable(tag))}")
    return found


def local_name(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]


def _spelt(name: str) -> str:
    """A name as ElementTree writes it: expat leaves out the first brace of a namespace."""
    return f"{{{name}" if "}" in name else name
