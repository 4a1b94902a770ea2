"""What must not matter does not: padding, company, order, names of speakers, and the content of absent modalities.

On random and on trained weights, for every switch of the network, to 1e-5. Beside it: what must hold for any input.
"""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from merc.data.batching import Batch, collate
from merc.data.preprocessing import Sample
from switches import MODELS, WIDTHS, train
from unchecked import unchecked_shapes

TOLERANCE = 1e-5
WITHOUT_CONTEXT = {"aligned only", "logistic regression"}
NUMBERED_SPEAKERS = {
    "SDT"
}  # an embedding for each number; numbers follow the order of appearance, so names change nothing there either


@pytest.fixture(scope="module", params=["random", "trained"])
def network_of(request, make_network, make_samples):
    """Gives the network of a model by name, with random or with trained weights, and its widths. The random ones check shapes."""
    made = {}

    def make(name, count=3):
        if (name, count) not in made:
            widths = dict(list(WIDTHS.items())[:count])
            model = MODELS[name]
            if request.param == "random":
                network = make_network(widths=widths, **model)
            else:
                samples = make_samples(seed=5, lengths=(6, 4, 3), widths=widths, labelled=1.0)
                network = train(make_network(widths=widths, spread=0.0, **model), samples)
            made[name, count] = network, widths
        return made[name, count]

    with unchecked_shapes() if request.param == "trained" else nullcontext():
        yield make


def answers(network, batch):
    """Everything that a network says, as named tensors over (B, T)."""
    with torch.inference_mode():
        output = network(batch)
    found = {"coarse": output.coarse.logits.softmax(dim=-1)}
    found |= {f"fine/{m}": level.logits.softmax(dim=-1) for m, level in output.fine.items()}
    found |= {f"unimodal/{m}": level.logits.softmax(dim=-1) for m, level in output.unimodal.items()}
    if output.trust is not None:
        found |= {"trust": output.trust, "uncertainty": output.uncertainty[..., None]}
    return found


def agree(first, second):
    """Two sets of answers about the same utterances."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert torch.isfinite(values).all(), name
        torch.testing.assert_close(values, second[name], rtol=0, atol=TOLERANCE, msg=lambda m, name=name: f"{name}: {m}")


def rows(found, index, length):
    """What was said of one conversation."""
    return {name: values[index, :length] for name, values in found.items()}


def pad(batch, columns, rows_more=0, garbage=0.0):
    """The batch with more padding behind every conversation and below, and something in it."""
    b, t = batch.valid.shape

    def grown(x, fill):
        out = torch.full((b + rows_more, t + columns, *x.shape[2:]), fill, dtype=x.dtype)
        out[:b, :t] = x
        return out

    inputs = {m: torch.where(grown(batch.valid, False)[..., None], grown(x, 0.0), garbage) for m, x in batch.inputs.items()}
    return Batch(inputs, grown(batch.present, False), grown(batch.valid, False), grown(batch.speakers, -1), grown(batch.labels, -1))


@pytest.fixture(scope="module")
def samples_of(make_samples):
    """Conversations of 5, 1, 7 and 2 utterances; some utterances lack modalities, some all of them."""

    def make(widths, lengths=(5, 1, 7, 2), **more):
        return make_samples(seed=11, lengths=lengths, widths=widths, **more)

    return make


@pytest.mark.parametrize("name", MODELS)
def test_padding_and_what_lies_in_it_change_nothing(network_of, samples_of, name):
    network, widths = network_of(name)
    batch = collate(samples_of(widths))
    found = answers(network, batch)
    for padded in (pad(batch, 3), pad(batch, 6, rows_more=1), pad(batch, 2, garbage=40.0)):
        again = answers(network, padded)
        for i, n in enumerate(batch.valid.sum(dim=1).tolist()):
            agree(rows(found, i, n), rows(again, i, n))
        assert all(torch.isfinite(values).all() for values in again.values())


@pytest.mark.parametrize("name", MODELS)
def test_company_and_order_change_nothing(network_of, samples_of, name):
    network, widths = network_of(name)
    samples = samples_of(widths)
    alone = [rows(answers(network, collate([s])), 0, len(s)) for s in samples]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 0], [1, 3]):
        found = answers(network, collate([samples[i] for i in order]))
        for position, i in enumerate(order):
            agree(alone[i], rows(found, position, len(samples[i])))


@pytest.mark.parametrize("name", MODELS)
def test_what_stands_where_a_modality_is_absent_changes_nothing(network_of, samples_of, name):
    """At the network's own door: the batch as it comes holds garbage where `present` is False."""
    network, widths = network_of(name)
    batch = collate(samples_of(widths, absent=0.4))
    garbage = {
        m: torch.where(batch.present[..., i, None], x, torch.full_like(x, 30.0) * (-1) ** i)
        for i, (m, x) in enumerate(batch.inputs.items())
    }
    assert any(not torch.equal(garbage[m], batch.inputs[m]) for m in garbage)
    perturbed = replace(batch, inputs=garbage)
    found, again = answers(network, batch), answers(network, perturbed)
    for i, n in enumerate(batch.valid.sum(dim=1).tolist()):
        agree(rows(found, i, n), rows(again, i, n))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in NUMBERED_SPEAKERS])
