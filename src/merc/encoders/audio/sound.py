"""Sound encoders: the sound of each utterance -> one vector, from Praat's measurements or from a speech model.

Shapes: N clips, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from merc.encoders.text.sentence import Progress

RATE = 16_000  # Hz
PRAAT_NAME = "praat"

Clip = Float32[np.ndarray, "_"]  # mono samples at RATE, full scale is 1


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

    def encode(self, clips: Sequence[Clip | None], progress: Progress | None = None) -> Float32[np.ndarray, "N D"]:
        """One row a clip, in the given order.

        Args:
            clips: N, mono at 16 kHz. None, no samples, or a sample that is no finite number: the clip is absent.
            progress: called with clips done and N.

        Returns:
            NaN throughout where a clip is absent. A number that a clip is too short for is NaN alone.
        """
        ...


def sound_encoder(name_or_path: str = PRAAT_NAME, device: str = "cpu") -> SoundEncoder:
    """Loads a sound encoder.

    Args:
        name_or_path: `praat`, or a speech model, see `merc.encoders.audio.speech.speech_encoder`.
        device: where a speech model runs.

    Raises:
        MissingExtraError: what the encoder needs is not installed.
        UnsafeFileError: the model holds pickled weights or code; nothing of it was run.
        FeatureError: no such model, or it can't be loaded.
    """
    # Imported here, as both import this module.
    if name_or_path == PRAAT_NAME:
        from merc.encoders.audio.praat import PraatEncoder

        return PraatEncoder()
    from merc.encoders.audio.speech import speech_encoder

    return speech_encoder(name_or_path, device)


def is_present(clip: Clip | None) -> bool:
    """Whether a clip holds sound: samples, all finite."""
    return clip is not None and len(clip) > 0 and bool(np.isfinite(clip).all())
