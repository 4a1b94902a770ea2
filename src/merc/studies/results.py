"""What a study found, as plain frozen records: all that the report shows, and nothing that it would have to compute."""

from __future__ import annotations

from merc.data.schema import Part
from merc.evaluation.calibration import ReliabilityBin
from merc.evaluation.statistics import Difference
from merc.settings import Settings
from merc.studies.arms import ArmKind
from merc.studies.recipe import StudyRecipe
from merc.training.recipe import Protocol


class Estimate(Settings):
    """A number over seeds.

    Attributes:
        sd: sample standard deviation; None with one seed.
        values: a seed each, in the order of the arm's `seeds`.
    """

    mean: float
    sd: float | None
    values: tuple[float, ...]


class Failure(Settings):
    """A training that failed, or a process that was killed."""

    seed: int
    split: str
    error: str


class Curve(Settings):
    """Weighted F1 against how much is lost or perturbed; the first point is clean.

    Attributes:
        kind: `drop` or `noise`.
        modality: which, or `any`.
        amounts: shares, rates or strengths, from 0 on.
        mean, sd: over seeds, a point each.
    """

    kind: str
    modality: str
    amounts: tuple[float, ...]
    mean: tuple[float, ...]
    sd: tuple[float | None, ...]


class RiskCurve(Settings):
    """Share of wrong labels among the most certain utterances, mean over seeds.

    Attributes:
        coverage: shares of the utterances that are judged, rising to 1.
        by_probability: judging those of the largest probability first.
        by_uncertainty: judging those of the least latent uncertainty first; None without latents.
    """

    coverage: tuple[float, ...]
    by_probability: tuple[float, ...]
    by_uncertainty: tuple[float, ...] | None


class TrustCurve(Settings):
    """Mean trust in a modality against the strength of noise in its place, mean over seeds; the first point is clean."""

    modality: str
    strengths: tuple[float, ...]
    trust: tuple[float, ...]


class Cost(Settings):
    """What an arm takes. None where no seed knows it.

    Attributes:
        training_cpu_seconds: of one training.
        utterances_per_second: judged a CPU second.
        peak_memory_mib: of a training, above what its process held before.
        best_epoch: that was chosen.
    """

    training_cpu_seconds: Estimate | None
    utterances_per_second: Estimate
    peak_memory_mib: Estimate | None
    best_epoch: Estimate


class ArmSummary(Settings):
    """What is known of an arm that has one judged seed at least.

    Attributes:
        network: name of its model.
        parameters: trainable numbers.
        seeds: that were judged.
        planned: how many seeds were to be judged.
        selected: weighted F1 of the chosen epochs on the part that chose them.
        scores: accuracy, weighted_f1, macro_f1, negative_log_likelihood, expected_calibration_error, probability_area and, with
            latents, uncertainty_area (areas under the risk-coverage curves).
        per_class: label -> F1.
        confusion: C rows, the true label, by C columns; mean counts over seeds.
        difference: CMATH's weighted F1 minus this arm's; None for CMATH.
        reliability: bins of confidence, all seeds together.
        risk: the risk-coverage curves.
        strata: grouping -> group -> weighted F1 within the group.
        curves: weighted F1 under loss and noise.
        areas: `lost`, `lost at random`, `noise` and `all` of them: mean weighted F1 along the curves.
        area_differences: CMATH's area minus this arm's; empty for CMATH.
        trust: under noise; empty without trust, or where nothing teaches it.
    """

    name: str
    kind: ArmKind
    about: str
    network: str
    modalities: tuple[str, ...]
    parameters: int
    seeds: tuple[int, ...]
    planned: int
    selected: Estimate
    scores: dict[str, Estimate]
    per_class: dict[str, Estimate]
    confusion: tuple[tuple[float, ...], ...]
    difference: Difference | None
    reliability: tuple[ReliabilityBin, ...]
    risk: RiskCurve
    strata: dict[str, dict[str, Estimate]]
    curves: tuple[Curve, ...]
    areas: dict[str, Estimate]
    area_differences: dict[str, Difference]
    trust: tuple[TrustCurve, ...]
    cost: Cost
    failures: tuple[Failure, ...]


class Mistake(Settings):
    """An utterance that CMATH labels wrongly.

    Attributes:
        conversation, utterance: ids.
        true, predicted: labels; of the seeds' wrong predictions the most frequent.
        wrong_seeds: share of the seeds that are wrong, from 0 to 1.
        probability: mean over seeds of the probability of the predicted label.
        transcript: its words, only if they were asked for.
    """

    conversation: str
    utterance: str
    true: str
    predicted: str
    wrong_seeds: float
    probability: float
    transcript: str | None = None


class StudySummary(Settings):
    """A study's results.

    Attributes:
        recipes: arm -> its complete recipe as YAML.
        features: modality -> name, encoder, version and dimension.
        part: that was judged.
        protocol: how epochs were chosen. With `test-peak` no number is comparable, and every table says so.
        conversations, utterances: that were judged; utterances are the labelled ones.
        support: label -> utterances.
        strata_sizes: grouping -> group -> utterances.
        arms: CMATH first; those alone that have a judged seed.
        strongest: the rivals that got more seeds.
        without_result: arm -> failures, for arms without any judged seed; there may be none.
        unfinished: tasks that are still to be done.
        mistakes: CMATH's, those that most seeds make first; not all of them.
        versions: of the software that trained; several where they differ.
        machine: system, processor, cores and threads; several where they differ.
        warnings: of the trainings: sentence -> the arms that it was said of.
    """

    study: StudyRecipe
    recipes: dict[str, str]
    corpus: str
    splits: tuple[str, ...]
    features: dict[str, dict[str, str | int]]
    part: Part
    protocol: Protocol
    conversations: int
    utterances: int
    support: dict[str, int]
    strata_sizes: dict[str, dict[str, int]]
    arms: tuple[ArmSummary, ...]
    strongest: tuple[str, ...]
    without_result: dict[str, tuple[Failure, ...]]
    unfinished: int
    mistakes: tuple[Mistake, ...]
    resamples: int
    versions: dict[str, str]
    machine: dict[str, str]
    warnings: dict[str, tuple[str, ...]]

    @property
    def caution(self) -> str:
        """What every table and figure must say of the numbers; empty if they may stand beside those of others."""
        if self.protocol == "test-peak":
            return "not comparable: epochs chosen on the test part"
        return "not comparable: epochs chosen on this very part" if self.part == "validation" else ""

    @property
    def selection_part(self) -> Part:
        """The part on which epochs were chosen, and the strongest rivals."""
        return "test" if self.protocol == "test-peak" else "validation"
