"""SDT against a twin written from its equations, utterance by utterance; its loss by hand; and what must not matter to it."""

import math
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from merc.data.batching import Batch, collate
from merc.networks.rivals.sdt import SDTConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
CLASSES = 3


def made(count=3, seed=0, **config):
    """A small network, every parameter off its start, no dropout."""
    torch.manual_seed(seed)
    small = SDTConfig(**{"width": 8, "heads": 2, "dropout": 0.0, "speakers": 2, **config})
    network = small.build(dict(list(WIDTHS.items())[:count]), CLASSES)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network.eval()


@pytest.fixture
def batch_of(make_samples):
    """A batch of 5, 1, 4 and 2 utterances of up to four speakers, some modalities absent, some utterances unlabelled."""

    def make(count=3, lengths=(5, 1, 4, 2), **more):
        return collate(make_samples(seed=3, lengths=lengths, widths=dict(list(WIDTHS.items())[:count]), speakers=4, **more))

    return make


def everything(output):
    """All logits as one tensor (B, T, levels * C)."""
    return torch.cat([output.coarse.logits, *(level.logits for level in output.unimodal.values())], dim=-1)


# --- The twin: vectors of single utterances, loops, and no function of the network but its weights. ---


def linear(layer, x):
    return layer.weight @ x if layer.bias is None else layer.weight @ x + layer.bias


def norm(layer, x):
    mean = sum(x) / len(x)
    variance = sum((x - mean) ** 2) / len(x)
    return (x - mean) / torch.sqrt(variance + layer.eps) * layer.weight + layer.bias


def softmax(numbers):
    exponentials = [math.exp(float(n)) for n in numbers]
    return [e / sum(exponentials) for e in exponentials]


def attention(query, keys, values, heads):
    """What one query reads: for each head softmax(q k / sqrt(width of a head)) over all keys, heads side by side."""
    k = len(query) // heads
    read = []
    for h in range(heads):
        part = slice(h * k, (h + 1) * k)
        weights = softmax([query[part] @ key[part] / math.sqrt(k) for key in keys])
        read.append(sum(w * value[part] for w, value in zip(weights, values, strict=True)))
    return torch.cat(read)


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def wave(position, d):
    return torch.tensor([(math.cos if i % 2 else math.sin)(position / 10_000 ** ((i - i % 2) / d)) for i in range(d)])


def twin_encoder(encoder, target, source, heads):
    """Target and source are lists of vectors; so is the answer."""
    d = len(target[0])
    read = [linear(encoder.kv_projection, norm(encoder.norm, x)) for x in source]
    gated = []
    for x in target:
        query = linear(encoder.query, norm(encoder.norm, x))
        x = x + linear(encoder.project_out, attention(query, [r[:d] for r in read], [r[d:] for r in read], heads))
        h = x + linear(encoder.feed_2, gelu(linear(encoder.feed_1, norm(encoder.norm_feed, x))))
        gated.append(sigmoid(encoder.gate.weight @ h) * h)
    return gated


def twin(network, inputs, present, speakers):
    """Fused logits and the logits of each modality, lists over the utterances of one conversation.

    Args:
        network: whose weights are used.
        inputs: modality -> list of rows.
        present: a list of rows of flags.
        speakers: a list of indices.
    """
    d, heads, names = network.config.width, network.config.heads, list(inputs)
    streams = {}
    for column, m in enumerate(names):
        streams[m] = []
        for t, who in enumerate(speakers):
            x = linear(network.project[m], inputs[m][t]) if present[t][column] else network.absent[column]
            streams[m].append(x + wave(t, d) + network.speaker.weight[min(who, network.config.speakers - 1)])
    views = {}
    for m in names:
        order = [m] + [n for n in names if n != m]
        read = [twin_encoder(network.views[m].encoders[n], streams[m], streams[n], heads) for n in order]
        views[m] = [linear(network.views[m].merge, torch.cat([r[t] for r in read])) for t in range(len(speakers))]
    fused = []
    for t in range(len(speakers)):
        scores = {m: views[m][t] if len(names) == 1 else network.weigh.weight @ views[m][t] for m in names}
        row = []
        for i in range(d):
            shares = softmax([scores[m][i] for m in names])
            row.append(sum(share * views[m][t][i] for share, m in zip(shares, names, strict=True)))
        fused.append(linear(network.classifier, torch.stack(row)))
    return fused, {m: [linear(network.unimodal_classifiers[m], h) for h in views[m]] for m in names}


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 2, 3])
@torch.no_grad()
def test_it_equals_the_equations_utterance_by_utterance(batch_of, count, heads):
    network, batch = made(count, heads=heads), batch_of(count)
    assert not batch.present[batch.valid].all()
    assert batch.speakers.max() > 1  # beyond the embeddings
    output = network(batch)
    assert list(output.unimodal) == list(WIDTHS)[:count]
    for i, n in enumerate(batch.valid.sum(dim=1).tolist()):
        inputs = {m: list(x[i, :n]) for m, x in batch.inputs.items()}
        fused, unimodal = twin(network, inputs, batch.present[i, :n].tolist(), batch.speakers[i, :n].tolist())
        torch.testing.assert_close(output.coarse.logits[i, :n], torch.stack(fused), rtol=1e-5, atol=1e-5)
        for m, rows in unimodal.items():
            torch.testing.assert_close(output.unimodal[m].logits[i, :n], torch.stack(rows), rtol=1e-5, atol=1e-5)


# --- The loss ---


