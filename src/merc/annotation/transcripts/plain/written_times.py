"""Times that are not written as a clock shows them: `00m03s`, `(00h00m03s)`, `[3'20"]`; and times written twice."""

from __future__ import annotations

import re

_SPELT = r"(?:(\d{1,2})\s?h\s?)?(\d{1,3})\s?m(?:in)?\s?(\d{1,2})\s?s"
_BEGINS = re.compile(rf"^([^\S\n]*){_SPELT}(?=[\s:])", re.MULTILINE)
_BRACKETED = re.compile(rf"(?<=[\[(])()(?:{_SPELT}|(\d{{1,3}})['′’](\d{{2}})[\"″”]?)(?=[\])])")
_SAID = re.compile(r"\d{1,2} (?:hour|minute|second)s?(?:, \d{1,2} (?:minute|second)s?){0,2}")  # as YouTube's page says them
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")
_SHARE = 0.5  # of the lines, that begin so where that is a time [chosen]
_BRACKETED_SHARE = 0.2  # of the lines, likewise, where it stands in brackets [chosen]


def with_clock_times(text: str) -> str:
    """The text with such times as a clock shows them, and without those that say again what the line above shows."""
    if "second" in text:
        text = _without_said_times(text)
    lines = sum(map(bool, map(str.strip, text.split("\n"))))
    for pattern, share in ((_BRACKETED, _BRACKETED_SHARE), (_BEGINS, _SHARE)):
        found = sum(1 for _ in pattern.finditer(text))
        if found > 1 and found >= share * lines:
            text = pattern.sub(_clock, text)
    return text


def _clock(match: re.Match[str]) -> str:
    indent, hours, minutes, seconds, *short = match.groups()
    if minutes is None:
        minutes, seconds = short
    return f"{indent}{int(hours or 0):02}:{int(minutes):02}:{int(seconds):02}"


def _without_said_times(text: str) -> str:
    kept: list[str] = []
    before = ""
    for line in text.split("\n"):
        said = line.strip()
        if not (_SAID.fullmatch(said) and _CLOCK.fullmatch(before)):
            kept.append(line)
        before = said
    return "\n".join(kept)
