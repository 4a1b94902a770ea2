"""Sentences that a file shows piece by piece, put together again: an utterance is judged as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from merc.annotation.transcripts.cues import Cue

# All [chosen].
MAX_GAP = 0.5  # s between two pieces; in a longer one somebody has paused
MAX_OVERLAP = 0.1  # s; what overlaps more is said at the same time, by somebody else
MAX_DURATION = 30.0  # s of a sentence
MAX_CHARACTERS = 400  # of a sentence
_ENDS = tuple(".!?…\"”’»'」』。！？؟۔।")
_CLOSING = ")]*_ "


def joined(cues: Sequence[Cue]) -> list[Cue]:
    """Cues in order of time, those that go on with the sentence of the one before joined to it."""
    result: list[Cue] = []
    for cue in cues:
        if result and _goes_on(result[-1], cue):
            before = result[-1]
            assert before.end is not None and cue.end is not None
            result[-1] = replace(before, text=f"{before.text} {cue.text}", end=max(before.end, cue.end))
        else:
            result.append(cue)
    return result


def _goes_on(before: Cue, cue: Cue) -> bool:
    if before.start is None or before.end is None or cue.start is None or cue.end is None:
        return False
    return (
        not cue.begins
        and (before.speaker, before.channel) == (cue.speaker, cue.channel)
        and -MAX_OVERLAP <= cue.start - before.end < MAX_GAP
        and cue.end - before.start <= MAX_DURATION
        and len(before.text) + 1 + len(cue.text) <= MAX_CHARACTERS
        and not before.text.rstrip(_CLOSING).endswith(_ENDS)
    )
