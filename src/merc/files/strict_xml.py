"""XML of other hands: no document type, and so no entity of its own and nothing that lies outside the file; nothing deep."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from merc.errors import DataError
from merc.files.printable import printable

MOST_NESTED = 100  # elements within one another [chosen]


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree; refuses what a document of data has no need of."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.depth = name, 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise DataError(f"{self.name}: a document type (<!DOCTYPE {printable(name)}>), which is not read; remove it")

    def start(self, tag: Any, attrs: Any, /) -> Element:
        self.depth += 1
        if self.depth > MOST_NESTED:
            raise DataError(f"{self.name}: XML nested too deep; at most {MOST_NESTED} elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self.depth -= 1
        return super().end(tag)


def parse_xml(text: str, name: str) -> Element:
    """The root of an XML document; tags and attributes have their namespaces before them, as ElementTree writes them.

    Raises:
        DataError: not well formed, with a document type, or nested too deep.
    """
    parser = ElementTree.XMLParser(target=_Builder(name))
    try:
        # What is text already has no encoding, whatever the declaration says: the parser is given characters.
        parser.feed(text.lstrip("\ufeff \t\n"))
        return parser.close()
    except ElementTree.ParseError as error:
        raise DataError(f"{name}: not valid XML: {printable(str(error))}") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{name}: not valid XML: half of a surrogate pair") from error


def local_name(tag: str) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2]
