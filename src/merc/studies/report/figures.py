"""The figures of the report, each an `svg` element. Tables on the page hold the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from merc.studies.report.curve_tables import curve_title, find_curve
from merc.studies.report.palette import LineStyle, arm_styles, line_style
from merc.studies.report.svg import add_axes, colour, drawing, new_figure, to_svg
from merc.studies.report.table import Tone, arm_label, tone_of
from merc.studies.report.text import number, shortened, signed
from merc.studies.results import ArmSummary

Item = TypeVar("Item")
_ROW = 42  # pixels from one arm to the next
_LABEL = 44  # characters of an arm's name; the tables have the whole of it
_SIDE = 390  # pixels of the width of a comparison
_FAR = 0.15  # arms that are further from CMATH than this stand at the edge with their number, so that the others can be told apart
_VERDICT_MARKS: dict[Tone, tuple[str, str]] = {"better": (">", "better"), "worse": ("<", "worse"), "open": ("o", "muted")}


@dataclass(frozen=True, slots=True)
class Figure:
    """A small multiple, or an entry of a legend, with its title."""

    title: str
    svg: Markup


def comparison(arms: Sequence[ArmSummary], key: str, note: str) -> list[Figure]:
    """Two figures with a row for each arm: weighted F1 of its seeds with their mean, and CMATH's difference with its interval.

    Args:
        arms: in the order of the rows, CMATH among them.
        key: unique on the page.
        note: is added to the titles.
    """
    halves = (
        (_draw_scores, "Weighted F1, %", "Weighted F1 of each seed and their mean"),
        (_draw_shifts, "CMATH − arm, percentage points", "CMATH’s difference to each arm with its 95 % interval"),
    )
    height = _ROW * len(arms)

    def draw(axes: Axes, half: tuple[Callable[[Axes, Sequence[ArmSummary]], None], str, str]) -> tuple[str, str]:
        draw_half, title, words = half
        draw_half(axes, arms)
        _write_names(axes, arms)
        axes.set(ylim=(len(arms) - 0.5, -0.72), yticks=[])
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        return title, f"{words}: {len(arms)} arms{note}"

    return _figures(halves, draw, key, size=(_SIDE + 20, height + 34), box=(10, 6, _SIDE, height))


def robustness_panels(arms: Sequence[ArmSummary], names: Sequence[tuple[str, str]], key: str, note: str) -> list[Figure]:
    """A panel for each curve (its kind and modality) with a line for each arm; all panels share the vertical axis."""
    styles = arm_styles(arms)
    limits = _padded([100 * value for arm in arms for curve in arm.curves for value in curve.mean])

    def draw(axes: Axes, name: tuple[str, str]) -> tuple[str, str]:
        kind, modality = name
        for arm in reversed(arms):  # CMATH last, on top
            curve = find_curve(arm, kind, modality)
            if curve is None:
                continue
            x, y = [(1 if kind == "noise" else 100) * amount for amount in curve.amounts], [100 * value for value in curve.mean]
            if arm.kind == "cmath":
                spreads = [100 * (sd or 0) for sd in curve.sd]
                lows, highs = [m - s for m, s in zip(y, spreads, strict=True)], [m + s for m, s in zip(y, spreads, strict=True)]
                axes.fill_between(x, lows, highs, color=colour(styles[arm.name].colour), alpha=0.18, linewidth=0)
            _draw_line(axes, x, y, styles[arm.name])
        if kind == "noise":
            amounts = f"strength of noise in {shortened(modality, 20)}"
        else:
            amounts = "rate of loss, each modality, %" if modality == "any" else f"utterances without {shortened(modality, 16)}, %"
        axes.set(ylim=limits, xlabel=amounts, ylabel="weighted F1, %")
        title = curve_title(kind, modality)
        return title, f"Weighted F1 of {len(arms)} arms: {title}{note}"

    return _figures(names, draw, key)


def trust_panels(arms: Sequence[ArmSummary], key: str, note: str) -> list[Figure]:
    """A panel for each arm with a line for each modality."""
    modalities = trusted_modalities(arms)

    def draw(axes: Axes, arm: ArmSummary) -> tuple[str, str]:
        for curve in arm.trust:
            _draw_line(axes, curve.strengths, curve.trust, line_style(modalities.index(curve.modality)))
        axes.set(ylim=(-0.03, 1.03), xlabel="strength of noise in the modality", ylabel="mean trust")
        return arm_label(arm), f"Trust under noise: {arm_label(arm)}{note}"

    return _figures(arms, draw, key)


def trusted_modalities(arms: Sequence[ArmSummary]) -> list[str]:
    """Modalities of any arm's trust, in order of appearance."""
    return list(dict.fromkeys(curve.modality for arm in arms for curve in arm.trust))


