"""Where each feature of a model comes from: given, derived from a given one, encoded from words or sound, or absent and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any, Literal

from merc.data.schema import Conversation, FeatureSpec
from merc.encoders.audio.praat import PraatEncoder
from merc.encoders.audio.speech import speech_encoder
from merc.encoders.derivation import differences, source_of, with_derived
from merc.encoders.interface import PRAAT_NAME, BackendChoice, Encoder
from merc.encoders.registry import BUNDLED, LOADING
from merc.encoders.text.adapter import Adapter, joint_version
from merc.encoders.text.dialogue import DIALOGUE, DialogueEncoder
from merc.encoders.text.sentence import text_encoder
from merc.encoders.vectors import vectors_of
from merc.errors import FeatureError, MissingExtraError

Input = Literal["words", "sound"]
Origin = Literal["given", "derived", "encoded", "absent"]
NO_ENCODERS = ("unknown", "planted")  # nothing makes such features of words or sound
_BY_ENCODER: dict[str, Input] = {PRAAT_NAME: "sound", DIALOGUE: "words", **dict.fromkeys(BUNDLED, "words")}
_BY_MODALITY: dict[str, Input] = {"text": "words", "audio": "sound"}


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """Where one feature comes from.

    Attributes:
        spec: the feature that the model takes.
        origin: `given`, `derived` from `base`, `encoded` (and derived, where `base` is another feature), or `absent`.
        base: what is given or encoded; `spec` itself where nothing is derived.
        input: what `base` is encoded from; None unless it is encoded.
        reason: why the feature is absent; else empty.
    """

    spec: FeatureSpec
    origin: Origin
    base: FeatureSpec
    input: Input | None = None
    reason: str = ""


def input_of(spec: FeatureSpec) -> Input | None:
    """What a feature's encoder reads; None where no encoder makes it.

    The encoder's name decides; for a speech or text model the files of its folder, or else the modality.
    """
    if spec.encoder in NO_ENCODERS:
        return None
    if spec.encoder in _BY_ENCODER:
        return _BY_ENCODER[spec.encoder]
    folder = Path(spec.encoder)
    if folder.is_absolute() and folder.is_dir():
        if (folder / "preprocessor_config.json").is_file():
            return "sound"
        if any((folder / name).is_file() for name in ("modules.json", "tokenizer.json", "tokenizer_config.json")):
            return "words"
    return _BY_MODALITY.get(spec.modality)


class FeatureResolver:
    """The features that one model takes. An encoder is loaded when it is first needed, and kept.

    Args:
        specs: of the features.
        adapters: of the model's tuned text encoder, if it has one.
        device: where encoders run.
        backend: what runs the bundled text model, see `merc.encoders.text.sentence.text_encoder`.
    """

    def __init__(
        self, specs: Sequence[FeatureSpec], adapters: Sequence[Adapter] = (), device: str = "cpu", backend: BackendChoice = "auto"
    ) -> None:
        self.specs = tuple(specs)
        self.adapters = tuple(adapters)
        self.device = device
        self.backend: BackendChoice = backend
        self._loaded: dict[FeatureSpec, Encoder[Any] | DialogueEncoder] = {}

    def resolve(
        self, given: Collection[str], inputs: Collection[Input], declared: Iterable[FeatureSpec] = ()
    ) -> tuple[FeatureSource, ...]:
        """Where each feature comes from, in the model's order; loads nothing.

        Args:
            given: keys of the features that are there.
            inputs: what can be encoded.
            declared: what is known of the given features.
        """
        declared = tuple(declared)
        return tuple(self._resolve(spec, given, inputs, declared) for spec in self.specs)

    def reads_words(self, without: Collection[str] = ()) -> bool:
        """Whether a feature of some modality but those left out is made of words."""
        return any(input_of(source_of(spec) or spec) == "words" for spec in self.specs if spec.modality not in without)

    def encoder(self, spec: FeatureSpec) -> Encoder[Any] | DialogueEncoder:
        """The encoder of a feature that is not derived, loaded at the first call, once whatever the number of threads.

        Raises:
            FeatureError: it can't be loaded, or is another than the one that made the feature.
            MissingExtraError: what it needs is not installed.
        """
        if spec in self._loaded:
            return self._loaded[spec]
        with LOADING:
            if spec not in self._loaded:
                self._loaded[spec] = self._load(spec)
            return self._loaded[spec]

    def complete(
        self, conversations: Sequence[Conversation], declared: Iterable[FeatureSpec] = (), without: Collection[str] = ()
    ) -> tuple[tuple[Conversation, ...], dict[str, str]]:
        """Conversations with what can be made of their words and features; what is there already stays.

        Args:
            conversations, declared: any, and what is declared of their features.
            without: modalities that are left out.

        Returns:
            The conversations, and of each modality whose encoder is not installed the reason.

        Raises:
            FeatureError: an encoder can't be loaded, or is another than the one that made the feature.
            MissingExtraError: an encoder is not installed, and some conversation has no other feature of the model's.
        """
        completed, declared = tuple(conversations), tuple(declared)
        reasons: dict[str, str] = {}
        failed: MissingExtraError | None = None
        for spec in self.specs:
            if spec.modality in without:
                continue
            completed = tuple(with_derived(conversation, spec, declared) for conversation in completed)
            if source_of(spec) is not None or input_of(spec) != "words":
                continue
            bare = [spec.key not in c.features and any(u.words for u in c.utterances) for c in completed]
            if not any(bare):
                continue
            try:
                encoder = self.encoder(spec)
            except MissingExtraError as error:
                reasons[spec.modality], failed = str(error), error
                continue
            rows = iter(vectors_of(list(compress(completed, bare)), encoder))
            completed = tuple(
                c.with_features({spec.key: next(rows)}) if fill else c for c, fill in zip(completed, bare, strict=True)
            )
        keys = {spec.key for spec in self.specs if spec.modality not in without}
        if failed is not None and not all(keys & set(c.features) for c in completed):
            raise failed
        return completed, reasons

    def _resolve(
        self, spec: FeatureSpec, given: Collection[str], inputs: Collection[Input], declared: tuple[FeatureSpec, ...]
    ) -> FeatureSource:
        if spec.key in given:
            return FeatureSource(spec, "given", spec)
        source = source_of(spec, declared)
        base = source or spec
        if source is not None and source.key in given:
            return FeatureSource(spec, "derived", base)
        needed = input_of(base)
        if needed is None:
            return FeatureSource(spec, "absent", base, reason=f"no encoder makes {base.key} of words or sound")
        if needed not in inputs:
            return FeatureSource(spec, "absent", base, reason=f"there {'are no words' if needed == 'words' else 'is no recording'}")
        return FeatureSource(spec, "encoded", base, needed)

    def _load(self, spec: FeatureSpec) -> Encoder[Any] | DialogueEncoder:
        if spec.encoder in NO_ENCODERS:
            found = f"feature {spec.key} is of encoder {spec.encoder!r}"
            raise FeatureError(f"{found}, which reads neither words nor sound; the feature has to be given")
        if spec.encoder == DIALOGUE:
            if not self.adapters or joint_version(self.adapters) != spec.version:
                found = f"version {joint_version(self.adapters)}" if self.adapters else "none"
                raise FeatureError(
                    f"feature {spec.key} needs the adapters of version {spec.version} that were saved with it; found {found}"
                )
            encoder = DialogueEncoder(self.adapters, self.device, self.backend)
        elif spec.encoder == PRAAT_NAME:
            encoder = PraatEncoder()
        else:
            of_sound = input_of(spec) == "sound"
            encoder = (
                speech_encoder(spec.encoder, self.device) if of_sound else text_encoder(spec.encoder, self.device, self.backend)
            )
        made_by = {"encoder": encoder.name, "version": encoder.version, "dimension": encoder.dimension}
        if differences(spec, spec.model_copy(update=made_by)):
            raise FeatureError(
                f"feature {spec.key} was made by encoder {spec.encoder!r}, version {spec.version}, dimension {spec.dimension}; "
                f"found {encoder.name!r}, version {encoder.version}, dimension {encoder.dimension}"
            )
        return encoder