def divergence_by_hand(teacher, student, temperature):
    p, q = softmax([x / temperature for x in teacher]), softmax([x / temperature for x in student])
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("temperature", [1.0, 8.0])
@pytest.mark.parametrize("count", [1, 3])
def test_the_three_terms_by_hand(batch_of, count, temperature):
    network, batch = made(count, temperature=temperature), batch_of(count)
    with torch.no_grad():
        output = network(batch)
    terms = network.terms(output, batch, F.cross_entropy)
    assert list(terms) == ["coarse", "unimodal", "logit"]
    assert not network.wants_teacher
    labelled = [(i, t) for i, t in batch.labelled.nonzero().tolist()]
    valid = [(i, t) for i, t in batch.valid.nonzero().tolist()]
    assert 0 < len(labelled) < len(valid) < batch.valid.numel()

    def nll(level):
        logs = [math.log(softmax(level.logits[i, t])[batch.labels[i, t]]) for i, t in labelled]
        return -sum(logs) / len(logs)

    def divergence(level):
        return sum(divergence_by_hand(output.coarse.logits[i, t], level.logits[i, t], temperature) for i, t in valid) / len(valid)

    expected = {
        "coarse": nll(output.coarse),
        "unimodal": sum(nll(level) for level in output.unimodal.values()),
        "logit": sum(divergence(level) for level in output.unimodal.values()),
    }
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_distillation_moves_teacher_and_students(batch_of, temperature):
    """With p, q the softened teacher and student: dKL/dteacher = p (log(p/q) - KL) / T, dKL/dstudent = (q - p) / T."""
    network, batch = made(temperature=temperature), batch_of()
    output = network(batch)
    teacher, students = output.coarse.logits, [level.logits for level in output.unimodal.values()]
    found = torch.autograd.grad(network.terms(output, batch, F.cross_entropy)["logit"], [teacher, *students])
    weight = batch.valid[..., None] / (batch.valid.sum() * temperature)
    p = (teacher / temperature).softmax(-1)
    by_teacher = torch.zeros_like(teacher)
    for student, gradient in zip(students, found[1:], strict=True):
        q = (student / temperature).softmax(-1)
        ratio = (p / q).log()
        by_teacher = by_teacher + p * (ratio - (p * ratio).sum(-1, keepdim=True)) * weight
        torch.testing.assert_close(gradient, (q - p) * weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[0], by_teacher, rtol=1e-4, atol=1e-6)
    assert found[0][batch.valid].abs().max() > 1e-3


def test_the_classification_loss_is_the_one_that_is_given(batch_of):
    network, batch = made(), batch_of()
    terms = network.terms(network(batch), batch, lambda logits, labels: logits.sum() * 0 + len(labels))
    assert terms["coarse"] == batch.labelled.sum()
    assert terms["unimodal"] == 3 * batch.labelled.sum()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_parameter_is_trained(batch_of, count):
    network, batch = made(count, dropout=0.1).train(), batch_of(count)
    sum(network.terms(network(batch), batch, F.cross_entropy).values()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


# --- What must not matter, and what must ---


def test_padding_has_no_speaker_and_gives_nobody_a_gradient(batch_of):
    """Of two conversations one is padded; if padding counted as the first speaker, it would train that embedding."""
    network, batch = made(), batch_of(lengths=(5, 2))
    batch = replace(batch, speakers=torch.where(batch.valid, 1, -1))
    everything(network(batch))[~batch.valid].sum().backward()
    assert network.speaker.weight.grad[0].abs().max() == 0
    assert network.speaker.weight.grad[1].abs().max() > 0  # a padded query reads the valid keys


def test_a_batch_with_a_row_of_nothing_but_padding_is_finite(batch_of):
    network, batch = made(), batch_of()
    empty = Batch(
        {m: torch.zeros_like(x) for m, x in batch.inputs.items()},
        torch.zeros_like(batch.present),
        torch.zeros_like(batch.valid),
        torch.full_like(batch.speakers, -1),
        torch.full_like(batch.labels, -1),
    )
    assert torch.isfinite(everything(network(empty))).all()
    assert network.terms(network(empty), empty, lambda logits, labels: logits.sum())["logit"] == 0


def test_speakers_matter_as_far_as_there_are_embeddings(batch_of):
    network, batch = made(speakers=3), batch_of()

    def said(*names):
        """What is said when speakers 0 to 3 have these indices."""
        return everything(network(replace(batch, speakers=torch.where(batch.valid, torch.tensor(names)[batch.speakers], -1))))

    assert torch.equal(said(0, 1, 2, 2), said(0, 1, 2, 700))
    assert (said(0, 1, 2, 2) - said(0, 1, 2, 1))[batch.valid].abs().max() > 1e-3


def test_order_of_utterances_matters(batch_of):
    network, batch = made(), batch_of(lengths=(4,), absent=0)
    back = {m: x.flip(1) for m, x in batch.inputs.items()}
    turned = everything(network(replace(batch, inputs=back, speakers=batch.speakers.flip(1)))).flip(1)
    assert (turned - everything(network(batch))).abs().max() > 1e-3


# --- Building, saving ---


def test_eight_modalities(make_samples):
    widths = {f"m{i}": 2 + i for i in range(8)}
    network = SDTConfig(width=8, heads=2).build(widths, CLASSES)
    batch = collate(make_samples(widths=widths))
    output = network(batch)
    sum(network.terms(output, batch, F.cross_entropy).values()).backward()
    assert list(output.unimodal) == list(widths)
    assert torch.isfinite(everything(output)).all()
    assert len(list(network.views)) == 8
    assert all(next(iter(view.encoders)) == m and len(view.encoders) == 8 for m, view in network.views.items())


def test_heads_must_divide_the_width():
    with pytest.raises(ValidationError, match="width 9 is not a multiple of heads 2"):
        SDTConfig(width=9, heads=2)
