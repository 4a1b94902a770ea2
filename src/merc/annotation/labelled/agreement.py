"""Several annotators' labels: the majority's label, and their agreement.

Krippendorff's alpha for nominal labels is 1 - observed / expected disagreement, over utterances that two or more annotators
labelled: 1 is perfect agreement, 0 what chance gives (Krippendorff, Content Analysis, 2004, chapter 11). NLTK computes it;
annotators may have left utterances out.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far annotators agree.

    Attributes:
        annotators: the names of those who labelled an utterance that another did, too, sorted.
        utterances: that two or more of them labelled.
        alpha: Krippendorff's; None where it is not defined, since no utterance has two labels or all have the same, or was not
            computed.
        computed: False where NLTK is not installed.
        ties: utterances without a majority's label.
    """

    annotators: tuple[str, ...]
    utterances: int
    alpha: float | None
    computed: bool
    ties: int


def majority(labels: Mapping[str, str | None]) -> tuple[str | None, bool]:
    """The label of one utterance that more annotators gave than any other, and whether there is a tie instead.

    Args:
        labels: annotator -> label; None is a vote for no label.
    """
    counts = Counter(labels.values()).most_common(2)
    if len(counts) == 2 and counts[0][1] == counts[1][1]:
        return None, True
    return (counts[0][0] if counts else None), False


def agreement(labels: Sequence[Mapping[str, str | None]]) -> Agreement:
    """The agreement over utterances, given each one's labels by annotator."""
    given = [{who: label for who, label in each.items() if label is not None} for each in labels]
    shared = [each for each in given if len(each) > 1]
    annotators = tuple(sorted({who for each in labels if len(each) > 1 for who in each}))
    ties = sum(majority(each)[1] for each in labels)
    alpha, computed = None, True
    if len({label for each in shared for label in each.values()}) > 1:
        try:
            alpha = _alpha(shared)
        except ImportError:
            computed = False
    return Agreement(annotators, len(shared), alpha, computed, ties)


def _alpha(labels: Sequence[Mapping[str, str]]) -> float:
    library: Any = importlib.import_module("nltk.metrics.agreement")  # it has no types
    rows = [(who, place, label) for place, each in enumerate(labels) for who, label in each.items()]
    return float(library.AnnotationTask(rows).alpha())
