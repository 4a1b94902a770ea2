"""What a layout is given and what it gives: all lines of a file, and how it reads them if they have its shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.plain.clock import Clock
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import Mark, mark, with_times_after_colons


@dataclass(frozen=True, slots=True)
class Reading:
    """How a layout reads a file that has its shape.

    Attributes:
        cues: in the file's order.
        explained: share of the lines that have a place in the layout; the layout that explains most is believed.
        left_out: lines that are no speech, as read.
        warnings: a sentence each.
    """

    cues: tuple[Cue, ...]
    explained: float
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class PlainText:
    """A file's lines, between its front matter and its foot, and what each shows."""

    def __init__(self, name: str, lines: Sequence[Line]) -> None:
        self.name = name
        self.lines = lines

    @cached_property
    def marks(self) -> list[Mark]:
        """What each line shows."""
        return with_times_after_colons([mark(line) for line in self.lines])

    @cached_property
    def clock(self) -> Clock:
        """How times are read, by all times that the lines show."""
        return Clock(time for each in self.marks if each.start is not None for time in (each.start, each.end))


class Turns:
    """The turns of a file as they grow, line by line."""

    def __init__(self) -> None:
        self._heads: list[tuple[str | None, float | None, float | None]] = []
        self._words: list[str] = []

    def begin(self, words: str, speaker: str | None = None, start: float | None = None, end: float | None = None) -> None:
        """A turn begins, with or without its first words."""
        self._heads.append((speaker, start, end))
        self._words.append(words)

    def go_on(self, words: str) -> None:
        """A line belongs to the turn that began last, or to nobody's if none did."""
        if not self._heads:
            self.begin(words)
        else:
            before = self._words[-1]
            self._words[-1] = f"{before}\n{words}" if before else words

    def cues(self) -> list[Cue]:
        """All turns that hold anything."""
        return [Cue(words, *head) for head, words in zip(self._heads, self._words, strict=True) if words]


def in_order(times: Sequence[float | None]) -> float:
    """The share of times that are not before the one before them; 1 of fewer than two."""
    known = [time for time in times if time is not None]
    return sum(first <= second for first, second in pairwise(known)) / (len(known) - 1) if len(known) > 1 else 1.0
