"""How a recording is annotated."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from merc.annotation.media.followed_clock import Clock
from merc.annotation.speech.recognition import RecognitionOptions
from merc.errors import DataError, RunError
from merc.files.arguments import checked, shown
from merc.files.encoding import check_encoding

Channels = Literal["mixed", "speakers"]


@dataclass(frozen=True, slots=True)
class SoundOptions:
    """How a recording's sound is taken; see `Options`.

    Raises:
        RunError: `channels` or `clock` is another word, or a value of another type.
    """

    channels: Channels = "mixed"
    clock: Clock = "auto"
    cache: str | Path | None = None

    def __post_init__(self) -> None:
        _check_sound(self.channels, self.clock, self.cache)


@dataclass(frozen=True, slots=True)
class Options:
    """How a recording is annotated.

    Attributes:
        channels: `speakers` says that each channel of the recording is one speaker's, as in a stereo call; `mixed` that all
            channels hold all speakers.
        speech: how words are recognised where there is no transcript.
        cache: folder that keeps features between runs; None keeps none.
        encoding: of transcripts, by a name that Python knows, such as `cp1251`; None finds out.
        speakers: an RTTM file that says who speaks when: each utterance is then the speaker's whose turns overlap it longest.
        tiers: names of those that hold the words, of an annotation file (ELAN, Praat, EXMARaLDA); none finds out.
        clock: that the transcript's times follow, where the recording's sound begins late or has holes: `film`, what players show;
            `sound`, which counts sound alone, as programs do that decode nothing else; `auto` finds out.
        device: where encoders and model run, such as `cpu` or `cuda:0`; None leaves the model where it is.

    Raises:
        RunError: `channels` or `clock` is another word, no such encoding, or a value of another type.

    Example:
        >>> import merc
        >>> merc.Options(channels="speakers").channels
        'speakers'
    """

    channels: Channels = "mixed"
    speech: RecognitionOptions = field(default_factory=RecognitionOptions)
    cache: str | Path | None = None
    encoding: str | None = None
    device: str | None = None
    speakers: str | Path | None = None
    clock: Clock = "auto"
    tiers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_sound(self.channels, self.clock, self.cache)
        checked(self.speech, RecognitionOptions, "options, speech", "RecognitionOptions", RunError)
        checked(self.encoding, (str, type(None)), "options, encoding", "a name such as 'cp1251', or None", RunError)
        try:
            check_encoding(self.encoding or "utf-8")
        except DataError as error:
            raise RunError(f"options, {error}") from error
        checked(self.speakers, (str, Path, type(None)), "options, speakers", "an RTTM file or None", RunError)
        for one in checked(self.tiers, tuple, "options, tiers", "a tuple of names", RunError):
            checked(one, str, "options, tiers", "a tuple of names", RunError)
        checked(self.device, (str, type(None)), "options, device", "a name such as 'cuda:0', or None", RunError)


def _check_sound(channels: object, clock: object, cache: object) -> None:
    for name, value, kind in (("channels", channels, Channels), ("clock", clock, Clock)):
        allowed = ", ".join(get_args(kind))
        checked(value, str, name, f"one of {allowed}", RunError)
        if value not in get_args(kind):
            raise RunError(f"{name}: found {shown(value)}; allowed are {allowed}")
    checked(cache, (str, Path, type(None)), "options, cache", "a folder or None", RunError)
