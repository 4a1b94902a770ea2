"""From a recording or a transcript to its emotions, stage by stage: source, transcript, sound, features, inference.

What can't be had is absent, with its reason in the result: a broken medium, an utterance outside it, a missing extra. Only where
nothing is left to judge by is there an error.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from merc.annotation.annotation import Annotation
from merc.annotation.cache import FeatureCache
from merc.annotation.features import Heard, sound_rows, text_rows
from merc.annotation.media.clips import inspect
from merc.annotation.media.decoding import MediaInfo, MediaSource
from merc.annotation.media.sources import Given, Said, Source, content_digest, given
from merc.annotation.options import Options
from merc.annotation.result import Origin
from merc.annotation.speech.recognition import recognise, speech_recogniser
from merc.annotation.speech.voices import UNNAMED, channel_name, streamed, utterance_clips
from merc.annotation.transcripts.reading import read_transcript, read_transcripts
from merc.annotation.transcripts.transcript import Transcript, numbered
from merc.data.schema import Absence, Conversation, Utterance
from merc.encoders.derivation import with_derived
from merc.encoders.interface import Clip, Encoder
from merc.encoders.resolver import FeatureResolver, FeatureSource, Input
from merc.encoders.text.dialogue import DialogueEncoder
from merc.errors import DataError, FeatureError, MercError, MissingExtraError
from merc.files.printable import printable
from merc.inference.card import encoder_shown
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.settings import Progress, no_progress


@dataclass(frozen=True, slots=True, eq=False)
class _Medium:
    """A recording that was given, or why it can't be listened to."""

    source: MediaSource | None
    info: MediaInfo | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What the stages share.

    Attributes:
        name: of what is annotated.
        sources: where each feature of the model comes from.
        warnings: what a user should know, as far as it is known yet.
        reasons: feature that is encoded -> why none of it can be had; likewise.
    """

    name: str
    medium: _Medium
    options: Options
    features: FeatureResolver
    sources: Sequence[FeatureSource]
    hook: Progress
    warnings: list[str]
    reasons: dict[str, str] = field(default_factory=dict[str, str])


def annotate(
    source: Source,
    transcript: Said | None = None,
    *,
    model: Recogniser | str | Path | None = None,
    options: Options | None = None,
    name: str | None = None,
    transcript_name: str | None = None,
    hook: Progress = no_progress,
) -> Annotation:
    """Annotates one recording or transcript with emotions.

    Args:
        source: a recording (path, file opened as bytes, `Sound` for arrays), or a transcript (path, open file, `Transcript` or
            utterances), which is judged by its words alone.
        transcript: of the recording. None takes a file of the same name that lies beside the recording; where there is none, words
            are recognised.
        model: a loaded one, which serves any number of recordings; or what `merc.load` takes, None being the shipped one.
        options: how.
        name: of a source that has none, such as an open file; its suffix tells a transcript.
        transcript_name: likewise, of the transcript.
        hook: called on the way with what is done at present, how much of it is done, and how much there is or None.

    Returns:
        The utterances of the transcript, each with its emotion. A table that holds several conversations gives them one by one.

    Raises:
        DataError: nothing is there, or nothing to judge by; a recording's transcript holds several conversations.
        FeatureError: no feature of the model can be made.
        RunError: no such model.
        MissingExtraError: words are to be recognised, and what does it is not installed; or what reads the transcript is not.

    Example:
        >>> import merc
        >>> found = merc.annotate([merc.Utterance("1", "Ann", "I got the job!")])
        >>> found.conversations[0].utterances[0].emotion
        'joy'
    """
    options = options or Options()
    judge = model if isinstance(model, Recogniser) else load(model)
    if options.device is not None:
        judge.to(options.device)
    chosen = given(source, transcript, name, transcript_name)
    medium = _opened(chosen)
    said, read_from = _transcripts(chosen, medium, options, judge.features.device, hook)
    warnings = [*chosen.warnings, *(warning for one in said for warning in one.warnings)]
    sources = judge.features.resolve((), ("words",) if medium.source is None else ("words", "sound"))
    work = _Work(chosen.name, medium, options, judge.features, sources, hook, warnings)
    cache = FeatureCache(options.cache, warnings.append)
    heard = _heard(work, said[0].utterances, cache)
    conversations = _with_words(work, [_conversation(one, heard, chosen.name) for one in said], cache)
    warnings += _unnamed(said, conversations)
    absences = [_absences(work, conversation, heard) for conversation in conversations]
    _refuse_empty(chosen.name, conversations, absences)
    total = float(sum(map(len, conversations)))
    hook("judging", 0.0, total)
    judged = judge.judge(conversations)
    hook("judging", total, total)
    return Annotation(
        Origin(
            name=chosen.name,
            sha256=content_digest(chosen),
            kind="text" if medium.source is None else "audio" if medium.info is None else medium.info.kind,
            duration=None if medium.info is None else medium.info.duration,
            transcript=read_from,
            model=_about(judge),
        ),
        tuple(replace(one, absences=tuple(missing)) for one, missing in zip(judged, absences, strict=True)),
        tuple(dict.fromkeys(warnings)),
    )


def _opened(chosen: Given) -> _Medium:
    """What the recording is. One that can't be read is absent where there are words to judge by."""
    if chosen.medium is None:
        return _Medium(None, None, "there is no recording")
    try:
        return _Medium(chosen.medium, inspect(chosen.medium, chosen.name), "")
    except MercError as error:
        if chosen.transcript is None:
            raise
        return _Medium(chosen.medium, None, str(error))


