"""The objective: class weights and smoothing by hand, and the weighted sum with its ramps."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from merc.training.objective import RAMPED, Objective, ObjectiveConfig, class_weights

COUNTS = [50, 10, 0, 40]
TERMS = ("fine", "unimodal", "reconstruction", "kl", "logit", "latent")


def slow_entropy(logits, labels, weights, smoothing):
    """Weighted, smoothed cross-entropy: every class c of an utterance pays w_c times its share of the smoothed target."""
    total, norm = 0.0, 0.0
    for row, label in zip(logits.double().tolist(), labels.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(x) for x in row))
        for c, x in enumerate(row):
            target = smoothing / len(row) + (1 - smoothing if c == label else 0.0)
            total -= weights[c] * target * (x - log_sum)
        norm += weights[label]
    return total / norm


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["none", "balanced", "root"])
def test_classification_loss_class_by_class(kind, smoothing):
    objective = Objective(ObjectiveConfig(class_weights=kind, label_smoothing=smoothing), COUNTS)
    logits, labels = torch.randn(7, 4), torch.tensor([0, 1, 3, 3, 0, 2, 1])
    expected = slow_entropy(logits, labels, objective.class_weights.tolist(), smoothing)
    assert float(objective.classify(logits, labels)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("kind", "power"), [("none", 0.0), ("balanced", -1.0), ("root", -0.5)])
def test_class_weights_by_hand(kind, power):
    shares = [n / sum(COUNTS) for n in COUNTS]
    raw = [share**power if share else 0.0 for share in shares]
    mean = sum(r * s for r, s in zip(raw, shares, strict=True))
    expected = [r / mean if s else 1.0 for r, s in zip(raw, shares, strict=True)]
    assert class_weights(kind, COUNTS).tolist() == pytest.approx(expected, rel=1e-5)


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=8), st.sampled_from(["balanced", "root"]))
def test_class_weights_have_mean_1_over_training_and_favour_the_rare(counts, kind):
    weights = class_weights(kind, counts).tolist()
    assert sum(w * n for w, n in zip(weights, counts, strict=True)) / sum(counts) == pytest.approx(1, rel=1e-4)
    by_count = sorted(zip(counts, weights, strict=True))
    assert all(earlier[1] >= later[1] - 1e-5 for earlier, later in pairwise(by_count))


def test_no_utterance_is_a_zero_with_a_gradient():
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = Objective(ObjectiveConfig(), COUNTS).classify(logits, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize("epochs_done", [0.0, 0.5, 2.0, 4.0, 9.0])
def test_the_total_is_the_weighted_sum(epochs_done):
    config = ObjectiveConfig(fine=0.5, unimodal=0.25, reconstruction=0.125, kl=2.0, logit=3.0, latent=4.0, ramp_epochs=4.0)
    terms = {name: torch.tensor(value) for name, value in zip(("coarse", *TERMS), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), strict=True)}
    total = Objective(config, COUNTS).total(terms, epochs_done)
    ramp = min(1.0, epochs_done / 4)
    assert float(total) == pytest.approx(1 + 1 + 0.75 + 0.5 + ramp * (10 + 18 + 28))


def test_distillation_and_kl_are_ramped_and_nothing_else():
    assert set(RAMPED) == {"kl", "logit", "latent"}
    at_once = Objective(ObjectiveConfig(kl=1.0, ramp_epochs=0), COUNTS)
    assert float(at_once.total({"coarse": torch.tensor(1.0), "kl": torch.tensor(2.0)}, 0.0)) == 3


@pytest.mark.parametrize("name", TERMS)
def test_every_term_has_a_weight_that_can_be_zero(name):
    config = ObjectiveConfig(**dict.fromkeys(TERMS, 0.0), ramp_epochs=0).model_copy(update={name: 2.0})
    terms = {term: torch.tensor(1.0) for term in ("coarse", *TERMS)}
    assert float(Objective(config, COUNTS).total(terms, 5.0)) == 3


def test_gradients_reach_the_terms_by_their_weights():
    terms = {name: torch.tensor(1.0, requires_grad=True) for name in ("coarse", "fine", "logit")}
    config = ObjectiveConfig(fine=0.5, logit=0.25, ramp_epochs=2.0)
    Objective(config, COUNTS).total(terms, 1.0).backward()
    assert [float(terms[name].grad) for name in terms] == [1.0, 0.5, 0.125]
