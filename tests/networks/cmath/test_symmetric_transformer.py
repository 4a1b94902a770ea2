"""The symmetric ablation against a slow twin: all modalities attend to all, with one set of weights."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from merc.data.batching import collate
from merc.networks.attention import AttentionConfig, Relations
from merc.networks.cmath.cma_transformer import TowerConfig
from merc.networks.cmath.symmetric_transformer import SymmetricTransformer

D, HEADS = 8, 2
ATTENTION = AttentionConfig(heads=HEADS, max_distance=2)


def relations_of(batch):
    """The batch's, its three modalities under other names."""
    relations = Relations.of(batch, ATTENTION)
    return replace(relations, present=dict(zip("abc", relations.present.values(), strict=True)))


@pytest.fixture(scope="module", params=[1, 2], ids=["one layer", "two layers"])
def transformer(request):
    torch.manual_seed(3)
    made = SymmetricTransformer(ATTENTION, TowerConfig(layers=request.param, feed_forward=2), D, list("abc"), 0.0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made.eval()


def slow_layer(layer, streams, present, speakers):
    """One layer on one conversation: streams is (M, T, d), present (M, T)."""
    m_count, t_count, _ = streams.shape
    q, k, v = (x.reshape(m_count, t_count, HEADS, -1) for x in layer.project_in(layer.norm_self(streams)).chunk(3, dim=-1))
    attended = torch.zeros(m_count, t_count, HEADS, D // HEADS)
    for m in range(m_count):
        for t in range(t_count):
            for head in range(HEADS):
                logits, values = [], []
                for n in range(m_count):
                    table = layer.within if n == m else layer.between
                    for u in range(t_count):
                        if n != m and not present[n, u]:
                            continue
                        place = min(max(u - t, -2), 2) + 2
                        bias = table.position[place, head] + table.same_speaker[head] * float(speakers[u] == speakers[t])
                        logits.append(q[m, t, head] @ k[n, u, head] / math.sqrt(D // HEADS) + bias)
                        values.append(v[n, u, head])
                weights = torch.softmax(torch.stack(logits), dim=0)
                attended[m, t, head] = (weights[:, None] * torch.stack(values)).sum(dim=0)
    h = streams + layer.project_out(attended.reshape(m_count, t_count, D))
    return h + layer.feed_2(F.gelu(layer.feed_1(layer.norm_feed(h))))


def test_it_equals_its_slow_twin(transformer, make_samples):
    batch = collate(make_samples(lengths=(4, 2, 3), absent=0.4))
    relations = relations_of(batch)
    torch.manual_seed(1)
    streams = {m: torch.randn(3, 4, D) for m in "abc"}
    with torch.no_grad():
        found = transformer(streams, relations)
        for b, t in enumerate((4, 2, 3)):
            h = torch.stack([x[b, :t] + transformer.modality[i] for i, x in enumerate(streams.values())])
            for layer in transformer.layers:
                h = slow_layer(layer, h, batch.present[b, :t].T, batch.speakers[b, :t])
            expected = transformer.norm(h)
            for i, m in enumerate("abc"):
                torch.testing.assert_close(found[m][b, :t], expected[i], rtol=1e-5, atol=1e-5)


def test_modalities_play_the_same_part(transformer, make_samples):
    """Exchanging two modalities, and the vectors by which they are known, exchanges what comes out."""
    batch = collate(make_samples(lengths=(4,), absent=0))
    relations = relations_of(batch)
    streams = {m: torch.randn(1, 4, D) for m in "abc"}
    with torch.no_grad():
        found = transformer(streams, relations)
        vectors = transformer.modality.clone()
        transformer.modality.copy_(vectors[[1, 0, 2]])
        swapped = transformer({"a": streams["b"], "b": streams["a"], "c": streams["c"]}, relations)
        transformer.modality.copy_(vectors)
    for one, other in (("a", "b"), ("b", "a"), ("c", "c")):
        torch.testing.assert_close(found[one], swapped[other], rtol=1e-5, atol=1e-5)


def test_cmath_takes_it_in_place_of_the_towers(make_network):
    network = make_network(tower={"auxiliaries": "symmetric"}, central=["text", "visual"])
    assert len(network.towers) == 0
    assert network.symmetric is not None
