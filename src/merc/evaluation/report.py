"""A model evaluated on one part of a corpus: all heads, trust, and the same checkpoint with modalities left out or perturbed.

`EvaluationReport` is the documented schema of `merc evaluate --json` (docs/evaluation.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import compress
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator, Field

from merc.data.preprocessing import Sample
from merc.data.schema import Conversation, Corpus
from merc.errors import FeatureError, RecipeError
from merc.evaluation.calibration import risk_coverage
from merc.evaluation.metrics import ClassificationScores, classification_scores
from merc.evaluation.perturbation import Perturbation, perturb, without
from merc.evaluation.trust import TrustAgreement, TrustIntervals, loss_increases, trust_agreement, trust_intervals
from merc.files.shapes import Bool, Float64, Int64
from merc.inference.predictions import JudgedConversation, PredictionArrays, concatenated, judged_utterances
from merc.inference.recogniser import Recogniser
from merc.settings import OwnSettings, Settings


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Conditions(OwnSettings):
    """Under what conditions a model is evaluated: modalities left out, modalities perturbed, and the seed of what is drawn.

    A single modality, as a str, counts as a list of one.

    Raises:
        RecipeError: a value of another type.

    Example:
        >>> import merc
        >>> merc.Conditions.parse(("text", "audio"), only=("audio",)).without
        ('text',)
    """

    without: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    corrupt: tuple[Perturbation, ...] = ()
    seed: int = Field(default=0, ge=0)

    @classmethod
    def parse(
        cls,
        modalities: Sequence[str],
        *,
        without: Sequence[str] = (),
        only: Sequence[str] = (),
        corrupt: Sequence[str] = (),
        seed: int = 0,
    ) -> Conditions:
        """Reads options: modalities to leave out or to keep, of those of the model, and `corrupt` as `Perturbation.parse` takes it.

        Raises:
            RecipeError: an unknown modality, another form, or both `without` and `only`.
        """
        without, only, corrupt = ((value,) if isinstance(value, str) else value for value in (without, only, corrupt))
        if without and only:
            raise RecipeError("leave modalities out by name, or name those to keep; not both")
        _check_known((*without, *only), modalities)
        left_out = tuple(m for m in modalities if m in without or (only and m not in only))
        return cls(without=left_out, corrupt=tuple(Perturbation.parse(text, modalities) for text in corrupt), seed=seed)

    @property
    def changes(self) -> tuple[str, ...]:
        """What is left out or perturbed, in words."""
        return (*(f"without {m}" for m in self.without), *(f"{c.modality} with {c.kind} {c.amount:g}" for c in self.corrupt))


class TrustReport(Settings):
    """Mean trust, and whether trust means something.

    Attributes:
        mean: modality -> mean trust over the utterances that have it.
        agreement: of trust with the change in the true label's log-loss that leaving the modality out makes; None where no
            utterance has two modalities.
        intervals: of the agreement, 95 %, from conversations drawn with replacement; None without agreement, or where all its
            utterances lie in one conversation.
    """

    mean: dict[str, float]
    agreement: TrustAgreement | None
    intervals: TrustIntervals | None


class UncertaintyReport(Settings):
    """Mean uncertainty, and whether it tells right from wrong: areas under risk-coverage curves, of the share of wrong labels.

    Attributes:
        mean: mean latent variance of the coarse posterior over all utterances.
        area: judging the least uncertain labelled utterances first.
        confidence_area: judging those of the largest probability first.
        best_area: of an order that puts every right label first.
        random_area: of a random order, which is the share of wrong labels.
    """

    mean: float
    area: float
    confidence_area: float
    best_area: float
    random_area: float


class EvaluationReport(Settings):
    """The scores of one evaluation.

    Attributes:
        model: name of the recipe.
        corpus, split, part: what was evaluated.
        conditions: what was left out or perturbed.
        coarse: scores of the coarse head, the model's answer.
        levels: scores of every other head, such as `fine/text`; utterances without the modality count too.
        trust: None for networks without trust.
        uncertainty: None for networks without latents.
        context_only: utterances that had no modality at all and were judged from their context.
    """

    model: str
    corpus: str
    split: str
    part: str
    conditions: Conditions
    coarse: ClassificationScores
    levels: dict[str, ClassificationScores]
    trust: TrustReport | None
    uncertainty: UncertaintyReport | None
    context_only: int

    def __repr__(self) -> str:
        return f"EvaluationReport({self._summary()})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """For notebooks: the scores in a line, then a row for each class."""
        rows = [["", "precision", "recall", "F1", "utterances"]]
        for label, scores in self.coarse.per_class.items():
            shares = (scores.precision, scores.recall, scores.f1)
            rows.append([label, *(f"{100 * share:.1f}" for share in shares), str(scores.support)])
        cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
        return f"<p>{escape(self._summary())}</p><table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"

    def _summary(self) -> str:
        scores = self.coarse
        judged = ", ".join([f"{self.model} on {self.corpus}, split {self.split}, {self.part}", *self.conditions.changes])
        f1 = f"weighted F1 {100 * scores.weighted_f1:.1f}, macro F1 {100 * scores.macro_f1:.1f}"
        return f"{judged}: {f1}, accuracy {100 * scores.accuracy:.1f} over {scores.utterances} utterances"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Predictions(PredictionArrays):
    """What a model predicts of all N utterances of a part, one after the other; the T of the parent class is N here.

    Attributes:
        conversations: N ids.
        true: (N,) class indices, -1 where unlabelled.
        present: (N, M).
    """

    conversations: tuple[str, ...]
    true: Int64[np.ndarray, " N"]
    present: Bool[np.ndarray, "N M"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A report with the predictions that it was made from.

    Attributes:
        predictions: as arrays over all utterances of the part.
        conversations: the same predictions, conversation by conversation.
    """

    report: EvaluationReport
    predictions: Predictions
    conversations: tuple[JudgedConversation, ...]

    def __repr__(self) -> str:
        return f"Evaluation({self.report!r} of {len(self.conversations)} conversations)"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()  # pyright: ignore[reportPrivateUsage]


