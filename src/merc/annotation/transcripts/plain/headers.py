"""A line with name, time or both, and the words in the lines below until the next one.

Ann Berg  0:03                  [Ann Berg] 00:00:03         0:03 - Ann Berg (Harbour)
The boat left early.            The boat left early.        The boat left early.

00;00;03;00 - 00;00;05;12       SPEAKER_00                  0:03
Speaker 1                       [00:00:03] - The boat       The boat left early.
The boat left early.            left early.
"""

from __future__ import annotations

from collections import Counter

from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.plain.inner_times import cut_at_times
from merc.annotation.transcripts.plain.layout import PlainText, Reading, Turns, in_order
from merc.annotation.transcripts.plain.matter import begins_transcript, is_caption, is_field, is_foot
from merc.annotation.transcripts.plain.names import display_name, is_label, is_sound, self_given, sure_name

# All [chosen].
_MOSTLY = 0.8
_NEARLY_ALL = 0.9
_HALF = 0.5
_FIFTH = 0.2
_OFTEN = 3  # times that a name stands between blank lines
_LIKE_WORDS = "name time"  # the style that words which end in a time have, too
_INLINE = 0.2  # of the lines that begin with a name and a colon: then times between them are no headers


def read_headers(text: PlainText) -> Reading | None:
    """The turns of a file in which headers stand over the words; None if it has no headers, or its headers have no words below."""
    heads = _with_name_and_time(text) or _with_time(text) or _with_name(text)
    if not heads:
        return None
    places = sorted(heads)
    first, marks = places[0], text.marks
    turns, left_out = Turns(), [line.text for line in text.lines[:first]]
    speaker: str | None = None
    span: tuple[float | None, float | None] | None = None  # of a header whose words have not come yet
    for place in range(first, len(marks)):
        each = marks[place]
        if place in heads:
            name = heads[place]
            if name is not None:
                speaker = known(name)
            timed = each.start is not None and each.kind != "words"
            span = text.clock.span(each.start, each.end) if timed else span or (None, None)
        elif each.kind == "turn" and each.start is not None and not each.style.startswith("short"):
            is_name = each.name is not None and each.sure
            speaker = known(each.name) if is_name else speaker
            words = each.words if is_name or each.name is None else each.with_name()
            turns.begin(words, speaker, *text.clock.span(each.start, each.end))
            span = None
        elif span is not None:
            turns.begin(text.lines[place].text, speaker, *span)
            span = None
        elif is_caption(text.lines[place]):
            left_out.append(text.lines[place].text)
        else:
            turns.go_on(text.lines[place].text)
    cues = cut_at_times(turns.cues(), text.clock)
    return Reading(cues, (len(marks) - first) / len(marks), tuple(left_out)) if cues else None


def _with_name_and_time(text: PlainText) -> dict[int, str | None]:
    """Lines with both: those of the style that most have, over words. A line of words that ends in a time is told from them.

    `0:03 - Ann Berg` has the form of words after a time: it is a header where other lines stand between such lines.
    """
    marks, lines = text.marks, text.lines
    inline = sum(each.kind == "turn" and each.sure and each.start is None for each in marks)
    candidates: dict[int, tuple[str, str, bool]] = {}
    for place, each in enumerate(marks):
        if each.kind == "head" and each.name is not None:
            candidates[place] = (each.style, each.name, each.sure)
        elif each.kind == "turn" and each.name is None and each.start is not None and marks[place + 1 : place + 2]:
            below = marks[place + 1]
            name = display_name(each.words) if below.start is None or below.style == _LIKE_WORDS else None
            if name is not None:
                candidates[place] = (f"time{each.style}", name, sure_name(name) is not None)
    style, count = Counter(style for style, _, _ in candidates.values()).most_common(1)[0] if candidates else ("", 0)
    chosen = {place: candidate for place, candidate in candidates.items() if candidate[0] == style}
    names = Counter(name for _, name, _ in chosen.values())
    sure = {name for _, name, sure in chosen.values() if sure}
    apart = sum(lines[place].apart for place in chosen) >= _MOSTLY * count
    heads: dict[int, str | None] = {}
    for place, (given, name, _) in candidates.items():
        believed = name in sure or (names[name] > 1 and (lines[place].apart or self_given(name)))
        alone = lines[place].apart if apart else style != _LIKE_WORDS
        if (given == style and (believed or alone)) or (names[name] > 1 and lines[place].apart):
            heads[place] = name
    over_words = sum(place + 1 < len(marks) and place + 1 not in heads for place in heads)
    alone = (
        style != _LIKE_WORDS
        if style.startswith(("name", "[", "("))
        else "-" in style and any(" " in name or is_label(name) for name in sure)
    )
    needed = 1 if alone and (sure or not style.startswith("name")) else 2
    if len(heads) < max(needed, inline) or over_words < (_MOSTLY if style == _LIKE_WORDS else _HALF) * len(heads):
        return {}
    if len(heads) == 1 and 0 not in heads and not sure:
        return {}  # a single line amid others says nothing of their shape
    times = [text.clock.seconds(marks[place].start) for place in sorted(heads)]
    if in_order(times) < _MOSTLY:
        return {}
    if style.startswith("time"):
        alike = sum(each.kind == "turn" and each.name is None and style == f"time{each.style}" for each in marks)
        if count < _MOSTLY * alike or not _like_names(names, sure):
            return {}
    return heads | {place: None for place, each in enumerate(marks) if each.kind == "time"}


