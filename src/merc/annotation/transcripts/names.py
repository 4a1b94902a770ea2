"""What is written where a name stands: a name, a display name of a meeting, or no name at all."""

from __future__ import annotations

import re
from functools import lru_cache

from merc.annotation.transcripts.words import clean

MOST_WORDS = 4  # of a name [chosen]
MOST_CHARACTERS = 40  # of a name [chosen]
MOST_DISPLAYED = 80  # characters of a display name [chosen]

# No address, path or clock time: neither slash nor digit may follow the colon.
_PREFIX = re.compile(r"([^:：\n]{1,80})[:：](?![/\\\d])")
_DISPLAYED = re.compile(r"([^:：\n]{1,80})[:：](?:\s|$)")
_BRACKETED = re.compile(r"[\[(【（]([^\[\]()【】（）]*)[\])】）]")
_DESCRIBED = re.compile(r"[^\S\n]*[\[(【（][^\[\]()【】（）]*[\])】）]$")
_MANNER_BEHIND = re.compile(r"\s\[[a-z][^\[\]]{0,60}\]$")  # as of our own subtitles, `Ann [joy]: words`
_IN_BRACKETS = re.compile(r"[\[(【（][^\[\]()【】（）]{0,80}[\])】）]")
_NAME_WORD = re.compile(r"#?[\w.'’&\-]+")
_PARTICLES = frozenset({"al", "and", "bin", "da", "de", "del", "der", "di", "du", "el", "la", "le", "of", "the", "van", "von", "y"})
# First words before a colon that name nobody. [chosen]
_FIRST_WORDS = """
    also and anyway attention because besides breaking but caption captioned captions caution chapter date episode example fact
    file finally first forecast from ftp hence hint however http https important in listen location look mailto meaning
    meanwhile next no note notice now oh okay on or part place plus previously ps re reason remember result rule scene second
    see so song source spoiler step subject subtitle subtitled subtitles that then third this time tip title to today tomorrow
    tonight transcript transcribed translated translation update url warning well who why www yes yesterday
"""
_NO_NAMES = frozenset(_FIRST_WORDS.split())


def named(line: str, lower_case: bool = False) -> tuple[str, str] | None:
    """The name that a line begins with, and the words after its colon; None where it begins with none.

    Args:
        line: without blanks around it. A name may stand in brackets, and a bracket after it describes how something is said:
            `ANN (softly): Come.` A name in capitals may have a title after a comma: `ANN LEE, CHAIR: Welcome.`
        lower_case: accept one word that begins in lower case, as nicknames do.
    """
    match = _PREFIX.match(line[: 3 * MOST_CHARACTERS])
    if match is None:
        return None
    head = match[1].strip()
    inside = _BRACKETED.fullmatch(head)
    name = clean(inside[1] if inside else _DESCRIBED.sub("", head))
    if "," in name and name.isupper():
        name, _, title = name.partition(",")
        if title.split()[-1:] and title.split()[-1].casefold() in _NO_NAMES:
            return None
    if not like_a_name(name, lower_case):
        return None
    return name, line[match.end(1) + 1 :].strip()


def displayed(line: str) -> tuple[str, str] | None:
    """What stands before the first colon of a line that a blank follows, and the words after it; None where nothing does."""
    match = _DISPLAYED.match(line)
    if match is None or not (head := _MANNER_BEHIND.sub("", clean(match[1]))):
        return None
    return head, line[match.end(1) + 1 :].strip()


@lru_cache(maxsize=4096)  # since the same few names stand before most turns
def like_a_name(name: str, lower_case: bool = False) -> bool:
    """Whether words may be somebody's name: few, capitalised, and none that often stand before a colon."""
    words = name.split()
    if not words or len(words) > MOST_WORDS or len(name) > MOST_CHARACTERS or not all(map(_NAME_WORD.fullmatch, words)):
        return False
    if words[0].strip(".").casefold() in _NO_NAMES or not words[0][0].isalpha():
        return False
    if len(words) == 1 and lower_case:
        return True
    return not words[0][0].islower() and all(not word[0].islower() or word in _PARTICLES for word in words)


def like_a_display_name(name: str) -> bool:
    """Whether words may be what somebody calls themselves in a meeting: one word, or words that are no sentence.

    Each word but particles has a capital or a digit, such as `Room 12`, `Cy's iPhone (he/him)`, `Eve | Harbour Ltd`; a single word
    may be anything, such as `bo_l` or an address.
    """
    words = _IN_BRACKETS.sub(" ", name).split()
    if not words or words[0].strip(".,").casefold() in _NO_NAMES or name.endswith(("?", "!", ".", ",", ";")):
        return False
    return len(words) == 1 or all(
        word in _PARTICLES or not word.islower() or any(c.isdigit() for c in word) or not any(c.isalpha() for c in word)
        for word in words
    )
