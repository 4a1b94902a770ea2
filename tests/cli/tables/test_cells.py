"""Cells: no foreign text steers the terminal, and numbers have one form."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from merc.cli.tables.cells import add_row, decimal, new_table, percent
from merc.files.printable import printable


@given(st.text())
def test_printable_text_is_one_line_without_control_characters(text):
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)
    shown.encode()  # no half of a surrogate pair


@given(st.text(alphabet=st.characters(categories=("L", "M", "N", "P", "S"))))
def test_letters_of_all_scripts_stay(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a b c"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("👩‍🚀 é 漢", "👩‍🚀 é 漢"),
    ],
)
def test_printable_by_example(text, shown):
    assert printable(text) == shown


def test_numbers():
    assert [percent(0.12345), percent(None), decimal(0.5), decimal(None)] == ["12.3", "–", "0.50", "–"]


def test_a_table_shows_markup_and_emoji_codes_as_they_are():
    table = new_table("[bold]title[/bold]", ("[red]words", "number"))
    add_row(table, "[link=https://x]:smile:\x1b]0;x\x07", 3)
    stream = io.StringIO()
    Console(file=stream, width=100, force_terminal=True, color_system=None).print(table)
    for word in ("[bold]title[/bold]", "[red]words", "[link=https://x]:smile:\\x1b]0;x\\x07"):
        assert word in stream.getvalue()
    assert "\x07" not in stream.getvalue()
