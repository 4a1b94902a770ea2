"""Word documents, `.docx`: their paragraphs and tables in order as plain text, which the layouts of plain text read.

python-docx opens the file and gives its body's elements, but its `text` leaves out what is in content controls and what was
inserted while changes were tracked: both are said as much as the rest, so that the text is taken from the elements here.
Without python-docx, the reader raises ImportError.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from merc.annotation.transcripts.cues import CueList
from merc.annotation.transcripts.plain.layouts import read_plain
from merc.errors import DataError
from merc.files.printable import first_line
from merc.files.validation import shorten

_MOST_UNPACKED = 536_870_912  # bytes [chosen: python-docx unpacks the whole file into memory]
_MOST_NESTED = 20  # tables within one another [chosen]
_OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # of .doc, and of what is encrypted
_NAMESPACE = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SHOWN = {f"{_NAMESPACE}tab": "\t", f"{_NAMESPACE}br": "\n", f"{_NAMESPACE}cr": "\n", f"{_NAMESPACE}noBreakHyphen": "-"}
# Deleted words, the second form of what two generations of Word draw, text boxes and comments are not of the text's flow.
_PASSED_OVER = frozenset({
    f"{_NAMESPACE}del", f"{_NAMESPACE}moveFrom", f"{_NAMESPACE}txbxContent", f"{_NAMESPACE}pPr", f"{_NAMESPACE}rPr",
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
})  # fmt: skip


def read_word_document(data: bytes, name: str) -> CueList:
    """The turns of a `.docx` file, by the layout of its text.

    Raises:
        DataError: no Word document, a damaged one, one that is too large unpacked, or no text in it.
    """
    text = document_text(data, name)
    if not text.strip():
        raise DataError(f"{name}: expected words in a Word document, found none")
    return read_plain(text, name)


def document_text(data: bytes, name: str) -> str:
    """The body of a `.docx` file: a line a paragraph, a line a row of a table with tabs between its cells.

    Raises:
        DataError: see `read_word_document`.
    """
    import docx

    if data.startswith(_OLD_WORD):
        raise DataError(f"{name}: expected a Word document, found one of the old kind (.doc), or with a password; save it as .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
                raise DataError(f"{name}: more than {_MOST_UNPACKED // 2**20} MB unpacked; a transcript is smaller")
        body: Any = docx.Document(io.BytesIO(data)).element.body
    except DataError:
        raise
    except Exception as error:  # python-docx documents none of what lxml, zipfile and itself raise on damaged files
        raise DataError(
            f"{name}: expected a Word document, found a file that can't be read as one: {shorten(first_line(error))}"
        ) from error
    return "\n".join(_blocks(body, 0, name))


def _blocks(parent: Any, depth: int, name: str) -> Iterator[str]:
    """The paragraphs and rows of a part of the document."""
    for child in parent:
        if child.tag == f"{_NAMESPACE}p":
            yield _paragraph(child)
        elif child.tag == f"{_NAMESPACE}tbl":
            if depth >= _MOST_NESTED:
                raise DataError(f"{name}: more than {_MOST_NESTED} tables within one another; a transcript has fewer")
            yield ""
            for row in child.iter(f"{_NAMESPACE}tr"):
                if next(row.iterancestors(f"{_NAMESPACE}tbl")) is child:
                    yield _row(row, depth + 1, name)
            yield ""
        elif child.tag in (f"{_NAMESPACE}sdt", f"{_NAMESPACE}sdtContent", f"{_NAMESPACE}ins", f"{_NAMESPACE}moveTo"):
            yield from _blocks(child, depth, name)


def _row(row: Any, depth: int, name: str) -> str:
    """A row's cells with tabs between them; a single cell, as of layouts in one column, keeps its lines."""
    cells = [cell for cell in row.iter(f"{_NAMESPACE}tc") if next(cell.iterancestors(f"{_NAMESPACE}tr")) is row]
    texts = ["\n".join(_blocks(cell, depth, name)).strip("\n") for cell in cells]
    return texts[0] if len(texts) == 1 else "\t".join(" ".join(text.split()) for text in texts)


def _paragraph(paragraph: Any) -> str:
    pieces: list[str] = []
    pending = [iter(paragraph)]
    while pending:
        child = next(pending[-1], None)
        if child is None:
            pending.pop()
        elif child.tag == f"{_NAMESPACE}t":
            pieces.append(child.text or "")
        elif child.tag in _SHOWN:
            pieces.append(_SHOWN[child.tag])
        elif child.tag not in _PASSED_OVER:
            pending.append(iter(child))
    return "".join(pieces)
