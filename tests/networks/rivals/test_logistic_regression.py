"""Logistic regression: scikit-learn's on the same table is its slow twin, and no utterance knows its neighbours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from torch.nn import functional as F

from merc.data.batching import collate
from merc.networks.rivals.logistic_regression import LogisticRegressionConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
LENGTHS = (5, 1, 7, 3)


@pytest.fixture
def network():
    """Every parameter off its start."""
    made = LogisticRegressionConfig().build(WIDTHS, 3)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter))
    return made.eval()


@pytest.fixture
def samples(make_samples):
    return make_samples(lengths=LENGTHS)


def table_of(samples):
    """One row an utterance: the features of each modality, or zeros, and then the flags."""
    rows = []
    for sample in samples:
        for t in range(len(sample)):
            parts = [x[t] if there else 0 * x[t] for x, there in zip(sample.inputs.values(), sample.present[t], strict=True)]
            rows.append(np.concatenate([*parts, sample.present[t]]).astype(np.float64))
    return np.stack(rows)


def test_trained_to_the_end_it_is_scikit_learns(make_samples):
    samples, ridge = make_samples(seed=2, lengths=(20, 9, 31, 14)), 0.02
    table, labels = table_of(samples), np.concatenate([s.labels for s in samples])
    known = labels >= 0
    twin = ScikitLogisticRegression(C=1 / (ridge * known.sum()), tol=1e-9, max_iter=10_000).fit(table[known], labels[known])

    network = LogisticRegressionConfig().build(WIDTHS, 3).double()
    batch = collate(samples)
    batch = replace(batch, inputs={m: x.double() for m, x in batch.inputs.items()})
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=2000, tolerance_change=1e-15, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = network.terms(network(batch), batch, F.cross_entropy)["coarse"] + ridge / 2 * network.linear.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    found = network(batch).coarse.logits.softmax(dim=-1)[batch.valid].detach().numpy()
    expected = twin.predict_proba(table)
    assert np.ptp(expected, axis=0).min() > 0.3, "answers that are all alike would prove little"
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_logits_are_one_linear_map_of_one_utterance(network, samples):
    batch = collate(samples)
    weight, bias = network.linear.weight.detach().numpy(), network.linear.bias.detach().numpy()
    expected = np.stack([weight @ row + bias for row in table_of(samples)])
    np.testing.assert_allclose(network(batch).coarse.logits[batch.valid].detach().numpy(), expected, rtol=0, atol=1e-5)


def test_it_starts_at_zero_and_still_every_parameter_is_trained(samples):
    network, batch = LogisticRegressionConfig().build(WIDTHS, 3).train(), collate(samples)
    assert all(torch.equal(p, torch.zeros_like(p)) for p in network.parameters())
    network.terms(network(batch), batch, F.cross_entropy)["coarse"].backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().min() > 0] == []


def test_neighbours_never_matter(network, samples):
    batch = collate(samples)
    inputs = {m: x.clone() for m, x in batch.inputs.items()}
    present = batch.present.clone()
    present[0, 3] = True
    for x in inputs.values():
        x[0, 3] += 2.0
    with torch.inference_mode():
        moved = (network(batch).coarse.logits - network(replace(batch, inputs=inputs, present=present)).coarse.logits).abs()
    touched = torch.zeros_like(batch.valid)
    touched[0, 3] = True
    assert moved[0, 3].max() > 0.1
    assert moved[~touched].max() == 0


def test_but_absence_itself_matters(network, samples):
    """A modality that is there and average has the features of an absent one, and another flag."""
    batch = collate(samples)
    assert not batch.present[0, 1].any()
    present = batch.present.clone()
    present[0, 1, 2] = True
    moved = network(replace(batch, present=present)).coarse.logits[0, 1] - network(batch).coarse.logits[0, 1]
    torch.testing.assert_close(moved, network.linear.weight[:, -1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", [1, 8])
def test_any_number_of_modalities_and_of_any_name(make_samples, count):
    widths = dict(zip(["keys", "text", "pop", "c", "d", "e", "f", "g"][:count], range(1, 9), strict=False))
    network, batch = LogisticRegressionConfig().build(widths, 4), collate(make_samples(widths=widths))
    assert network.linear.weight.shape == (4, sum(widths.values()) + count)
    assert network(batch).coarse.logits.shape == (*batch.valid.shape, 4)
    with torch.device("meta"):
        assert all(p.is_meta for p in LogisticRegressionConfig().build(widths, 4).parameters())
