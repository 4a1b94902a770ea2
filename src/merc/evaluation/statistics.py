"""Whether one model is better than another: the difference of two arms, its interval, and Holm's correction over a family.

An arm is one model with several seeds. Both arms are scored on the same conversations, by weighted F1 or its weighted mean over
conditions. The variance of the difference has three parts, *seeds* + *conversations* - *interaction*; docs/studies.md derives
them, and gives how often the intervals cover. `V` is that variance, ' marks the other arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import t as student_t

from merc.errors import DataError
from merc.evaluation.calibration import labelled_mask
from merc.files.shapes import Float, Int, Num
from merc.settings import Settings

SMALLEST_ERROR = 1e-12  # chosen: a standard error or difference below it is rounding, and counts as 0

Verdict = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True, slots=True, eq=False)
class Tallies:
    """What weighted F1 needs of one arm: counts per condition (D), seed (S), conversation (K) and class (C).

    Attributes:
        right: (D, S, K, C) utterances of the class that are predicted as it.
        predicted: (D, S, K, C) labelled utterances that are predicted as the class.
        support: (K, C) utterances whose true label is the class.
    """

    right: Int[np.ndarray, "conditions seeds conversations classes"]
    predicted: Int[np.ndarray, "conditions seeds conversations classes"]
    support: Int[np.ndarray, "conversations classes"]


class Difference(Settings):
    """How the mean score of `arm` differs from that of `other`. Scores are fractions of 1.

    Attributes:
        difference: mean over the arm's seeds minus mean over the other's.
        low, high: interval of the difference at `level`, for this comparison alone: Holm's correction leaves it as it is.
        level: share of such intervals that cover the true difference.
        p: two-sided p-value of no difference, from the same t distribution as the interval.
        p_holm: p adjusted for the family by `holm`; None before that.
        effect_size: Hedges' g (1981, "Distribution theory for Glass's estimator of effect size"): the difference in standard
            deviations of a seed's score, pooled, with the exact small-sample correction. It knows seeds only. None if an arm has
            one seed, or neither arm's scores spread.
        verdict: of `arm` against `other`, by p_holm, or by p where that is None.
        score, other_score: the mean scores.
        seeds, other_seeds: how many seeds each arm has.
        seeds_resampled: whether the interval allows for the luck of seeds in both arms. False if an arm has one seed: its
            seed effect can't be known and counts as none, so the interval is about that one trained network.
        conversations: K, those that hold a labelled utterance.
        resamples: draws of the conversations.
        standard_error: the square root of V.
        degrees_of_freedom: of the t distribution; None where the standard error is 0.
        seed_variance, conversation_variance: the parts *seeds* (of both arms) and *conversations* of V; more of each shrink it.
        interaction_variance: what both parts count.
    """

    difference: float
    low: float
    high: float
    level: float
    p: float
    p_holm: float | None = None
    effect_size: float | None
    verdict: Verdict
    score: float
    other_score: float
    seeds: int
    other_seeds: int
    seeds_resampled: bool
    conversations: int
    resamples: int
    standard_error: float
    degrees_of_freedom: float | None
    seed_variance: float
    conversation_variance: float
    interaction_variance: float


def tally(
    true: Int[np.ndarray, " utterances"],
    predicted: Int[np.ndarray, "conditions seeds utterances"],
    conversation: Int[np.ndarray, " utterances"],
    classes: int,
) -> Tallies:
    """Counts one arm's predictions.

    Args:
        true: (N,) class indices; -1 is unlabelled and masked.
        predicted: (D, S, N) class indices; not read where unlabelled.
        conversation: (N,) index of each utterance's conversation, 0 to K - 1. K is one more than the largest.
        classes: C.

    Raises:
        DataError: a label, prediction or conversation is out of range, nothing is labelled, or there is no condition or seed.
    """
    conditions, seeds, _ = predicted.shape
    if not conditions or not seeds:
        raise DataError(f"predictions of {conditions} conditions and {seeds} seeds: at least one of each")
    rows = np.flatnonzero(labelled_mask(true, classes))
    if conversation.min() < 0:
        row = int(np.flatnonzero(conversation < 0)[0])
        raise DataError(f"row {row}: conversation {int(conversation[row])}; allowed: 0 and above")
    counted = predicted[..., rows].reshape(conditions * seeds, len(rows)).astype(np.int64)
    wrong = np.argwhere((counted < 0) | (counted >= classes))
    if len(wrong):
        line, place = wrong[0]
        where = f"condition {line // seeds}, seed {line % seeds}, row {rows[place]}"
        raise DataError(f"{where}: predicted class {counted[line, place]}; allowed: 0 to {classes - 1}")
    count = int(conversation.max()) + 1
    cell = conversation[rows].astype(np.int64) * classes  # where the conversation's counts begin
    every = counted + cell + np.arange(len(counted))[:, None] * (count * classes)
    shape, length = (conditions, seeds, count, classes), len(counted) * count * classes
    return Tallies(
        right=np.bincount(every[counted == true[rows]], minlength=length).reshape(shape),
        predicted=np.bincount(every.ravel(), minlength=length).reshape(shape),
        support=np.bincount(true[rows] + cell, minlength=count * classes).reshape(count, classes),
    )


def weighted_f1(
    right: Num[np.ndarray, "... classes"], predicted: Num[np.ndarray, "... classes"], support: Num[np.ndarray, "... classes"]
) -> Float[np.ndarray, "*rows"]:
    """Weighted F1 from counts; the leading axes broadcast.

    Args:
        right: (..., C) true positives. F1 of a class is 2 right / (predicted + support), or 0 where that is 0 / 0.
        predicted: (..., C) utterances predicted as the class.
        support: (..., C) utterances of the class: its weight. If no class has any, the score is 0.
    """
    f1 = 2 * right / np.maximum(predicted + support, 1)
    return np.asarray((f1 * support).sum(axis=-1) / np.maximum(support.sum(axis=-1), 1))


def compare(
    arm: Tallies,
    other: Tallies,
    generator: np.random.Generator,
    *,
    weights: Float[np.ndarray, " conditions"] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """The difference of two arms with its interval and p-value (docs/studies.md, "Statistics").

    The standard error is 0 if the counts are the same, seed by seed, or if neither seeds nor conversations change the
    difference. Then low = high = the difference, and p is 1 if that is 0, else 0.

    Args:
        arm, other: counts on the same conversations, under the same D conditions. Seeds need not be as many, and are not paired.
        generator: draws the conversations, one draw for all conditions and seeds.
        weights: (D,) of the conditions, 0 or more; they are divided by their sum. All alike if None.
        resamples: number of draws; the standard error's own noise is about 1 / sqrt(2 resamples) of it.
        level: of the interval; 1 - level is also the bound on p of the verdict.

    Raises:
        DataError: the arms were not scored on the same labels or conditions; fewer than two conversations are labelled; weights
            that are no weights; fewer than two resamples; a level out of range.
    """
    if resamples < 2 or not 0 < level < 1:
        raise DataError(f"{resamples} resamples at level {level}: at least 2 resamples, and a level between 0 and 1")
    if not np.array_equal(arm.support, other.support):
        one, two = ("{} conversations, {} classes".format(*each.support.shape) for each in (arm, other))
        raise DataError(f"the arms were not scored on the same labels: {one} against {two}, or other counts of them")
    if len(arm.right) != len(other.right):
        raise DataError(f"the arms were not scored under the same conditions: {len(arm.right)} against {len(other.right)}")
    shares = np.ones(len(arm.right)) if weights is None else weights.astype(np.float64)
    if shares.shape != (len(arm.right),) or not np.isfinite(shares).all() or (shares < 0).any() or shares.sum() <= 0:
        raise DataError(f"weights {shares.tolist()} of {len(arm.right)} conditions: one of each, 0 or more, not all 0")
    shares /= shares.sum()
    labelled = np.flatnonzero(arm.support.any(axis=1))
    count = len(labelled)
    if count < 2:
        raise DataError(f"{count} conversation of {len(arm.support)} holds a labelled utterance; an interval needs two or more")
    once, times = np.ones((1, count)), generator.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
    mine, drawn = (_scores(arm, labelled, shares, draws) for draws in (once, times))
    theirs, other_drawn = (_scores(other, labelled, shares, draws) for draws in (once, times))
    seeds = (_seed_variance(mine[0]), _seed_variance(theirs[0]))
    interaction = (_interaction(drawn) + _interaction(other_drawn)) * count / (count - 1)
    conversations = float((drawn.mean(axis=1) - other_drawn.mean(axis=1)).var()) * count / (count - 1)
    rest = max(conversations - interaction, 0.0, conversations - sum(seeds))  # what V has beyond the part of the seeds
    same = np.array_equal(arm.right, other.right) and np.array_equal(arm.predicted, other.predicted)
    error = 0.0 if same else float(np.sqrt(sum(seeds) + rest))
    difference = float(mine.mean() - theirs.mean())
    sizes = (mine.shape[1], theirs.shape[1])
    if error < SMALLEST_ERROR:
        error, freedom, reach = 0.0, None, 0.0
        difference = difference if abs(difference) >= SMALLEST_ERROR else 0.0
        p = 1.0 if difference == 0 else 0.0
    else:
        freedom = _degrees_of_freedom(seeds, sizes, rest, count)
        reach = float(student_t.ppf((1 + level) / 2, freedom)) * error
        p = float(2 * student_t.sf(abs(difference) / error, freedom))
    return Difference(
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        level=level,
        p=p,
        effect_size=_effect_size(mine[0], theirs[0]),
        verdict=_verdict(difference, p, level),
        score=float(mine.mean()),
        other_score=float(theirs.mean()),
        seeds=sizes[0],
        other_seeds=sizes[1],
        seeds_resampled=min(sizes) > 1,
        conversations=count,
        resamples=resamples,
        standard_error=error,
        degrees_of_freedom=freedom,
        seed_variance=sum(seeds),
        conversation_variance=conversations,
        interaction_variance=interaction,
    )


class ScoreInterval(Settings):
    """The mean score of one arm, as a fraction of 1, and its interval.

    Attributes:
        score: mean over its seeds.
        low, high: interval at `level`, within 0 and 1.
        level: share of such intervals that cover the score on endlessly many such conversations.
    """

    score: float
    low: float
    high: float
    level: float


def score_interval(arm: Tallies, generator: np.random.Generator, *, resamples: int = 2000, level: float = 0.95) -> ScoreInterval:
    """The score of one arm with its interval: its difference from an arm that predicts nothing right, which scores 0.

    Args:
        arm, generator, resamples, level: see `compare`.

    Raises:
        DataError: see `compare`.
    """
    nothing = Tallies(right=np.zeros_like(arm.right[:, :1]), predicted=np.zeros_like(arm.predicted[:, :1]), support=arm.support)
    found = compare(arm, nothing, generator, resamples=resamples, level=level)
    return ScoreInterval(score=found.score, low=max(0.0, found.low), high=min(1.0, found.high), level=level)


def holm(differences: Mapping[str, Difference], level: float = 0.95, planned: int | None = None) -> dict[str, Difference]:
    """Adjusts the p-values of a family of comparisons and renews their verdicts.

    Holm 1979, "A simple sequentially rejective multiple test procedure": of m p-values in ascending order, the i-th becomes the
    largest of (m - j + 1) p_j over j up to i, at most 1. However the comparisons hang together, the chance of even one false
    verdict is then at most 1 - level.

    Args:
        differences: the whole family, planned before it was seen. Its order is kept.
        level: a verdict is given where the adjusted p is below 1 - level.
        planned: m, if comparisons of the family are still without a result; they count as p = 1.

    Raises:
        DataError: a level out of range, or fewer planned than there are.
    """
    if not 0 < level < 1:
        raise DataError(f"level {level}: it must lie between 0 and 1")
    count = len(differences) if planned is None else planned
    if count < len(differences):
        raise DataError(f"{count} comparisons were planned, there are {len(differences)}")
    p = np.array([each.p for each in differences.values()])
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(count, count - len(p), -1)), 1)
    return {
        name: each.model_copy(update={"p_holm": float(value), "verdict": _verdict(each.difference, value, level)})
        for (name, each), value in zip(differences.items(), adjusted, strict=True)
    }


def _scores(
    arm: Tallies, labelled: NDArray[np.int64], shares: NDArray[np.float64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(R, S) the score of each seed, its `labelled` conversations (K of them) counted `times` (R, K)."""
    support = (times @ arm.support[labelled])[:, None]
    scores = np.zeros((len(times), arm.right.shape[1]))
    for share, right, predicted in zip(shares, arm.right, arm.predicted, strict=True):  # one at a time bounds the memory
        if share == 0:
            continue
        hits, guesses = (np.tensordot(times, each[:, labelled].astype(np.float64), axes=(1, 1)) for each in (right, predicted))
        scores += share * weighted_f1(hits, guesses, support)
    return scores


