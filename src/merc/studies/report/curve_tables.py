"""Tables of what figures show as curves: loss and noise, trust, calibration, risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence

from merc.studies.report.table import Cell, Column, Row, Table, arm_label, cells, verdict_cell
from merc.studies.report.text import NOTHING, interval, number, percent, points, spread
from merc.studies.results import ArmSummary, Curve

AREAS = {
    "lost": "one modality lost",
    "lost at random": "any modality lost at random",
    "noise": "noise in one modality",
    "all": "all of these",
}
_COVERAGES = 10  # columns of the table of risks


def areas_of(arms: Sequence[ArmSummary]) -> tuple[str, ...]:
    """The areas that any arm has, in the usual order."""
    found = {name for arm in arms for name in arm.areas}
    return (*(name for name in AREAS if name in found), *sorted(found - set(AREAS)))


def area_title(area: str) -> str:
    """An area in words."""
    return AREAS.get(area, area)


def area_table(arms: Sequence[ArmSummary], who: str) -> Table:
    """Areas under the curves with CMATH's differences.

    Args:
        arms: CMATH first.
        who: whom the table holds, for its caption.
    """
    areas = areas_of(arms)
    rows: list[Row] = []
    for arm in arms:
        row: list[Cell] = []
        for area in areas:
            difference = arm.area_differences.get(area)
            shift = f"{points(difference.difference)} ({interval(difference)})" if difference else NOTHING
            row += [Cell(spread(arm.areas.get(area), 2, 100)), Cell(shift), verdict_cell(difference)]
        rows.append(Row(arm_label(arm), tuple(row), arm.kind == "cmath"))
    columns = [Column("arm", words=True)]
    for area in areas:
        title = area_title(area)
        columns += [
            Column("area", group=title),
            Column("CMATH − arm (95 %)", group=title),
            Column("CMATH is", words=True, group=title),
        ]
    return Table(
        f"{who}: areas, the mean weighted F1 along the curves, in per cent: mean over seeds (standard deviation); differences in "
        "percentage points with their 95 % intervals.",
        tuple(columns),
        tuple(rows),
    )


def curve_names(arms: Sequence[ArmSummary]) -> tuple[tuple[str, str], ...]:
    """Kind and modality of every curve that any arm has, in order of appearance."""
    return tuple(dict.fromkeys((curve.kind, curve.modality) for arm in arms for curve in arm.curves))


def find_curve(arm: ArmSummary, kind: str, modality: str) -> Curve | None:
    """An arm's curve."""
    return next((curve for curve in arm.curves if (curve.kind, curve.modality) == (kind, modality)), None)


def curve_title(kind: str, modality: str) -> str:
    """A curve in words."""
    if kind == "noise":
        return f"noise in {modality}"
    return "any modality lost at random" if modality == "any" else f"{modality} lost"


def amount_shown(kind: str, amount: float) -> str:
    """A point of a curve in words: a share or rate in per cent, or a strength."""
    return "clean" if amount == 0 else f"{amount:g}" if kind == "noise" else f"{100 * amount:.4g} %"


def curve_table(arms: Sequence[ArmSummary], kind: str, modality: str) -> Table:
    """Weighted F1 along one curve."""
    curves = {arm.name: find_curve(arm, kind, modality) for arm in arms}
    amounts = sorted({amount for curve in curves.values() if curve for amount in curve.amounts})
    rows: list[Row] = []
    for arm in arms:
        curve = curves[arm.name]
        by_amount = dict(zip(curve.amounts, zip(curve.mean, curve.sd, strict=True), strict=True)) if curve else {}
        texts = [_mean_and_sd(*by_amount[amount]) if amount in by_amount else NOTHING for amount in amounts]
        rows.append(Row(arm_label(arm), cells(*texts), arm.kind == "cmath"))
    columns = (Column("arm", words=True), *(Column(amount_shown(kind, amount)) for amount in amounts))
    return Table(
        f"{curve_title(kind, modality)}: weighted F1 in per cent, mean over seeds (standard deviation).", columns, tuple(rows)
    )