@pytest.mark.parametrize("speakers", [1, 2, 5])
def test_names_of_speakers_change_nothing(network_of, samples_of, name, speakers):
    network, widths = network_of(name)
    batch = collate(samples_of(widths, speakers=speakers))
    permuted = torch.where(batch.valid, torch.tensor([17, 3, 0, 99, 5, 4])[batch.speakers], -1)
    found, again = answers(network, batch), answers(network, replace(batch, speakers=permuted))
    for i, n in enumerate(batch.valid.sum(dim=1).tolist()):
        agree(rows(found, i, n), rows(again, i, n))


def test_but_who_speaks_does_matter(network_of, samples_of):
    network, widths = network_of("pool")
    batch = collate(samples_of(widths, lengths=(6,), speakers=2))
    alike = replace(batch, speakers=torch.zeros_like(batch.speakers))
    assert (answers(network, batch)["coarse"] - answers(network, alike)["coarse"]).abs().max() > TOLERANCE


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_modalities_and_a_conversation_of_one_utterance(network_of, samples_of, name, count):
    network, widths = network_of(name, count)
    samples = samples_of(widths)
    found = answers(network, collate(samples))
    for values in found.values():
        assert torch.isfinite(values).all()
    for i, sample in enumerate(samples):
        there = torch.from_numpy(sample.present)
        for level, values in rows(found, i, len(sample)).items():
            if level == "trust":
                torch.testing.assert_close(values.sum(dim=-1), there.any(dim=-1).float(), rtol=0, atol=TOLERANCE)
                assert torch.equal(values[~there], torch.zeros_like(values[~there]))
                assert (values[there] > 0).all()
            elif level == "uncertainty":
                assert (values > 0).all()
            else:
                torch.testing.assert_close(values.sum(dim=-1), torch.ones(len(sample)), rtol=0, atol=TOLERANCE)
    agree(rows(found, 1, 1), rows(answers(network, collate([samples[1]])), 0, 1))


@pytest.mark.parametrize("name", [name for name in MODELS if name not in WITHOUT_CONTEXT])
def test_an_utterance_without_any_modality_is_judged_from_its_context(network_of, samples_of, name):
    network, widths = network_of(name)
    (sample,) = samples_of(widths, lengths=(5,), absent=0)
    present = sample.present.copy()
    present[1:3] = [[False] * 3, [False] * 3]
    present[[0, 3, 4]] = True
    inputs = {m: x * present[:, i, None] for i, (m, x) in enumerate(sample.inputs.items())}
    here = replace(sample, inputs=inputs, present=present)
    other = replace(here, inputs={m: np.concatenate([-x[:1] + 1, x[1:]]) for m, x in inputs.items()})
    with torch.inference_mode():  # logits: a probability of 1 hides that something moved
        first, second = (network(collate([given])).coarse.logits[0] for given in (here, other))
    assert torch.isfinite(first).all()
    assert (first[1] - second[1]).abs().max() > TOLERANCE


@pytest.mark.parametrize("name", MODELS)
def test_nothing_at_all_is_answered_with_finite_numbers(network_of, samples_of, name):
    network, widths = network_of(name)
    batch = collate(samples_of(widths))
    nothing = batch.with_inputs(batch.inputs, torch.zeros_like(batch.present))
    assert all(torch.isfinite(values).all() for values in answers(network, nothing).values())


@pytest.mark.parametrize("name", MODELS)
def test_padding_and_absent_content_get_no_gradient(network_of, samples_of, name):
    network, widths = network_of(name)
    batch = collate(samples_of(widths, absent=0.4, labelled=1.0))
    inputs = {m: x.clone().requires_grad_() for m, x in batch.inputs.items()}
    given = replace(batch, inputs=inputs)
    network.train()
    output = network(given)

    def classify(logits, labels):
        return torch.nn.functional.cross_entropy(logits, labels, reduction="sum")

    terms = network.terms(output, given, classify, output)
    network.eval()
    sum(terms[term] for term in terms).backward()
    network.zero_grad()
    for i, x in enumerate(inputs.values()):
        away = ~batch.present[..., i]
        assert torch.isfinite(x.grad).all()
        assert torch.equal(x.grad[away], torch.zeros_like(x.grad[away]))
        assert (x.grad[~away].abs().sum(dim=-1) > 0).any()


def test_the_checks_can_fail(samples_of):
    """A network that reads the padding, its company and absent content is caught by each comparison above."""

    class Leaky(torch.nn.Module):
        def forward(self, batch):
            x = torch.cat(list(batch.inputs.values()), dim=-1)
            logits = x[..., :3] * (1 + x.mean() + batch.speakers.float().mean())
            level = type("Level", (), {"logits": logits})
            return type("Output", (), {"coarse": level, "fine": {}, "unimodal": {}, "trust": None})

    samples = samples_of(WIDTHS)
    assert isinstance(samples[0], Sample)
    batch = collate(samples)
    leaky = Leaky()
    found = answers(leaky, batch)
    for changed in (pad(batch, 3, garbage=40.0), replace(batch, speakers=batch.speakers + 2)):
        with pytest.raises(AssertionError):
            agree(rows(found, 0, 5), rows(answers(leaky, changed), 0, 5))
    with pytest.raises(AssertionError):
        agree(rows(found, 0, 5), rows(answers(leaky, collate(samples[:1])), 0, 5))
