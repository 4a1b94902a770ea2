"""Speakers in brackets without a colon: `[Ann] Come.`, a line `(Ann)` above the words, `(speaker 0) Come.` of whisper.cpp.

Sounds stand in the same brackets, so the whole file decides which are names: captions write sounds in small letters, or name people
again and again with words behind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from merc.annotation.transcripts.names import like_a_name
from merc.annotation.transcripts.words import clean, like_a_sound

COMMON_SHARE = 0.5  # of the cues, that begin with a label where all are names [chosen]
_ROUND_SHARE = 0.2  # of the cues, that begin with one where names stand in round brackets before words [chosen]
_FEWEST = 2  # different ones there [chosen]
_LABEL = re.compile(
    r"^(?P<lead>[^\S\n]*(?:[-‐–—]{1,3}[^\S\n]*)?)(?P<open>[\[(【（])(?P<label>[^\[\]()【】（）\n]{1,60})[\])】）]"
    r"(?![^\S\n]?[:：])(?P<rest>[^\n]*)",
    re.MULTILINE,
)
_RECOGNISED = re.compile(r"(?:speaker|spk)[ _-]?(?:\d{1,4}|[A-Z]|\?)", re.IGNORECASE)  # of whisper.cpp and others
_MANNER = re.compile(r"(.{1,40}?)(?:,| (?:on|over|in|from|through|via|into|to|off|[a-z]{2,20}ing|[a-z]{2,20}ly)\b)", re.DOTALL)
# What else stands in brackets in capitals: languages, and sounds that are nouns. [chosen]
_NO_SPEAKERS = re.compile(
    r"in |.*(?:ing|ly)\b|(?:arabic|cantonese|chinese|dutch|english|french|german|greek|hebrew|hindi|italian|japanese|korean|latin"
    r"|mandarin|polish|portuguese|russian|spanish|swedish|turkish|ukrainian|foreign|silence|noises?|static|thunder|gunshots?"
    r"|explosions?|sirens?|bells?|alarms?|beeps?|clicks?|knocks?|knocking|thuds?|crash(?:es)?|bangs?|buzz(?:es)?|static|end|beat"
    r"|blank|blank_audio|theme|song|rap|verse|chorus|bridge|intro|outro|instrumental|audio|video|sic|redacted|bleep|__+)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a file that name speakers.

    Attributes:
        names: in square brackets, or in round ones above the words.
        before_words: in round brackets before the words.
    """

    names: frozenset[str]
    before_words: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.names or self.before_words)


def accepted_labels(texts: Sequence[str], cues: int) -> Labels:
    """The labels that name speakers, of a file with so many cues; `texts` are those in which brackets may stand."""
    with_words, alone, above, before = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    small = False  # whether some sound begins with a small letter
    for text in texts:
        if not any(bracket in text for bracket in "[(【（"):
            continue
        for found in _LABEL.finditer(text):
            label, rest = clean(found["label"]), found["rest"].strip()
            small = small or label[:1].islower()
            below = text[found.end() :].strip()
            if found["open"] in "(（" and not _RECOGNISED.fullmatch(label):
                above[label] += not rest and bool(below)
                before[label] += bool(rest)
                alone[label] += bool(rest) or not below
            else:
                with_words[label] += bool(rest or below)
                alone[label] += not (rest or below)
    for label, count in list(with_words.items()):
        manner = _MANNER.match(label)
        if manner is not None and (name := manner[1].strip()) in with_words:
            with_words[name] += count
    recognised = {label for label in with_words if _RECOGNISED.fullmatch(label)}
    names = frozenset(recognised | _names(with_words, alone, small, cues) | _names(above, alone, small, cues))
    return Labels(names, _names_before_words(before, alone, cues))


def with_label_lines(text: str, labels: Labels, mark: str) -> str:
    """The text with each accepted label in a line of its own, as the mark and the name."""

    def marked(found: re.Match[str]) -> str:
        label = clean(found["label"])
        if found["open"] in "(（" and label in labels.before_words:
            return f"\n{mark}{label}\n{found['rest']}"
        if label not in labels.names:
            manner = _MANNER.match(label)
            if found["open"] in "(（" or manner is None or (label := manner[1].strip()) not in labels.names:
                return found[0]
        if found["open"] in "(（" and found["rest"].strip() and not _RECOGNISED.fullmatch(label):
            return found[0]
        return f"\n{mark}{label}\n{found['rest']}"

    return _LABEL.sub(marked, text)


def _names_before_words(counts: Counter[str], alone: Counter[str], cues: int) -> frozenset[str]:
    """The names in round brackets: where two come again, with a fifth of the cues; those that come once where half have one."""
    likely = {label: count for label, count in counts.items() if 2 * count > alone[label] and _like_a_speaker(label)}
    again = {label: count for label, count in likely.items() if count > 1}
    if len(again) < _FEWEST or sum(again.values()) < _ROUND_SHARE * cues:
        return frozenset()
    return frozenset(likely if sum(likely.values()) >= COMMON_SHARE * cues else again)


def _like_a_speaker(label: str) -> bool:
    return like_a_name(label) and not (like_a_sound(label) or _NO_SPEAKERS.match(label))


def _names(counts: Counter[str], alone: Counter[str], small: bool, cues: int) -> set[str]:
    """Of labels with how often words follow them, and how often none, those that are names."""
    likely = {label: count for label, count in counts.items() if count > alone[label] and _like_a_speaker(label)}
    if not likely or (max(likely.values()) < 2 and sum(likely.values()) < COMMON_SHARE * cues):
        return set()
    if small or sum(likely.values()) >= COMMON_SHARE * cues:
        return set(likely)
    return {label for label, count in likely.items() if count > 1}
