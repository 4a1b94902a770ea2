"""Who speaks in captions: `Name: words`, `[Name] words`, lines that begin with dashes or `>>`, and marks of recognisers.

What is a name is told by the whole file. Marks are first put into lines of their own, then every cue is split at them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from merc.annotation.transcripts.cues import Cue, counted, share
from merc.annotation.transcripts.labels import Labels, accepted_labels, with_label_lines
from merc.annotation.transcripts.names import displayed, like_a_display_name, named
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.words import without_sounds

# All [chosen].
COMMON_SHARE = 0.2  # of the cues, that name a speaker where every name is believed
DISPLAYED_SHARE = 0.9  # of the cues, that name a speaker where every cue does
_LEAST_CUES = 3  # of a file with display names
_MOST_ONCE, _MOST_SHARE = 10, 1 / 3  # different display names: so many, or of the cues so many
_LEAST_REPEATS, _REPEATED_SHARE = 3, 0.01  # of a display name that looks like a sentence
_LEAST_NAMED = 4  # cues with names where names hold until the next
_MOST_EXCEPTIONS = 0.1  # of the names that are given again, or of turns without names, where names hold

_MARKED = re.compile(r"[\[(【（:：♩♪♫♬]|>>|^[^\S\n]*[-‐–—]", re.MULTILINE)
_TURN, _LABEL = "\x02", "\x01"  # begin the lines of marks
_CHEVRONS = re.compile(r"(?:^|(?<=\s))>{2,4}(?=[^\S\n]|$|\w|[\[(\"'“¿¡])", re.MULTILINE)
_TURN_MARK = re.compile(r"\[[ _]{0,2}SPEAKER[ _]TURN[ _]{0,2}\]", re.IGNORECASE)
_DASH = re.compile(r"[-‐–—]+(?!\d)")
_SENTENCE_ENDS = (".", "!", "?", "…", '"', "”", "。", "！", "？")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a cue.

    Attributes:
        mark: whether it is nothing but a mark that somebody begins to speak.
        dashed: whether a dash stood before it.
        name: that it begins with, or that the mark gives; else None.
        words: after the name.
        whole: all but the dash.
    """

    mark: bool
    dashed: bool
    name: str | None
    words: str
    whole: str


@dataclass(slots=True)
class _Part:
    """Of a cue, what one person says."""

    name: str | None
    begins: bool
    said: list[str] = field(default_factory=list[str])


def spoken(cues: Sequence[Cue]) -> tuple[list[Cue], tuple[str, ...]]:
    """The cues, split wherever another person begins to speak, and what a user should know of it.

    Those whose speaker is known stay as they are.
    """
    open_texts = [cue.text for cue in cues if cue.speaker is None]
    marked = [text for text in open_texts if _MARKED.search(text)]
    labels = accepted_labels(marked, len(open_texts))
    split = _split(cues, labels, _display_names(open_texts)) if marked else list(cues)
    # In brackets stand the names of those who are not seen, so that the next words are by anybody.
    return (split, ()) if labels else _held(split)


def _split(cues: Sequence[Cue], labels: Labels, displays: frozenset[str]) -> list[Cue]:
    read: list[list[_Line] | None] = []
    for cue in cues:
        is_open = cue.speaker is None and _MARKED.search(cue.text) is not None
        read.append(_lines(cue.text, labels, displays) if is_open else None)
    unnamed_cues = sum(cue.speaker is None for cue in cues)
    accepted = _accepted_names([lines for lines in read if lines is not None], unnamed_cues) | displays
    spellings: dict[str, str] = {}
    result: list[Cue] = []
    pending: _Part | None = None  # that began at the end of the cue before
    for cue, lines in zip(cues, read, strict=True):
        if lines is None and (pending is None or cue.speaker is not None):
            result.append(cue)
            pending = None
            continue
        parts = _parts(lines or [_Line(False, False, None, cue.text, cue.text)], accepted)
        if pending is not None and not parts[0].begins:
            parts[0].name, parts[0].begins = pending.name, True
        pending = parts.pop() if parts[-1].begins and not any(parts[-1].said) else None
        if len(parts) == 1:
            result.append(_cue(cue, parts[0], spellings, cue.start, cue.end))
        else:
            made = [_cue(cue, part, spellings) for part in parts]
            result += share(cue, made or [Cue("", channel=cue.channel)])
    return result


