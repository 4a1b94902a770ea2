"""The lines of a plain text, without the mark-up that note-taking programs put around them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from merc.annotation.transcripts.words import without_markup

_BOLD = re.compile(r"\*{2,4}(?=[^\s*])([^*\n]{1,300})\*{2,4}|(?<!\w)__(?=[^\s_])([^_\n]{1,300})__(?!\w)")
_ITALIC = re.compile(r"\*(?=\S)([^*\n]{1,500})\*|_(?=\S)([^_\n]{1,500})_")
_ITALIC_NAME = re.compile(r"[*_](?=[^\s*_])([^*_\n:：]{1,60})(?:([:：])[*_]|[*_]([:：]))(?=\s)")
_HEADING = re.compile(r"#{1,6}\s+")
_ANCHOR = re.compile(r"\s{0,5}\{#[^{}\n]{1,80}\}$")
_ESCAPED = re.compile(r"\\([-_*#.\[\]()>!])")  # as Markdown is exported
_NUMBERED = re.compile(r"(\d{1,5})[.):]\s+(?=\S)")
_BULLETS = "-*•–—"
_RULE = re.compile(r"[-=_*~–—.\s]{3,}")
_QUOTED = re.compile(r"(?:>\s?){1,5}(?=\S)")
_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(?:[^\n]*\n){1,60}?---[^\S\n]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank.

    Attributes:
        text: without blanks around it and without emphasis.
        apart: whether it is the first or a heading, or a blank line, a heading or a drawn rule stands before it.
        heading: whether it is one of Markdown.
        bold: whether it begins in Markdown's bold.
        raw: as it stands in the file.
    """

    text: str
    apart: bool
    heading: bool = False
    bold: bool = False
    raw: str = ""


def read_lines(text: str) -> tuple[list[Line], list[str]]:
    """The lines of a text, and those of the front matter that note-taking programs put before it."""
    front = _FRONT_MATTER.match(text)
    skipped: list[str] = []
    if front is not None:
        skipped = [line.strip() for line in front[0].split("\n") if line.strip("- \t")]
        text = text[front.end() :]
    marked = any(character in text for character in "<{&")
    quoted = _is_quoted(text)
    lines: list[Line] = []
    apart = True
    for raw in text.split("\n"):
        line = raw.strip(" \t\r\f\v\u00a0\ufeff\u200b")
        if marked and line:
            line = without_markup(line).strip()
        if not line or (line[0] in "-=_*~–—." and _RULE.fullmatch(line)):
            apart = True
            continue
        heading = bold = False
        if quoted and line[0] == ">":
            line = _QUOTED.sub("", line, count=1)
        if line[0] == "#" and (match := _HEADING.match(line)) is not None and match.end() < len(line):
            heading, line = True, _ANCHOR.sub("", line[match.end() :]).strip()
        if "**" in line or "__" in line or line[0] in "*_" or ("\\" in line and line[0] != "\\"):
            bold = line.startswith(("**", "__"))
            line = _without_emphasis(line)
        if line:
            lines.append(Line(line, apart or heading, heading, bold, raw))
            apart = heading
    return _without_numbers(lines), skipped


def _without_numbers(lines: list[Line]) -> list[Line]:
    """The lines without the bullets that begin them all, or the numbers that count them: `- Ann: Hi`, `1. Ann: Hi`."""
    if len(lines) < 2:
        return lines
    if lines[0].text[0] in _BULLETS and all(line.text[0] == lines[0].text[0] and line.text[1:2].isspace() for line in lines):
        return [replace(line, text=line.text[1:].strip()) for line in lines]
    if not lines[0].text[0].isdigit():
        return lines
    matches = [_NUMBERED.match(line.text) for line in lines]
    numbers = [int(match[1]) for match in matches if match is not None]
    if len(numbers) < len(lines) or any(second != first + 1 for first, second in pairwise(numbers)):
        return lines
    return [replace(line, text=line.text[match.end() :]) for line, match in zip(lines, matches, strict=True) if match is not None]


def _without_emphasis(line: str) -> str:
    line = _BOLD.sub(lambda match: match[1] or match[2], line)
    name = _ITALIC_NAME.match(line)
    if name is not None:
        line = f"{name[1]}{name[2] or name[3]}{line[name.end() :]}"
    whole = _ITALIC.fullmatch(line)
    return _ESCAPED.sub(r"\1", line if whole is None else whole[1] or whole[2]).strip()


def _is_quoted(text: str) -> bool:
    """Whether `>` begins each line, as mail and Markdown quote; `>>` before a new speaker stands only before some."""
    return text.startswith(">") and all(line.startswith(">") for line in text.split("\n") if line.strip())
