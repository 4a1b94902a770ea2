import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from merc.errors import DataError
from merc.evaluation.trust import TrustAgreement, loss_increases, trust_agreement, trust_intervals

NAMES = ("text", "audio", "visual")


def slow_agreement(trust, present, increase):
    taus, alikes = [], []
    for row in range(len(trust)):
        here = np.flatnonzero(present[row])
        if len(here) < 2 or np.isnan(increase[row, here]).all():
            continue
        tau = kendalltau(trust[row, here], increase[row, here], variant="b").statistic
        if not np.isnan(tau):
            taus.append(tau)
        marks = []
        for i in here:
            for j in here:
                if i < j and increase[row, i] != increase[row, j]:
                    if trust[row, i] == trust[row, j]:
                        marks.append(0.5)
                    else:
                        marks.append(float((trust[row, i] > trust[row, j]) == (increase[row, i] > increase[row, j])))
        if marks:
            alikes.append(sum(marks) / len(marks))
    return taus, alikes


def slow_spearman(trust, present, increase, modality):
    rows = [
        row
        for row in range(len(trust))
        if present[row].sum() >= 2 and present[row, modality] and not np.isnan(increase[row, present[row]]).all()
    ]
    if len(rows) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of a constant side; here that is None
        value = spearmanr(trust[rows, modality], increase[rows, modality]).statistic
    return None if np.isnan(value) else value


@st.composite
def cases(draw):
    """Few distinct values, so that ties are frequent; absent entries hold NaN; the first two utterances can be compared."""
    size, modalities = draw(st.integers(2, 30)), draw(st.integers(2, 5))
    generator = np.random.default_rng(draw(st.integers(0, 2**31)))
    steps = draw(st.sampled_from([2, 4, 1000]))
    trust = generator.integers(0, steps, (size, modalities)) / steps
    increase = generator.integers(-steps, steps, (size, modalities)) / steps
    present = generator.random((size, modalities)) < draw(st.sampled_from([0.5, 0.9]))
    unlabelled = generator.random(size) < 0.2
    present[:2], unlabelled[:2] = True, False
    trust[~present], increase[~present] = np.nan, np.nan
    increase[unlabelled] = np.nan
    return trust, present, increase


def test_a_case_worked_by_hand():
    trust = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.4, 0.0], [1.0, 0.0, 0.0]])
    present = np.array([[True] * 3, [True] * 3, [True, True, False], [True, False, False]])
    increase = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 2.0, 9.0], [1.0, 0.0, 0.0]])
    found = trust_agreement(trust, present, increase, NAMES)
    # utterance 1: all three pairs alike, tau 1. 2: text-audio and text-visual against, audio-visual alike: tau -1/3.
    # 3: one pair, against: -1. 4: one modality only, left out.
    assert found.utterances == found.kendall_utterances == found.pairs_utterances == 3
    assert found.kendall_tau == pytest.approx((1 - 1 / 3 - 1) / 3)
    assert found.pairs_alike == pytest.approx((1 + 1 / 3 + 0) / 3)
    # text: trust ranks 2 1 3, increase ranks 2.5 2.5 1 -> -sqrt(3)/2; audio has trust .3 .3 .4 and increase 2 1 2 -> 1/2
    assert found.spearman == pytest.approx({"text": -(3**0.5) / 2, "audio": 0.5, "visual": 1.0})
    assert TrustAgreement.model_validate_json(found.model_dump_json()) == found


@given(cases())
def test_every_number_equals_its_slow_twin(case):
    trust, present, increase = case
    found = trust_agreement(trust, present, increase)
    taus, alikes = slow_agreement(trust, present, increase)
    assert (found.kendall_utterances, found.pairs_utterances) == (len(taus), len(alikes))
    assert found.kendall_tau == (pytest.approx(np.mean(taus)) if taus else None)
    assert found.pairs_alike == (pytest.approx(np.mean(alikes)) if alikes else None)
    for modality, value in enumerate(found.spearman.values()):
        slow = slow_spearman(trust, present, increase, modality)
        assert value == (slow if slow is None else pytest.approx(slow))


