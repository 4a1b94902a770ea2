"""A file with labels, as its readers give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from merc.annotation.transcripts.transcript import Transcript


@dataclass(frozen=True, slots=True)
class LabelledTranscript:
    """One conversation's utterances with what annotators said of them.

    Attributes:
        transcript: the utterances, without labels.
        labels: for each utterance, annotator -> label; empty where nobody gave one.
    """

    transcript: Transcript
    labels: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """What a file holds.

    Attributes:
        conversations: empty if no tier or column holds labels.
        names: of all its tiers or columns.
        wanted: which of the wanted words names its labels.
        warnings: a sentence each, apart from the transcripts' own.
    """

    conversations: tuple[LabelledTranscript, ...]
    names: tuple[str, ...]
    wanted: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
