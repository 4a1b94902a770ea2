"""Temperature scaling (Guo et al., ICML 2017): one number that logits are divided by, so that probabilities are calibrated.

Shapes: N utterances, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from merc.files.shapes import Float64, Int64

RANGE = (0.05, 20.0)  # chosen: beyond it the classes are equal or certain to three digits


def fitted_temperature(log_probabilities: Float64[np.ndarray, "N C"], labels: Int64[np.ndarray, " N"]) -> float:
    """The temperature of the lowest mean negative log-likelihood. It changes no order of classes, so no label.

    Args:
        log_probabilities: of the utterances, at temperature 1.
        labels: class indices; -1 is left out. One is needed at least.
    """
    known = labels >= 0
    rows, classes = log_probabilities[known], labels[known]

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(rows / np.exp(log_temperature), axis=1)[np.arange(len(classes)), classes].mean())

    found: Any = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
