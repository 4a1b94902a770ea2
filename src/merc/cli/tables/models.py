"""What is said of a model: its training, its scores, and its predictions for conversations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from merc.cli.tables.cells import NOTHING, add_row, decimal, new_table, percent
from merc.files.printable import printable
from merc.inference.predictions import JudgedConversation, JudgedUtterance

if TYPE_CHECKING:
    from merc.evaluation.metrics import ClassificationScores
    from merc.evaluation.report import EvaluationReport, TrustReport, UncertaintyReport
    from merc.runs.demo import Demonstration
    from merc.runs.training import TrainedRun
else:  # predictions are shown without what they import
    ClassificationScores = EvaluationReport = TrustReport = UncertaintyReport = Demonstration = TrainedRun = object

_SCORES = ("accuracy", "weighted F1", "macro F1", "calibration error", "NLL")
_MARKS = {"signal": "", "noise": " noise", "absent": ""}


def training_lines(run: TrainedRun) -> Iterator[RenderableType]:
    """Best epoch, validation scores, and where the model lies."""
    outcome = run.outcome
    part = "test" if run.recogniser.record.recipe["protocol"] == "test-peak" else "validation"
    honest = part == "validation"
    caution = "" if honest else ": its scores are not comparable with others"
    yield Text(f"best epoch: {outcome.best_epoch} of {outcome.epochs}, chosen on {part}{caution}", style="" if honest else "yellow")
    table = new_table(part, ("score", ""))
    for name, value in run.recogniser.record.scores.items():
        add_row(table, name.replace("_", " "), decimal(value) if name == "negative_log_likelihood" else f"{percent(value)} %")
    yield table
    yield Text(f"model: {printable(str(run.folder / 'model'))}")


def evaluation_tables(report: EvaluationReport) -> Iterator[RenderableType]:
    """All of a report: heads, classes, confusion matrix, trust."""
    what = f"{report.model} on {report.corpus}, split {report.split}, part {report.part}"
    sizes = f"{report.coarse.conversations} conversations, {report.coarse.utterances} labelled utterances"
    changes = f"; {', '.join(report.conditions.changes)}" if report.conditions.changes else ""
    yield Text(printable(f"{what}: {sizes}{changes}"))
    table = new_table("heads, in %; NLL (mean negative log-likelihood) in nats", ("head", *_SCORES))
    _add_scores(table, "coarse (the answer)", report.coarse, style="bold")
    for name, scores in report.levels.items():
        _add_scores(table, name, scores)
    yield table
    classes = report.coarse.per_class
    rows = ((name, percent(s.precision), percent(s.recall), percent(s.f1), s.support) for name, s in classes.items())
    yield new_table("classes, in %", ("class", "precision", "recall", "F1", "utterances"), rows)
    rows = ((name, *counts) for name, counts in zip(classes, report.coarse.confusion, strict=True))
    yield new_table("confusion: a row is the true class, a column the predicted one", ("true", *classes), rows)
    if report.trust is not None:
        yield from _trust_tables(report.trust)
    if report.uncertainty is not None:
        yield _uncertainty_table(report.uncertainty)
    if report.context_only:
        yield Text(f"{report.context_only} utterance(s) had no modality at all and were judged from their context")


def emotion_tables(conversations: Sequence[JudgedConversation]) -> Iterator[RenderableType]:
    """One table a conversation: speaker, words, emotion, probability, trust per modality."""
    for conversation in conversations:
        modalities = tuple(conversation.utterances[0].trust)
        columns = ("speaker", "words", "emotion", "probability", *(f"trust {m}" for m in modalities))
        rows = (
            [u.speaker or NOTHING, u.words or NOTHING, u.emotion, decimal(u.probabilities[u.emotion]), *_trusts(u, modalities)]
            for u in conversation.utterances
        )
        yield new_table(f"conversation {printable(conversation.id)}", columns, rows, words=3)


def demonstration_tables(result: Demonstration) -> Iterator[RenderableType]:
    """Scores between majority and ceiling, and one synthetic conversation with what was planted in it."""
    yield Text(
        f"synthetic corpus (planted features, no dialogue): {result.train_conversations} conversations to train on; "
        f"scores on its test part, {result.report.coarse.conversations} conversations, {result.report.coarse.utterances} utterances"
    )
    table = new_table("results, in %; NLL in nats", ("", *_SCORES))
    _add_scores(table, "majority class", result.majority)
    _add_scores(table, "CMATH", result.report.coarse, style="bold")
    _add_scores(table, "ceiling: the Bayes-optimal oracle", result.ceiling)
    yield table
    modalities = tuple(result.states)
    columns = ("", "speaker", "planted", "predicted", "probability", *(f"trust {m}" for m in modalities))
    table = new_table(f"conversation {result.conversation.id} (synthetic: emotions and features were planted)", columns, words=4)
    for t, (utterance, emotion) in enumerate(zip(result.conversation.utterances, result.judged.utterances, strict=True), 1):
        trust = [
            f"{share}{_MARKS[result.states[m][t - 1]]}" for m, share in zip(modalities, _trusts(emotion, modalities), strict=True)
        ]
        cells = (t, utterance.speaker, utterance.label, emotion.emotion, decimal(emotion.probabilities[emotion.emotion]), *trust)
        add_row(table, *cells, style=None if emotion.emotion == utterance.label else "yellow")
    yield table
    yield Text(f"'noise': the planted features say nothing there; {NOTHING}: the modality is absent.")
    yield Text(f"model: {printable(str(result.folder / 'model'))}")


def _add_scores(table: Table, name: str, scores: ClassificationScores, style: str | None = None) -> None:
    values = (scores.accuracy, scores.weighted_f1, scores.macro_f1, scores.expected_calibration_error)
    add_row(table, name, *map(percent, values), decimal(scores.negative_log_likelihood), style=style)


def _trust_tables(trust: TrustReport) -> Iterator[RenderableType]:
    agreement = trust.agreement
    if agreement is None:
        yield new_table("trust", ("modality", "mean trust"), ((name, decimal(mean)) for name, mean in trust.mean.items()))
        return
    rows = ((name, decimal(mean), decimal(agreement.spearman.get(name))) for name, mean in trust.mean.items())
    yield new_table("trust", ("modality", "mean trust", "agreement across utterances"), rows)
    interval = None if trust.intervals is None else trust.intervals.kendall_tau
    between = "" if interval is None else f" (95 % interval {decimal(interval[0])} to {decimal(interval[1])})"
    share = agreement.pairs_alike
    alike = "" if share is None else f"; {percent(share)} % of pairs of modalities are ordered alike"
    yield Text(
        "agreement of trust with what leaving the modality out costs: "
        f"Kendall tau {decimal(agreement.kendall_tau)}{between} within utterances{alike} ({agreement.utterances} utterances)"
    )


def _uncertainty_table(uncertainty: UncertaintyReport) -> Table:
    rows = (
        (f"latent uncertainty (mean {decimal(uncertainty.mean)})", percent(uncertainty.area)),
        ("largest probability", percent(uncertainty.confidence_area)),
        ("best order", percent(uncertainty.best_area)),
        ("by lot", percent(uncertainty.random_area)),
    )
    return new_table("wrong labels among the k most certain utterances, mean over all k, in %", ("order", "wrong labels"), rows)


def _trusts(emotion: JudgedUtterance, modalities: Sequence[str]) -> list[str]:
    return [decimal(emotion.trust[m]) if m in emotion.present else NOTHING for m in modalities]
