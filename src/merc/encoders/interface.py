"""What encoders have in common: the raw input of each utterance -> one vector.

Shapes: N utterances, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar, runtime_checkable

import numpy as np

from merc.files.shapes import Float, Float32
from merc.settings import Progress, no_progress

RATE = 16_000  # Hz
PRAAT_NAME = "praat"

Clip = Float32[np.ndarray, "_"]  # mono samples at RATE, full scale is 1
BackendChoice = Literal["auto", "onnx", "torch"]
Input = TypeVar("Input", contravariant=True)


@runtime_checkable
class Encoder(Protocol[Input]):
    """Raw input of one modality -> one vector an utterance: `Encoder[str | None]` of transcripts, `Encoder[Clip | None]` of sound.

    Attributes:
        name: what finds the encoder again: `praat`, or see `merc.encoders.registry.ModelFolder`.
        version: changes when the vectors would.
        dimension: D.
        modality: `text` or `audio`.
    """

    name: str
    version: str
    dimension: int
    modality: str

    def encode(self, inputs: Sequence[Input], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        """One row an input, in the given order; a value that an input is too short for is NaN alone.

        Args:
            inputs: N. Absent are None, a blank transcript, and a clip that is empty or holds a sample that is not finite.
            progress: called with the inputs done and N.

        Returns:
            NaN throughout where an input is absent.
        """
        ...


def clip_rows(
    clips: Sequence[Clip | None], dimension: int, encode: Callable[[int, Clip], Float[np.ndarray, " D"]], progress: Progress
) -> Float32[np.ndarray, "N D"]:
    """`encode(index, clip)` of each clip that is present; see `Encoder.encode`."""
    rows = np.full((len(clips), dimension), np.nan, dtype=np.float32)
    for index, clip in enumerate(clips):
        if clip is not None and len(clip) and np.isfinite(clip).all():
            rows[index] = encode(index, clip)
        progress("encoding sound", float(index + 1), float(len(clips)))
    return rows
