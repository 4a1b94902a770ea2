"""What annotation gives: each utterance with its emotion, what it was judged by, and what a user should know of it.

The methods give it as a data frame, CSV, subtitles, JSON and a page; `merc.annotation.export.files` writes them to disk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from merc.errors import DataError, MissingExtraError
from merc.files.printable import printable
from merc.files.validation import shorten

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any  # an optional extra: annotations must hold without it

Column = list[str] | list[float] | list[float | None]
_ROUNDING = 1e-6  # by which float32 may miss 1


@dataclass(frozen=True, slots=True)
class Absence:
    """A modality that was not there to judge by.

    Attributes:
        utterance_id: None stands for every utterance.
        modality: its name.
        reason: in words.
    """

    utterance_id: str | None
    modality: str
    reason: str


@dataclass(frozen=True, slots=True)
class AnnotatedUtterance:
    """One utterance and its judgement.

    Attributes:
        id: unique within the annotation.
        speaker: a name, or what stands for one.
        words: may be empty.
        start, end: seconds from the recording's start, or None.
        emotion: the most probable label.
        probabilities: of every label; they sum to 1.
        trust: modality -> share of trust; empty if the model has none.
        uncertainty: mean latent variance; None if the model has none.
        present: the modalities that it was judged by; with none, it was judged by its context alone.
    """

    id: str
    speaker: str
    words: str
    start: float | None
    end: float | None
    emotion: str
    probabilities: Mapping[str, float]
    trust: Mapping[str, float]
    uncertainty: float | None
    present: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a result was made of.

    Attributes:
        name: of the file, without its folder.
        sha256: of medium and transcript.
        kind: of the file.
        duration: seconds, or None.
        transcript: the transcript's file name, "recognised by MODEL", or None.
        model: facts by name: name, SHA-256 of the weights, version of merc, encoders.
    """

    name: str
    sha256: str
    kind: Literal["audio", "video", "text"]
    duration: float | None
    transcript: str | None
    model: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A conversation, annotated.

    Attributes:
        origin: what it was made of.
        labels: the label set, in the model's order.
        modalities: that the model takes.
        utterances: in the conversation's order.
        absences: what could not be used.
        warnings: what a user should know, a sentence each.

    Raises:
        DataError: labels, modalities or ids repeat, an utterance has an emotion or modality that is not among them, lacks the
            probability of a label, or holds a number that is not finite or no share.
    """

    origin: Origin
    labels: tuple[str, ...]
    modalities: tuple[str, ...]
    utterances: tuple[AnnotatedUtterance, ...]
    absences: tuple[Absence, ...]
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        for what, names in (
            ("label", self.labels),
            ("modality", self.modalities),
            ("utterance id", tuple(utterance.id for utterance in self.utterances)),
        ):
            if len(set(names)) < len(names):
                twice = next(name for place, name in enumerate(names) if name in names[:place])
                raise DataError(f"annotation: {what} {_shown(twice)} occurs more than once")
        if self.origin.duration is not None and not 0 <= self.origin.duration < math.inf:
            raise DataError(f"annotation: the duration is {self.origin.duration}; expected seconds from 0, or none")
        for utterance in self.utterances:
            self._check(utterance)

    def _check(self, utterance: AnnotatedUtterance) -> None:
        place = f"annotation, utterance {_shown(utterance.id)}"
        if set(utterance.probabilities) != set(self.labels):
            wrong = next(iter(sorted(set(utterance.probabilities) ^ set(self.labels))))
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

    def columns(self) -> dict[str, Column]:
        """The utterances as a table, column by column, all of one length.

        Columns: id, start, end (s), speaker, words, emotion, probability (of that emotion), `p_LABEL` for each label,
        `trust_MODALITY` for each modality (0 where it was absent, None where the model has no trust), uncertainty, present (the
        modalities, joined by `+`).
        """
        utterances = self.utterances
        found: dict[str, Column] = {
            "id": [utterance.id for utterance in utterances],
            "start": [utterance.start for utterance in utterances],
            "end": [utterance.end for utterance in utterances],
            "speaker": [utterance.speaker for utterance in utterances],
            "words": [utterance.words for utterance in utterances],
            "emotion": [utterance.emotion for utterance in utterances],
            "probability": [utterance.probabilities[utterance.emotion] for utterance in utterances],
        }
        for label in self.labels:
            found[f"p_{label}"] = [utterance.probabilities[label] for utterance in utterances]
        for modality in self.modalities:
            found[f"trust_{modality}"] = [u.trust.get(modality, 0.0) if u.trust else None for u in utterances]
        found["uncertainty"] = [utterance.uncertainty for utterance in utterances]
        found["present"] = ["+".join(utterance.present) for utterance in utterances]
        return found

    def to_dataframe(self) -> DataFrame:
        """The table of `columns` as a pandas data frame, a row an utterance; numbers that are None become NaN.

        Raises:
            MissingExtraError: the extra `pandas` is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("pandas", "a data frame") from error
        texts = ("id", "speaker", "words", "emotion", "present")
        columns = self.columns()
        return pandas.DataFrame(
            {name: pandas.Series(column, dtype="object" if name in texts else "float64") for name, column in columns.items()}
        )

    # What follows is made by modules that need this one, so they are imported late.

    def to_csv(self) -> str:
        """The table of `columns` as CSV (RFC 4180); see `merc.annotation.export.files.csv_text`."""
        from merc.annotation.export.files import csv_text

        return csv_text(self)

    def to_srt(self) -> str:
        """Subtitles such as `Ann [joy]: I got the job!`.

        Raises:
            DataError: an utterance has no start or no end, or there is none.
            MissingExtraError: the extra `subtitles` is not installed.
        """
        from merc.annotation.export.files import srt_text

        return srt_text(self)

    def to_json(self) -> str:
        """All of it, without loss: `from_json` gives an equal annotation."""
        from merc.annotation.export.files import json_text

        return json_text(self)

    @classmethod
    def from_json(cls, text: str) -> Annotation:
        """What `to_json` gave, read back.

        Raises:
            DataError: no JSON, of another format, or not consistent; the message names the place.
        """
        from merc.annotation.export.files import annotation_from_json

        return annotation_from_json(text)

    def to_html(self, medium: str | None = None) -> str:
        """The page that shows it: one file that asks for nothing but the recording.

        Args:
            medium: where the recording lies as seen from the page's folder, such as `talk.mp4`; a plain path, quoted here. None
                makes a page without a player.

        Raises:
            DataError: `medium` can't be a file's name.
        """
        from merc.annotation.export.page import render_page

        return render_page(self, medium)


def _shown(text: str) -> str:
    return repr(shorten(printable(text)))


def _listed(names: tuple[str, ...]) -> str:
    return shorten(printable(", ".join(names))) or "none"
