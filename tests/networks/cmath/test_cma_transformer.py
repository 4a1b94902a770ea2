"""The towers: an augmentation written out by hand, what may flow where, and the ablations."""

from dataclasses import replace

import pytest
import torch

from merc.data.batching import collate
from merc.networks.attention import AttentionConfig, Relations
from merc.networks.cmath.cma_transformer import Augmentation, CMALayer, MapAttention, Tower, TowerConfig

ATTENTION = AttentionConfig(heads=2, max_distance=2)
D = 8


@pytest.fixture
def scene(make_samples):
    """A batch with its relations, a central stream and two auxiliaries."""
    samples = make_samples(lengths=(5, 2), absent=0.3)
    batch = collate(samples)
    torch.manual_seed(3)
    streams = {name: torch.randn(2, 5, D) for name in ("text", "audio", "visual")}
    return samples, Relations.of(batch, ATTENTION), streams


def spread(module, seed=0):
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return module.eval()


@torch.no_grad()
def weights_by_hand(q_d, k_Td, keys, bias):
    """Softmax over the given keys of one head, as {key: weight}."""
    scores = {j: float(torch.exp(q_d.double() @ k_Td[j].double() / q_d.shape[0] ** 0.5 + bias(j))) for j in keys}
    return {j: score / sum(scores.values()) for j, score in scores.items()}


def bias_of(module, head, query, sample):
    def bias(key):
        offset = max(-2, min(2, key - query)) + 2
        same = float(sample.speakers[query] == sample.speakers[key])
        return module.position[offset, head].item() + same * module.same_speaker[head].item()

    return bias


@torch.no_grad()
@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("attended", [True, False])
def test_augmentation_utterance_by_utterance(scene, aligned, attended):
    samples, relations, streams = scene
    module = spread(Augmentation(ATTENTION, TowerConfig(aligned=aligned, attended=attended), D))
    q, z = streams["text"], streams["audio"]
    out = module(q, z, "audio", relations)
    for i, sample in enumerate(samples):
        for t in range(len(sample)):
            o = torch.zeros(D)
            there = [j for j in range(len(sample)) if sample.present[j, 1]]
            if attended and there:
                k, v = module.kv_projection(z[i]).split(D, dim=-1)[:2]
                heads = []
                for h in range(2):
                    part = slice(4 * h, 4 * h + 4)
                    weights = weights_by_hand(q[i, t, part], k[:, part], there, bias_of(module.bias, h, t, sample))
                    heads.append(sum(w * v[j, part] for j, w in weights.items()))
                o = o + module.project_out(torch.cat(heads))
            if aligned and sample.present[t, 1]:
                o = o + module.kv_projection(z[i, t])[-D:]
            expected = torch.sigmoid(module.gate(torch.cat([q[i, t], o]))) * o
            torch.testing.assert_close(out[i, t], expected, rtol=1e-4, atol=1e-5)


def test_an_auxiliary_that_cannot_be_seen_adds_nothing(scene):
    _, relations, streams = scene
    module = spread(Augmentation(ATTENTION, TowerConfig(), D))
    gone = replace(relations, present={"audio": torch.zeros_like(relations.present["audio"])})
    out = module(streams["text"], streams["audio"], "audio", gone)
    assert torch.equal(out, torch.zeros_like(out))


@pytest.mark.parametrize("aligned", [True, False])
def test_an_absent_utterance_of_an_auxiliary_is_neither_attended_nor_aligned(scene, aligned):
    _, relations, streams = scene
    module = spread(Augmentation(ATTENTION, TowerConfig(aligned=aligned), D))
    garbage = torch.where(relations.present["audio"][..., None], streams["audio"], torch.tensor(50.0))
    outs = [module(streams["text"], z, "audio", relations) for z in (streams["audio"], garbage)]
    torch.testing.assert_close(outs[0], outs[1], rtol=0, atol=1e-6)


def test_a_closed_gate_lets_nothing_through_and_an_open_one_all(scene):
    _, relations, streams = scene
    module = spread(Augmentation(ATTENTION, TowerConfig(attended=False), D))
    with torch.no_grad():
        module.gate.weight.zero_()
        module.gate.bias.fill_(-1e4)
        closed = module(streams["text"], streams["audio"], "audio", relations)
        module.gate.bias.fill_(1e4)
        opened = module(streams["text"], streams["audio"], "audio", relations)
    assert torch.equal(closed, torch.zeros_like(closed))
    torch.testing.assert_close(opened, module.kv_projection(streams["audio"]) * relations.present["audio"][..., None])


