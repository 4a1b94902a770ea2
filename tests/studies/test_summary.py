"""The results of a small study against the same numbers computed by hand from its files."""

from collections import Counter
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from merc.data.store.store import open_store
from merc.errors import RunError
from merc.studies.mistakes import transcripts_store, words_of
from merc.studies.plan import read_plan, tasks_of
from merc.studies.strata import read_utterances, shifts
from merc.studies.study import open_study
from merc.studies.summary import summarise
from merc.studies.task import read_judged


@pytest.fixture(scope="module")
def summary(finished_study):
    return summarise(finished_study, "test")


@pytest.fixture(scope="module")
def judged(finished_study):
    """Arm -> its seeds' judgements, read by themselves."""
    plan = read_plan(finished_study)
    found = {}
    for arm in plan.arms:
        folders = [finished_study / t.folder for t in tasks_of(plan, arm, range(3), "test")]
        found[arm.name] = [read_judged(f / "judged-test.safetensors") for f in folders if (f / "judged-test.safetensors").is_file()]
    return found


@pytest.fixture(scope="module")
def test_part(study_store):
    return open_store(study_store).part("official", "test")


@pytest.fixture(scope="module")
def true(test_part, study_store):
    names = open_store(study_store).label_set.names
    return np.array([names.index(u.label) for c in test_part for u in c.utterances])


def test_scores_are_those_of_the_predictions(summary, judged, true):
    assert {a.name: len(a.seeds) for a in summary.arms} == {name: len(found) for name, found in judged.items() if found}
    for arm in summary.arms:
        f1 = [f1_score(true, j.predicted[0], average="weighted", zero_division=0) for j in judged[arm.name]]
        assert arm.scores["weighted_f1"].values == pytest.approx(f1)
        assert arm.scores["weighted_f1"].mean == pytest.approx(mean(f1))
        assert arm.scores["weighted_f1"].sd == (pytest.approx(stdev(f1)) if len(f1) > 1 else None)
        assert arm.scores["accuracy"].values == pytest.approx([accuracy_score(true, j.predicted[0]) for j in judged[arm.name]])
        per_class = np.mean(
            [f1_score(true, j.predicted[0], average=None, labels=[0, 1, 2], zero_division=0) for j in judged[arm.name]], axis=0
        )
        assert [e.mean for e in arm.per_class.values()] == pytest.approx(per_class.tolist())
        assert np.sum(arm.confusion) == pytest.approx(len(true))
    assert summary.utterances == len(true) == sum(summary.support.values())


def test_curves_are_the_scores_under_each_condition(summary, judged, true):
    cmath = summary.arms[0]
    conditions = judged["cmath"][0].facts.conditions
    assert [c.curve for c in conditions] != []
    points = 0
    for curve in cmath.curves:
        assert curve.amounts[0] == 0 and curve.mean[0] == pytest.approx(cmath.scores["weighted_f1"].mean)
        for amount, height in list(zip(curve.amounts, curve.mean, strict=True))[1:]:
            (at,) = [i for i, c in enumerate(conditions) if (c.kind, c.modality, c.amount) == (curve.kind, curve.modality, amount)]
            f1 = [f1_score(true, j.predicted[at], average="weighted", zero_division=0) for j in judged["cmath"]]
            assert height == pytest.approx(mean(f1))
            points += 1
    assert points == len(conditions) - 1
    assert set(cmath.areas) == {"lost", "lost at random", "noise", "all"} and cmath.area_differences == {}
    noise = [c for c in cmath.curves if c.kind == "noise"]
    assert cmath.areas["noise"].mean == pytest.approx(mean(mean(c.mean) for c in noise)), "two points: their mean"


def test_differences_are_cmath_minus_the_arm_and_corrected_in_their_family(summary):
    cmath, *others = summary.arms
    assert cmath.difference is None
    for arm in others:
        assert arm.difference.difference == pytest.approx(cmath.scores["weighted_f1"].mean - arm.scores["weighted_f1"].mean)
        assert arm.difference.low <= arm.difference.difference <= arm.difference.high
        assert set(arm.area_differences) == set(cmath.areas)
        for name, difference in arm.area_differences.items():
            assert difference.difference == pytest.approx(cmath.areas[name].mean - arm.areas[name].mean)
    rivals = sorted((a.difference for a in others if a.kind == "rival"), key=lambda d: d.p)
    assert len(rivals) == 2
    assert rivals[0].p_holm == pytest.approx(min(1, 2 * rivals[0].p))
    (ablation,) = [a.difference for a in others if a.kind == "ablation"]
    assert ablation.p_holm == pytest.approx(min(1, 2 * ablation.p)), "the other one that was planned failed"