def _like_names(names: Counter[str], sure: set[str]) -> bool:
    """Whether these are the names of speakers rather than short sentences: they recur, or each is like a name."""
    return sum(names.values()) >= 2 * len(names) or all(name in sure and not name[0].islower() for name in names)


def _with_time(text: PlainText) -> dict[int, str | None]:
    """Lines with a time alone, and the names in the lines after them, or before them, if these have names."""
    marks = text.marks
    times = [place for place, each in enumerate(marks) if each.kind == "time"]
    inline = sum(each.kind == "turn" and each.name is not None and each.sure for each in marks)
    if not times or inline >= _INLINE * len(marks):
        return {}
    followed = [place for place in times if place + 1 < len(marks) and marks[place + 1].kind != "time"]
    if len(followed) < _MOSTLY * len(times) or in_order([text.clock.seconds(marks[place].start) for place in times]) < _MOSTLY:
        return {}
    edges = [*times[1:], len(marks)]
    after = {place + 1 for place, edge in zip(times, edges, strict=True) if edge - place > 2}
    before = {place - 1 for place, edge in zip(times, [-1, *times[:-1]], strict=True) if place - edge > (2 if edge >= 0 else 1)}
    names = _names_at(text, after, len(times)) or _names_at(text, before, len(times))
    if not names and len(times) == 1 and len(marks) > 2:
        return {}  # a single time over a text says nothing of its shape
    return dict[int, str | None].fromkeys(times) | names


def _names_at(text: PlainText, places: set[int], of: int) -> dict[int, str | None]:
    """The names in these lines, if enough of the `of` headers have one; they recur, or each is like a name."""
    found = {place: name for place in places if (name := _lone_name(text.lines[place].text)) is not None}
    names = Counter(found.values())
    kept: dict[int, str | None] = {
        place: name for place, name in found.items() if names[name] > 1 or sure_name(name) is not None or is_label(name)
    }
    known = {name for name in names if names[name] > 1 or (sure_name(name) is not None and " " in name) or is_label(name)}
    enough = sum(name in known for name in kept.values()) >= _FIFTH * of
    recurring = len(kept) >= 2 * len(set(kept.values())) or len(kept) >= _MOSTLY * len(places)
    return kept if enough and recurring else {}


def _lone_name(line: str) -> str | None:
    """The name that a line consists of: with a colon, in brackets, or bare."""
    bare = line.rstrip(":：").strip()
    if bare[:1] in "[(" and bare[-1:] in "])":
        bare = bare[1:-1].strip()
        if is_sound(bare):
            return None
    return display_name(bare) if bare else None


def _with_name(text: PlainText) -> dict[int, str | None]:
    """Lines with a name alone, each over words of its paragraph, or over lines that begin with times."""
    lines, marks = text.lines, text.marks
    found: dict[int, str] = {}
    for place, line in enumerate(lines[:-1]):
        each = marks[place]
        with_colon = each.kind == "turn" and not each.words and each.start is None
        bare = each.kind == "words" or with_colon
        if (
            bare
            and (line.apart or (with_colon and is_label(each.name or "")))
            and not is_field(line.text)
            and not is_foot(line.text)
            and not begins_transcript(line.text)
        ):
            name = _lone_name(line.text)
            if name is not None and (sure_name(name) is not None or is_label(name)):
                found[place] = name
    found = {place: name for place, name in found.items() if place + 1 not in found}  # a name has words below
    counts = Counter(found.values())
    for place in list(found):
        over = marks[place + 1].start is not None or not lines[place + 1].apart or lines[place].heading
        if not over and counts[found[place]] < _OFTEN:
            del found[place]
    names = {place: name for place, name in found.items() if counts[name] > 1 or is_label(name)}
    if names:  # those that come once stand in the same form
        upper = all(name.isupper() for name in names.values())
        alike = {place: name for place, name in found.items() if " " in name or (upper and name.isupper())}
        names |= {place: name for place, name in alike.items() if place > min(names)}
        over = [place for place, line in enumerate(lines[:-1]) if line.apart and not lines[place + 1].apart]
        if len(over) >= _OFTEN and sum(place in found for place in over) >= _NEARLY_ALL * len(over):
            names |= found  # nearly every paragraph begins with a name
    timed = sum(each.kind == "turn" and each.start is not None for each in marks)
    first = min(names, default=0)
    paragraphs = sum(line.apart and place - 1 not in names for place, line in enumerate(lines) if place >= first)
    if not names or (len(names) < _HALF * paragraphs and timed < _HALF * len(marks)):
        return {}
    return dict(names)
