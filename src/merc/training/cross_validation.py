"""Cross-validation over conversations: which of several ways to train is best, and an honest score of choosing so.

The choice is part of what is scored: for each fold that is held out, the way is chosen by a cross-validation within the other folds
alone (nested cross-validation; Varma and Simon, BMC Bioinformatics 2006). Utterances of one conversation are never parted.

Shapes: N utterances of all conversations, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from merc.data.splits import folds
from merc.evaluation.statistics import Tallies, compare, tally, weighted_f1
from merc.files.shapes import Float64, Int64
from merc.training.temperature import fitted_temperature

OUTER, INNER = 5, 4  # folds [chosen: ten conversations leave six to train on in the inmost training]
_RESAMPLES = 200  # of a standard error, which is then 5 % off

Rows = Float64[np.ndarray, "T C"]
Predict = Callable[[Sequence[str]], Mapping[str, Rows]]
"""Log-probabilities of the utterances of each of some conversations, by their ids."""
Labels = Mapping[str, Int64[np.ndarray, " T"]]
"""Conversation -> class indices, -1 where unlabelled."""
Train = Callable[[Sequence[str]], Predict]
"""Trains on some conversations, by their ids."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A way to train, chosen by what it predicts of conversations that were held out.

    Attributes:
        name: of the way; see `chosen`.
        scores: way -> weighted F1 over all conversations, each predicted by a training without it.
        temperature: what fits the chosen way's predictions best.
    """

    name: str
    scores: Mapping[str, float]
    temperature: float


@dataclass(frozen=True, slots=True, eq=False)
class NestedResult:
    """What a nested cross-validation finds.

    Attributes:
        choice: by all conversations.
        fold_choices: of each outer fold, by the other folds.
        predicted: conversation -> what the way chosen without it predicts of it, its temperature applied.
    """

    choice: Choice
    fold_choices: tuple[str, ...]
    predicted: Mapping[str, Rows]


def out_of_fold(train: Train, ids: Sequence[str], count: int, seed: int) -> dict[str, Rows]:
    """Conversation -> what a training without its fold predicts of it."""
    found: dict[str, Rows] = {}
    for held in folds(ids, count, seed):
        found |= train([i for i in ids if i not in held])(held)
    return found


def scaled(predicted: Mapping[str, Rows], labels: Labels, count: int, seed: int) -> dict[str, Rows]:
    """What `out_of_fold` gave, each fold at the temperature that fits the other folds best."""
    found: dict[str, Rows] = {}
    for held in folds(predicted, count, seed):
        others = [i for i in predicted if i not in held]
        rows, true = np.concatenate([predicted[i] for i in others]), np.concatenate([labels[i] for i in others])
        temperature = fitted_temperature(rows, true)
        found |= {i: log_softmax(predicted[i] / temperature, axis=1) for i in held}
    return found


def nested(ways: Mapping[str, Train], labels: Labels, seed: int) -> NestedResult:
    """Chooses among ways to train, and scores the choosing.

    Args:
        ways: by name, the simplest first (see `chosen`).
        labels: conversation -> class indices, -1 where unlabelled. `OUTER` conversations are needed at least.
        seed: of the folds.
    """
    ids = list(labels)
    outside: dict[str, dict[str, Rows]] = {name: {} for name in ways}
    predicted: dict[str, Rows] = {}
    fold_choices: list[str] = []
    for held in folds(ids, OUTER, seed):
        others = [i for i in ids if i not in held]
        choice = chosen({name: out_of_fold(train, others, INNER, seed) for name, train in ways.items()}, labels)
        fold_choices.append(choice.name)
        for name, train in ways.items():
            outside[name] |= train(others)(held)
        predicted |= {i: log_softmax(outside[choice.name][i] / choice.temperature, axis=1) for i in held}
    return NestedResult(chosen(outside, labels), tuple(fold_choices), predicted)


def chosen(predicted: Mapping[str, Mapping[str, Rows]], labels: Labels) -> Choice:
    """The simplest way whose weighted F1 is within one standard error of the highest.

    The error is that of the difference of both, over conversations drawn with replacement (the rule is that of Breiman, Friedman,
    Olshen and Stone, Classification and Regression Trees, 1984). What trains more has to show more.

    Args:
        predicted: way -> conversation -> what a training without it predicts of it; the simplest way first.
        labels: as for `nested`; those of the predicted conversations are read.
    """
    counts = {name: tallies(rows, labels) for name, rows in predicted.items()}
    scores = {name: _score(each) for name, each in counts.items()}
    best = max(scores, key=lambda name: scores[name])  # the first of equals

    def is_near(name: str) -> bool:
        found = compare(counts[best], counts[name], np.random.default_rng(0), resamples=_RESAMPLES)
        return found.difference <= found.standard_error

    name = next(name for name in scores if is_near(name))
    rows = predicted[name]
    together = np.concatenate([labels[i] for i in rows])
    return Choice(name, scores, fitted_temperature(np.concatenate(list(rows.values())), together))


def tallies(predicted: Mapping[str, Rows], labels: Labels) -> Tallies:
    """Counts of what is predicted of some conversations, for the tests of `merc.evaluation.statistics`."""
    found = np.concatenate([rows.argmax(axis=1) for rows in predicted.values()])
    places = np.concatenate([np.full(len(rows), k) for k, rows in enumerate(predicted.values())])
    classes = next(iter(predicted.values())).shape[1]
    return tally(np.concatenate([labels[i] for i in predicted]), found[None, None], places, classes)


def _score(counts: Tallies) -> float:
    """Weighted F1 over all conversations."""
    return float(weighted_f1(counts.right.sum(axis=2), counts.predicted.sum(axis=2), counts.support.sum(axis=0)).item())
