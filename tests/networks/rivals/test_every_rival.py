"""What holds for every rival, whatever it is: what must not matter does not, and it learns, is saved and is built as all are.

Each has its slow twin, and what is its own, in a file of its own.
"""

import copy
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save
from torch.nn import functional as F

from merc.data.batching import Batch, collate
from merc.errors import RecipeError
from merc.networks.registry import BUILT_IN

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
LENGTHS = (5, 1, 7, 3)  # neither sorted nor alike
ATTENTION = {"heads": 2, "max_distance": 3}
RIVALS = {
    "majority": {"name": "majority"},
    "logistic regression": {"name": "logistic_regression"},
    "early fusion": {"name": "early_fusion", "width": 8, "layers": 2, "attention": ATTENTION},
    "late fusion": {"name": "late_fusion", "width": 8, "layers": 1, "feed_forward": 2, "attention": ATTENTION},
    "bc-LSTM": {"name": "bc_lstm", "width": 8},
    "bc-LSTM, two layers": {"name": "bc_lstm", "width": 8, "layers": 2},
    "DialogueRNN": {"name": "dialogue_rnn", "width": 8},
    "DialogueRNN without attention": {"name": "dialogue_rnn", "width": 8, "attention": False},
    "SDT": {"name": "sdt", "width": 8, "heads": 2, "speakers": 2},
    "MulT": {"name": "mult", "width": 4, "heads": 2},
}
NO_INPUTS = {"majority"}
NO_DROPOUT = {"majority", "logistic regression"}
ANY_NAME = {"majority", "logistic regression"}  # they keep no module under a modality's name
DEAF_TO_SPEAKERS = {"majority", "logistic regression", "bc-LSTM", "bc-LSTM, two layers", "MulT"}
SPREAD = {"logistic_regression": 1.0, "bc_lstm": 0.8, "dialogue_rnn": 0.6}  # else .3: large logits round by more than 1e-5
MORE_TERMS = {"late fusion", "SDT"}


def without(*groups):
    """The rivals that are in none of these groups."""
    return [name for name in RIVALS if not any(name in group for group in groups)]


def test_no_rival_is_left_out():
    assert {rival["name"] for rival in RIVALS.values()} == set(BUILT_IN) - {"cmath"}


@pytest.fixture
def make(make_network):
    def make(name, widths=WIDTHS, **changes):
        spread = SPREAD.get(RIVALS[name]["name"], 0.3)
        return make_network(widths=widths, spread=spread, **{**RIVALS[name], **changes})

    return make


@pytest.fixture
def samples(make_samples):
    """Some modalities absent, the second utterance of the longer conversations without any."""
    return make_samples(lengths=LENGTHS, speakers=4, absent=0.4)


def said(network, batch):
    """All logits as one tensor (B, T, levels * C)."""
    with torch.inference_mode():
        output = network(batch)
    return torch.cat([output.coarse.logits, *(level.logits for level in output.unimodal.values())], dim=-1)


