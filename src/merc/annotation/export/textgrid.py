"""A result as a TextGrid of Praat: alone, or added to one that is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from merc.annotation.export.tiers import WrittenTier, written_tiers
from merc.annotation.result import Result
from merc.annotation.transcripts.annotation_files.textgrid import Grid, GridTier, decode_textgrid, parse_textgrid
from merc.annotation.transcripts.annotation_files.tier_names import own_tier


def textgrid_text(result: Result, given: tuple[bytes, str] | None = None, leave_out_untimed: bool = False) -> str:
    """The long form, in which every tier fills the whole time, with empty intervals where nobody speaks.

    Args:
        result: of one conversation.
        given: content and name of the TextGrid that the words were read from; its tiers stay as they are, and ours follow.
        leave_out_untimed: pass over utterances without a time, if others have one.

    Raises:
        DataError: an utterance has no start or no end, there are several conversations, or the given file is no TextGrid.
    """
    grid = Grid(0.0, 0.0, ())
    if given is not None:
        data, name = given
        grid = parse_textgrid(decode_textgrid(data, name).text, name)
    runs = [found.run for tier in grid.tiers if (found := own_tier(tier.name)) is not None]
    tiers = written_tiers(result, max(runs, default=0) + 1, leave_out_untimed=leave_out_untimed)
    if given is not None and _holds_words(grid.tiers, tiers):
        tiers = tuple(tier for tier in tiers if tier.tier.what != "words")
    last = max(label.end for tier in tiers for label in tier.labels) / 1000
    end = max(grid.end, result.origin.duration or 0.0, last)
    start = min(grid.start, 0.0) if given is None else grid.start
    kept = [_stretched(tier, grid.end, end) for tier in grid.tiers]
    return "\n".join(_lines(Grid(start, end, (*kept, *(_filled(tier, start, end) for tier in tiers))))) + "\n"


def _holds_words(given: Sequence[GridTier], tiers: Sequence[WrittenTier]) -> bool:
    """Whether each utterance is an interval of the given tiers, so that its words are there."""
    spans = {(round(1000 * start), round(1000 * end)) for tier in given for start, end, label in tier.intervals if label.strip()}
    return all((label.start, label.end) in spans for tier in tiers for label in tier.labels)


def _stretched(tier: GridTier, before: float, end: float) -> GridTier:
    """A given tier in a TextGrid that has become longer: an empty interval goes to the end."""
    last = tier.intervals[-1][1] if tier.intervals else before
    if tier.points or end <= before or last >= end:
        return tier
    return replace(tier, intervals=(*tier.intervals, (last, end, "")))


def _filled(written: WrittenTier, start: float, end: float) -> GridTier:
    intervals: list[tuple[float, float, str]] = []
    reached = start
    for label in written.labels:
        begin = max(label.start / 1000, reached)
        if begin > reached:
            intervals.append((reached, begin, ""))
        reached = label.end / 1000
        intervals.append((begin, reached, label.text.replace("\\", "\\bs")))
    if reached < end:
        intervals.append((reached, end, ""))
    return GridTier(written.tier.name(), tuple(intervals))


def _lines(grid: Grid) -> Iterator[str]:
    yield from ('File type = "ooTextFile"', 'Object class = "TextGrid"', "")
    yield from (f"xmin = {_number(grid.start)} ", f"xmax = {_number(grid.end)} ", "tiers? <exists> ", f"size = {len(grid.tiers)} ")
    yield "item []: "
    for place, tier in enumerate(grid.tiers, start=1):
        start, end = grid.start, grid.end
        if tier.intervals and not tier.points:
            start, end = tier.intervals[0][0], tier.intervals[-1][1]
        kind, rows = ("TextTier", "points") if tier.points else ("IntervalTier", "intervals")
        yield from (f"    item [{place}]:", f'        class = "{kind}" ', f"        name = {_quoted(tier.name)} ")
        yield from (f"        xmin = {_number(start)} ", f"        xmax = {_number(end)} ")
        yield f"        {rows}: size = {len(tier.intervals)} "
        for number, (begin, finish, label) in enumerate(tier.intervals, start=1):
            yield f"        {rows} [{number}]:"
            if tier.points:
                yield from (f"            number = {_number(begin)} ", f"            mark = {_quoted(label)} ")
            else:
                yield from (f"            xmin = {_number(begin)} ", f"            xmax = {_number(finish)} ")
                yield f"            text = {_quoted(label)} "


def _number(value: float) -> str:
    return repr(int(value)) if value.is_integer() else repr(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
