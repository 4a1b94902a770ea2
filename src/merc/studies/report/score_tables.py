"""Tables of scores: CMATH beside its rivals and its ablations, each label, confusions, groups of utterances."""

from __future__ import annotations

from collections.abc import Sequence

from merc.studies.report.table import Cell, Column, Row, Table, arm_label, cells, part_cell, verdict_cell
from merc.studies.report.text import NOTHING, interval, number, p_value, percent, points, spread
from merc.studies.results import ArmSummary, StudySummary

_BEFORE_VERDICT = (
    Column("arm", words=True),
    Column("seeds"),
    Column("weighted F1"),
    Column("CMATH − arm"),
    Column("95 % interval"),
    Column("p (Holm)"),
    Column("Hedges’ g"),
)
_AFTER_VERDICT = (
    Column("accuracy"),
    Column("macro F1"),
    Column("NLL"),
    Column("ECE"),
    Column("selection"),
    Column("parameters"),
)


def cmath_of(summary: StudySummary) -> ArmSummary:
    """CMATH, which is the first arm of every study."""
    return summary.arms[0]


def rivals(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """Rivals, the best mean weighted F1 first."""
    return tuple(sorted((arm for arm in summary.arms if arm.kind == "rival"), key=_score, reverse=True))


def ablations(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """Ablations, the largest loss first."""
    return tuple(sorted((arm for arm in summary.arms if arm.kind == "ablation"), key=_score))


def competitors(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """CMATH among its rivals, the best mean weighted F1 first."""
    return tuple(sorted((cmath_of(summary), *rivals(summary)), key=_score, reverse=True))


def with_rivals(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """CMATH, then its rivals: the order of figures and of all tables but the first."""
    return (cmath_of(summary), *rivals(summary))


def with_ablations(summary: StudySummary) -> tuple[ArmSummary, ...]:
    """CMATH, then its ablations."""
    return (cmath_of(summary), *ablations(summary))


def rival_table(summary: StudySummary) -> Table:
    """CMATH and its rivals."""
    return Table(
        f"CMATH and its rivals on {summary.part}: mean over seeds (standard deviation). F1, accuracy, ECE and selection "
        f"(weighted F1 on {summary.selection_part}, which chose the epochs) in per cent, differences in percentage points, "
        "NLL in nats.",
        (*_BEFORE_VERDICT, Column("CMATH is", words=True), *_AFTER_VERDICT),
        tuple(_score_row(arm, verdict_cell(arm.difference)) for arm in competitors(summary)),
    )


def ablation_table(summary: StudySummary) -> Table:
    """CMATH and its ablations."""
    return Table(
        f"CMATH and its ablations on {summary.part}, in the units of the table of rivals. "
        "A difference above zero: CMATH is better with the part than without.",
        (*_BEFORE_VERDICT, Column("the part", words=True), *_AFTER_VERDICT),
        tuple(_score_row(arm, part_cell(arm.difference)) for arm in with_ablations(summary)),
    )


def seed_table(arms: Sequence[ArmSummary]) -> Table:
    """Weighted F1 of each seed."""
    seeds = sorted({seed for arm in arms for seed in arm.seeds})
    rows: list[Row] = []
    for arm in arms:
        by_seed = dict(zip(arm.seeds, arm.scores["weighted_f1"].values, strict=True))
        rows.append(Row(arm_label(arm), cells(*(percent(by_seed.get(s), 2) for s in seeds)), arm.kind == "cmath"))
    columns = (Column("arm", words=True), *(Column(f"seed {seed}") for seed in seeds))
    return Table("Weighted F1 of each seed, in per cent.", columns, tuple(rows))


def class_table(summary: StudySummary) -> Table:
    """F1 of each label for CMATH and rivals."""
    rows = tuple(
        Row(arm_label(arm), cells(*(spread(arm.per_class.get(label), 1, 100) for label in summary.support)), arm.kind == "cmath")
        for arm in with_rivals(summary)
    )
    columns = (Column("arm", words=True), *(Column(f"{label} ({count:,})") for label, count in summary.support.items()))
    return Table(
        "F1 of each label in per cent: mean over seeds (standard deviation). In parentheses after a label: its utterances.",
        columns,
        rows,
    )


def confusion_table(summary: StudySummary, arm: ArmSummary) -> Table:
    """How one arm labels the utterances of each label."""
    labels = tuple(summary.support)
    rows: list[Row] = []
    for label, counts in zip(labels, arm.confusion, strict=True):
        total = sum(counts)
        shares = [count / total if total else None for count in counts]
        filled = tuple(Cell(percent(share), heat=share) for share in shares)
        rows.append(Row(label, (Cell(f"{summary.support[label]:,}"), *filled)))
    columns = (
        Column("true label", words=True),
        Column("utterances"),
        *(Column(label, group="predicted label") for label in labels),
    )
    return Table(
        f"{arm_label(arm)}: share of the utterances of each true label that get each label, in per cent; mean over seeds.",
        columns,
        tuple(rows),
    )


def strata_table(summary: StudySummary, grouping: str) -> Table:
    """Weighted F1 within the groups of one grouping."""
    sizes = summary.strata_sizes[grouping]
    rows = tuple(
        Row(
            arm_label(arm),
            cells(*(spread(arm.strata.get(grouping, {}).get(group), 1, 100) for group in sizes)),
            arm.kind == "cmath",
        )
        for arm in with_rivals(summary)
    )
    columns = (Column("arm", words=True), *(Column(f"{group} (n\u00a0=\u00a0{size:,})") for group, size in sizes.items()))
    return Table(
        f"{grouping}: weighted F1 within each group in per cent, mean over seeds (standard deviation); n: utterances.",
        columns,
        rows,
    )


def _score_row(arm: ArmSummary, verdict: Cell) -> Row:
    scores, difference = arm.scores, arm.difference
    before = cells(
        str(len(arm.seeds)) if len(arm.seeds) == arm.planned else f"{len(arm.seeds)} of {arm.planned}",
        spread(scores["weighted_f1"], 2, 100),
        points(difference.difference) if difference else NOTHING,
        interval(difference),
        p_value(difference.p_holm if difference else None),
        number(difference.effect_size if difference else None),
    )
    after = cells(
        spread(scores["accuracy"], 2, 100),
        spread(scores["macro_f1"], 2, 100),
        spread(scores["negative_log_likelihood"], 3),
        spread(scores["expected_calibration_error"], 1, 100),
        spread(arm.selected, 2, 100),
        f"{arm.parameters:,}",
    )
    return Row(arm_label(arm), (*before, verdict, *after), arm.kind == "cmath")


def _score(arm: ArmSummary) -> float:
    return arm.scores["weighted_f1"].mean