def _held(cues: Sequence[Cue]) -> tuple[list[Cue], tuple[str, ...]]:
    """The cues, each without a name given that of the speaker before, where the file names speakers only as they change.

    So it does if a name stands with the first words, at least four cues have one but not nearly all, hardly any name follows on
    itself, and hardly anybody begins to speak without a name; a warning says how many turns were named.
    """
    worded = [cue for cue in cues if cue.text.strip()]
    names = [cue.speaker for cue in worded if cue.speaker is not None]
    given_always = len(names) >= DISPLAYED_SHARE * len(worded)
    if len(names) < _LEAST_NAMED or given_always or len(set(names)) < 2 or worded[0].speaker is None:
        return list(cues), ()
    repeated = sum(first == second for first, second in pairwise(names))
    nameless = sum(cue.begins and cue.speaker is None for cue in worded)
    if max(repeated, nameless) > _MOST_EXCEPTIONS * (len(names) - 1):
        return list(cues), ()
    result: list[Cue] = []
    speaker, held = None, 0
    for cue in cues:
        if cue.speaker is not None or cue.begins:
            speaker = cue.speaker
        elif speaker is not None:
            cue = replace(cue, speaker=speaker)
            held += bool(cue.text.strip())
        result.append(cue)
    what = counted(held, "turn without a name is", "turns without a name are")
    return result, (f"names stand only where the speaker changes: {what} taken as the same speaker's as the one before",)


def _display_names(texts: Sequence[str]) -> frozenset[str]:
    """The names of people in a meeting: what nearly every cue begins with, where few different ones recur."""
    begun = [displayed(text.lstrip()) for text in texts if text.strip()]
    counts = Counter(found[0] for found in begun if found is not None)
    if len(begun) < _LEAST_CUES or counts.total() < DISPLAYED_SHARE * len(begun):
        return frozenset()
    if max(counts.values()) < 2 or len(counts) > max(_MOST_ONCE, _MOST_SHARE * len(begun)):
        return frozenset()
    often = max(_LEAST_REPEATS, _REPEATED_SHARE * len(begun))
    return frozenset(name for name, count in counts.items() if count >= often or like_a_display_name(name))


def _lines(text: str, labels: Labels, displays: frozenset[str]) -> list[_Line]:
    """The lines of a cue, with marks in lines of their own."""
    if _LABEL in text or _TURN in text:
        text = text.replace(_LABEL, "").replace(_TURN, "")
    if "[" in text:
        text = _TURN_MARK.sub(f"\n{_TURN}\n", text)
    if ">>" in text:
        text = _CHEVRONS.sub(f"\n{_TURN}\n", text)
    if labels:
        text = with_label_lines(text, labels, _LABEL)
    lines: list[_Line] = []
    for raw in without_sounds(text, but_names=True).split("\n"):
        line = raw.strip()
        if line.startswith((_TURN, _LABEL)):
            lines.append(_Line(True, False, line[1:] or None, "", ""))
            continue
        dash = _DASH.match(line)
        whole = line[dash.end() :].strip() if dash else line
        shown = displayed(whole) if displays else None
        found = shown if shown is not None and shown[0] in displays else named(whole)
        if whole or dash:
            name, words = found or (None, whole)
            lines.append(_Line(False, dash is not None, name, words, whole))
    return lines


def _accepted_names(cues: Sequence[Sequence[_Line]], count: int) -> frozenset[str]:
    """The names that are taken for speakers.

    All are, if at least `COMMON_SHARE` of the cues name a speaker; none, if a single cue of many does. In between, a single
    capitalised word must come twice, as `Darling:` may be what is said.
    """
    by_cue = [{line.name for line in lines if line.name is not None and not line.mark} for lines in cues]
    naming = sum(map(bool, by_cue))
    counts = Counter(name for names in by_cue for name in names)
    if naming >= COMMON_SHARE * count:
        return frozenset(counts)
    if naming < 2:
        return frozenset()
    return frozenset(name for name, count in counts.items() if count > 1 or name.isupper() or " " in name)


def _parts(lines: Sequence[_Line], accepted: frozenset[str]) -> list[_Part]:
    """What each person says in a cue; at least one part."""
    dashes = sum(line.dashed for line in lines)
    parts: list[_Part] = []
    for line in lines:
        name = line.name if line.mark or line.name in accepted else None
        answers = line.dashed and bool(parts) and (dashes > 1 or (parts[-1].said or [""])[-1].endswith(_SENTENCE_ENDS))
        if parts and parts[-1].begins and not any(parts[-1].said) and (name is not None or line.dashed):
            parts[-1].name = name or parts[-1].name  # several marks say that the same person begins
        elif not parts or name is not None or line.mark or answers:
            parts.append(_Part(name, line.mark or line.dashed or name is not None))
        if not line.mark:
            parts[-1].said.append(line.whole if name is None else line.words)
    return parts or [_Part(None, False)]


def _cue(cue: Cue, part: _Part, spellings: dict[str, str], start: float | None = None, end: float | None = None) -> Cue:
    """The cue of a part; a name in other letters is the same."""
    name = None if part.name is None else spellings.setdefault(part.name.casefold(), part.name)
    return Cue("\n".join(part.said), known(name), start, end, cue.channel, part.begins)
