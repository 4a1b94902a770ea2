"""What was said in a main line of CHAT, by the CHAT manual (talkbank.org), chapters on words and utterances.

What was said twice or corrected was said, and stays; marks of it go. Shortened words are written whole: `(be)cause` is because, as
CLAN has it. Fillers stay (`&-uh` is uh), and so do pieces of words (`&+fr` is fr-). What could not be understood (`xxx`), what was
not said (`0is`), pauses, sounds and comments go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\[[^\[\]]{0,400}\]|[<>]|[^\s<>\[\]]+|[\[\]]")
# A line without any mark that needs a look: letters, digits and punctuation. Modifier letters are marks of stress.
_MARKED = re.compile(r"[^\w' .,?!\-]|[_ˈˌΫἩ]|(?<!\w)0|(?<!\w)(?:xxx?|yyy?|www)(?!\w)")
_TIMES = re.compile(r"\[x (\d{1,2})\]")
_OTHERS = re.compile(r"&\*([A-Za-z0-9]{1,10})[:=](\S+)")
_PAUSE = re.compile(r"\((?:\.{1,3}|[\d:]{0,8}\.?\d{0,4})\)")
_SPECIAL = re.compile(r"(?<=\w)@\w{0,10}(?:[:$]\S*)?$")
_PART_OF_SPEECH = re.compile(r"\$\w+$")
_ENDS = {
    "+...": "…",
    "+..?": "…?",
    "+!?": "!?",
    "+/.": "-",
    "+/?": "-?",
    "+//.": "-",
    "+//?": "-?",
    '+"/.': ".",
    '+".': ".",
    "+.": ".",
    "...": "…",
}
_LINKERS = frozenset({'+"', "+^", "+<", "+,", "++", "+≋", "+≈"})
_UNKNOWN = frozenset({"xxx", "xx", "yyy", "yy", "www", "0"})
# Marks of conversation analysis for pitch, loudness, speed and voice, overlaps, syllables and stress.
_MARKS = re.compile("[↑↓↗↘→⇗⇘∞≈≋≡∙⌈⌉⌊⌋∆∇⁎⁇°◉▁▔☺♋Ϋ∬∲∾↫↻⤆⤇Ἡ§∮ˈˌ^•·\u0001-\u0008\u0014\u0016-\u001f]")
_IN_WORDS = re.compile(r"(?<=\w):+(?=\w|$)|[()]")
_COMMAS = {"‡": ",", "„": ","}
_MOST_TIMES = 20  # of `[x 20]`: what is said more often is not written out [chosen]
_TIGHT = re.compile(r" +([,.;:!?…]|-\??$)")


def said(line: str) -> tuple[str, list[tuple[str, str]]]:
    """The words of a main line, and what others put in meanwhile: code of the speaker, words.

    Args:
        line: without the speaker's code and without times. It may span several lines of the file.
    """
    if _MARKED.search(line) is None:
        return _tight(line), []
    words: list[str] = []
    others: list[tuple[str, str]] = []
    opened: list[int] = []  # where groups in < > began
    last = 0  # where what a code in brackets belongs to began
    spoken = False
    for match in _TOKEN.finditer(_PAUSE.sub(" ", line)):
        token = match[0]
        if token == "<":
            opened.append(len(words))
        elif token == ">":
            last = opened.pop() if opened else len(words)
        elif token[0] in "[]":
            times = _TIMES.fullmatch(token)
            if times is not None and len(words) - last < _MOST_TIMES:
                words += words[last:] * (min(int(times[1]), _MOST_TIMES) - 1)
        elif (other := _OTHERS.fullmatch(token)) is not None:
            others.append((other[1], " ".join(_words(other[2].replace("_", " ")))))
        else:
            found = list(_words(token))
            last = len(words) if found else last
            words += found
            spoken = spoken or any(any(map(str.isalnum, word)) for word in found)
    return (_TIGHT.sub(r"\1", " ".join(words)) if spoken else ""), others


def _tight(line: str) -> str:
    """A line without marks, and without the blanks before its punctuation; empty if it has no words."""
    words = line.strip()
    for mark in ",.?!":
        words = words.replace(f" {mark}", mark)
    return words if any(map(str.isalnum, words)) else ""


def _words(token: str) -> Iterator[str]:
    """What a token of a main line says: nothing, one word, or several."""
    token = _MARKS.sub("", token)
    if token in _ENDS or token in _COMMAS:
        yield _ENDS.get(token) or _COMMAS[token]
        return
    if token in _LINKERS or token.startswith(("&=", "&{", "&}", "#")) or token.strip(".,!?").casefold() in _UNKNOWN:
        return
    piece = token.startswith("&+")
    if token.startswith("&"):
        token = token.lstrip("&+-~")
    elif token.startswith("0") and len(token) > 1 and not token[1].isdigit() and token[1] not in ".:,":
        return  # a word that was left out
    token = _PART_OF_SPEECH.sub("", _SPECIAL.sub("", token))
    token = _IN_WORDS.sub("", token).strip("+")
    if token.casefold() in _UNKNOWN:
        return
    yield from (f"{word}-" if piece else word for word in token.replace("_", " ").replace("+", " ").split())
