"""What each line of a plain text shows: a name, times, words, in any order, with or without brackets, dashes and commas.

What a line shows alone decides nothing: `We start at 10:30` has the form of a name and a time. The layouts decide, by all lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from merc.annotation.transcripts.plain.clock import SECONDS, SPAN
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.names import MOST_CHARACTERS, display_name, is_label, is_sound, sure_name

_LEADING = re.compile(rf"(?:[\[(<{{]\s?@?{SPAN}\s?[\])>}}](:)?|@?{SPAN}(?![\w;.]|[:,]\S))")
_IN_SECONDS = re.compile(rf"[\[(]\s?{SECONDS}\s?[\])](:)?")
_SAID_FIRST = re.compile(rf"@?{SPAN}(?![\w;.]|[:,]\S)\s+(?=\S)")
_ENDS_IN_SECONDS = re.compile(rf"\[\s?{SECONDS}\s?\]$")
_SEPARATOR = re.compile(r"\s*[-–—|,:]?\s*")
_TRAILING = re.compile(rf"(\s*[-–—|,:]?\s*)([\[(<{{]?)\s?@?{SPAN}\s?[\])>}}]?(:?)$")
_AFTER_NAME = re.compile(
    rf"([^\[(<{{]{{1,{MOST_CHARACTERS}}})[\[(<{{]\s?{SPAN}\s?[\])>}}]\s*[-–—:]?\s*"
    rf"|\[([^\[\]\n]{{1,{MOST_CHARACTERS}}})\]\s*(?:{SPAN}|{SECONDS})\s*[-–—:]?(?:\s+|$)"
)
_SPACED = re.compile(rf"([^\[(<{{]{{1,{MOST_CHARACTERS}}}?)(?: {{2,}}|\t){SPAN}(?!\s?[AaPp]\.?[Mm]\b)\s+(?=\S)")
_ENDS_WITH_TIME = frozenset("0123456789])}>:mM")
_LONGEST = MOST_CHARACTERS + 40  # of a line with nothing but name and times
_BRACKETED = re.compile(r"[\[(【]([^\[\]()【】\n]{1,60})(?:[\])](?::|\s|$)|】:?)\s*")
_LABELLED = re.compile(r"\(speaker (\d{1,3}|\?)\)\s*", re.IGNORECASE)  # as whisper.cpp writes
_CHAT = re.compile(r"From {1,3}([^:\n]{1,60}?)(?: {1,3}to {1,3}[^:\n]{1,60})? ?:")  # as Zoom writes chats
TIME_SAID = "name:time"  # of `Ann: 10:30`, which is a head only where words stand below
_NEARLY_ALL = 0.9  # of the names, with a time behind the colon [chosen]
_NO_NAME_BEFORE = frozenset("/\\0123456789")


@dataclass(frozen=True, slots=True)
class Mark:
    """A line as it may be read.

    Attributes:
        kind: `words` alone, which are those of the line; `time` alone; `head`, name and time alone; `turn`, words with a name, a
            time or both.
        words: what is said in the line, if it is read so.
        name: who speaks; None where none is named.
        sure: whether the name is like one in whatever file.
        start, end: as written.
        style: how name and time stand in a head; how a time stands before words.
        whole: the words with what may be a name, where they do not stand as `Name: words`.
    """

    kind: str
    words: str
    name: str | None = None
    sure: bool = False
    start: str | None = None
    end: str | None = None
    style: str = ""
    whole: str = ""

    def with_name(self) -> str:
        """What is said where the name is none, and so belongs to it."""
        return self.whole or f"{self.name}: {self.words}"


WORDS = Mark("words", "")  # of all lines that are read as they stand


def with_times_after_colons(marks: Sequence[Mark]) -> list[Mark]:
    """The marks, where nearly all names have a time behind their colon: `Speaker 1: 00:04 Morning.`

    Else such a time is what somebody says.
    """
    named = [each for each in marks if each.kind == "turn" and each.name is not None and each.start is None]
    found = {id(each): match for each in named if (match := _SAID_FIRST.match(each.words)) is not None}
    if len(found) < 2 or len(found) < _NEARLY_ALL * len(named):
        return list(marks)
    result: list[Mark] = []
    for each in marks:
        match = found.get(id(each))
        if match is not None:
            each = replace(each, words=each.words[match.end() :], start=match[1], end=match[2], style="after colon")
        result.append(each)
    return result


def mark(line: Line) -> Mark:
    """What a line shows."""
    text = line.text
    first = text[0]
    if first.isdigit() or first in "[(<{@-【":
        found = _leading_time(text) or _bracketed_name(text)
        if found is not None:
            return found
    colon = text.find(":", 0, MOST_CHARACTERS + 20)
    wide = text.find("：", 0, MOST_CHARACTERS + 20)
    if wide >= 0 and not 0 <= colon < wide:
        colon = wide
    if colon > 0:
        following = text[colon + 1 : colon + 2]
        if following not in _NO_NAME_BEFORE:
            found = _named(text, colon, line.bold)
            if found is not None:
                return found
        else:
            found = _time_after_name(text)
            if found is not None:
                return found
    if text[-1] in _ENDS_WITH_TIME and len(text) <= _LONGEST:
        found = _head(text)
        if found is not None:
            return found
    return WORDS


def _leading_time(text: str) -> Mark | None:
    match = _LEADING.match(text) or (_IN_SECONDS.match(text) if text[0] in "[(" else None)
    if match is None:
        return None
    bracketed = match[1] is not None
    start, end = (match[1], match[2]) if bracketed else (match[4], match[5])
    separator = _SEPARATOR.match(text, match.end())
    assert separator is not None  # it matches nothing as well
    rest = text[separator.end() :]
    if rest.startswith("From ") and (chat := _CHAT.match(rest)) is not None:
        rest = f"{chat[1]}:{rest[chat.end() :]}"
    if not rest:
        return Mark("time", "", None, False, start, end, "time")
    sign = separator[0].strip() or ("\t" if "\t" in separator[0] else "")
    style = f"{text[0] if bracketed else 'bare' if start.count(':') > 1 or len(start) > 8 else 'short'}{'-' if end else ''}{sign}"
    named = _bracketed_name(rest) if rest[0] in "[(【" else None
    colon = _colon(rest) if named is None else -1
    if named is None and colon > 0:
        named = _named(rest, colon)
    if named is not None:
        return Mark("turn", named.words, named.name, named.sure, start, end, style, rest)
    return Mark("turn", rest, None, False, start, end, style)


def _colon(text: str) -> int:
    places = [place for place in (text.find(sign, 0, MOST_CHARACTERS + 20) for sign in ":：") if place > 0]
    place = min(places, default=-1)
    following = text[place + 1 : place + 2]
    return -1 if following in _NO_NAME_BEFORE else place


def _named(text: str, colon: int, bold: bool = False) -> Mark | None:
    """`Name: words`; a name in bold is as sure as one whose form shows it."""
    head = text[:colon].strip()
    sure = sure_name(head)
    name = sure or display_name(head)
    if name is None:
        return None
    sure = sure or (name if bold else None)
    words = text[colon + 1 :].strip()
    timed = _ENDS_IN_SECONDS.search(head) if head[-1:] == "]" else None
    if timed is not None:
        return Mark(
            "turn" if words else "head", words, name, sure is not None, timed[1], timed[2], "after" if words else "name[time]"
        )
    match = _LEADING.match(words) if words[:1] and words[0] in "[(<{0123456789" else None
    if match is not None:
        rest = words[match.end() :].strip()
        if match[1] is not None:
            return Mark(
                "turn" if rest else "head", rest, name, sure is not None, match[1], match[2], "after" if rest else "name[time]"
            )
        if not rest:
            return Mark("head", words, name, sure is not None, match[4], match[5], TIME_SAID)
    return Mark("turn", words, name, sure is not None)


def _bracketed_name(text: str) -> Mark | None:
    """`(speaker 0) words`, `[Ann] words`, `(Ann)`."""
    label = _LABELLED.match(text)
    if label is not None:
        return Mark("turn", text[label.end() :], f"speaker {label[1]}", True, style="label")
    match = _BRACKETED.match(text)
    if match is None or is_sound(match[1]) or not match[1][0].isalnum():
        return None
    after = _time_after_name(text)
    if after is not None:
        return after
    name = sure_name(match[1].strip())
    if name is None:
        return None
    rest = text[match.end() :]
    with_colon = text[match.end(1) + 1 : match.end(1) + 2] == ":"
    return Mark("turn", rest, name, is_label(name) or with_colon, style="" if with_colon else "bracket")


def _time_after_name(text: str) -> Mark | None:
    """`Ann (01:05): words`, `Ann [01:05] words`, `[Ann] 01:05 words`, or these without words; `Ann   01:05 words`."""
    shown = text[: _LONGEST + 40]
    match = _AFTER_NAME.match(shown)
    if match is None:
        match = _SPACED.match(shown) if "  " in shown or "\t" in shown else None
        if match is None:
            return None
        name = display_name(match[1])
        sure = sure_name(match[1].strip()) is not None
        return None if name is None else Mark("turn", text[match.end() :], name, sure, match[2], match[3], "after")
    head, start, end = (
        (match[1], match[2], match[3]) if match[1] is not None else (match[4], match[5] or match[7], match[6] or match[8])
    )
    head = head.strip().rstrip("-–—|,:").strip()
    sure = sure_name(head)
    name = display_name(head) or sure
    if name is None:
        return None
    rest = text[match.end() :]
    if rest:
        return Mark("turn", rest, name, sure is not None, start, end, "after")
    return Mark("head", "", name, sure is not None, start, end, "name[time]" if match[1] is not None else "[name]time")


def _head(text: str) -> Mark | None:
    match = _TRAILING.search(text, max(0, len(text) - 40))
    if match is None or match.start() == 0:
        return None
    head = text[: match.start()].strip()
    inside = head[1:-1] if head[0] in "[(" and head[-1] in ")]" else head
    sure = sure_name(inside.strip())
    name = display_name(inside) or sure
    if name is None or (not match[1] and not match[2]):
        return None
    separator = match[1].strip() or ("\t" if "\t" in match[1] else "  " if len(match[1]) > 1 else " ")
    style = f"{head[0] if inside != head else ''}name{separator}{match[2]}time"
    if inside == head and head[-1] in ")]" and match[2] in "[(" and match[2] and not separator.strip():
        style = "name[time]"  # as where the name has no brackets of its own
    return Mark("head", "", name, sure is not None, match[3], match[4], style)
