"""What encoders have in common: the raw input of each utterance -> one vector.

Shapes: N utterances, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from merc.settings import Progress, no_progress

STAGE = "encoding"  # in the progress, in utterances
RATE = 16_000  # Hz
PRAAT_NAME = "praat"

Clip = Float32[np.ndarray, "_"]  # mono samples at RATE, full scale is 1


@runtime_checkable
class Encoder(Protocol):
    """Raw input of one modality -> one vector an utterance.

    Attributes:
        name: what finds the encoder again, see `merc.encoders.registry.ModelFolder`.
        version: changes when the vectors would.
        dimension: D.
        modality: `text`.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def modality(self) -> str: ...

    def encode(self, transcripts: Sequence[str | None], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        """One row a transcript, in the given order; NaN throughout where a transcript is None or blank."""
        ...


@runtime_checkable
class SoundEncoder(Protocol):
    """The sound of one utterance -> one vector.

    Attributes:
        name: what finds the encoder again: `praat`, a Hub id, or the absolute path of a local folder.
        version: changes when the vectors would.
        dimension: D.
        modality: `audio`.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def modality(self) -> str: ...

    def encode(self, clips: Sequence[Clip | None], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        """One row a clip, in the given order.

        Args:
            clips: N, mono at 16 kHz. None, no samples, or a sample that is no finite number: the clip is absent.
            progress: of the stage `STAGE`, in clips.

        Returns:
            NaN throughout where a clip is absent. A number that a clip is too short for is NaN alone.
        """
        ...


def is_present(clip: Clip | None) -> bool:
    """Whether a clip holds sound: samples, all finite."""
    return clip is not None and len(clip) > 0 and bool(np.isfinite(clip).all())
