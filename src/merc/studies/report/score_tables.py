"""Tables of scores: CMATH beside its rivals and its ablations, each label, confusions, groups of utterances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from merc.studies.report.table import Cell, Column, Row, Table, arm_label, arm_table, new_row, new_table, verdict_cell
from merc.studies.report.text import interval, number, p_value, percent, points, spread
from merc.studies.results import ArmSummary, StudySummary


def rivals(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """Rivals, the best mean weighted F1 first."""
    return tuple(sorted((arm for arm in summary.arms if arm.kind == "rival"), key=_score, reverse=True))


def ablations(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """Ablations, the largest loss first."""
    return tuple(sorted((arm for arm in summary.arms if arm.kind == "ablation"), key=_score))


def competitors(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """CMATH among its rivals, the best mean weighted F1 first."""
    return tuple(sorted(with_rivals(summary), key=_score, reverse=True))


def with_rivals(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """CMATH, then its rivals: the order of figures and of all tables but the first."""
    return (summary.arms[0], *rivals(summary))


def with_ablations(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """CMATH, then its ablations."""
    return (summary.arms[0], *ablations(summary))


def rival_table(summary: StudySummary) -> Table:
    """CMATH and its rivals."""
    return _score_table(
        f"CMATH and its rivals on {summary.part}: mean over seeds (standard deviation). F1, accuracy, ECE and selection "
        f"(weighted F1 on {summary.selection_part}, which chose the epochs) in per cent, differences in percentage points, "
        "NLL in nats.",
        competitors(summary),
        "CMATH is",
    )


def ablation_table(summary: StudySummary) -> Table:
    """CMATH and its ablations."""
    return _score_table(
        f"CMATH and its ablations on {summary.part}, in the units of the table of rivals. "
        "A difference above zero: CMATH is better with the part than without.",
        with_ablations(summary),
        "the part",
        better="helps",
        worse="hurts",
    )


def seed_table(arms: Sequence[ArmSummary]) -> Table:
    """Weighted F1 of each seed."""
    seeds = sorted({seed for arm in arms for seed in arm.seeds})

    def row(arm: ArmSummary) -> Iterable[str]:
        by_seed = dict(zip(arm.seeds, arm.scores["weighted_f1"].values, strict=True))
        return (percent(by_seed.get(seed), 2) for seed in seeds)

    return arm_table("Weighted F1 of each seed, in per cent.", (f"seed {seed}" for seed in seeds), arms, row)


def class_table(summary: StudySummary) -> Table:
    """F1 of each label for CMATH and rivals."""
    return arm_table(
        "F1 of each label in per cent: mean over seeds (standard deviation). In parentheses after a label: its utterances.",
        (f"{label} ({count:,})" for label, count in summary.support.items()),
        with_rivals(summary),
        lambda arm: (spread(arm.per_class.get(label), 1, 100) for label in summary.support),
    )


def confusion_table(summary: StudySummary, arm: ArmSummary) -> Table:
    """How one arm labels the utterances of each label."""
    rows: list[Row] = []
    for (label, support), counts in zip(summary.support.items(), arm.confusion, strict=True):
        total = sum(counts)
        shares = [count / total if total else None for count in counts]
        rows.append(new_row(label, [f"{support:,}", *(Cell(percent(share), heat=share) for share in shares)]))
    return new_table(
        f"{arm_label(arm)}: share of the utterances of each true label that get each label, in per cent; mean over seeds.",
        "true label",
        ["utterances", *(Column(label, group="predicted label") for label in summary.support)],
        rows,
    )


def strata_table(summary: StudySummary, grouping: str) -> Table:
    """Weighted F1 within the groups of one grouping."""
    sizes = summary.strata_sizes[grouping]
    return arm_table(
        f"{grouping}: weighted F1 within each group in per cent, mean over seeds (standard deviation); n: utterances.",
        (f"{group} (n\u00a0=\u00a0{size:,})" for group, size in sizes.items()),
        with_rivals(summary),
        lambda arm: (spread(arm.strata.get(grouping, {}).get(group), 1, 100) for group in sizes),
    )


def _score_table(caption: str, arms: Sequence[ArmSummary], verdict: str, *, better: str = "better", worse: str = "worse") -> Table:
    def row(arm: ArmSummary) -> tuple[Cell | str, ...]:
        scores, difference = arm.scores, arm.difference
        return (
            str(len(arm.seeds)) if len(arm.seeds) == arm.planned else f"{len(arm.seeds)} of {arm.planned}",
            spread(scores["weighted_f1"], 2, 100),
            points(difference.difference if difference else None),
            interval(difference),
            p_value(difference.p_holm if difference else None),
            number(difference.effect_size if difference else None),
            verdict_cell(difference, better, worse),
            spread(scores["accuracy"], 2, 100),
            spread(scores["macro_f1"], 2, 100),
            spread(scores["negative_log_likelihood"], 3),
            spread(scores["expected_calibration_error"], 1, 100),
            spread(arm.selected, 2, 100),
            f"{arm.parameters:,}",
        )

    before = ("seeds", "weighted F1", "CMATH − arm", "95 % interval", "p (Holm)", "Hedges’ g")
    after = ("accuracy", "macro F1", "NLL", "ECE", "selection", "parameters")
    return arm_table(caption, (*before, Column(verdict, words=True), *after), arms, row)


def _score(arm: ArmSummary) -> float:
    return arm.scores["weighted_f1"].mean
