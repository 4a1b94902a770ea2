"""CHAT in a plain text, whole or a piece of it without its head: `*MOT: what is that ?`, with `%mor:` lines below."""

from __future__ import annotations

import re

from merc.annotation.transcripts.annotation_files.chat import read_chat
from merc.annotation.transcripts.plain.layout import PlainText, Reading

_OF_CHAT = re.compile(r"\*[A-Z0-9][A-Za-z0-9]{0,6}:[\t ]|%[a-z]{2,7}:[\t ]|@[A-Z]")
_LEAST = 2  # lines that somebody says
_SHARE = 0.8  # of the lines that begin at the margin [chosen]


def read_chat_lines(text: PlainText) -> Reading | None:
    """The turns of a text whose lines are CHAT's."""
    raw = [line.raw for line in text.lines]
    if sum(line.startswith("*") for line in raw) < _LEAST:
        return None
    margin = [line for line in raw if not line[:1].isspace()]
    if sum(_OF_CHAT.match(line) is not None for line in margin) < _SHARE * len(margin):
        return None
    found = read_chat("\n".join(line for line in raw if line[:1].isspace() or _OF_CHAT.match(line) is not None), text.name)
    return Reading(found.cues, 1.0, (), found.warnings)
