"""Numbers of lines and pages, as records of courts, conversation analysis and programs for qualitative analysis print them."""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"[^\S\n]*(\d{1,5})[.)]?(?:[^\S\n]+(\S[^\n]*)?)?")
_PAGE_OF = re.compile(
    r"^[^\S\n]*(?:page|seite|página|pagina)[^\S\n]\d{1,5}[^\S\n](?:of|von|de|di|sur|van)[^\S\n]\d{1,5}[^\S\n]*$", re.I | re.M
)
_BEGINS_WITH_TIME = re.compile(r"[\[(]?\d{1,3}:\d{2}")
_PAGE = re.compile(r"\s*(?:page|seite)\s\d{1,5}(?:\s(?:of|von)\s\d{1,5})?\s*", re.IGNORECASE)
# All [chosen].
_SHARE = 0.8  # of the lines, that are numbered
_LEAST = 3  # lines
_LATEST = 999  # number of the first line: later ones are years
_PAGE_LINES = 10  # at least, of a page whose numbers begin anew on the next one


def without_line_numbers(text: str) -> str:
    """The text without the numbers that count its lines, throughout or page by page; the text itself where they don't.

    A number with nothing behind that does not count is that of a page, and goes with its line.
    """
    text = _without_counts_over_times(_PAGE_OF.sub("", text))
    lines = text.split("\n")
    given = [line for line in lines if line.strip()]
    begins = [line for line in given if line.lstrip()[0].isdigit()]
    if len(begins) < _LEAST or len(begins) < _SHARE * len(given):
        return text
    counted = _counted(given)
    if counted is None:
        return text
    kept = iter(counted)
    return "\n".join(next(kept) if line.strip() else line for line in lines)


def _without_counts_over_times(text: str) -> str:
    """The text without lines that count those with times below them, as subtitles have them."""
    lines = text.split("\n")
    counts = [
        place
        for place, line in enumerate(lines[:-1])
        if line.strip().isdecimal() and _BEGINS_WITH_TIME.match(lines[place + 1].lstrip()) is not None
    ]
    numbers = [int(lines[place].strip()[:9]) for place in counts]
    if len(numbers) < 2 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return text
    dropped = set(counts)
    return "\n".join("" if place in dropped else line for place, line in enumerate(lines))


def _counted(lines: list[str]) -> list[str] | None:
    """What stands behind the numbers; None where they do not count the lines."""
    found = [_NUMBERED.fullmatch(line) for line in lines]
    said = [match[2] or "" for match in found if match is not None]
    if sum(match is not None for match in found) < _SHARE * len(lines) or 2 * sum(map(bool, said)) < len(said):
        return None
    if any("\t" in rest for rest in said):
        return None  # columns, of which the numbers are one
    result: list[str] = []
    before: int | None = None
    for place, match in enumerate(found):
        if match is None:
            result.append("" if _PAGE.fullmatch(lines[place]) else lines[place])
            continue
        number, rest = int(match[1]), match[2] or ""
        following = next((int(later[1]) for later in found[place + 1 :] if later is not None), None)
        if before is None:
            counts = number <= _LATEST and (bool(rest) or following == number + 1)
        else:
            counts = number == before + 1 or (number <= 1 and before >= _PAGE_LINES)
        if not counts and rest:
            return None
        before = number if counts else before
        result.append(rest if counts else "")
    return result if before is not None else None
