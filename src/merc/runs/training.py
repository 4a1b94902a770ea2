"""One recipe trained into one folder, whose files docs/evaluation.md describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from merc.data.preprocessing import UNLABELLED, Preprocessor, Sample, pick_features
from merc.data.probe import recorded_probe
from merc.data.schema import Corpus, LabelSet
from merc.encoders.derivation import source_of
from merc.encoders.text.dialogue import DIALOGUE
from merc.encoders.text.languages import languages_of
from merc.errors import DataError, RecipeError, RunError
from merc.evaluation.metrics import SCORES, classification_scores
from merc.files.arguments import checked, path_from, shown
from merc.files.lock import remove_left_lock
from merc.files.shapes import Float64
from merc.files.staged_file import write_atomically
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.inference.torch_backend import infer
from merc.networks.interface import Network
from merc.runs.corpus import mapped, open_recipe_store, prepared
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
from merc.runs.progress_bar import ProgressBars, ProgressLines, shown_progress
from merc.settings import Progress
from merc.training.interruption import interruption
from merc.training.loop import EpochRecord, Outcome, Trainer
from merc.training.objective import Objective
from merc.training.recipe import DataConfig, Recipe, dump_recipe, load_recipe
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
        on_epoch: the epoch's record.
        on_warning: a sentence for people.
        interrupted: called between steps; True saves the run and ends it, as Ctrl-C does.
    """

    on_epoch: Callable[[EpochRecord], None] = lambda _record: None
    on_warning: Callable[[str], None] = lambda _sentence: None
    interrupted: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRun:
    """The result of a training.

    Attributes:
        folder: of the run.
        recogniser: the model with the best weights.
        outcome: best epoch and score; `finished` is False after an interruption.
    """

    folder: Path
    recogniser: Recogniser
    outcome: Outcome

    def __repr__(self) -> str:
        return f"TrainedRun({self.folder}: {self.recogniser!r}, {self.outcome!r})"


def train(
    recipe: Recipe,
    out: Path | str,
    *,
    resume: bool = False,
    corpus: Corpus | None = None,
    progress: bool | Progress = False,
    hooks: Hooks | None = None,
    graph: bool = True,
) -> TrainedRun:
    """Trains a recipe into a folder.

    Args:
        recipe: what to train.
        out: the run's folder; new or empty, unless `resume`.
        resume: go on with a run that was stopped; begins where none was begun, or had got as far as a checkpoint.
        corpus: taken in place of the recipe's store.
        progress: True shows a bar, in a terminal or a notebook, and elsewhere a line every half minute; a hook is called at each
            step, of `training` and of the tuning of a text encoder.
        hooks: what else to call on the way.
        graph: save the model with its graph, by which it runs without torch; a network that can't be exported has none.

    Raises:
        RunError: the folder is in use, holds another recipe's run, or there is nothing to resume.
        RecipeError, DataError, FeatureError, StoreError: the recipe does not fit the data.

    Example:
        >>> import merc
        >>> from merc.synthetic.conversations import SyntheticConfig, synthesise
        >>> corpus = synthesise(SyntheticConfig(train=4, validation=2, test=2))
        >>> recipe = merc.Recipe(name="x", model={"name": "majority"}, training={"epochs": 1})
        >>> merc.train(recipe, "runs/x", corpus=corpus).outcome.finished
        True
    """
    checked(recipe, Recipe, "recipe", "a merc.Recipe (merc.load_recipe reads one)", RecipeError)
    checked(corpus, (Corpus, type(None)), "corpus", "a merc.Corpus (merc.open_store opens one)")
    if not isinstance(progress, bool) and not callable(progress):
        raise RunError(f"progress: expected True, False or a function of stage, done and total, found {shown(progress)}")
    checked(hooks, (Hooks, type(None)), "hooks", "merc.runs.training.Hooks", RunError)
    folder, hooks = path_from(out, "out", "the run's folder", RunError), hooks or Hooks()
    done_before = _trained_before(folder, recipe) if resume else None
    if done_before is not None:
        return done_before
    devices = range(torch.cuda.device_count())
    with torch.random.fork_rng(devices), shown_progress(progress) as hook:  # the caller's generators are as before afterwards
        return _train(recipe, folder, resume, corpus, hook, hooks, graph)


