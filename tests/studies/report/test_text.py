"""Text of reports: harmless, and numbers in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.files.printable import printable
from merc.studies.report.text import counted, listed, number, p_value, percent, points, shortened, signed, spread
from merc.studies.results import Estimate


@given(st.text(alphabet=st.characters(codec=None)))
def test_what_is_shown_is_one_line_that_can_be_written(text):
    line = printable(text)
    assert line.isprintable() or not set(line) & set("\n\r\t\x00\x1b\u202e\u2066\u200f")
    line.encode("utf-8")
    assert printable(line) == line
    assert len(line.splitlines()) <= 1


def test_a_long_name_loses_its_middle():
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcdef…ijk"
    assert len(shortened("x" * 500, 26)) == 26


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (number(1234.567), "1,234.57"),
        (number(-0.001), "0.00"),
        (number(-1.5, 1), "−1.5"),
        (number(None), "–"),
        (signed(0.004), "0.00"),
        (signed(0.006), "+0.01"),
        (signed(-2.0), "−2.00"),
        (percent(0.1234), "12.3"),
        (percent(None), "–"),
        (points(-0.0123), "−1.23"),
        (p_value(0.0009), "<\u00a00.001"),
        (p_value(0.0012), "0.001"),
        (p_value(None), "–"),
        (spread(Estimate(mean=0.5, sd=None, values=(0.5,)), 1, 100), "50.0"),
        (spread(Estimate(mean=0.5, sd=0.1, values=(0.4, 0.6)), 1, 100), "50.0 (10.0)"),
        (spread(None), "–"),
        (listed([]), ""),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
        (counted(1, "arm"), "1 arm"),
        (counted(1200, "arm"), "1,200 arms"),
    ],
)
def test_numbers_and_words_have_one_form(found, expected):
    assert found == expected
