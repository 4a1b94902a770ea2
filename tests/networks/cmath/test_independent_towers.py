"""Towers that read their auxiliaries by themselves, and whose answers are pooled behind a stop of the gradient."""

import pytest
import torch
from torch.nn import functional as F

from merc.data.batching import collate
from merc.networks.cmath.fusion import Fusion, FusionConfig

MODALITIES = ("text", "audio", "visual")


def classify(logits, labels):
    return F.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))


@pytest.fixture(scope="module")
def batch(make_samples):
    return collate(make_samples(lengths=(6, 1, 4)))


@pytest.fixture
def network(make_network):
    return make_network()


def touched(network, loss):
    """Names of the parameters that a loss moves."""
    network.zero_grad()
    loss.backward(retain_graph=True)
    return {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}


def test_a_tower_learns_from_its_own_loss_alone(network, batch):
    network.train()
    output = network(batch)
    for c, level in output.fine.items():
        moved = touched(network, classify(level.logits[batch.labelled], batch.labels[batch.labelled]))
        of_towers = ("towers.", "reconstruction.", "norms.", "unimodal_posterior.", "fine_posterior.")
        assert all(name.split(".")[1] == c for name in moved if name.startswith(of_towers))
        assert f"reconstruction.{c}.contract_1.linear.weight" in moved
        assert not moved & {"fusion.pool", "fusion.log_sharpness", "offset"}
        assert {name.split(".")[1] for name in moved if name.startswith("readings.")} == {m for m in MODALITIES if m != c}
        for m in (m for m in MODALITIES if m != c):
            rows = network.readings[m].linear.weight.grad.unflatten(0, (2, -1)).abs().sum(dim=(1, 2)) > 0
            assert rows.tolist() == [reader == c for reader in MODALITIES if reader != m]


def test_each_tower_reads_by_its_own_rows(network, batch):
    reading = network.readings["audio"]
    rows = reading.linear.weight.unflatten(0, (2, -1)), reading.linear.bias.unflatten(0, (2, -1))
    for i, read in enumerate(reading(batch.inputs["audio"])):  # of text's tower, then of visual's
        mapped = F.linear(batch.inputs["audio"], rows[0][i], rows[1][i])
        torch.testing.assert_close(read, F.layer_norm(mapped, mapped.shape[-1:]), rtol=1e-4, atol=1e-5)
    seen = {}
    for c, tower in network.towers.items():
        tower.register_forward_pre_hook(lambda _module, given, c=c: seen.__setitem__(c, given[1]))
    network(batch)
    text, visual = reading(batch.inputs["audio"])
    assert torch.equal(seen["text"]["audio"], text) and torch.equal(seen["visual"]["audio"], visual)
    assert "audio" not in seen["audio"]


def test_with_a_shared_reading_a_tower_moves_what_others_read(make_network, batch):
    shared = make_network(tower={"reading": "shared"}).train()
    moved = touched(shared, classify(shared(batch).fine["text"].logits[batch.labelled], batch.labels[batch.labelled]))
    assert {f"reconstruction.{m}.contract_1.linear.weight" for m in MODALITIES} <= moved


def test_the_coarse_level_moves_only_the_weights_of_opinions_and_variances(network, batch):
    network.train()
    terms = network.terms(network(batch), batch, classify, network.eval()(batch))
    moved, answering = touched(network, terms["coarse"] + terms["kl"]), {"offset", "fusion.pool", "fusion.log_sharpness"}
    assert {name for name in moved if not (name in answering or ".log_variance" in name)} <= {
        f"fine_posterior.{c}.norm.{what}" for c in MODALITIES for what in ("weight", "bias")
    }  # the norm belongs to the head of the variance
    assert answering <= moved


def test_variances_of_towers_bend_no_representation_but_those_of_modalities_do(network, batch):
    network.train()
    output = network(batch)
    moved = touched(network, sum(level.posterior.log_variance.sum() for level in output.fine.values()))
    assert moved and all(".log_variance" in name or ".norm." in name for name in moved)
    moved = touched(network, output.unimodal["text"].posterior.log_variance.sum())
    assert "reconstruction.text.contract_1.linear.weight" in moved and not any(name.startswith("towers") for name in moved)


def test_a_draw_does_not_train_the_variance(network, make_network, batch):
    for model, trains in ((network, False), (make_network(fusion={"detached": False}), True)):
        level = model.train()(batch).fine["text"]
        moved = touched(model, classify(level.logits[batch.labelled], batch.labels[batch.labelled]))
        assert any(".log_variance" in name and name.startswith("fine_posterior") for name in moved) == trains


