"""XML from strangers: what it may not do, and in which encoding it is read."""

import pytest

from merc.annotation.transcripts.annotation_files.exmaralda import read_exb
from merc.annotation.transcripts.annotation_files.safe_xml import decode_xml, parse_xml
from merc.errors import DataError
from steps import in_proportion


def test_elements_that_are_written_again_may_not_be_deep():
    text = "<a>" * 40 + "</a>" * 40
    assert parse_xml(text, "x", "a", "a file").tag == "a"
    with pytest.raises(DataError, match=r"^x, line 1: elements deeper than 30; expected a file$"):
        parse_xml(text, "x", "a", "a file", comments=True)


@pytest.mark.parametrize("encoding", ["punycode", "zlib", "unicode_escape", "nonsense"])
def test_encodings_that_are_none_of_text_do_not_count(encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>\\u00e9</a>'
    assert decode_xml(text.encode(), "x").text == text


def test_a_declaration_that_is_wrong_gives_way_to_what_can_be_read():
    text = '<?xml version="1.0" encoding="ascii"?><a>é</a>'
    assert decode_xml(text.encode(), "x").text == text


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