def grown(batch, columns, rows, content):
    """The batch with more padding behind and below, and content in all of it."""
    b, t = batch.valid.shape

    def pad(x, fill):
        out = torch.full((b + rows, t + columns, *x.shape[2:]), fill, dtype=x.dtype)
        out[:b, :t] = x
        return out

    valid = pad(batch.valid, False)
    inputs = {m: torch.where(valid[..., None], pad(x, 0.0), content) for m, x in batch.inputs.items()}
    return Batch(inputs, pad(batch.present, False), valid, pad(batch.speakers, -1), pad(batch.labels, -1))


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize(("columns", "rows", "content"), [(0, 0, 40.0), (3, 0, 0.0), (2, 1, 40.0)])
def test_padding_and_what_lies_in_it_change_nothing(make, samples, name, columns, rows, content):
    network, batch = make(name), collate(samples)
    before, after = said(network, batch), said(network, grown(batch, columns, rows, content))
    assert after.shape[:2] == (len(LENGTHS) + rows, max(LENGTHS) + columns)
    assert torch.isfinite(after).all()
    for i, n in enumerate(LENGTHS):
        torch.testing.assert_close(after[i, :n], before[i, :n], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", RIVALS)
def test_company_and_order_change_nothing(make, samples, name):
    network = make(name)
    alone = [said(network, collate([s]))[0] for s in samples]
    for order in ([0, 1, 2, 3], [2, 0, 3, 1], [1, 2]):
        found = said(network, collate([samples[i] for i in order]))
        assert torch.isfinite(found).all()
        for position, i in enumerate(order):
            torch.testing.assert_close(found[position, : len(samples[i])], alone[i], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("content", [30.0, float("nan")])
def test_what_stands_where_a_modality_is_absent_changes_nothing(make, samples, name, content):
    network, batch = make(name), collate(samples)
    inputs = {m: torch.where(batch.present[..., i, None], x, content) for i, (m, x) in enumerate(batch.inputs.items())}
    assert not any(torch.equal(inputs[m], x) for m, x in batch.inputs.items())
    before, after = said(network, batch), said(network, replace(batch, inputs=inputs))
    torch.testing.assert_close(after[batch.valid], before[batch.valid], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", without(NO_INPUTS))
def test_but_absence_itself_matters(make, samples, name):
    """A modality that is there and average has the features of an absent one, and another flag."""
    network, batch = make(name), collate(samples)
    present = batch.present.clone()
    assert not present[0, 1].any()
    present[0, 1, 2] = True
    assert (said(network, batch) - said(network, replace(batch, present=present)))[0, 1].abs().max() > 1e-4


@pytest.mark.parametrize("name", RIVALS)
def test_labels_are_not_read(make, samples, name):
    network, batch = make(name), collate(samples)
    assert torch.equal(said(network, batch), said(network, replace(batch, labels=torch.full_like(batch.labels, 999))))


@pytest.mark.parametrize("name", RIVALS)
def test_speakers_matter_to_those_alone_that_know_them(make, samples, name):
    network, batch = make(name), collate(samples)
    alike = replace(batch, speakers=torch.where(batch.valid, 0, -1))
    assert not torch.equal(alike.speakers, batch.speakers)
    moved = (said(network, batch) - said(network, alike))[batch.valid].abs().max()
    assert moved == 0 if name in DEAF_TO_SPEAKERS else moved > 1e-4


@pytest.mark.parametrize("name", RIVALS)
def test_nothing_at_all_and_rows_of_padding_are_answered_with_finite_numbers(make, samples, name):
    network, batch = make(name), collate(samples)
    nothing = batch.with_inputs(batch.inputs, torch.zeros_like(batch.present))
    empty = replace(nothing, valid=torch.zeros_like(batch.valid), speakers=torch.full_like(batch.speakers, -1))
    assert torch.isfinite(said(network, nothing)).all()
    assert torch.isfinite(said(network, empty)).all()


@pytest.mark.parametrize("name", without(MORE_TERMS))
def test_it_answers_with_one_head_and_learns_by_one_term(make, samples, name):
    network, batch = make(name), collate(samples)
    output = network(batch)
    assert output.fine == output.unimodal == output.reconstructions == {}
    assert output.coarse.posterior is output.trust is output.uncertainty is None
    assert not network.wants_teacher
    terms = network.terms(output, batch, F.cross_entropy)
    at = batch.labelled
    assert 0 < at.sum() < batch.valid.sum()
    assert list(terms) == ["coarse"]
    torch.testing.assert_close(terms["coarse"], F.cross_entropy(output.coarse.logits[at], batch.labels[at]))


@pytest.mark.parametrize("name", RIVALS)
def test_every_parameter_is_trained(make, samples, name):
    network, batch = make(name).train(), collate(samples)
    sum(network.terms(network(batch), batch, F.cross_entropy).values()).backward()
    assert [label for label, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("name", without(NO_DROPOUT))
def test_dropout_acts_in_training_alone(make, samples, name):
    network, batch = make(name, dropout=0.5), collate(samples)
    assert torch.equal(said(network, batch), said(network, batch))
    network.train()
    assert not torch.equal(said(network, batch), said(network, batch))


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_modalities_built_without_memory_and_filled_from_a_file(make, make_samples, name, count):
    widths = {f"m{i}": 1 + i for i in range(count)}
    network, batch = make(name, widths), collate(make_samples(widths=widths))
    expected = said(network, batch)
    assert torch.isfinite(expected).all()
    with torch.device("meta"):
        filled = network.config.build(widths, 3)
    assert all(p.is_meta for p in filled.parameters())
    filled.load_state_dict(load(save(network.state_dict())), assign=True)
    assert torch.equal(said(filled.eval(), batch), expected)
    assert torch.equal(said(copy.deepcopy(network), batch), expected)


@pytest.mark.parametrize("name", RIVALS)
def test_a_name_that_torch_keeps_is_refused_where_it_would_clash(make, make_samples, name):
    if name in ANY_NAME:
        assert torch.isfinite(said(make(name, {"keys": 4}), collate(make_samples(widths={"keys": 4})))).all()
        return
    with pytest.raises(RecipeError, match="'keys'"):
        make(name, {"keys": 4})
