"""A network adapted: what each depth leaves as it is, what it changes, and that the least loss is found."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from merc.data.batching import collate
from merc.data.pieces import MAX_UTTERANCES
from merc.inference.torch_backend import infer
from merc.training.adaptation import AdaptationConfig, AdaptedNetwork, adapted, with_classes
from merc.training.objective import ObjectiveConfig
from switches import MODELS

CONFIG, OBJECTIVE = AdaptationConfig(epochs=2), ObjectiveConfig()
CLASSES, WIDTHS = ("calm", "cross", "glad"), {"text": 6, "audio": 5, "visual": 4}
OF_HEADS = {
    "opinions": (
        "offset",
        "fine_classifier.weight",
        "fine_classifier.bias",
        "unimodal_classifier.weight",
        "unimodal_classifier.bias",
    ),
    "pool": tuple(f"{level}_classifier.{part}" for level in ("coarse", "fine", "unimodal") for part in ("weight", "bias")),
}
OFFSETS = {"opinions": "offset", "pool": "coarse_classifier.bias"}


@pytest.fixture(params=list(OF_HEADS))
def kind(request):
    """Whether the towers answer, or a latent that is pooled of theirs."""
    return request.param


@pytest.fixture
def start(make_network, kind):
    return AdaptedNetwork(make_network(seed=1, **MODELS[kind]), 1.5)


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(before, after):
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def coarse(found, samples):
    return np.concatenate([each.probabilities for each in infer(found.network, samples, temperature=found.temperature)])


@pytest.mark.parametrize("depth", ["none", "calibration", "heads", "all"])
def test_the_network_that_it_starts_from_stays(start, make_samples, depth):
    before = weights(start.network)
    adapted(start, make_samples(lengths=(5, 4, 6, 3)), depth, CONFIG, OBJECTIVE)
    assert not changed(before, weights(start.network))
    assert not start.network.training


def test_what_each_depth_trains(start, kind, make_samples):
    samples, before = make_samples(lengths=(5, 4, 6, 3)), weights(start.network)
    assert adapted(start, samples, "none", CONFIG, OBJECTIVE) is start
    calibrated = adapted(start, samples, "calibration", CONFIG, OBJECTIVE)
    assert changed(before, weights(calibrated.network)) == {OFFSETS[kind]}
    of_heads = set(OF_HEADS[kind])
    assert changed(before, weights(adapted(start, samples, "heads", CONFIG, OBJECTIVE).network)) == of_heads
    whole = changed(before, weights(adapted(start, samples, "all", CONFIG, OBJECTIVE).network))
    assert whole > of_heads
    assert any(name.startswith("towers") for name in whole)


def test_calibration_is_as_its_equation_says(start, kind, make_samples):
    offset, samples = OFFSETS[kind], make_samples(lengths=(9, 8, 7, 9))
    found = adapted(start, samples, "calibration", CONFIG, OBJECTIVE)
    offsets = (found.network.get_parameter(offset) - start.network.get_parameter(offset)).detach().numpy() / found.temperature
    rows = np.log(np.concatenate([each.probabilities for each in infer(start.network, samples)]))
    expected = np.exp(rows / found.temperature + offsets)
    assert coarse(found, samples) == pytest.approx(expected / expected.sum(axis=1, keepdims=True), abs=1e-6)


def head_loss(network, samples, start, pull, heads):
    """The equation, utterance by utterance."""
    batch = collate(samples)
    with torch.no_grad():
        output = network(batch)
    labels = torch.cat([torch.from_numpy(s.labels) for s in samples])
    counts = torch.bincount(labels[labels >= 0], minlength=3).float()
    root = torch.where(counts > 0, counts.clamp_min(1e-9) ** -0.5, 0)
    weight = root / (root * counts / counts.sum()).sum()

    def summed(level, at):
        rows = [(b, t) for b, t in zip(*torch.where(at), strict=True)]
        return sum(-weight[batch.labels[b, t]] * level.logits[b, t].log_softmax(0)[batch.labels[b, t]] for b, t in rows)

    total = summed(output.coarse, batch.labelled)
    total += OBJECTIVE.fine * sum(summed(level, batch.labelled) for level in output.fine.values()) / 3
    present = [batch.labelled & batch.present[..., m] for m in range(3)]
    total += OBJECTIVE.unimodal * sum(summed(v, at) for v, at in zip(output.unimodal.values(), present, strict=True)) / 3
    distance = sum((network.get_parameter(name) - start.get_parameter(name)).square().sum() for name in heads)
    return float((total + 0.5 * pull * distance).detach()) / int(batch.labelled.sum())


def test_heads_are_those_of_the_least_loss(start, kind, make_samples):
    heads, samples = OF_HEADS[kind], make_samples(lengths=(5, 4, 6, 3))
    config = AdaptationConfig(pull=3.0)
    found = adapted(start, samples, "heads", config, OBJECTIVE).network
    least = head_loss(found, samples, start.network, 3.0, heads)
    assert least < head_loss(start.network, samples, start.network, 3.0, heads)
    for seed in range(10):
        torch.manual_seed(seed)
        moved = {name: t + 0.02 * torch.randn_like(t) * (name in heads) for name, t in weights(found).items()}
        other = with_classes(found, WIDTHS, CLASSES, CLASSES)
        other.load_state_dict(moved)
        assert head_loss(other, samples, start.network, 3.0, heads) > least


def test_the_stronger_the_pull_the_nearer_the_heads_stay(start, make_samples):
    samples, before = make_samples(lengths=(5, 4, 6, 3)), start.network.fine_classifier.weight

    def moved(pull):
        network = adapted(start, samples, "heads", AdaptationConfig(pull=pull), OBJECTIVE).network
        return float((network.fine_classifier.weight - before).abs().max().detach())

    assert moved(1e6) < 1e-3 < moved(1.0)


def test_other_classes_keep_the_body_and_the_rows_of_classes_that_stay(start, kind, make_samples):
    made = with_classes(start.network, WIDTHS, CLASSES, ("bored", "glad"))
    assert changed(weights(start.network), {**weights(start.network), **weights(made)}) == set(OF_HEADS[kind])
    for name in OF_HEADS[kind]:
        old, new = start.network.get_parameter(name), made.get_parameter(name)
        assert torch.equal(new[1], old[2])
        assert not new[0].any()
    latents = [infer(network, make_samples(), embeddings=True)[0].embeddings["coarse"] for network in (start.network, made)]
    assert np.array_equal(*latents)


def test_it_is_the_same_every_time(start, make_samples):
    samples = make_samples(lengths=(5, 4, 6, 3))
    one, two = (adapted(start, samples, "all", CONFIG, OBJECTIVE) for _ in range(2))
    assert not changed(weights(one.network), weights(two.network))


def test_a_conversation_too_long_to_judge_whole_is_adapted_to_in_pieces(start, make_samples):
    (long,) = make_samples(lengths=(MAX_UTTERANCES + 40,), absent=0)
    labels = np.full(len(long), -1)
    labels[::100] = 1
    found = adapted(start, [replace(long, labels=labels)], "heads", AdaptationConfig(pull=0.1), OBJECTIVE)
    assert (coarse(found, [long])[::100].argmax(axis=1) == 1).all()
