"""What was said, without what surrounds it in files: mark-up, sounds in brackets, characters that show nothing.

Every function takes time linear in the text: no pattern runs on over what another match may begin with, or it is bounded.
"""

from __future__ import annotations

import html
import re
import unicodedata

from merc.files.encoding import repair_quotes

_LINE_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
# Tags, times within a cue of WebVTT, overrides of SubStation, codes of MicroDVD such as {y:i}.
_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,500}>|<\d[\d:.]{4,20}>|\{(?:\\|[A-Za-z]:)[^{}]{0,500}\}")
# html.unescape alone takes names without a semicolon, and numbers of any length.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

_SONG = re.compile(r"[♩♪♫♬]+(?:[^♩♪♫♬]*[♩♪♫♬]+|[^♩♪♫♬\n]*)")
_SQUARE = re.compile(r"[\[【][^\[\]【】]*[\]】]")
_ROUND = re.compile(r"(?P<lead>(?:\A|[\n.!?…:;–—-])[^\S\n]*)?[(（](?P<inner>[^()（）]*)[)）]")
_NAME_FOLLOWS = r"(?![^\S\n]?[:：])"
_SQUARE_BUT_NAMES = re.compile(_SQUARE.pattern + _NAME_FOLLOWS)
_ROUND_BUT_NAMES = re.compile(_ROUND.pattern + _NAME_FOLLOWS)
_MOST_WORDS_OF_A_SOUND = 6  # [chosen]
# How what is no speech is described, wherever it stands. [chosen]
_SOUNDS = re.compile(
    r"(?:\w{1,20}ly )?(?:laugh|chuckl|giggl|snicker|cough|sneez|weep|gasp|groan|moan|grunt|scream|shout|whisper|mumbl|mutter|sniff"
    r"|snort|gulp|yawn|breath|inhal|exhal|scoff|whistl|clap|applau|cheer|music|inaudible|indistinct|unintelligible|silen|crosstalk"
    r"|(?:sigh|yell|sob|cry|hum|sing|pant|pause|speak)(?:s|ing|bing|ming)?\b|cries\b)",
    re.IGNORECASE,
)

# Control characters but tab and line feed, halves of surrogate pairs, the byte order mark, what is no character at all.
_SHOWS_NOTHING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_EMBEDDINGS, _END_OF_EMBEDDING = "\u202a\u202b\u202d\u202e", "\u202c"
_ISOLATES, _END_OF_ISOLATE = "\u2066\u2067\u2068", "\u2069"
_DIRECTION = re.compile(f"[{_EMBEDDINGS}{_END_OF_EMBEDDING}{_ISOLATES}{_END_OF_ISOLATE}]")


def without_markup(text: str) -> str:
    """The text without tags and overrides, entities as the characters they stand for; `<br>` ends a line."""
    if "<" in text or "{" in text:
        text = _MARKUP.sub("", _LINE_BREAK.sub("\n", text))
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def without_sounds(text: str, but_names: bool = False) -> str:
    """The text without descriptions of sounds, and without songs.

    Args:
        text: one or more lines.
        but_names: leave brackets before a colon: they may name or describe who speaks.

    Returns:
        The text without `[door slams]`, `♪ la la ♪`, and round brackets that by `docs/transcripts.md` describe a sound.
    """
    if not text.isascii():
        text = _SONG.sub(" ", text)
    if "[" in text or "【" in text:
        text = (_SQUARE_BUT_NAMES if but_names else _SQUARE).sub(" ", text)
    if "(" in text or "（" in text:
        text = (_ROUND_BUT_NAMES if but_names else _ROUND).sub(_round, text)
    return text


def like_a_sound(text: str) -> bool:
    """Whether what stands in brackets begins with a word for a sound, or for how something is said."""
    return _SOUNDS.match(text) is not None


def clean(text: str) -> str:
    """One line without what shows nothing: blanks are one space each, directions of writing are balanced."""
    if not (text.isascii() and text.isprintable()):
        text = _balanced(_SHOWS_NOTHING.sub("", repair_quotes(text)))
    return " ".join(text.split())


def holds_words(text: str) -> bool:
    """Whether anything is left to be judged: a letter, a digit, a symbol such as an emoji, `!` or `?`."""
    return any(c.isalnum() or c in "!?！？؟" or unicodedata.category(c)[0] == "S" for c in text)


def _round(match: re.Match[str]) -> str:
    inner = match["inner"].strip()
    short = len(inner.split(maxsplit=_MOST_WORDS_OF_A_SOUND)) <= _MOST_WORDS_OF_A_SOUND and not inner.endswith((".", "!", "?", "…"))
    if _SOUNDS.match(inner) or (short and (match["lead"] is not None or inner.isupper())):
        return (match["lead"] or "") + " "
    return match[0]


def _balanced(text: str) -> str:
    """The text without overrides and isolates that never end, and without ends of what never began."""
    marks = list(_DIRECTION.finditer(text))
    if not marks:
        return text
    kept: set[int] = set()
    open_marks: list[tuple[int, bool]] = []  # place, and whether it is an isolate
    isolates = 0
    for mark in marks:
        place, character = mark.start(), mark[0]
        if character in _EMBEDDINGS or character in _ISOLATES:
            open_marks.append((place, character in _ISOLATES))
            isolates += character in _ISOLATES
        elif character == _END_OF_EMBEDDING:
            if open_marks and not open_marks[-1][1]:
                kept |= {open_marks.pop()[0], place}
        elif isolates:
            while not open_marks[-1][1]:  # the end of an isolate ends the overrides within, which never were
                open_marks.pop()
            kept |= {open_marks.pop()[0], place}
            isolates -= 1
    return _DIRECTION.sub(lambda match: match[0] if match.start() in kept else "", text)
