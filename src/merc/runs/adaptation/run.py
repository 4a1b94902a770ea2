"""A trained model adapted to one's own labelled conversations, judged on conversations that it was not adapted to.

Three models are compared on the same conversations: the model as it is, adapted, and a network of the same kind trained on one's
own conversations from nothing, whose text encoder has seen no emotion either. How deep to adapt is chosen by cross-validation
(`merc.training.cross_validation`). The model as it is is kept unless the adapted one is shown to be better: where labels are those
that it was trained on, a gain that is not shown was a loss elsewhere (docs/adapting.md).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from merc.data.duplicates import same_words
from merc.data.preprocessing import UNLABELLED, Preprocessor, Sample
from merc.data.schema import Conversation, Corpus, LabelSet
from merc.encoders.text.languages import languages_of
from merc.errors import DataError, FeatureError, RunError
from merc.evaluation.metrics import SCORES
from merc.files.arguments import checked, path_from
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.networks.cmath.network import CMATH
from merc.runs.adaptation.arms import FromNothing, majority, predictor
from merc.runs.adaptation.report import (
    ADAPTED,
    AS_IT_IS,
    FROM_NOTHING,
    MAJORITY,
    AdaptationReport,
    adapted_minus,
    arm_scores,
)
from merc.runs.folder import ADAPTATION, check_place, save_model, software_versions, writing
from merc.settings import Progress, no_progress
from merc.training.adaptation import DEPTHS, TRAINED, AdaptationConfig, AdaptedNetwork, Depth, adapted, with_classes
from merc.training.cross_validation import INNER, OUTER, Labels, Predict, Rows, Train, nested, out_of_fold, scaled
from merc.training.recipe import recipe_from

FEWEST = 10  # labelled conversations [chosen: six are left in the inmost training]
STAGE = "adapting"  # in the progress
FROM = "adapted from"  # in a model's record of its corpus


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedRun:
    """The result of an adaptation.

    Attributes:
        folder: whose `model` is the model to use from now on.
        recogniser: that model.
        report: how it was chosen, and what it scored.
    """

    folder: Path
    recogniser: Recogniser
    report: AdaptationReport


def adapt(
    corpus: Corpus,
    out: str | Path,
    *,
    model: Recogniser | str | Path | None = None,
    config: AdaptationConfig | None = None,
    progress: Progress = no_progress,
) -> AdaptedRun:
    """Adapts a trained CMATH to a corpus, of which all labelled conversations are taken, whatever its splits.

    Args:
        corpus: ten labelled conversations or more, with words, or with the features that the model takes. If all its labels are
            among the model's, the model keeps its label set; else the corpus's is the new one.
        out: the run's folder; new or empty.
        model: what `merc.load` takes; None is the model that comes with merc. It stays as it is.
        config: how.
        progress: of the trainings.

    Raises:
        DataError: too few labelled conversations, or labels of one kind only.
        RunError: no such model, or it is no CMATH; the folder is in use; a training diverged.
        FeatureError, MissingExtraError: nothing usable in a conversation, or features of another encoder.

    Example:
        >>> import merc
        >>> good = merc.Utterance("1", "Ann", "I got the job!", label="good")
        >>> bad = merc.Utterance("2", "Bob", "They have fired me.", label="bad")
        >>> chats = tuple(merc.Conversation(str(n), (good, bad)) for n in range(10))
        >>> merc.adapt(merc.Corpus("mine", merc.LabelSet(names=("good", "bad")), (), chats), "runs/mine").report.new_labels
        ('good', 'bad')
    """
    checked(corpus, Corpus, "corpus", "a merc.Corpus (merc.open_store opens one)")
    folder, config = path_from(out, "out", "the run's folder", RunError), config or AdaptationConfig()
    check_place(folder, resume=False, resumable=False)
    own = model if isinstance(model, Recogniser) else load(model)
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices), writing(folder):
        check_place(folder, resume=False, resumable=False)
        recogniser, report = _adapted(own, corpus, config, progress)
        save_model(recogniser, folder, {ADAPTATION: (report.model_dump_json(indent=1) + "\n").encode()})
    return AdaptedRun(folder, recogniser, report)


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """One's own conversations, prepared for the model.

    Attributes:
        corpus, conversations: as given, and its labelled conversations with the features that the model takes.
        preprocessor: with the result's label set.
        samples, labels: by conversation.
        new_labels: see `AdaptationReport`.
        warnings: a sentence each.
    """

    corpus: Corpus
    conversations: Sequence[Conversation]
    preprocessor: Preprocessor
    samples: Mapping[str, Sample]
    new_labels: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def label_set(self) -> LabelSet:
        return self.preprocessor.label_set

    @property
    def labels(self) -> Labels:
        return {i: sample.labels for i, sample in self.samples.items()}


def _adapted(
    model: Recogniser, corpus: Corpus, config: AdaptationConfig, progress: Progress
) -> tuple[Recogniser, AdaptationReport]:
    if not isinstance(model.network, CMATH):
        raise RunError(f"model {model.name} is no CMATH, the only network that can be adapted; train it anew with 'merc train'")
    recipe, own = recipe_from(model.record.recipe, f"model {model.name}"), _prepared(model, corpus, progress)
    start = AdaptedNetwork(copy.deepcopy(model.network).to("cpu"), model.temperature)
    if own.new_labels:
        names = model.label_set.names, own.label_set.names
        start = AdaptedNetwork(with_classes(start.network, own.preprocessor.widths, *names), 1.0)
    depths = TRAINED if own.new_labels else DEPTHS
    count = _Count(progress, OUTER * (INNER + 1) * len(TRAINED) + OUTER + 1)

    def way(depth: Depth) -> Train:
        def train(ids: Sequence[str]) -> Predict:
            made = adapted(start, [own.samples[i] for i in ids], depth, config, recipe.objective)
            return predictor(made.network, own.samples, made.temperature)

        return count.each(train) if depth in TRAINED else train

    labels, ids = own.labels, list(own.labels)
    found = nested({depth: way(depth) for depth in depths}, labels, config.seed)
    fresh = FromNothing(model, recipe, own.conversations, own.label_set, config)
    arms: dict[str, Mapping[str, Rows]] = {}
    if not own.new_labels:
        arms[AS_IT_IS] = predictor(start.network, own.samples, start.temperature)(ids)
    arms[ADAPTED] = found.predicted
    arms[FROM_NOTHING] = scaled(out_of_fold(count.each(fresh.train), ids, OUTER, config.seed), labels, OUTER, config.seed)
    arms[MAJORITY] = out_of_fold(majority(labels, len(own.label_set)), ids, OUTER, config.seed)
    differences = {n: adapted_minus(n, arms, labels) for n in (AS_IT_IS, FROM_NOTHING) if n in arms}
    depth = _depth(found.choice.name)
    report = AdaptationReport(
        model=model.name,
        weights=model.weights_sha256(),
        corpus=corpus.name,
        conversations=len(ids),
        utterances=sum(int((each != UNLABELLED).sum()) for each in labels.values()),
        labels=own.label_set.names,
        new_labels=own.new_labels,
        modalities=tuple(m for k, m in enumerate(model.modalities) if any(s.present[:, k].any() for s in own.samples.values())),
        kept=not own.new_labels and (depth == "none" or differences[AS_IT_IS].verdict != "better"),
        depth=depth,
        fold_depths=tuple(_depth(name) for name in found.fold_choices),
        depth_scores=dict(found.choice.scores),
        arms={name: arm_scores(predicted, labels, own.label_set) for name, predicted in arms.items()},
        differences=differences,
        warnings=own.warnings,
    )
    if report.kept:
        count.one()  # the last training is not needed
        return model, report
    final = adapted(start, list(own.samples.values()), depth, config, recipe.objective)
    count.one()
    made = Recogniser(
        final.network,
        own.preprocessor,
        _record(model, own, report, config.seed),
        adapters=model.adapters,
        temperature=final.temperature * found.choice.temperature,
    )
    return made, report


def _prepared(model: Recogniser, corpus: Corpus, progress: Progress) -> _Own:
    labelled = _labelled(corpus)
    used = {u.label for c in labelled for u in c.utterances if u.label is not None}
    new_labels = tuple(name for name in corpus.label_set.names if name in used and name not in model.label_set.names)
    model.check_specs(corpus.feature_schema, f"corpus {corpus.name!r}")
    progress("reading words", 0.0, None)
    conversations, reasons = model.features.complete(labelled, corpus.feature_schema)
    preprocessor = Preprocessor(corpus.label_set if new_labels else model.label_set, model.preprocessor.standardisers)
    samples = {c.id: preprocessor.sample(c) for c in conversations}
    for sample in samples.values():
        if not sample.present.any():
            raise FeatureError(f"conversation {sample.conversation_id!r}: neither words nor a feature that the model takes")
    warnings = (
        *(f"adapted without {modality}: {reason}" for modality, reason in reasons.items()),
        *_seen_before(model, corpus),
        *_alike(labelled),
    )
    return _Own(corpus, conversations, preprocessor, samples, new_labels, warnings)


def _seen_before(model: Recogniser, corpus: Corpus) -> Iterator[str]:
    """A warning where the model may have been trained on these conversations; what it was trained on is known by name alone."""
    trained = model.record.corpus
    if corpus.name == trained.get("name") or str(trained.get(FROM, "")).endswith(f", trained on {corpus.name}"):
        yield (
            f"{model.name} was trained on a corpus called {corpus.name}, too: of conversations that it has seen, the scores of "
            f"{AS_IT_IS!r} and {ADAPTED!r} are too high"
        )


def _alike(labelled: Sequence[Conversation]) -> Iterator[str]:
    """A warning where conversations with the same words may lie on both sides of a fold."""
    if groups := same_words((c.id, [u.words for u in c.utterances]) for c in labelled):
        yield (
            f"{len(groups)} group(s) of conversations have the same words throughout, the first is "
            f"{', '.join(groups[0][:3])}: where one is held out and another trained on, scores are too high"
        )


def _record(model: Recogniser, own: _Own, report: AdaptationReport, seed: int) -> ModelRecord:
    named = {key: own.corpus.notes[key] for key in ("source", "licence", "synthetic") if key in own.corpus.notes}
    sizes = {"conversations": report.conversations, "utterances": report.utterances}
    before = f"{model.name}, trained on {model.record.corpus.get('name', 'unknown')}"
    languages = (*languages_of(own.conversations, own.corpus.notes, own.corpus.name), *model.record.languages)
    by = f"{OUTER}-fold cross-validation over {report.conversations} conversations"
    return replace(
        model.record,
        scores={name: getattr(report.arms[ADAPTED], name) for name in SCORES},
        chosen_by=f"depth {report.depth!r} of adaptation, the simplest within one standard error of the highest F1 in {by}",
        scored_on=f"the conversations that {by} held out",
        corpus={"name": own.corpus.name, **named, **sizes, FROM: before},
        versions=software_versions(),
        seed=seed,
        warnings=(*model.record.warnings, *own.warnings),
        languages=tuple(dict.fromkeys(languages)),
        recipe={**model.record.recipe, "name": f"{model.name}, adapted to {own.corpus.name}", "about": ""},
    )


def _labelled(corpus: Corpus) -> tuple[Conversation, ...]:
    found = tuple(c for c in corpus.conversations if any(u.label is not None for u in c.utterances))
    if len(found) < FEWEST:
        raise DataError(
            f"corpus {corpus.name!r} has {len(found)} conversation(s) with labels; adapting needs {FEWEST}, since it is judged on "
            "conversations that it did not see"
        )
    used = sorted({u.label for c in found for u in c.utterances if u.label is not None})
    if len(used) < 2:
        raise DataError(f"corpus {corpus.name!r} has no label but {used[0]!r}; adapting needs two")
    return found


def _depth(name: str) -> Depth:
    return next(depth for depth in DEPTHS if depth == name)


class _Count:
    """Tells a hook how many of the trainings are done."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def one(self) -> None:
        """One more is done."""
        self._done += 1
        self._progress(STAGE, float(self._done), float(self._total))

    def each(self, train: Train) -> Train:
        """The same trainings, counted."""

        def counted(ids: Sequence[str]) -> Predict:
            found = train(ids)
            self.one()
            return found

        return counted
