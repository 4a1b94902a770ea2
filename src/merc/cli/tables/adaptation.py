"""What is said of an adaptation: how deep it went, and whether it helped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from merc.cli.tables.cells import decimal, new_table, percent
from merc.evaluation.statistics import Difference
from merc.files.printable import printable
from merc.runs.adaptation.report import ADAPTED, FROM_NOTHING, MAJORITY, AdaptationReport
from merc.runs.adaptation.run import AdaptedRun
from merc.training.cross_validation import OUTER

_WHAT = {
    "none": "nothing",
    "calibration": "how probable each label is (calibration)",
    "heads": "the classifiers (heads)",
    "all": "the whole network (all)",
}
_COLUMNS = ("model", "weighted F1", "95 % interval", "accuracy", "macro F1", "ECE", "NLL")  # fits 80 columns


def adaptation_tables(run: AdaptedRun) -> Iterator[RenderableType]:
    """Sizes, scores, the differences, what was chosen, and where the model lies."""
    report = run.report
    yield Text(
        printable(
            f"{report.corpus}: {report.conversations} conversations, {report.utterances} labelled utterances; "
            f"labels {', '.join(report.labels)}; judged by {', '.join(report.modalities)}"
        )
    )
    if report.new_labels:
        names = ", ".join(report.new_labels)
        yield Text(printable(f"{report.model} has no label {names}, so it can't be judged as it is, and gets new classifiers"))
    rows = (
        (
            name,
            percent(arm.weighted_f1),
            f"{percent(arm.low)} to {percent(arm.high)}",
            *map(percent, (arm.accuracy, arm.macro_f1, arm.expected_calibration_error)),
            decimal(arm.negative_log_likelihood),
        )
        for name, arm in report.arms.items()
    )
    title = f"conversations held out by {OUTER}-fold cross-validation, in %; ECE is the calibration error, NLL in nats"
    yield new_table(title, _COLUMNS, rows)
    for name, difference in report.differences.items():
        yield Text(f"{ADAPTED} minus {name}: {_difference(difference)}")
    yield from _chosen(report)
    for sentence in report.warnings:
        yield Text(printable(sentence), style="yellow")
    yield Text(printable(f"model: {run.folder / 'model'}"))


def _chosen(report: AdaptationReport) -> Iterator[Text]:
    scores = ", ".join(f"{depth} {percent(score)}" for depth, score in report.depth_scores.items())
    folds = ", ".join(f"{depth} {times}" for depth, times in Counter(report.fold_depths).most_common())
    done = "best" if report.kept else "trained"
    yield Text(f"{done}: {_WHAT[report.depth]}; by cross-validation {scores}; chosen within the folds: {folds} times")
    if report.kept:
        why = "nothing scores clearly higher" if report.depth == "none" else "the gain may be chance"
        yield Text(f"adapting is not shown to help ({why}): the model is kept as it is", style="yellow")
    elif report.differences[FROM_NOTHING].verdict == "worse":
        yield Text("a model trained from nothing is better: merc train makes one", style="yellow")
    if report.arms[ADAPTED].weighted_f1 <= report.arms[MAJORITY].weighted_f1:
        yield Text("the adapted model is no better than the most frequent label alone", style="yellow")


def _difference(d: Difference) -> str:
    p = "p < .001" if d.p < 0.001 else f"p {d.p:.3f}".replace("0.", ".", 1)
    return f"{100 * d.difference:+.1f} weighted F1 (95 % interval {100 * d.low:+.1f} to {100 * d.high:+.1f}; {p}): {d.verdict}"
