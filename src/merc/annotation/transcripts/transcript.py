"""Who said what, when: what every reader of transcripts gives, and what speech recognition gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from merc.data.schema import Utterance


@dataclass(frozen=True, slots=True, repr=False)
class Transcript:
    """One conversation's utterances.

    Attributes:
        utterances: in order, ids unique.
        warnings: what a user should know of how they were read, a sentence each.
        conversation: its id, where a file that holds several names it.

    Example:
        >>> import merc
        >>> merc.Transcript((merc.Utterance("1", "Ann", "I got the job!"),))
        Transcript(1 utterances, 0 warnings)
    """

    utterances: tuple[Utterance, ...]
    warnings: tuple[str, ...] = ()
    conversation: str | None = None

    def __repr__(self) -> str:
        named = "" if self.conversation is None else f"{self.conversation!r}, "
        return f"Transcript({named}{len(self.utterances)} utterances, {len(self.warnings)} warnings)"


def numbered(utterances: Iterable[Utterance]) -> tuple[Utterance, ...]:
    """The utterances with ids that count them from 1."""
    return tuple(replace(utterance, id=str(number)) for number, utterance in enumerate(utterances, start=1))
