"""How a recording is annotated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from merc.annotation.speech.recognition import RecognitionOptions

Channels = Literal["mixed", "speakers"]
Hook = Callable[[str, float, float | None], None]
"""Called on the way with what is done at present, how much of it is done, and how much there is, None where that is not known."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a recording is annotated.

    Attributes:
        model: a run's folder, a saved model's, or a hub id; None is the shipped one.
        channels: `speakers` says that each channel of the recording is one speaker's, as in a stereo call; `mixed` that all
            channels hold all speakers.
        speech: how words are recognised where there is no transcript.
        cache: folder that keeps features between runs; None keeps none.
        device: where encoders and model run, such as `cpu` or `cuda:0`.
    """

    model: str | Path | None = None
    channels: Channels = "mixed"
    speech: RecognitionOptions = field(default_factory=RecognitionOptions)
    cache: str | Path | None = None
    device: str = "cpu"
