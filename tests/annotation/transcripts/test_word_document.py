"""Word documents: their paragraphs and tables in order, and what Word keeps beside the words."""

import io
import sys
import zipfile

import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given
from hypothesis import strategies as st

from merc.annotation.transcripts import word_document
from merc.annotation.transcripts.reading import read_transcript
from merc.annotation.transcripts.word_document import document_text
from merc.errors import DataError, MissingExtraError


def saved(document):
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def written(*paragraphs):
    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    return saved(document)


def turns(data):
    return [(turn.speaker, turn.words, turn.start, turn.end) for turn in read_transcript(io.BytesIO(data), "talk.docx").utterances]


def element(text):
    """An element of WordprocessingML, with the name spaces that it uses."""
    return text.replace(">", f" {nsdecls('w')} xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'>", 1)


def test_teams_writes_name_time_and_words_into_one_paragraph():
    data = written(
        "Kiln_20260105-Meeting Recording",
        "Ada Roth   0:04\nWho lit the kiln?",
        "Ben Orr   0:07\nI did.\nAt noon.",
        "Ada Roth   0:09\nOh.",
    )
    assert turns(data) == [
        ("Ada Roth", "Who lit the kiln?", 4, 7),
        ("Ben Orr", "I did. At noon.", 7, 9),
        ("Ada Roth", "Oh.", 9, None),
    ]


def test_teams_writes_times_over_names():
    data = written("0:0:4.0 --> 0:0:6.50\nAda Roth\nWho lit the kiln?", "0:0:7.0 --> 0:0:8.0\nBen Orr\nI did.")
    assert turns(data) == [("Ada Roth", "Who lit the kiln?", 4, 6.5), ("Ben Orr", "I did.", 7, 8)]


def test_names_in_bold_runs_are_names():
    document = Document()
    for name, words in (("Ada Roth", "Who lit the kiln?"), ("Ben Orr", "I did.")):
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{name}: ").bold = True
        paragraph.add_run(words)
    assert turns(saved(document)) == [("Ada Roth", "Who lit the kiln?", None, None), ("Ben Orr", "I did.", None, None)]


def test_rows_of_a_table_are_turns_amid_paragraphs():
    document = Document()
    document.add_paragraph("The kiln")
    table = document.add_table(rows=0, cols=3)
    for cells in (
        ("00:04", "Ada", "Who lit\nthe kiln?"),
        ("00:07", "Ben", "I did."),
        ("00:09", "Ada", "Oh."),
        ("00:10", "Ben", "Yes."),
    ):
        for cell, text in zip(table.add_row().cells, cells, strict=True):
            cell.text = text
    assert turns(saved(document)) == [
        ("Ada", "Who lit the kiln?", 4, 7),
        ("Ben", "I did.", 7, 9),
        ("Ada", "Oh.", 9, 10),
        ("Ben", "Yes.", 10, None),
    ]


def test_text_stands_in_the_documents_order():
    document = Document()
    document.add_paragraph("one\ttwo")
    inner = document.add_table(rows=1, cols=1).cell(0, 0)
    inner.text = "three\nfour"
    inner.add_table(rows=1, cols=2).cell(0, 1).text = "five"
    document.add_paragraph("six")
    assert document_text(saved(document), "talk.docx").split() == ["one", "two", "three", "four", "five", "six"]
    assert document_text(saved(document), "talk.docx").startswith("one\ttwo\n")


@pytest.mark.parametrize(
    "content",
    [
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>Ada: Hi.</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        "<w:p><w:ins w:id='1' w:author='x'><w:r><w:t>Ada: Hi.</w:t></w:r></w:ins></w:p>",
        "<w:p><w:r><w:t>Ada: Hi</w:t></w:r><w:del w:id='1' w:author='x'><w:r><w:delText> there</w:delText></w:r></w:del>"
        "<w:r><w:t>.</w:t></w:r></w:p>",
        "<w:p><w:sdt><w:sdtContent><w:r><w:t>Ada: Hi.</w:t></w:r></w:sdtContent></w:sdt></w:p>",
        "<w:p><w:hyperlink><w:r><w:t>Ada: Hi.</w:t></w:r></w:hyperlink></w:p>",
        "<w:p><w:smartTag w:element='x'><w:r><w:t>Ada: Hi.</w:t></w:r></w:smartTag></w:p>",
        "<w:p><w:r><mc:AlternateContent><mc:Choice Requires='x'><w:t>Ada: Hi.</w:t></mc:Choice>"
        "<mc:Fallback><w:t>Ada: Hi.</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    ],
)
def test_what_word_wraps_is_said_and_what_is_deleted_is_not(content):
    document = Document()
    document.element.body.insert(0, parse_xml(element(content)))
    assert turns(saved(document)) == [("Ada", "Hi.", None, None)]


def refusal(data):
    with pytest.raises(DataError) as error:
        read_transcript(io.BytesIO(data), "talk.docx")
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def test_what_is_no_word_document_is_told(monkeypatch):
    assert "found a file that can't be read as one" in refusal(b"Ada: Hi.")
    assert ".doc" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 100)
    assert refusal(written("", " ")) == "talk.docx: expected words in a Word document, found none"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("word/document.xml", "<a/>")
    assert "found a file that can't be read as one" in refusal(archive.getvalue())
    monkeypatch.setattr(word_document, "_MOST_UNPACKED", 2**20)
    assert refusal(written("a" * 2**20)) == "talk.docx: more than 1 MB unpacked; a transcript is smaller"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(MissingExtraError, match=r"^reading talk\.docx needs the optional extra 'annotate'"):
        read_transcript(io.BytesIO(written("Ada: Hi.")), "talk.docx")


@given(st.integers(0, 40_000), st.integers(0, 255))
def test_one_changed_byte_gives_a_transcript_or_one_line_of_error(place, byte):
    data = bytearray(SAMPLE)
    data[place % len(data)] = byte
    try:
        assert read_transcript(io.BytesIO(bytes(data)), "talk.docx").utterances
    except DataError as error:
        assert "\n" not in str(error)


SAMPLE = written("Ada Roth: Who lit the kiln?", "Ben Orr: I did.")
