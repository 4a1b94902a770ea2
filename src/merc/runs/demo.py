"""The demonstration: CMATH trained on an embedded synthetic corpus, judged against guessing and against the Bayes-optimal oracle.

Emotions follow a Markov chain, features are drawn from densities of known quality, and there is no dialogue. Hence the ceiling is
known, and of every utterance's modalities which are signal and which are noise.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from yaml import YAMLError

from merc.data.schema import Conversation, Corpus
from merc.data.store.store import save_store
from merc.errors import RunError
from merc.evaluation.metrics import ClassificationScores, classification_scores
from merc.evaluation.report import EvaluationReport
from merc.files.lock import locked_folder, remove_left_lock
from merc.files.shapes import Float64
from merc.files.staged_file import is_temporary, temporary_name
from merc.files.strict_yaml import load_yaml
from merc.inference.predictions import JudgedConversation
from merc.runs.evaluation import evaluate
from merc.runs.folder import CHECKPOINT, LOG, METRICS, MODEL, RECIPE, STATUS, replace_folder
from merc.runs.training import train
from merc.settings import Progress
from merc.synthetic.conversations import SyntheticConfig, chain_posterior, recorded_chain, synthesise
from merc.synthetic.oracle import class_shares
from merc.synthetic.planting import RowState, planted_streams, planted_truth
from merc.training.recipe import Recipe, load_recipe

CORPUS = SyntheticConfig(train=96, validation=40, test=60)
SPLIT = "official"
STORE = "store"  # the corpus, in the run's folder, so that `merc evaluate` works on it
SHOWN_LENGTH = (8, 12)  # chosen: utterances of the conversation that is shown; fits a screen
_FILES = frozenset({RECIPE, STATUS, METRICS, CHECKPOINT, MODEL, LOG, STORE})


@dataclass(frozen=True, slots=True, eq=False)
class Demonstration:
    """What the demonstration shows.

    Attributes:
        folder: of the run; the model lies in it, and the corpus.
        train_conversations: their number.
        report: the model on the synthetic test part.
        majority: the class shares of the training part as probabilities, so always its largest class.
        ceiling: the Bayes-optimal oracle given densities and chain.
        conversation: one of the test part, with planted labels.
        judged: its predicted emotions.
        states: modality -> for each of its utterances `signal`, `noise` or `absent`.
    """

    folder: Path
    train_conversations: int
    report: EvaluationReport
    majority: ClassificationScores
    ceiling: ClassificationScores
    conversation: Conversation
    judged: JudgedConversation
    states: Mapping[str, tuple[str, ...]]


def demonstrate(
    out: str | Path, *, config: SyntheticConfig | None = None, recipe: Recipe | None = None, progress: bool | Progress = False
) -> Demonstration:
    """Trains and judges the demonstration's model. The run appears when all is done, in place of an earlier demonstration.

    Args:
        out: the run's folder; new, empty, or an earlier demonstration's.
        config: in place of the embedded corpus.
        recipe: in place of the embedded one.
        progress: of the training; True shows a bar.

    Raises:
        RunError: the folder holds something else, or can't be written.
        KeyboardInterrupt: Ctrl-C; nothing is left behind.
    """
    out = Path(out)
    _check_replaceable(out)
    config = CORPUS if config is None else config
    corpus = synthesise(config)
    recipe = demo_recipe() if recipe is None else recipe
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"store": str(out / STORE)})})
    with _staged_run(out) as staged, _one_thread():
        run = train(recipe, staged, corpus=corpus, progress=progress)
        if not run.outcome.finished:
            raise KeyboardInterrupt
        report = evaluate(staged, part="test", corpus=corpus).report
        conversation = _shown(corpus)
        (judged,) = run.recogniser.predict([conversation])
        save_store(corpus, staged / STORE)
    test, shares = corpus.part(SPLIT, "test"), class_shares(corpus, SPLIT)
    chain, planted = recorded_chain(corpus), planted_streams(corpus)
    states = {
        modality: tuple(RowState(int(state)).name.lower() for state in of_modality[conversation.id])
        for modality, of_modality in planted_truth(corpus).items()
    }
    return Demonstration(
        folder=out,
        train_conversations=config.train,
        report=report,
        majority=_scores(corpus, test, [np.tile(shares, (len(c), 1)) for c in test]),
        ceiling=_scores(corpus, test, [chain_posterior(chain, planted, c) for c in test]),
        conversation=conversation,
        judged=judged,
        states=states,
    )


def demo_recipe() -> Recipe:
    """The embedded recipe, from the installed package."""
    return load_recipe(Path(__file__).parents[1] / "assets" / "demo.yaml")


def _shown(corpus: Corpus) -> Conversation:
    """The first test conversation of a length that fits a screen; else the first of all."""
    test = corpus.part(SPLIT, "test")
    return next((c for c in test if SHOWN_LENGTH[0] <= len(c) <= SHOWN_LENGTH[1]), test[0])


def _scores(
    corpus: Corpus, conversations: Sequence[Conversation], probabilities: Sequence[Float64[np.ndarray, "_ C"]]
) -> ClassificationScores:
    true = [corpus.label_set.index(u.label) for c in conversations for u in c.utterances if u.label is not None]
    return classification_scores(np.array(true), np.concatenate(probabilities), corpus.label_set, conversations=len(conversations))


def _check_replaceable(out: Path) -> None:
    if not out.exists():
        return
    names = {entry.name for entry in out.iterdir()} if out.is_dir() else {out.name}
    if names and not (names <= _FILES and _holds_demonstration(out)):
        raise RunError(f"{out}: holds something else than a demonstration, and so is not replaced; give another --out")


def _holds_demonstration(folder: Path) -> bool:
    """By the recipe's name alone: an earlier version's recipe may have keys that this one refuses."""
    try:
        recipe = load_yaml((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return False
    return isinstance(recipe, dict) and cast("dict[str, object]", recipe).get("name") == demo_recipe().name


@contextmanager
def _staged_run(out: Path) -> Generator[Path, None, None]:
    """A hidden sibling that takes the place of `out` on leaving, and is removed on an exception; those of killed calls go first."""
    place, stem = out.absolute(), f"{out.name}-"
    staged = place.with_name(temporary_name(stem))
    made = [parent for parent in place.parents if not parent.exists()]
    try:
        with locked_folder(place, wait=False) as held:
            if not held:
                raise RunError(f"{out}: another process is making a demonstration there; wait for its end, or give another --out")
            for left in [path for path in place.parent.iterdir() if is_temporary(path.name, stem)]:
                shutil.rmtree(left, ignore_errors=True)
                remove_left_lock(left)
            yield staged
            replace_folder(staged, place, stem)
    except BaseException as error:
        shutil.rmtree(staged, ignore_errors=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if isinstance(error, OSError):
            raise RunError(f"{out}: can't be written: {error.strerror or error}; nothing was left behind") from error
        raise


@contextmanager
def _one_thread() -> Generator[None, None, None]:
    """One thread for torch: matrices of this size gain nothing from more, and lose much where other programs use the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
