"""The layouts of plain text, and the choice among them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from merc.annotation.transcripts.cues import CueList
from merc.annotation.transcripts.plain.chat_lines import read_chat_lines
from merc.annotation.transcripts.plain.headers import read_headers
from merc.annotation.transcripts.plain.iemocap import read_iemocap
from merc.annotation.transcripts.plain.inline import read_inline
from merc.annotation.transcripts.plain.layout import PlainText, Reading
from merc.annotation.transcripts.plain.lines import read_lines
from merc.annotation.transcripts.plain.matter import left_out_warning, without_foot
from merc.annotation.transcripts.plain.numbering import without_line_numbers
from merc.annotation.transcripts.plain.overlaps import with_overlaps
from merc.annotation.transcripts.plain.prose import read_prose
from merc.annotation.transcripts.plain.stamps import read_stamps
from merc.annotation.transcripts.plain.tabular import read_tabular
from merc.annotation.transcripts.plain.testimony import with_named_sides
from merc.annotation.transcripts.plain.turn_marks import read_turn_marks
from merc.annotation.transcripts.plain.written_times import with_clock_times

_Layout = Callable[[PlainText], Reading | None]
# The first that fits is believed: no other layout has their shape by chance.
_UNMISTAKABLE: Sequence[_Layout] = (read_iemocap, read_chat_lines, read_tabular, read_stamps, read_turn_marks)
# Of these, the one that explains most of the file; the first of equals.
_LIKE_ONE_ANOTHER: Sequence[_Layout] = (read_inline, read_headers)
_MANY, _TURNS_EACH = 8, 4  # speakers; fewer turns than four for each are odd [chosen]
_AMID = re.compile(r"\[\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\]")
_LATE = 3600.0  # s; where a first turn begins later, times may be of the day [chosen]


def read_plain(text: str, name: str) -> CueList:
    """The turns of a plain text, by the layout that its whole shape shows; text of no layout is read line by line, with a warning.

    What stands around the dialogue (titles, dates, what wrote the file) is left out, with a warning that counts it.

    Raises:
        DataError: labels without words, which `name` and the line place.
    """
    lines, front = read_lines(without_line_numbers(with_clock_times(text)))
    lines, not_said = with_named_sides(lines)
    kept, foot = without_foot(lines)
    plain = PlainText(name, kept)
    reading = next((found for layout in _UNMISTAKABLE if (found := layout(plain)) is not None), None)
    of_times: tuple[str, ...] = ()
    if reading is None:
        found = [reading for layout in _LIKE_ONE_ANOTHER if (reading := layout(plain)) is not None]
        reading = max(found, key=lambda reading: reading.explained) if found else read_prose(plain)
        of_times = plain.clock.warnings()
    warnings = [*reading.warnings, *of_times, *left_out_warning([*front, *reading.left_out, *not_said, *foot])]
    first = next((cue.start for cue in reading.cues if cue.start is not None), None)
    if first is not None and first >= _LATE:
        warnings.append(f"the first turn begins at {first:.0f} s: if the times are those of a day's clock, they fit no recording")
    amid = 0 if first is not None else sum(len(_AMID.findall(cue.text)) for cue in reading.cues if "[" in cue.text)
    if amid > 1:
        warnings.append(f"{amid} times stand in brackets amid the words: they are not read, and no turn has a time")
    names = {cue.speaker for cue in reading.cues if cue.speaker is not None}
    if len(names) >= _MANY and len(names) > len(reading.cues) / _TURNS_EACH:
        warnings.append(f"{len(names)} speakers in {len(reading.cues)} turns: some may be no names, but words before a colon")
    if len(names) > 2 and len(names) == len(reading.cues) and all(any(map(str.isdigit, name)) for name in names):
        warnings.append("every turn has a speaker of its own, with a number: the names may be no names, but times or ids")
    return CueList(with_overlaps(reading.cues), tuple(warnings))
