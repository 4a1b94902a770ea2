"""The report as one HTML file: no script, no request, everything from the data escaped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from merc.files.printable import printable
from merc.studies.recipe import dump_study
from merc.studies.report import curve_tables, figures, record_tables, score_tables
from merc.studies.report.answer import answers, subject, tuning
from merc.studies.report.palette import DARK, LIGHT
from merc.studies.report.text import printable_lines
from merc.studies.results import ArmSummary, StudySummary

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
_OPEN_CONFUSIONS = 2  # of the strongest rivals
_OPEN_MISTAKES = 25


def render_page(summary: StudySummary) -> str:
    """The page, complete. The same summary gives the same bytes."""
    return _environment().get_template("page.html.j2").render(_context(summary)) + "\n"


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("merc.studies.report", "."),
        autoescape=True,
        finalize=_made_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _made_harmless(value: object) -> object:
    """What the template writes: all text but finished markup loses the characters that steer what is shown."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _context(summary: StudySummary) -> dict[str, Any]:
    mistakes, with_words = summary.mistakes, any(mistake.transcript is not None for mistake in summary.mistakes)
    return {
        "summary": summary,
        "sections": SECTIONS,
        "mark": summary.caution,
        "tuning": tuning(summary),
        "light": LIGHT,
        "dark": DARK,
        "subject": subject(summary),
        "answers": answers(summary),
        "label_table": record_tables.label_table(summary),
        **_scores(summary),
        **_curves(summary),
        "strata_tables": [score_tables.strata_table(summary, grouping) for grouping in summary.strata_sizes],
        "cost_table": record_tables.cost_table(summary),
        "mistake_table": record_tables.mistake_table(
            mistakes[:_OPEN_MISTAKES],
            with_words,
            "Utterances that CMATH labels wrongly; those that most seeds label wrongly first.",
        ),
        "other_mistakes": record_tables.mistake_table(mistakes[_OPEN_MISTAKES:], with_words, "The next ones."),
        "failure_table": record_tables.failure_table(summary),
        "feature_table": record_tables.feature_table(summary),
        "machine_table": record_tables.fact_table("The machine of the trainings.", "machine", summary.machine),
        "warning_table": record_tables.warning_table(summary),
        "version_table": record_tables.fact_table("Versions of the software.", "software", summary.versions),
        "study_recipe": _block(dump_study(summary.study)),
        "recipes": {name: _block(text) for name, text in summary.recipes.items()},
    }


def _scores(summary: StudySummary) -> dict[str, Any]:
    note, against, parts = _note(summary), score_tables.rivals(summary), score_tables.ablations(summary)
    opened = (score_tables.cmath_of(summary), *against[:_OPEN_CONFUSIONS])
    return {
        "rivals": against,
        "ablations": parts,
        "rival_table": score_tables.rival_table(summary),
        "rival_seeds": score_tables.seed_table(score_tables.with_rivals(summary)),
        "rival_legend": figures.comparison_legend("rivals-key"),
        "rival_panels": figures.comparison(score_tables.competitors(summary), "rivals-figure", note),
        "ablation_table": score_tables.ablation_table(summary),
        "ablation_seeds": score_tables.seed_table(parts),
        "ablation_legend": figures.comparison_legend("ablations-key"),
        "ablation_panels": figures.comparison(score_tables.with_ablations(summary), "ablations-figure", note),
        "class_table": score_tables.class_table(summary),
        "open_confusions": [score_tables.confusion_table(summary, arm) for arm in opened],
        "closed_confusions": [score_tables.confusion_table(summary, arm) for arm in against[_OPEN_CONFUSIONS:]],
    }


def _curves(summary: StudySummary) -> dict[str, Any]:
    arms, altered, note = score_tables.with_rivals(summary), score_tables.with_ablations(summary), _note(summary)
    names = curve_tables.curve_names(arms)
    return {
        "curve_panels": figures.robustness_panels(arms, names, "curve", note),
        "arm_legend": figures.arm_legend(arms, "arm-key"),
        "curve_tables": [curve_tables.curve_table(arms, *name) for name in names],
        "area_table": curve_tables.area_table(arms, "CMATH and its rivals"),
        "ablation_area_table": curve_tables.area_table(altered, "CMATH and its ablations"),
        "ablation_curve_tables": [curve_tables.curve_table(altered, *name) for name in curve_tables.curve_names(altered)],
        "trust": _trust([arm for arm in arms if arm.trust], "trust", note),
        "ablation_trust": _trust([arm for arm in altered[1:] if arm.trust], "ablation-trust", note),
        "calibration_table": curve_tables.calibration_table(arms),
        "reliability_panels": figures.reliability_panels(arms, "reliability", note),
        "reliability_table": curve_tables.reliability_table(arms),
        "risk_panels": figures.risk_panels(arms, "risk", note),
        "risk_legend": figures.arm_legend(arms, "risk-key"),
        "risk_table": curve_tables.risk_table(arms),
    }


def _trust(arms: Sequence[ArmSummary], key: str, note: str) -> dict[str, Any]:
    return {
        "table": curve_tables.trust_table(arms),
        "legend": figures.modality_legend(figures.trusted_modalities(arms), f"{key}-key"),
        "panels": figures.trust_panels(arms, key, note),
    }


def _note(summary: StudySummary) -> str:
    return f" ({summary.caution})" if summary.caution else ""


def _block(text: str) -> Markup:
    """Several lines of text, escaped, with their line ends kept."""
    return Markup.escape(printable_lines(text.strip("\n")))
