"""A linear probe per feature: how well it predicts the labels, and whether its encoder was trained on the training labels.

A multinomial logistic regression [chosen] is scored inside the training part (five folds by conversation) and, fitted on the whole
training part, on validation and test. Test labels serve this comparison and its warning; no setting depends on them.

Shapes: N utterances, D features, C classes, B resamples.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import ValidationError, field_validator
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Part
from merc.data.standardisation import CLIP_BOUND
from merc.files.shapes import Float32, Float64, Int64
from merc.settings import Settings

PROBE_NOTE = "probe"  # the key of a report in a corpus's notes
FOLDS = 5
MINIMUM_CONVERSATIONS = 5  # chosen: fewer are too few for a bootstrap
MINIMUM_FALL = 0.10  # chosen: speakers and class shares alone cost some points between parts; trained features lose 20 and more
# chosen of .0001 to 1 inside MELD's training part: best for 384-d text; for 8 numbers of audio 1 is best, by .7 points.
INVERSE_PENALTY = 0.01
RESAMPLES = 200
_ITERATIONS = 200
_TOLERANCE = 1e-3  # the verdicts rest on differences of ten points

_HELD_OUT: tuple[Part, ...] = ("validation", "test")
Verdict = Literal[
    "carries nothing", "looks trained on the training labels", "validation is blind", "is weak", "carries over", "not judged"
]


class Figure(Settings):
    """How a probe does on one part, as fractions of 1. Standard errors are from a bootstrap over conversations.

    Attributes:
        weighted_f1: of the probe's labels.
        error: its standard error.
        majority: weighted F1 of always saying the training part's largest class.
        prior: weighted F1 expected of guesses drawn from the training part's class shares.
        shuffled: weighted F1 expected of the probe's own labels in random order.
        above_chance: `weighted_f1` less the best of these three.
        above_chance_error: its standard error, all of it recomputed in every resample.
        utterances: labelled utterances that have the feature.
        conversations: that hold them.
    """

    weighted_f1: float
    error: float
    majority: float
    prior: float
    shuffled: float
    above_chance: float
    above_chance_error: float
    utterances: int
    conversations: int

    @property
    def chance(self) -> float:
        """The best score without the feature."""
        return max(self.majority, self.prior, self.shuffled)


class FeatureProbe(Settings):
    """One feature's figures and verdict. A figure is None where fewer than 5 conversations hold the feature and labels."""

    feature: str
    encoder: str
    version: str
    inside: Figure | None
    validation: Figure | None
    test: Figure | None
    verdict: Verdict
    sentence: str

    @field_validator("verdict", mode="before")
    @classmethod
    def _renamed(cls, value: object) -> object:
        return "carries over" if value == "sound" else value  # in stores of earlier versions

    @property
    def flagged(self) -> bool:
        """Whether the verdict warns of the feature."""
        return self.verdict not in ("is weak", "carries over", "not judged")


class ProbeReport(Settings):
    """What the probe found in a corpus; JSON-able, and kept in a store's notes under `probe`."""

    corpus: str
    split: str
    seed: int
    features: tuple[FeatureProbe, ...]

    def lacks(self, spec: FeatureSpec) -> bool:
        """Whether a feature, of this encoder and version, was not probed."""
        return (spec.key, spec.encoder, spec.version) not in {(f.feature, f.encoder, f.version) for f in self.features}


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """The utterances that have a label and the feature; `conversation` numbers the conversations that were given."""

    features: Float32[np.ndarray, "N D"]
    labels: Int64[np.ndarray, " N"]
    conversation: Int64[np.ndarray, " N"]


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """A fitted probe."""

    classes: int
    model: Pipeline

    def probabilities(self, features: Float32[np.ndarray, "N D"]) -> Float64[np.ndarray, "N C"]:
        """Class probabilities; a missing number counts as the training mean, a class unseen in training gets 0."""
        probabilities = np.zeros((len(features), self.classes))
        if len(features):
            probabilities[:, self.model.classes_] = self.model.predict_proba(features)
        return probabilities

    def predict(self, features: Float32[np.ndarray, "N D"]) -> Int64[np.ndarray, " N"]:
        """The most probable classes."""
        return self.probabilities(features).argmax(axis=1)


