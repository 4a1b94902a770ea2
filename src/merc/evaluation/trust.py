"""Whether the loss rises more when a modality of more trust is left out (chosen; the paper has no such check).

Trust (docs/model.md) is compared with the increase of the true label's loss when that modality is left out:

- within an utterance: Kendall's tau-b of the modalities' trust and loss increases, and the share of pairs of modalities that
  both order alike; both averaged over utterances;
- per modality: Spearman's correlation of trust and loss increase across utterances.

Trust without information gives 0, one half and 0. Intervals resample conversations, the unit of independence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from merc.errors import DataError
from merc.evaluation.calibration import labelled_mask, log_losses
from merc.files.shapes import Bool, Float, Int
from merc.settings import Settings


class TrustAgreement(Settings):
    """Agreement of trust with the loss increase. None: not one utterance allowed the number to be computed.

    Attributes:
        utterances: labelled utterances with two or more present modalities.
        kendall_tau: mean tau-b over the utterances where neither ranking is wholly tied; -1 to 1.
        kendall_utterances: how many those are.
        pairs_alike: mean over utterances of the share of pairs of modalities that trust orders as the loss increase does,
            among the pairs whose loss increases differ; equal trust counts one half; 0 to 1.
        pairs_utterances: utterances with at least one such pair.
        spearman: modality -> correlation across those of the `utterances` where it is present; -1 to 1.
    """

    utterances: int
    kendall_tau: float | None
    kendall_utterances: int
    pairs_alike: float | None
    pairs_utterances: int
    spearman: dict[str, float | None]


class TrustIntervals(Settings):
    """Percentile intervals (low, high) of the numbers of `TrustAgreement`, from a bootstrap over conversations; None as there.

    Attributes:
        level: share of the resampled values that lie inside.
        resamples: how many times the conversations were drawn.
        conversations: how many there are.
    """

    level: float
    resamples: int
    conversations: int
    kendall_tau: tuple[float, float] | None
    pairs_alike: tuple[float, float] | None
    spearman: dict[str, tuple[float, float] | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """The utterances that can be compared (K of N)."""

    modalities: tuple[str, ...]  # M names
    rows: NDArray[np.int64]  # (K,) indices into the N utterances
    present: NDArray[np.bool_]  # (K, M)
    trust: NDArray[np.float64]  # (K, M)
    increase: NDArray[np.float64]  # (K, M)
    tau: NDArray[np.float64]  # (K,) NaN where undefined
    alike: NDArray[np.float64]  # (K,) NaN where undefined


def loss_increases(
    true: Int[np.ndarray, " utterances"],
    full: Float[np.ndarray, "utterances classes"],
    without: Mapping[str, Float[np.ndarray, "utterances classes"]],
) -> Float[np.ndarray, "utterances modalities"]:
    """The increase of the true label's loss that leaving out each modality makes.

    Args:
        true: (N,) class indices; -1 is unlabelled.
        full: (N, C) probabilities with all that is present.
        without: modality -> (N, C) probabilities of the same utterances without it; its order is the columns'.

    Returns:
        (N, M), the increase of -log p(true) in nats; NaN for unlabelled utterances.

    Raises:
        DataError: a label out of range, nothing labelled, no modality, or a row that is no distribution.
    """
    if not without:
        raise DataError("no modality was left out: there is nothing to compare")
    mask = labelled_mask(true, full.shape[1])
    increases = np.full((len(true), len(without)), np.nan)
    for column, probabilities in enumerate(without.values()):
        increases[mask, column] = log_losses(true[mask], probabilities[mask]) - log_losses(true[mask], full[mask])
    return increases


def trust_agreement(
    trust: Float[np.ndarray, "utterances modalities"],
    present: Bool[np.ndarray, "utterances modalities"],
    loss_increase: Float[np.ndarray, "utterances modalities"],
    modalities: Sequence[str] | None = None,
) -> TrustAgreement:
    """Compares trust with the loss increase that leaving each modality out makes.

    Args:
        trust: (N, M) shares; what stands at absent modalities is not read.
        present: (N, M) whether the utterance has the modality.
        loss_increase: (N, M) as from `loss_increases`; not read at absent modalities. An utterance that is NaN at all of
            its present modalities is unlabelled and left out.
        modalities: names of the M columns; `0`, `1`, ... if not given.

    Raises:
        DataError: a number that is not finite at a present modality, a wrong count of names, or no utterance to compare.
    """
    compared = _compare(trust, present, loss_increase, modalities)
    tau, alike = compared.tau[~np.isnan(compared.tau)], compared.alike[~np.isnan(compared.alike)]
    correlations = _correlations(compared, np.arange(len(compared.rows)))
    return TrustAgreement(
        utterances=len(compared.rows),
        kendall_tau=float(tau.mean()) if tau.size else None,
        kendall_utterances=tau.size,
        pairs_alike=float(alike.mean()) if alike.size else None,
        pairs_utterances=alike.size,
        spearman={name: None if np.isnan(value) else value for name, value in zip(compared.modalities, correlations, strict=True)},
    )


def trust_intervals(
    trust: Float[np.ndarray, "utterances modalities"],
    present: Bool[np.ndarray, "utterances modalities"],
    loss_increase: Float[np.ndarray, "utterances modalities"],
    conversations: Sequence[str] | Int[np.ndarray, " utterances"],
    generator: np.random.Generator,
    modalities: Sequence[str] | None = None,
    resamples: int = 1000,
    level: float = 0.95,
) -> TrustIntervals:
    """Intervals of the numbers of `trust_agreement`, by drawing whole conversations with replacement.

    Args:
        trust, present, loss_increase, modalities: as for `trust_agreement`.
        conversations: (N,) the id of each utterance's conversation.
        generator: draws the conversations.
        resamples: number of draws.
        level: share of resampled values inside the interval, between 0 and 1.

    Raises:
        DataError: as `trust_agreement`; or fewer than two conversations to compare, no resample, a level out of range.
    """
    if resamples < 1 or not 0 < level < 1:
        raise DataError(f"{resamples} resamples at level {level}: at least 1 resample, and a level between 0 and 1")
    compared = _compare(trust, present, loss_increase, modalities)
    numbers: dict[object, int] = {}  # in order of first appearance, so that renaming conversations changes no draw
    group = np.array([numbers.setdefault(conversations[row], len(numbers)) for row in compared.rows], dtype=np.int64)
    if len(numbers) < 2:
        raise DataError("all utterances that can be compared lie in one conversation; intervals need two or more")
    # times[r, g]: how often conversation g was drawn in resample r
    times = generator.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), size=resamples)
    positions = np.arange(len(group))
    correlations = np.array([_correlations(compared, np.repeat(positions, drawn[group])) for drawn in times])
    return TrustIntervals(
        level=level,
        resamples=resamples,
        conversations=len(numbers),
        kendall_tau=_percentiles(_resampled_means(compared.tau, group, times), level),
        pairs_alike=_percentiles(_resampled_means(compared.alike, group, times), level),
        spearman={name: _percentiles(correlations[:, m], level) for m, name in enumerate(compared.modalities)},
    )


def _compare(
    trust: NDArray[np.floating], present: NDArray[np.bool_], increase: NDArray[np.floating], modalities: Sequence[str] | None
) -> _Compared:
    names = tuple(map(str, range(trust.shape[1]))) if modalities is None else tuple(modalities)
    if len(names) != trust.shape[1]:
        raise DataError(f"{len(names)} names of modalities ({', '.join(names)}) for {trust.shape[1]} columns")
    unlabelled = (np.isnan(increase) | ~present).all(axis=1)
    keep = (present.sum(axis=1) >= 2) & ~unlabelled
    if not keep.any():
        raise DataError(f"none of {len(trust)} utterances is labelled and has two or more modalities: trust can't be compared")
    for name, values in (("trust", trust), ("loss increase", increase)):
        wrong = np.argwhere(keep[:, None] & present & ~np.isfinite(values))
        if len(wrong):
            row, column = wrong[0]
            raise DataError(f"row {row}, modality {column}: {name} is {values[row, column]}; it must be finite where present")
    rows = np.flatnonzero(keep)
    here = present[rows]
    trust, increase = (np.where(here, values[rows], 0.0).astype(np.float64) for values in (trust, increase))
    one, other = np.triu_indices(here.shape[1], 1)
    both = here[:, one] & here[:, other]  # (K, pairs); a pair of which one is absent counts as tied
    trust_order, increase_order = (np.sign(values[:, one] - values[:, other]) * both for values in (trust, increase))
    ordered = (increase_order != 0).sum(axis=1)
    both_ordered = ordered * (trust_order != 0).sum(axis=1)
    product = trust_order * increase_order
    alike = np.where(increase_order != 0, (product + 1) / 2, 0.0).sum(axis=1)
    return _Compared(
        modalities=names,
        rows=rows,
        present=here,
        trust=trust,
        increase=increase,
        tau=np.where(both_ordered > 0, product.sum(axis=1) / np.sqrt(np.maximum(both_ordered, 1)), np.nan),
        alike=np.where(ordered > 0, alike / np.maximum(ordered, 1), np.nan),
    )


def _correlations(compared: _Compared, rows: NDArray[np.int64]) -> list[float]:
    """Spearman's correlation of each modality over these rows, which may repeat, where it is present."""
    present, trust, increase = compared.present[rows], compared.trust[rows], compared.increase[rows]
    return [_spearman(trust[there, m], increase[there, m]) for m, there in enumerate(present.T)]


def _spearman(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Spearman's correlation; NaN where either side is constant or there are fewer than two utterances."""
    if len(left) < 2:
        return float("nan")
    ranks_left, ranks_right = rankdata(left) - (len(left) + 1) / 2, rankdata(right) - (len(right) + 1) / 2
    scale = np.sqrt((ranks_left @ ranks_left) * (ranks_right @ ranks_right))
    return float(ranks_left @ ranks_right / scale) if scale > 0 else float("nan")


def _resampled_means(values: NDArray[np.float64], group: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    sums = np.bincount(group, weights=np.where(known, values, 0.0), minlength=times.shape[1])
    counts = np.bincount(group, weights=known, minlength=times.shape[1])
    drawn = times @ counts
    return np.where(drawn > 0, (times @ sums) / np.maximum(drawn, 1), np.nan)


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float] | None:
    """The interval over the resamples in which the number was defined; None if it never was."""
    known = values[~np.isnan(values)]
    if not known.size:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
