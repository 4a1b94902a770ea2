"""From a recording or a transcript to its emotions: what is given is read, encoded, judged.

What can't be had is absent, with its reason in the result: a broken medium, an utterance outside it, a missing extra. Only where
nothing is left to judge by is there an error.
"""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from merc.annotation.cache import FeatureCache
from merc.annotation.features import sound_rows, text_rows
from merc.annotation.media.clips import inspect
from merc.annotation.media.decoding import MediaInfo, MediaSource, OpenFile, Sound
from merc.annotation.media.sources import Given, content_digest, given
from merc.annotation.options import Hook, Options
from merc.annotation.result import Absence, AnnotatedUtterance, Annotation, Origin
from merc.annotation.speech.recognition import recognise, speech_recogniser
from merc.annotation.speech.voices import UNNAMED, channel_name, streamed, turn_clips
from merc.annotation.transcripts.reading import read_transcript
from merc.annotation.transcripts.transcript import Transcript, Turn
from merc.data.schema import Conversation, Utterance
from merc.encoders.derivation import with_derived
from merc.encoders.interface import Clip, Encoder
from merc.encoders.resolver import FeatureSource, Input
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import DataError, FeatureError, MercError, MissingExtraError
from merc.inference.loading import load
from merc.inference.predictions import JudgedConversation
from merc.inference.recogniser import Recogniser

NO_SOUND = "there is no recording"
CONVERSATION = "conversation"  # the id that a recording's conversation has for the model; nothing depends on it


@dataclass(frozen=True, slots=True, eq=False)
class _Medium:
    """A recording that was given, or why it can't be listened to."""

    source: MediaSource | None
    info: MediaInfo | None
    reason: str