def test_opinions_number_by_number():
    torch.manual_seed(0)
    fusion = Fusion(FusionConfig(kind="opinions"), 2, 8)
    with torch.no_grad():
        fusion.pool.copy_(torch.tensor([0.5, 0.0, 1.0]))  # of the prior first
        fusion.log_sharpness.fill_(0.3)
    logits, log_variance = torch.randn(2, 1, 2, 3), torch.randn(2, 1, 2, 4)
    taken = torch.tensor([[[True, True]], [[True, False]]])
    found = fusion.opinion(logits, log_variance, taken)
    alpha = torch.tensor([0.5, 0.0, 1.0]).exp()
    alpha = alpha / alpha.sum()
    log_p, sharpness = logits.log_softmax(dim=-1), torch.tensor(0.3).exp()
    weight = alpha[1:, None] / log_variance[:, 0].exp().mean(dim=-1)  # tower, utterance
    both, alone = alpha[0] + weight[:, 0].sum(), alpha[0] + weight[0, 1]
    expected = (weight[0, 0] * log_p[0, 0, 0] + weight[1, 0] * log_p[1, 0, 0]) / both
    torch.testing.assert_close(found[0, 0], sharpness * expected)
    torch.testing.assert_close(found[0, 1], sharpness * weight[0, 1] / alone * log_p[0, 0, 1])
    plain = Fusion(FusionConfig(kind="opinions", variational=False), 2, 8)
    torch.testing.assert_close(plain.opinion(logits, log_variance, taken)[0, 0], log_p[:, 0, 0].sum(dim=0) / 3)


def test_fusion_without_a_pool_has_no_opinions():
    with pytest.raises(RuntimeError, match="concat pools no opinions"):
        Fusion(FusionConfig(kind="concat"), 2, 8).opinion(torch.zeros(2, 1, 1, 3), torch.zeros(2, 1, 1, 4), torch.ones(2, 1, 1) > 0)


def test_where_no_tower_is_certain_the_answer_is_nearer_to_the_prior():
    fusion, logits = Fusion(FusionConfig(kind="opinions"), 2, 8), torch.tensor([2.0, 0.0]).expand(2, 1, 1, 2)
    taken = torch.ones(2, 1, 1, dtype=torch.bool)
    sure, unsure = (fusion.opinion(logits, torch.full((2, 1, 1, 4), v), taken).softmax(dim=-1)[0, 0] for v in (-1.0, 1.0))
    assert sure[0] > unsure[0] > 0.5


def test_the_more_certain_tower_counts_more():
    fusion, logits = Fusion(FusionConfig(kind="opinions"), 2, 8), torch.tensor([[[[2.0, 0.0]]], [[[0.0, 2.0]]]])
    sure = torch.tensor([-1.0, 1.0])[:, None, None, None].expand(2, 1, 1, 4)
    taken = torch.ones(2, 1, 1, dtype=torch.bool)
    assert fusion.opinion(logits, sure, taken).argmax() == 0
    assert fusion.opinion(logits, -sure, taken).argmax() == 1


def test_the_evidence_of_its_centre_is_added_to_a_towers_answer(network, batch):
    before = []
    network.fine_classifier.register_forward_hook(lambda _m, _given, out: before.append(out))
    output = network(batch)
    for i, (c, bare) in enumerate(zip(MODALITIES, before, strict=True)):
        own = network.evidence[i] * output.unimodal[c].logits * batch.present[..., i, None]
        torch.testing.assert_close(output.fine[c].logits, bare + own)


def test_evidence_belongs_to_the_right_centre_where_towers_are_few(make_network, batch):
    few = make_network(central=["visual", "text"])
    bare = make_network(central=["visual", "text"], fusion={"evidence": False})
    bare.load_state_dict({k: v for k, v in few.state_dict().items() if k != "evidence"})
    few.evidence.data.copy_(torch.tensor([2.0, 3.0]))
    found, without = few(batch), bare(batch)
    for c, i, factor in (("visual", 2, 2.0), ("text", 0, 3.0)):
        added = factor * found.unimodal[c].logits * batch.present[..., i, None]
        torch.testing.assert_close(found.fine[c].logits, without.fine[c].logits + added)


def test_every_parameter_is_trained(network, batch):
    terms = network.train().terms(network(batch), batch, classify, network.eval()(batch))
    sum(terms.values()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_an_utterance_without_its_centre_is_answered_by_the_other_towers(network, batch):
    output, alpha = network(batch), network.fusion.pool.softmax(dim=0)
    for b, t in ((b, t) for b in range(3) for t in range(6) if batch.valid[b, t]):
        there = [i for i, _ in enumerate(MODALITIES) if batch.present[b, t, i]] or [0, 1, 2]
        levels = [output.fine[MODALITIES[i]] for i in there]
        share = torch.stack([1 / level.posterior.log_variance[b, t].exp().mean() for level in levels])
        share = share * alpha[1:][there] * network.fusion.log_sharpness.exp()
        share = share / (alpha[0] + share.sum() / network.fusion.log_sharpness.exp())
        expected = sum(s * level.logits[b, t].log_softmax(dim=0) for s, level in zip(share, levels, strict=True))
        torch.testing.assert_close(output.coarse.logits[b, t], expected + network.offset, rtol=1e-4, atol=1e-5)
