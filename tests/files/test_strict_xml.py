"""XML from strangers: what it may not do, and in which encoding it is read."""

import pytest

from merc.annotation.transcripts.annotation_files.exmaralda import read_exb
from merc.errors import DataError
from merc.files.encoding import decode
from merc.files.strict_xml import parse_xml
from steps import in_proportion


def test_elements_may_not_be_deep_for_who_says_so():
    text = "<a>" * 40 + "</a>" * 40
    assert parse_xml(text, "x", "a", "a file").tag == "a"
    with pytest.raises(DataError, match=r"^x, line 1: elements deeper than 30; expected a file$"):
        parse_xml(text, "x", "a", "a file", comments=True, deepest=30)


@pytest.mark.parametrize("encoding", ["punycode", "zlib", "unicode_escape", "nonsense"])
def test_encodings_that_are_none_of_text_do_not_count(encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>\\u00e9</a>'
    assert decode(text.encode(), "x").text == text


def test_a_declaration_that_is_wrong_gives_way_to_what_can_be_read():
    text = '<?xml version="1.0" encoding="ascii"?><a>é</a>'
    assert decode(text.encode(), "x").text == text


def test_entities_of_xml_are_read_and_others_are_told():
    assert parse_xml("<a>&lt;&amp;&#233;</a>", "x", "a", "a file").text == "<&é"
    with pytest.raises(DataError, match=r"^x, line 1: expected a file, found broken XML: undefined entity$"):
        parse_xml("<a>&eacute;</a>", "x", "a", "a file")


@pytest.mark.parametrize("tag", ["tier", "event", "tli"])
def test_elements_within_one_another_take_steps_in_proportion(tag):
    def read_many(count):
        body = f"<{tag} type='t' start='x' end='y'>" * count + f"</{tag}>" * count
        read_exb(f"<basic-transcription><basic-body>{body}</basic-body></basic-transcription>", "x")

    assert in_proportion(read_many, 20, "merc.")


def test_names_are_as_written_or_with_their_namespaces():
    text = '<?xml version="1.0"?>\n<a:x xmlns:a="urn:a" a:k="1" j="2"><y xmlns="urn:y"/></a:x>'
    plain = parse_xml(text, "x", "a:x", "a file")
    assert (plain.tag, plain[0].tag) == ("a:x", "y") and plain.attrib["a:k"] == "1"
    spaced = parse_xml(text, "x", "x", "a file", namespaces=True)
    assert (spaced.tag, spaced[0].tag, spaced.attrib) == ("{urn:a}x", "{urn:y}y", {"{urn:a}k": "1", "j": "2"})


def test_the_line_of_a_fault_counts_from_the_files_first():
    with pytest.raises(DataError, match=r"^x, line 4: expected a file, found broken XML"):
        parse_xml("\n\n<a>\n<b></a>", "x", "a", "a file")


def test_an_encoding_of_strangers_that_is_none_of_text_is_not_tried():
    text = '<?xml version="1.0" encoding="{}"?><a>é</a>'
    assert decode(text.format("iso-8859-15").encode("iso-8859-15"), "x").warnings == ()
    found = decode(text.format("punycode").encode("cp1252"), "x")
    assert "é" in found.text and "which is a guess" in found.warnings[0]