@given(cases(), st.integers(0, 2**31))
def test_order_of_rows_and_modalities_monotone_scales_and_absent_values_change_nothing(case, seed):
    trust, present, increase = case
    plain = trust_agreement(trust, present, increase)
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(len(trust)), generator.permutation(trust.shape[1])
    other_trust = np.where(present, np.exp(3 * trust), generator.random(trust.shape))
    other_increase = np.where(present, increase * 7 - 1, generator.random(trust.shape))
    other = trust_agreement(
        other_trust[rows][:, columns], present[rows][:, columns], other_increase[rows][:, columns], [str(c) for c in columns]
    )
    assert other.kendall_tau == (plain.kendall_tau if plain.kendall_tau is None else pytest.approx(plain.kendall_tau))
    assert other.pairs_alike == (plain.pairs_alike if plain.pairs_alike is None else pytest.approx(plain.pairs_alike))
    for name, value in plain.spearman.items():
        assert other.spearman[name] == (value if value is None else pytest.approx(value))


def test_trust_that_knows_agrees_and_trust_by_lot_does_not():
    generator = np.random.default_rng(0)
    increase = generator.normal(size=(4000, 3))
    present = np.ones((4000, 3), dtype=np.bool_)
    knowing = np.exp(increase) / np.exp(increase).sum(axis=1, keepdims=True)
    assert trust_agreement(knowing, present, increase).kendall_tau == 1
    assert trust_agreement(-knowing, present, increase).pairs_alike == 0
    blind = trust_agreement(generator.dirichlet(np.ones(3), size=4000), present, increase)
    assert abs(blind.kendall_tau) < 0.06
    assert abs(blind.pairs_alike - 0.5) < 0.03
    assert max(abs(value) for value in blind.spearman.values()) < 0.07


