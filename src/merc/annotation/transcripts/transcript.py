"""Who said what, when: what every reader of transcripts gives, and what speech recognition gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from merc.annotation.transcripts.cues import LinkedMedium
from merc.data.schema import Utterance
from merc.files.arguments import checked

UNNAMED = "speaker"  # the speaker where none is known


@dataclass(frozen=True, slots=True, repr=False)
class Transcript:
    """One conversation's utterances.

    Attributes:
        utterances: in order, ids unique.
        warnings: what a user should know of how they were read, a sentence each.
        conversation: its id, where a file that holds several names it.
        media: the recordings that the file names; the utterances' times are the file's own, whatever the offsets.

    Raises:
        DataError: something else than utterances.

    Example:
        >>> import merc
        >>> merc.Transcript((merc.Utterance("1", "Ann", "I got the job!"),))
        Transcript(1 utterances, 0 warnings)
    """

    utterances: tuple[Utterance, ...]
    warnings: tuple[str, ...] = ()
    conversation: str | None = None
    media: tuple[LinkedMedium, ...] = ()

    def __post_init__(self) -> None:
        for u in checked(self.utterances, (tuple, list), "transcript", "a tuple of merc.Utterance"):
            checked(u, Utterance, "transcript", "a tuple of merc.Utterance")

    def __repr__(self) -> str:
        named = "" if self.conversation is None else f"{self.conversation!r}, "
        return f"Transcript({named}{len(self.utterances)} utterances, {len(self.warnings)} warnings)"


def in_recording(transcript: Transcript, recording: str) -> Transcript:
    """The transcript with its times counted from the start of the recording that it is used with, as ELAN's offsets say."""
    offset = offset_of(transcript.media, recording)
    if not offset:
        return transcript
    utterances = tuple(
        replace(u, start=None if u.start is None else u.start + offset, end=None if u.end is None else u.end + offset)
        for u in transcript.utterances
    )
    warning = f"the transcript's time 0 is {offset:g} s after the start of the recording, as its file says"
    return replace(transcript, utterances=utterances, warnings=(*transcript.warnings, warning))


def offset_of(media: Sequence[LinkedMedium], recording: str) -> float:
    """How many s of a recording lie before a file's time 0: by its name, or if all media of the file have one offset."""
    offsets = {medium.offset for medium in media if medium.name == recording} or {medium.offset for medium in media}
    return offsets.pop() if len(offsets) == 1 else 0.0


def numbered(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """The utterances with ids that count them from 1."""
    return tuple(replace(utterance, id=str(number)) for number, utterance in enumerate(utterances, start=1))


def channel_name(channel: int) -> str:
    """What the speaker of a channel is called, counted from 1 for people."""
    return f"channel {channel + 1}"


def speaker_of(utterance: Utterance) -> str:
    """The speaker's name, or that of the channel, or `UNNAMED`."""
    return utterance.speaker or (UNNAMED if utterance.channel is None else channel_name(utterance.channel))


def unnamed_warnings(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """A warning if some utterances have neither speaker nor channel."""
    count = sum(not u.speaker and u.channel is None for u in utterances)
    if not count:
        return ()
    which = "no turn names its speaker" if count == len(utterances) else f"{count} of {len(utterances)} turns name no speaker"
    return (f"{which}: they count as one speaker's, {UNNAMED!r}",)
