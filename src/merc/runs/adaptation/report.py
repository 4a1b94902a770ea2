"""What an adaptation found: how deep it went, and what the models score on conversations that were held out.

Shapes: T utterances of a conversation, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import softmax

from merc.data.schema import LabelSet
from merc.evaluation.metrics import SCORES, classification_scores
from merc.evaluation.statistics import Difference, compare, score_interval
from merc.settings import Settings
from merc.training.adaptation import Depth
from merc.training.cross_validation import Labels, Rows, tallies

AS_IT_IS, ADAPTED, FROM_NOTHING, MAJORITY = "as it is", "adapted", "from nothing", "majority"


class ArmScores(Settings):
    """One model on the labelled utterances, each judged by a training that its conversation had no part in.

    Attributes:
        weighted_f1: a fraction of 1, as the others.
        low, high: its 95 % interval, from conversations drawn with replacement. It does not tell how much another draw of the
            conversations to train on would change.
        accuracy, macro_f1, negative_log_likelihood, expected_calibration_error: see `merc.evaluation.metrics`.
    """

    weighted_f1: float
    low: float
    high: float
    accuracy: float
    macro_f1: float
    negative_log_likelihood: float
    expected_calibration_error: float


class AdaptationReport(Settings):
    """What `merc adapt --json` prints and `adaptation.json` holds.

    Attributes:
        model, weights: name of the model that was adapted, and the SHA-256 of its weights.
        corpus: of one's own conversations.
        conversations, utterances: labelled ones.
        labels: of the result, in order.
        new_labels: those that the model does not have; with any, it can't be judged as it is.
        modalities: that some utterance has, of those that the model takes.
        kept: whether the model in the folder is the old one, since adapting was not shown to help.
        depth: of the adaptation that was chosen by all conversations; `none` is the model as it is.
        fold_depths: of each fold, chosen without it.
        depth_scores: depth -> weighted F1 by cross-validation; that of the chosen one is too good by the choice.
        arms: `as it is`, `adapted`, `from nothing`, `majority` (the most frequent label) -> its scores.
        differences: `as it is` and `from nothing` -> the adapted model minus it, by the paired test of the studies.
        warnings: what a user should know.
    """

    model: str
    weights: str
    corpus: str
    conversations: int
    utterances: int
    labels: tuple[str, ...]
    new_labels: tuple[str, ...]
    modalities: tuple[str, ...]
    kept: bool
    depth: Depth
    fold_depths: tuple[Depth, ...]
    depth_scores: dict[str, float]
    arms: dict[str, ArmScores]
    differences: dict[str, Difference]
    warnings: tuple[str, ...]


def arm_scores(predicted: Mapping[str, Rows], labels: Labels, label_set: LabelSet) -> ArmScores:
    """The scores of one arm.

    Args:
        predicted: conversation -> log-probabilities.
        labels, label_set: the truth.
    """
    true = np.concatenate([labels[i] for i in labels])
    rows = softmax(np.concatenate([predicted[i] for i in labels]), axis=1)
    found = classification_scores(true, rows, label_set)
    interval = score_interval(tallies({i: predicted[i] for i in labels}, labels), np.random.default_rng(0))
    return ArmScores(low=interval.low, high=interval.high, **{name: getattr(found, name) for name in SCORES})


def adapted_minus(name: str, arms: Mapping[str, Mapping[str, Rows]], labels: Labels) -> Difference:
    """How the adapted model's weighted F1 differs from another arm's, by the paired test of the studies."""
    mine, other = (tallies({i: arms[each][i] for i in labels}, labels) for each in (ADAPTED, name))
    return compare(mine, other, np.random.default_rng(0))
