"""The Bayes-optimal oracle of planted streams: the ceiling against which a model's use of a stream is measured.

Given the label, a planted stream is independent of all else. So the oracle, which is given the densities, has the posterior

    p(c | all) ~ p(c | text) * product over streams of p(x_m | c)

with the class shares of the training part in place of p(c | text) where there is no text model.

Shapes: T utterances, D features, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from scipy.special import logsumexp, softmax
from scipy.stats import mannwhitneyu
from sklearn.metrics import accuracy_score, f1_score

from merc.data.probe import fit_linear_probe, labelled_rows
from merc.data.schema import Conversation, Corpus, Part
from merc.errors import DataError
from merc.files.shapes import Float32, Float64
from merc.settings import Settings
from merc.synthetic.planting import PlantedStream, RowState, generator_for, planted_streams, planted_truth

Knowledge = Literal["densities", "densities and text", "densities and chain"]
Posteriors = Mapping[str, np.ndarray]  # conversation id -> (T, C) probabilities


class Ceiling(Settings):
    """The oracle's scores, as fractions of 1, on the labelled utterances of a part.

    The oracle predicts the most probable class, which no rule can beat in expected accuracy; the weighted F1 is of the same labels.
    """

    knowledge: Knowledge
    accuracy: float
    weighted_f1: float
    utterances: int


def log_likelihood(planted: PlantedStream, features: Float32[np.ndarray, "T D"]) -> Float64[np.ndarray, "T C"]:
    """log p(x | class) - log N(x; 0, I), row by row; the second term is the same for every class.

    Missing numbers are integrated out, so that an absent row gets 0 throughout.
    """
    means = np.array(planted.class_means)
    present = ~np.isnan(features)
    ratio = np.where(present, features, 0.0) @ means.T - 0.5 * (present @ np.square(means).T)
    with np.errstate(divide="ignore"):
        return np.logaddexp(np.log1p(-planted.stream.noise) + ratio, np.log(planted.stream.noise))


def stream_evidence(planted: Mapping[str, PlantedStream], conversation: Conversation) -> Float64[np.ndarray, "T C"]:
    """`log_likelihood`, summed over the planted streams that the conversation has."""
    none = np.zeros((len(conversation), len(next(iter(planted.values())).classes)))
    found = [(each, conversation.features[each.key]) for each in planted.values() if each.key in conversation.features]
    return sum((log_likelihood(each, features) for each, features in found), start=none)


def oracle_posterior(
    planted: Mapping[str, PlantedStream], conversation: Conversation, prior: Float64[np.ndarray, "#T C"]
) -> Float64[np.ndarray, "T C"]:
    """The posterior of the oracle that is given the densities.

    `prior`: class probabilities without the planted features: one row for all, or a text model's, which hold the class shares.
    """
    with np.errstate(divide="ignore"):
        return softmax(np.log(prior) + stream_evidence(planted, conversation), axis=1)


def class_shares(corpus: Corpus, split: str) -> Float64[np.ndarray, " C"]:
    """Shares of the classes among the training part's labelled utterances; a DataError if there are none."""
    counts = np.array(list(corpus.label_counts(corpus.part(split, "train")).values()), float)
    if counts.sum() == 0:
        raise DataError(f"corpus {corpus.name!r}, split {split!r}: no labelled utterance in part 'train'")
    return counts / counts.sum()


def text_posterior(corpus: Corpus, split: str, part: Part, feature: str | None = None) -> dict[str, np.ndarray]:
    """p(class | text) of a logistic regression fitted on the training part: conversation id -> (T, C).

    Utterances without text get the class shares. On the part `train`, which it was fitted on, the regression is overconfident.

    Args:
        corpus, split, part: what the posteriors are for.
        feature: key of the feature, such as `text/minilm`; by default the first of the modality `text`.

    Raises:
        DataError: no such feature, split or part, or no labelled training utterance has the feature.
    """
    spec = next((s for s in corpus.feature_schema if (s.modality == "text" if feature is None else s.key == feature)), None)
    if spec is None:
        has = ", ".join(s.key for s in corpus.feature_schema) or "none"
        raise DataError(f"corpus {corpus.name!r} has no feature {feature or 'of the modality text'}; it has: {has}")
    rows = labelled_rows(corpus.part(split, "train"), spec, corpus.label_set)
    if not len(rows.labels):
        raise DataError(f"corpus {corpus.name!r}, split {split!r}: no labelled training utterance has the feature {spec.key}")
    model, shares = fit_linear_probe(rows, len(corpus.label_set)), class_shares(corpus, split)
    posteriors: dict[str, np.ndarray] = {}
    for conversation in corpus.part(split, part):
        features = conversation.features.get(spec.key, np.full((len(conversation), spec.dimension), np.nan, np.float32))
        absent = np.isnan(features).all(axis=1, keepdims=True)
        posteriors[conversation.id] = np.where(absent, shares, model.probabilities(features))
    return posteriors


