"""How well labels are predicted: accuracy, F1, confusion matrix and calibration error, over utterances.

Shares and scores are fractions from 0 to 1. A true label of -1 means unlabelled: such an utterance is context and is
masked here. The field's headline number is weighted F1: the F1 of each class, weighted by its number of utterances.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from merc.data.schema import LabelSet
from merc.errors import DataError
from merc.evaluation.calibration import labelled_mask, log_losses, reliability
from merc.files.shapes import Float, Int
from merc.settings import Settings

# the single numbers of a `ClassificationScores`
SCORES = ("weighted_f1", "accuracy", "macro_f1", "negative_log_likelihood", "expected_calibration_error")


class ClassScores(Settings):
    """One class. A ratio that would divide by zero is 0.

    Attributes:
        precision: share of the utterances predicted as this class that are of it.
        recall: share of the utterances of this class that are predicted as it.
        f1: harmonic mean of the two.
        support: utterances whose true label is this class.
    """

    precision: float
    recall: float
    f1: float
    support: int


class ClassificationScores(Settings):
    """The scores of one set of predictions, as they are printed, saved in JSON and compared.

    Attributes:
        utterances: labelled ones.
        conversations: conversations that they come from; None where the caller did not say.
        accuracy: share of utterances predicted right.
        weighted_f1: mean F1 of the classes, weighted by support.
        macro_f1: plain mean F1 of all classes of the label set; a class that has no utterance and is never predicted counts as 0.
        per_class: label -> its scores, in the label set's order.
        confusion: C rows, the true label, by C columns, the predicted one, both in the label set's order; counts.
        negative_log_likelihood: mean of -log p(true label), in nats.
        expected_calibration_error: see `merc.evaluation.calibration`, 15 bins.
    """

    utterances: int
    conversations: int | None = None
    accuracy: float
    weighted_f1: float
    macro_f1: float
    per_class: dict[str, ClassScores]
    confusion: tuple[tuple[int, ...], ...]
    negative_log_likelihood: float
    expected_calibration_error: float

    @property
    def labels(self) -> tuple[str, ...]:
        """The label set's names, in the order of the confusion matrix."""
        return tuple(self.per_class)


def classification_scores(
    true: Int[np.ndarray, " utterances"],
    probabilities: Float[np.ndarray, "utterances classes"],
    label_set: LabelSet,
    conversations: int | None = None,
) -> ClassificationScores:
    """Scores probabilities against true labels.

    Args:
        true: (N,) class indices; -1 is unlabelled and masked.
        probabilities: (N, C), each labelled row non-negative with sum 1. The most probable class is the prediction, the
            first one of equals.
        label_set: the C classes.
        conversations: how many conversations the utterances come from, to be reported.

    Raises:
        DataError: C is not the label set's size, a label is out of range, a row is no distribution, or nothing is labelled.
    """
    if probabilities.shape[1] != len(label_set):
        raise DataError(
            f"probabilities have {probabilities.shape[1]} columns, the label set has {len(label_set)} classes: "
            f"{', '.join(label_set.names)}"
        )
    mask = labelled_mask(true, len(label_set))
    labels, rows = true[mask], probabilities[mask]
    losses = log_losses(labels, rows)
    predicted = rows.argmax(axis=1)
    classes = np.arange(len(label_set))
    # scikit-learn has no types, and its default for zero_division is a string; the four arrays are (C,)
    per_class = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)  # pyright: ignore[reportArgumentType]
    precision, recall, f1, support = (cast(NDArray[np.float64], each) for each in per_class)
    return ClassificationScores(
        utterances=len(labels),
        conversations=conversations,
        accuracy=float(accuracy_score(labels, predicted)),
        weighted_f1=float(np.average(f1, weights=support)),
        macro_f1=float(f1.mean()),
        per_class={
            name: ClassScores(precision=float(p), recall=float(r), f1=float(f), support=int(n))
            for name, p, r, f, n in zip(label_set.names, precision, recall, f1, support, strict=True)
        },
        confusion=tuple(map(tuple, confusion_matrix(labels, predicted, labels=classes).tolist())),
        negative_log_likelihood=float(losses.mean()),
        expected_calibration_error=reliability(labels, rows).expected_calibration_error,
    )
