"""A study while it runs: one row an arm, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from merc.cli.tables.cells import NOTHING, add_row, new_table, percent
from merc.files.printable import printable
from merc.studies.report.score_tables import ablations, competitors
from merc.studies.results import ArmSummary, StudySummary
from merc.studies.runner import StudyStatus

_WIDTH = 40  # of the bar, in columns


def status_table(status: StudyStatus) -> RenderableType:
    """A bar with the time left, then the arms with what is done, under way and failed: low terminals cut off the last ones."""
    chosen = "validation" if status.protocol == "validation" else "TEST (not comparable)"
    table = new_table("study", ("arm", "kind", "seeds", "under way", chosen, ""), words=2)
    for arm in status.arms:
        ended = arm.done + arm.failed >= arm.wanted
        running = ", ".join(f"{100 * share:.0f} %" for share in arm.running) or ("done" if ended else "")
        style = "red" if arm.failed else "bold" if arm.running else None
        failed = f"{arm.failed} failed: {arm.error}" if arm.failed else ""
        add_row(table, arm.name, arm.kind, f"{arm.done}/{arm.wanted}", running, percent(arm.selected), failed, style=style)
    done, wanted = sum(a.done for a in status.arms), sum(a.wanted for a in status.arms)
    share = sum(a.done + a.failed + sum(a.running) for a in status.arms) / max(1, wanted)
    line = Table.grid(padding=(0, 1))
    left = NOTHING if status.seconds_left is None else duration(status.seconds_left)
    line.add_row(ProgressBar(total=1.0, completed=share, width=_WIDTH), Text(f"{done} of {wanted} runs, about {left} left"))
    return Group(line, Text(), table)


def status_line(status: StudyStatus) -> str:
    """The same in a line, for where there is no terminal."""
    done, wanted = sum(a.done for a in status.arms), sum(a.wanted for a in status.arms)
    failed = sum(a.failed for a in status.arms)
    left = "" if status.seconds_left is None else f", about {duration(status.seconds_left)} left"
    return f"{done} of {wanted} runs{f', {failed} failed' if failed else ''}{left}"


def study_tables(summary: StudySummary) -> Iterator[RenderableType]:
    """CMATH and its rivals, then the ablations: scores, differences and verdicts."""
    caution = f"; {summary.caution}" if summary.caution else ""
    judged = f"{summary.corpus}, part {summary.part}, {summary.conversations} conversations, {summary.utterances} utterances"
    yield Text(printable(judged + caution), style="yellow" if caution else "")
    yield _table("CMATH and its rivals, weighted F1 in %" + caution, competitors(summary))
    best_first = ablations(summary)[::-1]
    if best_first:
        yield _table("ablations, weighted F1 in %" + caution, best_first)
    failed = sum(len(a.failures) for a in summary.arms) + sum(map(len, summary.without_result.values()))
    if failed or summary.unfinished:
        yield Text(f"{failed} run(s) failed; {summary.unfinished} not done", style="yellow")


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes, or seconds."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _table(title: str, arms: Sequence[ArmSummary]) -> Table:
    table = new_table(title, ("arm", "seeds", "mean", "sd", "CMATH minus it", "95 % interval", "p (Holm)", "CMATH is"))
    for arm in arms:
        score, d = arm.scores["weighted_f1"], arm.difference
        cells = [arm.name, len(arm.seeds), f"{100 * score.mean:.2f}", NOTHING if score.sd is None else f"{100 * score.sd:.2f}"]
        if d is not None:
            cells += [f"{100 * d.difference:+.2f}", f"{100 * d.low:+.2f} to {100 * d.high:+.2f}"]
            cells += [NOTHING if d.p_holm is None else f"{d.p_holm:.3f}", d.verdict]
        add_row(table, *cells, style="bold" if d is None else None)
    return table
