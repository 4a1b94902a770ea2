"""Tables of what is on record: costs, mistakes, failures, features, versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from merc.studies.report.score_tables import ablations, with_rivals
from merc.studies.report.table import Cell, Column, Row, Table, arm_label, cells
from merc.studies.report.text import NOTHING, listed, percent, spread
from merc.studies.results import Mistake, StudySummary


def cost_table(summary: StudySummary) -> Table:
    """What each arm takes."""
    rows = tuple(
        Row(
            arm_label(arm),
            cells(
                f"{arm.parameters:,}",
                spread(arm.cost.training_cpu_seconds, 1),
                spread(arm.cost.utterances_per_second, 0),
                spread(arm.cost.peak_memory_mib, 0),
                spread(arm.cost.best_epoch, 1),
            ),
            arm.kind == "cmath",
        )
        for arm in (*with_rivals(summary), *ablations(summary))
    )
    columns = (
        Column("arm", words=True),
        Column("parameters"),
        Column("training, CPU s"),
        Column("utterances per CPU s"),
        Column("peak memory, MiB"),
        Column("best epoch"),
    )
    return Table("Cost: mean over seeds (standard deviation); ablations behind the rivals.", columns, rows)


def mistake_table(mistakes: Sequence[Mistake], transcripts: bool, caption: str) -> Table:
    """Wrongly labelled utterances.

    Args:
        mistakes: in their order.
        transcripts: adds a column of their words.
        caption: of the table.
    """
    columns = [
        Column("conversation", words=True),
        Column("utterance", words=True),
        Column("true label", words=True),
        Column("predicted", words=True),
        Column("seeds wrong, %"),
        Column("probability, %"),
    ]
    if transcripts:
        columns.append(Column("transcript", words=True, long=True))
    rows = tuple(
        Row(m.conversation, (*_mistake_cells(m), *((Cell(m.transcript or NOTHING),) if transcripts else ()))) for m in mistakes
    )
    return Table(caption, tuple(columns), rows)


def failure_table(summary: StudySummary) -> Table:
    """Trainings that failed: of arms that have judged seeds all the same, and of arms that have none."""
    failed = [(arm_label(arm), arm.failures, "yes") for arm in summary.arms]
    failed += [(name, failures, "no") for name, failures in summary.without_result.items()]
    rows: list[Row] = []
    for name, failures, judged in failed:
        rows += [Row(name, cells(str(f.seed), f.split, judged, f.error)) for f in failures]
        if not failures and judged == "no":
            rows.append(Row(name, cells(NOTHING, NOTHING, judged, "no judged seed yet")))
    columns = (
        Column("arm", words=True),
        Column("seed"),
        Column("split", words=True),
        Column("arm has results", words=True),
        Column("error", words=True, long=True),
    )
    return Table("Trainings that failed, and arms without any judged seed.", columns, tuple(rows))


def warning_table(summary: StudySummary) -> Table:
    """What the trainings warned of."""
    rows = tuple(Row(sentence, cells(listed(list(arms)))) for sentence, arms in summary.warnings.items())
    columns = (Column("warning", words=True, long=True), Column("arms", words=True, long=True))
    return Table("Warnings of the trainings.", columns, rows)


def feature_table(summary: StudySummary) -> Table:
    """The features that the arms were given."""
    keys = list(dict.fromkeys(key for facts in summary.features.values() for key in facts))
    rows = tuple(
        Row(modality, cells(*(str(facts.get(key, NOTHING)) for key in keys))) for modality, facts in summary.features.items()
    )
    columns = (Column("modality", words=True), *(Column(key, words=key != "dimension") for key in keys))
    return Table("Features of each modality.", columns, rows)


def label_table(summary: StudySummary) -> Table:
    """How many utterances each label has."""
    rows = tuple(
        Row(label, cells(f"{count:,}", percent(count / summary.utterances if summary.utterances else None)))
        for label, count in summary.support.items()
    )
    return Table(
        f"Labelled utterances of the part {summary.part}.",
        (Column("label", words=True), Column("utterances"), Column("share, %")),
        rows,
    )


def fact_table(caption: str, heading: str, facts: Mapping[str, str]) -> Table:
    """Names and values."""
    rows = tuple(Row(name, cells(value)) for name, value in facts.items())
    return Table(caption, (Column(heading, words=True), Column("value", words=True)), rows)


def _mistake_cells(mistake: Mistake) -> tuple[Cell, ...]:
    shares = (percent(mistake.wrong_seeds, 0), percent(mistake.probability))
    return cells(mistake.utterance, mistake.true, mistake.predicted, *shares)
