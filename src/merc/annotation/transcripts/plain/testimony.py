"""Records of courts, in which `Q.` and `A.` stand for who asks and who answers, without a colon.

Q.   Where were you on the night of the 12th?
A.   I was at the harbour.
     MS. ROSS:  Objection, Your Honor.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from merc.annotation.transcripts.plain.lines import Line

_ASKED = re.compile(r"([QA])(?:\.\s+|\s{2,}|\t)(?=\S)")
_NOT_SAID = re.compile(
    r"""(?:(?:VOIR|DIRE|DIRECT|CROSS|REDIRECT|RECROSS|RE|FURTHER|CONTINUED)[ -])*EXAMINATION
        (?:\s\(.{1,40}\))?(?:\sBY\s.{1,60})?[:.]?
    | (?:EXAMINATION\s)?BY\s(?:MR|MS|MRS|MISS|DR|THE|ATTORNEY)\b.{1,60}[:.]
    | \([^()]{1,300}\)
    | /{2,10}""",
    re.VERBOSE,
)
# All [chosen].
_LEAST = 2  # questions, and answers
_SHARE = 0.15  # of the lines, that begin so
_ALTERNATE = 0.5  # of them, that follow on one of the other kind


def with_named_sides(lines: Sequence[Line]) -> tuple[list[Line], list[str]]:
    """The lines with `Q:` and `A:` where the file is such a record, and what nobody said; else the lines as they are."""
    found = [_ASKED.match(line.text) for line in lines]
    sides = [match[1] for match in found if match is not None]
    if min(sides.count("Q"), sides.count("A")) < _LEAST or len(sides) < _SHARE * len(lines):
        return list(lines), []
    if sum(first != second for first, second in pairwise(sides)) < _ALTERNATE * (len(sides) - 1):
        return list(lines), []
    kept: list[Line] = []
    dropped: list[str] = []
    for line, match in zip(lines, found, strict=True):
        if match is not None:
            kept.append(replace(line, text=f"{match[1]}: {line.text[match.end() :]}"))
        elif _NOT_SAID.fullmatch(line.text):
            dropped.append(line.text)
        else:
            kept.append(line)
    return kept, dropped
