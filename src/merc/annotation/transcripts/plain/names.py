"""Names of speakers in plain text: what may be one."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from merc.annotation.transcripts.names import named
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.words import clean, without_sounds

MOST_CHARACTERS = 60  # of a display name [chosen]
_MOST_WORDS_WITH_COMMA = 4  # of a name with a title [chosen]
_MOST_WORDS = 8  # of a display name [chosen]
_LABEL = re.compile(
    r"(?:speaker|spk|spkr|sprecher|sprecherin|person|participant|locutor|orateur)[\s_-]?(?:\d{1,3}|[A-Z])", re.IGNORECASE
)
_ENDS = re.compile(r"[!?…;:\"”»]\s|[.]\s(?=[a-z])|[.!?…,;:。！？]$")
_TITLE = re.compile(r"\b(?:dr|prof|mr|mrs|ms|st|sr|jr)\.", re.IGNORECASE)
# Behind names in scripts.
_GOES_ON = re.compile(r"\s*\((?:cont(?:inued|inuing|['’]?d)?\.?|v\.?\s?o\.?|o\.?\s?[sc]\.?|off(?:-?screen)?)\)$", re.IGNORECASE)
_DATE = re.compile(r"[^\W\d_]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}\.? [^\W\d_]{3,9}\.? \d{4}")
_FEATURES = re.compile(r"[\d_()\[\]|@/#]")  # of names that people give themselves in meetings


@lru_cache(maxsize=4096)
def sure_name(head: str) -> str | None:
    """The name that stands before a colon, where it is like a name in whatever file; `NAME, TITLE` loses its title."""
    if head.isupper() and "," in head:  # as broadcasts write a name where it comes first
        head = head.partition(",")[0].strip()
    found = named(f"{head}:", lower_case=True)
    return None if found is None else found[0]


@lru_cache(maxsize=4096)
def display_name(head: str) -> str | None:
    """A name as people give it to themselves, which only the shape of the file tells from a part of a sentence."""
    name = _GOES_ON.sub("", clean(head))
    if name and known(name) is None:
        return name
    if _DATE.fullmatch(name):
        return None
    short = 0 < len(name) <= MOST_CHARACTERS and len(name.split()) <= _MOST_WORDS
    if not short or not any(map(str.isalpha, name)) or _ENDS.search(_TITLE.sub("", name)):
        return None
    return name


def self_given(name: str) -> bool:
    """Whether a display name has what few sentences have: a digit, `_`, a bracket, a bar, an address, an emoji, a comma."""
    if " " not in name or _FEATURES.search(name) is not None or any(unicodedata.category(c) == "So" for c in name):
        return True
    return ", " in name and len(name.split()) <= _MOST_WORDS_WITH_COMMA


def is_label(name: str) -> bool:
    """Whether a program named the speaker: `SPEAKER_00`, `Speaker 1`, `Sprecher A`."""
    return _LABEL.fullmatch(name) is not None


def is_sound(name: str) -> bool:
    """Whether brackets around this describe a sound rather than name somebody."""
    return name.lower() not in without_sounds(f"x ({name.lower()}) x")
