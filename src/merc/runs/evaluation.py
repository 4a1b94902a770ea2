"""A finished run, or a loaded model, evaluated on a part of its corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from merc.data.schema import PARTS, Corpus, Part
from merc.data.store.store import store_files
from merc.errors import DataError, RecipeError, RunError
from merc.evaluation.report import Conditions, Evaluation, check_features, evaluate_model
from merc.files.arguments import checked, path_from
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.table import check_target, write_table
from merc.runs.corpus import completed, mapped, open_recipe_store
from merc.runs.folder import ADAPTATION, MODEL, RECIPE, log_evaluation
from merc.training.recipe import Recipe, load_recipe, recipe_from


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
        part: of the recipe's split.
        conditions: modalities to leave out or perturb.
        corpus: taken in place of the store.
        store: taken in place of the recipe's store.
        predictions: file to write the judged utterances to: .csv, .jsonl or .parquet (see `merc.inference.table`).

    Raises:
        RunError: not a finished run, or an adaptation, whose scores are kept, without `corpus` and `store`.
        FeatureError: the store lacks a feature that is not left out, or holds one of another encoder.
        DataError: `predictions` is not a place that can be written to.

    Example:
        >>> import merc
        >>> from merc.synthetic.conversations import SyntheticConfig, synthesise
        >>> corpus = synthesise(SyntheticConfig(train=4, validation=2, test=2))
        >>> recipe = merc.Recipe(name="x", model={"name": "majority"}, training={"epochs": 1})
        >>> run = merc.train(recipe, "runs/x", corpus=corpus)
        >>> merc.evaluate("runs/x", corpus=corpus).report.part
        'validation'
    """
    if part not in PARTS:
        raise DataError(f"part {part!r}; allowed: {', '.join(PARTS)}")
    if predictions is not None:
        predictions = path_from(predictions, "predictions", "a file")
    checked(conditions, (Conditions, type(None)), "conditions", "merc.Conditions", RecipeError)
    checked(corpus, (Corpus, type(None)), "corpus", "a merc.Corpus (merc.open_store opens one)")
    if not isinstance(run, Recogniser):
        run = path_from(run, "run", "a run's folder or a model", RunError)
    folder, recogniser = (None, run) if isinstance(run, Recogniser) else (run, _finished(run))
    recipe = recipe_from(recogniser.record.recipe)
    if folder is not None:
        if corpus is None and store is None and (folder / MODEL / ADAPTATION).is_file():
            raise RunError(
                f"{folder}: its model was adapted by cross-validation, whose scores are in {folder / MODEL / ADAPTATION}"
            )
        recipe = _with_folders(recipe, folder)
    without = () if conditions is None else conditions.without
    like: list[Path] = []
    if corpus is None:
        corpus, like = open_recipe_store(recipe, store), store_files(store or str(recipe.data.store))
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
    evaluation = evaluate_model(
        recogniser, conversations, corpus=corpus.name, split=recipe.data.split, part=part, conditions=conditions
    )
    report = evaluation.report
    if folder is not None:
        log_evaluation(  # before all else that can fail: every evaluation is on record
            folder,
            part=part,
            split=recipe.data.split,
            corpus=corpus.name,
            conditions=report.conditions.model_dump(mode="json"),
            weighted_f1=report.coarse.weighted_f1,
            accuracy=report.coarse.accuracy,
        )
    if predictions is not None:
        write_table(evaluation.conversations, predictions, like)
    return evaluation


def conditions_for(
    run: Path | str, *, without: Sequence[str] = (), only: Sequence[str] = (), corrupt: Sequence[str] = (), seed: int = 0
) -> Conditions:
    """Conditions for evaluating a finished run, from options; see `Conditions.parse`.

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
    """A saved model's recipe with the places of store and labels, which only the run's own recipe holds in full."""
    if not (folder / RECIPE).is_file():
        return recipe
    kept = load_recipe(folder / RECIPE).data
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"store": kept.store, "labels": kept.labels})})
