"""A table before it is HTML or Markdown: columns, text of cells, and what stands out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from merc.evaluation.statistics import Difference
from merc.studies.report.text import NOTHING
from merc.studies.results import ArmSummary

Tone = Literal["", "better", "worse", "open"]
_SIGNS: dict[Tone, str] = {"": "", "better": "▲ ", "worse": "▼ ", "open": "○ "}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        text: any characters; the page and the Markdown file escape them.
        tone: colours a verdict, which the text says in words too.
        heat: depth of the shading, from 0 to 1; None is not shaded.
    """

    text: str
    tone: Tone = ""
    heat: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        heading: over it.
        words: whether it holds words, set to the left, or numbers.
        group: heading over several columns, if any.
        long: whether it holds whole sentences.
    """

    heading: str
    words: bool = False
    group: str = ""
    long: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its heading, which is the cell of the first column, the other cells, and whether it stands out."""

    heading: str
    cells: tuple[Cell, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        caption: what it holds, in which unit.
        columns: the first one holds the headings of the rows.
        rows: each with a cell for every column but the first.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        assert all(len(row.cells) == len(self.columns) - 1 for row in self.rows), self.caption

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Headings over the columns behind the first, each with the count of columns that it spans; empty if there are none."""
        if not any(column.group for column in self.columns):
            return ()
        return tuple((name, len(list(group))) for name, group in groupby(column.group for column in self.columns[1:]))


def new_table(caption: str, first: str, columns: Iterable[Column | str], rows: Iterable[Row]) -> Table:
    """A table whose first column has the heading `first`; a plain string is the heading of a column of numbers."""
    others = (Column(column) if isinstance(column, str) else column for column in columns)
    return Table(caption, (Column(first, words=True), *others), tuple(rows))


def new_row(heading: str, cells: Iterable[Cell | str], strong: bool = False) -> Row:
    """A row; a string is a plain cell."""
    return Row(heading, tuple(Cell(cell) if isinstance(cell, str) else cell for cell in cells), strong)


def arm_row(arm: ArmSummary, cells: Iterable[Cell | str]) -> Row:
    """The row of an arm; CMATH's stands out."""
    return new_row(arm_label(arm), cells, arm.kind == "cmath")


def arm_table(
    caption: str,
    columns: Iterable[Column | str],
    arms: Iterable[ArmSummary],
    cells_of: Callable[[ArmSummary], Iterable[Cell | str]],
) -> Table:
    """A table with one row for each arm; `columns` are those behind the arm's name."""
    return new_table(caption, "arm", columns, (arm_row(arm, cells_of(arm)) for arm in arms))


def arm_label(arm: ArmSummary) -> str:
    """An arm's name as tables show it."""
    return "CMATH" if arm.kind == "cmath" else arm.name


def tone_of(difference: Difference | None) -> Tone:
    """The tone of CMATH's verdict."""
    if difference is None:
        return ""
    return "open" if difference.verdict == "no difference shown" else difference.verdict


def verdict_cell(difference: Difference | None, better: str = "better", worse: str = "worse") -> Cell:
    """CMATH's verdict: a sign, words, a tone."""
    if difference is None:
        return Cell(NOTHING)
    tone = tone_of(difference)
    words = {"better": better, "worse": worse}.get(tone, difference.verdict)
    return Cell(_SIGNS[tone] + words, tone)
