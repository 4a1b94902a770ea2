"""Utterances out of single words with times: a pause, a sentence's end or another speaker ends one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.sentences import MAX_DURATION, MAX_GAP

_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_TITLES = frozenset({"Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "St."})  # whose points end no sentence [chosen]
_MOST_WORDS = 80  # of an utterance [chosen]


@dataclass(slots=True)  # not frozen, since there is one a word, and that makes it three times as fast
class RunWord:
    """A word with its times in s, for files that hold nothing but words."""

    text: str
    speaker: str | None
    start: float | None
    end: float | None
    channel: int | None = None
    conversation: str | None = None


def joined_words(words: Sequence[Cue] | Sequence[RunWord]) -> list[Cue]:
    """Words, each speaker's and channel's in order of time, as utterances in order of their starts.

    An utterance ends before a pause of `MAX_GAP` or more, after a word that ends a sentence, and where it would be too long. A word
    without times stays with the one before it.
    """
    runs: list[list[Cue | RunWord]] = []
    open_runs: dict[tuple[str | None, int | None, str | None], list[Cue | RunWord]] = {}
    for word in words:
        who = (word.speaker, word.channel, word.conversation)
        run = open_runs.get(who)
        if run is None or _ends(run, word):
            open_runs[who] = run = [word]
            runs.append(run)
        else:
            run.append(word)
    return [_utterance(run) for run in runs]


def _ends(run: Sequence[Cue | RunWord], word: Cue | RunWord) -> bool:
    last, first = run[-1], run[0]
    if last.text.endswith(_ENDS) and last.text not in _TITLES:
        return True
    if word.start is None or word.end is None or last.end is None or first.start is None:
        return False
    return word.start - last.end >= MAX_GAP or word.end - first.start > MAX_DURATION or len(run) >= _MOST_WORDS


def _utterance(run: Sequence[Cue | RunWord]) -> Cue:
    start = next((word.start for word in run if word.start is not None), None)
    end = next((word.end for word in reversed(run) if word.end is not None), None)
    first = run[0]
    text = " ".join([word.text for word in run])
    return Cue(text, first.speaker, start, end, first.channel, conversation=first.conversation)
