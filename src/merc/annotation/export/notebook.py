"""A result as notebooks show it: a compact table without script or style of its own."""

from __future__ import annotations

import textwrap

from markupsafe import Markup

from merc.annotation.export.timeline import clock
from merc.annotation.result import Result
from merc.files.printable import printable

_ROWS = 50  # utterances that are shown
_WORDS = 200  # characters of each


def notebook_table(result: Result) -> str:
    """HTML: a row an utterance with time, speaker, words, emotion and its probability; all texts are escaped."""
    row, rows = Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"), Markup("")
    for u in result.utterances[:_ROWS]:
        time = "" if u.start is None else clock(u.start)
        rows += row.format(time, _short(u.speaker), _short(u.words), _short(u.emotion), f"{u.probabilities[u.emotion]:.2f}")
    heads = Markup("<th>time</th><th>speaker</th><th>words</th><th>emotion</th><th>probability</th>")
    count = len(result.utterances)
    rest = Markup("<caption>{} of {} utterances</caption>").format(_ROWS, count) if count > _ROWS else ""
    return str(Markup("<table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(rest, heads, rows))


def _short(text: str | None) -> str:
    return printable(textwrap.shorten(text or "", _WORDS, placeholder=" …"))
