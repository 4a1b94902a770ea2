"""Placeholders: what programs and people write into the place of a speaker's name where nobody is known."""

from __future__ import annotations

import re
from functools import lru_cache

# Of pandas and Python, noScribe (NTP, no text passage), Speechmatics (UU) and others. Case matters: `Nan`, `Null` and, in captions
# in capitals, `NAN` are people, and `NA` may be one.
_WRITTEN = frozenset(
    ("NTP", "UU", "nan", "NaN", "N/A", "n/a", "#N/A", "<NA>", "none", "None", "null", "NULL", "unk", "UNK", "undefined"),
)
_DIRECTION = "\u200e\u200f\u061c\u200b"
_SAID = re.compile(
    r"[?-]{0,5}|inconnu|desconocido|(?:speaker|sprecher|person)[\s_-]?(?:unknown|undefined|unidentified|unbekannt|\?)"
    r"|(?:unknown|unidentified|unbekannter?)(?:[\s_-](?:speaker|sprecher|person|participant))?",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)  # since the same few names stand before most turns
def known(name: str | None) -> str | None:
    """The name, which has no blanks around it, without marks of direction there; or None where it is a placeholder for nobody."""
    name = None if name is None else name.strip(_DIRECTION).strip() or None
    return None if name is None or name in _WRITTEN or _SAID.fullmatch(name) is not None else name
