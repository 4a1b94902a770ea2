"""Sound measurements made independent of the microphone: against the conversation's level, and against each speaker's own mean.

Shapes: T utterances of one conversation in order, D measurements.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64

from merc.encoders.audio.praat import FUNCTIONALS

LEVELS = (FUNCTIONALS.index("avg_intensity"),)


def speaker_relative(
    rows: Float32[np.ndarray, "_ _"], speakers: Sequence[str | None], levels: Sequence[int] = LEVELS
) -> Float32[np.ndarray, "_ _"]:
    """Doubles the measurements of one conversation's utterances [chosen].

    The first D columns are the measurements; in those of `levels`, less the mean over the conversation's utterances that have a
    number there. The last D columns are each measurement less its mean over the utterances of the same speaker so far, this one
    included: 0 at a speaker's first number.

    A constant added to a level (another gain) changes nothing, nor do other names for the same speakers. Utterances that come
    later leave the last D columns of the earlier ones as they are, and so the first D but for `levels`, where each column moves
    by one constant.

    Args:
        rows: (T, D), NaN where there is no number.
        speakers: T names.
        levels: the columns that a gain moves; in `FUNCTIONALS` the intensity mean alone.

    Returns:
        (T, 2D), NaN in both places where `rows` has it. A row of NaN stays one.

    Raises:
        ValueError: not one speaker a row.
    """
    if len(speakers) != len(rows):
        raise ValueError(f"{len(speakers)} speakers for {len(rows)} utterances")
    values = rows.astype(np.float64)
    known = ~np.isnan(values)
    numbers = np.where(known, values, 0.0)
    relative = values.copy()
    for column in levels:
        relative[:, column] -= numbers[:, column].sum() / max(1, known[:, column].sum())

    own = np.full_like(values, np.nan)
    indices: dict[str | None, list[int]] = {}
    for index, speaker in enumerate(speakers):
        indices.setdefault(speaker, []).append(index)
    for said in indices.values():
        own[said] = values[said] - _running_mean(numbers[said], known[said])
    return np.concatenate((relative, own), axis=1).astype(np.float32)


def _running_mean(numbers: Float64[np.ndarray, "T D"], known: np.ndarray) -> Float64[np.ndarray, "T D"]:
    return np.cumsum(numbers, axis=0) / np.maximum(1, np.cumsum(known, axis=0))
