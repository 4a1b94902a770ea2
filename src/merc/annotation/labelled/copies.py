"""Whether two files of one conversation say the same, as the formats do that annotation writes at once.

They do if each utterance of the one is in the other, with its speaker, words and labels, and with times that differ by a
millisecond or less: tiers have whole ones. Utterances without time or words, which tiers can't hold, may be in one file alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from merc.annotation.labelled.transcript import LabelledFile, LabelledTranscript
from merc.annotation.transcripts.transcript import offset_of, speaker_of
from merc.annotation.transcripts.words import clean
from merc.files.printable import printable
from merc.files.validation import shorten

_SAME_TIME = 0.001 + 1e-6  # s
_NO_LABEL = "no label"


@dataclass(frozen=True, slots=True)
class _Said:
    """What a file says of one utterance, as far as formats agree on it."""

    start: float | None
    end: float | None
    speaker: str
    words: str
    labels: tuple[str, ...]

    @property
    def time(self) -> tuple[float, float]:
        """For sorting."""
        return (-math.inf if self.start is None else self.start, -math.inf if self.end is None else self.end)

    def label(self) -> str:
        return " and ".join(shorten(repr(printable(label))) for label in self.labels) or _NO_LABEL

    def place(self) -> str:
        if self.start is None or self.end is None:
            return f"at {shorten(repr(printable(self.words)))}"
        return f"at {self.start:.2f} to {self.end:.2f} s"

    def exactly(self) -> str:
        return "no time" if self.start is None or self.end is None else f"{self.start:.3f} to {self.end:.3f} s"


def first_difference(one: LabelledFile, two: LabelledFile, names: tuple[str, str]) -> str | None:
    """The first thing in which two files differ, for people, such as `at 2.25 to 4.00 s: 'joy' and 'anger'`; None if in none.

    Args:
        one, two: the files.
        names: of them.
    """
    if len(one.conversations) != len(two.conversations):
        return f"{len(one.conversations)} and {len(two.conversations)} conversations"
    for ours, theirs in zip(one.conversations, two.conversations, strict=True):
        of = ""
        if len(one.conversations) > 1:
            called = tuple(shorten(repr(printable(each.transcript.conversation or ""))) for each in (ours, theirs))
            if called[0] != called[1]:
                return f"the conversations {' and '.join(called)}"
            of = f"in {called[0]} "
        found = _difference(ours, theirs, names)
        if found is not None:
            return of + found
    return None


def _difference(one: LabelledTranscript, two: LabelledTranscript, names: tuple[str, str]) -> str | None:
    ours, theirs = _said(one, two), _said(two, one)
    alone = _unmatched(ours, theirs)
    mine = min(_not_excused(alone[0], theirs), key=lambda each: each.time, default=None)
    other = min(_not_excused(alone[1], ours), key=lambda each: each.time, default=None)
    if mine is None or other is None or not _near(mine.time, other.time):
        found = [(each, name) for each, name in zip((mine, other), names, strict=True) if each is not None]
        if not found:
            return None
        first, name = min(found, key=lambda pair: pair[0].time)
        elsewhere = next(
            (each for each in alone[first is mine] if (each.speaker, each.words) == (first.speaker, first.words)), None
        )
        if elsewhere is not None:
            return f"{shorten(repr(printable(first.words)))}: {first.exactly()} in {name} and {elsewhere.exactly()} in the other"
        return f"{first.place()}: only {name} has {shorten(repr(printable(first.words)))} of {printable(first.speaker)}"
    if mine.labels != other.labels:
        return f"{mine.place()}: {mine.label()} and {other.label()}"
    what = "words" if mine.words != other.words else "speaker"
    values = (shorten(repr(printable(getattr(each, what)))) for each in (mine, other))
    return f"{mine.place()}: the {what} {' and '.join(values)}"


def _said(one: LabelledTranscript, other: LabelledTranscript) -> list[_Said]:
    """What the one says of each utterance, in order of time; times are the recording's, where ELAN says how they are shifted."""
    media = one.transcript.media
    common = {medium.name for medium in other.transcript.media}
    offset = offset_of(media, next((medium.name for medium in media if medium.name in common), ""))
    found = (
        _Said(
            None if u.start is None else u.start + offset,
            None if u.end is None else u.end + offset,
            clean(speaker_of(u)),
            clean(u.words or ""),
            tuple(sorted(labels.values())),
        )
        for u, labels in zip(one.transcript.utterances, one.labels, strict=True)
    )
    return sorted(found, key=lambda each: each.time)


def _unmatched(ours: Sequence[_Said], theirs: Sequence[_Said]) -> tuple[list[_Said], list[_Said]]:
    """What either says alone."""
    by_content: dict[tuple[str, str, tuple[str, ...]], tuple[list[_Said], list[_Said]]] = {}
    for side, said in enumerate((ours, theirs)):
        for each in said:
            by_content.setdefault((each.speaker, each.words, each.labels), ([], []))[side].append(each)
    alone: tuple[list[_Said], list[_Said]] = ([], [])
    for left, right in by_content.values():
        i = j = 0
        while i < len(left) and j < len(right):
            if _near(left[i].time, right[j].time):
                i, j = i + 1, j + 1
            elif left[i].time < right[j].time:
                alone[0].append(left[i])
                i += 1
            else:
                alone[1].append(right[j])
                j += 1
        alone[0].extend(left[i:])
        alone[1].extend(right[j:])
    return alone


def _near(one: tuple[float, float], two: tuple[float, float]) -> bool:
    return all(a == b or abs(a - b) <= _SAME_TIME for a, b in zip(one, two, strict=True))


def _not_excused(alone: Sequence[_Said], other: Sequence[_Said]) -> list[_Said]:
    """Without those that the other file can't hold, as it seems: it has none of their kind."""

    def lacks(said: _Said) -> bool:
        return said.start is None or said.end is None or not said.words

    return list(alone) if any(map(lacks, other)) else [each for each in alone if not lacks(each)]
