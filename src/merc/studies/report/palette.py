"""Colours of the page in light and dark, and how lines differ when colours can't be told apart.

The colours of lines are those of Okabe and Ito ("Color Universal Design", 2008), darkened or lightened until each stands out from
the page by a contrast of 3 to 1 or more; texts stand out by 4.5 to 1 or more (WCAG 2.2). No meaning hangs on a colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from merc.studies.results import ArmSummary

_COLOURS = {  # in light, in dark
    "page": ("#ffffff", "#14181d"),
    "raised": ("#f3f5f7", "#1e242b"),
    "mine": ("#e8f1fb", "#1b2b3c"),
    "text": ("#1a1f24", "#e7eaed"),
    "muted": ("#515b65", "#aab4be"),
    "link": ("#0b59a6", "#83bcf2"),
    "better": ("#09653f", "#62cf9f"),
    "worse": ("#9c3700", "#ffa277"),
    "warning": ("#fff0d1", "#3a2c0e"),
    "warning-text": ("#573800", "#ffe1a6"),
    "warning-edge": ("#b07400", "#c08a2a"),
    "edge": ("#cbd2d9", "#3b454f"),
    "grid": ("#e3e7eb", "#29313a"),
    "shade": ("#dde2e7", "#36404a"),
    "axis": ("#6b7680", "#8b97a2"),
    "heat": ("#7db8ec", "#1d5f99"),
    "cmath": ("#0b62b0", "#5fb2f5"),
    "line-1": ("#c24a00", "#ff8a4c"),
    "line-2": ("#00785a", "#35c495"),
    "line-3": ("#a8397f", "#ee8fc6"),
    "line-4": ("#8f6000", "#e2b13c"),
    "line-5": ("#5b4bb5", "#a99bff"),
    "line-6": ("#007589", "#4fc7d9"),
    "quiet": ("#737d87", "#8c97a2"),
}
LIGHT = {name: light for name, (light, _) in _COLOURS.items()}
DARK = {name: dark for name, (_, dark) in _COLOURS.items()}
LINES = tuple(name for name in LIGHT if name.startswith("line-"))
Dashes = tuple[float, ...]  # lengths of strokes and gaps in widths of the line; empty draws it whole

_MARKERS = ("s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")
_QUIET_MARKERS = ("x", "+", "1", "2", "3", "4", "|", "_")
_DASHES: tuple[Dashes, ...] = ((4.0, 1.5), (1.0, 1.2), (6.0, 1.5, 1.0, 1.5), (2.5, 1.0), (8.0, 2.0), (4.0, 1.0, 1.0, 1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one line looks in every figure.

    Attributes:
        colour: a name of the palette.
        marker: as matplotlib names it.
        width: of the line in pixels.
        size: of the marker in pixels.
    """

    colour: str
    marker: str
    dashes: Dashes
    width: float
    size: float


CMATH_STYLE = LineStyle("cmath", "o", (), 2.6, 6.5)


def line_style(position: int) -> LineStyle:
    """The style of the line at a position; no two look the same."""
    return LineStyle(LINES[position % len(LINES)], _MARKERS[position % len(_MARKERS)], _DASHES[position % len(_DASHES)], 1.6, 5.5)


def arm_styles(arms: Sequence[ArmSummary]) -> dict[str, LineStyle]:
    """A style for each arm, by name. Arms of one modality and the majority are thin and grey: they are floors, not competitors."""
    most = max((len(arm.modalities) for arm in arms), default=0)
    found: dict[str, LineStyle] = {}
    loud = quiet = 0
    for arm in arms:
        if arm.kind == "cmath":
            found[arm.name] = CMATH_STYLE
        elif arm.network == "majority" or len(arm.modalities) == 1 < most:
            marker, dashes = _QUIET_MARKERS[quiet % len(_QUIET_MARKERS)], _DASHES[quiet % len(_DASHES)]
            found[arm.name] = LineStyle("quiet", marker, dashes, 1.1, 5.0)
            quiet += 1
        else:
            found[arm.name] = line_style(loud)
            loud += 1
    return found
