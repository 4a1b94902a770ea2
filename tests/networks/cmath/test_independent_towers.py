"""Towers with readings of their own, whose answers are pooled behind a stop of the gradient."""

import pytest
import torch
from torch.nn import functional as F

from merc.data.batching import collate
from merc.networks.cmath.distillation import latent_term, logit_term
from merc.networks.cmath.fusion import Opinions, mean_level, trust_of
from merc.networks.interface import Level

MODALITIES = ("text", "audio", "visual")
INDEPENDENT = {"tower": {"reading": "own"}, "fusion": {"kind": "opinions", "detached": True}}


def classify(logits, labels):
    return F.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))


@pytest.fixture(scope="module")
def batch(make_samples):
    return collate(make_samples(lengths=(6, 1, 4)))


@pytest.fixture
def network(make_network):
    return make_network(**INDEPENDENT)


def touched(network, loss):
    """Names of the parameters that a loss moves."""
    network.zero_grad()
    loss.backward(retain_graph=True)
    return {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


def test_a_tower_with_a_reading_of_its_own_learns_from_its_own_loss_alone(network, batch):
    network.train()
    output = network(batch)
    for c, level in output.fine.items():
        moved = touched(network, classify(level.logits[batch.labelled], batch.labels[batch.labelled]))
        of_towers = ("towers.", "reconstruction.", "norms.", "unimodal_posterior.", "fine_posterior.", "fine_evidence.")
        assert all(name.split(".")[1] == c for name in moved if name.startswith(of_towers))
        assert {f"reconstruction.{c}.{m}.contract_1.linear.weight" for m in MODALITIES} <= moved
        assert not moved & {"opinions.log_factor", "opinions.offset"}


def test_the_coarse_level_moves_only_the_weights_of_opinions_and_variances(network, batch):
    network.train()
    terms = network.terms(network(batch), batch, classify, network.eval()(batch))
    moved = touched(network, terms["coarse"] + terms["kl"])
    assert {name for name in moved if not (name.startswith(("opinions.", "fusion.")) or ".log_variance" in name)} <= {
        f"fine_posterior.{c}.norm.{what}" for c in MODALITIES for what in ("weight", "bias")
    }  # the norm belongs to the head of the variance
    assert {"opinions.log_factor", "opinions.offset"} <= moved


def test_variances_bend_no_representation(network, batch):
    network.train()
    output = network(batch)
    of_variances = sum(level.posterior.log_variance.sum() for level in [*output.fine.values(), *output.unimodal.values()])
    moved = touched(network, of_variances)
    assert moved and all(".log_variance" in name or ".norm." in name for name in moved)


def test_a_draw_does_not_train_the_variance(network, make_network, batch):
    for model, trains in ((network, False), (make_network(fusion={"kind": "opinions"}), True)):
        level = model.train()(batch).fine["text"]
        moved = touched(model, classify(level.logits[batch.labelled], batch.labels[batch.labelled]))
        assert any(".log_variance" in name and name.startswith("fine_posterior") for name in moved) == trains


def test_opinions_number_by_number():
    torch.manual_seed(0)
    opinions = Opinions(2, 3, variational=True)
    with torch.no_grad():
        opinions.log_factor.copy_(torch.tensor([0.0, 1.0]))
        opinions.offset.copy_(torch.tensor([0.1, -0.2, 0.0]))
    logits, log_variance = torch.randn(2, 1, 2, 3), torch.randn(2, 1, 2, 4)
    taken = torch.tensor([[[True, True]], [[True, False]]])
    found = opinions(logits, log_variance, taken)
    factor = torch.tensor([1.0, torch.e]) / (1 + torch.e)
    weight = factor / log_variance[:, 0, 0].exp().mean(dim=-1)
    weight = weight / weight.sum()
    log_p = logits.log_softmax(dim=-1)
    torch.testing.assert_close(found[0, 0], weight[0] * log_p[0, 0, 0] + weight[1] * log_p[1, 0, 0] + opinions.offset)
    torch.testing.assert_close(found[0, 1], log_p[0, 0, 1] + opinions.offset)  # one tower alone: its own answer
    plain = Opinions(2, 3, variational=False)
    torch.testing.assert_close(plain(logits, log_variance, taken)[0, 0], log_p[:, 0, 0].mean(dim=0))


def test_the_more_certain_tower_counts_more():
    opinions, logits = Opinions(2, 2, variational=True), torch.tensor([[[[2.0, 0.0]]], [[[0.0, 2.0]]]])
    sure = torch.tensor([-1.0, 1.0])[:, None, None, None].expand(2, 1, 1, 4)
    taken = torch.ones(2, 1, 1, dtype=torch.bool)
    assert opinions(logits, sure, taken).argmax() == 0
    assert opinions(logits, -sure, taken).argmax() == 1


def test_evidence_is_added_to_the_towers_by_what_they_read(network, batch):
    before = []
    network.fine_classifier.register_forward_hook(lambda _m, _given, out: before.append(out))
    output = network(batch)
    for c, bare in zip(MODALITIES, before, strict=True):
        own, factor = output.readings[c].unimodal, network.fine_evidence[c]
        expected = bare + sum(factor[i] * own[m].logits * batch.present[..., i, None] for i, m in enumerate(MODALITIES))
        torch.testing.assert_close(output.fine[c].logits, expected)


def test_the_unimodal_levels_are_the_means_of_the_readings(network, batch):
    output = network(batch)
    assert list(output.readings) == list(MODALITIES)
    for m in MODALITIES:
        levels = [output.readings[c].unimodal[m] for c in MODALITIES]
        torch.testing.assert_close(output.unimodal[m].logits, sum(level.logits for level in levels) / 3)
        torch.testing.assert_close(output.unimodal[m].posterior.mean, sum(level.posterior.mean for level in levels) / 3)
        variance = sum(level.posterior.log_variance.exp() for level in levels) / 3
        torch.testing.assert_close(output.unimodal[m].posterior.log_variance, variance.log())
    log_variance = torch.stack([level.posterior.log_variance for level in output.unimodal.values()])
    torch.testing.assert_close(output.trust, trust_of(log_variance, batch.present))
    with pytest.raises(ValueError, match="posterior"):
        mean_level([Level(torch.zeros(1, 1, 2)), output.unimodal["text"]])


def test_each_tower_teaches_the_unimodal_levels_that_it_reads(network, make_network, batch):
    output, teacher = network.train()(batch), make_network(seed=8, **INDEPENDENT).eval()(batch)
    terms, temperature = network.terms(output, batch, classify, teacher), network.config.distillation.temperature
    logit = [logit_term(teacher.coarse.logits, level.logits, temperature, batch.valid) for level in output.fine.values()]
    latent = [latent_term(teacher.coarse, level, batch.valid, moves_mean=False) for level in output.fine.values()]
    for c, reading in output.readings.items():
        for i, level in enumerate(reading.unimodal.values()):
            present = batch.present[..., i]
            logit.append(logit_term(teacher.fine[c].logits, level.logits, temperature, present))
            latent.append(latent_term(teacher.fine[c], level, present, moves_mean=True))
    torch.testing.assert_close(terms["logit"], torch.stack(logit).mean())
    torch.testing.assert_close(terms["latent"], torch.stack(latent).mean())


def test_every_parameter_is_trained(network, batch):
    terms = network.train().terms(network(batch), batch, classify, network.eval()(batch))
    sum(terms.values()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_an_utterance_without_its_centre_is_answered_by_the_other_towers(network, batch):
    output, weights = network(batch), network.opinions
    for b, t in ((b, t) for b in range(3) for t in range(6) if batch.valid[b, t]):
        there = [i for i, _ in enumerate(MODALITIES) if batch.present[b, t, i]] or [0, 1, 2]
        levels = [output.fine[MODALITIES[i]] for i in there]
        share = torch.stack([1 / level.posterior.log_variance[b, t].exp().mean() for level in levels])
        share = share * weights.log_factor[there].exp()
        expected = sum(s / share.sum() * level.logits[b, t].log_softmax(dim=0) for s, level in zip(share, levels, strict=True))
        torch.testing.assert_close(output.coarse.logits[b, t], expected + weights.offset, rtol=1e-4, atol=1e-5)
