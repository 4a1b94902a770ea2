"""The sound encoders by name: Praat's measurements, or a speech model."""

from __future__ import annotations

from merc.encoders.audio.praat import PraatEncoder
from merc.encoders.audio.speech import speech_encoder
from merc.encoders.interface import PRAAT_NAME, Clip, Encoder


def sound_encoder(name_or_path: str = PRAAT_NAME, device: str = "cpu") -> Encoder[Clip | None]:
    """Loads `praat` or a speech model; for arguments and errors see `merc.encoders.audio.speech.speech_encoder`."""
    return PraatEncoder() if name_or_path == PRAAT_NAME else speech_encoder(name_or_path, device)
