"""Timed words: utterances out of single words, by who speaks, by pauses and by the ends of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.scripts import blank_between
from merc.annotation.transcripts.sentences import (
    MAX_CHARACTERS,
    MAX_DURATION,
    MAX_GAP,
    MAX_OVERLAP,
    MAY_END,
    ends_sentence,
)
from merc.annotation.transcripts.words import without_markup

NO_PAUSE = 0.15  # s between two words that are said in one breath [chosen]
_AFTER_MARKS = " \t\n\"'”’»)]」』）"
_OPENING = "“‘«([{¿¡「『（《【"
_FARTHEST = 40  # characters of a text between two words that are both listed [chosen]


@dataclass(slots=True)  # not frozen, since there is one a word, and that makes it three times as fast
class TimedWord:
    """A word as a recogniser lists it.

    Attributes:
        text: with blanks around it only where the file brings them.
        start, end: s, or None.
        speaker: or None where the file names none for this word.
        attached: whether it follows the word before without a blank, as punctuation does.
    """

    text: str
    start: float | None
    end: float | None
    speaker: str | None = None
    attached: bool = False


def utterances(words: Sequence[TimedWord], channel: int | None = None, text: str | None = None) -> list[Cue]:
    """The utterances of one channel's words, which stand in the order in which they were said.

    An utterance ends where another person speaks, where somebody pauses, and where a sentence ends.

    Args:
        words: they may lack times.
        channel: of the recording, from 0.
        text: what the words make together, where only that has punctuation; where it does not hold the words it is not used.
    """
    if not words:
        return []
    held = text if text is not None and placed(text, words) is not None else None
    return cut(Cue("", None, None, None, channel), words, held, by_sentence=True)


def cut(whole: Cue, words: Sequence[TimedWord], text: str | None, by_sentence: bool) -> list[Cue]:
    """The parts of a stretch whose words are listed: cut where its words change their speaker, and at utterances' ends.

    Args:
        whole: whose speaker, channel and times hold where words have none of their own; its text is not read.
        words: of the stretch, in order.
        text: of the stretch. Where it does not hold the words one after another, parts are words joined, and if one person says
            it all, the text stays whole.
        by_sentence: cut at the ends of sentences and at pauses too.
    """
    if not words:
        return [whole if text is None else _part(whole, text, whole.speaker, whole.start, whole.end)]
    speakers = who_says(words, whole.speaker)
    one_speaks = len(set(speakers)) < 2
    pieces = placed(text, words) if text is not None and (by_sentence or not one_speaks) else None
    if text is not None and pieces is None and one_speaks:
        return [_part(whole, text, speakers[0], *_bounds(words, whole, 0, len(words), None))]
    if pieces is None:
        pieces, by_text = joined_pieces(words), by_sentence and text is None
    else:
        by_text = by_sentence
    edges = _edges(words, speakers, pieces, by_text)
    cues: list[Cue] = []
    for number, first in enumerate(edges[:-1]):
        last = edges[number + 1]
        start, end = _bounds(words, whole, first, last, cues[-1].end if cues else None)
        cues.append(_part(whole, "".join(pieces[first:last]), speakers[first], start, end))
    return cues


def who_says(words: Sequence[TimedWord], default: str | None) -> list[str | None]:
    """Who says each word: a word that names nobody is the speaker's before it.

    A lone word amid another speaker's sentence, with no pause around it, is that speaker's: recognisers err there at the edges of
    words. One with pauses of its own, or said at the same time, is an answer, and stays.
    """
    speakers: list[str | None] = []
    before = words[0].speaker or default
    for word in words:
        before = word.speaker or before
        speakers.append(before)
    if len(set(speakers)) < 2:
        return speakers
    for i in range(1, len(words) - 1):
        one = speakers[i - 1]
        if speakers[i] != one and speakers[i + 1] == one and one is not None and _amid(words, i):
            speakers[i] = one
    return speakers


def joined_pieces(words: Sequence[TimedWord]) -> list[str]:
    """Each word's text with the blank that stands before it; Whisper's own words bring theirs."""
    if any(word.text[:1] == " " for word in words):
        return [word.text for word in words]
    pieces: list[str] = []
    before = ""
    for word in words:
        pieces.append(word.text if word.attached else blank_between(before, word.text) + word.text)
        before = word.text or before
    return pieces


def placed(text: str, words: Sequence[TimedWord]) -> list[str] | None:
    """The text cut before each word, so that every word has the punctuation after it; None where the text does not hold them.

    Only the text knows where a language has blanks. Neither case nor what stands between two words matters.
    """
    lowered = text.lower()
    any_case = len(lowered) == len(text)  # else places in the one are none in the other
    if not any_case:
        lowered = text
    places: list[int] = []
    reached = 0
    for word in words:
        sought = word.text.strip()
        if any_case:
            sought = sought.lower()
        place = lowered.find(sought, reached, reached + len(sought) + _FARTHEST)
        if place < 0:
            return None
        places.append(_with_opening(text, reached, place))
        reached = place + len(sought)
    places[0] = 0
    places.append(len(text))
    return [text[places[i] : places[i + 1]] for i in range(len(words))]


def _with_opening(text: str, reached: int, place: int) -> int:
    """Where a word begins with the quotes and brackets that open before it; the word before ends at `reached`."""
    blank = text.rfind(" ", reached, place)
    if blank >= 0:
        return blank + 1
    while place > reached and text[place - 1] in _OPENING:
        place -= 1
    return place


def _amid(words: Sequence[TimedWord], i: int) -> bool:
    """Whether no pause, no overlap and no end of a sentence divides a word from the one before and the one after."""
    before, word, after = words[i - 1], words[i], words[i + 1]
    for first, second in ((before, word), (word, after)):
        if first.end is not None and second.start is not None and not -MAX_OVERLAP <= second.start - first.end < NO_PAUSE:
            return False
    return not ends_sentence(before.text, f" {word.text}")


def _edges(words: Sequence[TimedWord], speakers: Sequence[str | None], pieces: Sequence[str], by_sentence: bool) -> list[int]:
    """Numbers of the words with which parts begin, and the number of words."""
    edges = [0]
    began = words[0].start
    length = len(pieces[0])
    for i in range(1, len(words)):
        before, word, piece = words[i - 1], words[i], pieces[i]
        new = speakers[i] != speakers[i - 1]
        if by_sentence and not new:
            new = (
                length + len(piece) > MAX_CHARACTERS or _too_far(before, word, began) or _ends(before, pieces[i - 1], piece, began)
            )
        if new:
            edges.append(i)
            began, length = word.start, 0
        elif began is None:
            began = word.start
        length += len(piece)
    edges.append(len(words))
    return edges


def _too_far(before: TimedWord, word: TimedWord, began: float | None) -> bool:
    """Whether somebody has paused before a word, or with it would have spoken for too long."""
    if word.start is not None and before.end is not None and word.start - before.end >= MAX_GAP:
        return True
    return word.end is not None and began is not None and word.end - began > MAX_DURATION


def _ends(before: TimedWord, said: str, piece: str, began: float | None) -> bool:
    """Whether a sentence, which takes some time, ends with what was said and before the next piece."""
    if said.rstrip(_AFTER_MARKS)[-1:] not in MAY_END or (before.end is not None and before.end == began):
        return False
    return ends_sentence(said, f" {piece}" if said[-1:].isspace() else piece)


def _bounds(
    words: Sequence[TimedWord], whole: Cue, first: int, last: int, reached: float | None
) -> tuple[float | None, float | None]:
    """Start and end of the words from `first` to before `last`; from around them where they have none."""
    start = end = None
    for i in range(first, last):
        if (start := words[i].start) is not None:
            break
    for i in range(last - 1, first - 1, -1):
        if (end := words[i].end) is not None:
            break
    if first == 0 and last == len(words) and whole.start is not None:
        return whole.start, whole.end if whole.end is not None else end
    if start is None:
        start = whole.start if first == 0 else reached
    if end is None and last == len(words):
        end = whole.end
    return start, end


def _part(whole: Cue, text: str, speaker: str | None, start: float | None, end: float | None) -> Cue:
    return Cue(without_markup(text), speaker, start, end, whole.channel, conversation=whole.conversation)