def test_map_attention_adds_similarities_and_takes_values_from_the_centre(scene):
    samples, relations, streams = scene
    module = spread(MapAttention(ATTENTION, D, ["audio", "visual"]))
    x = streams["text"]
    out = module(x, streams, relations)
    q, k, v = module.project_in(x).chunk(3, dim=-1)
    pairs = {}
    for column, name in ((1, "audio"), (2, "visual")):
        pairs[column] = module.auxiliary[name](streams[name]).chunk(2, dim=-1)
    for i, sample in enumerate(samples):
        for t in range(len(sample)):
            heads = []
            for h in range(2):
                part, bias, scores = slice(4 * h, 4 * h + 4), bias_of(module.bias, h, t, sample), []
                for j in range(len(sample)):
                    score = q[i, t, part] @ k[i, j, part]
                    for column, (q_m, k_m) in pairs.items():
                        if sample.present[t, column] and sample.present[j, column]:
                            score = score + q_m[i, t, part] @ k_m[i, j, part]
                    scores.append(score / 2.0 + bias(j))
                weights = torch.stack(scores).softmax(dim=0)
                heads.append(weights @ v[i, : len(sample), part])
            torch.testing.assert_close(out[i, t], module.project_out(torch.cat(heads)), rtol=1e-4, atol=1e-5)


def test_in_a_map_tower_auxiliaries_choose_among_the_centres_values_only(scene):
    """With one value everywhere in the centre there is nothing to choose, so the auxiliaries have no effect; else they have."""
    _, relations, streams = scene
    tower = spread(Tower(ATTENTION, TowerConfig(layers=2, auxiliaries="map"), D, ["audio", "visual"], 0.0))
    other = {name: torch.randn_like(stream) * 3 for name, stream in streams.items()}
    same = streams["text"][:1, :1].expand(2, 5, D)
    outs = [tower(same, auxiliaries, relations) for auxiliaries in (streams, other)]
    torch.testing.assert_close(outs[0], outs[1], rtol=0, atol=1e-5)
    outs = [tower(streams["text"], auxiliaries, relations) for auxiliaries in (streams, other)]
    assert (outs[0] - outs[1]).abs().max() > 1e-3


def test_the_layer_is_pre_norm_residual_cross_self_feed(scene):
    _, relations, streams = scene
    layer = spread(CMALayer(ATTENTION, TowerConfig(), D, ["audio", "visual"], dropout=0.5))
    h = streams["text"]
    out = layer(h, streams, relations)
    q = layer.query(layer.norm_cross(h))
    h = h + sum(layer.augmentations[m](q, streams[m], m, relations) for m in ("audio", "visual"))
    h = h + layer.self_attention(layer.norm_self(h), relations)
    h = h + layer.feed_2(torch.nn.functional.gelu(layer.feed_1(layer.norm_feed(h))))
    torch.testing.assert_close(out, h)


def test_auxiliaries_are_not_updated_by_the_tower(scene):
    """Every layer is given the very tensors that the tower was given, and they hold what they held."""
    _, relations, streams = scene
    tower = spread(Tower(ATTENTION, TowerConfig(layers=3), D, ["audio", "visual"], 0.0))
    before, seen = {name: z.clone() for name, z in streams.items()}, []
    for layer in tower.layers:
        for name, augmentation in layer.augmentations.items():
            augmentation.register_forward_hook(lambda _m, given, _out, name=name: seen.append((name, given[1])))
    tower(streams["text"], streams, relations)
    assert len(seen) == 6
    assert all(z is streams[name] for name, z in seen)
    assert all(torch.equal(z, before[name]) for name, z in streams.items())


def test_the_aligned_path_alone_moves_the_same_utterance_only(scene):
    """Self-attention, which would carry it on, is held to the utterance itself."""
    samples, _, streams = scene
    relations = Relations.of(collate(samples), ATTENTION.model_copy(update={"window": 0}))
    tower = spread(Tower(ATTENTION, TowerConfig(layers=1, attended=False), D, ["audio"], 0.0))
    (t,) = [t for t in range(5) if samples[0].present[t, 1]][-1:]
    changed = dict(streams, audio=streams["audio"].clone())
    changed["audio"][0, t] += 1.0
    difference = (tower(streams["text"], changed, relations) - tower(streams["text"], streams, relations)).abs()
    assert difference[0, t].max() > 1e-3
    difference[0, t] = 0
    assert torch.equal(difference, torch.zeros_like(difference))


def test_a_tower_without_auxiliaries_has_no_cross_attention(scene):
    _, relations, streams = scene
    for kind in ("augment", "map"):
        tower = spread(Tower(ATTENTION, TowerConfig(layers=1, auxiliaries=kind), D, [], 0.0))
        assert tower.layers[0].query is None
        assert torch.isfinite(tower(streams["text"], {}, relations)).all()