def probe(corpus: Corpus, split: str = "official", seed: int = 0) -> ProbeReport:
    """Probes every feature of a corpus, on a split whose validation and test parts may be missing.

    The seed is that of the bootstrap's resamples; the folds are the same for every seed.

    Raises:
        DataError: no such split, or its training part is empty.
    """
    train, listed = corpus.part(split, "train"), corpus.splits[split].parts
    conversations: dict[Part, tuple[Conversation, ...]] = {"train": train}
    conversations |= {part: corpus.part(split, part) if listed.get(part) else () for part in _HELD_OUT}
    features = tuple(_probe_feature(spec, corpus.label_set, conversations, seed) for spec in corpus.feature_schema)
    return ProbeReport(corpus=corpus.name, split=split, seed=seed, features=features)


def recorded_probe(corpus: Corpus) -> ProbeReport | None:
    """The report in a corpus's notes, which need not cover all of its features.

    None for any other note, such as one written by hand.
    """
    try:
        return ProbeReport.model_validate(corpus.notes.get(PROBE_NOTE))
    except ValidationError:
        return None


def labelled_rows(conversations: Sequence[Conversation], spec: FeatureSpec, label_set: LabelSet) -> LabelledRows:
    """Gathers labelled utterances that have the feature, wholly or in part."""
    features, labels, owners = [np.zeros((0, spec.dimension), np.float32)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for number, conversation in enumerate(conversations):
        array = conversation.features.get(spec.key)
        if array is None:
            continue
        label = np.array([-1 if u.label is None else label_set.index(u.label) for u in conversation.utterances], np.int64)
        kept = (label >= 0) & ~np.isnan(array).all(axis=1)
        features.append(array[kept])
        labels.append(label[kept])
        owners.append(np.full(int(kept.sum()), number, np.int64))
    return LabelledRows(np.concatenate(features), np.concatenate(labels), np.concatenate(owners))


def fit_linear_probe(rows: LabelledRows, classes: int) -> LinearProbe:
    """Fits the logistic regression on standardised, clipped features; rows must not be empty."""
    classifier = DummyClassifier(strategy="prior")  # for a single class, which a logistic regression refuses
    if len(np.unique(rows.labels)) > 1:
        classifier = LogisticRegression(C=INVERSE_PENALTY, max_iter=_ITERATIONS, tol=_TOLERANCE)
    model = make_pipeline(StandardScaler(), FunctionTransformer(_clip), classifier)
    # A column that is absent throughout has no mean; it counts as 0.
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LinearProbe(classes, model.fit(rows.features, rows.labels))


def weighted_f1(
    hits: Float64[np.ndarray, "B C"], truth: Float64[np.ndarray, "B C"], predicted: Float64[np.ndarray, "B C"]
) -> Float64[np.ndarray, " B"]:
    """Weighted F1 from (expected) counts per class; a class that is neither true nor predicted counts nothing."""
    f1 = 2.0 * hits / np.maximum(truth + predicted, 1e-12)
    return (f1 * truth).sum(-1) / truth.sum(-1)


def _probe_feature(
    spec: FeatureSpec, label_set: LabelSet, conversations: Mapping[Part, Sequence[Conversation]], seed: int
) -> FeatureProbe:
    rows = {part: labelled_rows(chosen, spec, label_set) for part, chosen in conversations.items()}
    train, classes = rows["train"], len(label_set)
    figures: dict[Part, Figure | None] = dict.fromkeys(("train", *_HELD_OUT))
    if len(np.unique(train.conversation)) >= MINIMUM_CONVERSATIONS:
        shares = np.bincount(train.labels, minlength=classes) / len(train.labels)
        fitted = fit_linear_probe(train, classes)
        for part in figures:
            predicted = _out_of_fold(train, classes) if part == "train" else fitted.predict(rows[part].features)
            figures[part] = _figure(rows[part], predicted, shares, np.random.default_rng(seed))
    verdict = _verdict(figures["train"], figures["validation"], figures["test"])
    return FeatureProbe(
        feature=spec.key,
        encoder=spec.encoder,
        version=spec.version,
        inside=figures["train"],
        validation=figures["validation"],
        test=figures["test"],
        verdict=verdict,
        sentence=_sentence(spec.key, verdict, figures),
    )


def _out_of_fold(rows: LabelledRows, classes: int) -> Int64[np.ndarray, " N"]:
    predicted = np.zeros(len(rows.labels), np.int64)
    for train, held_out in GroupKFold(FOLDS).split(rows.features, rows.labels, rows.conversation):
        fold = LabelledRows(rows.features[train], rows.labels[train], rows.conversation[train])
        predicted[held_out] = fit_linear_probe(fold, classes).predict(rows.features[held_out])
    return predicted


def _clip(standardised: Float32[np.ndarray, "N D"]) -> Float32[np.ndarray, "N D"]:
    return np.nan_to_num(np.clip(standardised, -CLIP_BOUND, CLIP_BOUND), nan=0.0)


def _figure(
    rows: LabelledRows, predicted: Int64[np.ndarray, " N"], shares: Float64[np.ndarray, " C"], generator: np.random.Generator
) -> Figure | None:
    classes = len(shares)
    _, owner = np.unique(rows.conversation, return_inverse=True)
    count = int(owner.max()) + 1 if len(owner) else 0
    if count < MINIMUM_CONVERSATIONS:
        return None
    confusions = np.zeros((count, classes, classes))
    np.add.at(confusions, (owner, rows.labels, predicted), 1.0)
    draws = generator.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES).astype(np.float64)
    resampled = np.concatenate([confusions.sum(0)[None], np.tensordot(draws, confusions, axes=1)])  # the whole part first
    truth, counts = resampled.sum(2), resampled.sum(1)
    score = weighted_f1(np.diagonal(resampled, axis1=1, axis2=2), truth, counts)
    guesses = {
        "majority": _guessing(truth, np.eye(classes)[int(shares.argmax())]),
        "prior": _guessing(truth, shares),
        "shuffled": _guessing(truth, counts / truth.sum(1, keepdims=True)),
    }
    above = score - np.max(list(guesses.values()), axis=0)
    return Figure(
        weighted_f1=float(score[0]),
        error=float(score[1:].std()),
        **{name: float(scores[0]) for name, scores in guesses.items()},
        above_chance=float(above[0]),
        above_chance_error=float(above[1:].std()),
        utterances=len(rows.labels),
        conversations=count,
    )


