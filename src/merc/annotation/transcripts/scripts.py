"""Scripts: whether a blank stands between two pieces of a text."""

from __future__ import annotations

# Thai, Lao, Myanmar, Khmer, CJK marks and kana, ideographs, full-width forms: first and last character of each stretch.
_WITHOUT_BLANKS = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u2e80", "\u30ff"),
    ("\u3100", "\u312f"),
    ("\u31f0", "\u31ff"),
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\ufe30", "\ufe4f"),
    ("\uff00", "\uffef"),
    ("\U0001b000", "\U0001b16f"),
    ("\U00020000", "\U0003ffff"),
)
_MARKS = frozenset("，。！？、；：…）」』】》〉（「『【《〈")
_CLOSING = frozenset(".,!?;:%)]}…»’”؟،؛।")


def blank_between(before: str, after: str) -> str:
    """A blank, or nothing where the script of both sides has none between words, or a mark of punctuation follows."""
    if not before or not after or before[-1].isspace() or after[0].isspace():
        return ""
    last, first = before[-1], after[0]
    if first < "\u0e00" and last < "\u0e00":
        return "" if first in _CLOSING and not after[1:2].isalnum() and after[:2] != ".." else " "
    if last in _MARKS or first in _MARKS or first in _CLOSING:
        return ""
    return "" if _without_blanks(last) and _without_blanks(first) else " "


def _without_blanks(character: str) -> bool:
    return any(first <= character <= last for first, last in _WITHOUT_BLANKS)