def _transcripts(
    chosen: Given, medium: _Medium, options: Options, device: str, hook: Progress
) -> tuple[tuple[Transcript, ...], str | None]:
    """Who said what, of each conversation, and where that was read."""
    if chosen.transcript is not None:
        if isinstance(chosen.transcript, Transcript):
            found = (chosen.transcript,)
        else:
            hook("reading the transcript", 0.0, None)
            read_from = chosen.transcript, chosen.transcript_name
            found = read_transcripts(*read_from) if medium.source is None else (read_transcript(*read_from),)
        if not found[0].utterances:
            raise DataError(f"{chosen.name}: the transcript has no utterance")
        return found, chosen.transcript_name
    if medium.source is None or medium.info is None:
        raise DataError(f"{chosen.name}: {medium.reason}, and there is no transcript, so there is nothing to judge by")
    speech = speech_recogniser(options.speech, device)
    duration = medium.info.duration
    channels = range(medium.info.channels) if _by_channel(options, medium.info) else [None]
    parts: list[Transcript] = []
    for number, channel in enumerate(channels):

        def told(seconds: float, before: float = (duration or 0.0) * number) -> None:
            hook("recognising words", before + seconds, None if duration is None else duration * len(channels))

        parts.append(recognise(streamed(medium.source, chosen.name, channel), speech, channel, told))
    utterances = sorted((u for part in parts for u in part.utterances), key=_start)
    warnings = tuple(warning for part in parts for warning in part.warnings)
    if not utterances:
        raise DataError(f"{chosen.name}: {'; '.join(warnings)}")
    return (Transcript(numbered(utterances), warnings),), f"recognised by {speech.name}"


def _by_channel(options: Options, info: MediaInfo) -> bool:
    return options.channels == "speakers" and info.channels > 1


def _start(utterance: Utterance) -> float:
    return math.inf if utterance.start is None else utterance.start


def _encoders(work: _Work, wanted: Input) -> dict[str, Encoder[Any] | DialogueEncoder]:
    """Feature -> its encoder, for all that is to be encoded of words or of sound; `work.reasons` says which can't be had."""
    found: dict[str, Encoder[Any] | DialogueEncoder] = {}
    for base in dict.fromkeys(source.base for source in work.sources if source.input == wanted):
        try:
            found[base.key] = work.features.encoder(base)
        except (FeatureError, MissingExtraError) as error:
            work.reasons[base.key] = str(error)
    return found


