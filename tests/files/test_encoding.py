"""Bytes to text: marks, guesses, and what is left where nothing fits."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.errors import DataError
from merc.files.encoding import Decoded, decode

SOME = "Grüße, Зоя – 你好!\nJa.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_and_without_a_mark(encoding):
    assert decode(SOME.encode(encoding), "a.txt") == Decoded(SOME)


def test_a_big_endian_mark_is_read():
    assert decode(codecs.BOM_UTF16_BE + SOME.encode("utf-16-be"), "a.txt") == Decoded(SOME)


def test_all_line_ends_become_line_feeds():
    assert decode(b"a\r\nb\rc\nd\r\r\ne", "a.txt").text == "a\nb\nc\nd\n\ne"


def test_what_is_not_utf_8_is_windows_1252():
    assert decode("Café “no” – 5 €".encode("cp1252"), "a.txt") == Decoded(
        "Café “no” – 5 €", ("the file is not UTF-8, and read as Windows-1252, which is a guess: --encoding names another",)
    )


def test_a_pair_that_happens_to_be_utf_8_does_not_make_a_file_utf_8():
    assert decode("Ã© café déjà".encode("cp1252"), "a.txt").text == "Ã© café déjà"


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_bytes_that_windows_1252_leaves_open_are_latin_1(byte):
    assert decode(b"fa\xe7ade \xe7\xe0 " + bytes([byte]), "a.txt").text == f"façade çà {chr(byte)}"


def test_utf_8_with_a_broken_byte_stays_utf_8():
    assert decode("Grüße und Küsse".encode() + b"\xff!", "a.txt") == Decoded(
        "Grüße und Küsse\ufffd!", ("the file is UTF-8 but for 1 place, which can't be read",)
    )


def test_a_mark_makes_it_utf_8_however_broken():
    found = decode(codecs.BOM_UTF8 + b"\xe9\xe9\xe9 caf\xe9", "a.txt")
    assert found.text.count("\ufffd") == 4 - found.text.count("é")
    assert found.warnings == ("the file is UTF-8 but for 4 places, which can't be read",)


@pytest.mark.parametrize("data", [b"a\0b", b"\0\0\0\0", b"ab\0\0cd", codecs.BOM_UTF16_LE + b"a", codecs.BOM_UTF8 + b"a\0"])
def test_zeros_that_no_text_holds_are_refused_in_one_line(data):
    with pytest.raises(DataError, match=r"^a\.txt(: expected text in UTF-8|, line 1: a zero byte)"):
        decode(data, "a.txt")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff")))
def test_any_text_in_utf_8_is_read_back(text):
    assert decode(text.encode(), "a.txt") == Decoded(text)


@given(st.binary())
def test_any_bytes_are_text_or_one_line_of_error_and_always_the_same(data):
    try:
        assert decode(data, "a.txt") == decode(data, "a.txt")
    except DataError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "Ann: hello\r\nBo: hm\r\n",
        "Анна: привет\nБор: да\n",
        "张三：你好，今天怎么样\n李四：很好\n",
        "שלום לך\n",
        "あ：元気\u3000です\nい：はい\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_told_by_regular_zeros(text, encoding):
    assert decode(text.encode(encoding), "a.txt").text == text.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "data",
    [
        b"Ann: hi!\nBo: \0m\n",  # of even length: as UTF-16 it would be Chinese
        b"Ann: hi\0",
        "Ann: Grüße\nBo: hm, ja\0\n".encode(),
        b"caf\xe9 au lait\nBo: what did you say to her\0\n",
        b"Ann: hi\nBo: hm\n" + bytes(500),
    ],
    ids=["stray", "last", "utf-8", "windows-1252", "padding"],
)
def test_stray_zeros_do_not_make_a_text_utf_16(data):
    with pytest.raises(DataError, match=r"^a\.txt, line \d: a zero byte; expected a text file$"):
        decode(data, "a.txt")
