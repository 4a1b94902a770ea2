"""CSV from many hands: encodings, headers, numbers, times, and complaints that name file and row."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.data.formats.csv_table import CsvTable, read_csv, read_header
from merc.errors import DataError
from merc.files.encoding import repair_quotes


def written(folder, data, name="table.csv"):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_one_text_in_four_encodings(tmp_path, encoding):
    text = "speaker,text\nZoë,“it’s” – café…\n"
    assert read_csv(written(tmp_path, text.encode(encoding)), ()).columns == {"speaker": ["Zoë"], "text": ["“it’s” – café…"]}


def test_broken_utf8_is_not_taken_for_windows_1252(tmp_path):
    path = written(tmp_path, "a\nit’s\nca".encode() + b"\xe9\n")
    with pytest.raises(DataError, match=r"table\.csv, line 3: broken UTF-8"):
        read_csv(path, ())


def test_bytes_of_no_encoding_are_named(tmp_path):
    with pytest.raises(DataError, match="line 2: a zero byte"):
        read_csv(written(tmp_path, "a\nb\0c\n".encode("utf-8-sig")), ())
    with pytest.raises(DataError, match="broken UTF-16"):
        read_csv(written(tmp_path, b"\xff\xfea"), ())
    with pytest.raises(DataError, match="can't be read: Is a directory"):
        read_csv(tmp_path, ())


def test_quotes_are_repaired_and_all_else_kept():
    assert repair_quotes("It\x92s \x93so\x94\x85 \x97 caf\xe9 \x81") == "It’s “so”… — café \x81"


@given(st.text())
def test_repair_changes_control_characters_only(text):
    repaired = repair_quotes(text)
    assert len(repaired) == len(text)
    assert all(a == b or "\x80" <= a <= "\x9f" for a, b in zip(text, repaired, strict=True))
    assert repair_quotes(repaired) == repaired


def test_rows_are_numbered_as_a_spreadsheet_does(tmp_path):
    table = read_csv(written(tmp_path, 'a,b\r\n1,"x\r\ny"\r\n\r\n3,\r\n'), ("a", "b"))
    assert table.numbers == (2, 4)
    assert table.columns == {"a": ["1", "3"], "b": ["x\ny", ""]}
    with pytest.raises(DataError, match=r"table\.csv, row 4: column 'b' is empty"):
        table.texts("b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is empty: expected a header with the columns a, b"),
        ("a,c\n1,2\n", "row 1: no column 'b'; needed: a, b; found: a, c"),
        ("a,b,a\n1,2,3\n", "row 1: column 'a' occurs more than once"),
        ("a,b\n1,2\n1,2,3\n", "row 3: 3 fields, the header has 2"),
        ("a,b\n1\n", "row 2: 1 fields, the header has 2"),
        ('a,b\n1,"x"y\n', "row 2: not valid CSV"),
        ('a,b\n1,2\n1,"x\n', "row 3: not valid CSV: unexpected end of data"),
    ],
)
def test_broken_tables_are_named(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_csv(written(tmp_path, text), ("a", "b"))


def column(tmp_path, *fields):
    return CsvTable(tmp_path / "t.csv", tuple(range(2, 2 + len(fields))), {"x": fields})


def test_numbers_and_gaps(tmp_path):
    array = column(tmp_path, "1.5", "", " nan ", "-2e3").features(["x"])
    np.testing.assert_array_equal(array, np.array([[1.5], [math.nan], [math.nan], [-2000]], np.float32))
    for wrong in ("one", "inf", "-Infinity", "1e39", "1,5"):
        with pytest.raises(DataError, match=r"t\.csv, row 3: column 'x' is '.*'; allowed is a finite number"):
            column(tmp_path, "1", wrong).features(["x"])


def test_counts(tmp_path):
    assert column(tmp_path, "0", " 12 ").counts("x") == [0, 12]
    for wrong in ("-1", "1.0", "²", "1" * 12):
        with pytest.raises(DataError, match=r"row 3: column 'x' is .*; allowed is a whole number from 0"):
            column(tmp_path, "1", wrong).counts("x")


def test_times(tmp_path):
    table = column(tmp_path, "00:16:16,059", "0:12:43.5", "12.25", "", "100:00:01")
    assert table.seconds("x") == [976.059, 763.5, 12.25, None, 360001.0]
    for wrong in ("1:2", "-1", "nan", "inf", "00:61:00", "soon"):
        with pytest.raises(DataError, match=r"row 2: column 'x' is .*; allowed are seconds, or 00:16:16,059"):
            column(tmp_path, wrong).seconds("x")


@given(st.integers(0, 99 * 3600 * 1000))
def test_clock_times_are_the_nearest_float_to_the_milliseconds(tmp_path_factory, milliseconds):
    seconds, rest = divmod(milliseconds, 1000)
    field = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{rest:03d}"
    assert column(tmp_path_factory.getbasetemp(), field).seconds("x") == [milliseconds / 1000]


def test_a_header_is_read_without_raising(tmp_path):
    assert read_header(written(tmp_path, "\ufeffa, b\n1,2\n")) == ("a", "b")
    assert read_header(tmp_path / "gone.csv") == ()
    assert read_header(written(tmp_path, b"\x80\x02\0")) != ("a",)
