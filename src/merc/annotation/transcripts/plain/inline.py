"""`Name: words`, with or without a time before or after the name; and times before words, as Whisper prints them.

[00:01:02] Ann: We have to go.
00:01:04 Bob: Why?
Ann (00:01:05): Because.
**Ann Berg:** It is late.
ANN BERG, HARBOUR MASTER: It is.
[Ann] Come.
(speaker 0) Come.
[00:05.000 --> 00:07.500]  Somebody speaks.
"""

from __future__ import annotations

from collections.abc import Sequence

from merc.annotation.transcripts.plain.believed import MOSTLY, NEARLY_ALL, believed_names
from merc.annotation.transcripts.plain.layout import PlainText, Reading, Turns, in_order
from merc.annotation.transcripts.plain.marks import Mark
from merc.annotation.transcripts.plain.matter import begins_transcript, is_field, is_title
from merc.annotation.transcripts.plain.names import somebody

# All [chosen].
_LEAST = 0.15  # of the lines, or
_LEAST_PARAGRAPHS = 0.4  # of the paragraphs have a name or time, or
_LEAST_RECURRING = 0.05  # of the lines, where there are at least `_OFTEN` times as many of them as names
_OFTEN = 3


def read_inline(text: PlainText) -> Reading | None:
    """The turns of a file whose lines begin with names or times; another line goes on with the turn before.

    A line that is nothing but a time is that of the next turn. A time without name begins a turn of the speaker before.
    """
    marks = text.marks
    accepted = believed_names(marks)
    short_times = _short_times_count(text)
    begins = [_begins(each, accepted, short_times) for each in marks]
    count = sum(begins)
    if not count:
        return None
    first, untimed_head = _first_turn(text, begins)
    turns, left_out = Turns(), list[str]()
    speaker: str | None = None
    pending: Mark | None = None
    for line, each, begun in zip(text.lines[:first], marks, begins, strict=False):
        if untimed_head or begun or is_title(line):
            left_out.append(line.text)
        else:
            turns.go_on(line.text)
    for place in range(first, len(marks)):
        each = marks[place]
        if each.kind == "time":
            pending = each
            continue
        if not begins[place]:
            words = text.lines[place].text
            if pending is None:
                turns.go_on(words)
                continue
            turns.begin(words, speaker, *text.clock.span(pending.start, pending.end))
            pending = None
            continue
        if each.name is not None and (each.sure or each.name in accepted):
            speaker, words = somebody(each.name), each.words
        else:
            words = each.words if each.name is None else f"{each.name}: {each.words}"
        timed = each if each.start is not None else pending
        pending = None
        turns.begin("" if each.kind == "head" else words, speaker, *(text.clock.span(timed.start, timed.end) if timed is not None else (None, None)))
    used = sum(marks[place].kind == "time" and place + 1 < len(marks) and begins[place + 1] for place in range(len(marks)))
    return Reading(tuple(turns.cues()), (count + used) / (len(marks) - len(left_out) or 1), tuple(left_out)) if _fits(text, begins) else None


def _fits(text: PlainText, begins: Sequence[bool]) -> bool:
    """Whether enough lines begin turns, so that this is no prose with a colon somewhere."""
    count = sum(begins)
    if count >= _LEAST * len(begins):
        return True
    paragraphs = [begun for line, begun in zip(text.lines, begins, strict=True) if line.apart]
    if len(paragraphs) > 1 and sum(paragraphs) >= _LEAST_PARAGRAPHS * len(paragraphs):
        return True
    names = {each.name for each, begun in zip(text.marks, begins, strict=True) if begun}
    return count >= _LEAST_RECURRING * len(begins) and count >= _OFTEN * len(names)


def _begins(each: Mark, accepted: frozenset[str], short_times: bool) -> bool:
    """Whether a line begins a turn; `10:30 is fine` does so only where nearly all lines begin like that."""
    if each.kind in ("words", "time"):
        return False
    if each.name is not None and (each.sure or each.name in accepted):
        return each.kind != "head" or each.style.endswith("]") or "[" in each.style
    if each.kind == "head" or each.start is None:
        return False
    return short_times or not each.style.startswith("short")


def _short_times_count(text: PlainText) -> bool:
    timed = [each for each in text.marks if each.kind == "turn" and each.start is not None]
    short = [text.clock.seconds(each.start) for each in timed if each.style.startswith("short") and each.name is None]
    return len(short) > 1 and len(timed) >= MOSTLY * len(text.marks) and in_order(short) >= NEARLY_ALL


def _first_turn(text: PlainText, begins: Sequence[bool]) -> tuple[int, bool]:
    """Where the dialogue begins, and whether all that stands before it is no speech.

    Where nearly all turns have a time, or times stand between them, it begins at the first time; else with the first name that
    is no field such as `Date:`. It begins after a line that says that the transcript comes next.
    """
    marks = text.marks
    turns = [place for place, begun in enumerate(begins) if begun]
    timed = [place for place in turns if marks[place].start is not None]
    times = [place for place, each in enumerate(marks) if each.kind == "time"]
    heading = max((place for place in range(turns[0] + 1) if begins_transcript(text.lines[place].text)), default=-1)
    if len(timed) >= MOSTLY * len(turns) - 1 and len(timed) > 0:
        return min(timed[0], *times[:1]) if times else timed[0], True
    if times and times[0] < turns[-1]:
        before = [place for place in turns if heading < place < times[0] and not is_field(text.lines[place].text)]
        if not before:
            return times[0], True
    named = next((place for place in turns if place > heading and not is_field(text.lines[place].text)), turns[0])
    return named, heading >= 0
