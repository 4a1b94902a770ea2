"""What a study found, in a few sentences that follow from its numbers."""

from __future__ import annotations

from collections.abc import Iterable

from merc.evaluation.statistics import Difference
from merc.studies.report.curve_tables import areas_of
from merc.studies.report.score_tables import ablations, rivals
from merc.studies.report.table import tone_of
from merc.studies.report.text import counted, listed, percent
from merc.studies.results import StudySummary


def subject(summary: StudySummary) -> str:
    """What was judged, in a sentence."""
    folds = f" over {len(summary.splits)} splits" if len(summary.splits) > 1 else ""
    return (
        f"{counted(len(summary.arms), 'arm')} on {summary.corpus}, part {summary.part}{folds}: "
        f"{counted(summary.conversations, 'conversation')}, {counted(summary.utterances, 'labelled utterance')}, "
        f"{counted(len(summary.support), 'label')}."
    )


def answers(summary: StudySummary) -> tuple[str, ...]:
    """The study's answer: rivals, ablations, robustness; and what is still missing."""
    found = [_rank(summary), *_parts(summary), *_robustness(summary)]
    if summary.without_result:
        found.append(f"Without any judged seed: {listed(list(summary.without_result))}.")
    short = [f"{arm.name} ({len(arm.seeds)} of {arm.planned})" for arm in summary.arms if len(arm.seeds) < arm.planned]
    if short:
        found.append(f"Fewer seeds than planned, which weakens their verdicts: {listed(short)}.")
    if summary.unfinished:
        are = "is" if summary.unfinished == 1 else "are"
        found.append(f"{counted(summary.unfinished, 'task')} {are} not done: the numbers may still change.")
    return tuple(found)


def tuning(summary: StudySummary) -> str:
    """How the settings of the arms were chosen, as far as the study's recipe tells."""
    told = summary.study.tuning or "nothing is on record; an arm that was tuned longer than others is favoured"
    return f"How settings were chosen: {told}{'' if told.endswith('.') else '.'}"


def _rank(summary: StudySummary) -> str:
    against, score, seeds = rivals(summary), summary.arms[0].scores["weighted_f1"], len(summary.arms[0].seeds)
    deviation = "" if score.sd is None else f", standard deviation {percent(score.sd, 2)}"
    first = f"CMATH reaches a mean weighted F1 of {percent(score.mean, 2)}\u00a0% on {summary.part} "
    first += f"({counted(seeds, 'seed')}{deviation})"
    if not against:
        return f"{first}; there is no rival to compare it with."
    rank = 1 + sum(arm.scores["weighted_f1"].mean > score.mean for arm in against)
    differences = ((arm.name, arm.difference) for arm in against)
    clauses = _clauses(differences, ("better than {} ({})", "worse than {} ({})", "not shown to differ from {} ({})"))
    return f"{first}, rank {rank} of {len(against) + 1}. Of {counted(len(against), 'rival')}, it is {listed(clauses)}."


def _parts(summary: StudySummary) -> tuple[str, ...]:
    arms = ablations(summary)
    if not arms:
        return ()
    differences = ((arm.name, arm.difference) for arm in arms)
    clauses = _clauses(differences, ("helps in {} ({})", "hurts in {} ({})", "no difference is shown in {} ({})"))
    if clauses and not clauses[0].startswith("no "):
        clauses[0] = f"the part {clauses[0]}"
    return (f"Of {counted(len(arms), 'ablation')}, {listed(clauses)}.",)


def _robustness(summary: StudySummary) -> tuple[str, ...]:
    cmath, against = summary.arms[0], rivals(summary)
    found: list[str] = []
    for area, title in areas_of([cmath]).items():
        differences = ((arm.name, arm.area_differences.get(area)) for arm in against)
        counts = _clauses(differences, ("better than {}", "worse than {}", "no difference shown to {}"))
        if counts:
            found.append(f"{percent(cmath.areas[area].mean)}\u00a0% with {title} ({', '.join(counts)})")
    if not found:
        return ()
    return (
        f"When inputs are lost or perturbed, CMATH’s weighted F1 along the curves is on average {listed(found)}. "
        "In parentheses: how it stands to its rivals there.",
    )


def _clauses(differences: Iterable[tuple[str, Difference | None]], templates: tuple[str, str, str]) -> list[str]:
    """A clause with count and names of the arms that CMATH is better than, worse than, not shown to differ from, if any."""
    tones = [(name, tone_of(difference)) for name, difference in differences]
    named = ([name for name, tone in tones if tone == wanted] for wanted in ("better", "worse", "open"))
    return [template.format(len(names), listed(names)) for template, names in zip(templates, named, strict=True) if names]