def reliability_panels(arms: Sequence[ArmSummary], key: str, note: str) -> list[Figure]:
    """A reliability diagram for each arm: accuracy against confidence, and below it how often each confidence occurs."""

    def draw(axes: Axes, arm: ArmSummary) -> tuple[str, str]:
        utterances = sum(b.utterances for b in arm.reliability) or 1
        axes.plot([0, 100], [0, 100], color=colour("axis"), linewidth=1.2, dashes=(5, 3))
        lefts, shares = [100 * b.lower for b in arm.reliability], [100 * b.utterances / utterances for b in arm.reliability]
        widths = [100 * (b.upper - b.lower) for b in arm.reliability]
        axes.bar(lefts, shares, widths, align="edge", color=colour("edge"), edgecolor=colour("quiet"), linewidth=0.8)
        dots = [(b.confidence, b.accuracy) for b in arm.reliability if b.confidence is not None and b.accuracy is not None]
        x, y = [100 * confidence for confidence, _ in dots], [100 * accuracy for _, accuracy in dots]
        ink = colour("cmath" if arm.kind == "cmath" else "text")
        axes.plot(x, y, color=ink, marker="o", markersize=5, linewidth=1.6, clip_on=False)
        axes.set(xlim=(0, 100), ylim=(0, 100), xlabel="confidence, %", ylabel="accuracy; share of utterances, %")
        return arm_label(arm), f"Reliability of {arm_label(arm)}{note}"

    return _figures(arms, draw, key, size=(262, 262), box=(46, 12, 202, 202))


