"""The encoders that a model's features come from, each loaded when it is first needed; or why there is none."""

from __future__ import annotations

from merc.data.schema import FeatureSpec
from merc.encoders.audio.sound import sound_encoder
from merc.encoders.encoding import feature_spec
from merc.encoders.interface import Encoder, SoundEncoder
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import FeatureError, MissingExtraError
from merc.inference.recogniser import NO_ENCODERS, Recogniser


class ModelEncoders:
    """What makes a model's features of words and of sound.

    Args:
        model: whose features they are.
        device: where they run.
    """

    def __init__(self, model: Recogniser, device: str) -> None:
        self._model, self._device = model, device
        self._loaded: dict[str, Encoder | DialogueEncoder | SoundEncoder | str] = {}  # a string says why there is none

    def sound(self, spec: FeatureSpec) -> SoundEncoder | str:
        """What makes a feature of sound, or why nothing does."""
        if spec.key not in self._loaded:
            self._loaded[spec.key] = self._load_sound(spec)
        found = self._loaded[spec.key]
        assert isinstance(found, SoundEncoder | str)
        return found

    def _load_sound(self, spec: FeatureSpec) -> SoundEncoder | str:
        if spec.encoder in NO_ENCODERS:
            return f"the model's feature {spec.key} can't be made of sound"
        try:
            encoder = sound_encoder(spec.encoder, self._device)
        except (MissingExtraError, FeatureError) as error:
            return str(error)
        made = feature_spec(encoder)
        if (made.version, made.dimension) != (spec.version, spec.dimension):
            return (
                f"the model takes {spec.key} of encoder {spec.encoder!r}, version {spec.version}, dimension {spec.dimension}; "
                f"found version {made.version}, dimension {made.dimension}"
            )
        return encoder

    def text(self) -> Encoder | DialogueEncoder | str:
        """What makes the model's feature of words, or why nothing does."""
        if "text" not in self._loaded:
            try:
                encoder = self._model.text_encoder(self._device)
                self._loaded["text"] = encoder or "the model's text features can't be made of words"
            except (MissingExtraError, FeatureError) as error:
                self._loaded["text"] = str(error)
        found = self._loaded["text"]
        assert isinstance(found, Encoder | DialogueEncoder | str)
        return found
