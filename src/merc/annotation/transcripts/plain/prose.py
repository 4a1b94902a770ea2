"""Text of no layout: each line is a turn, nobody's."""

from __future__ import annotations

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.files.printable import printable
from merc.files.validation import shorten

_SHOWN = 3  # lines that the warning shows


def read_prose(text: PlainText) -> Reading:
    """Each line as a turn, with a warning that says so."""
    shown = " | ".join(shorten(printable(line.text)) for line in text.lines[:_SHOWN])
    warning = f"no layout of a transcript fits: each line is read as a turn, without speaker and times, the first as: {shown}"
    return Reading(tuple(Cue(line.text) for line in text.lines), 0.0, (), (warning,))
