"""The main tables as Markdown, for readers of repositories: `results.md`."""

from __future__ import annotations

import re

from merc.files.printable import printable
from merc.studies.report.answer import answers, subject, tuning
from merc.studies.report.curve_tables import area_table
from merc.studies.report.record_tables import cost_table, failure_table
from merc.studies.report.score_tables import ablation_table, ablations, rival_table, with_ablations, with_rivals
from merc.studies.report.table import Table
from merc.studies.results import StudySummary

# What could begin markup, formulas, mentions and links in GitHub's Markdown. Parentheses and exclamation marks do nothing once
# brackets are escaped; a bare web address links by its colon or its www., a smiley by its first colon.
_SPECIAL = re.compile(r"[\\`*_\[\]#$@~&<>|]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}


def render_markdown(summary: StudySummary) -> str:
    """The answer and the tables of scores, ablations, areas, costs and failures."""
    parts = ablations(summary)
    note = summary.caution
    pieces = [f"# {escaped(summary.study.name)}", escaped(subject(summary))]
    if note:
        pieces.append(f"**The numbers of this study are {escaped(note)}.**")
    pieces += [escaped(answer) for answer in answers(summary)]
    pieces += ["## CMATH and its rivals", _table(rival_table(summary), note)]
    pieces += ["## Ablations", _table(ablation_table(summary), note) if parts else "None."]
    pieces += ["## Lost and perturbed modalities", _table(area_table(with_rivals(summary), "CMATH and its rivals"), note)]
    if parts:
        pieces.append(_table(area_table(with_ablations(summary), "CMATH and its ablations"), note))
    pieces += ["## Cost", _table(cost_table(summary), note)]
    failures = failure_table(summary)
    pieces += ["## Failures", _table(failures, note) if failures.rows else "None."]
    pieces += ["## Protocol", _protocol(summary)]
    return "\n\n".join(pieces) + "\n"


def escaped(text: str) -> str:
    """The text as Markdown that shows it as it is, in one line and in one cell."""
    return _SPECIAL.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), printable(text))


def _table(table: Table, note: str) -> str:
    caption = f"{escaped(table.caption)}{f' **({escaped(note)})**' if note else ''}"
    headings = [f"{column.group}: {column.heading}" if column.group else column.heading for column in table.columns]
    lines = [_line([escaped(heading) for heading in headings])]
    lines.append(_line([":--" if column.words else "--:" for column in table.columns]))
    for row in table.rows:
        cells = [escaped(row.heading), *(escaped(cell.text) for cell in row.cells)]
        lines.append(_line([f"**{cell}**" if row.strong else cell for cell in cells]))
    return "\n".join([caption, "", *lines])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _protocol(summary: StudySummary) -> str:
    chosen = f"{summary.selection_part.upper()}, which is judged too" if summary.caution else summary.selection_part
    seeds = summary.study.seeds
    return escaped(
        f"Protocol {summary.protocol}: epochs chosen on {chosen}. Seeds: {seeds.cmath} for CMATH, "
        f"{seeds.rivals} for a rival ({seeds.strongest} for the {summary.study.strongest} strongest), "
        f"{seeds.ablations} for an ablation. Intervals (95 %) and p allow for the luck of seeds and, by "
        f"{summary.resamples} resamples, of conversations; verdicts by p after Holm’s correction within rivals and "
        f"within ablations. {tuning(summary)}"
    )
