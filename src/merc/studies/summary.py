"""From the judged tasks of a study's folder to its results: scores over seeds, differences, curves, groups, costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import cast

import numpy as np
from numpy.typing import NDArray

from merc.data.schema import LabelSet, Part
from merc.errors import RunError
from merc.evaluation.calibration import RiskCoverage, reliability, risk_coverage
from merc.evaluation.metrics import SCORES, classification_scores
from merc.evaluation.statistics import Difference, Tallies, compare, holm, tally, weighted_f1
from merc.studies.arms import CMATH_NAME, Arm
from merc.studies.mistakes import mistakes_of
from merc.studies.plan import all_tasks, read_plan, strongest_rivals
from merc.studies.results import ArmSummary, Cost, Curve, Estimate, Failure, RiskCurve, StudySummary, TrustCurve
from merc.studies.robustness import CLEAN, Condition, area_weights, conditions_of, curves_of
from merc.studies.strata import JudgedUtterances, read_utterances, utterances_file
from merc.studies.task import JudgedTask, Task, is_done, judged_file, read_failure, read_judged
from merc.training.recipe import dump_recipe

RESAMPLES = 2000
_SEED = 0  # of the bootstrap
_POINTS = 41  # of a risk-coverage curve


@dataclass(frozen=True, slots=True, eq=False)
class JudgedArm:
    """An arm's judged seeds, each over all splits: S seeds, N utterances, C classes, D conditions.

    Attributes:
        probabilities: (S, N, C), clean.
        predicted: (D, S, N) class indices.
        uncertainty: (S, N), or None.
        trust: (D, S, M) mean trust, or None.
        tasks: of each seed, a split each.
        planned: seeds that were to be judged.
        selected: (S,) weighted F1 of the chosen epochs, mean over splits.
    """

    arm: Arm
    seeds: tuple[int, ...]
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.integer]
    uncertainty: NDArray[np.float32] | None
    trust: NDArray[np.float32] | None
    tasks: tuple[tuple[JudgedTask, ...], ...]
    planned: int
    selected: tuple[float, ...]


def summarise(folder: str | Path, part: Part, *, transcripts: Mapping[tuple[str, str], str] | None = None) -> StudySummary:
    """The results of what is judged so far; `transcripts`, (conversation, utterance) -> words, are shown beside mistakes.

    Raises:
        RunError: no study, a damaged file, or CMATH was not judged on the part.
    """
    folder = Path(folder)
    plan = read_plan(folder)
    utterances = read_utterances(folder / utterances_file(part))
    label_set = LabelSet(names=plan.classes)
    tasks = all_tasks(plan, folder, part)
    conditions = conditions_of(plan.study.robustness, tuple(plan.features))
    judged: dict[str, JudgedArm] = {}
    failures: dict[str, tuple[Failure, ...]] = {}
    for arm in plan.arms:
        mine = [t for t in tasks if t.arm == arm.name]
        failures[arm.name] = _failures(mine, folder)
        found = _judged_arm(arm, mine, folder, part, len(utterances.true))
        if found is not None:
            judged[arm.name] = found
    if CMATH_NAME not in judged:
        errors = "; ".join(f"seed {f.seed} failed: {f.error}" for f in failures[CMATH_NAME]) or "go on with 'merc study'"
        raise RunError(f"{folder}: no seed of CMATH is judged on part {part!r}, so there is nothing to compare with; {errors}")
    tallies = {
        name: tally(utterances.true, j.predicted.astype(np.int64), utterances.conversation_index, len(label_set))
        for name, j in judged.items()
    }
    families = [[a.name for a in plan.arms if a.kind == kind] for kind in ("rival", "ablation")]
    weights = area_weights(conditions)
    clean = {CLEAN.curve: np.eye(1, len(conditions))[0]}
    differences: dict[str, dict[str, Difference]] = {name: {} for name in judged}
    for what, weight in {**clean, **weights}.items():
        for family in families:
            for name, difference in _against_cmath(tallies, family, weight).items():
                differences[name][what] = difference
    summaries = [
        _summary(j, tallies[j.arm.name], utterances, label_set, conditions, weights, differences[name], failures[name])
        for name, j in judged.items()
    ]
    labelled = utterances.true >= 0
    every = [task.facts for j in judged.values() for splits in j.tasks for task in splits]
    return StudySummary(
        study=plan.study,
        recipes={arm.name: dump_recipe(arm.recipe) for arm in plan.arms},
        corpus=plan.corpus,
        splits=plan.splits,
        features=plan.features,
        part=part,
        protocol=plan.study.protocol,
        conversations=len(set(utterances.conversations)),
        utterances=int(labelled.sum()),
        support={name: int((utterances.true == c).sum()) for c, name in enumerate(label_set.names)},
        strata_sizes={
            grouping: {group: int(utterances.members(grouping, group).sum()) for group in groups}
            for grouping, groups in utterances.names.items()
        },
        arms=tuple(summaries),
        strongest=strongest_rivals(plan, folder, part),
        without_result={name: found for name, found in failures.items() if name not in judged},
        unfinished=sum(not is_done(t, folder) for t in tasks if read_failure(folder / t.folder) is None),
        mistakes=mistakes_of(judged[CMATH_NAME].probabilities, utterances, label_set, transcripts),
        resamples=RESAMPLES,
        versions=_all_of(facts.versions for facts in every),
        machine=_all_of(facts.machine for facts in every),
        warnings=_warnings(judged),
    )


def _judged_arm(arm: Arm, tasks: Sequence[Task], folder: Path, part: Part, utterances: int) -> JudgedArm | None:
    """The seeds that are judged on every split; None if there is none."""
    seeds: list[int] = []
    found: list[tuple[JudgedTask, ...]] = []
    selected: list[float] = []
    for seed in sorted({t.seed for t in tasks}):
        mine = [t for t in tasks if t.seed == seed]
        if not all(is_done(t, folder) for t in mine):
            continue
        judged = tuple(read_judged(folder / t.folder / judged_file(part)) for t in mine)
        if sum(len(j.probabilities) for j in judged) != utterances:
            raise RunError(f"{folder / mine[0].folder}: judged on other utterances than {folder / utterances_file(part)} holds")
        seeds.append(seed)
        found.append(judged)
        selected.append(mean(j.facts.selected for j in judged))
    if not seeds:
        return None

    def joined(name: str) -> NDArray[np.float32] | None:
        if getattr(found[0][0], name) is None:
            return None
        return np.stack([np.concatenate([getattr(j, name) for j in splits]) for splits in found])

    trust = None
    if found[0][0].trust is not None:  # mean over splits of what is known; NaN where nothing is
        by_split = np.ma.masked_invalid(np.array([[j.trust for j in splits] for splits in found], dtype=np.float32))
        trust = by_split.mean(axis=1).filled(np.nan).astype(np.float32).swapaxes(0, 1)
    return JudgedArm(
        arm=arm,
        seeds=tuple(seeds),
        probabilities=cast("NDArray[np.float32]", joined("probabilities")),
        predicted=np.stack([np.concatenate([j.predicted for j in splits], axis=1) for splits in found], axis=1),
        uncertainty=joined("uncertainty"),
        trust=trust,
        tasks=tuple(found),
        planned=len({t.seed for t in tasks}),
        selected=tuple(selected),
    )


def _against_cmath(tallies: Mapping[str, Tallies], family: Sequence[str], weights: NDArray[np.float64]) -> dict[str, Difference]:
    """CMATH minus each judged arm of a family, Holm-corrected for all that were planned. All have the same draws."""
    found = {
        name: compare(tallies[CMATH_NAME], tallies[name], np.random.default_rng(_SEED), weights=weights, resamples=RESAMPLES)
        for name in family
        if name in tallies
    }
    return holm(found, planned=len(family))


def _summary(
    judged: JudgedArm,
    tallies: Tallies,
    utterances: JudgedUtterances,
    label_set: LabelSet,
    conditions: Sequence[Condition],
    areas: Mapping[str, NDArray[np.float64]],
    differences: Mapping[str, Difference],
    failures: tuple[Failure, ...],
) -> ArmSummary:
    arm, true = judged.arm, utterances.true
    scores = [classification_scores(true, p, label_set) for p in judged.probabilities]
    f1_DS = weighted_f1(tallies.right.sum(axis=2), tallies.predicted.sum(axis=2), tallies.support.sum(axis=0))
    labelled, risks = true >= 0, _risks(judged, true)
    return ArmSummary(
        name=arm.name,
        kind=arm.kind,
        about=arm.about,
        network=arm.recipe.model.name,
        modalities=tuple(arm.recipe.data.features),
        parameters=arm.parameters,
        seeds=judged.seeds,
        planned=judged.planned,
        selected=_estimate(judged.selected),
        scores={
            **{name: _estimate([getattr(s, name) for s in scores]) for name in SCORES},
            **{f"{order}_area": _estimate([each.area for each in curves]) for order, curves in risks.items()},
        },
        per_class={name: _estimate([s.per_class[name].f1 for s in scores]) for name in label_set.names},
        confusion=tuple(tuple(float(n) for n in row) for row in np.mean([s.confusion for s in scores], axis=0)),
        difference=differences.get(CLEAN.curve),
        reliability=reliability(
            np.tile(true[labelled], len(scores)), np.concatenate([p[labelled] for p in judged.probabilities])
        ).bins,
        risk=_risk_curve(risks),
        strata=_strata(judged, utterances, len(label_set)),
        curves=tuple(_curve(name, members, f1_DS) for name, members in curves_of(conditions).items()),
        areas={name: _estimate(weight @ f1_DS) for name, weight in areas.items()},
        area_differences={name: differences[name] for name in areas if name in differences},
        trust=_trust(judged, conditions),
        cost=_cost(judged),
        failures=failures,
    )


def _risks(judged: JudgedArm, true: NDArray[np.int64]) -> dict[str, list[RiskCoverage]]:
    """What orders the utterances, `probability` or `uncertainty`, -> the curve of each seed."""
    at = true >= 0
    wrong = judged.probabilities[:, at].argmax(axis=2) != true[at]
    orders = {"probability": -judged.probabilities[:, at].max(axis=2)}
    if judged.uncertainty is not None:
        orders["uncertainty"] = judged.uncertainty[:, at]
    return {order: [risk_coverage(*seed) for seed in zip(wrong, doubts, strict=True)] for order, doubts in orders.items()}


def _risk_curve(risks: Mapping[str, Sequence[RiskCoverage]]) -> RiskCurve:
    coverage = risks["probability"][0].coverage
    places = np.unique(np.linspace(0, len(coverage) - 1, _POINTS).round().astype(int))
    means = {order: np.mean([each.risk[places] for each in curves], axis=0) for order, curves in risks.items()}
    return RiskCurve(
        coverage=tuple(coverage[places].tolist()),
        by_probability=tuple(means["probability"].tolist()),
        by_uncertainty=tuple(means["uncertainty"].tolist()) if "uncertainty" in means else None,
    )


def _strata(judged: JudgedArm, utterances: JudgedUtterances, classes: int) -> dict[str, dict[str, Estimate]]:
    """Weighted F1 within each group that has an utterance."""
    found: dict[str, dict[str, Estimate]] = {}
    for grouping, groups in utterances.names.items():
        found[grouping] = {}
        for group in groups:
            members = utterances.members(grouping, group)
            if members.any():
                predicted = judged.predicted[:1, :, members].astype(np.int64)
                counts = tally(utterances.true[members], predicted, np.zeros(int(members.sum()), dtype=np.int64), classes)
                scores = weighted_f1(counts.right[0, :, 0], counts.predicted[0, :, 0], counts.support[0])
                found[grouping][group] = _estimate(scores)
    return found


def _curve(name: str, members: Sequence[tuple[float, int]], f1_DS: NDArray[np.float64]) -> Curve:
    kind, modality = name.split(" ", 1)
    amounts, at = zip(*members, strict=True)
    estimates = [_estimate(f1_DS[index]) for index in at]
    return Curve(
        kind=kind, modality=modality, amounts=amounts, mean=tuple(e.mean for e in estimates), sd=tuple(e.sd for e in estimates)
    )


def _trust(judged: JudgedArm, conditions: Sequence[Condition]) -> tuple[TrustCurve, ...]:
    """Mean trust in each modality while noise replaces it; none where no term of the loss teaches it."""
    if judged.trust is None or not judged.arm.recipe.objective.latent:
        return ()
    modalities = judged.tasks[0][0].facts.modalities
    found: list[TrustCurve] = []
    for name, members in curves_of(conditions).items():
        kind, modality = name.split(" ", 1)
        if kind == "noise" and modality in modalities and len(modalities) > 1:
            column = modalities.index(modality)
            trust = tuple(float(judged.trust[at, :, column].mean()) for _, at in members)
            if not np.isfinite(trust).all():  # the judged part lacks the modality
                continue
            found.append(TrustCurve(modality=modality, strengths=tuple(amount for amount, _ in members), trust=trust))
    return tuple(found)


def _cost(judged: JudgedArm) -> Cost:
    """Over seeds; a seed's cost is that of its splits together, its peak the highest of them."""
    facts = [[task.facts for task in splits] for splits in judged.tasks]
    seconds = [[f.training_cpu_seconds for f in of if f.training_cpu_seconds is not None] for of in facts]
    whole = [sum(known) for known, of in zip(seconds, facts, strict=True) if len(known) == len(of)]
    peaks = [max(f.peak_memory_mib or 0.0 for f in of) for of in facts if any(f.peak_memory_mib for f in of)]
    return Cost(
        training_cpu_seconds=_estimate(whole) if whole else None,
        utterances_per_second=_estimate([mean(f.utterances_per_second for f in of) for of in facts]),
        peak_memory_mib=_estimate(peaks) if peaks else None,
        best_epoch=_estimate([float(mean(f.best_epoch for f in of)) for of in facts]),
    )


def _failures(tasks: Sequence[Task], folder: Path) -> tuple[Failure, ...]:
    found = [(t, read_failure(folder / t.folder)) for t in tasks]
    return tuple(Failure(seed=t.seed, split=t.split, error=error) for t, error in found if error is not None)


def _estimate(values: Sequence[float] | NDArray[np.floating]) -> Estimate:
    numbers = tuple(float(v) for v in values)
    return Estimate(mean=mean(numbers), sd=stdev(numbers) if len(numbers) > 1 else None, values=numbers)


def _all_of(records: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Key -> every value that occurs, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for record in records:
        for key, value in record.items():
            counts.setdefault(key, Counter())[value] += 1
    return {key: ", ".join(value for value, _ in found.most_common()) for key, found in counts.items()}


def _warnings(judged: Mapping[str, JudgedArm]) -> dict[str, tuple[str, ...]]:
    said: dict[str, list[str]] = {}
    for name, arm in judged.items():
        for sentence in dict.fromkeys(w for splits in arm.tasks for task in splits for w in task.facts.warnings):
            said.setdefault(sentence, []).append(name)
    return {sentence: tuple(names) for sentence, names in said.items()}
