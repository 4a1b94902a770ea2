"""Long conversations, cut for inference: attention compares every utterance with every other, and an hour has a thousand of them.

A piece is `OWN` utterances with up to `MARGIN` more on either side for context. A network whose context reaches no farther than
the margin has the same output as on the whole conversation; another's may differ a little. Speakers keep the whole
conversation's indices. Numbers are chosen: MELD's longest conversation has 33 utterances, IEMOCAP's 110.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from merc.data.preprocessing import Sample

MAX_UTTERANCES = 512  # utterances that are judged whole
OWN = 256
MARGIN = 64


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a conversation.

    Attributes:
        sample: its utterances, those for context included.
        first, last: of the sample, the rows [first, last) that are judged.
    """

    sample: Sample
    first: int
    last: int


def pieces_of(sample: Sample) -> Iterator[Piece]:
    """The conversation itself, or its pieces in order; each utterance is judged in one of them."""
    length = len(sample)
    if length <= MAX_UTTERANCES:
        yield Piece(sample, 0, length)
        return
    for start in range(0, length, OWN):
        stop = min(start + OWN, length)
        begin, end = max(0, start - MARGIN), min(length, stop + MARGIN)
        cut = replace(
            sample,
            inputs={name: rows[begin:end] for name, rows in sample.inputs.items()},
            present=sample.present[begin:end],
            speakers=sample.speakers[begin:end],
            labels=sample.labels[begin:end],
        )
        yield Piece(cut, start - begin, stop - begin)