def _train(
    recipe: Recipe, folder: Path, resume: bool, corpus: Corpus | None, progress: Progress, hooks: Hooks, graph: bool
) -> TrainedRun:
    corpus = corpus if corpus is not None else open_recipe_store(recipe)
    check_place(folder, resume)
    corpus, adapters = prepared(mapped(corpus, recipe), recipe, progress)
    warnings = [*_probe_warnings(corpus, recipe), *recipe.warnings]
    selection = recipe.selection_part
    train_part, selection_part = corpus.part(recipe.data.split, "train"), corpus.part(recipe.data.split, selection)
    languages = languages_of(train_part, corpus.notes, corpus.name)
    preprocessor = Preprocessor.fit(corpus, train_part, recipe.data.features, recipe.data.clip)
    samples = [preprocessor.sample(c) for c in train_part]
    chosen_on = [preprocessor.sample(c) for c in selection_part]
    for part, of_part in (("train", samples), (selection, chosen_on)):
        if not any((s.labels != UNLABELLED).any() for s in of_part):
            raise DataError(f"corpus {corpus.name!r}, split {recipe.data.split!r}: no utterance of part {part!r} has a label")
    torch.manual_seed(recipe.training.seed)
    network = recipe.model.build(preprocessor.widths, len(preprocessor.label_set))
    labels = np.concatenate([s.labels for s in samples])
    counts = np.bincount(labels[labels != UNLABELLED], minlength=len(corpus.label_set)).tolist()
    network.begin(counts)
    trainer = Trainer(network, samples, recipe.training, recipe.corruption, Objective(recipe.objective, counts))

    validate = _Validator(preprocessor.label_set, chosen_on)

    def on_epoch(record: EpochRecord) -> None:
        append_line(folder / METRICS, asdict(record))
        if isinstance(progress, (ProgressBars, ProgressLines)):
            epoch, score = f"epoch {record.epoch}/{recipe.training.epochs}", 100 * record.validation["weighted_f1"]
            progress.say(f"{epoch}  loss {record.loss:.3f}  {selection} weighted F1 {score:.1f}")
        hooks.on_epoch(record)

    with writing(folder):
        begun = (folder / RECIPE).is_file()
        done = _prepare(folder, recipe, resume, trainer)
        if resume and not begun:
            hooks.on_warning(f"{folder}: no run was begun there, so this one begins")
        for sentence in warnings:
            hooks.on_warning(sentence)
        drop_lines_after(folder / METRICS, done)
        if selection == "test":
            log_evaluation(folder, part=selection, split=recipe.data.split, corpus=corpus.name, by="choice of the epoch")
        with interruption() as asked:
            outcome = trainer.fit(validate, folder / CHECKPOINT, on_epoch, progress, lambda: asked() or hooks.interrupted())
        network.to("cpu")
        temperature = validate.temperature(network) if recipe.calibration == "temperature" else 1.0
        record = ModelRecord(
            scores=validate(network, temperature),
            chosen_by=SELECTION[recipe.protocol],
            corpus=_facts(corpus, recipe),
            languages=languages,
            versions=software_versions(),
            seed=recipe.training.seed,
            warnings=tuple(warnings),
            recipe=recipe.model_dump(mode="json"),
        )
        recogniser = Recogniser(network, preprocessor, record, adapters=adapters, temperature=temperature)
        if outcome.finished:
            save_model(recogniser, folder, graph=graph)
        write_status(folder, "finished" if outcome.finished else "interrupted", outcome)
    return TrainedRun(folder, recogniser, outcome)


def _trained_before(folder: Path, recipe: Recipe) -> TrainedRun | None:
    """The run of this very recipe if it is finished and whole; else None, and `_prepare` raises what is wrong."""
    if not (folder / RECIPE).is_file() or load_recipe(folder / RECIPE) != recipe:
        return None
    outcome = read_outcome(folder)
    if outcome is None:
        return None
    try:
        recogniser = load(folder / MODEL)
    except RunError:  # trained on from its checkpoint, and saved anew
        return None
    remove_left_lock(folder)
    return TrainedRun(folder, recogniser, outcome)


class _Validator:
    """Scores a network on the part on which the epoch is chosen."""

    def __init__(self, label_set: LabelSet, samples: Sequence[Sample]) -> None:
        self._label_set, self._samples = label_set, samples
        self._true = np.concatenate([s.labels for s in samples])

    def __call__(self, network: Network, temperature: float = 1.0) -> dict[str, float]:
        """Scores by name."""
        rows = self._probabilities(network, temperature)
        scores = classification_scores(self._true, rows, self._label_set, conversations=len(self._samples))
        return {name: getattr(scores, name) for name in SCORES}

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
    report = recorded_probe(corpus)
    report = report if report is not None and report.split == split else None
    missing = [spec.key for spec in specs if report is None or report.lacks(spec)]
    warnings = [f.sentence for f in (report.features if report else ()) if f.flagged and f.feature in {spec.key for spec in specs}]
    if missing:
        official = split == DataConfig().split
        command = f"merc data probe {recipe.data.store or 'STORE'}" + ("" if official else f" --split {split}")
        what = f"corpus {corpus.name!r}" + ("" if official else f", split {split!r},")
        if report is not None:
            what = f"{', '.join(missing)} of {what}"
        warnings.append(f"{what} was not probed: run '{command}' to learn whether validation can be trusted")
    return warnings


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
