"""A table before it is HTML or Markdown: words, numbers as text, and what stands out."""

from __future__ import annotations

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
        text: any characters; whoever writes the table escapes them.
        tone: colours a verdict, which stands there in words too.
        heat: from 0 to 1, how deep the cell is shaded; None is not shaded.
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
    """One row: its heading, which stands in the first column, the other cells, and whether it stands out."""

    heading: str
    cells: tuple[Cell, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        caption: what it holds, in which unit.
        columns: the first one heads the rows.
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


def cells(*texts: str) -> tuple[Cell, ...]:
    """Plain cells."""
    return tuple(Cell(text) for text in texts)


def arm_label(arm: ArmSummary) -> str:
    """An arm's name as tables show it."""
    return "CMATH" if arm.kind == "cmath" else arm.name


def tone_of(difference: Difference | None) -> Tone:
    """The tone of CMATH's verdict."""
    if difference is None:
        return ""
    return "better" if difference.verdict == "better" else "worse" if difference.verdict == "worse" else "open"


def verdict_cell(difference: Difference | None) -> Cell:
    """CMATH's verdict: a sign, the words, a tone."""
    if difference is None:
        return Cell(NOTHING)
    tone = tone_of(difference)
    return Cell(f"{_SIGNS[tone]}{difference.verdict}", tone)


def part_cell(difference: Difference | None) -> Cell:
    """What the verdict over an ablation says of the part that it lacks."""
    if difference is None:
        return Cell(NOTHING)
    tone = tone_of(difference)
    words = {"better": "earns its place", "worse": "costs"}.get(tone, difference.verdict)
    return Cell(f"{_SIGNS[tone]}{words}", tone)
