"""The report as one HTML file: no script, no request, everything from the data escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from merc.files.printable import printable
from merc.files.strict_yaml import dump_yaml
from merc.studies.report import curve_tables, figures, record_tables, score_tables
from merc.studies.report.answer import answers, subject, tuning
from merc.studies.report.palette import DARK, LIGHT
from merc.studies.results import StudySummary

SECTIONS = {
    "answer": "The answer",
    "rivals": "CMATH and its rivals",
    "ablations": "Ablations",
    "labels": "Each label",
    "robustness": "Lost and perturbed modalities",
    "trust": "Trust under noise",
    "calibration": "Calibration and risk",
    "groups": "Groups of utterances",
    "cost": "Cost",
    "mistakes": "Mistakes",
    "failures": "Failures",
    "method": "How it was done",
}


def render_page(summary: StudySummary) -> str:
    """The page, complete. The same summary gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("merc.studies.report", "."),
        autoescape=True,
        finalize=_made_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["block"] = _block
    page = environment.get_template("page.html.j2").render(
        summary=summary,
        study_recipe=dump_yaml(summary.study.model_dump(mode="json")),
        sections=SECTIONS,
        palettes={"light": LIGHT, "dark": DARK},
        mark=summary.caution,
        note=f" ({summary.caution})" if summary.caution else "",
        subject=subject(summary),
        answers=answers(summary),
        tuning=tuning(summary),
        cmath=summary.arms[0],
        rivals=score_tables.rivals(summary),
        ablations=score_tables.ablations(summary),
        scores=score_tables,
        curves=curve_tables,
        records=record_tables,
        figures=figures,
    )
    return page + "\n"


def _made_harmless(value: object) -> object:
    """What the template writes: all text but finished markup loses the characters that steer what is shown."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _block(text: str) -> Markup:
    """Several lines of text, escaped, with their line ends kept."""
    return Markup("\n").join(printable(line) for line in text.strip("\n").split("\n"))
