"""Who speaks in subtitles: `Name: words`, and lines that begin with dashes where several people share a cue."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from merc.annotation.transcripts.cues import Cue, share
from merc.annotation.transcripts.words import clean, without_sounds

MOST_WORDS = 4  # of a name [chosen]
MOST_CHARACTERS = 40  # of a name [chosen]
COMMON_SHARE = 0.2  # of the cues [chosen]

# No address, path or clock time: neither slash nor digit may follow the colon.
_PREFIX = re.compile(r"([^:：\n]{1,80})[:：](?![/\\\d])")
_BRACKETED = re.compile(r"[\[(【（]([^\[\]()【】（）]*)[\])】）]")
_DESCRIBED = re.compile(r"[^\S\n]*[\[(【（][^\[\]()【】（）]*[\])】）]$")
_NAME_WORD = re.compile(r"#?[\w.'’&\-]+")
_DASH = re.compile(r"(?:[-‐–—]+|>{2,3})(?!\d)")
_SENTENCE_ENDS = (".", "!", "?", "…", '"', "”", "。", "！", "？")
_PARTICLES = frozenset({"al", "and", "bin", "da", "de", "del", "der", "di", "du", "el", "la", "le", "of", "the", "van", "von", "y"})
# First words before a colon that name nobody. [chosen]
_NO_NAMES = """
    also and anyway attention because besides breaking but caption captioned captions caution chapter date episode example fact
    file finally first forecast from ftp hence hint however http https important in listen location look mailto meaning
    meanwhile next no note notice now oh okay on or part place plus previously ps re reason remember result rule scene second
    see so song source spoiler step subject subtitle subtitled subtitles that then third this time tip title to today tomorrow
    tonight transcript transcribed translated translation update url warning well who why www yes yesterday
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a cue: whether a dash stood before it, a name or None, what is said, and all but the dash."""

    dashed: bool
    name: str | None
    words: str
    whole: str


def named(line: str, lower_case: bool = False) -> tuple[str, str] | None:
    """The name that a line begins with, and the words after its colon; None where it begins with none.

    Args:
        line: without blanks around it. A name may stand in brackets, and a bracket after it describes how something is said:
            `ANN (softly): Come.`
        lower_case: accept one word that begins in lower case, as nicknames do.
    """
    match = _PREFIX.match(line[: 3 * MOST_CHARACTERS])
    if match is None:
        return None
    head = match[1].strip()
    inside = _BRACKETED.fullmatch(head)
    name = clean(inside[1] if inside else _DESCRIBED.sub("", head))
    if not _like_a_name(name, lower_case):
        return None
    return name, line[match.end(1) + 1 :].strip()


def spoken(cues: Sequence[Cue]) -> list[Cue]:
    """The cues, split wherever another person begins to speak; those whose speaker is known stay as they are."""
    read = [None if cue.speaker is not None else _lines(cue.text) for cue in cues]
    accepted = _accepted_names([lines for lines in read if lines is not None])
    result: list[Cue] = []
    for cue, lines in zip(cues, read, strict=True):
        result += [cue] if lines is None else _split(cue, lines, accepted)
    return result


def _like_a_name(name: str, lower_case: bool) -> bool:
    words, refused = name.split(), _NO_NAMES.split()
    if not words or len(words) > MOST_WORDS or len(name) > MOST_CHARACTERS or not all(map(_NAME_WORD.fullmatch, words)):
        return False
    if words[0].strip(".").casefold() in refused or not words[0][0].isalpha():
        return False
    if len(words) == 1 and lower_case:
        return True
    return not words[0][0].islower() and all(not word[0].islower() or word in _PARTICLES for word in words)


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    for raw in without_sounds(text, but_names=True).split("\n"):
        line = raw.strip()
        dash = _DASH.match(line)
        whole = line[dash.end() :].strip() if dash else line
        found = named(whole)
        if whole or dash:
            name, words = found or (None, whole)
            lines.append(_Line(dash is not None, name, words, whole))
    return lines


def _accepted_names(cues: Sequence[Sequence[_Line]]) -> frozenset[str]:
    """The names that are taken for speakers.

    All are, if at least `COMMON_SHARE` of the cues name a speaker; none, if a single cue of many does. In between, a single
    capitalised word must come twice, as `Darling:` may be what is said.
    """
    by_cue = [{line.name for line in lines if line.name is not None} for lines in cues]
    naming = sum(map(bool, by_cue))
    counts = Counter(name for names in by_cue for name in names)
    if naming >= COMMON_SHARE * len(cues):
        return frozenset(counts)
    if naming < 2:
        return frozenset()
    return frozenset(name for name, count in counts.items() if count > 1 or name.isupper() or " " in name)


def _split(cue: Cue, lines: Sequence[_Line], accepted: frozenset[str]) -> list[Cue]:
    dashes = sum(line.dashed for line in lines)
    heads: list[Cue] = []
    texts: list[list[str]] = []
    for line in lines:
        name = line.name if line.name in accepted else None
        answers = line.dashed and bool(heads) and (dashes > 1 or texts[-1][-1].endswith(_SENTENCE_ENDS))
        if not heads or name is not None or answers:
            heads.append(Cue("", name, channel=cue.channel, begins=line.dashed or name is not None))
            texts.append([line.whole if name is None else line.words])
        else:
            texts[-1].append(line.whole)
    parts = [replace(head, text="\n".join(said)) for head, said in zip(heads, texts, strict=True)]
    return share(cue, parts or [Cue("", channel=cue.channel)])
