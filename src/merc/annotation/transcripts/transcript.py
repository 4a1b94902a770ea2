"""Who said what, when: what every reader of transcripts gives, and what speech recognition gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

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

    def __post_init__(self) -> None:
        for u in checked(self.utterances, (tuple, list), "transcript", "a tuple of merc.Utterance"):
            checked(u, Utterance, "transcript", "a tuple of merc.Utterance")

    def __repr__(self) -> str:
        named = "" if self.conversation is None else f"{self.conversation!r}, "
        return f"Transcript({named}{len(self.utterances)} utterances, {len(self.warnings)} warnings)"


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