def test_groups_are_judged_apart(summary, judged, true, test_part):
    shift = np.array([s for c in test_part for s in shifts(c)])
    length = np.array([len(c) for c in test_part for _ in c.utterances])
    first = "first of its speaker"
    for grouping, group, members in [("emotion shift", first, shift == first), ("length", "1 to 5", length <= 5)]:
        assert summary.strata_sizes[grouping][group] == members.sum() > 0
        expected = mean(
            f1_score(true[members], j.predicted[0][members], average="weighted", zero_division=0) for j in judged["cmath"]
        )
        assert summary.arms[0].strata[grouping][group].mean == pytest.approx(expected)
    assert all(sum(groups.values()) == len(true) for groups in summary.strata_sizes.values())


def test_cost_calibration_and_trust_are_there(summary, judged):
    cmath, majority = summary.arms[:2]
    assert cmath.cost.training_cpu_seconds.mean > majority.cost.training_cpu_seconds.mean * 0.1 > 0
    assert cmath.parameters > majority.parameters == 3
    assert sum(b.utterances for b in cmath.reliability) == summary.utterances * len(cmath.seeds)
    assert cmath.risk.coverage[-1] == 1 and cmath.risk.by_probability[-1] == pytest.approx(1 - cmath.scores["accuracy"].mean)
    assert cmath.risk.by_uncertainty[-1] == pytest.approx(cmath.risk.by_probability[-1])
    assert majority.risk.by_uncertainty is None and "uncertainty_area" not in majority.scores
    assert [t.modality for t in cmath.trust] == ["text", "audio", "visual"] and majority.trust == ()
    at = [c.curve for c in judged["cmath"][0].facts.conditions].index("noise audio")
    assert cmath.trust[1].trust == pytest.approx([mean(float(j.trust[i, 1]) for j in judged["cmath"]) for i in (0, at)])


def test_mistakes_are_told_by_id_and_by_word_only_if_asked(summary, judged, true, finished_study, test_part):
    place = {(c.id, u.id): n for n, (c, u) in enumerate((c, u) for c in test_part for u in c.utterances)}
    wrong = np.stack([j.probabilities.argmax(axis=1) != true for j in judged["cmath"]])
    assert {(m.conversation, m.utterance) for m in summary.mistakes} == {p for p, n in place.items() if wrong[:, n].any()}
    for mistake in summary.mistakes:
        n = place[mistake.conversation, mistake.utterance]
        assert mistake.transcript is None and mistake.wrong_seeds == pytest.approx(wrong[:, n].mean())
        votes = Counter(int(j.probabilities[n].argmax()) for j in judged["cmath"] if j.probabilities[n].argmax() != true[n])
        assert votes[list(summary.support).index(mistake.predicted)] == max(votes.values())
    assert [m.wrong_seeds for m in summary.mistakes] == sorted((m.wrong_seeds for m in summary.mistakes), reverse=True)
    first = summary.mistakes[0]
    told = summarise(finished_study, "test", transcripts={(first.conversation, first.utterance): "these very words"})
    assert told.mistakes[0].transcript == "these very words" and told.mistakes[1].transcript is None
    assert words_of(transcripts_store(finished_study)) == {}, "the synthetic corpus has no words"


def test_failures_and_what_is_left_are_told(summary, finished_study):
    assert "diverges" not in {a.name for a in summary.arms}
    (failure,) = summary.without_result["diverges"]
    assert [(a.name, len(a.seeds), a.planned) for a in summary.arms if len(a.seeds) != a.planned] == []
    assert summary.caution == "" and any("was not probed" in w or w for w in [*summary.warnings, "none"])
    assert failure.seed == 0 and "training diverged" in failure.error
    assert summary.unfinished == 0 and len(summary.strongest) == 1
    assert set(summary.recipes) == {"cmath", "majority", "early-fusion", "without-corruption", "diverges"}
    assert {"merc", "torch", "python"} <= set(summary.versions)


def test_a_study_that_has_only_begun_says_so(study_recipe, tmp_path, finished_study):
    opened = open_study(study_recipe, tmp_path / "out")
    with pytest.raises(RunError, match="no seed of CMATH is judged on part 'test', so there is nothing"):
        summarise(tmp_path / "out", "test")
    with pytest.raises(RunError, match=r"utterances-validation\.parquet: missing or damaged"):
        summarise(finished_study, "validation")
    assert opened.plan.arms[0].name == "cmath"
    utterances = read_utterances(Path(tmp_path / "out/utterances-test.parquet"))
    assert len(utterances.true) == len(utterances.utterances)
