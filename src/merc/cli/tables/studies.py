"""A study while it runs: one row an arm, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from merc.cli.tables.cells import NOTHING, add_row, new_table, percent
from merc.files.printable import printable
from merc.studies.results import ArmSummary, StudySummary
from merc.studies.runner import ArmStatus, StudyStatus

_WIDTH = 40  # of the bar, in columns


def status_table(status: StudyStatus) -> RenderableType:
    """A bar with the time left, then the arms with what is done, under way and failed: low terminals cut off the last ones."""
    chosen = "validation" if status.protocol == "validation" else "TEST (not comparable)"
    table = new_table("study", ("arm", "kind", "seeds", "under way", chosen, ""), words=2)
    for arm in status.arms:
        ended = arm.done + arm.failed >= arm.wanted
        running = ", ".join(f"{100 * share:.0f} %" for share in arm.running) or ("done" if ended else "")
        style = "red" if arm.failed else "bold" if arm.running else None
        add_row(table, arm.name, arm.kind, f"{arm.done}/{arm.wanted}", running, percent(arm.selected), _failed(arm), style=style)
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
    rivals = [a for a in summary.arms if a.kind != "ablation"]
    yield _table("CMATH and its rivals, weighted F1 in %" + caution, sorted(rivals, key=_score, reverse=True))
    ablations = [a for a in summary.arms if a.kind == "ablation"]
    if ablations:
        yield _table("ablations, weighted F1 in %" + caution, sorted(ablations, key=_score, reverse=True))
    failed = sum(len(a.failures) for a in summary.arms) + sum(map(len, summary.without_result.values()))
    if failed or summary.unfinished:
        yield Text(f"{failed} run(s) failed; {summary.unfinished} not done", style="yellow")


def duration(seconds: float) -> str:
    """Hours and minutes, or minutes, or seconds."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _table(title: str, arms: list[ArmSummary]) -> Table:
    table = new_table(title, ("arm", "seeds", "mean", "sd", "CMATH minus it", "95 % interval", "p (Holm)", "CMATH is"))
    for arm in arms:
        score, difference = arm.scores["weighted_f1"], arm.difference
        cells = [arm.name, len(arm.seeds), f"{100 * score.mean:.2f}", NOTHING if score.sd is None else f"{100 * score.sd:.2f}"]
        if difference is None:
            add_row(table, *cells, "", "", "", "", style="bold")
            continue
        p = NOTHING if difference.p_holm is None else f"{difference.p_holm:.3f}"
        interval = f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}"
        add_row(table, *cells, f"{100 * difference.difference:+.2f}", interval, p, difference.verdict)
    return table


def _score(arm: ArmSummary) -> float:
    return arm.scores["weighted_f1"].mean


def _failed(arm: ArmStatus) -> str:
    return f"{arm.failed} failed: {arm.error}" if arm.failed else ""
