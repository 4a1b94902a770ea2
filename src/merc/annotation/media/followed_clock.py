"""Which of a recording's two clocks a transcript follows, and the transcript on the film's; see `merc.annotation.media.clock`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Literal

from merc.annotation.media.clock import SoundClock, Times, loudness, sound_clock, speech_follows_film
from merc.annotation.media.pairing import OWN
from merc.annotation.media.recording import MediaSource
from merc.annotation.transcripts.transcript import Transcript

Clock = Literal["auto", "film", "sound"]
_OF_RECOGNISERS = (".json", ".ctm", ".tsv")  # programs that decode sound alone write them; people and films have subtitles
TELLABLE = 0.2  # s; turns begin and end less exactly than this, so speech under them tells no smaller shift [chosen]


@dataclass(frozen=True, slots=True)
class _Found:
    """The clock that a transcript follows, and why."""

    clock: Literal["film", "sound"]
    reason: str


def on_film_clock(transcript: Transcript, transcript_name: str | None, medium: MediaSource, name: str, clock: Clock) -> Transcript:
    """The transcript with its times on the film's clock, and a warning where the sound has another.

    Args:
        transcript_name: whose suffix tells what made it, where nothing else does.
        medium, name: the recording, and what errors call it.
        clock: the one that the transcript follows; `auto` finds out.

    Raises:
        DataError: the recording can't be read.
    """
    spans = [(u.start, u.end) for u in transcript.utterances]
    if clock == "auto" and PurePath(transcript_name or "").stem.endswith(OWN):
        return transcript  # annotation has written the film's times
    if clock == "film" or all(start is None for start, _ in spans):
        return transcript
    own = sound_clock(medium, name)
    if own is None:
        return transcript
    moved = own.film_times(spans)
    turns = [
        ((start, end), (film_start, film_end))
        for (start, end), (film_start, film_end) in zip(spans, moved, strict=True)
        if start is not None and end is not None and film_start is not None and film_end is not None
    ]
    if clock == "sound":
        found = _Found("sound", "as was asked for, the transcript's times count the sound alone")
    else:
        found = _found([turn for turn, _ in turns], [turn for _, turn in turns], own, medium, name, transcript_name)
    if found.clock == "film":
        warning = f"{_described(own)}; {found.reason}: its times are left as they are"
        return replace(transcript, warnings=(*transcript.warnings, warning))
    utterances = tuple(replace(u, start=start, end=end) for u, (start, end) in zip(transcript.utterances, moved, strict=True))
    warning = f"{_described(own)}; {found.reason}: {_movement(spans, moved)}"
    return replace(transcript, utterances=utterances, warnings=(*transcript.warnings, warning))


def _found(
    turns: Sequence[Times], on_film: Sequence[Times], own: SoundClock, medium: MediaSource, name: str, transcript_name: str | None
) -> _Found:
    last = max((start for start, _ in turns), default=0.0)
    if own.length < last <= own.stretches[-1].end:  # an end alone may go too far: recognisers' last ones often do
        return _Found("film", "the transcript goes on after the sound's own length, so it follows the recording's clock")
    tellable = any(film - start >= TELLABLE for (start, _), (film, _) in zip(turns, on_film, strict=True))
    follows_film = speech_follows_film(turns, on_film, loudness(medium, name)) if tellable else None
    if follows_film is True:
        return _Found("film", "the transcript follows the recording's clock, as the speech under its turns shows")
    if follows_film is False:
        return _Found("sound", "the transcript's times count the sound alone, as the speech under its turns shows")
    recognised = PurePath(transcript_name or "").suffix.lower() in _OF_RECOGNISERS
    choose = "(--clock film or --clock sound decides)"
    if recognised:
        return _Found("sound", f"the transcript's times are taken to count the sound alone, as recognisers' do {choose}")
    return _Found("film", f"the transcript is taken to follow the recording's clock, as subtitles do {choose}")


def _described(own: SoundClock) -> str:
    """What makes the two clocks differ."""
    said: list[str] = []
    if own.late > 0:
        said.append(f"begins {own.late:.2f} s late")
    if holes := own.holes:
        total = sum(hole.end - hole.start for hole in holes)
        said.append(f"has {len(holes)} {'hole' if len(holes) == 1 else 'holes'}, {total:.2f} s in all")
    return f"the recording's sound {' and '.join(said)}"


def _movement(before: Sequence[tuple[float | None, float | None]], after: Sequence[tuple[float | None, float | None]]) -> str:
    """By how much the starts of turns were moved."""
    shifts = [new - old for (old, _), (new, _) in zip(before, after, strict=True) if old is not None and new is not None]
    least, most = f"{min(shifts):.2f}", f"{max(shifts):.2f}"
    return f"they are moved by {most} s" if least == most else f"they are moved by {least} to {most} s"
