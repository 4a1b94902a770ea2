"""Placeholders: what programs write into the place of a speaker's name where nobody is known."""

from __future__ import annotations

# Of pandas and Python, whisper.cpp (`?`), noScribe (NTP, no text passage), Speechmatics (UU) and others. Case matters: `Nan` and,
# in captions in capitals, `NAN` are people, and `NA` may be one.
_PLACEHOLDERS = (
    "|?|??|???|-|NTP|UU|nan|NaN|N/A|n/a|#N/A|<NA>|none|None|null|NULL|unk|UNK|unknown|Unknown|UNKNOWN|speaker ?|Speaker ?"
    "|unknown speaker|Unknown speaker|Unknown Speaker|UNKNOWN SPEAKER|SPEAKER_UNKNOWN|speaker_unknown|undefined"
)
_NOBODY = frozenset(_PLACEHOLDERS.split("|"))


def known(name: str | None) -> str | None:
    """The name, which has no blanks around it, or None where it is a placeholder for nobody."""
    return None if name is None or name in _NOBODY else name
