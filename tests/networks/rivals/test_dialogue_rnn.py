"""DialogueRNN: its slow twin goes by the paper's equations, utterance by utterance, with torch's own cell and a dict of parties."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F

from merc.data.batching import collate
from merc.errors import RecipeError
from merc.networks.rivals.dialogue_rnn import DialogueRNNConfig, reversed_order

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
LENGTHS = (5, 1, 7, 3)  # neither sorted nor alike
WIDTH = 8


@pytest.fixture
def make():
    """Builds a small network with every parameter off its start."""

    def make(widths=WIDTHS, **changes):
        torch.manual_seed(0)
        network = DialogueRNNConfig(**{"width": WIDTH, "dropout": 0.0, **changes}).build(widths, 3)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.6)
        return network.eval()

    return make


@pytest.fixture
def samples(make_samples):
    return make_samples(lengths=LENGTHS)


def logits_of(network, batch):
    with torch.inference_mode():
        return network(batch).coarse.logits


def cell_of(cells, index):
    """One of the network's cells as torch's own, on one row: (input, state) -> state."""
    cell = nn.GRUCell(cells.input_weight.shape[1], cells.state_weight.shape[1])
    cell.weight_ih, cell.weight_hh = nn.Parameter(cells.input_weight[index].T), nn.Parameter(cells.state_weight[index].T)
    biases = slice(index * 3 * cell.hidden_size, (index + 1) * 3 * cell.hidden_size)
    cell.bias_ih, cell.bias_hh = nn.Parameter(cells.input_bias[biases]), nn.Parameter(cells.state_bias[biases])
    return lambda x, h: cell(x[None], h[None])[0]


def attended(query, weight, states):
    """softmax(query^T W [states]) applied to the states."""
    shares = torch.stack([query @ weight @ state for state in states]).softmax(dim=0)
    return sum(share * state for share, state in zip(shares, states, strict=True))


def emotions_by_steps(network, direction, utterances, speakers):
    """The emotion states of one direction, given what is said and by whom in its order."""
    gru_g, gru_p = cell_of(network.parties.gru, direction), cell_of(network.parties.gru, 2 + direction)
    gru_e, w_alpha = cell_of(network.emotion_gru, direction), network.parties.attend[direction]
    nothing = torch.zeros(WIDTH)
    parties, g, e = defaultdict(lambda: nothing), [], [nothing]
    for u, speaker in zip(utterances, speakers, strict=True):
        context = attended(u, w_alpha, g) if g else nothing
        g.append(gru_g(torch.cat([u, parties[speaker]]), g[-1] if g else nothing))
        parties[speaker] = gru_p(torch.cat([u, context]), parties[speaker])
        e.append(gru_e(parties[speaker], e[-1]))
    return e[1:]


def utterances_by_hand(network, sample):
    rows = []
    for t in range(len(sample)):
        parts = [
            F.gelu(network.project[m](torch.from_numpy(x[t]))) if sample.present[t, column] else torch.zeros(WIDTH)
            for column, (m, x) in enumerate(sample.inputs.items())
        ]
        rows.append(network.fuse(torch.cat([*parts, torch.from_numpy(sample.present[t]).float()])))
    return rows


def twin(network, sample):
    """The logits of one conversation, a row an utterance."""
    u, speakers = utterances_by_hand(network, sample), sample.speakers.tolist()
    forwards = emotions_by_steps(network, 0, u, speakers)
    backwards = emotions_by_steps(network, 1, u[::-1], speakers[::-1])[::-1]
    e = [torch.cat(pair) for pair in zip(forwards, backwards, strict=True)]
    if network.config.attention:
        e = [attended(row, network.attend.weight.T, e) for row in e]
    dense = [(network.dense.weight @ row + network.dense.bias).clamp_min(0) for row in e]
    return torch.stack([network.classifier.weight @ row + network.classifier.bias for row in dense])


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("speakers", [1, 2, 3, 6])
def test_it_is_its_slow_twin(make, make_samples, attention, speakers):
    network, samples = make(attention=attention), make_samples(lengths=(6, 1, 9, 3, 2), speakers=speakers, seed=speakers)
    assert max(s.speakers.max() for s in samples) == speakers - 1
    logits = logits_of(network, collate(samples))
    for i, sample in enumerate(samples):
        with torch.no_grad():
            expected = twin(network, sample)
        assert len(sample) == 1 or expected.std(dim=0).max() > 0.02, "answers that are all alike would prove little"
        torch.testing.assert_close(logits[i, : len(sample)], expected, rtol=0, atol=1e-5)


def test_a_listener_keeps_its_state(make):
    """Without context, which hears everyone, a party's state hangs on what the party itself said so far, and on nothing else."""
    parties = make().parties
    with torch.no_grad():
        parties.gru.input_weight[2:, WIDTH:] = 0.0
        u, speakers = torch.randn(2, 1, 6, WIDTH), torch.tensor([0, 1, 1, 2, 0, 1]).expand(2, 1, 6)
        other = u.clone()
        other[:, :, [1, 2]] += 1.0
        moved = (parties(u, speakers) - parties(other, speakers)).abs().amax(dim=-1)
        assert moved[..., [0, 3, 4]].max() == 0
        assert moved[..., [1, 2, 5]].min() > 1e-4


