"""Tables of what figures show as curves: loss and noise, trust, calibration, risk against coverage."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from merc.studies.report.table import Cell, Column, Row, Table, arm_label, arm_row, arm_table, new_row, new_table, verdict_cell
from merc.studies.report.text import NOTHING, interval, number, percent, points, spread
from merc.studies.results import ArmSummary, Curve, Estimate

AREAS = {
    "lost": "one modality lost",
    "lost at random": "any modality lost at random",
    "noise": "noise in one modality",
    "all": "all of these",
}
_COVERAGES = 10  # columns of the table of risks


def areas_of(arms: Sequence[ArmSummary]) -> dict[str, str]:
    """The areas that any arm has, in the usual order, each with its title."""
    return {name: title for name, title in AREAS.items() if any(name in arm.areas for arm in arms)}


def area_table(arms: Sequence[ArmSummary], who: str) -> Table:
    """Areas under the curves with CMATH's differences; `who` names the arms in the caption."""
    areas = areas_of(arms)

    def row(arm: ArmSummary) -> Generator[Cell | str]:
        for area in areas:
            difference = arm.area_differences.get(area)
            yield spread(arm.areas.get(area), 2, 100)
            yield f"{points(difference.difference)} ({interval(difference)})" if difference else NOTHING
            yield verdict_cell(difference)

    headings = ("area", "CMATH − arm (95 %)", "CMATH is")
    return arm_table(
        f"{who}: areas, the mean weighted F1 along the curves, in per cent: mean over seeds (standard deviation); differences in "
        "percentage points with their 95 % intervals.",
        (Column(heading, heading == "CMATH is", title) for title in areas.values() for heading in headings),
        arms,
        row,
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


def curve_table(arms: Sequence[ArmSummary], kind: str, modality: str) -> Table:
    """Weighted F1 along one curve."""
    estimates: dict[str, dict[float, Estimate]] = {}
    for arm in arms:
        curve = find_curve(arm, kind, modality)
        triples = zip(curve.amounts, curve.mean, curve.sd, strict=True) if curve else ()
        estimates[arm.name] = {amount: Estimate(mean=mean, sd=sd, values=()) for amount, mean, sd in triples}
    amounts = sorted({amount for found in estimates.values() for amount in found})
    return arm_table(
        f"{curve_title(kind, modality)}: weighted F1 in per cent, mean over seeds (standard deviation).",
        (_amount_shown(kind, amount) for amount in amounts),
        arms,
        lambda arm: (spread(estimates[arm.name].get(amount), 1, 100) for amount in amounts),
    )


def trust_table(arms: Sequence[ArmSummary]) -> Table:
    """Mean trust in each modality as noise takes its place."""
    strengths = sorted({s for arm in arms for curve in arm.trust for s in curve.strengths})
    rows: list[Row] = []
    for arm in arms:
        for curve in arm.trust:
            at = dict(zip(curve.strengths, curve.trust, strict=True))
            rows.append(arm_row(arm, [curve.modality, *(number(at.get(strength), 3) for strength in strengths)]))
    noise = (Column(_amount_shown("noise", s), group="strength of noise") for s in strengths)
    return new_table(
        "Mean trust in a modality, from 0 to 1, against the strength of noise in its place; mean over seeds.",
        "arm",
        (Column("modality", words=True), *noise),
        rows,
    )


def calibration_table(arms: Sequence[ArmSummary]) -> Table:
    """Calibration errors, log-losses and areas under the risk-coverage curves."""
    risk = "area under risk-coverage"
    return arm_table(
        "Calibration: mean over seeds (standard deviation). ECE and areas in per cent, NLL in nats; lower is better in each.",
        ("ECE", "NLL", Column("by probability", group=risk), Column("by latent uncertainty", group=risk)),
        arms,
        lambda arm: (
            spread(arm.scores.get("expected_calibration_error"), 2, 100),
            spread(arm.scores.get("negative_log_likelihood"), 3),
            spread(arm.scores.get("probability_area"), 2, 100),
            spread(arm.scores.get("uncertainty_area"), 2, 100),
        ),
    )


def reliability_table(arms: Sequence[ArmSummary]) -> Table:
    """Bins of confidence: how many utterances each arm puts there, and how many of them it labels rightly."""
    bins_of = [{(b.lower, b.upper): b for b in arm.reliability} for arm in arms]
    rows: list[Row] = []
    for lower, upper in dict.fromkeys(edges for bins in bins_of for edges in bins):
        texts: list[str] = []
        for bins in bins_of:
            found = bins.get((lower, upper))
            texts += [f"{found.utterances:,}", percent(found.confidence), percent(found.accuracy)] if found else [NOTHING] * 3
        rows.append(new_row(f"{percent(lower)} to {percent(upper)}", texts))
    return new_table(
        "Bins of confidence: judged utterances of all seeds together (n), their mean confidence and their accuracy in per cent.",
        "bin, %",
        (Column(part, group=arm_label(arm)) for arm in arms for part in ("n", "confidence", "accuracy")),
        rows,
    )


def risk_table(arms: Sequence[ArmSummary]) -> Table:
    """Risk at some of the coverages."""
    coverages = max((arm.risk.coverage for arm in arms), key=len, default=())
    kept = coverages[:: -max(1, len(coverages) // _COVERAGES)][::-1]  # the last one, full coverage, among them
    rows: list[Row] = []
    for arm in arms:
        for order, risks in (("probability", arm.risk.by_probability), ("latent uncertainty", arm.risk.by_uncertainty)):
            if risks is not None:
                by_coverage = dict(zip(arm.risk.coverage, risks, strict=True))
                rows.append(arm_row(arm, [order, *(percent(by_coverage.get(coverage)) for coverage in kept)]))
    return new_table(
        "Risk: share of wrong labels among the most certain utterances, in per cent, mean over seeds.",
        "arm",
        (Column("most certain by", words=True), *(Column(f"{percent(c, 0)} %", group="coverage") for c in kept)),
        rows,
    )


def _amount_shown(kind: str, amount: float) -> str:
    """A point of a curve in words: a share or rate in per cent, or a strength."""
    return "clean" if amount == 0 else f"{amount:g}" if kind == "noise" else f"{100 * amount:.4g} %"