def ceiling(corpus: Corpus, split: str, part: Part, text: Posteriors | None = None) -> Ceiling:
    """Scores, on a part, of the oracle that is given the planted densities and the training part's class shares.

    Args:
        corpus, split, part: what is scored.
        text: as `text_posterior` returns it, where streams were planted beside real text.

    Raises:
        DataError: nothing planted, no such part, no label in it, a text posterior that lacks a conversation or is of planted text.
    """
    planted, shares = planted_streams(corpus), class_shares(corpus, split)[None]
    if text is not None and "text" in planted:
        raise DataError(f"corpus {corpus.name!r}: text is itself planted, and so in the densities already: pass no text posterior")
    posteriors: dict[str, np.ndarray] = {}
    for conversation in corpus.part(split, part):
        prior = shares
        if text is not None:
            prior = np.asarray(text.get(conversation.id, np.zeros((0, 0))), np.float64)
            expected = (len(conversation), len(corpus.label_set))
            if prior.shape != expected:
                raise DataError(f"text posterior, conversation {conversation.id!r}: shape {prior.shape}, expected {expected}")
        posteriors[conversation.id] = oracle_posterior(planted, conversation, prior)
    return judged(corpus, split, part, posteriors, "densities" if text is None else "densities and text")


def noise_detection_auc(corpus: Corpus, split: str, part: Part) -> dict[str, float]:
    """Area under the ROC curve of the oracle's detection of noise from one row alone: modality -> area.

    The score of a row is p(x | classes' shares) / N(x; 0, I); positives are the part's signal rows, negatives rows of noise. By the
    Neyman-Pearson lemma no score of the row alone separates them better. Modalities without a signal row in the part are left out.

    Raises:
        DataError: nothing planted, no such part, or no label in training.
    """
    prior, states = np.log(np.maximum(class_shares(corpus, split), np.finfo(float).tiny)), planted_truth(corpus)
    areas: dict[str, float] = {}
    for modality, planted in planted_streams(corpus).items():
        pure = planted.model_copy(update={"stream": planted.stream.model_copy(update={"noise": 0.0})})
        scores: list[np.ndarray] = []  # (2, rows): of signal rows, and of as many rows of noise
        for conversation in corpus.part(split, part):
            rows = conversation.features[planted.key][states[modality][conversation.id] == RowState.SIGNAL]
            drawn = generator_for(planted.seed, "noise to be told", modality, conversation.id).standard_normal(rows.shape)
            ratios = [log_likelihood(pure, x) for x in (rows, drawn.astype(np.float32))]
            scores.append(np.asarray(logsumexp(prior + np.stack(ratios), axis=2)))
        signal, noise = np.concatenate(scores, axis=1)
        if len(signal):
            areas[modality] = float(mannwhitneyu(signal, noise).statistic / (len(signal) * len(noise)))
    return areas


def judged(corpus: Corpus, split: str, part: Part, posteriors: Posteriors, knowledge: Knowledge) -> Ceiling:
    """Accuracy and weighted F1 of the most probable classes; a DataError if no utterance of the part has a label."""
    conversations = corpus.part(split, part)
    predicted = np.concatenate([posteriors[c.id].argmax(axis=1) for c in conversations])
    labels = [u.label for c in conversations for u in c.utterances]
    truth = [corpus.label_set.index(label) for label in labels if label is not None]
    predicted = predicted[[label is not None for label in labels]]
    if not truth:
        raise DataError(f"corpus {corpus.name!r}, split {split!r}: no labelled utterance in part {part!r}")
    return Ceiling(
        knowledge=knowledge,
        accuracy=float(accuracy_score(truth, predicted)),
        weighted_f1=float(f1_score(truth, predicted, average="weighted", zero_division=0.0)),  # pyright: ignore
        utterances=len(truth),
    )
