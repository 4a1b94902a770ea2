"""Cells of tables: numbers in one form throughout, and foreign text that can neither move the cursor nor be read as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from merc.files.printable import printable

NOTHING = "–"


def percent(share: float | None) -> str:
    """A share of 1 as a number of percent with one decimal, as the field writes scores."""
    return NOTHING if share is None else f"{100 * share:.1f}"


def decimal(value: float | None) -> str:
    """Two decimals."""
    return NOTHING if value is None else f"{value:.2f}"


def new_table(title: str, columns: Sequence[str], rows: Iterable[Iterable[object]] = (), *, words: int = 1) -> Table:
    """A table.

    Args:
        title: stands above it.
        columns: their headings.
        rows: the cells of each row (see `add_row`).
        words: how many of the first columns hold words; the others hold numbers and are set to the right.
    """
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, heading in enumerate(columns):
        table.add_column(Text(printable(heading)), justify="left" if position < words else "right", overflow="fold")
    for row in rows:
        add_row(table, *row)
    return table


def add_row(table: Table, *cells: object, style: str | None = None) -> None:
    """One row. Cells are shown as they are: no markup, no control characters."""
    table.add_row(*(Text(printable(str(cell))) for cell in cells), style=style)
