"""A run: one recipe trained into one folder, and judged from it.

recipe.yaml             the recipe, complete
run.json                status, versions, machine
metrics.jsonl           one line an epoch, every loss term
checkpoint.safetensors  all that `resume` needs
model/                  the best weights with all that they need (see `merc.inference.recogniser`)
log.jsonl               one line a judgement, so that every look at the test part is on record
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64

from merc.data.preprocessing import UNLABELLED, Preprocessor, Sample, pick_features
from merc.data.probe import recorded_probe
from merc.data.schema import Corpus, LabelSet, Part
from merc.encoders.derivation import source_of
from merc.encoders.text.dialogue import DIALOGUE
from merc.errors import DataError, RunError
from merc.evaluation.judgement import Conditions, Evaluation, check_features, judge
from merc.evaluation.metrics import classification_scores
from merc.files.staged_file import write_atomically
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.inference.table import check_target, write_table
from merc.inference.torch_backend import infer
from merc.networks.interface import Network
from merc.runs.corpus import completed, mapped, open_recipe_store, prepared
from merc.runs.folder import (
    CHECKPOINT,
    METRICS,
    MODEL,
    RECIPE,
    append_line,
    check_place,
    drop_lines_after,
    log_evaluation,
    read_outcome,
    save_model,
    software_versions,
    sweep,
    write_status,
    writing,
)
from merc.training.interruption import interruption
from merc.training.loop import EpochRecord, Outcome, Trainer
from merc.training.objective import Objective
from merc.training.recipe import DataConfig, Recipe, dump_recipe, load_recipe, recipe_from
from merc.training.temperature import fitted_temperature

SELECTION = {
    "validation": "highest weighted F1 on the validation part, over all epochs, of the averaged weights",
    "test-peak": "highest weighted F1 on the TEST part, over all epochs, of the averaged weights: NOT COMPARABLE with scores of "
    "models whose epoch was chosen on validation",
}


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a caller may watch.

    Attributes:
        on_step: steps done, steps in all.
        on_epoch: the epoch's record.
        on_tuning: of a recipe that tunes its text encoder: which fold's encoder, folds in all, its steps done, its steps in all.
        on_warning: a sentence for people.
        interrupted: asked between steps; a yes saves the run and ends it, as Ctrl-C does.
    """

    on_step: Callable[[int, int], None] = lambda _done, _total: None
    on_epoch: Callable[[EpochRecord], None] = lambda _record: None
    on_tuning: Callable[[int, int, int, int], None] = lambda _fold, _folds, _done, _total: None
    on_warning: Callable[[str], None] = lambda _sentence: None
    interrupted: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRun:
    """What a training left behind.

    Attributes:
        folder: of the run.
        recogniser: the model with the best weights.
        outcome: best epoch and score; `finished` is False after an interruption.
    """

    folder: Path
    recogniser: Recogniser
    outcome: Outcome


def train(
    recipe: Recipe, out: Path | str, *, resume: bool = False, corpus: Corpus | None = None, hooks: Hooks | None = None
) -> TrainedRun:
    """Trains a recipe into a folder.

    Args:
        recipe: what to train.
        out: the run's folder; new or empty, unless `resume`.
        resume: go on with a run that was stopped; starts from scratch if it had not got as far as a checkpoint.
        corpus: taken in place of the recipe's store.
        hooks: what to call on the way.

    Raises:
        RunError: the folder is in use, holds another recipe's run, or there is nothing to resume.
        RecipeError, DataError, FeatureError, StoreError: the recipe does not fit the data.
    """
    folder, hooks = Path(out), hooks or Hooks()
    done_before = _trained_before(folder, recipe) if resume else None
    if done_before is not None:
        return done_before
    with torch.random.fork_rng(range(torch.cuda.device_count())):  # the caller's generators are as before afterwards
        return _train(recipe, folder, resume, corpus, hooks)


