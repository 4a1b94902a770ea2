"""The recordings of labelled talks, and the features of their sound, made as annotation makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from merc.annotation.cache import FeatureCache
from merc.annotation.features import SoundFeatures
from merc.annotation.labelled.contents import LabelledTalk, listed
from merc.annotation.labelled.transcript import LabelledTranscript
from merc.annotation.media.pairing import recordings_of
from merc.annotation.options import SoundOptions
from merc.annotation.sound import (
    NO_SOUND,
    RecordedSound,
    on_recordings_clock,
    recorded_sound,
    sound_features,
    unnamed_speakers,
    with_sound,
)
from merc.annotation.transcripts.annotation_files.linked import recording_among
from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.transcript import Transcript, in_recording
from merc.data.schema import Conversation
from merc.encoders.derivation import PRAAT
from merc.encoders.interface import Clip, Encoder
from merc.encoders.resolver import FeatureResolver
from merc.errors import DataError, MissingExtraError
from merc.files.printable import printable
from merc.settings import Progress

_Conversations = Mapping[str, tuple[LabelledTalk, LabelledTranscript]]


@dataclass(frozen=True, slots=True)
class Recordings:
    """The recordings of talks.

    Attributes:
        of_talks: base of a talk -> its recording, for those that have one.
        warnings: of the choice, and of those that a file names and that are not there; a sentence each.
    """

    of_talks: Mapping[str, Path]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HeardTalks:
    """The conversations of labelled talks.

    Attributes:
        conversations: in the order in which they were given, with `PRAAT` where their sound could be had.
        warnings: a sentence each.
    """

    conversations: tuple[Conversation, ...]
    warnings: tuple[str, ...]


def find_recordings(talks: Sequence[LabelledTalk]) -> Recordings:
    """The recording that a talk's file names, if it lies beside it or below its folder; or else the one of its name beside it."""
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}  # name of the file -> of the recording
    warnings: list[str] = []
    beside_them = _beside([talk.path for talk in talks])
    for talk in talks:
        files = ((talk.path, talk.file), *talk.copies)
        media = [(path, medium) for path, file in files for one in file.conversations[:1] for medium in one.transcript.media]
        linked = next((there for path, medium in media if (there := recording_among(path.parent, [medium])) is not None), None)
        beside = beside_them[talk.path]
        if linked is not None:
            found[talk.base] = linked
        elif beside:
            found[talk.base] = talk.path.with_name(beside[0])
            name, chosen = printable(talk.path.name), printable(beside[0])
            if len(beside) > 1:
                warnings.append(f"{name}: the recording is {chosen}; not taken: {listed(beside[1:])}")
            if media:
                named = f"{printable(media[0][0].name)} names the recording {printable(media[0][1].name)}, which is not beside it"
                warnings.append(f"{named}; taken is {chosen}, by the name of the file")
        elif media:
            missing[media[0][0].name] = media[0][1].name
    if missing:
        names = listed(f"{recording} of {file}" for file, recording in missing.items())
        are = counted(len(missing), "recording is", "recordings are")
        warnings.append(f"{are} not beside the file with the labels, and so there is no sound: {names}")
    return Recordings(found, tuple(warnings))