def check_features(recogniser: Recogniser, corpus: Corpus, left_out: Sequence[str] = ()) -> None:
    """Refuses a corpus that lacks a feature of the model's, or has one of another making (see `Recogniser.check_specs`).

    The corpus may lack the features of modalities that are left out.

    Raises:
        FeatureError: naming the feature, what was found and what the model takes.
    """
    recogniser.check_specs(corpus.feature_schema, f"corpus {corpus.name!r}")
    offered = [spec.key for spec in corpus.feature_schema]
    for spec in recogniser.preprocessor.specs:
        if spec.key not in offered and spec.modality not in left_out:
            raise FeatureError(
                f"corpus {corpus.name!r} has no feature {spec.key}, which the model takes; found {', '.join(offered) or 'none'}. "
                f"Add it, or evaluate without it: --without {spec.modality}"
            )


def evaluate_model(
    recogniser: Recogniser,
    conversations: Sequence[Conversation],
    *,
    corpus: str,
    split: str,
    part: str,
    conditions: Conditions | None = None,
    trust: bool = True,
) -> Evaluation:
    """Scores a model on labelled conversations.

    Args:
        recogniser: the model.
        conversations: with features that the model takes (see `check_features`).
        corpus, split, part: names for the report.
        conditions: what to leave out or perturb.
        trust: whether to report on trust, which runs the model once more for each modality, without it.

    Raises:
        RecipeError: conditions that name an unknown modality, or leave none.
    """
    conditions, modalities, label_set = conditions or Conditions(), recogniser.modalities, recogniser.label_set
    _check_known((*conditions.without, *(c.modality for c in conditions.corrupt)), modalities)
    if set(conditions.without) == set(modalities):
        raise RecipeError(f"all modalities are left out ({', '.join(modalities)}); at least one must stay")
    samples = [recogniser.preprocessor.sample(c) for c in conversations]
    samples = [perturb(without(s, conditions.without), conditions.corrupt, conditions.seed) for s in samples]
    inferred = recogniser.infer(samples)
    whole = concatenated(inferred)
    predictions = Predictions(
        conversations=tuple(c.id for c in conversations for _ in c.utterances),
        true=np.concatenate([s.labels for s in samples]),
        probabilities=whole.probabilities,
        levels=whole.levels,
        present=np.concatenate([s.present for s in samples]),
        trust=whole.trust,
        uncertainty=whole.uncertainty,
    )

    def scores(probabilities: Float64[np.ndarray, "N C"]) -> ClassificationScores:
        return classification_scores(predictions.true, probabilities, label_set, conversations=len(conversations))

    report = EvaluationReport(
        model=recogniser.name,
        corpus=corpus,
        split=split,
        part=part,
        conditions=conditions,
        coarse=scores(predictions.probabilities),
        levels={name: scores(p) for name, p in predictions.levels.items()},
        trust=_trust(recogniser, samples, predictions) if trust else None,
        uncertainty=_uncertainty(predictions),
        context_only=int((~predictions.present.any(axis=1)).sum()),
    )
    judged = (
        JudgedConversation(c.id, judged_utterances(c.utterances, arrays, s.present, label_set.names, modalities), modalities)
        for c, arrays, s in zip(conversations, inferred, samples, strict=True)
    )
    return Evaluation(report, predictions, tuple(judged))


def _check_known(names: Sequence[str], modalities: Sequence[str]) -> None:
    for name in names:
        if name not in modalities:
            raise RecipeError(f"unknown modality {name!r}; the model has: {', '.join(modalities)}")


def _trust(recogniser: Recogniser, samples: Sequence[Sample], predictions: Predictions) -> TrustReport | None:
    if predictions.trust is None:
        return None
    modalities, trust, present = recogniser.modalities, predictions.trust, predictions.present
    mean = {m: float(trust[present[:, i], i].mean()) for i, m in enumerate(modalities) if present[:, i].any()}
    taken = (present.sum(axis=1) > 1) & (predictions.true >= 0)
    if not taken.any():
        return TrustReport(mean=mean, agreement=None, intervals=None)
    left_out = {m: concatenated(recogniser.infer([without(s, [m]) for s in samples])).probabilities for m in modalities}
    increases = loss_increases(predictions.true, predictions.probabilities, left_out)
    intervals = None
    if len(set(compress(predictions.conversations, taken))) > 1:
        generator = np.random.default_rng(0)
        intervals = trust_intervals(trust, present, increases, predictions.conversations, generator, modalities)
    return TrustReport(mean=mean, agreement=trust_agreement(trust, present, increases, modalities), intervals=intervals)


def _uncertainty(predictions: Predictions) -> UncertaintyReport | None:
    if predictions.uncertainty is None:
        return None
    labelled = predictions.true >= 0
    probabilities = predictions.probabilities[labelled]
    wrong = probabilities.argmax(axis=1) != predictions.true[labelled]
    curve = risk_coverage(wrong, predictions.uncertainty[labelled])
    return UncertaintyReport(
        mean=float(predictions.uncertainty.mean()),
        area=curve.area,
        confidence_area=risk_coverage(wrong, -probabilities.max(axis=1)).area,
        best_area=curve.best_area,
        random_area=curve.random_area,
    )
