"""Which tiers and columns hold labels, by their names: whose utterances they label, and who made them.

A name that consists of the wanted words and of something before or behind them, such as `Ann emotion`, `emotion_2` or `feeling@Bo`,
is one of them. What stands beside them is a speaker of the conversation, or else the annotator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.words import clean

EMOTIONS = ("emotion", "emotions")
LABELS = ("label", "labels")
_PLACEHOLDERS = frozenset(("?", "??", "-", "nan", "NaN", "n/a", "N/A", "<NA>"))  # what stands where nobody gave a label [chosen]
_SEPARATOR = r"\s_\-@:/|.,;()\[\]"
_OUTER = re.compile(rf"\A[{_SEPARATOR}]+|[{_SEPARATOR}]+\Z")
_ABOUT = re.compile(  # what is said of a label is none [chosen]
    rf"(?<![^{_SEPARATOR}])(?:probability|probabilities|confidence|trust|intensity|strength|certainty|comments?|notes?|remarks?)"
    rf"(?![^{_SEPARATOR}])",
    re.IGNORECASE,
)
_MOST_CHARACTERS = 1000  # of a name that is looked through


@dataclass(frozen=True, slots=True)
class LabelName:
    """What the name of a tier or column of labels says.

    Attributes:
        name: of the tier or column.
        annotator: who made the labels: what stands beside the wanted words, or else these.
        speaker: whose utterances alone are labelled, or None.
    """

    name: str
    annotator: str
    speaker: str | None = None


def beside(name: str, wanted: str) -> tuple[str, ...] | None:
    """What stands before and behind the wanted words in a name; None if they are not in it, or it is about labels only."""
    name, wanted = clean(name[:_MOST_CHARACTERS]), clean(wanted)
    if name.casefold() == wanted.casefold():
        return ()
    found = re.search(rf"(?<![^{_SEPARATOR}]){re.escape(wanted)}(?![^{_SEPARATOR}])", name, re.IGNORECASE) if wanted else None
    if found is None:
        return None
    parts = tuple(part for side in (name[: found.start()], name[found.end() :]) if (part := _bare(side)))
    return None if any(_ABOUT.search(part) for part in parts) else parts


def label_name(name: str, wanted: str, speakers: Iterable[str], alone: bool) -> LabelName | None:
    """What a name says that has the wanted words in it; None for another.

    Args:
        name: of the tier or column.
        wanted: words, such as `emotion`.
        speakers: of the conversation.
        alone: whether nothing else is wanted; otherwise the annotator's name holds the wanted words.
    """
    parts = beside(name, wanted)
    if parts is None:
        return None
    speaker, annotator = _speaker_and_rest(parts, speakers)
    return LabelName(name, " ".join(filter(None, (annotator, "" if alone and annotator else clean(wanted)))), speaker)


def _speaker_and_rest(parts: Sequence[str], speakers: Iterable[str]) -> tuple[str | None, str]:
    for speaker in sorted(speakers, key=len, reverse=True):  # Ann Lee before Ann
        for place, part in enumerate(parts):
            around = beside(part, speaker)
            if around is not None:
                return speaker, " ".join((*parts[:place], *around, *parts[place + 1 :]))
    return None, " ".join(parts)


def given_label(text: str) -> str | None:
    """The label of an annotation or a cell; None where it is empty or a placeholder."""
    label = clean(text)
    return None if not label or label in _PLACEHOLDERS else label


def placeholder_warnings(name: str, texts: Iterable[str]) -> tuple[str, ...]:
    """A warning if some of a file's annotations or cells are placeholders."""
    count = sum(text.strip() in _PLACEHOLDERS for text in texts)
    return (f"{name}: {counted(count, 'label such as ? is', 'labels such as ? are')} taken as none",) if count else ()


def _bare(text: str) -> str:
    return _OUTER.sub("", text)
