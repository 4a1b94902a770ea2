"""Placeholders: what programs write into the place of a speaker's name where nobody is known."""

from __future__ import annotations

# pandas' and Python's nothing, whisper.cpp's `?`, noScribe's NTP (no text passage), Speechmatics' UU. Case matters: Nan is a name.
_NOBODY = frozenset(
    {"", "?", "??", "-", "nan", "NaN", "None", "none", "null", "<NA>", "NA", "N/A", "n/a", "undefined"}
    | {"NTP", "UU", "Unknown", "unknown", "UNKNOWN", "Unknown Speaker", "unknown speaker", "SPEAKER_UNKNOWN", "speaker_unknown"}
)


def known(name: str) -> str | None:
    """The name, which has no blanks around it, or None where it is a placeholder for nobody."""
    return None if name in _NOBODY else name
