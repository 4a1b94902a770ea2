"""A file with labels, as its readers give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from merc.annotation.transcripts.cues import Cue, CueList
from merc.annotation.transcripts.transcript import Transcript
from merc.data.schema import first_repeated


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


def numbered_cues(cue_list: CueList) -> CueList:
    """The cues with their places as ids, so that no label goes astray where cues are dropped or sorted."""
    return replace(cue_list, cues=tuple(replace(cue, id=str(place)) for place, cue in enumerate(cue_list.cues)))


def labelled_by_cue(transcript: Transcript, cues: Sequence[Cue], labels: Sequence[Mapping[str, str]]) -> LabelledTranscript:
    """The transcript with the file's own ids, if each utterance has one of its own, and with its labels.

    Args:
        transcript: of the cues as `numbered_cues` gives them.
        cues: of the file, with its ids.
        labels: of each cue.
    """
    places = [int(u.id) for u in transcript.utterances]
    ids = [cues[place].id or "" for place in places]
    if not all(ids) or first_repeated(ids) is not None:
        ids = [str(number) for number in range(1, len(ids) + 1)]
    utterances = tuple(replace(u, id=own) for u, own in zip(transcript.utterances, ids, strict=True))
    return LabelledTranscript(replace(transcript, utterances=utterances), tuple(labels[place] for place in places))
