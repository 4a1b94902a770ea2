"""Figures: SVG of text and themed colours, told apart without colour, the same each time."""

import re
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import pytest

from merc.files.printable import printable
from merc.studies.report import figures
from merc.studies.report.curve_tables import curve_names
from merc.studies.report.palette import DARK, LIGHT, arm_styles, line_style
from merc.studies.report.score_tables import competitors, with_ablations, with_rivals
from merc.studies.report.svg import add_axes, drawing, new_figure, to_svg
from studies.report.invented import ABLATIONS, CMATH_SCORE, HOSTILE_ARM, MODALITIES, invented_arm

TEXTS = ("text", "muted", "link", "better", "worse")
GROUNDS = ("page", "raised", "mine")
GRAPHICS = ("cmath", "quiet", "axis", "better", "worse", *(name for name in LIGHT if name.startswith("line-")))


def texts(svg):
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter("text")]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def panels(study):
    """All figures of the page."""
    arms = with_rivals(study)
    trusting = [arm for arm in study.arms if arm.trust]
    return {
        "rivals": figures.comparison(competitors(study), "a", ""),
        "ablations": figures.comparison(with_ablations(study), "b", ""),
        "curves": figures.robustness_panels(arms, curve_names(arms), "c", ""),
        "trust": figures.trust_panels(trusting, "d", ""),
        "reliability": figures.reliability_panels(arms, "e", ""),
        "risk": figures.risk_panels(arms, "f", ""),
    }


@pytest.fixture(scope="module")
def every(panels, study):
    """Their SVG, and that of the legends."""
    keys = figures.arm_legend(study.arms, "g") + figures.modality_legend(MODALITIES, "h") + figures.comparison_legend("i")
    return [panel.svg for found in panels.values() for panel in found] + [key.svg for key in keys]


def test_there_is_a_panel_for_everything(panels, study):
    assert {name: len(found) for name, found in panels.items()} == {
        "rivals": 2,
        "ablations": 2,
        "curves": 7,
        "trust": 1 + len(ABLATIONS),
        "reliability": 5,
        "risk": 2,
    }
    assert [panel.title for panel in panels["curves"]][:4] == [
        "text lost",
        "audio lost",
        "visual lost",
        "any modality lost at random",
    ]


def test_every_colour_follows_the_page(every):
    for svg in every:
        assert set(re.findall(r"var\(--([\w-]+)\)", svg)) <= {*LIGHT, "font"}
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|black|white|DejaVu", re.sub(r'(?:id|href|clip-path)="[^"]*"', "", svg))


def test_every_figure_has_a_title_or_is_hidden(panels, every):
    shown_figures = [panel.svg for found in panels.values() for panel in found]
    for svg in every:
        root = ElementTree.fromstring(svg)
        if svg in shown_figures:
            assert root.get("role") == "img"
            assert root[0].tag == "title" and root[0].text and root[0].get("id") == root.get("aria-labelledby")
        else:
            assert root.get("aria-hidden") == "true"


def test_ids_are_unique_over_all_figures_and_every_pointer_has_its_target(every):
    ids = [element.get("id") for svg in every for element in ElementTree.fromstring(svg).iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for svg in every:
        own = {element.get("id") for element in ElementTree.fromstring(svg).iter()}
        assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)) == {
            pair for pair in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg) if "".join(pair) in own
        }


def test_text_is_text_and_a_dollar_is_a_dollar(panels):
    for panel in panels["ablations"]:
        assert printable(HOSTILE_ARM) in texts(panel.svg)
        assert "<i" not in panel.svg
        assert "CMATH" in texts(panel.svg)


def test_an_arm_far_off_stands_at_the_edge_with_its_number(panels, study):
    majority = next(arm for arm in study.arms if arm.name == "majority")
    scores, shifts = (texts(panel.svg) for panel in panels["rivals"])
    assert f"{100 * majority.scores['weighted_f1'].mean:.1f}" in scores
    assert f"+{100 * majority.difference.difference:.1f}" in shifts
    ticks = [float(text) for text in scores if re.fullmatch(r"\d+(\.\d)?", text) and text != "31.3"]
    assert min(ticks) > 55


def test_the_same_figure_gives_the_same_bytes_whatever_the_settings(panels, study):
    before = dict(matplotlib.rcParams)
    again = figures.comparison(competitors(study), "a", "")
    assert [panel.svg for panel in again] == [panel.svg for panel in panels["rivals"]]
    assert dict(matplotlib.rcParams) == before


def test_a_title_is_escaped_and_loses_control_characters():
    with drawing():
        figure = new_figure(100, 50)
        add_axes(figure, 10, 10, 80, 30)
        svg = to_svg(figure, "x", "a <b> & \u202e\x00")
    assert ElementTree.fromstring(svg)[0].text == "a <b> & \\u202e\\x00"


def test_no_two_lines_look_alike_without_colour(study):
    many = [line_style(position) for position in range(11)]
    assert len({(style.marker, style.dashes) for style in many}) == len(many)
    arms = [invented_arm(f"arm{i}", "rival", 0.6, MODALITIES[: 1 + 2 * (i % 2)], "early_fusion", 2) for i in range(16)]
    cmath = invented_arm("cmath", "cmath", CMATH_SCORE, MODALITIES, "cmath", 2)
    styles = arm_styles([cmath, *arms])
    assert len({(style.marker, style.dashes) for style in styles.values()}) == 17
    assert all(styles[arm.name].colour == "quiet" for arm in arms if len(arm.modalities) == 1)
    assert styles["cmath"].width > max(style.width for name, style in styles.items() if name != "cmath")


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_palette_is_of_enough_contrast(palette):
    for text in TEXTS:
        for ground in GROUNDS:
            assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    assert contrast(palette["warning-text"], palette["warning"]) >= 4.5
    assert contrast(palette["text"], palette["heat"]) >= 4.5
    for graphic in GRAPHICS:
        assert contrast(palette[graphic], palette["page"]) >= 3, graphic
    assert set(LIGHT) == set(DARK)
    lines = [name for name in palette if name.startswith("line-")]
    assert all(palette[one] != palette[other] for one, other in combinations(lines, 2))