def _heard(work: _Work, utterances: Sequence[Utterance], cache: FeatureCache) -> Heard:
    """What the recording, which is read once, gives of each utterance; if it can't be read, `work.reasons` says why."""
    nothing = Heard({}, {}, ())
    info, source = work.medium.info, work.medium.source
    if info is None or source is None:
        work.reasons.update({feature.base.key: work.medium.reason for feature in work.sources if feature.input == "sound"})
        return nothing
    if work.options.channels == "speakers" and info.channels == 1:
        work.warnings.append("the recording has one channel, so channels do not tell speakers apart")
    by_channel = _by_channel(work.options, info)
    encoders = cast("dict[str, Encoder[Clip | None]]", _encoders(work, "sound"))
    if not encoders and not (by_channel and any(u.speaker is None for u in utterances)):
        return nothing

    def told(seconds: float) -> None:
        work.hook("listening", seconds, info.duration)

    clips = utterance_clips(source, utterances, work.name, info.channels if by_channel else None, told)
    try:
        return sound_rows(clips, len(utterances), encoders, cache)
    except (DataError, MissingExtraError) as error:
        work.reasons.update(dict.fromkeys(encoders, str(error)))
        return nothing


def _conversation(said: Transcript, heard: Heard, name: str) -> Conversation:
    """The utterances with speakers and channels as far as they are known, and with their sound's features."""
    channels = heard.channels or [None] * len(said.utterances)
    utterances: list[Utterance] = []
    for u, heard_in in zip(said.utterances, channels, strict=True):
        channel = heard_in if u.channel is None else u.channel
        speaker = u.speaker or (UNNAMED if channel is None else channel_name(channel))
        words = u.words if u.words and u.words.strip() else None
        utterances.append(replace(u, speaker=speaker, channel=channel, words=words))
    return Conversation(said.conversation or name, tuple(utterances), heard.rows)


def _unnamed(said: Sequence[Transcript], conversations: Sequence[Conversation]) -> list[str]:
    """What a user should know of utterances whose speaker nothing tells."""
    pairs = [pair for one, c in zip(said, conversations, strict=True) for pair in zip(one.utterances, c.utterances, strict=True)]
    count = sum(not given.speaker and known.channel is None for given, known in pairs)
    if not count:
        return []
    which = "no turn names its speaker" if count == len(pairs) else f"{count} of {len(pairs)} turns name no speaker"
    return [f"{which}: they count as one speaker's, {UNNAMED!r}"]


def _with_words(work: _Work, conversations: Sequence[Conversation], cache: FeatureCache) -> list[Conversation]:
    """The conversations with their words' features, and with those that follow from others."""
    encoders = cast("dict[str, Encoder[str | None] | DialogueEncoder]", _encoders(work, "words"))
    total = float(sum(map(len, conversations)))
    completed: list[Conversation] = []
    for conversation in conversations:
        done = float(sum(map(len, completed)))

        def told(encoded: int, before: float = done) -> None:
            work.hook("reading words", before + encoded, total)

        rows = {key: text_rows(conversation, encoder, cache, told) for key, encoder in encoders.items()}
        found = conversation.with_features(rows)
        for source in work.sources:
            found = with_derived(found, source.spec)
        completed.append(found)
    return completed


def _absences(work: _Work, conversation: Conversation, heard: Heard) -> list[Absence]:
    """Of each modality that some utterance lacks: one entry for all that lack it for one reason, or one an utterance."""
    found: list[Absence] = []
    for source in work.sources:
        modality, key = source.spec.modality, source.base.key
        reason = source.reason or work.reasons.get(key, "")
        each = heard.reasons.get(key) or ["" if u.words else "it has no words" for u in conversation.utterances]
        if reason or len(set(each)) == 1:
            found += [Absence(None, modality, reason or each[0])] if reason or each[0] else []
        else:
            found += [Absence(u.id, modality, why) for u, why in zip(conversation.utterances, each, strict=True) if why]
    return found


def _refuse_empty(name: str, conversations: Sequence[Conversation], absences: Sequence[Sequence[Absence]]) -> None:
    """Raises FeatureError if some conversation has nothing to be judged by."""
    for conversation, missing in zip(conversations, absences, strict=True):
        if all(np.isnan(rows).all() for rows in conversation.features.values()):
            reasons = "; ".join(dict.fromkeys(f"{absence.modality}: {absence.reason}" for absence in missing))
            raise FeatureError(f"{printable(name)}: there is nothing to judge by; {reasons}")


def _about(judge: Recogniser) -> dict[str, str]:
    about = {"name": judge.name, "sha256": judge.weights_sha256(), "merc": importlib.metadata.version("merc")}
    if (trained := judge.record.corpus.get("name")) is not None:
        about["trained on"] = str(trained)
    return about | {spec.modality: f"{encoder_shown(spec)}, version {spec.version}" for spec in judge.preprocessor.specs}
