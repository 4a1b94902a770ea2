"""A result as WebVTT subtitles. webvtt-py writes text as it is given, mark-up included, so the few lines are written here."""

from __future__ import annotations

from merc.annotation.export.tiers import one_line, timed_utterances
from merc.annotation.result import Result
from merc.inference.predictions import JudgedUtterance

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def vtt_text(result: Result, leave_out_untimed: bool = False) -> str:
    """A cue an utterance, in order of time: `<v Ann>[joy] I got the job!`.

    Args:
        result: of one conversation.
        leave_out_untimed: pass over utterances without a time, if others have one.

    Raises:
        DataError: an utterance has no start or no end, or there are several conversations.
    """
    cues = (
        f"{_clock(start)} --> {_clock(end)}\n{_cue(utterance)}\n"
        for start, end, utterance in timed_utterances(result, "subtitles", leave_out_untimed)
    )
    return "\n".join(["WEBVTT\n", *cues])


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(round(1000 * max(seconds, 0.0)), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _cue(utterance: JudgedUtterance) -> str:
    speaker, emotion, words = (
        one_line(text or "").translate(_ENTITIES) for text in (utterance.speaker, utterance.emotion, utterance.words)
    )
    return " ".join(filter(None, (f"<v {speaker}>[{emotion}]" if speaker else f"[{emotion}]", words)))
