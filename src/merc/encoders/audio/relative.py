"""Sound measurements made independent of the microphone: relative to the conversation's mean, and to each speaker's own.

Shapes: T utterances of one conversation in order, D measurements.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from merc.encoders.audio.praat import FUNCTIONALS
from merc.files.shapes import Float32

GAIN_COLUMNS = (FUNCTIONALS.index("avg_intensity"),)  # to which another gain adds a constant


def speaker_relative(
    rows: Float32[np.ndarray, "_ _"], speakers: Sequence[str | None], gain_columns: Sequence[int] = GAIN_COLUMNS
) -> Float32[np.ndarray, "_ _"]:
    """Doubles the measurements of one conversation's utterances [chosen].

    The first D columns are the measurements; the `gain_columns` among them are relative to their mean over the conversation. The
    last D columns are each measurement minus its mean over the same speaker's utterances so far, this one included: 0 at a
    speaker's first number.

    Another gain, or other names of the same speakers, change nothing. A later utterance changes nothing of the earlier ones, but
    adds one constant to each of the `gain_columns`.

    Args:
        rows: (T, D), NaN where there is no number.
        speakers: T names.
        gain_columns: the columns that a gain moves.

    Returns:
        (T, 2D), NaN in both places where `rows` has it.

    Raises:
        ValueError: not one speaker a row.
    """
    if len(speakers) != len(rows):
        raise ValueError(f"{len(speakers)} speakers for {len(rows)} utterances")
    values = rows.astype(np.float64)
    known = ~np.isnan(values)
    numbers = np.where(known, values, 0.0)
    relative = values.copy()
    for column in gain_columns:
        relative[:, column] -= numbers[:, column].sum() / max(1, known[:, column].sum())

    own = np.full_like(values, np.nan)
    for speaker in set(speakers):
        at = [index for index, name in enumerate(speakers) if name == speaker]
        own[at] = values[at] - np.cumsum(numbers[at], axis=0) / np.maximum(1, np.cumsum(known[at], axis=0))
    return np.concatenate((relative, own), axis=1).astype(np.float32)
