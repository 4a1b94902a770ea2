"""The scores of a bed's arms over all its draws, and their differences from CMATH, by the statistics of studies.

A seed's predictions on all draws are judged together, as those of several splits are in a study. Conversations are what is drawn in
the bootstrap: one that several draws judge, or that is judged on several draws of its planted streams, counts as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np
from numpy.typing import NDArray

from merc.data.schema import Conversation, LabelSet
from merc.evaluation.metrics import classification_scores
from merc.evaluation.statistics import Difference, Tallies, compare, holm, tally, weighted_f1
from merc.settings import Settings
from merc.studies.arms import CMATH_NAME
from merc.studies.results import Estimate
from merc.studies.summary import RESAMPLES

BESIDE = ("accuracy", "negative_log_likelihood", "expected_calibration_error")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What every arm predicts on one draw of a bed; N utterances.

    Attributes:
        corpus: name; draws of one corpus share their conversations.
        true: (N,) class indices, -1 where unlabelled.
        conversation: (N,) index of the conversation.
        probabilities: arm -> seed -> (N, C).
    """

    draw: str
    corpus: str
    label_set: LabelSet
    true: NDArray[np.int64]
    conversation: NDArray[np.int64]
    probabilities: Mapping[str, Mapping[int, NDArray[np.float32]]]


class ArmScores(Settings):
    """An arm on one bed.

    Attributes:
        seeds: that are judged on every draw.
        weighted_f1: over all draws.
        beside: accuracy, negative log-likelihood and calibration error, each the mean over draws.
        difference: CMATH's weighted F1 minus this arm's; None for CMATH.
        by_draw: that difference on each draw alone, where there are several.
    """

    seeds: tuple[int, ...]
    weighted_f1: Estimate
    beside: dict[str, Estimate]
    difference: Difference | None
    by_draw: dict[str, float]


def labels_of(conversations: Sequence[Conversation], label_set: LabelSet, times: int = 1) -> tuple[NDArray[np.int64], ...]:
    """Class indices and conversation indices of all utterances, the whole repeated so many times."""
    true = [-1 if u.label is None else label_set.index(u.label) for c in conversations for u in c.utterances]
    places = [i for i, c in enumerate(conversations) for _ in c.utterances]
    return np.tile(np.array(true, dtype=np.int64), times), np.tile(np.array(places, dtype=np.int64), times)


def scores_of(draws: Sequence[Predictions], families: Sequence[Sequence[str]]) -> dict[str, ArmScores]:
    """The scores of each arm that has a seed on every draw, CMATH first.

    Args:
        draws: all of a bed.
        families: names of the arms within which Holm's correction is made, those without a result included.
    """
    seeds: dict[str, tuple[int, ...]] = {}
    for arm in (CMATH_NAME, *(name for family in families for name in family)):
        shared = set.intersection(*(set(draw.probabilities.get(arm, ())) for draw in draws))
        if shared:
            seeds[arm] = tuple(sorted(shared))
    tallies = {arm: [_tally(draw, arm, own) for draw in draws] for arm, own in seeds.items()}
    joined = {arm: _joined(draws, each) for arm, each in tallies.items()}
    differences: dict[str, Difference] = {}
    for family in families:
        judged = [name for name in family if name in joined and CMATH_NAME in joined]
        found = {name: _against_cmath(joined[CMATH_NAME], joined[name]) for name in judged}
        differences |= holm(found, planned=len(family))
    return {
        arm: ArmScores(
            seeds=own,
            weighted_f1=estimate(_f1(joined[arm])),
            beside=_beside(draws, arm, own),
            difference=differences.get(arm),
            by_draw=_by_draw(draws, tallies, arm) if arm in differences and len(draws) > 1 else {},
        )
        for arm, own in seeds.items()
    }


def estimate(values: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """Over seeds."""
    numbers = tuple(float(v) for v in values)
    return Estimate(mean=mean(numbers), sd=stdev(numbers) if len(numbers) > 1 else None, values=numbers)


def _tally(draw: Predictions, arm: str, seeds: Sequence[int]) -> Tallies:
    predicted = np.stack([draw.probabilities[arm][seed].argmax(axis=1) for seed in seeds])[None]
    return tally(draw.true, predicted, draw.conversation, len(draw.label_set))


def _joined(draws: Sequence[Predictions], tallies: Sequence[Tallies]) -> Tallies:
    """All draws together: those of one corpus are added up, different corpora stand side by side, each with classes of its own."""
    added: dict[str, Tallies] = {}
    for draw, own in zip(draws, tallies, strict=True):
        before = added.get(draw.corpus)
        added[draw.corpus] = own if before is None else _added(before, own)
    corpora = list(added.values())
    shape = np.sum([each.support.shape for each in corpora], axis=0)
    right, predicted = (np.zeros((*corpora[0].right.shape[:2], *shape), dtype=np.int64) for _ in range(2))
    support, row, column = np.zeros(shape, dtype=np.int64), 0, 0
    for each in corpora:
        rows, columns = (slice(at, at + size) for at, size in zip((row, column), each.support.shape, strict=True))
        right[:, :, rows, columns], predicted[:, :, rows, columns] = each.right, each.predicted
        support[rows, columns] = each.support
        row, column = rows.stop, columns.stop
    return Tallies(right, predicted, support)


def _added(one: Tallies, other: Tallies) -> Tallies:
    return Tallies(one.right + other.right, one.predicted + other.predicted, one.support + other.support)


def _against_cmath(cmath: Tallies, arm: Tallies) -> Difference:
    return compare(cmath, arm, np.random.default_rng(0), resamples=RESAMPLES)


def _f1(tallies: Tallies) -> NDArray[np.float64]:
    """(S,) weighted F1."""
    return weighted_f1(tallies.right.sum(axis=2), tallies.predicted.sum(axis=2), tallies.support.sum(axis=0))[0]


def _beside(draws: Sequence[Predictions], arm: str, seeds: Sequence[int]) -> dict[str, Estimate]:
    scores = [[classification_scores(d.true, d.probabilities[arm][seed], d.label_set) for d in draws] for seed in seeds]
    return {name: estimate([mean(getattr(score, name) for score in of_seed) for of_seed in scores]) for name in BESIDE}


def _by_draw(draws: Sequence[Predictions], tallies: Mapping[str, Sequence[Tallies]], arm: str) -> dict[str, float]:
    pairs = zip(draws, tallies[CMATH_NAME], tallies[arm], strict=True)
    return {draw.draw: float(_f1(cmath).mean() - _f1(own).mean()) for draw, cmath, own in pairs}
