"""MulT against a twin written from its equations, utterance by utterance, and what must not matter to it."""

import math
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from merc.data.batching import collate
from merc.networks.rivals.mult import MulTConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
CLASSES = 3


def made(count=3, seed=0, **config):
    """A small network, every parameter off its start, no dropout."""
    torch.manual_seed(seed)
    small = MulTConfig(**{"width": 4, "heads": 2, "dropout": 0.0, **config})
    network = small.build(dict(list(WIDTHS.items())[:count]), CLASSES)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network.eval()


@pytest.fixture
def batch_of(make_samples):
    """A batch of 5, 1, 4 and 2 utterances, some modalities absent, some utterances unlabelled."""

    def make(count=3, lengths=(5, 1, 4, 2), **more):
        return collate(make_samples(seed=3, lengths=lengths, widths=dict(list(WIDTHS.items())[:count]), **more))

    return make


# --- The twin: vectors of single utterances, loops, and no function of the network but its weights. ---


def linear(layer, x):
    return layer.weight @ x if layer.bias is None else layer.weight @ x + layer.bias


def norm(layer, x):
    mean = sum(x) / len(x)
    variance = sum((x - mean) ** 2) / len(x)
    return (x - mean) / torch.sqrt(variance + layer.eps) * layer.weight + layer.bias


def relu(x):
    return torch.where(x > 0, x, 0.0)


def attention(query, keys, values, heads):
    """What one query reads: for each head softmax(q k / sqrt(width of a head)) over all keys, heads side by side."""
    k = len(query) // heads
    read = []
    for h in range(heads):
        part = slice(h * k, (h + 1) * k)
        weights = [math.exp(query[part] @ key[part] / math.sqrt(k)) for key in keys]
        read.append(sum(w / sum(weights) * value[part] for w, value in zip(weights, values, strict=True)))
    return torch.cat(read)


def wave(position, d):
    return torch.tensor([(math.cos if i % 2 else math.sin)(position / 10_000 ** ((i - i % 2) / d)) for i in range(d)])


def twin_transformer(transformer, stream, source, heads):
    """Stream and source are lists of vectors; so is the answer. Without a source the stream reads itself, anew in each layer."""
    d = len(stream[0])
    for layer in transformer.layers:
        if source is None:
            read = [linear(layer.kv_projection, norm(layer.norm_target, x)) for x in stream]
        else:
            read = [linear(layer.kv_projection, norm(layer.norm_source, x)) for x in source]
        after = []
        for x in stream:
            query = linear(layer.query, norm(layer.norm_target, x))
            x = x + linear(layer.project_out, attention(query, [r[:d] for r in read], [r[d:] for r in read], heads))
            after.append(x + linear(layer.feed_2, relu(linear(layer.feed_1, norm(layer.norm_feed, x)))))
        stream = after
    return [norm(transformer.norm, x) for x in stream]


def twin(network, inputs, present):
    """Logits, a list over the utterances of one conversation.

    Args:
        network: whose weights are used.
        inputs: modality -> list of rows.
        present: a list of rows of flags.
    """
    d, heads, names, length = network.config.width, network.config.heads, list(inputs), len(present)
    streams = {}
    for column, m in enumerate(names):
        streams[m] = []
        for t in range(length):
            x = linear(network.project[m], inputs[m][t]) if present[t][column] else network.absent[column]
            streams[m].append(x + wave(t, d))
    remembered = {}
    for m in names:
        target = network.targets[m]
        read = [twin_transformer(target.crossmodal[n], streams[m], streams[n], heads) for n in names if n != m]
        joined = [torch.cat([r[t] for r in read]) for t in range(length)] if read else streams[m]
        remembered[m] = twin_transformer(target.memory, joined, None, heads)
    logits = []
    for t in range(length):
        h = torch.cat([remembered[m][t] for m in names])
        h = h + linear(network.mix_2, relu(linear(network.mix_1, h)))
        logits.append(linear(network.classifier, h))
    return logits


@pytest.mark.parametrize("layers", [(1, 1), (3, 1), (1, 2)])
@pytest.mark.parametrize("count", [1, 2, 3])
@torch.no_grad()
def test_it_equals_the_equations_utterance_by_utterance(batch_of, count, layers):
    network, batch = made(count, layers=layers[0], self_layers=layers[1]), batch_of(count)
    assert not batch.present[batch.valid].all()
    logits = network(batch).coarse.logits
    for i, n in enumerate(batch.valid.sum(dim=1).tolist()):
        rows = twin(network, {m: list(x[i, :n]) for m, x in batch.inputs.items()}, batch.present[i, :n].tolist())
        torch.testing.assert_close(logits[i, :n], torch.stack(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_parameter_is_trained(batch_of, count):
    network, batch = made(count, dropout=0.1, layers=2).train(), batch_of(count)
    network.terms(network(batch), batch, F.cross_entropy)["coarse"].backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_all_modalities_play_the_same_role():
    """Each is read by each other one, and all transformers of a kind have the same sizes."""
    network = made()
    for m, target in network.targets.items():
        assert list(target.crossmodal) == [n for n in WIDTHS if n != m]
    sizes = [{name: p.shape for name, p in target.memory.named_parameters()} for target in network.targets.values()]
    assert sizes[0] == sizes[1] == sizes[2]
    assert sizes[0]["norm.weight"] == (2 * 4,)
    assert network.classifier.in_features == 3 * 2 * 4


# --- What must not matter, and what must ---


def test_order_of_utterances_matters(batch_of):
    network, batch = made(), batch_of(lengths=(4,), absent=0)
    back = {m: x.flip(1) for m, x in batch.inputs.items()}
    turned = network(replace(batch, inputs=back)).coarse.logits.flip(1)
    assert (turned - network(batch).coarse.logits).abs().max() > 1e-3


# --- Building, saving ---


def test_eight_modalities(make_samples):
    widths = {f"m{i}": 2 + i for i in range(8)}
    network = MulTConfig(width=4, heads=2).build(widths, CLASSES)
    batch = collate(make_samples(widths=widths))
    output = network(batch)
    network.terms(output, batch, F.cross_entropy)["coarse"].backward()
    assert torch.isfinite(output.coarse.logits).all()
    assert network.classifier.in_features == 8 * 7 * 4


def test_heads_must_divide_the_width():
    with pytest.raises(ValidationError, match="width 9 is not a multiple of heads 2"):
        MulTConfig(width=9, heads=2)
