"""A trained model's probabilities fitted to other data: a temperature, and an offset for each class.

Where the classes are of other frequencies than in training, a model that is otherwise right is wrong by one factor a class
(Saerens, Latinne and Decaestecker, Neural Computation 2002); with a temperature beside the factors this is the bias-corrected
temperature scaling of Alexandari, Kundaje and Shrikumar (ICML 2020). Few labels would fit the factors too well, so they are drawn
towards 1 [chosen].

Shapes: N utterances, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from merc.files.shapes import Float64, Int64
from merc.training.temperature import RANGE

PULL = 5.0  # chosen (docs/adapting.md)


@dataclass(frozen=True, slots=True, eq=False)
class LabelShift:
    """What probabilities are changed by: log p / temperature + offsets, and made to sum to 1 again.

    Attributes:
        temperature: above 0.
        offsets: (C,).
    """

    temperature: float
    offsets: Float64[np.ndarray, " C"]


def fitted_label_shift(
    log_probabilities: Float64[np.ndarray, "N C"], labels: Int64[np.ndarray, " N"], pull: float = PULL
) -> LabelShift:
    """The temperature and offsets of the highest posterior probability.

    Args:
        log_probabilities: of the utterances, as the model gives them at temperature 1.
        labels: class indices; -1 is left out. One is needed at least.
        pull: precision of the normal prior of each offset and of the logarithm of the temperature.
    """
    known = labels >= 0
    rows, classes = log_probabilities[known], labels[known]
    truth = np.eye(rows.shape[1])[classes]

    def loss(values: Float64[np.ndarray, " _"]) -> tuple[float, Float64[np.ndarray, " _"]]:
        scaled = rows / np.exp(values[0])
        logs = log_softmax(scaled + values[1:], axis=1)
        error = np.exp(logs) - truth
        slope = np.concatenate([[-(error * scaled).sum()], error.sum(axis=0)])
        return float(-(logs * truth).sum() + 0.5 * pull * (values**2).sum()), slope + pull * values

    bounds = [(float(np.log(RANGE[0])), float(np.log(RANGE[1]))), *[(None, None)] * rows.shape[1]]
    found: Any = minimize(loss, np.zeros(1 + rows.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    return LabelShift(float(np.exp(found.x[0])), found.x[1:])
