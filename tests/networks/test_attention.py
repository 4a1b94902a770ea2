"""Attention against loops over queries and keys in float64."""

import math

import pytest
import torch

from merc.data.batching import collate
from merc.networks.attention import (
    MASKED,
    AttentionConfig,
    RelationBias,
    Relations,
    SelfAttention,
    attend,
    key_bias,
    merge_heads,
    sinusoids,
    split_heads,
)


def spread(module, seed=0):
    """The module with every parameter random, biases included."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return module.eval()


def slow_attention(q_Td, k_Td, v_Te, allowed_TT, bias, heads):
    """One conversation: softmax by hand over the allowed keys. `bias(head, query, key)` is a number."""
    t, d, e = q_Td.shape[0], q_Td.shape[1] // heads, v_Te.shape[1] // heads
    out = torch.zeros(t, v_Te.shape[1], dtype=torch.float64)
    for h in range(heads):
        q, k = (x[:, h * d : (h + 1) * d].double() for x in (q_Td, k_Td))
        v = v_Te[:, h * e : (h + 1) * e].double()
        for i in range(t):
            keys = [j for j in range(t) if allowed_TT[i][j]]
            weights = [math.exp(float(q[i] @ k[j]) / math.sqrt(d) + bias(h, i, j)) for j in keys]
            for weight, j in zip(weights, keys, strict=True):
                out[i, h * e : (h + 1) * e] += weight / sum(weights) * v[j]
    return out


def slow_bias(module, config, speakers):
    """The learned bias of one pair of utterances, from its definition."""

    def bias(head, query, key):
        offset = max(-config.max_distance, min(config.max_distance, key - query))
        value = module.position[offset + config.max_distance, head].item()
        if config.speaker_bias and speakers[query] == speakers[key]:
            value += module.same_speaker[head].item()
        return value

    return bias


def within_reach(config, query, key):
    return (not config.causal or key <= query) and (config.window is None or abs(key - query) <= config.window)


CONFIGS = [
    {},
    {"speaker_bias": False},
    {"causal": True},
    {"window": 0},
    {"window": 2},
    {"window": 2, "causal": True},
    {"heads": 1, "max_distance": 1},
]


@torch.no_grad()
@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_self_attention_is_softmax_by_hand_on_each_conversation(changes, make_samples):
    config = AttentionConfig(**{"heads": 2, "max_distance": 2, **changes})
    samples = make_samples(lengths=(6, 1, 4))
    batch = collate(samples)
    module = spread(SelfAttention(config, 8))
    x = torch.randn(3, 6, 8)
    out = module(x, Relations.of(batch, config))
    for i, sample in enumerate(samples):
        n = len(sample)
        q, k, v = module.project_in(x[i, :n]).chunk(3, dim=-1)
        allowed = [[within_reach(config, a, b) for b in range(n)] for a in range(n)]
        slow = slow_attention(q, k, v, allowed, slow_bias(module.bias, config, sample.speakers), config.heads)
        torch.testing.assert_close(out[i, :n].double(), module.project_out.double()(slow), rtol=1e-4, atol=1e-4)
        module.project_out.float()


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_relations_pair_by_pair(changes, make_samples):
    config = AttentionConfig(**{"max_distance": 2, **changes})
    samples = make_samples(lengths=(5, 2), speakers=2)
    batch = collate(samples)
    relations = Relations.of(batch, config)
    keys = relations.keys(batch.modalities[0])
    assert relations.keys(batch.modalities[0]) is keys
    assert torch.equal(relations.keys().allowed, relations.allowed)
    assert torch.equal(keys.bias[:, 0] == 0, keys.allowed) and torch.equal(keys.bias[:, 0] == MASKED, ~keys.allowed)
    assert relations.distances.tolist() == [
        max(-config.max_distance, min(config.max_distance, offset)) + config.max_distance for offset in range(-4, 5)
    ]
    for i, sample in enumerate(samples):
        for query in range(len(sample)):
            for key in range(5):
                real = key < len(sample)
                assert bool(relations.allowed[i, query, key]) == (real and within_reach(config, query, key))
                assert bool(keys.allowed[i, query, key]) == bool(relations.allowed[i, query, key] and sample.present[key, 0])
                shifted = max(-config.max_distance, min(config.max_distance, key - query)) + config.max_distance
                assert int(relations.distance[query, key]) == shifted
                if real:
                    assert float(relations.same_speaker[i, query, key]) == float(sample.speakers[query] == sample.speakers[key])


def test_a_forbidden_key_has_no_weight_at_all(make_samples):
    batch = collate(make_samples(lengths=(4,), absent=0))
    config = AttentionConfig(heads=2, window=1)
    module = spread(SelfAttention(config, 8))
    x = torch.randn(1, 4, 8)
    changed = x.clone()
    changed[0, 3] += 100.0
    relations = Relations.of(batch, config)
    assert torch.equal(module(x, relations)[0, :2], module(changed, relations)[0, :2])
    assert not torch.allclose(module(x, relations)[0, 2], module(changed, relations)[0, 2])


def test_a_query_without_any_key_stays_finite():
    q = torch.randn(1, 3, 4)
    bias = torch.full((1, 2, 3, 3), MASKED)
    out = attend(q, q, q, bias, heads=2)
    torch.testing.assert_close(out, q.mean(dim=1, keepdim=True).expand_as(q))
    with torch.no_grad():
        torch.testing.assert_close(attend(q, q, q, bias, heads=2), out)


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
def test_with_and_without_gradients_attention_is_the_same(changes, make_samples):
    config = AttentionConfig(**{"heads": 2, "max_distance": 2, **changes})
    relations = Relations.of(collate(make_samples(lengths=(5, 2), speakers=2)), config)
    module, x = spread(SelfAttention(config, 8)), torch.randn(2, 5, 8)
    with torch.no_grad():
        fused = module(x, relations)
    torch.testing.assert_close(fused, module(x, relations), rtol=1e-5, atol=1e-6)


def test_heads_are_split_and_merged_without_loss():
    x = torch.randn(2, 3, 8)
    split = split_heads(x, 4)
    assert split.shape == (2, 4, 3, 2)
    assert torch.equal(split[1, 2, 0], x[1, 0, 4:6])
    assert torch.equal(merge_heads(split), x)


def test_a_bias_that_starts_on_the_diagonal_prefers_the_same_utterance(make_samples):
    batch = collate(make_samples(lengths=(5,), absent=0))
    config = AttentionConfig(heads=2, max_distance=2)
    relations = Relations.of(batch, config)
    bias = RelationBias(config, start_on_diagonal=True)(relations, relations.keys())
    assert torch.equal(bias.argmax(dim=-1), torch.arange(5).expand(1, 2, 5))
    flat = RelationBias(config, start_on_diagonal=False)(relations, relations.keys())
    assert torch.equal(flat, torch.zeros_like(flat))


def test_positions_are_the_waves_of_vaswani():
    def wave(position, column, d):
        angle = position / 10_000 ** ((column - column % 2) / d)
        return math.cos(angle) if column % 2 else math.sin(angle)

    for d in (1, 6, 7):
        expected = torch.tensor([[wave(t, column, d) for column in range(d)] for t in range(30)])
        torch.testing.assert_close(sinusoids(30, d, torch.device("cpu")), expected, rtol=0, atol=1e-5)


def test_only_the_padding_is_no_key():
    bias = key_bias(torch.tensor([[True, True, False]]), heads=2)
    assert bias.tolist() == [[[[0.0, 0.0, MASKED]] * 3] * 2]
    assert bias.is_contiguous()
