"""Marks at which another speaker begins: `[SPEAKER_TURN]` of whisper.cpp, `>>` of live captions. They name nobody.

The boat left early. [SPEAKER_TURN]
>> Then we walk. >> It is not far.
>> ANN: I know.
"""

from __future__ import annotations

import re

from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.plain.believed import believed_names
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.lines import Line
from merc.annotation.transcripts.plain.marks import mark
from merc.annotation.transcripts.plain.matter import is_title

_TURN = re.compile(r"\s*\[SPEAKER_TURN\]\s*")
_ARROWS = re.compile(r"(?:^|\s+)>{2,3}\s*")
_MARK = re.compile(r"\[SPEAKER_TURN\]|(?:^|\s)>{2,3}\s*\S")
_LEAST = 2  # marks in a file [chosen]


def read_turn_marks(text: PlainText) -> Reading | None:
    """The turns between the marks. With `>>`, lines without one go on with the turn before, as captions are wrapped."""
    counts = [len(_MARK.findall(line.text)) if ">>" in line.text or "[S" in line.text else 0 for line in text.lines]
    if sum(counts) < _LEAST:
        return None
    turning = any("[SPEAKER_TURN]" in line.text for line in text.lines)
    pieces: list[tuple[str, bool]] = []  # what is said, and whether another speaker says it
    changed = True
    first = 0 if turning else next(place for place, count in enumerate(counts) if count)
    left_out = [line.text for line in text.lines[:first] if is_title(line)]
    for line in text.lines[len(left_out) :]:
        if turning:
            for number, piece in enumerate(_TURN.split(line.text)):
                changed = changed or number > 0
                if piece.strip():
                    pieces.append((piece.strip(), changed))
                    changed = False
        else:
            whole = [piece.strip() for piece in _ARROWS.split(line.text)]
            pieces += [(piece, number > 0) for number, piece in enumerate(whole) if piece]
    lines = [Line(piece, True) for piece, _ in pieces]
    marks = [mark(line) for line in lines]
    believed = believed_names(marks, lines)
    cues: list[Cue] = []
    for (piece, begins), each in zip(pieces, marks, strict=True):
        name = each.name if each.name in believed and each.start is None else None
        words = piece if name is None else each.words
        if turning or begins or name is not None or not cues:
            cues.append(Cue(words, known(name), begins=begins or name is not None))
        else:
            cues[-1] = Cue(f"{cues[-1].text}\n{words}", cues[-1].speaker, begins=cues[-1].begins)
    return Reading(tuple(cues), 1.0, tuple(left_out))