def test_the_context_is_attention_to_the_past_alone(make):
    parties = make().parties
    u, speakers = torch.randn(2, 1, 5, WIDTH), torch.tensor([0, 1, 2, 3, 4]).expand(2, 1, 5)
    other = u.clone()
    other[:, :, 2] += 1.0
    with torch.no_grad():
        moved = (parties(u, speakers) - parties(other, speakers)).abs().amax(dim=-1)
    assert moved[..., :2].max() == 0
    assert moved[..., 2:].min() > 1e-5, "speakers who never met hear of one another through the context"


@pytest.mark.parametrize("attention", [True, False])
def test_context_reaches_both_ways_but_not_into_another_conversation(make, make_samples, attention):
    network, batch = make(attention=attention), collate(make_samples(lengths=LENGTHS, absent=0))
    for t in (0, 4):
        inputs = {m: x.clone() for m, x in batch.inputs.items()}
        inputs["audio"][0, t] += 2.0
        moved = (logits_of(network, batch) - logits_of(network, replace(batch, inputs=inputs))).abs().amax(dim=-1)
        assert moved[0, :5].min() > 1e-6
        assert moved[1:].max() == 0


def test_the_reverse_turns_what_is_valid_and_leaves_the_padding():
    valid = torch.tensor([[True, True, True, False], [True, False, False, False], [False, False, False, False], [True] * 4])
    expected = [[2, 1, 0, 3], [0, 1, 2, 3], [0, 1, 2, 3], [3, 2, 1, 0]]
    assert reversed_order(valid).tolist() == expected


def test_not_even_presence_and_speakers_in_the_padding_reach_a_valid_utterance(make, samples):
    network, batch = make(), collate(samples)
    padding = ~batch.valid
    inputs = {m: torch.where(padding[..., None], 7.0, x) for m, x in batch.inputs.items()}
    other = replace(batch, inputs=inputs, present=batch.present | padding[..., None], speakers=batch.speakers.clamp_min(0))
    before, after = logits_of(network, batch), logits_of(network, other)
    assert (before - after)[padding].abs().max() > 1e-3
    torch.testing.assert_close(after[batch.valid], before[batch.valid], rtol=0, atol=1e-5)


def test_which_index_a_speaker_has_changes_nothing(make, samples):
    network, batch = make(), collate(samples)
    for names in ([2, 0, 1], [1, 7, 4]):
        renamed = torch.where(batch.valid, torch.tensor(names)[batch.speakers.clamp_min(0)], -1)
        assert not torch.equal(renamed, batch.speakers)
        after = logits_of(network, replace(batch, speakers=renamed))
        torch.testing.assert_close(after[batch.valid], logits_of(network, batch)[batch.valid], rtol=0, atol=1e-5)


