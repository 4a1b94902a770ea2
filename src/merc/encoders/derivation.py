"""Features that follow from other features and from who speaks, and so need not be kept: made where a model asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from merc.data.schema import Conversation, Corpus, FeatureSpec
from merc.encoders.audio.levels import speaker_relative
from merc.encoders.audio.praat import FUNCTIONALS, PraatEncoder
from merc.encoders.interface import PRAAT_NAME

PRAAT = FeatureSpec(modality="audio", name="praat", dimension=len(FUNCTIONALS), encoder=PRAAT_NAME, version=PraatEncoder.version)
PRAAT_RELATIVE = FeatureSpec(
    modality="audio", name="praat-relative", dimension=2 * len(FUNCTIONALS), encoder="praat-relative", version=PraatEncoder.version
)
# What is derived, and from what; see `speaker_relative` for how.
SOURCES: Mapping[str, FeatureSpec] = MappingProxyType({PRAAT_RELATIVE.key: PRAAT})
DERIVED: Mapping[str, FeatureSpec] = MappingProxyType({PRAAT_RELATIVE.key: PRAAT_RELATIVE})


def with_derived(conversation: Conversation, spec: FeatureSpec) -> Conversation:
    """The conversation with a derived feature, if it lacks it and has its source; else as it is.

    Args:
        conversation: any.
        spec: of the feature that is wanted; one that is not derived is left alone.
    """
    source = SOURCES.get(spec.key) if DERIVED.get(spec.key) == spec else None
    if source is None or spec.key in conversation.features or source.key not in conversation.features:
        return conversation
    rows = conversation.features[source.key]
    if rows.shape[1] != source.dimension:
        return conversation  # of another making; who asks for the feature says that it is not there
    return conversation.with_features({spec.key: speaker_relative(rows, [u.speaker for u in conversation.utterances])})


def corpus_with_derived(corpus: Corpus, key: str) -> Corpus:
    """The corpus with a derived feature, if it lacks it and declares its source as our encoder's; else as it is."""
    source, spec = SOURCES.get(key), DERIVED.get(key)
    declared = {known.key: known for known in corpus.feature_schema}
    if source is None or spec is None or key in declared or declared.get(source.key) != source:
        return corpus
    conversations = tuple(with_derived(c, spec) for c in corpus.conversations)
    return replace(corpus, feature_schema=(*corpus.feature_schema, spec), conversations=conversations)
