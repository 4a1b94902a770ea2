"""From a recording or a transcript to its emotions, stage by stage: source, transcript, sound, features, inference.

A modality is absent, with its reason in the result, if the recording is broken, the utterance lies outside it, or an extra is
missing. It is an error only if no utterance of a conversation has any modality.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, cast

import numpy as np

from merc.annotation.annotation import Annotation
from merc.annotation.cache import FeatureCache
from merc.annotation.features import SoundFeatures, text_rows
from merc.annotation.media.recording import Sound
from merc.annotation.media.sources import Given, Source, TranscriptSource, content_digest, given
from merc.annotation.open_file import opened_file
from merc.annotation.options import Options
from merc.annotation.result import Origin
from merc.annotation.sound import (
    NO_SOUND,
    RecordedSound,
    on_recordings_clock,
    recorded_sound,
    sound_features,
    unnamed_speakers,
    with_sound,
)
from merc.annotation.speech.recognition import recognise, speech_recogniser
from merc.annotation.speech.voices import streamed
from merc.annotation.transcripts.reading import MOST_BYTES, read_transcript, read_transcripts
from merc.annotation.transcripts.transcript import Transcript, in_recording, numbered
from merc.data.schema import Absence, Conversation, Utterance
from merc.encoders.derivation import with_derived
from merc.encoders.interface import Clip, Encoder
from merc.encoders.resolver import FeatureResolver, FeatureSource, Input
from merc.encoders.text.dialogue import DialogueEncoder
from merc.encoders.text.languages import foreign_words
from merc.errors import DataError, FeatureError, MercError, MissingExtraError, RunError
from merc.files.arguments import checked, shown
from merc.files.encoding import decode
from merc.files.printable import printable
from merc.inference.card import encoder_shown
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.settings import Progress, no_progress


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What the stages share.

    Attributes:
        recording: None where there is none, or none that can be read.
        unreadable: why there is no `recording`; else empty.
        sources: where each feature of the model comes from.
        warnings: what a user should know; the stages add to it.
        reasons: feature that is encoded -> why no utterance has it; likewise.
    """

    given: Given
    recording: RecordedSound | None
    unreadable: str
    options: Options
    features: FeatureResolver
    sources: Sequence[FeatureSource]
    cache: FeatureCache
    hook: Progress
    warnings: list[str]
    reasons: dict[str, str] = field(default_factory=dict[str, str])


