"""Features that are derived from other features and the speakers where a model takes them, so no store needs to hold them.

A feature's encoder decides, never its name: `audio/mine` of the encoder `praat` serves as well as `audio/praat`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from merc.data.schema import Conversation, Corpus, FeatureSpec
from merc.encoders.audio.praat import FUNCTIONALS, PraatEncoder
from merc.encoders.audio.relative import speaker_relative
from merc.encoders.interface import PRAAT_NAME

PRAAT = FeatureSpec(modality="audio", name="praat", dimension=len(FUNCTIONALS), encoder=PRAAT_NAME, version=PraatEncoder.version)
PRAAT_RELATIVE = FeatureSpec(
    modality="audio", name="praat-relative", dimension=2 * len(FUNCTIONALS), encoder="praat-relative", version=PraatEncoder.version
)
# Derived features whose value at an utterance depends on later ones: the level is relative to the whole conversation's.
LOOKING_AHEAD = (PRAAT_RELATIVE.encoder,)


def made_alike(one: FeatureSpec, other: FeatureSpec) -> bool:
    """Whether one encoder, in one version, makes both."""
    return (one.encoder, one.version, one.dimension) == (other.encoder, other.version, other.dimension)


def differences(one: FeatureSpec, other: FeatureSpec) -> tuple[str, ...]:
    """In what the making of two features differs: dimension, encoder, version.

    Two absolute folders with one version are one encoder that was moved.
    """
    moved = Path(one.encoder).is_absolute() and Path(other.encoder).is_absolute()
    compared = ("dimension", "version") if moved else ("dimension", "encoder", "version")
    return tuple(what for what in compared if getattr(one, what) != getattr(other, what))


def source_of(spec: FeatureSpec, declared: Iterable[FeatureSpec] = ()) -> FeatureSpec | None:
    """The feature that a derived one follows from; None for a feature that is not derived.

    Args:
        spec: what is wanted.
        declared: features of the corpus; one of the right encoder is taken, of the same modality if there is one.
    """
    if not made_alike(spec, PRAAT_RELATIVE):
        return None
    fitting = [known for known in declared if made_alike(known, PRAAT)]
    same_modality = [known for known in fitting if known.modality == spec.modality]
    return next(iter((*same_modality, *fitting)), PRAAT.model_copy(update={"modality": spec.modality}))


def with_derived(conversation: Conversation, spec: FeatureSpec, declared: Iterable[FeatureSpec] = ()) -> Conversation:
    """The conversation with a derived feature, if it lacks it and has its source; else as it is.

    Args:
        conversation, declared: any, and what is declared of its features.
        spec: of the feature that is wanted; one that is not derived is left alone.
    """
    declared = tuple(declared)
    source = source_of(spec, declared)
    if source is None or spec.key in conversation.features or source.key not in conversation.features:
        return conversation
    rows = conversation.features[source.key]
    foreign = any(known.key == source.key and not made_alike(known, source) for known in declared)
    if foreign or rows.shape[1] != source.dimension:
        return conversation  # another encoder's; the caller reports that the feature is absent
    return conversation.with_features({spec.key: speaker_relative(rows, [u.speaker for u in conversation.utterances])})


def corpus_with_derived(corpus: Corpus, modality: str, name: str) -> Corpus:
    """The corpus with a derived feature, if it lacks it and declares its source as our encoder's; else as it is."""
    spec = PRAAT_RELATIVE.model_copy(update={"modality": modality})
    source = source_of(spec, corpus.feature_schema)
    if name != spec.name or spec.key in {known.key for known in corpus.feature_schema} or source not in corpus.feature_schema:
        return corpus
    conversations = tuple(with_derived(c, spec, corpus.feature_schema) for c in corpus.conversations)
    return replace(corpus, feature_schema=(*corpus.feature_schema, spec), conversations=conversations)
