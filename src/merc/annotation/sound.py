"""The sound of a recording's utterances, on one path for annotation and for corpora of labels, so that a model hears both alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from merc.annotation.cache import FeatureCache
from merc.annotation.features import SoundFeatures, sound_rows
from merc.annotation.media.excerpts import inspect
from merc.annotation.media.followed_clock import Clock, on_film_clock
from merc.annotation.media.recording import MediaInfo, MediaSource
from merc.annotation.options import Channels
from merc.annotation.speech.voices import utterance_excerpts
from merc.annotation.transcripts.transcript import Transcript, speaker_of, unnamed_warnings
from merc.data.schema import Conversation, Utterance
from merc.encoders.interface import Clip, Encoder
from merc.errors import DataError, MissingExtraError
from merc.files.printable import printable

NO_SOUND = SoundFeatures({}, {}, ())


@dataclass(frozen=True, slots=True, eq=False)
class RecordedSound:
    """A recording that can be read.

    Attributes:
        medium, name: the recording, and what errors call it.
        info: what it is.
        channels: how many it has, where each is one speaker's; None where all hold all speakers.
        warnings: what a user should know of its tracks and channels, a sentence each.
    """

    medium: MediaSource
    name: str
    info: MediaInfo
    channels: int | None
    warnings: tuple[str, ...] = ()


def recorded_sound(medium: MediaSource, name: str, channels: Channels) -> RecordedSound:
    """Inspects a recording; see `merc.annotation.options.Options` for `channels`.

    Raises:
        DataError: nothing that can be read, or no audio track.
        MissingExtraError: what reads it is not installed.
    """
    info = inspect(medium, name)
    count = info.channels if channels == "speakers" and info.channels > 1 else None
    return RecordedSound(medium, name, info, count, tuple(_about_tracks(info, channels)))


def on_recordings_clock(recording: RecordedSound, transcript: Transcript, transcript_name: str | None, clock: Clock) -> Transcript:
    """The transcript's times as the recording's time stamps count them; see `on_film_clock`.

    They stay as they are where the recording can't be read: its sound is then absent, with the reason.
    """
    try:
        return on_film_clock(transcript, transcript_name, recording.medium, recording.name, clock)
    except (DataError, MissingExtraError):
        return transcript


def sound_features(
    recording: RecordedSound,
    utterances: Sequence[Utterance],
    encoders: Mapping[str, Encoder[Clip | None]],
    cache: FeatureCache,
    progress: Callable[[float], None],
) -> SoundFeatures:
    """What the recording, which is read once, gives of each utterance: its features, and the channel of its speaker.

    Args:
        recording, utterances: the latter with times of the recording.
        encoders: feature -> its encoder.
        cache: of what they made before.
        progress: called with the seconds read.

    Raises:
        DataError, MissingExtraError: the recording can't be read.
    """
    if not encoders and (recording.channels is None or all(u.speaker is not None for u in utterances)):
        return NO_SOUND
    excerpts = utterance_excerpts(recording.medium, utterances, recording.name, recording.channels, progress)
    return sound_rows(excerpts, len(utterances), encoders, cache)


def with_sound(transcript: Transcript, sound: SoundFeatures, name: str) -> Conversation:
    """The utterances with speakers and channels as far as they are known, and with their sound's features.

    Args:
        transcript, sound: the latter of the former's utterances.
        name: of the conversation, where the transcript names none.
    """
    channels = sound.channels or [None] * len(transcript.utterances)
    utterances: list[Utterance] = []
    for u, loudest in zip(transcript.utterances, channels, strict=True):
        channel = loudest if u.channel is None else u.channel
        words = u.words if u.words and u.words.strip() else None
        utterances.append(replace(u, speaker=speaker_of(replace(u, channel=channel)), channel=channel, words=words))
    return Conversation(transcript.conversation or name, tuple(utterances), sound.rows)


def unnamed_speakers(transcripts: Sequence[Transcript], conversations: Sequence[Conversation]) -> tuple[str, ...]:
    """A warning if neither the transcripts nor the channels found by `with_sound` tell all speakers."""
    turns = [u for transcript in transcripts for u in transcript.utterances]
    completed = [u for conversation in conversations for u in conversation.utterances]
    return unnamed_warnings([replace(turn, channel=u.channel) for turn, u in zip(turns, completed, strict=True)])


def _about_tracks(info: MediaInfo, channels: Channels) -> list[str]:
    """What a user should know of a recording's audio tracks."""
    said: list[str] = []
    if info.unheard:
        said.append(f"the recording's audio tracks in other languages are not heard: {printable(', '.join(info.unheard))}")
    if info.tracks > 1:
        how = "each is taken for one speaker's" if channels == "speakers" else "channels='speakers' takes each for one speaker's"
        said.append(f"the recording has {info.tracks} audio tracks, which are all heard: {how}")
    if channels == "speakers" and info.channels == 1:
        said.append("the recording has one channel, so channels do not tell speakers apart")
    return said