def test_but_who_speaks_matters(make, make_samples):
    network, (sample,) = make(), make_samples(lengths=(4,))
    talks = ([0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 2, 3])
    answers = [logits_of(network, collate([replace(sample, speakers=np.asarray(talk))])) for talk in talks]
    for i, one in enumerate(answers):
        assert all((one - other).abs().max() > 1e-3 for other in answers[:i])


@pytest.mark.parametrize("attention", [True, False])
def test_every_parameter_of_every_cell_is_trained(make, samples, attention):
    network, batch = make(attention=attention).train(), collate(samples)
    network.terms(network(batch), batch, F.cross_entropy)["coarse"].backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    stacked = [(network.parties.attend, 2)]
    stacked += [(p, cells) for gru, cells in ((network.parties.gru, 4), (network.emotion_gru, 2)) for p in gru.parameters()]
    assert all(p.grad.reshape(cells, -1).abs().amax(dim=1).min() > 0 for p, cells in stacked)


def test_no_bias_looks_like_a_matrix(make):
    """Training decays what has two axes or more."""
    assert [name for name, p in make().named_parameters() if ("bias" in name) != (p.ndim == 1)] == []


def test_gradients_are_those_of_the_twin(make, samples):
    network, batch = make(), collate(samples)
    network.terms(network(batch), batch, F.cross_entropy)["coarse"].backward()
    moved = {name: parameter.grad.clone() for name, parameter in network.fuse.named_parameters()}
    network.zero_grad()
    rows = [(twin(network, sample), torch.from_numpy(sample.labels)) for sample in samples]
    logits, labels = (torch.cat(parts) for parts in zip(*rows, strict=True))
    F.cross_entropy(logits[labels >= 0], labels[labels >= 0]).backward()
    for (
        name,
        parameter,
    ) in network.fuse.named_parameters():  # before all GRUs: its gradient went through them
        assert parameter.grad.abs().max() > 1e-3
        torch.testing.assert_close(moved[name], parameter.grad, rtol=1e-4, atol=1e-5)


def test_dropout_takes_emotion_states_and_spares_flags(make, samples):
    network, batch = make(dropout=0.5).train(), collate(samples)
    seen = {}
    network.fuse.register_forward_hook(lambda _m, given, _out: seen.update(fuse=given[0]))
    network.attend.register_forward_hook(lambda _m, given, _out: seen.update(attend=given[0]))
    network.classifier.register_forward_hook(lambda _m, given, _out: seen.update(classifier=given[0]))
    network(batch)
    assert 0.3 < (seen["attend"] == 0).float().mean() < 0.7
    assert (seen["classifier"] == 0).float().mean() > 0.5
    there = batch.present.all(dim=-1)
    assert 0.3 < (seen["fuse"][there][:, : 3 * WIDTH] == 0).float().mean() < 0.7
    assert torch.equal(seen["fuse"][..., 3 * WIDTH :], batch.present.float())


def test_it_starts_as_torch_starts_its_cells():
    torch.manual_seed(0)
    network = DialogueRNNConfig(width=64).build(WIDTHS, 3)
    for parameter in (network.parties.attend, *network.parties.gru.parameters(), *network.emotion_gru.parameters()):
        assert 0.12 < parameter.abs().max() <= 0.125
        assert abs(parameter.mean()) < 0.02


def test_sizes_and_names_that_it_refuses(make):
    with pytest.raises(ValidationError, match="layers"):
        make(layers=2)
    with pytest.raises(ValidationError, match="dropout"):
        make(dropout=1.0)
    with pytest.raises(RecipeError, match="'keys'"):
        make({"keys": 4})