def _train(recipe: Recipe, folder: Path, resume: bool, corpus: Corpus | None, hooks: Hooks) -> TrainedRun:
    corpus = corpus if corpus is not None else open_recipe_store(recipe)
    check_place(folder, resume)
    ready = prepared(mapped(corpus, recipe), recipe, hooks.on_tuning)
    corpus = ready.corpus
    warnings = [*_probe_warnings(corpus, recipe), *recipe.warnings]
    selection = recipe.selection_part
    train_part, selection_part = corpus.part(recipe.data.split, "train"), corpus.part(recipe.data.split, selection)
    preprocessor = Preprocessor.fit(corpus, train_part, recipe.data.features, recipe.data.clip)
    samples = [preprocessor.sample(c) for c in train_part]
    chosen_on = [preprocessor.sample(c) for c in selection_part]
    for part, of_part in (("train", samples), (selection, chosen_on)):
        if not any((s.labels != UNLABELLED).any() for s in of_part):
            raise DataError(f"corpus {corpus.name!r}, split {recipe.data.split!r}: no utterance of part {part!r} has a label")
    torch.manual_seed(recipe.training.seed)
    network = recipe.model.build(preprocessor.widths, len(preprocessor.label_set))
    counts = _counts(samples, corpus)
    network.begin(counts)
    trainer = Trainer(network, samples, recipe.training, recipe.corruption, Objective(recipe.objective, counts))

    validate = _Validator(preprocessor.label_set, chosen_on)

    def on_epoch(record: EpochRecord) -> None:
        append_line(folder / METRICS, asdict(record))
        hooks.on_epoch(record)

    with writing(folder):
        done = _prepare(folder, recipe, resume, trainer)
        for sentence in warnings:
            hooks.on_warning(sentence)
        drop_lines_after(folder / METRICS, done)
        if selection == "test":
            log_evaluation(folder, part=selection, split=recipe.data.split, corpus=corpus.name, by="choice of the epoch")
        with interruption() as asked:
            outcome = trainer.fit(validate, folder / CHECKPOINT, on_epoch, hooks.on_step, lambda: asked() or hooks.interrupted())
        network.to("cpu")
        temperature = validate.temperature(network) if recipe.calibration == "temperature" else 1.0
        record = ModelRecord(
            scores=validate(network, temperature),
            chosen_by=SELECTION[recipe.protocol],
            corpus=_facts(corpus, recipe),
            versions=software_versions(),
            seed=recipe.training.seed,
            warnings=tuple(warnings),
            recipe=recipe.model_dump(mode="json"),
        )
        recogniser = Recogniser(network, preprocessor, record, adapters=ready.adapters, temperature=temperature)
        if outcome.finished:
            save_model(recogniser, folder)
        write_status(folder, "finished" if outcome.finished else "interrupted", outcome)
    return TrainedRun(folder, recogniser, outcome)


def evaluate(
    run: str | Path | Recogniser,
    *,
    part: Part = "validation",
    conditions: Conditions | None = None,
    corpus: Corpus | None = None,
    store: str | Path | None = None,
    predictions: str | Path | None = None,
) -> Evaluation:
    """Evaluates a finished run or a loaded model. The run's log keeps every evaluation on record; a loaded model has none.

    Args:
        run: the run's folder, or a model.
        part: of the recipe's split; `test` has to be asked for.
        conditions: modalities to leave out or perturb.
        corpus: taken in place of the store.
        store: taken in place of the recipe's store.
        predictions: file to write the judged utterances to: .csv, .jsonl or .parquet (see `merc.inference.table`).

    Raises:
        RunError: not a finished run.
        FeatureError: the store lacks a feature that is not left out, or holds one of another encoder.
        DataError: `predictions` is not a place that can be written to.
    """
    folder = None if isinstance(run, Recogniser) else Path(run)
    recogniser = run if isinstance(run, Recogniser) else _finished(Path(run))
    recipe = recipe_from(recogniser.record.recipe)
    if folder is not None:
        recipe = _with_folders(recipe, folder)
    without = () if conditions is None else conditions.without
    if corpus is None:
        corpus = open_recipe_store(recipe, store)
    corpus = mapped(corpus, recipe)
    if corpus.label_set != recogniser.label_set:
        raise RunError(
            f"{folder or recogniser.name}: the model knows the labels {', '.join(recogniser.label_set.names)}; "
            f"corpus {corpus.name!r} has {', '.join(corpus.label_set.names)}"
        )
    corpus = completed(corpus, recogniser, corpus.part(recipe.data.split, part), without)
    check_features(recogniser, corpus, without)
    if predictions is not None:
        check_target(predictions)
    conversations = corpus.part(recipe.data.split, part)
    evaluation = judge(recogniser, conversations, corpus=corpus.name, split=recipe.data.split, part=part, conditions=conditions)
    report = evaluation.report
    if folder is not None:
        log_evaluation(  # before all else that can fail: what was looked at is on record
            folder,
            part=part,
            split=recipe.data.split,
            corpus=corpus.name,
            conditions=report.conditions.model_dump(mode="json"),
            weighted_f1=report.coarse.weighted_f1,
            accuracy=report.coarse.accuracy,
        )
    if predictions is not None:
        write_table(evaluation.conversations, predictions)
    return evaluation


def conditions_for(
    run: Path | str, *, without: Sequence[str] = (), only: Sequence[str] = (), corrupt: Sequence[str] = (), seed: int = 0
) -> Conditions:
    """Conditions for judging a finished run, from options; see `Conditions.parse`.

    Raises:
        RunError: not a finished run.
        RecipeError: options that do not fit the run's model.
    """
    return Conditions.parse(_finished(Path(run)).modalities, without=without, only=only, corrupt=corrupt, seed=seed)


