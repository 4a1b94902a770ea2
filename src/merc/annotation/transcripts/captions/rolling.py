"""Captions that roll or grow, as programs write that caption while people speak: every word is read once.

Such cues show again what the one before showed, from one of its lines on: a line is taken over while the next appears below it, or
the last line grows by words. Conversions repeat whole cues for some milliseconds. Styled subtitles show the same words at the same
time on several layers (outline, glow, text), and what is converted from them has them twice as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.sentences import MAX_CHARACTERS, MAX_DURATION, MAX_GAP, ends_in_mark

# All [chosen].
_LEAST_PAIRS = 2  # of cues of which the second takes over something of the first and shows more, where a file rolls
_LEAST_SHARE = 0.5  # of such pairs, among those that follow on one another and don't just repeat
_LEAST_RUN = 3  # such pairs on end roll in a file that else does not
_MOMENT = 0.05  # s; what is shown again for so long is no speech
_MOST_LINES = 5  # that a display takes over
_NEW_TURN = re.compile(r"[-‐–—>\[(（【]|[^\s:：]{1,40}(?: [^\s:：]{1,40}){0,5}[:：]")


@dataclass(frozen=True, slots=True)
class _Overlap:
    """What a cue takes over from the one before.

    Attributes:
        words: how many of its first words.
        more: whether it shows others below them, or has lost lines above them.
        grown: whether the last of these words has grown, such as `har` to `harbour`.
        same_line: whether new words stand in the line of the last word that is taken over.
    """

    words: int
    more: bool
    grown: bool
    same_line: bool


def read_once(cues: Sequence[Cue], timed_words: bool = False) -> list[Cue]:
    """The cues without what they repeat of the one before, where they roll, and without the same words at the same time.

    Args:
        cues: in the file's order, without mark-up.
        timed_words: whether the file gives words times of their own, as only what captions while people speak does: there a single
            pair is enough, whatever time lies between.
    """
    cues = _on_one_layer(cues)
    overlaps = [_overlap(*pair) if _follows(*pair, timed_words) else None for pair in pairwise(cues)]
    if not any(overlaps):
        return cues
    rolling = _rolling(cues, overlaps, timed_words)
    result: list[Cue] = list(cues[:1])
    for before, cue, overlap, rolls in zip(cues, cues[1:], overlaps, rolling, strict=False):
        if overlap is None or not rolls:
            result.append(cue)
            continue
        said, new = result[-1], _without(cue, overlap)
        if overlap.grown:
            kept = said.text.rstrip()
            said = replace(said, text=kept[: max(kept.rfind(" "), kept.rfind("\n")) + 1].rstrip())
        if not new.text:
            repeated = cue.text == before.text and _duration(cue) <= _MOMENT and _adjoin(said, cue)
            result[-1] = replace(said, end=cue.end) if repeated else said
        elif _continues(said, new, overlap):
            blank = " " if overlap.same_line else "\n"
            result[-1] = replace(said, text=f"{said.text}{blank}{new.text}".strip(), end=cue.end)
        else:
            result[-1:] = [said, new] if said.text else [new]
    return result


def _on_one_layer(cues: Sequence[Cue]) -> list[Cue]:
    """The cues without those that have the words, the speaker and the times of an earlier one."""
    seen: set[tuple[float, float | None, str | None, str]] = set()
    result: list[Cue] = []
    for cue in cues:
        if cue.start is not None:
            shown = (cue.start, cue.end, cue.speaker, cue.text)
            if cue.text and shown in seen:
                continue
            seen.add(shown)
        result.append(cue)
    return result


def _follows(before: Cue, cue: Cue, timed_words: bool) -> bool:
    """Whether the second may show the first's words again: it stands next in time, and begins as a line of the first does."""
    if before.start is None or cue.start is None or before.speaker != cue.speaker or not (before.text and cue.text):
        return False
    if not timed_words and not (_adjoin(before, cue) and cue.start >= before.start):
        return False
    head = cue.text[: min(2, len(before.text))]
    return before.text.startswith(head) or ("\n" in before.text and head[:1] in before.text[before.text.index("\n") :])


def _overlap(before: Cue, cue: Cue) -> _Overlap | None:
    words = cue.text.split()
    lines = [found for line in before.text.split("\n") if (found := line.split())]
    first_lines = [0, *range(max(1, len(lines) - _MOST_LINES), len(lines))]
    for first in first_lines:
        shown = [word for line in lines[first:] for word in line]
        count = len(shown)
        if count > len(words) or words[: count - 1] != shown[:-1] or not words[count - 1].startswith(shown[-1]):
            continue
        grown = words[count - 1] != shown[-1]
        if grown and count == 1:
            continue  # a word by itself is hardly the beginning of another
        return _Overlap(count, count < len(words) or first > 0, grown, _same_line(cue.text, count))
    return None


def _same_line(text: str, count: int) -> bool:
    """Whether the word of that number, counted from 1, is followed by another in its line."""
    for line in text.split("\n"):
        count -= len(line.split())
        if count <= 0:
            return count < 0
    return False


def _rolling(cues: Sequence[Cue], overlaps: Sequence[_Overlap | None], timed_words: bool) -> list[bool]:
    """Of each pair that overlaps, whether it does so because captions roll."""
    more = sum(overlap is not None and overlap.more for overlap in overlaps)
    repeated = sum(overlap is not None and not overlap.more for overlap in overlaps)
    adjoining = sum(_adjoin(*pair) for pair in pairwise(cues))
    whole = timed_words or (more >= _LEAST_PAIRS and more >= _LEAST_SHARE * (adjoining - repeated))
    if whole:
        return [overlap is not None for overlap in overlaps]
    result: list[bool] = []
    run: list[_Overlap] = []
    for overlap in [*overlaps, None]:
        if overlap is not None:
            run.append(overlap)
            continue
        rolls = sum(one.more for one in run) >= _LEAST_RUN
        result += [rolls] * len(run) + [False]
        run = []
    result = result[: len(overlaps)]
    moments = ((overlap is not None and not overlap.more) for overlap in overlaps)
    for number, repeats in enumerate(moments):
        if repeats and min(_duration(cues[number]), _duration(cues[number + 1])) <= _MOMENT:
            result[number] = True
    return result


def _without(cue: Cue, overlap: _Overlap) -> Cue:
    """The cue without the words that are taken over; one that has grown is new."""
    count = overlap.words - overlap.grown
    lines = cue.text.split("\n")
    for number, line in enumerate(lines):
        words = line.split(maxsplit=count) if count else [line]
        if count == 0 or len(words) > count:
            rest = words[count:] if count else [line]
            return replace(cue, text="\n".join([*rest, *lines[number + 1 :]]).strip())
        count -= len(words)
    return replace(cue, text="")


def _continues(before: Cue, new: Cue, overlap: _Overlap) -> bool:
    """Whether the new words belong to the turn of those before: they stand in its line, or below it amid a sentence."""
    if before.start is None or new.end is None or new.end - before.start > MAX_DURATION:
        return False
    if not _adjoin(before, new):
        return False
    if len(before.text) + len(new.text) >= MAX_CHARACTERS:
        return False
    return overlap.same_line or overlap.grown or not (ends_in_mark(before.text) or _NEW_TURN.match(new.text))


def _adjoin(before: Cue, cue: Cue) -> bool:
    return before.end is not None and cue.start is not None and cue.start - before.end <= MAX_GAP


def _duration(cue: Cue) -> float:
    return 0.0 if cue.start is None or cue.end is None else cue.end - cue.start
