"""WebVTT, read by lines rather than by webvtt-py: that loses the words after an empty line below the times, and cues whose times
have no minutes, and takes most of the time of reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from merc.annotation.transcripts.captions.lines import cue_times, plain_words
from merc.annotation.transcripts.captions.rolling import read_once
from merc.annotation.transcripts.cues import Cue, CueList, counted, share
from merc.annotation.transcripts.words import clean, without_markup
from merc.errors import DataError

_VOICE = re.compile(r"<v(?:\.[^\s<>]{0,200})?\s([^<>]{0,200})>|</v>")
_INNER_TIME = re.compile(r"<(?:\d+:)?\d\d:\d\d\.\d{3}>")
_NAMED = re.compile(r'\d{1,9} "([^"\n]{1,200})" \(\d{1,20}\)\s*')  # an identifier of Webex: number, speaker, the speaker's id
_NO_WORDS = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)|X-TIMESTAMP-MAP")


@dataclass(slots=True)
class _Shown:
    """A cue while it is read: its lines, where among them the block began that is read at present, who its identifier names."""

    start: float
    end: float
    speaker: str | None = None
    lines: list[str] = field(default_factory=list[str])
    block: int = 0

    def without_identifier(self, directly: bool) -> None:
        """Drops the last line if it is the identifier of the next cue, whose times follow on it directly or after an empty line.

        In a block of its own it is one where times follow directly, or where it is a number, as in the words' own block.
        """
        if self.lines and (self.block > 0 or directly) and len(self.lines) > self.block:
            number = self.lines[-1].strip().isdecimal() and (directly or len(self.lines) == self.block + 1)
            if number or (directly and self.block > 0):
                del self.lines[-1]


def read_webvtt(text: str, name: str) -> CueList:
    """The cues of a `.vtt` file, split where a voice tag says that another person speaks.

    A block without times goes on with the cue before, unless it is a comment, a style, a region or an identifier: players drop it,
    but writers put empty lines between times and words, and amid words.

    Raises:
        DataError: no WebVTT, or no cue whose times can be read.
    """
    if not text.lstrip("\ufeff").startswith("WEBVTT"):
        raise DataError(f"{name}: expected WebVTT, which begins with WEBVTT")
    shown: list[_Shown] = []
    unread = 0
    cue: _Shown | None = None  # None before the first, and after one whose times can't be read
    within = skipped = False  # a block; one that holds no words
    before = ""  # the line before
    for line in text.split("\n"):
        if "-->" in line:
            if cue is not None:
                cue.without_identifier(within and not skipped)
            times = _times(line)
            unread += times is None
            named = _NAMED.fullmatch(before)
            cue = None if times is None else _Shown(*times, None if named is None else clean(named[1]) or None)
            if cue is not None:
                shown.append(cue)
            within, skipped = True, False
        elif not line or (line.isspace() and not within):
            within = skipped = False
        elif cue is not None:
            if not within:
                within, skipped = True, _NO_WORDS.match(line) is not None
                cue.block = len(cue.lines)
            if not skipped:
                cue.lines.append(line)
        before = line
    if not shown:
        unread_times = f" but {counted(unread, 'cue', 'cues')} with times that can't be read" if unread else ""
        raise DataError(f"{name}: expected WebVTT subtitles, found no cue with times such as 00:01.000 --> 00:02.500{unread_times}")
    warnings = (f"{counted(unread, 'cue is', 'cues are')} left out, with times that can't be read",) if unread else ()
    timed_words = _INNER_TIME.search(text) is not None
    cues = [spoken for cue in shown for spoken in _voices(cue)]
    return CueList(tuple(read_once(cues, timed_words)), warnings, names_in_words=True, cut_anywhere=True)


def _times(line: str) -> tuple[float, float] | None:
    try:
        return cue_times(line, seconds_alone=True)
    except ValueError:
        return None


def _voices(cue: _Shown) -> list[Cue]:
    """The parts of a cue, each with who speaks it; they share its time."""
    content = "\n".join(cue.lines)
    if "<v" not in content:
        return [Cue(plain_words(content).strip(), cue.speaker, cue.start, cue.end)]
    parts: list[Cue] = []
    speaker, reached = cue.speaker, 0
    for tag in _VOICE.finditer(content):
        parts.append(Cue(plain_words(content[reached : tag.start()]).strip(), speaker))
        speaker = clean(without_markup(tag[1] or "")) or None
        reached = tag.end()
    parts.append(Cue(plain_words(content[reached:]).strip(), speaker))
    return share(Cue("", None, cue.start, cue.end), [part for part in parts if part.text] or parts[:1])