def _finished(folder: Path) -> Recogniser:
    if not (folder / MODEL).is_dir():
        raise RunError(f"{folder}: no finished run here (no folder {MODEL!r}); train it, or go on with --resume")
    return load(folder)


def _with_folders(recipe: Recipe, folder: Path) -> Recipe:
    """A saved model's recipe with the places of store and labels, which only the run's own recipe tells in full."""
    if not (folder / RECIPE).is_file():
        return recipe
    kept = load_recipe(folder / RECIPE).data
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"store": kept.store, "labels": kept.labels})})


def _trained_before(folder: Path, recipe: Recipe) -> TrainedRun | None:
    """The run of this very recipe that is finished already and whole; else None, and `_prepare` says what is wrong."""
    if not (folder / RECIPE).is_file() or load_recipe(folder / RECIPE) != recipe:
        return None
    outcome = read_outcome(folder)
    if outcome is None:
        return None
    try:
        recogniser = load(folder / MODEL)
    except RunError:  # trained on from its checkpoint, and saved anew
        return None
    return TrainedRun(folder, recogniser, outcome)


def _counts(samples: Sequence[Sample], corpus: Corpus) -> list[int]:
    labels = np.concatenate([s.labels for s in samples])
    return np.bincount(labels[labels != UNLABELLED], minlength=len(corpus.label_set)).tolist()


class _Validator:
    """Judges a network on the part that the epoch is chosen on."""

    def __init__(self, label_set: LabelSet, samples: Sequence[Sample]) -> None:
        self._label_set, self._samples = label_set, samples
        self._true = np.concatenate([s.labels for s in samples])

    def __call__(self, network: Network, temperature: float = 1.0) -> dict[str, float]:
        """Scores by name."""
        rows = self._probabilities(network, temperature)
        scores = classification_scores(self._true, rows, self._label_set, conversations=len(self._samples))
        return {
            "weighted_f1": scores.weighted_f1,
            "accuracy": scores.accuracy,
            "macro_f1": scores.macro_f1,
            "negative_log_likelihood": scores.negative_log_likelihood,
            "expected_calibration_error": scores.expected_calibration_error,
        }

    def temperature(self, network: Network) -> float:
        """What fits the part's labels best."""
        return fitted_temperature(np.log(np.maximum(self._probabilities(network, 1.0), 1e-300)), self._true)

    def _probabilities(self, network: Network, temperature: float) -> Float64[np.ndarray, "N C"]:
        return np.concatenate([arrays.probabilities for arrays in infer(network, self._samples, temperature=temperature)])


def _probe_warnings(corpus: Corpus, recipe: Recipe) -> list[str]:
    if corpus.notes.get("synthetic"):
        return []
    taken = [source_of(spec, corpus.feature_schema) or spec for spec in pick_features(corpus, recipe.data.features)]
    specs, split = [spec for spec in taken if spec.encoder != DIALOGUE], recipe.data.split  # a cross-fitted one saw no label
    report = recorded_probe(corpus, specs)
    if report is None or report.split != split:
        official = split == DataConfig().split
        command = f"merc data probe {recipe.data.store or 'STORE'}" + ("" if official else f" --split {split}")
        what = f"corpus {corpus.name!r}" + ("" if official else f", split {split!r},")
        return [f"{what} was not probed: run '{command}' to learn whether validation can be trusted"]
    keys = {spec.key for spec in specs}
    return [f.sentence for f in report.features if f.feature in keys and f.flagged]


def _facts(corpus: Corpus, recipe: Recipe) -> dict[str, object]:
    named = {key: corpus.notes[key] for key in ("source", "licence", "synthetic") if key in corpus.notes}
    sizes = {part: len(ids) for part, ids in corpus.splits[recipe.data.split].parts.items()}
    return {"name": corpus.name, **named, "split": recipe.data.split, "conversations": sizes, "utterances": corpus.utterance_count}


def _prepare(folder: Path, recipe: Recipe, resume: bool, trainer: Trainer) -> int:
    """Fills or checks the run's folder and returns the number of epochs that are behind it."""
    check_place(folder, resume)  # again: another training may have ended in it since
    if not (folder / RECIPE).is_file():
        sweep(folder)
        write_atomically(folder / RECIPE, dump_recipe(recipe).encode())
        write_status(folder, "running", None)
        return 0
    kept = load_recipe(folder / RECIPE)
    if kept != recipe:
        ours, theirs = recipe.model_dump(mode="json"), kept.model_dump(mode="json")
        changed = [key for key in ours if ours[key] != theirs[key]]
        raise RunError(f"{folder}: belongs to another recipe; they differ in {', '.join(changed)}")
    sweep(folder)
    done = trainer.resume(folder / CHECKPOINT) if (folder / CHECKPOINT).is_file() else 0
    write_status(folder, "running", None)
    return done
