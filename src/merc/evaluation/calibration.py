"""Calibration of probabilities, and how well uncertainty ranks wrong predictions behind right ones.

**Expected calibration error** (Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3): an utterance's
confidence is its largest probability. Confidences fall into B bins of equal width over (0, 1]; bin b is
((b - 1) / B, b / B], the first one takes 0 too. With n_b utterances in bin b, of which the share acc_b is predicted
right at mean confidence conf_b, the error is the sum over bins of n_b / N times |acc_b - conf_b|.

**Risk and coverage** (Geifman and El-Yaniv 2017): of the k most certain of N utterances, the share k / N is the coverage, the
mean error the risk; the area under the curve is the mean risk over k = 1..N. Lower is better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from merc.errors import DataError
from merc.files.shapes import Bool, Float, Float64, Int
from merc.settings import Settings

SMALLEST_PROBABILITY = 1e-12  # chosen: keeps a log-loss finite where float32 rounds a probability to 0
SUM_TOLERANCE = 1e-3  # float16 probabilities of a few classes still sum to 1 within this


class ReliabilityBin(Settings):
    """One bin of confidence, above `lower` up to and including `upper`; the means are None where the bin is empty."""

    lower: float
    upper: float
    utterances: int
    confidence: float | None
    accuracy: float | None


class Reliability(Settings):
    """The table behind a reliability diagram.

    Attributes:
        bins: in ascending order of confidence, empty ones too.
        expected_calibration_error: as defined above; 0 to 1.
    """

    bins: tuple[ReliabilityBin, ...]
    expected_calibration_error: float


@dataclass(frozen=True, slots=True, eq=False)
class RiskCoverage:
    """The risk-coverage curve of N utterances.

    Attributes:
        coverage: (N,) k / N for k = 1..N.
        risk: (N,) mean error of the k utterances of least uncertainty.
        area: mean of `risk`.
        best_area: the area if uncertainty ranked the utterances as their errors do.
        random_area: the expected area of a random order: the mean error.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    area: float
    best_area: float
    random_area: float


def labelled_mask(true: Int[np.ndarray, " utterances"], classes: int) -> Bool[np.ndarray, " utterances"]:
    """Which utterances are labelled.

    Args:
        true: (N,) class indices; -1 is unlabelled.
        classes: C.

    Raises:
        DataError: a label is below -1 or above C - 1, or none is labelled.
    """
    wrong = np.flatnonzero((true < -1) | (true >= classes))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(f"row {row}: label index {int(true[row])}; allowed: 0 to {classes - 1}, and -1 for unlabelled")
    mask = true >= 0
    if not mask.any():
        raise DataError(f"none of {len(true)} utterances is labelled: there is nothing to evaluate")
    return mask


def check_probabilities(probabilities: Float[np.ndarray, "utterances classes"]) -> None:
    """Checks that each row is a distribution over the classes.

    Raises:
        DataError: a row holds NaN or a negative number, or does not sum to 1 within 0.001.
    """
    rows = probabilities.astype(np.float64)
    good = (rows >= 0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1) <= SUM_TOLERANCE)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise DataError(f"row {row}: probabilities {np.round(rows[row], 4).tolist()}; they must be 0 or more and sum to 1")


def log_losses(
    true: Int[np.ndarray, " utterances"], probabilities: Float[np.ndarray, "utterances classes"]
) -> Float64[np.ndarray, " utterances"]:
    """-log p(true label) of each utterance, in nats: the negative log-likelihood, whose mean is a proper score.

    Args:
        true: (N,) class indices; every utterance is labelled.
        probabilities: (N, C).

    Raises:
        DataError: a row is no distribution.
    """
    check_probabilities(probabilities)
    chosen = probabilities[np.arange(len(true)), true].astype(np.float64)
    return -np.log(np.maximum(chosen, SMALLEST_PROBABILITY))


def reliability(
    true: Int[np.ndarray, " utterances"], probabilities: Float[np.ndarray, "utterances classes"], bins: int = 15
) -> Reliability:
    """Confidence and accuracy per bin of confidence, and the calibration errors.

    Args:
        true: (N,) class indices; -1 is unlabelled and masked.
        probabilities: (N, C), each labelled row non-negative with sum 1.
        bins: B, number of bins of equal width. 15 as in Guo et al. 2017.

    Raises:
        DataError: fewer than one bin, a label out of range, a row that is no distribution, or nothing labelled.
    """
    if bins < 1:
        raise DataError(f"{bins} bins: at least 1")
    mask = labelled_mask(true, probabilities.shape[1])
    rows = probabilities[mask]
    check_probabilities(rows)
    confidence = rows.max(axis=1).astype(np.float64)
    right = rows.argmax(axis=1) == true[mask]
    edges = np.arange(bins + 1) / bins
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    counts = np.bincount(place, minlength=bins)
    mean_confidence, accuracy = (
        np.bincount(place, weights=weights, minlength=bins) / np.maximum(counts, 1) for weights in (confidence, right)
    )
    gap = np.abs(accuracy - mean_confidence)  # 0 in an empty bin
    return Reliability(
        bins=tuple(
            ReliabilityBin(
                lower=float(edges[b]),
                upper=float(edges[b + 1]),
                utterances=int(counts[b]),
                confidence=float(mean_confidence[b]) if counts[b] else None,
                accuracy=float(accuracy[b]) if counts[b] else None,
            )
            for b in range(bins)
        ),
        expected_calibration_error=float(gap @ counts / counts.sum()),
    )


def risk_coverage(
    error: Float[np.ndarray, " utterances"] | Bool[np.ndarray, " utterances"],
    uncertainty: Float[np.ndarray, " utterances"],
) -> RiskCoverage:
    """The risk-coverage curve and its area.

    Each utterance takes the mean error of all that have its uncertainty: the expected curve over all orders of the tied.

    Args:
        error: (N,) a loss of any kind, 0 or more: whether the prediction is wrong, or its log-loss in nats.
        uncertainty: (N,) any scale; only its order counts.

    Raises:
        DataError: no utterance, or a number that is not finite.
    """
    if not len(error):
        raise DataError("no utterance: there is nothing to evaluate")
    for name, values in (("error", error), ("uncertainty", uncertainty)):
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            raise DataError(f"row {int(wrong[0])}: {name} is {values[wrong[0]]}; it must be finite")
    losses = error.astype(np.float64)
    risk = _running_mean(losses, uncertainty)
    return RiskCoverage(
        coverage=np.arange(1, len(losses) + 1) / len(losses),
        risk=risk,
        area=float(risk.mean()),
        best_area=float(_running_mean(losses, losses).mean()),
        random_area=float(losses.mean()),
    )


def _running_mean(losses: NDArray[np.float64], key: NDArray[np.floating]) -> NDArray[np.float64]:
    group = rankdata(key, method="dense").astype(np.int64) - 1
    tied_mean = np.bincount(group, weights=losses) / np.bincount(group)
    ordered = tied_mean[np.sort(group)]
    return np.cumsum(ordered) / np.arange(1, len(losses) + 1)
