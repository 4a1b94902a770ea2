"""What another person says within somebody's turn: `We waited //B: mhm// for hours`, `We waited (B: mhm) for hours`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.plain.names import MOST_CHARACTERS

_WITHIN = re.compile(
    rf"//\s?([^:/()\[\]\n]{{1,{MOST_CHARACTERS}}}):\s?([^/\n]{{1,300}}?)\s?//"
    rf"|[(\[]\s?([^:/()\[\]\n]{{1,{MOST_CHARACTERS}}}):\s?([^()\[\]\n]{{1,300}}?)\s?[)\]]"
)


def with_overlaps(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """The cues, each followed by what others say within it, at its time; only those who have turns of their own are believed."""
    speakers = {cue.speaker for cue in cues if cue.speaker is not None}
    result: list[Cue] = []
    for cue in cues:
        found = [match for match in _WITHIN.finditer(cue.text) if _name(match) in speakers] if ":" in cue.text else []
        if not found:
            result.append(cue)
            continue
        edges = [0, *(edge for match in found for edge in match.span()), len(cue.text)]
        own = " ".join(cue.text[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True))
        if own.strip():
            result.append(replace(cue, text=own))
        result += [replace(cue, text=match[2] or match[4], speaker=_name(match)) for match in found]
    return tuple(result)


def _name(match: re.Match[str]) -> str:
    return (match[1] or match[3]).strip()
