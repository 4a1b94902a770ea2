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

from collections import Counter
from collections.abc import Sequence

from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.plain.believed import MOSTLY, NEARLY_ALL, believed_names
from merc.annotation.transcripts.plain.layout import PlainText, Reading, Turns, in_order
from merc.annotation.transcripts.plain.marks import TIME_SAID, Mark
from merc.annotation.transcripts.plain.matter import begins_transcript, is_caption, is_field, is_title, paragraphs

# All [chosen].
_LEAST = 0.15  # of the lines, or
_LEAST_PARAGRAPHS = 0.4  # of the paragraphs have a name or time, or
_LEAST_RECURRING = 0.05  # of the lines, where there are at least `_OFTEN` times as many of them as names
_OFTEN = 3
_HEADINGS = 0.5  # for each turn; more stand in reports


def read_inline(text: PlainText) -> Reading | None:
    """The turns of a file whose lines begin with names or times; another line goes on with the turn before.

    A line that is nothing but a time is that of the next turn. A time without name begins a turn of the speaker before.
    """
    marks = text.marks
    believed = believed_names(marks, text.lines)
    short_times = _short_times(text)
    begins = [_begins(each, believed, short_times) for each in marks]
    count = sum(begins)
    if not count:
        return None
    if not _fits(text, begins):
        return None
    first, all_before = _first_turn(text, begins)
    turns, left_out = Turns(), list[str]()
    for paragraph in paragraphs(text.lines[:first]):
        if all_before or all(map(is_title, paragraph)):
            left_out += [line.text for line in paragraph]
        else:
            for line in paragraph:
                turns.go_on(line.text)
    speaker: str | None = None
    pending: Mark | None = None
    for place in range(first, len(marks)):
        each = marks[place]
        words = text.lines[place].text
        if each.kind == "time":
            pending = each
            continue
        if not begins[place] and is_caption(text.lines[place]):
            left_out.append(words)
            continue
        if not begins[place] and pending is None:
            turns.go_on(words)
            continue
        if begins[place]:
            words = each.words
            if each.name in believed:
                speaker = known(each.name)
            elif each.name is not None:
                words = each.with_name()
        timed = pending if each.start is None or not begins[place] or each.style == TIME_SAID else each
        pending = None
        turns.begin(words, speaker, *((None, None) if timed is None else text.clock.span(timed.start, timed.end)))
    if len(left_out) - first > _HEADINGS * count:
        return None  # a report rather than a dialogue
    used = sum(each.kind == "time" and following for each, following in zip(marks, begins[1:], strict=False))
    return Reading(tuple(turns.cues()), (count + used) / len(marks), tuple(left_out))


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


def _begins(each: Mark, believed: frozenset[str], short_times: bool) -> bool:
    """Whether a line begins a turn; `10:30 is fine` does so only where nearly all lines begin like that."""
    if each.kind in ("words", "time"):
        return False
    if each.name in believed:
        return each.kind != "head" or "[" in each.style or each.style == TIME_SAID
    if each.kind == "head" or each.start is None:
        return False
    return short_times or not each.style.startswith("short")


def _short_times(text: PlainText) -> bool:
    timed = [each for each in text.marks if each.kind == "turn" and each.start is not None]
    short = [text.clock.seconds(each.start) for each in timed if each.style.startswith("short") and each.name is None]
    return len(short) > 1 and len(timed) >= MOSTLY * len(text.marks) and in_order(short) >= NEARLY_ALL


def _first_turn(text: PlainText, begins: Sequence[bool]) -> tuple[int, bool]:
    """Where the dialogue begins, and whether all that stands before it is no speech.

    Where nearly all turns have a time, or times stand between them, it begins with the first time, or with somebody who speaks
    again later; else with the first name that is no field such as `Date:`. A line may say that the transcript comes next.
    """
    marks = text.marks
    turns = [place for place, begun in enumerate(begins) if begun]
    timed = [place for place in turns if marks[place].start is not None]
    times = [place for place, each in enumerate(marks) if each.kind == "time"]
    heading = max((place for place in range(turns[0] + 1) if begins_transcript(text.lines[place].text)), default=-1)
    counts = Counter(marks[place].name for place in turns)
    fields = {place for place in turns if counts[marks[place].name] == 1 and is_field(text.lines[place].text)}
    turns = [place for place in turns if place > heading and place not in fields] or turns
    if timed and len(timed) >= MOSTLY * len(turns) - 1:
        again = {marks[place].name for place in timed}
        known = [place for place in turns if marks[place].name is not None and marks[place].name in again]
        return min([timed[0], *known[:1], *times[:1]]), True
    if times and times[0] < turns[0]:
        return times[0], True
    return turns[0], heading >= 0
