"""IEMOCAP's own transcriptions: `Ses01F_impro01_M000 [007.5712-010.4750]: words`, an utterance a line."""

from __future__ import annotations

import re

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.names import is_label
from merc.data.schema import first_repeated

_LINE = re.compile(r"(\S{3,80}) {0,3}\[(\d{1,6}\.\d{1,6}) ?- ?(\d{1,6}\.\d{1,6})\]:\s*(.*)")
_SPEAKER = re.compile(r"([^_]{1,40})_(?:.{1,60}_)?([A-Z])(?:XX)?\d{1,4}")
_WITHOUT_ID = re.compile(r"([FM]): ?(.*)")
_LEAST = 0.5  # of the lines [chosen]


def read_iemocap(text: PlainText) -> Reading | None:
    """The utterances with their ids and times; the speaker is the session with the letter before the number, such as `Ses01F_M`.

    A line `M: words`, of which the release has some, has no time; it is that speaker's of the session, and its id is that of the
    line before with a number.
    """
    if not any(_LINE.match(line.text) for line in text.lines[:20]):
        return None
    cues: list[Cue] = []
    session, before, untimed, unread = "", "", 0, list[str]()
    for line in text.lines:
        match = _LINE.fullmatch(line.text)
        if match is not None:
            before, untimed = match[1], 0
            whose = _SPEAKER.fullmatch(before)
            session = session if whose is None else whose[1]
            speaker = None if whose is None else f"{whose[1]}_{whose[2]}"
            cues.append(Cue(match[4], speaker, float(match[2]), float(match[3]), id=before))
        elif (bare := _WITHOUT_ID.fullmatch(line.text)) is not None:
            untimed += 1
            cues.append(Cue(bare[2], bare[1], id=f"{before}+{untimed}"))
        else:
            unread.append(line.text)
    ids = [cue.id or "" for cue in cues]
    if len(cues) < _LEAST * len(text.lines) or first_repeated(ids) is not None or any(map(is_label, ids)):
        return None
    letters = {cue.speaker for cue in cues if cue.start is None}
    if session and letters:
        cues = [cue if cue.start is not None else Cue(cue.text, f"{session}_{cue.speaker}", id=cue.id) for cue in cues]
    return Reading(tuple(cues), len(cues) / len(text.lines), tuple(unread))
