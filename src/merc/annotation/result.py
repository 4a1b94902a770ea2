"""What annotation gives, as data: judged conversations, what they were made of, and what a user should know of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from merc.data.schema import Absence, first_repeated
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten
from merc.inference.predictions import JudgedConversation, JudgedUtterance

_ROUNDING = 1e-6  # by which float32 may miss 1


@dataclass(frozen=True, slots=True)
class Origin:
    """What a result was made of.

    Attributes:
        name: of the file, without its folder.
        sha256: of medium and transcript, and of the file that says who speaks when, where one was given.
        kind: of the file.
        duration: seconds, or None.
        transcript: the transcript's file name, "recognised by MODEL", or None.
        model: facts by name: name, SHA-256 of the weights (`sha256`), version of merc, encoders.
        speakers: the name of the RTTM file that said who speaks when, or None.
    """

    name: str
    sha256: str
    kind: Literal["audio", "video", "text"]
    duration: float | None
    transcript: str | None
    model: Mapping[str, str]
    speakers: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """A recording's conversation, or those of a transcript that holds several, judged by one model.

    Attributes:
        origin: what it was made of.
        conversations: one or more, each with at least one utterance and with what could not be used.
        warnings: what a user should know, a sentence each.

    Raises:
        DataError: no conversation or utterance, repeated ids, labels or modalities that differ, an emotion or modality that is not
            among them, or a number that is not finite or no share.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)  # of JSON

    origin: Origin
    conversations: tuple[JudgedConversation, ...]
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.origin.duration is not None and not 0 <= self.origin.duration < math.inf:
            raise DataError(f"annotation: the duration is {self.origin.duration}; expected seconds from 0, or none")
        if not self.conversations or not all(conversation.utterances for conversation in self.conversations):
            raise DataError("annotation: expected one or more conversations, each with an utterance")
        _refuse_repeated("conversation id", [conversation.id for conversation in self.conversations])
        _refuse_repeated("modality", self.modalities)
        for conversation in self.conversations:
            _refuse_repeated("utterance id", [utterance.id for utterance in conversation.utterances])
            if conversation.modalities != self.modalities:
                raise DataError(f"annotation: conversation {_shown(conversation.id)} has other modalities than the first")
            for utterance in conversation.utterances:
                self._check(utterance)

    def __repr__(self) -> str:
        emotions = ", ".join(f"{emotion} {count}" for emotion, count in Counter(u.emotion for u in self.utterances).most_common())
        return (
            f"{type(self).__name__}({_shown(self.origin.name)}, {len(self.utterances)} utterances: {shorten(printable(emotions))})"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The label set, in the model's order."""
        return self.conversations[0].labels

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the model takes, in its order."""
        return self.conversations[0].modalities

    @property
    def utterances(self) -> tuple[JudgedUtterance, ...]:
        """Those of all conversations, in order."""
        return tuple(utterance for conversation in self.conversations for utterance in conversation.utterances)

    @property
    def absences(self) -> tuple[Absence, ...]:
        """Those of all conversations, each once."""
        return tuple(dict.fromkeys(absence for conversation in self.conversations for absence in conversation.absences))

    def _check(self, utterance: JudgedUtterance) -> None:
        place = f"annotation, utterance {_shown(utterance.id)}"
        if set(utterance.probabilities) != set(self.labels):
            wrong = min(set(utterance.probabilities) ^ set(self.labels))
            raise DataError(f"{place}: needs the probability of each label and of no other; see {_shown(wrong)}")
        if utterance.emotion not in self.labels:
            raise DataError(f"{place}: emotion {_shown(utterance.emotion)} is not among the labels: {_listed(self.labels)}")
        for modality in (*utterance.present, *utterance.trust):
            if modality not in self.modalities:
                raise DataError(f"{place}: {_shown(modality)} is not among the modalities: {_listed(self.modalities)}")
        for name, share in (*utterance.probabilities.items(), *utterance.trust.items()):
            if not 0 <= share <= 1 + _ROUNDING:  # NaN too
                raise DataError(f"{place}: {_shown(name)} has {share}; expected a share from 0 to 1")
        for name, value in (("start", utterance.start), ("end", utterance.end), ("uncertainty", utterance.uncertainty)):
            if value is not None and not math.isfinite(value):
                raise DataError(f"{place}: {name} is {value}; expected a finite number")


def _refuse_repeated(what: str, names: tuple[str, ...] | list[str]) -> None:
    if (twice := first_repeated(names)) is not None:
        raise DataError(f"annotation: {what} {_shown(twice)} occurs more than once")


def _shown(text: str) -> str:
    return repr(shorten(printable(text)))


def _listed(names: tuple[str, ...]) -> str:
    return shorten(printable(", ".join(names))) or "none"