class Annotator:
    """A model with its encoders, loaded once and used for any number of recordings.

    Args:
        options: how.
        model: in place of the one that the options name.

    Raises:
        RunError: no such model.
    """

    def __init__(self, options: Options | None = None, model: Recogniser | None = None) -> None:
        self.options = options or Options()
        self.model = (model or load(self.options.model)).to(self.options.device)

    def annotate(
        self,
        source: str | Path | OpenFile | Sound | Transcript,
        transcript: str | Path | OpenFile | Transcript | None = None,
        *,
        name: str | None = None,
        transcript_name: str | None = None,
        hook: Hook = lambda _what, _done, _total: None,
    ) -> Annotation:
        """Annotates one recording or transcript; see `annotate`."""
        chosen = given(source, transcript, name, transcript_name)
        medium = _opened(chosen)
        warnings = list(chosen.warnings)
        said, read_from = self._transcript(chosen, medium, hook)
        warnings += said.warnings
        turns = said.turns
        absences: list[Absence] = []
        conversation = Conversation(CONVERSATION, _utterances(turns, None))
        channels: Sequence[int | None] = [None] * len(turns)
        inputs: tuple[Input, ...] = ("words",) if medium.source is None else ("words", "sound")
        sources = self.model.features.resolve((), inputs)
        absences += [Absence(None, feature.spec.modality, feature.reason) for feature in sources if feature.origin == "absent"]
        for feature in sources:
            if feature.input == "sound":
                conversation, channels, missing = self._with_sound(
                    conversation, turns, feature, medium, chosen.name, hook, warnings
                )
                absences += missing
        if any(turn.speaker is None for turn in turns):
            conversation = Conversation(CONVERSATION, _utterances(turns, channels), conversation.features)
            warnings += _unnamed(turns, channels)
        for feature in sources:
            if feature.input == "words":
                conversation, missing = self._with_words(conversation, feature, hook, warnings)
                absences += missing
            elif feature.input == "sound":
                conversation = with_derived(conversation, feature.spec)
        hook("judging", 0.0, float(len(turns)))
        (judged,) = self.model.judge([conversation])
        hook("judging", float(len(turns)), float(len(turns)))
        return Annotation(
            origin=Origin(
                name=chosen.name,
                sha256=content_digest(chosen),
                kind="text" if medium.source is None else "audio" if medium.info is None else medium.info.kind,
                duration=None if medium.info is None else medium.info.duration,
                transcript=read_from,
                model=self._about_model(),
            ),
            labels=self.model.label_set.names,
            modalities=self.model.modalities,
            utterances=_annotated(turns, conversation, judged),
            absences=tuple(absences),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    def _transcript(self, chosen: Given, medium: _Medium, hook: Hook) -> tuple[Transcript, str | None]:
        """Who said what, and where that was read."""
        if isinstance(chosen.transcript, Transcript):
            if not chosen.transcript.turns:
                raise DataError(f"{chosen.name}: the transcript has no turn")
            return chosen.transcript, chosen.transcript_name
        if chosen.transcript is not None:
            hook("reading the transcript", 0.0, None)
            return read_transcript(chosen.transcript, chosen.transcript_name), chosen.transcript_name
        if medium.source is None or medium.info is None:
            raise DataError(f"{chosen.name}: {medium.reason}, and there is no transcript, so there is nothing to judge by")
        speech = speech_recogniser(self.options.speech, self.options.device)
        source, duration = medium.source, medium.info.duration
        parts: list[Transcript] = []
        channels = range(medium.info.channels) if self._by_channel(medium.info) else [None]
        for number, channel in enumerate(channels):
            total = None if duration is None else duration * len(channels)

            def told(seconds: float, before: float = (duration or 0.0) * number, total: float | None = total) -> None:
                hook("recognising words", before + seconds, total)

            parts.append(recognise(streamed(source, chosen.name, channel), speech, channel, told))
        turns = sorted((turn for part in parts for turn in part.turns), key=_start)
        warnings = tuple(warning for part in parts for warning in part.warnings)
        if not turns:
            raise DataError(f"{chosen.name}: {'; '.join(warnings)}")
        return Transcript(tuple(turns), warnings), f"recognised by {speech.name}"

    def _by_channel(self, info: MediaInfo) -> bool:
        return self.options.channels == "speakers" and info.channels > 1

    def _with_sound(
        self,
        conversation: Conversation,
        turns: Sequence[Turn],
        feature: FeatureSource,
        medium: _Medium,
        name: str,
        hook: Hook,
        warnings: list[str],
    ) -> tuple[Conversation, Sequence[int | None], list[Absence]]:
        """The conversation with its sound's features, the channel of each turn, and what is absent."""
        channels: Sequence[int | None] = [turn.channel for turn in turns]
        spec = feature.spec
        if medium.source is None or medium.info is None:
            return conversation, channels, [Absence(None, spec.modality, medium.reason)]
        try:
            encoder = cast("Encoder[Clip | None]", self.model.features.encoder(feature.base))
        except (FeatureError, MissingExtraError) as error:
            return conversation, channels, [Absence(None, spec.modality, str(error))]
        if self.options.channels == "speakers" and medium.info.channels == 1:
            warnings.append("the recording has one channel, so channels do not tell speakers apart")
        duration = medium.info.duration
        try:
            heard = sound_rows(
                turn_clips(
                    medium.source,
                    turns,
                    name,
                    medium.info.channels if self._by_channel(medium.info) else None,
                    lambda seconds: hook("listening", seconds, duration),
                ),
                len(turns),
                encoder,
                self._cache(warnings),
            )
        except (DataError, MissingExtraError) as error:
            return conversation, channels, [Absence(None, spec.modality, str(error))]
        found = conversation.with_features({feature.base.key: heard.rows})
        return found, heard.channels, _absences(spec.modality, found, heard.reasons)

    def _with_words(
        self, conversation: Conversation, feature: FeatureSource, hook: Hook, warnings: list[str]
    ) -> tuple[Conversation, list[Absence]]:
        """The conversation with its words' features, and what is absent."""
        spec = feature.spec
        try:
            encoder = cast("Encoder[str | None] | DialogueEncoder", self.model.features.encoder(spec))
        except (FeatureError, MissingExtraError) as error:
            return conversation, [Absence(None, spec.modality, str(error))]
        total = float(len(conversation))
        rows = text_rows(conversation, encoder, self._cache(warnings), lambda done: hook("reading words", float(done), total))
        said = ["" if u.words else "it has no words" for u in conversation.utterances]
        return conversation.with_features({spec.key: rows}), _absences(spec.modality, conversation, said)

    def _cache(self, warnings: list[str]) -> FeatureCache:
        return FeatureCache(self.options.cache, warnings.append)

    def _about_model(self) -> dict[str, str]:
        about = {"name": self.model.name, "merc": importlib.metadata.version("merc")}
        if (trained := self.model.record.corpus.get("name")) is not None:
            about["trained on"] = str(trained)
        for spec in self.model.preprocessor.specs:
            encoder = Path(spec.encoder).name if Path(spec.encoder).is_absolute() else spec.encoder
            about[spec.modality] = f"{encoder}, version {spec.version}"
        return about


def annotate(
    source: str | Path | OpenFile | Sound | Transcript,
    transcript: str | Path | OpenFile | Transcript | None = None,
    *,
    options: Options | None = None,
    name: str | None = None,
    transcript_name: str | None = None,
    hook: Hook = lambda _what, _done, _total: None,
) -> Annotation:
    """Annotates one recording or transcript with emotions.

    Args:
        source: a recording (path, file opened as bytes, `Sound` for arrays), or a transcript, which is judged by its words alone.
        transcript: of the recording. None takes a file of the same name that lies beside the recording; where there is none, words
            are recognised.
        options: which model, and how; None is the shipped model. To annotate many recordings, make one `Annotator`.
        name: of a source that has none, such as an open file; its suffix tells a transcript.
        transcript_name: likewise, of the transcript.
        hook: called on the way with what is done at present, how much of it is done, and how much there is or None.

    Returns:
        One utterance for each turn of the transcript.

    Raises:
        DataError: nothing is there, or nothing to judge by.
        RunError: no such model.
        MissingExtraError: words are to be recognised, and what does it is not installed; or what reads the transcript is not.
    """
    return Annotator(options).annotate(source, transcript, name=name, transcript_name=transcript_name, hook=hook)


def _opened(chosen: Given) -> _Medium:
    """What the recording is. One that can't be read is absent where there are words to judge by."""
    if chosen.medium is None:
        return _Medium(None, None, NO_SOUND)
    try:
        return _Medium(chosen.medium, inspect(chosen.medium, chosen.name), "")
    except MercError as error:
        if chosen.transcript is None:
            raise
        return _Medium(chosen.medium, None, str(error))


def _utterances(turns: Sequence[Turn], channels: Sequence[int | None] | None) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(
            str(i + 1),
            turn.speaker or _fallback_speaker(turn, None if channels is None else channels[i]),
            words=turn.words if turn.words.strip() else None,
            start=turn.start,
            end=turn.end,
        )
        for i, turn in enumerate(turns)
    )


