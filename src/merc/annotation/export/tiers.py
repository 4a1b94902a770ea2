"""An annotation as tiers, as ELAN and Praat have them: for each speaker words, emotion, its probability, and trust."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merc.annotation.result import Result
from merc.annotation.transcripts.annotation_files.tier_names import OwnTier
from merc.annotation.transcripts.words import clean
from merc.errors import DataError
from merc.inference.predictions import JudgedUtterance

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LAST = 2**32 - 2  # ms, so that an end can follow; EAF counts them in 32 bits


@dataclass(frozen=True, slots=True)
class TimedLabel:
    """What is written into a stretch, whose times are in ms; it lasts at least one."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class WrittenTier:
    """A tier that merc writes: no two of its labels overlap, and they are in order of time."""

    tier: OwnTier
    labels: tuple[TimedLabel, ...]


def timed_utterances(result: Result, what: str, leave_out_untimed: bool) -> list[tuple[float, float, JudgedUtterance]]:
    """Start, end in s and utterance, in order of time; an end before its start counts as the start.

    Args:
        result: of one conversation.
        what: is written, for errors.
        leave_out_untimed: pass over utterances without a time, if others have one.

    Raises:
        DataError: an utterance has no start or no end, or there are several conversations.
    """
    if len(result.conversations) > 1:
        raise DataError(f"{what} are of one conversation; there are {len(result.conversations)}")
    times = [(u.start, max(u.start, u.end), u) for u in result.utterances if u.start is not None and u.end is not None]
    without = len(result.utterances) - len(times)
    if without and not (times and leave_out_untimed):
        raise DataError(f"{what} need a time for each utterance; {without} of {len(result.utterances)} have none")
    return sorted(times, key=lambda time: time[:2])


def written_tiers(result: Result, run: int = 1, offset: float = 0.0, leave_out_untimed: bool = False) -> tuple[WrittenTier, ...]:
    """The tiers of a result, speaker by speaker; what overlaps within one speaker is on a second tier, and so on.

    Args:
        result: of one conversation.
        run: which writing into the same file this is, from 1.
        offset: s to take from all times, where the file's time 0 is not the recording's.
        leave_out_untimed: pass over utterances without a time, if others have one.

    Raises:
        DataError: see `timed_utterances`.
    """
    speakers: dict[str | None, list[tuple[int, int, JudgedUtterance]]] = {}
    for start, end, utterance in timed_utterances(result, "tiers", leave_out_untimed):
        begin, finish = _milliseconds(start - offset), _milliseconds(end - offset)
        speaker = one_line(utterance.speaker or "") or None
        speakers.setdefault(speaker, []).append((begin, max(finish, begin + 1), utterance))
    tiers: list[WrittenTier] = []
    for speaker, spoken in speakers.items():
        for layer, utterances in enumerate(_layers(spoken), start=1):
            columns = [(start, end, _cells(utterance)) for start, end, utterance in utterances]
            for what in ("words", "emotion", "probability", "trust"):
                labels = tuple(TimedLabel(start, end, cells[what]) for start, end, cells in columns if what in cells)
                if labels:
                    tiers.append(WrittenTier(OwnTier(speaker, what, layer, run), labels))
    return tuple(tiers)


def one_line(text: str) -> str:
    """Plain words in one line, without what XML can't hold."""
    return clean(_NO_XML.sub("", text))


def _milliseconds(seconds: float) -> int:
    return min(max(round(1000 * seconds), 0), _LAST) if math.isfinite(seconds) else 0


def _cells(utterance: JudgedUtterance) -> Mapping[str, str]:
    cells = {
        "words": one_line(utterance.words or ""),
        "emotion": one_line(utterance.emotion),
        "probability": f"{utterance.probabilities[utterance.emotion]:.3f}",
    }
    if utterance.trust:
        cells["trust"] = ", ".join(f"{one_line(modality)} {share:.3f}" for modality, share in utterance.trust.items())
    return cells


def _layers(spoken: Sequence[tuple[int, int, JudgedUtterance]]) -> list[list[tuple[int, int, JudgedUtterance]]]:
    """Utterances in order of time on as few layers as they need, so that none overlaps another of its layer."""
    layers: list[list[tuple[int, int, JudgedUtterance]]] = []
    free: list[int] = []  # layers on which nobody speaks
    busy: list[tuple[int, int]] = []  # until when, and which
    for start, end, utterance in spoken:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            layer = heapq.heappop(free)
        else:
            layer = len(layers)
            layers.append([])
        layers[layer].append((start, end, utterance))
        heapq.heappush(busy, (end, layer))
    return layers
