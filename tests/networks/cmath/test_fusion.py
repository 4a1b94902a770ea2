"""Fusion against loops in float64; the Gaussian's divergence against torch.distributions; trust as a share."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from merc.networks.cmath.fusion import (
    LOG_VARIANCE_RANGE,
    Fusion,
    FusionConfig,
    PosteriorHead,
    kl_to_standard_normal,
    sample,
    trust_of,
)
from merc.networks.interface import Posterior

TOWERS, BATCH, LENGTH, LATENT, D = 3, 2, 4, 5, 6
KINDS = ("pool", "product", "concat", "gated")


def scene(seed=0, towers=TOWERS):
    """Random posteriors and representations, and which towers have a say; one at least everywhere."""
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(towers, BATCH, LENGTH, LATENT, generator=generator)
    log_variance = torch.rand(towers, BATCH, LENGTH, LATENT, generator=generator) * 8 - 6
    fine = torch.randn(towers, BATCH, LENGTH, D, generator=generator)
    taken = torch.rand(towers, BATCH, LENGTH, generator=generator) < 0.6
    taken |= ~taken.any(dim=0, keepdim=True)
    return mean, log_variance, fine, taken


def fusion_of(kind, towers=TOWERS, variational=True, seed=1):
    torch.manual_seed(seed)
    fusion = Fusion(FusionConfig(kind=kind, latent=LATENT, variational=variational), towers, D)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter.add_(torch.randn_like(parameter))
    return fusion.requires_grad_(False)


def entries():
    return [(b, t, z) for b in range(BATCH) for t in range(LENGTH) for z in range(LATENT)]


def clamped(value):
    return min(max(value, LOG_VARIANCE_RANGE[0]), LOG_VARIANCE_RANGE[1])


@pytest.mark.parametrize("variational", [True, False])
def test_the_pool_number_by_number(variational):
    """precision = alpha_0 + sum alpha_c / sigma_c^2, the weights being those of the prior and the towers that have a say."""
    mean, log_variance, fine, taken = scene()
    fusion = fusion_of("pool", variational=variational)
    found = fusion(mean, log_variance, fine, taken)
    raw = [math.exp(float(x)) for x in fusion.pool]
    for b, t, z in entries():
        there = [s for s in range(TOWERS) if taken[s, b, t]]
        total = raw[0] + sum(raw[s + 1] for s in there)
        precision, weighted = raw[0] / total, 0.0
        for s in there:
            share = raw[s + 1] / total / (math.exp(float(log_variance[s, b, t, z])) if variational else 1.0)
            precision += share
            weighted += share * float(mean[s, b, t, z])
        assert float(found.mean[b, t, z]) == pytest.approx(weighted / precision, rel=1e-4, abs=1e-5)
        assert float(found.log_variance[b, t, z]) == pytest.approx(clamped(-math.log(precision)), abs=1e-4)


@pytest.mark.parametrize("variational", [True, False])
def test_the_product_number_by_number(variational):
    mean, log_variance, fine, taken = scene(1)
    found = fusion_of("product", variational=variational)(mean, log_variance, fine, taken)
    for b, t, z in entries():
        precision, weighted = 1.0, 0.0
        for s in range(TOWERS):
            if taken[s, b, t]:
                own = math.exp(-float(log_variance[s, b, t, z])) if variational else 1.0
                precision += own
                weighted += own * float(mean[s, b, t, z])
        assert float(found.mean[b, t, z]) == pytest.approx(weighted / precision, rel=1e-4, abs=1e-5)
        assert float(found.log_variance[b, t, z]) == pytest.approx(clamped(-math.log(precision)), abs=1e-4)


def test_gated_number_by_number():
    mean, log_variance, fine, taken = scene(2)
    fusion = fusion_of("gated")
    found = fusion(mean, log_variance, fine, taken)
    scores = fusion.gate(fine).double()
    for b, t, z in entries():
        there = [s for s in range(TOWERS) if taken[s, b, t]]
        raw = [math.exp(float(scores[s, b, t, z])) for s in there]
        shares = [r / sum(raw) for r in raw]
        pairs = list(zip(shares, there, strict=True))
        expected = sum(w * float(mean[s, b, t, z]) for w, s in pairs)
        variance = sum(w * math.exp(float(log_variance[s, b, t, z])) for w, s in pairs)
        assert float(found.mean[b, t, z]) == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert float(found.log_variance[b, t, z]) == pytest.approx(clamped(math.log(variance)), abs=1e-4)


def test_concat_is_one_linear_map_of_the_towers_side_by_side():
    mean, log_variance, fine, taken = scene(3)
    fusion = fusion_of("concat")
    found = fusion(mean, log_variance, fine, taken)
    for b in range(BATCH):
        for t in range(LENGTH):
            side_by_side = []
            for s in range(TOWERS):
                there = float(taken[s, b, t])
                side_by_side += [fine[s, b, t] * there, torch.tensor([there])]
            expected = fusion.concat(torch.cat(side_by_side))
            torch.testing.assert_close(found.mean[b, t], expected[:LATENT], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(found.log_variance[b, t], expected[LATENT:].clamp(*LOG_VARIANCE_RANGE), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("towers", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_a_posterior_of_the_right_shape_within_range(kind, towers):
    found = fusion_of(kind, towers)(*scene(4, towers))
    assert found.mean.shape == found.log_variance.shape == (BATCH, LENGTH, LATENT)
    assert torch.isfinite(found.mean).all()
    assert found.log_variance.min() >= LOG_VARIANCE_RANGE[0]
    assert found.log_variance.max() <= LOG_VARIANCE_RANGE[1]


@pytest.mark.parametrize("variational", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_tower_without_a_say_changes_nothing(kind, variational):
    mean, log_variance, fine, taken = scene(5)
    fusion = fusion_of(kind, variational=variational)
    silent = ~taken[..., None]
    other = (
        torch.where(silent, torch.tensor(7.0), mean),
        torch.where(silent, torch.tensor(-6.0), log_variance),
        torch.where(silent, torch.tensor(-9.0), fine),
    )
    first, second = fusion(mean, log_variance, fine, taken), fusion(*other, taken)
    torch.testing.assert_close(first.mean, second.mean, rtol=0, atol=1e-6)
    torch.testing.assert_close(first.log_variance, second.log_variance, rtol=0, atol=1e-6)


@given(st.integers(0, 10_000))
def test_the_pool_is_no_more_certain_than_its_most_certain_member_and_the_product_is(seed):
    mean, log_variance, fine, taken = scene(seed)
    masked = torch.where(taken[..., None], log_variance, torch.tensor(0.0))  # an absent tower leaves the prior: variance 1
    most_certain = torch.minimum(masked.min(dim=0).values, torch.tensor(0.0))
    pooled = fusion_of("pool", seed=seed)(mean, log_variance, fine, taken)
    multiplied = fusion_of("product")(mean, log_variance, fine, taken)
    assert (pooled.log_variance >= most_certain - 1e-4).all()
    assert (multiplied.log_variance <= torch.maximum(most_certain, torch.tensor(LOG_VARIANCE_RANGE[0])) + 1e-4).all()


def test_a_pool_of_one_opinion_repeated_keeps_that_opinion():
    """Three towers that say the same count once: the answer does not depend on how many there are, at equal weight of the prior."""
    mean, log_variance, fine, _ = scene(6, towers=1)
    everyone = torch.ones(3, BATCH, LENGTH, dtype=torch.bool)
    one, three = fusion_of("pool", 1), fusion_of("pool", 3)
    one.pool.copy_(torch.tensor([0.0, math.log(3.0)]))
    three.pool.zero_()
    alone = one(mean, log_variance, fine, everyone[:1])
    together = three(mean.expand(3, -1, -1, -1), log_variance.expand(3, -1, -1, -1), fine.expand(3, -1, -1, -1), everyone)
    torch.testing.assert_close(alone.mean, together.mean)
    torch.testing.assert_close(alone.log_variance, together.log_variance)


def test_kl_is_that_of_torch_distributions_per_dimension_over_valid_utterances():
    mean, log_variance, _, _ = scene(7)
    valid = torch.tensor([[True, True, False, False], [True, False, True, True]])
    found = kl_to_standard_normal(Posterior(mean[0], log_variance[0]), valid)
    exact = kl_divergence(Normal(mean[0].double(), (0.5 * log_variance[0].double()).exp()), Normal(0.0, 1.0))
    assert float(found) == pytest.approx(float(exact[valid].mean()), rel=1e-5)


def test_kl_of_the_prior_and_of_nothing_is_zero():
    standard = Posterior(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3))
    assert float(kl_to_standard_normal(standard, torch.ones(1, 2, dtype=torch.bool))) == 0
    far = Posterior(torch.ones(1, 2, 3), torch.zeros(1, 2, 3))
    assert float(kl_to_standard_normal(far, torch.zeros(1, 2, dtype=torch.bool))) == 0


def test_samples_have_the_posteriors_mean_and_deviation():
    torch.manual_seed(0)
    posterior = Posterior(torch.tensor([[[2.0, -1.0]]]).expand(1, 40_000, 2), torch.tensor([[[-2.0, 1.0]]]).expand(1, 40_000, 2))
    drawn = sample(posterior)[0]
    torch.testing.assert_close(drawn.mean(dim=0), torch.tensor([2.0, -1.0]), rtol=0, atol=0.03)
    torch.testing.assert_close(drawn.std(dim=0), torch.tensor([math.exp(-1.0), math.exp(0.5)]), rtol=0.03, atol=0)


def test_samples_carry_gradients_to_mean_and_variance():
    mean, log_variance = torch.zeros(1, 3, 2, requires_grad=True), torch.zeros(1, 3, 2, requires_grad=True)
    torch.manual_seed(1)
    drawn = sample(Posterior(mean, log_variance))
    drawn.sum().backward()
    assert torch.equal(mean.grad, torch.ones_like(mean))
    torch.testing.assert_close(log_variance.grad, 0.5 * drawn.detach())


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_trust_is_the_share_of_precision_among_the_present(seed, modalities):
    generator = torch.Generator().manual_seed(seed)
    log_variance = torch.rand(modalities, 2, 3, LATENT, generator=generator) * 8 - 6
    present = torch.rand(2, 3, modalities, generator=generator) < 0.6
    trust = trust_of(log_variance, present)
    for b in range(2):
        for t in range(3):
            precision = [
                LATENT / sum(math.exp(float(v)) for v in log_variance[m, b, t]) if present[b, t, m] else 0.0
                for m in range(modalities)
            ]
            shares = [p / sum(precision) if sum(precision) else 0.0 for p in precision]
            assert trust[b, t].tolist() == pytest.approx(shares, abs=1e-5)
    sums = trust.sum(dim=-1)
    assert torch.allclose(sums, present.any(dim=-1).float(), atol=1e-6)


def test_log_variances_stay_within_range_whatever_comes_in():
    head = PosteriorHead(D, FusionConfig(latent=LATENT), detached=False)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter) * 50)
    posterior = head(torch.randn(2, 30, D) * 100)
    assert posterior.mean.shape == posterior.log_variance.shape == (2, 30, LATENT)
    assert posterior.log_variance.min().item() == LOG_VARIANCE_RANGE[0]
    assert posterior.log_variance.max().item() == LOG_VARIANCE_RANGE[1]