def _fallback_speaker(turn: Turn, channel: int | None) -> str:
    """What a speaker without a name is called."""
    known = turn.channel if turn.channel is not None else channel
    return UNNAMED if known is None else channel_name(known)


def _unnamed(turns: Sequence[Turn], channels: Sequence[int | None]) -> list[str]:
    """What a user should know of turns whose speaker nothing tells."""
    count = sum(turn.speaker is None and turn.channel is None and channels[i] is None for i, turn in enumerate(turns))
    if not count:
        return []
    which = "no turn names its speaker" if count == len(turns) else f"{count} of {len(turns)} turns name no speaker"
    return [f"{which}: they count as one speaker's, {UNNAMED!r}"]


def _absences(modality: str, conversation: Conversation, reasons: Sequence[str]) -> list[Absence]:
    """An entry for each utterance that lacks a modality, or one for all if all lack it for one reason."""
    counts = Counter(reasons)
    if len(counts) == 1 and reasons[0]:
        return [Absence(None, modality, reasons[0])]
    return [Absence(u.id, modality, r) for u, r in zip(conversation.utterances, reasons, strict=True) if r]


def _annotated(turns: Sequence[Turn], conversation: Conversation, judged: JudgedConversation) -> tuple[AnnotatedUtterance, ...]:
    return tuple(
        AnnotatedUtterance(
            id=utterance.id,
            speaker=utterance.speaker or UNNAMED,
            words=turn.words,
            start=utterance.start,
            end=utterance.end,
            emotion=emotion.emotion,
            probabilities=emotion.probabilities,
            trust=emotion.trust,
            uncertainty=emotion.uncertainty,
            present=emotion.present,
        )
        for turn, utterance, emotion in zip(turns, conversation.utterances, judged.utterances, strict=True)
    )


def _start(turn: Turn) -> float:
    return np.inf if turn.start is None else turn.start
