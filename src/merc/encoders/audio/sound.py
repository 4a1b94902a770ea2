"""The sound encoders by name: Praat's measurements, or a speech model."""

from __future__ import annotations

from merc.encoders.audio.praat import PraatEncoder
from merc.encoders.audio.speech import speech_encoder
from merc.encoders.interface import PRAAT_NAME, SoundEncoder


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
    return PraatEncoder() if name_or_path == PRAAT_NAME else speech_encoder(name_or_path, device)