def _beside(paths: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    """Each file -> names of the recordings that lie beside it and have its name."""
    by_folder: dict[Path, list[str]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path.name)
    found: dict[Path, tuple[str, ...]] = {}
    for folder, names in by_folder.items():
        shown = [each.name for each in folder.iterdir() if not each.name.startswith(".") and each.is_file()]
        found |= {folder / name: recordings for name, recordings in recordings_of(shown, names).items()}
    return found


def without_sound(conversations: _Conversations) -> HeardTalks:
    """The conversations by their words alone."""
    return _completed(conversations, {}, {}, [])


def heard_talks(conversations: _Conversations, recordings: Mapping[str, Path], options: SoundOptions, hook: Progress) -> HeardTalks:
    """The conversations with the features of their sound.

    A recording that can't be read, and what is not installed, is a warning.

    Args:
        conversations: id -> its talk, and what is said in it.
        recordings: base of a talk -> its recording.
        options: how sound is taken.
        hook: called with the seconds of sound that were read, and all seconds if they are known.
    """
    opened, warnings = opened_recordings(conversations, recordings, options)
    encoders: dict[str, Encoder[Clip | None]] = {}
    if opened:
        try:
            encoders[PRAAT.key] = cast("Encoder[Clip | None]", FeatureResolver((PRAAT,)).encoder(PRAAT))
        except MissingExtraError as error:
            warnings.append(_not_heard([recording.name for recording in opened.values()], str(error)))
    cache = FeatureCache(options.cache, warnings.append)
    lengths = [recording.info.duration for recording in opened.values()]
    total = None if None in lengths else sum(length or 0.0 for length in lengths)
    before = 0.0
    transcripts: dict[str, Transcript] = {}
    sounds: dict[str, SoundFeatures] = {}
    for conversation_id, recording in opened.items():
        talk, one = conversations[conversation_id]
        transcript = in_recording(one.transcript, recording.name)
        transcript = on_recordings_clock(recording, transcript, talk.path.name, options.clock)
        transcripts[conversation_id] = transcript
        warnings += (f"{printable(recording.name)}: {warning}" for warning in recording.warnings)

        def report(seconds: float, before: float = before) -> None:
            hook("listening", before + seconds, total)

        try:
            sounds[conversation_id] = sound_features(recording, transcript.utterances, encoders, cache, report)
        except (DataError, MissingExtraError) as error:
            warnings.append(_not_heard([recording.name], str(error)))
        else:
            warnings += _about_silent(recording.name, sounds[conversation_id])
        before += recording.info.duration or 0.0
    return _completed(conversations, transcripts, sounds, warnings)


def opened_recordings(
    conversations: _Conversations, recordings: Mapping[str, Path], options: SoundOptions
) -> tuple[dict[str, RecordedSound], list[str]]:
    """Id of a conversation -> its recording, of those that can be read, and warnings of the others; see `heard_talks`."""
    warnings: list[str] = []
    found: dict[str, RecordedSound] = {}
    lacking: dict[str, list[str]] = {}  # what is not installed -> names of recordings
    for conversation_id, (talk, _) in conversations.items():
        path = recordings.get(talk.base)
        if path is None:
            continue
        if len(talk.file.conversations) > 1:
            count = len(talk.file.conversations)
            warnings.append(_not_heard([path.name], f"{printable(talk.path.name)} holds {count} conversations; expected one"))
            continue
        try:
            found[conversation_id] = recorded_sound(path, path.name, options.channels)
        except MissingExtraError as error:
            lacking.setdefault(error.extra, []).append(path.name)
        except DataError as error:
            warnings.append(_not_heard([path.name], str(error)))
    warnings += (
        _not_heard(names, str(MissingExtraError(extra, f"reading {'it' if len(names) == 1 else 'them'}")))
        for extra, names in lacking.items()
    )
    return found, warnings


def _completed(
    conversations: _Conversations,
    transcripts: Mapping[str, Transcript],
    sounds: Mapping[str, SoundFeatures],
    warnings: Sequence[str],
) -> HeardTalks:
    """The conversations with what could be had of their sound, and all warnings: of files first, then of sound.

    Args:
        conversations: all.
        transcripts: of those with a recording, with its times.
        sounds: of those with sound.
        warnings: of the sound.
    """
    completed: list[Conversation] = []
    said: list[str] = []
    of_talk: dict[Path, tuple[list[Transcript], list[Conversation]]] = {}
    for conversation_id, (talk, one) in conversations.items():
        transcript = transcripts.get(conversation_id, one.transcript)
        sound = sounds.get(conversation_id, NO_SOUND)
        if all(np.isnan(rows).all() for rows in sound.rows.values()):
            sound = SoundFeatures({}, {}, sound.channels)
        conversation = with_sound(transcript, sound, conversation_id)
        completed.append(conversation)
        said += (f"{printable(talk.path.name)}: {warning}" for warning in transcript.warnings)
        both = of_talk.setdefault(talk.path, ([], []))
        both[0].append(transcript)
        both[1].append(conversation)
    for path, (read, made) in of_talk.items():
        said += (f"{printable(path.name)}: {warning}" for warning in unnamed_speakers(read, made))
    return HeardTalks(tuple(completed), (*said, *warnings))


def _not_heard(names: Sequence[str], why: str) -> str:
    others = len(names) - 1
    which = printable(names[0]) + (f" and {counted(others, 'other recording', 'other recordings')}" if others else "")
    return f"{which} {'are' if others else 'is'} not heard: {why}"


def _about_silent(name: str, sound: SoundFeatures) -> list[str]:
    """A warning that counts the utterances without sound, by the reason."""
    reasons = sound.reasons.get(PRAAT.key, ())
    counts = Counter(reason for reason in reasons if reason)
    if not counts:
        return []
    why = ", ".join(f"{reason} ({count})" for reason, count in counts.most_common())
    have = "has" if counts.total() == 1 else "have"
    return [f"{printable(name)}: {counts.total()} of {counted(len(reasons), 'utterance', 'utterances')} {have} no sound: {why}"]