def annotate(
    source: Source,
    transcript: TranscriptSource | None = None,
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
        name: of a source that has none, such as an open file; its suffix decides whether it is a transcript.
        transcript_name: likewise, of the transcript.
        hook: called on the way with what is done at present, how much of it is done, and how much there is or None.

    Returns:
        The utterances of the transcript, each with its emotion. A table that holds several conversations gives them one by one.

    Raises:
        DataError: nothing is there, or nothing to judge by; a recording's transcript holds several conversations.
        FeatureError: no feature of the model can be made.
        RunError: no such model or device, or an argument of another type.
        MissingExtraError: words are to be recognised, and what does it is not installed; or what reads the transcript is not.

    Example:
        >>> import merc
        >>> found = merc.annotate([merc.Utterance("1", "Ann", "I got the job!")])
        >>> found.conversations[0].utterances[0].emotion
        'joy'
    """
    checked(options, (Options, type(None)), "options", "merc.Options", RunError)
    if not callable(hook):
        raise RunError(f"hook: expected a function of stage, done and total, found {shown(hook)}")
    options = options or Options()
    judge = model if isinstance(model, Recogniser) else load(model)
    if options.device is not None:
        judge.to(options.device)
    work = _begun(given(source, transcript, name, transcript_name), options, judge.features, hook)
    transcripts, read_from = _transcripts(work)
    sound = _sound(work, transcripts[0].utterances)
    conversations = _with_words(work, [with_sound(one, sound, work.given.name) for one in transcripts])
    work.warnings.extend(unnamed_speakers(transcripts, conversations))
    if any(feature.input == "words" and feature.base.key not in work.reasons for feature in work.sources):
        work.warnings.extend(foreign_words(conversations, judge.record.languages))
    absences = [_absences(work, conversation, sound) for conversation in conversations]
    _refuse_empty(work.given.name, conversations, absences)
    total = float(sum(map(len, conversations)))
    hook("judging", 0.0, total)
    judged = judge.judge(conversations)
    hook("judging", total, total)
    info = None if work.recording is None else work.recording.info
    return Annotation(
        Origin(
            name=work.given.name,
            sha256=content_digest(work.given, options.speakers),
            kind="text" if work.given.medium is None else "audio" if info is None else info.kind,
            duration=None if info is None else info.duration,
            transcript=read_from,
            model=_about(judge),
            speakers=None if options.speakers is None else Path(options.speakers).name,
        ),
        tuple(replace(one, absences=tuple(missing)) for one, missing in zip(judged, absences, strict=True)),
        tuple(dict.fromkeys(work.warnings)),
    )


def _begun(chosen: Given, options: Options, features: FeatureResolver, hook: Progress) -> _Work:
    """Inspects the recording. One that can't be read is absent if there is a transcript, else an error."""
    recording, unreadable, warnings = None, "there is no recording", list(chosen.warnings)
    if chosen.medium is not None:
        try:
            recording, unreadable = recorded_sound(chosen.medium, chosen.name, options.channels), ""
        except MercError as error:
            if chosen.transcript is None and not isinstance(chosen.medium, (Path, Sound)) and not PurePath(chosen.name).suffix:
                raise DataError(f"{error}. An open transcript is known by its name, such as name='chat.csv'") from error
            if chosen.transcript is None:
                raise
            unreadable = str(error)
    if recording is not None:
        warnings += recording.warnings
    sources = features.resolve((), ("words",) if chosen.medium is None else ("words", "sound"))
    cache = FeatureCache(options.cache, warnings.append)
    return _Work(chosen, recording, unreadable, options, features, sources, cache, hook, warnings)


def _transcripts(work: _Work) -> tuple[tuple[Transcript, ...], str | None]:
    """Who said what, of each conversation, and where that was read; its warnings join the others."""
    transcript, name = work.given.transcript, work.given.transcript_name
    if work.options.tiers and (transcript is None or isinstance(transcript, Transcript)):
        raise DataError(f"{printable(work.given.name)}: tiers were named, and there is no annotation file to read them from")
    if isinstance(transcript, Transcript):
        found = (transcript,)
    elif transcript is not None:
        work.hook("reading the transcript", 0.0, None)
        encoding, tiers = work.options.encoding, work.options.tiers
        if work.given.medium is None:
            found = read_transcripts(transcript, name, encoding=encoding, tiers=tiers)
        else:
            found = (in_recording(read_transcript(transcript, name, encoding=encoding, tiers=tiers), work.given.name),)
    else:
        found, name = _recognised(work)
    if work.options.speakers is not None:
        found = (_with_turns(found, Path(work.options.speakers)),)
    if transcript is not None and work.recording is not None:
        found = (on_recordings_clock(work.recording, found[0], name, work.options.clock),)
    work.warnings.extend(warning for one in found for warning in one.warnings)
    if not found[0].utterances:
        nothing_recognised = "; ".join(found[0].warnings) if transcript is None else ""
        raise DataError(f"{work.given.name}: {nothing_recognised or 'the transcript has no utterance'}")
    return found, name


def _with_turns(transcripts: Sequence[Transcript], path: Path) -> Transcript:
    """The only transcript with the speakers of an RTTM file."""
    from merc.annotation.transcripts.annotation_files.nist import read_rttm, with_speakers

    name = printable(path.name)
    if len(transcripts) > 1:
        raise DataError(f"{name}: turns of one conversation; the transcript holds {len(transcripts)}")
    with opened_file(path, str(path), "turns of speakers in RTTM") as file:
        turns = read_rttm(decode(file.read(MOST_BYTES), name).text, name)
    utterances, warnings = with_speakers(transcripts[0].utterances, turns)
    return replace(transcripts[0], utterances=utterances, warnings=(*transcripts[0].warnings, *warnings))


def _recognised(work: _Work) -> tuple[tuple[Transcript, ...], str]:
    """The words that are recognised in the recording, channel by channel where each is one speaker's, and by what."""
    recording = work.recording
    assert recording is not None, "without a transcript, a recording that can't be read is an error"
    info = recording.info
    speech = speech_recogniser(work.options.speech, work.features.device)
    channels = [None] if recording.channels is None else range(recording.channels)
    parts: list[Transcript] = []
    for number, channel in enumerate(channels):

        def report(seconds: float, before: float = (info.duration or 0.0) * number) -> None:
            work.hook("recognising words", before + seconds, None if info.duration is None else info.duration * len(channels))

        parts.append(recognise(streamed(recording.medium, recording.name, channel), speech, channel, report))
    utterances = sorted((u for part in parts for u in part.utterances), key=lambda u: u.start or 0.0)
    warnings = tuple(warning for part in parts for warning in part.warnings)
    return (Transcript(numbered(utterances), warnings),), f"recognised by {speech.name}"


def _encoders(work: _Work, wanted: Input) -> dict[str, Encoder[Any] | DialogueEncoder]:
    """Feature -> its encoder, for all that is to be encoded of words or of sound; `work.reasons` says which can't be had."""
    found: dict[str, Encoder[Any] | DialogueEncoder] = {}
    for base in dict.fromkeys(source.base for source in work.sources if source.input == wanted):
        try:
            found[base.key] = work.features.encoder(base)
        except (FeatureError, MissingExtraError) as error:
            work.reasons[base.key] = str(error)
    return found


def _sound(work: _Work, utterances: Sequence[Utterance]) -> SoundFeatures:
    """What the recording, which is read once, gives of each utterance; if it can't be read, `work.reasons` says why."""
    recording = work.recording
    if recording is None:
        work.reasons.update({feature.base.key: work.unreadable for feature in work.sources if feature.input == "sound"})
        return NO_SOUND
    encoders = cast("dict[str, Encoder[Clip | None]]", _encoders(work, "sound"))
    duration = recording.info.duration

    def report(seconds: float) -> None:
        work.hook("listening", seconds, duration)

    try:
        return sound_features(recording, utterances, encoders, work.cache, report)
    except (DataError, MissingExtraError) as error:
        work.reasons.update(dict.fromkeys(encoders, str(error)))
        return NO_SOUND


def _with_words(work: _Work, conversations: Sequence[Conversation]) -> list[Conversation]:
    """The conversations with their words' features, and with those that follow from others."""
    encoders = cast("dict[str, Encoder[str | None] | DialogueEncoder]", _encoders(work, "words"))
    total = float(sum(map(len, conversations)))
    completed: list[Conversation] = []
    for conversation in conversations:

        def report(encoded: int, before: float = float(sum(map(len, completed)))) -> None:
            work.hook("reading words", before + encoded, total)

        rows = {key: text_rows(conversation, encoder, work.cache, report) for key, encoder in encoders.items()}
        found = conversation.with_features(rows)
        for source in work.sources:
            found = with_derived(found, source.spec)
        completed.append(found)
    return completed


def _absences(work: _Work, conversation: Conversation, sound: SoundFeatures) -> list[Absence]:
    """Of each modality that some utterance lacks: one entry for all that lack it for one reason, or one an utterance."""
    found: list[Absence] = []
    for source in work.sources:
        modality, key = source.spec.modality, source.base.key
        reason = source.reason or work.reasons.get(key, "")
        each = sound.reasons.get(key) or ["" if u.words else "it has no words" for u in conversation.utterances]
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
    if judge.record.languages:
        about["languages"] = ", ".join(judge.record.languages)
    return about | {spec.modality: f"{encoder_shown(spec)}, version {spec.version}" for spec in judge.preprocessor.specs}