def _seed_variance(scores: NDArray[np.float64]) -> float:
    """Variance of the mean of one arm's (S,) scores over draws of seeds; 0 for one seed."""
    return float(scores.var(ddof=1)) / len(scores) if len(scores) > 1 else 0.0


def _interaction(drawn: NDArray[np.float64]) -> float:
    """E/(nK) of one arm's (R, S) scores; 0 for one seed."""
    seeds = drawn.shape[1]
    distance = drawn - drawn.mean(axis=1, keepdims=True)
    return float(distance.var(axis=0).sum()) / (seeds * (seeds - 1)) if seeds > 1 else 0.0


def _degrees_of_freedom(seeds: tuple[float, float], sizes: tuple[int, int], rest: float, conversations: int) -> float:
    # an arm whose seeds all score alike, as a majority classifier's do, or that has one seed, has no part
    parts = [(variance, size - 1) for variance, size in zip(seeds, sizes, strict=True) if variance > SMALLEST_ERROR**2]
    pooled = sum(variance * (own + 1) * own for variance, own in parts) / max(sum(own for _, own in parts), 1)
    beside = (rest, conversations - 1)
    return min(_satterthwaite([*parts, beside]), _satterthwaite([*((pooled / (own + 1), own) for _, own in parts), beside]))


def _satterthwaite(parts: Sequence[tuple[float, int]]) -> float:
    """The degrees of freedom of a sum of variances, each given with its own."""
    return sum(variance for variance, _ in parts) ** 2 / sum(variance**2 / own for variance, own in parts)


def _effect_size(scores: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    freedom = len(scores) + len(other) - 2
    if min(len(scores), len(other)) < 2:
        return None
    pooled = np.sqrt(((len(scores) - 1) * scores.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / freedom)
    if pooled < SMALLEST_ERROR:
        return None
    correction = np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
    return float(correction * (scores.mean() - other.mean()) / pooled)


def _verdict(difference: float, p: float, level: float) -> Verdict:
    if p >= 1 - level:
        return "no difference shown"
    return "better" if difference > 0 else "worse"
