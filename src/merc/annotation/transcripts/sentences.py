"""Utterances as whole sentences: recognised words are cut after them, and subtitles that show one piece by piece are joined."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.scripts import blank_between

# All [chosen].
MAX_GAP = 0.5  # s between two pieces; in a longer one somebody has paused
MAX_OVERLAP = 0.1  # s; what overlaps more is said at the same time, by somebody else
MAX_DURATION = 30.0  # s of a sentence
MAX_CHARACTERS = 400  # of a sentence
PUNCTUATED_SHARE = 0.2  # of the cues, that end a sentence in a text with marks
_ENDS = tuple(".!?…\"”’»'」』。！？؟۔।")
_CLOSING = ")]*_ "
_MARK = re.compile(r"(?P<mark>[.!?…。！？｡．؟۔।॥])[\"'”’»)\]」』）]*$")
_NEEDS_NO_SPACE = "。！？｡．"
MAY_END = frozenset(".!?…。！？｡．؟۔।॥")  # marks without which no sentence ends
_TITLE = re.compile(r"^\W*(?:(?:mr|mrs|ms|dr|prof|st|sr|jr|vs|mme|hr|fr|sig|[^\W\d_])\.)$", re.IGNORECASE)  # [chosen]


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word with the punctuation after it and, in languages that have them, the space before it; times in s."""

    text: str
    start: float
    end: float


def joined(cues: Sequence[Cue]) -> list[Cue]:
    """Cues in order of time, those that go on with the sentence of the one before joined to it.

    A cue without a speaker goes on with a named one's sentence too, if the text has marks by which a sentence is known to go on.
    """
    punctuated = sum(ends_in_mark(cue.text) for cue in cues) >= PUNCTUATED_SHARE * len(cues)
    result: list[Cue] = []
    for cue in cues:
        if result and _goes_on(result[-1], cue, punctuated):
            before = result[-1]
            assert before.end is not None and cue.end is not None
            text = f"{before.text}{blank_between(before.text, cue.text)}{cue.text}"
            result[-1] = replace(before, text=text, end=max(before.end, cue.end))
        else:
            result.append(cue)
    return result


def ends_in_mark(text: str) -> bool:
    """Whether the text ends in a mark that ends a sentence, or in a closing quote."""
    return text.rstrip(_CLOSING).endswith(_ENDS)


def _goes_on(before: Cue, cue: Cue, punctuated: bool) -> bool:
    if cue.begins or before.start is None or before.end is None or cue.start is None or cue.end is None:
        return False
    return (
        (before.speaker == cue.speaker or (cue.speaker is None and punctuated))
        and before.channel == cue.channel
        and -MAX_OVERLAP <= cue.start - before.end < MAX_GAP
        and cue.end - before.start <= MAX_DURATION
        and len(before.text) + 1 + len(cue.text) <= MAX_CHARACTERS
        and not ends_in_mark(before.text)
    )


def sentences(words: Sequence[Word]) -> list[list[Word]]:
    """Cuts words after sentence ends; every word is kept, in order.

    A mark ends a sentence where a space and no small letter follow (in Chinese and Japanese no space is needed), and where it
    does not belong to a title or an initial. A sentence without duration stays with its neighbour. [chosen]
    """
    found: list[list[Word]] = []
    ended = True
    for word, following in zip_longest(words, words[1:]):
        if ended:
            found.append([])
        found[-1].append(word)
        ended = following is not None and ends_sentence(word.text, following.text) and word.end > found[-1][0].start
    if len(found) > 1 and found[-1][-1].end <= found[-1][0].start:
        last = found.pop()
        found[-1] += last
    return found


def ends_sentence(word: str, following: str) -> bool:
    """Whether a sentence ends with a word, by what follows it: a blank, where the language has one, and the next word."""
    match = _MARK.search(word.rstrip())
    if match is None or _TITLE.match(word.strip()):
        return False
    if match["mark"] in _NEEDS_NO_SPACE:
        return True
    letters = following.lstrip(" \"'“‘«([¿¡")
    return following[:1].isspace() and not letters[:1].islower()
