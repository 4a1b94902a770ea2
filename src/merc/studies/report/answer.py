"""What a study found, in a few sentences that follow from its numbers."""

from __future__ import annotations

from collections.abc import Iterable

from merc.evaluation.statistics import Difference
from merc.studies.report.curve_tables import area_title, areas_of
from merc.studies.report.score_tables import ablations, cmath_of, rivals
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
    found = [_standing(summary), *_parts(summary), *_robustness(summary)]
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


def _standing(summary: StudySummary) -> str:
    cmath, against = cmath_of(summary), rivals(summary)
    score = cmath.scores["weighted_f1"]
    deviation = "" if score.sd is None else f", standard deviation {percent(score.sd, 2)}"
    first = f"CMATH reaches a mean weighted F1 of {percent(score.mean, 2)}\u00a0% on {summary.part} "
    first += f"({counted(len(cmath.seeds), 'seed')}{deviation})"
    if not against:
        return f"{first}; there is no rival to compare it with."
    rank = 1 + sum(arm.scores["weighted_f1"].mean > score.mean for arm in against)
    better, worse, open_ = _sorted_by_verdict((arm.name, arm.difference) for arm in against)
    clauses = [f"better than {_some(better)}"] if better else []
    clauses += [f"worse than {_some(worse)}"] if worse else []
    clauses += [f"not shown to differ from {_some(open_)}"] if open_ else []
    return f"{first}, rank {rank} of {len(against) + 1}. Of {counted(len(against), 'rival')}, it is {listed(clauses)}."


def _parts(summary: StudySummary) -> tuple[str, ...]:
    arms = ablations(summary)
    if not arms:
        return ()
    better, worse, open_ = _sorted_by_verdict((arm.name, arm.difference) for arm in arms)
    clauses = [f"the part earns its place in {_some(better)}"] if better else []
    clauses += [f"costs in {_some(worse)}" if clauses else f"the part costs in {_some(worse)}"] if worse else []
    clauses += [f"no difference is shown in {_some(open_)}"] if open_ else []
    return (f"Of {counted(len(arms), 'ablation')}, {listed(clauses)}.",)


def _robustness(summary: StudySummary) -> tuple[str, ...]:
    cmath, against = cmath_of(summary), rivals(summary)
    clauses: list[str] = []
    for area in areas_of([cmath]):
        kinds = _sorted_by_verdict((arm.name, arm.area_differences.get(area)) for arm in against)
        words = ("better than {}", "worse than {}", "no difference shown to {}")
        counts = [word.format(len(names)) for word, names in zip(words, kinds, strict=True) if names]
        if counts:
            clauses.append(f"{percent(cmath.areas[area].mean)}\u00a0% with {area_title(area)} ({', '.join(counts)})")
    if not clauses:
        return ()
    return (
        f"When inputs are lost or perturbed, CMATH’s weighted F1 along the curves is on average {listed(clauses)}. "
        "In parentheses: how it stands to its rivals there.",
    )


def _sorted_by_verdict(differences: Iterable[tuple[str, Difference | None]]) -> tuple[list[str], list[str], list[str]]:
    """Names of the arms that CMATH is better than, worse than, and not shown to differ from."""
    better: list[str] = []
    worse: list[str] = []
    open_: list[str] = []
    for name, difference in differences:
        if difference is not None:
            {"better": better, "worse": worse}.get(difference.verdict, open_).append(name)
    return better, worse, open_


def _some(names: list[str]) -> str:
    return f"{len(names)} ({listed(names)})"
