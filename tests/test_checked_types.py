"""The test run checks the types of every call of the package, and the shapes where they are named."""

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import TypeCheckError

from merc.data.unpickle.reading import loads_plain
from merc.evaluation.calibration import reliability


def test_a_wrong_type_is_an_error():
    with pytest.raises(BeartypeCallHintViolation):
        loads_plain("N.", "file")


def test_a_wrong_shape_is_an_error():
    with pytest.raises(TypeCheckError):
        reliability(np.zeros(3, np.int64), np.full((2, 2), 0.5))
