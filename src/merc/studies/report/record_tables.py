"""Tables of what is on record: costs, mistakes, failures, features, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from merc.studies.report.score_tables import ablations, with_rivals
from merc.studies.report.table import Column, Row, Table, arm_label, arm_table, new_row, new_table
from merc.studies.report.text import NOTHING, listed, percent, spread
from merc.studies.results import Mistake, StudySummary


def cost_table(summary: StudySummary) -> Table:
    """Parameters, time and memory of each arm."""
    return arm_table(
        "Cost: mean over seeds (standard deviation); ablations behind the rivals.",
        ("parameters", "training, CPU s", "utterances per CPU s", "peak memory, MiB", "best epoch"),
        (*with_rivals(summary), *ablations(summary)),
        lambda arm: (
            f"{arm.parameters:,}",
            spread(arm.cost.training_cpu_seconds, 1),
            spread(arm.cost.utterances_per_second, 0),
            spread(arm.cost.peak_memory_mib, 0),
            spread(arm.cost.best_epoch, 1),
        ),
    )


def mistake_table(mistakes: Sequence[Mistake], transcripts: bool, caption: str) -> Table:
    """Wrongly labelled utterances, in the order given; `transcripts` adds a column of their words."""
    columns = [*(Column(heading, words=True) for heading in ("utterance", "true label", "predicted"))]
    columns += [Column("seeds wrong, %"), Column("probability, %")]
    columns += [Column("transcript", words=True, long=True)] if transcripts else []
    rows: list[Row] = []
    for m in mistakes:
        cells = [m.utterance, m.true, m.predicted, percent(m.wrong_seeds, 0), percent(m.probability)]
        rows.append(new_row(m.conversation, [*cells, m.transcript or NOTHING] if transcripts else cells))
    return new_table(caption, "conversation", columns, rows)


def failure_table(summary: StudySummary) -> Table:
    """Trainings that failed: of arms that have judged seeds all the same, and of arms that have none."""
    rows = [new_row(arm_label(arm), (str(f.seed), f.split, "yes", f.error)) for arm in summary.arms for f in arm.failures]
    for name, failures in summary.without_result.items():
        rows += [new_row(name, (str(f.seed), f.split, "no", f.error)) for f in failures]
        if not failures:
            rows.append(new_row(name, (NOTHING, NOTHING, "no", "no judged seed yet")))
    columns = ("seed", Column("split", words=True), Column("arm has results", words=True), Column("error", words=True, long=True))
    return new_table("Trainings that failed, and arms without any judged seed.", "arm", columns, rows)


def warning_table(summary: StudySummary) -> Table:
    """Warnings of the trainings."""
    rows = tuple(new_row(sentence, [listed(list(arms))]) for sentence, arms in summary.warnings.items())
    columns = (Column("warning", words=True, long=True), Column("arms", words=True, long=True))
    return Table("Warnings of the trainings.", columns, rows)


def feature_table(summary: StudySummary) -> Table:
    """The features of each modality."""
    keys = list(dict.fromkeys(key for facts in summary.features.values() for key in facts))
    return new_table(
        "Features of each modality.",
        "modality",
        (Column(key, words=key != "dimension") for key in keys),
        (new_row(name, (str(facts.get(key, NOTHING)) for key in keys)) for name, facts in summary.features.items()),
    )


def label_table(summary: StudySummary) -> Table:
    """How many utterances each label has."""
    return new_table(
        f"Labelled utterances of the part {summary.part}.",
        "label",
        ("utterances", "share, %"),
        (
            new_row(label, (f"{count:,}", percent(count / summary.utterances if summary.utterances else None)))
            for label, count in summary.support.items()
        ),
    )


def fact_table(caption: str, heading: str, facts: Mapping[str, str]) -> Table:
    """Names and values."""
    return new_table(caption, heading, [Column("value", words=True)], (new_row(name, [value]) for name, value in facts.items()))