def risk_panels(arms: Sequence[ArmSummary], key: str, note: str) -> list[Figure]:
    """Risk against coverage: by probability, and by latent uncertainty for the arms that have it."""
    styles = arm_styles(arms)
    by_latent = [(arm, arm.risk.by_uncertainty) for arm in arms if arm.risk.by_uncertainty is not None]
    orders = {"probability": [(arm, arm.risk.by_probability) for arm in arms], "latent uncertainty": by_latent}
    highest = max((100 * risk for kept in orders.values() for _, risks in kept for risk in risks), default=1.0)

    def draw(axes: Axes, order: str) -> tuple[str, str]:
        if orders[order] is by_latent:
            risk = arms[0].risk
            x, y = [100 * c for c in risk.coverage], [100 * r for r in risk.by_probability]
            axes.plot(x, y, color=colour("cmath"), linewidth=1.1, dashes=(5, 3))
        for arm, risks in reversed(orders[order]):
            spots = max(1, len(arm.risk.coverage) // 8)
            _draw_line(axes, [100 * c for c in arm.risk.coverage], [100 * r for r in risks], styles[arm.name], spots)
        axes.set(xlim=(0, 102), ylim=(0, 1.04 * highest), xlabel="coverage, %", ylabel="risk: wrong labels, %")
        title = f"most certain by {order}"
        return title, f"Risk against coverage, {title}{note}"

    return _figures([order for order, kept in orders.items() if kept], draw, key)


def arm_legend(arms: Sequence[ArmSummary], key: str) -> list[Figure]:
    """How each arm's line looks."""
    styles = arm_styles(arms)
    return [_swatch(styles[arm.name], f"{key}-{i}", arm_label(arm)) for i, arm in enumerate(arms)]


def modality_legend(modalities: Sequence[str], key: str) -> list[Figure]:
    """How each modality's line looks."""
    return [_swatch(line_style(i), f"{key}-{i}", modality) for i, modality in enumerate(modalities)]


def comparison_legend(key: str) -> list[Figure]:
    """The signs of `comparison`."""
    signs = {
        "one seed": LineStyle("quiet", "o", (), 0.0, 4.5),
        "mean of the seeds": LineStyle("text", "D", (), 0.0, 7.0),
        "CMATH is better": LineStyle("better", ">", (), 2.2, 8.0),
        "CMATH is worse": LineStyle("worse", "<", (), 2.2, 8.0),
        "no difference shown": LineStyle("muted", "o", (), 2.2, 7.0),
    }
    return [_swatch(style, f"{key}-{i}", words, hollow=i == 4) for i, (words, style) in enumerate(signs.items())]


def _figures(
    items: Iterable[Item],
    draw: Callable[[Axes, Item], tuple[str, str]],
    key: str,
    *,
    size: tuple[int, int] = (350, 250),
    box: tuple[int, int, int, int] = (50, 14, 286, 196),
) -> list[Figure]:
    """A figure for each item.

    Args:
        items: what `draw` is called with.
        draw: draws an item into the axes, and returns the title and the description for those who can't see the figure.
        key: unique on the page.
        size: of a figure, in pixels.
        box: left, top, width and height of the axes, in pixels.
    """
    found: list[Figure] = []
    for position, item in enumerate(items):
        with drawing():
            figure = new_figure(*size)
            title, description = draw(add_axes(figure, *box), item)
            found.append(Figure(title, to_svg(figure, f"{key}-{position}", description)))
    return found


def _swatch(style: LineStyle, key: str, title: str, hollow: bool = False) -> Figure:
    with drawing():
        figure = new_figure(46, 16)
        axes = add_axes(figure, 0, 0, 46, 16)
        axes.set_axis_off()
        axes.set(xlim=(0, 46), ylim=(-8, 8))
        ends = [3.0, 23.0, 43.0] if style.width else [23.0]
        line = _draw_line(axes, ends, [0.0] * len(ends), style, [len(ends) // 2])
        line.set(markerfacecolor=colour("page" if hollow else style.colour), markeredgewidth=1.4)
        return Figure(title, to_svg(figure, key))


def _write_names(axes: Axes, arms: Sequence[ArmSummary]) -> None:
    """Each arm's name above its row, at the left edge, on a ground of its own so that no line runs through it."""
    for row, arm in enumerate(arms):
        axes.annotate(
            shortened(arm_label(arm), _LABEL),
            (0, row),
            (0, 16),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontweight="bold" if arm.kind == "cmath" else "normal",
            bbox={"boxstyle": "square,pad=0.12", "facecolor": colour("page"), "edgecolor": "none"},
        )
        axes.axhline(row, color=colour("grid"), linewidth=1, zorder=0.5)


def _draw_scores(axes: Axes, arms: Sequence[ArmSummary]) -> None:
    best = max((arm.scores["weighted_f1"].mean for arm in arms), default=0.0)
    near = [100 * v for arm in arms if best - arm.scores["weighted_f1"].mean <= _FAR for v in arm.scores["weighted_f1"].values]
    axes.set_xlim(*_padded(near))
    for row, arm in enumerate(arms):
        score = arm.scores["weighted_f1"]
        own = arm.kind == "cmath"
        if own:
            axes.axvline(100 * score.mean, color=colour("cmath"), linewidth=1.2, dashes=(4, 3))
        if best - score.mean > _FAR:
            _mark_at_edge(axes, row, number(100 * score.mean, 1), "text", right=False)
            continue
        dots = [100 * value for value in score.values]
        axes.plot(dots, [row] * len(dots), "o", markersize=4.5, color=colour("quiet"), markeredgewidth=0, clip_on=False)
        face = colour("cmath") if own else colour("text")
        axes.plot([100 * score.mean], [row], "D", markersize=7, color=face, markeredgecolor=colour("page"), clip_on=False)


def _draw_shifts(axes: Axes, arms: Sequence[ArmSummary]) -> None:
    axes.axvline(0, color=colour("axis"), linewidth=1.4)
    shifts = [(row, arm.difference) for row, arm in enumerate(arms) if arm.difference is not None]
    own = [row for row, arm in enumerate(arms) if arm.difference is None]
    axes.plot([0] * len(own), own, "D", markersize=7, color=colour("cmath"), markeredgecolor=colour("page"))
    near = [100 * end for _, d in shifts if abs(d.difference) <= _FAR for end in (d.low, d.high)]
    axes.set_xlim(*_padded([0.0, *near]))
    for row, difference in shifts:
        sign, name = _VERDICT_MARKS[tone_of(difference)]
        shift = 100 * difference.difference
        if abs(difference.difference) > _FAR:
            _mark_at_edge(axes, row, signed(shift, 1), name, right=shift > 0)
            continue
        axes.plot(
            [100 * difference.low, 100 * difference.high], [row, row], color=colour(name), linewidth=2.2, solid_capstyle="butt"
        )
        face = colour("page") if sign == "o" else colour(name)
        axes.plot([shift], [row], sign, markersize=7.5, color=colour(name), markerfacecolor=face, markeredgewidth=1.6)


def _mark_at_edge(axes: Axes, row: int, text: str, name: str, *, right: bool) -> None:
    """An arrow at an edge of the axes, and beside it the number that lies further out."""
    edge, away = axes.get_xlim()[right], -9 if right else 9
    axes.plot([edge], [row], marker=">" if right else "<", markersize=8, color=colour(name), clip_on=False, linestyle="none")
    side = "right" if right else "left"
    axes.annotate(text, (edge, row), (away, 0), textcoords="offset points", va="center", ha=side, fontsize=11)


def _draw_line(axes: Axes, x: Sequence[float], y: Sequence[float], style: LineStyle, spots: int | list[int] = 1) -> Line2D:
    """A line in the style of an arm or a modality, with a marker at every `spots`-th point, or at the points listed."""
    line = axes.plot(x, y, color=colour(style.colour), linewidth=style.width, marker=style.marker, markevery=spots)[0]
    line.set(markersize=style.size, clip_on=False)
    if style.dashes:
        line.set_dashes(style.dashes)
    return line


def _padded(values: Sequence[float]) -> tuple[float, float]:
    """Limits around the values with a little room, never of no width."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max(0.06 * (high - low), 0.2)
    return low - room, high + room
