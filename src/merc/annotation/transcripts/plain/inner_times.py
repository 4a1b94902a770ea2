"""Times in brackets amid the words of a turn, as programs for qualitative analysis want them: each begins a piece of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.plain.clock import Clock

_INNER = re.compile(r"\[(\d{1,3}:\d{2}:\d{2}(?:[.,]\d{1,3})?)\](?:\s?-\s)?")


def cut_at_times(cues: Sequence[Cue], clock: Clock) -> tuple[Cue, ...]:
    """The cues, those that begin with a time cut before the times amid their words."""
    result: list[Cue] = []
    for cue in cues:
        found = list(_INNER.finditer(cue.text)) if cue.start is not None and "[" in cue.text else []
        if not found:
            result.append(cue)
            continue
        starts = [cue.start, *(clock.seconds(match[1]) for match in found)]
        edges = [0, *(match.end() for match in found)]
        stops = [*(match.start() for match in found), len(cue.text)]
        pieces = [
            replace(cue, text=cue.text[edge:stop], start=start, end=None)
            for start, edge, stop in zip(starts, edges, stops, strict=True)
        ]
        result += [piece for piece in pieces if piece.text.strip()]
    return tuple(result)
