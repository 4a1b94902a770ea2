"""bc-LSTM: its slow twin goes utterance by utterance with torch's single cell, and the padding never gets into a direction."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from merc.data.batching import collate
from merc.errors import RecipeError
from merc.networks.rivals.bc_lstm import BcLSTMConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
LENGTHS = (5, 1, 7, 3)  # neither sorted nor alike


@pytest.fixture
def make():
    """Builds a small network with every parameter off its start."""

    def make(widths=WIDTHS, **changes):
        torch.manual_seed(0)
        network = BcLSTMConfig(**{"width": 8, "dropout": 0.0, **changes}).build(widths, 3)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.8)
        return network.eval()

    return make


@pytest.fixture
def samples(make_samples):
    return make_samples(lengths=LENGTHS)


def logits_of(network, batch):
    with torch.inference_mode():
        return network(batch).coarse.logits


def states_by_steps(lstm, layer, suffix, rows):
    """The hidden state after each row, with one cell and the weights of one direction of one layer."""
    cell = nn.LSTMCell(rows[0].shape[0], lstm.hidden_size)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        setattr(cell, name, getattr(lstm, f"{name}_l{layer}{suffix}"))
    h, c, states = torch.zeros(1, lstm.hidden_size), torch.zeros(1, lstm.hidden_size), []
    for row in rows:
        h, c = cell(row[None], (h, c))
        states.append(h[0])
    return states


def contextual_by_steps(level, rows):
    """One level of the network on one conversation, given as a list of rows."""
    for layer in range(level.lstm.num_layers):
        forwards = states_by_steps(level.lstm, layer, "", rows)
        backwards = states_by_steps(level.lstm, layer, "_reverse", rows[::-1])[::-1]
        rows = [torch.cat(pair) for pair in zip(forwards, backwards, strict=True)]
    return [(level.dense.weight @ row + level.dense.bias).clamp_min(0) for row in rows]


def twin(network, sample):
    """The logits of one conversation, a row an utterance."""
    levels = []
    for column, (m, level) in enumerate(network.unimodal.items()):
        x, flags = torch.from_numpy(sample.inputs[m]), sample.present[:, column]
        rows = [torch.cat([x[t] if flags[t] else 0 * x[t], torch.tensor([float(flags[t])])]) for t in range(len(sample))]
        levels.append(contextual_by_steps(level, rows))
    fused = contextual_by_steps(network.multimodal, [torch.cat(features) for features in zip(*levels, strict=True)])
    return torch.stack([network.classifier.weight @ row + network.classifier.bias for row in fused])


@pytest.mark.parametrize("layers", [1, 2])
def test_it_is_its_slow_twin(make, samples, layers):
    network = make(layers=layers)
    logits = logits_of(network, collate(samples))
    for i, sample in enumerate(samples):
        with torch.no_grad():
            expected = twin(network, sample)
        assert len(sample) == 1 or expected.std(dim=0).max() > 0.05, "answers that are all alike would prove little"
        torch.testing.assert_close(logits[i, : len(sample)], expected, rtol=0, atol=1e-5)


def test_context_reaches_both_ways_but_not_into_another_conversation(make, make_samples):
    network, batch = make(), collate(make_samples(lengths=LENGTHS, absent=0))
    for t in (0, 4):
        inputs = {m: x.clone() for m, x in batch.inputs.items()}
        inputs["audio"][0, t] += 2.0
        moved = (logits_of(network, batch) - logits_of(network, replace(batch, inputs=inputs))).abs().amax(dim=-1)
        assert moved[0, :5].min() > 1e-6
        assert moved[1:].max() == 0


@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_acts_in_training_alone(make, samples, layers):
    network, batch = make(dropout=0.5, layers=layers), collate(samples)
    assert network.multimodal.lstm.dropout == (0.5 if layers > 1 else 0.0)
    assert torch.equal(network(batch).coarse.logits, network(batch).coarse.logits)
    network.train()
    assert not torch.equal(network(batch).coarse.logits, network(batch).coarse.logits)


def test_sizes_and_names_that_it_refuses(make):
    with pytest.raises(ValidationError, match="width 9 is odd; it must be even, half for each direction"):
        make(width=9)
    with pytest.raises(RecipeError, match="'keys'"):
        make({"keys": 4})
