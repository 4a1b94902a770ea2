"""Texts without a mark in other encodings than UTF-8: right words, and a warning that names the guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.errors import DataError
from merc.files.encoding import check_encoding, decode
from merc.files.encoding_guess import guessed_encoding

# Encodings, and what is said in one or two captions.
SAID = [
    ("gb2312", "水车又转了。\n我们修了一年，终于好了。"),
    ("gb18030", "老磨坊在河边。\n今天下雨。"),
    ("big5", "水車又轉了。\n我們修了一年，終於好了。"),
    ("shift_jis", "水車がまた回った。\n一年かけて直したんだ。"),
    ("euc_jp", "水車がまた回った。\n一年かけて直したんだ。"),
    ("euc_kr", "물레방아가 다시 돌아요.\n우리가 일 년 동안 고쳤어요."),
    ("cp1251", "Колесо снова крутится.\nМы чинили его целый год."),
    ("cp1251", "Колесо знову крутиться.\nМи лагодили його цілий рік, і ось воно їде."),
    ("cp1251", "Точак се поново окреће.\nПоправљали смо га годину дана, ђаволе."),
    ("koi8_r", "Колесо снова крутится.\nМы чинили его целый год."),
    ("cp1250", "Koło znów się kręci.\nNaprawialiśmy je cały rok, aż zaczęło działać."),
    ("cp1250", "Kolo se zase točí.\nOpravovali jsme ho celý rok, než se rozběhlo."),
    ("cp1250", "A kerék újra forog.\nEgy évig javítottuk, míg végül működött, őszintén."),
    ("iso8859_2", "Koło znów się kręci.\nNaprawialiśmy je cały rok, aż zaczęło działać."),
    ("cp1252", "Das Rad dreht sich wieder.\nWir haben es ein Jahr lang repariert – für die Mühle, mit großer Mühe."),
    ("cp1252", "La roue tourne à nouveau.\nNous l’avons réparée, c’était très difficile."),
    ("cp1252", "La rueda gira otra vez.\n¿Quién la arregló? ¡Nosotros, el año pasado!"),
    ("cp1252", "Hjulet går igen.\nDet tog oss ett år att laga, så är det."),
    ("cp1252", "José, Zoë, Björn and François Müller said: “It’s turning – at last.”\nYes, señor, the café was Ærø’s."),
    ("cp1252", "It’s turning again – at last."),
    ("cp1253", "Ο τροχός γυρίζει ξανά.\nΤον φτιάχναμε έναν χρόνο."),
    ("cp1254", "Çark yine dönüyor.\nOnu bir yılda onardık, şimdi çalışıyor, ağabey."),
    ("cp1255", "הגלגל מסתובב שוב.\nתיקנו אותו שנה שלמה."),
    ("cp1256", "العجلة تدور من جديد.\nأصلحناها في سنة كاملة."),
    ("cp874", "กังหันหมุนอีกครั้ง\nเราซ่อมมันมาทั้งปี"),
    ("mac_roman", "La roue tourne à nouveau.\nNous l’avons réparée, c’était très difficile."),
    ("mac_roman", "Das Rad dreht sich wieder.\nWir mussten es für die Mühle reparieren, schön groß."),
]


def captions(said):
    return "".join(f"{i}\n00:00:0{i},000 --> 00:00:0{i},900\n{line}\n\n" for i, line in enumerate(said.split("\n"), 1))


@pytest.mark.parametrize(("encoding", "said"), SAID)
def test_captions_are_read_with_a_warning(encoding, said):
    found = decode(captions(said).encode(encoding), "a.srt")
    assert found.text == captions(said)
    (warning,) = found.warnings
    assert warning.startswith("the file is not UTF-8, and read as ") and warning.endswith(": --encoding names another")


@pytest.mark.parametrize(("encoding", "said"), SAID)
def test_the_named_encoding_is_taken_without_a_warning(encoding, said):
    found = decode(said.encode(encoding), "a.srt", encoding=encoding)
    assert (found.text, found.warnings) == (said, ())


def test_the_warning_names_what_so_little_text_may_be_as_well():
    (warning,) = decode("caf\xe9".encode("cp1252"), "a.txt").warnings
    assert warning.startswith("the file is not UTF-8, and read as Windows-1252, which is a guess")
    (warning,) = decode("Düşün".encode("cp1254"), "a.txt").warnings
    assert "so little text may be Windows-1254 as well" in warning or "read as Windows-1254" in warning


def test_what_an_xml_declaration_names_is_believed():
    text = '<?xml version="1.0" encoding="{}"?><p>Koło żółte</p>'
    found = decode(text.format("iso-8859-2").encode("iso8859_2"), "a.xml")
    assert (found.text, found.warnings) == (text.format("iso-8859-2"), ())
    assert decode(text.format("windows-1250").encode("utf-8"), "a.xml").text == text.format("windows-1250")
    assert decode(text.format("nonsense").encode("cp1250"), "a.xml").warnings


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf_32_is_read_by_its_mark(encoding):
    text = "水車 turns\r\nagain"
    mark = {"utf-32-le": b"\xff\xfe\0\0", "utf-32-be": b"\0\0\xfe\xff"}.get(encoding, b"")
    assert decode(mark + text.encode(encoding), "a.srt").text == "水車 turns\nagain"
    with pytest.raises(DataError, match=r"^a\.srt: expected text in UTF-8, UTF-16 or Windows-1252, found broken UTF-32$"):
        decode(b"\xff\xfe\0\0a", "a.srt")


def test_a_wrong_name_of_an_encoding_is_told():
    with pytest.raises(DataError, match=r"^encoding 'klingon' is not known; allowed are those that Python knows, such as utf-8"):
        check_encoding("klingon")
    with pytest.raises(DataError, match=r"^encoding 'base64' is not known"):
        check_encoding("base64")
    with pytest.raises(DataError, match=r"^a\.srt, line 2: not a text in utf-8, as which it was to be read$"):
        decode(b"Hi\ncaf\xe9", "a.srt", encoding="utf-8")


@given(st.binary(max_size=200))
def test_any_bytes_have_one_guess_or_none(data):
    guess = guessed_encoding(data)
    assert guess == guessed_encoding(data)
    if guess is not None:
        assert guess.shown
        assert guess.shown not in guess.others