def trust_table(arms: Sequence[ArmSummary]) -> Table:
    """Mean trust in each modality as noise takes its place."""
    strengths = sorted({s for arm in arms for curve in arm.trust for s in curve.strengths})
    rows: list[Row] = []
    for arm in arms:
        for curve in arm.trust:
            at = dict(zip(curve.strengths, curve.trust, strict=True))
            texts = [number(at.get(strength), 3) for strength in strengths]
            rows.append(Row(arm_label(arm), cells(curve.modality, *texts), arm.kind == "cmath"))
    noise = (Column(amount_shown("noise", s), group="strength of noise") for s in strengths)
    return Table(
        "Mean trust in a modality, from 0 to 1, against the strength of noise in its place; mean over seeds.",
        (Column("arm", words=True), Column("modality", words=True), *noise),
        tuple(rows),
    )


def calibration_table(arms: Sequence[ArmSummary]) -> Table:
    """Calibration errors, log-losses and areas under the risk-coverage curves."""
    rows = tuple(
        Row(
            arm_label(arm),
            cells(
                spread(arm.scores.get("expected_calibration_error"), 2, 100),
                spread(arm.scores.get("negative_log_likelihood"), 3),
                spread(arm.scores.get("probability_area"), 2, 100),
                spread(arm.scores.get("uncertainty_area"), 2, 100),
            ),
            arm.kind == "cmath",
        )
        for arm in arms
    )
    columns = (
        Column("arm", words=True),
        Column("ECE"),
        Column("NLL"),
        Column("by probability", group="area under risk-coverage"),
        Column("by latent uncertainty", group="area under risk-coverage"),
    )
    return Table(
        "Calibration: mean over seeds (standard deviation). ECE and areas in per cent, NLL in nats; lower is better in each.",
        columns,
        rows,
    )


def reliability_table(arms: Sequence[ArmSummary]) -> Table:
    """Bins of confidence: how many utterances each arm puts there, and how many of them it labels rightly."""
    edges = list(dict.fromkeys((b.lower, b.upper) for arm in arms for b in arm.reliability))
    rows: list[Row] = []
    for lower, upper in edges:
        texts: list[str] = []
        for arm in arms:
            found = next((b for b in arm.reliability if (b.lower, b.upper) == (lower, upper)), None)
            texts += [f"{found.utterances:,}" if found else NOTHING]
            texts += [percent(found.confidence if found else None), percent(found.accuracy if found else None)]
        rows.append(Row(f"{percent(lower)} to {percent(upper)}", cells(*texts)))
    parts = ("n", "confidence", "accuracy")
    columns = [Column("bin, %", words=True), *(Column(part, group=arm_label(arm)) for arm in arms for part in parts)]
    return Table(
        "Bins of confidence: judged utterances of all seeds together (n), their mean confidence and their accuracy in per cent.",
        tuple(columns),
        tuple(rows),
    )


def risk_table(arms: Sequence[ArmSummary]) -> Table:
    """Risk at some of the coverages."""
    coverages = max((arm.risk.coverage for arm in arms), key=len, default=())
    step = max(1, len(coverages) // _COVERAGES)
    kept = sorted({*range(len(coverages) - 1, -1, -step)})
    rows: list[Row] = []
    for arm in arms:
        for order, risks in (("probability", arm.risk.by_probability), ("latent uncertainty", arm.risk.by_uncertainty)):
            if risks is not None:
                by_coverage = dict(zip(arm.risk.coverage, risks, strict=True))
                texts = [percent(by_coverage.get(coverages[i])) for i in kept]
                rows.append(Row(arm_label(arm), cells(order, *texts), arm.kind == "cmath"))
    at = (Column(f"{percent(coverages[i], 0)} %", group="coverage") for i in kept)
    return Table(
        "Risk: share of wrong labels among the most certain utterances, in per cent, mean over seeds.",
        (Column("arm", words=True), Column("most certain by", words=True), *at),
        tuple(rows),
    )


def _mean_and_sd(mean: float, sd: float | None) -> str:
    return percent(mean) if sd is None else f"{percent(mean)} ({percent(sd)})"
