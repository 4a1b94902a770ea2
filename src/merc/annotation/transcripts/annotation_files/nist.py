"""NIST's tables, as recognisers and diarisation write them: RTTM says who speaks when, CTM which word is said when.

pyannote.database reads RTTM with fields between blanks, and so finds nobody where a name holds one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from merc.annotation.transcripts.annotation_files.word_runs import RunWord, joined_words
from merc.annotation.transcripts.cues import CueList, counted, parse_time
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.words import clean
from merc.data.schema import Utterance
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

_TURN_FIELDS = 8  # at least: type, file, channel, start, duration, two that are empty, name
_AFTER_NAME = 2  # fields: confidence and lookahead
_EMPTY = ("<NA>", "<na>", "NA", "")
_TYPED = 7  # fields before the speaker's, of words that have one
_ALTERNATIVES = {"<ALT_BEGIN>": "first", "<ALT>": "others", "<ALT_END>": ""}
_TYPES = frozenset({"lex", "fp", "frag", "un-lex", "for-lex", "non-lex", "misc", "noscore"})  # of words, in the seventh field
_TYPES_OF_SOUNDS = ("non-lex", "misc")
_CHANNEL = re.compile(r"\d{1,3}|[A-Za-z]")  # what else stands in its field names a speaker
_NO_WORDS = frozenset({"<eps>", "<sil>", "<s>", "</s>", "sil", "[noise]", "<unk>", "@"})


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """Who speaks from when to when, in s."""

    speaker: str
    start: float
    end: float


def read_rttm(text: str, name: str) -> tuple[SpeakerTurn, ...]:
    """The turns of a `.rttm` file, in order of their starts. It has no words.

    Raises:
        DataError: no turn, turns of several recordings, or a line that can't be read.
    """
    turns: list[SpeakerTurn] = []
    recordings: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":  # other lines tell of recordings, words, and comments
            continue
        if len(fields) < _TURN_FIELDS:
            raise DataError(f"{name}, line {number}: {len(fields)} fields; a speaker's turn has at least {_TURN_FIELDS}")
        start, duration = (_seconds(fields[place], f"{name}, line {number}") for place in (3, 4))
        last = len(fields) - _AFTER_NAME
        speaker = clean(" ".join(fields[7 : max(last, 8)]))
        if speaker in _EMPTY:
            raise DataError(f"{name}, line {number}: the turn names no speaker")
        recordings[fields[1]] = None
        turns.append(SpeakerTurn(speaker, start, start + duration))
    if not turns:
        raise DataError(f"{name}: expected turns of RTTM, found no line that begins with SPEAKER")
    if len(recordings) > 1:
        listed = shorten(printable(", ".join(recordings)))
        raise DataError(f"{name}: turns of {len(recordings)} recordings ({listed}); expected those of one")
    return tuple(sorted(turns, key=lambda turn: turn.start))


def with_speakers(utterances: Sequence[Utterance], turns: Sequence[SpeakerTurn]) -> tuple[tuple[Utterance, ...], tuple[str, ...]]:
    """The utterances, each with the speaker whose turns overlap it longest, and warnings.

    Args:
        utterances: of one conversation; one without times, or that no turn overlaps, keeps the speaker that it has.
        turns: in any order.
    """
    ordered = sorted(turns, key=lambda turn: (turn.start, turn.end))
    starts = [turn.start for turn in ordered]
    reached = list(accumulate((turn.end for turn in ordered), max))
    result: list[Utterance] = []
    missed = 0
    for utterance in utterances:
        speaker = _longest(utterance, ordered, starts, reached)
        missed += speaker is None
        result.append(utterance if speaker is None else replace(utterance, speaker=speaker))
    warnings = (f"{counted(missed, 'utterance lies', 'utterances lie')} in no speaker's turn",) if missed else ()
    return tuple(result), warnings


def read_ctm(text: str, name: str) -> CueList:
    """The words of a `.ctm` file, made into utterances by pauses; each recording that it names is a conversation.

    The eighth field names the speaker, behind the word's type; or that of the channel does, where it holds no number or letter.

    Raises:
        DataError: no word, or a line that can't be read.
    """
    words: list[RunWord] = []
    recordings: set[str] = set()
    by_channel: dict[str, list[RunWord]] = {}
    alternative = ""
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(";"):
            continue
        if len(fields) < 5:
            raise DataError(f"{name}, line {number}: {len(fields)} fields; a word has recording, channel, start, duration and word")
        recording, channel, begin, lasts, word = fields[:5]
        if word in _ALTERNATIVES:
            alternative = _ALTERNATIVES[word]
        elif alternative != "others":
            try:
                start, duration = float(begin), float(lasts)
            except ValueError as error:
                found = shorten(repr(printable(f"{begin} {lasts}")))
                raise DataError(f"{name}, line {number}: expected start and duration in s, found {found}") from error
            recordings.add(recording)
            said = by_channel.setdefault(channel, [])
            typed = len(fields) > _TYPED and fields[_TYPED - 1] in _TYPES
            if word.casefold() not in _NO_WORDS and not (typed and fields[_TYPED - 1] in _TYPES_OF_SOUNDS):
                speaker = known(fields[_TYPED]) if typed else None
                said.append(RunWord(word, speaker, start, start + duration, None, recording))
                words.append(said[-1])
    if not recordings:
        raise DataError(f"{name}: expected words of CTM, found none")
    if len(by_channel) > 1 and all(map(_CHANNEL.fullmatch, by_channel)):
        for place, channel in enumerate(sorted(by_channel)):
            for word in by_channel[channel]:
                word.channel = place
    elif not all(map(_CHANNEL.fullmatch, by_channel)):
        for channel, said in by_channel.items():
            for word in said:
                word.speaker = word.speaker or known(channel)
    if len(recordings) == 1:
        for word in words:
            word.conversation = None
    words.sort(key=lambda word: word.start or 0.0)
    return CueList(tuple(joined_words(words)))


def _seconds(field: str, place: str) -> float:
    try:
        return parse_time(field)
    except ValueError as error:
        raise DataError(f"{place}: expected a time in s, found {shorten(repr(printable(field)))}") from error


def _longest(utterance: Utterance, turns: Sequence[SpeakerTurn], starts: Sequence[float], reached: Sequence[float]) -> str | None:
    """Whose turns overlap the utterance longest; of equal ones who speaks first."""
    if utterance.start is None or utterance.end is None:
        return None
    shares: dict[str, float] = {}
    for place in range(bisect_right(reached, utterance.start), bisect_right(starts, utterance.end)):
        turn = turns[place]
        shared = min(turn.end, utterance.end) - max(turn.start, utterance.start)
        if shared > 0 or (shared == 0 and utterance.start == utterance.end):
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + shared
    return max(shares, key=shares.__getitem__) if shares else None
