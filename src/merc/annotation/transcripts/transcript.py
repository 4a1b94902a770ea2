"""Who said what, when: what every reader of transcripts gives, and what speech recognition gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance as a transcript has it.

    Attributes:
        words: without mark-up; may be empty where a transcript has a time but no words.
        speaker: a name, or None where the transcript names none.
        start, end: seconds from the start of the recording, or None.
        channel: of the recording, from 0, or None where the transcript names none.
    """

    words: str
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """Turns in order, and what a user should know of how they were read, a sentence each."""

    turns: tuple[Turn, ...]
    warnings: tuple[str, ...] = ()