def _guessing(truth: Float64[np.ndarray, "B C"], shares: Float64[np.ndarray, "*G C"]) -> Float64[np.ndarray, " B"]:
    """Weighted F1, in expected counts, of labels drawn from `shares` independently of the truth."""
    return weighted_f1(truth * shares, truth, truth.sum(1, keepdims=True) * shares)


def _verdict(inside: Figure | None, validation: Figure | None, test: Figure | None) -> Verdict:
    if inside is None:
        return "not judged"
    if not _beats_guessing(inside):
        return "carries nothing"
    outside = test if test is not None else validation
    if outside is None:
        return "not judged"
    if not _falls(inside, outside):
        return "carries over" if _beats_guessing(outside) else "is weak"
    if test is not None and validation is not None and not _falls(inside, validation) and _falls(validation, test):
        return "validation is blind"
    return "looks trained on the training labels"


def _beats_guessing(figure: Figure) -> bool:
    """By more than 2 standard errors."""
    return figure.above_chance > 2.0 * figure.above_chance_error


def _falls(high: Figure, low: Figure) -> bool:
    """Whether a score falls by more than 3 standard errors and 10 points, class shares taken out."""
    gap = high.above_chance - low.above_chance
    return gap > max(MINIMUM_FALL, 3.0 * float(np.hypot(high.above_chance_error, low.above_chance_error)))


def _sentence(key: str, verdict: Verdict, figures: Mapping[Part, Figure | None]) -> str:
    inside = figures["train"]
    if inside is None:
        return f"{key}: not judged: fewer than {MINIMUM_CONVERSATIONS} training conversations have it and labels"
    scores = [f"{_score(inside)} inside training"]
    for part in _HELD_OUT:
        figure = figures[part]
        scores.append(f"too little on {part}" if figure is None else f"{_score(figure)} on {part}")
    outside = "validation" if figures["test"] is None else "test"
    reading = {
        "carries nothing": "a linear probe finds nothing in it that predicts the labels",
        "looks trained on the training labels": (
            "its encoder looks trained on the training labels: high inside training, low outside; a model will rely on it too much"
        ),
        "validation is blind": (
            "validation is blind to what its encoder was trained on: a linear probe scores on validation like inside training, but "
            "not on test, so the encoder saw both parts' labels or sources; do not select models by this validation part"
        ),
        "is weak": f"a linear probe of it beats guessing inside training, but not clearly on {outside}",
        "carries over": (
            f"a linear probe of it beats guessing inside training and on {outside}: no sign that its encoder saw the labels"
        ),
        "not judged": "not judged: neither validation nor test has enough to compare with",
    }[verdict]
    return f"{key}: {reading} (weighted F1 of the probe: {'; '.join(scores)})"


def _score(figure: Figure) -> str:
    return f"{100 * figure.weighted_f1:.1f} (standard error {100 * figure.error:.1f}, guessing {100 * figure.chance:.1f})"
