"""Text of reports: foreign strings made harmless to read, and numbers in one form throughout.

Escaping for HTML or Markdown is another matter and happens where a page is written.
"""

from __future__ import annotations

from merc.evaluation.statistics import Difference
from merc.files.printable import printable
from merc.studies.results import Estimate

NOTHING = "–"
_MINUS = "−"
_SMALLEST_P = 0.001  # below it, three decimals say nothing more


def shortened(text: str, length: int) -> str:
    """The text, shown, in at most `length` characters: what is too long loses its middle."""
    line = printable(text)
    if len(line) <= length:
        return line
    head = (length - 1) * 2 // 3
    return f"{line[:head]}…{line[len(line) - (length - 1 - head) :]}"


def number(value: float | None, decimals: int = 2) -> str:
    """A number with a fixed count of decimals and a real minus sign; zero has no sign."""
    return NOTHING if value is None else f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", _MINUS)


def signed(value: float | None, decimals: int = 2) -> str:
    """As `number`, with a plus sign before what is above zero."""
    return ("+" if value is not None and round(value, decimals) > 0 else "") + number(value, decimals)


def percent(share: float | None, decimals: int = 1) -> str:
    """A share of 1 as a number of per cent, without the sign."""
    return number(None if share is None else 100 * share, decimals)


def points(difference: float | None, decimals: int = 2) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return signed(None if difference is None else 100 * difference, decimals)


def interval(difference: Difference | None) -> str:
    """The 95 % interval in percentage points."""
    return NOTHING if difference is None else f"{points(difference.low)} to {points(difference.high)}"


def spread(estimate: Estimate | None, decimals: int = 2, scale: int = 1) -> str:
    """Mean and, in parentheses, the standard deviation over seeds; one seed has none. A scale of 100 writes shares in per cent."""
    if estimate is None:
        return NOTHING
    mean = number(scale * estimate.mean, decimals)
    return mean if estimate.sd is None else f"{mean} ({number(scale * estimate.sd, decimals)})"


def p_value(p: float | None) -> str:
    """Three decimals, or that it is smaller than they can show."""
    return NOTHING if p is None else f"< {_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.3f}"


def listed(names: list[str]) -> str:
    """Words as a sentence lists them: `a, b and c`."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def counted(count: int, noun: str) -> str:
    """`1 rival`, `4 rivals`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
