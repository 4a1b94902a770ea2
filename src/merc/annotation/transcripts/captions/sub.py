"""`.sub` files, which are of several kinds: MicroDVD (frames), MPL2 (tenths of seconds) and SubViewer (clock times).

MicroDVD's frames are no times unless the file says its frame rate, which it does in its first line or not at all.
"""

from __future__ import annotations

import re

from merc.annotation.transcripts.captions.lines import plain_words
from merc.annotation.transcripts.captions.rolling import read_once
from merc.annotation.transcripts.captions.subviewer import is_subviewer, read_subviewer
from merc.annotation.transcripts.cues import Cue, CueList, counted
from merc.errors import DataError
from merc.files.validation import shorten

_FRAMES = re.compile(r"\s*\{(\d{1,9})\}\{(\d{0,9})\}(.*)")
_TENTHS = re.compile(r"\s*\[(\d{1,9})\]\[(\d{0,9})\](.*)")
_RATE = re.compile(r"\s*(\d{1,3}(?:[.,]\d{1,6})?)\s*(?:fps)?\s*", re.IGNORECASE)
_LEAST_RATE, _MOST_RATE = 5.0, 240.0  # frames a second [chosen]
_CODES = re.compile(r"\{[A-Za-z]:[^{}]{0,200}\}")
_ITALICS = re.compile(r"^/", re.MULTILINE)


def read_sub(text: str, name: str) -> CueList:
    """The cues of a `.sub` file.

    Raises:
        DataError: none of the kinds, or MicroDVD without its frame rate.
    """
    first = next((line for line in text.lstrip("\ufeff").split("\n") if line.strip()), "")
    if _FRAMES.match(first) or first.lstrip().startswith("{DEFAULT}"):
        return _framed(text, name)
    if _TENTHS.match(first):
        return _listed(text, 10.0, tenths=True)
    if is_subviewer(text):
        return read_subviewer(text, name)
    raise DataError(
        f"{name}: expected MicroDVD ({{25}}{{50}}words), MPL2 ([10][20]words) or SubViewer (00:00:01.00,00:00:02.50), "
        f"found {shorten(repr(first.strip()))}"
    )


def _framed(text: str, name: str) -> CueList:
    rate = None
    lines = text.split("\n")
    for number, line in enumerate(lines):
        found = _FRAMES.match(line)
        if found is None:
            continue
        stated = _RATE.fullmatch(_CODES.sub("", found[3]))
        if stated is not None and int(found[1]) <= 1 and _LEAST_RATE <= float(stated[1].replace(",", ".")) <= _MOST_RATE:
            rate = float(stated[1].replace(",", "."))
            del lines[number]
        break
    if rate is None:
        raise DataError(
            f"{name}: MicroDVD counts frames, and the file's first line doesn't say how many there are a second; "
            "write it there, such as {1}{1}25.000, or convert the file to .srt"
        )
    return _listed("\n".join(lines), rate)


def _listed(text: str, per_second: float, *, tenths: bool = False) -> CueList:
    cues: list[Cue] = []
    unread = 0
    for line in text.split("\n"):
        found = (_TENTHS if tenths else _FRAMES).match(line)
        if found is None:
            unread += bool(line.strip()) and not line.lstrip().startswith("{DEFAULT}")
            continue
        words = _ITALICS.sub("", _CODES.sub("", found[3]).replace("|", "\n"))
        end = int(found[2]) / per_second if found[2] else None
        cues.append(Cue(plain_words(words).strip(), None, int(found[1]) / per_second, end))
    warnings = (f"{counted(unread, 'line has', 'lines have')} no times, and so left out",) if unread else ()
    return CueList(tuple(read_once(cues)), warnings, names_in_words=True, cut_anywhere=True)