def test_equal_trust_everywhere_has_no_ranking_but_scores_one_half():
    found = trust_agreement(np.full((2, 2), 0.5), np.ones((2, 2), dtype=np.bool_), np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert found.kendall_tau is None
    assert found.kendall_utterances == 0
    assert found.pairs_alike == 0.5
    assert found.spearman == {"0": None, "1": None}


def test_loss_increases_are_worked_out_for_the_true_label_only():
    full = np.array([[0.5, 0.5], [0.8, 0.2], [0.9, 0.1]])
    without = {"text": np.array([[0.25, 0.75], [0.4, 0.6], [0.5, 0.5]]), "audio": full}
    true = np.array([0, 1, -1])
    found = loss_increases(true, full, without)
    assert found[:2] == pytest.approx(np.array([[np.log(2), 0], [np.log(1 / 3), 0]]))
    assert np.isnan(found[2]).all()
    certain = loss_increases(np.array([0]), np.array([[1.0, 0.0]]), {"text": np.array([[0.0, 1.0]])})
    assert np.isfinite(certain).all()


def conversation_case(generator, conversations, agreement):
    """Utterances of a conversation share one truth about trust, so that they are far from independent."""
    rows = []
    for conversation in range(conversations):
        sign = 1 if generator.random() < agreement else -1
        increase = generator.normal(size=(10, 2))
        rows.append((np.full(10, conversation), increase, sign * increase + 0.01 * generator.normal(size=(10, 2))))
    groups, increase, trust = (np.concatenate(part) for part in zip(*rows, strict=True))
    return groups, increase, trust, np.ones_like(trust, dtype=np.bool_)


def test_intervals_are_reproducible_and_hold_the_number_itself():
    groups, increase, trust, present = conversation_case(np.random.default_rng(3), 40, 0.8)
    names = [f"dialogue {g}" for g in groups]
    found = trust_intervals(trust, present, increase, names, np.random.default_rng(5), NAMES[:2], resamples=200)
    again = trust_intervals(trust, present, increase, groups, np.random.default_rng(5), NAMES[:2], resamples=200)
    assert found == again
    plain = trust_agreement(trust, present, increase, NAMES[:2])
    assert (found.conversations, found.resamples, found.level) == (40, 200, 0.95)
    assert found.kendall_tau[0] < plain.kendall_tau < found.kendall_tau[1]
    assert found.pairs_alike[0] < plain.pairs_alike < found.pairs_alike[1]
    for name, value in plain.spearman.items():
        assert found.spearman[name][0] < value < found.spearman[name][1]


def test_intervals_equal_a_slow_bootstrap():
    groups, increase, trust, present = conversation_case(np.random.default_rng(4), 6, 0.5)
    present[::7, 1] = False
    found = trust_intervals(trust, present, increase, groups, np.random.default_rng(9), resamples=50, level=0.8)
    draws = np.random.default_rng(9).multinomial(6, np.full(6, 1 / 6), size=50)
    values = []
    for draw in draws:
        rows = np.concatenate([np.flatnonzero(groups == g) for g in range(6) for _ in range(draw[g])])
        values.append(trust_agreement(trust[rows], present[rows], increase[rows]))
    for field in ("kendall_tau", "pairs_alike"):
        assert getattr(found, field) == pytest.approx(np.quantile([getattr(v, field) for v in values], [0.1, 0.9]))
    for name in ("0", "1"):
        assert found.spearman[name] == pytest.approx(np.quantile([v.spearman[name] for v in values], [0.1, 0.9]))


def test_intervals_cover_the_truth_where_utterances_of_a_conversation_are_alike():
    """Agreement .7 of conversations gives tau 2 * .7 - 1; an interval over utterances would cover it far less often."""
    generator = np.random.default_rng(11)
    covered = 0
    for _ in range(40):
        groups, increase, trust, present = conversation_case(generator, 40, 0.7)
        low, high = trust_intervals(trust, present, increase, groups, generator, resamples=60).kendall_tau
        covered += low - 0.01 <= 0.4 <= high + 0.01
    assert covered >= 33


def test_bad_input_is_named():
    trust, increase = np.full((2, 2), 0.5), np.array([[1.0, 2.0], [2.0, 1.0]])
    present = np.ones((2, 2), dtype=np.bool_)
    with pytest.raises(DataError, match="row 1, modality 0: trust is nan"):
        trust_agreement(np.array([[0.5, 0.5], [np.nan, 0.5]]), present, increase)
    with pytest.raises(DataError, match="row 0, modality 1: loss increase is inf"):
        trust_agreement(trust, present, np.array([[1.0, np.inf], [2.0, 1.0]]))
    with pytest.raises(DataError, match="none of 2 utterances is labelled and has two or more modalities"):
        trust_agreement(trust, np.array([[True, False], [False, True]]), increase)
    with pytest.raises(DataError, match=r"1 names of modalities \(text\) for 2 columns"):
        trust_agreement(trust, present, increase, ["text"])
    generator = np.random.default_rng(0)
    with pytest.raises(DataError, match="one conversation"):
        trust_intervals(trust, present, increase, ["a", "a"], generator)
    with pytest.raises(DataError, match="0 resamples"):
        trust_intervals(trust, present, increase, ["a", "b"], generator, resamples=0)
    with pytest.raises(DataError, match=r"level 1\.0"):
        trust_intervals(trust, present, increase, ["a", "b"], generator, level=1.0)
    with pytest.raises(DataError, match="no modality was left out"):
        loss_increases(np.array([0]), np.array([[1.0, 0.0]]), {})
    with pytest.raises(DataError, match="row 0: probabilities"):
        loss_increases(np.array([0]), np.array([[1.0, 0.0]]), {"text": np.array([[0.2, 0.2]])})
