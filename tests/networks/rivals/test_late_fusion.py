"""Late fusion: its vote by hand, its streams by hand up to the transformer, and no modality that sees another."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from merc.data.batching import collate
from merc.errors import RecipeError
from merc.networks.rivals.late_fusion import LateFusionConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
LENGTHS = (5, 1, 7, 3)
TINY = {"width": 8, "layers": 1, "feed_forward": 2, "dropout": 0.0, "attention": {"heads": 2, "max_distance": 3}}


@pytest.fixture
def make():
    """Builds a small network with every parameter off its start."""

    def make(widths=WIDTHS, **changes):
        torch.manual_seed(0)
        network = LateFusionConfig(**{**TINY, **changes}).build(widths, 3)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        return network.eval()

    return make


@pytest.fixture
def samples(make_samples):
    """Some modalities absent, the second utterance of the longer conversations without any."""
    return make_samples(lengths=LENGTHS, absent=0.4)


def answers(network, batch):
    with torch.inference_mode():
        output = network(batch)
    return {"coarse": output.coarse.logits, **{m: level.logits for m, level in output.unimodal.items()}}


def test_the_answer_is_the_mean_over_the_present_modalities(make, samples):
    found = answers(make(), collate(samples))
    seen = set()
    for i, sample in enumerate(samples):
        for t in range(len(sample)):
            there = [m for m, present in zip(WIDTHS, sample.present[t], strict=True) if present]
            seen.add(len(there))
            votes = [found[m][i, t] for m in there or WIDTHS]
            expected = [sum(vote[c].item() for vote in votes) / len(votes) for c in range(3)]
            torch.testing.assert_close(found["coarse"][i, t], torch.tensor(expected), rtol=0, atol=1e-5)
    assert seen == {0, 1, 2, 3}


def test_a_transformer_reads_projections_and_a_learned_vector_where_the_modality_is_absent(make, samples):
    network, given = make(), {}
    for m, stream in network.unimodal.items():
        stream.transformer.register_forward_hook(lambda _m, args, _out, m=m: given.update({m: args[0]}))
    network(collate(samples))
    for column, (m, stream) in enumerate(network.unimodal.items()):
        for i, sample in enumerate(samples):
            for t in range(len(sample)):
                projected = F.gelu(stream.project(torch.from_numpy(sample.inputs[m][t])))
                expected = projected if sample.present[t, column] else stream.absent
                torch.testing.assert_close(given[m][i, t], expected, rtol=0, atol=1e-5)


def test_no_modality_sees_another(make, make_samples):
    network, batch = make(), collate(make_samples(lengths=LENGTHS, absent=0))
    inputs = {**batch.inputs, "audio": batch.inputs["audio"] + 1.0}
    before, after = answers(network, batch), answers(network, replace(batch, inputs=inputs))
    assert torch.equal(before["text"], after["text"])
    assert torch.equal(before["visual"], after["visual"])
    assert (before["audio"] - after["audio"])[batch.valid].abs().amax(dim=-1).min() > 1e-4
    assert (before["coarse"] - after["coarse"])[batch.valid].abs().amax(dim=-1).min() > 1e-4


def test_a_modality_is_judged_in_its_context(make, make_samples):
    network, batch = make(), collate(make_samples(lengths=(5,), absent=0))
    moved = batch.inputs["text"].clone()
    moved[0, 4] += 1.0
    before, after = answers(network, batch), answers(network, replace(batch, inputs={**batch.inputs, "text": moved}))
    assert (before["text"] - after["text"])[0].abs().amax(dim=-1).min() > 1e-5


def test_its_terms_are_those_of_the_answer_and_of_the_present_modalities(make, samples):
    network, batch = make(), collate(samples)
    output = network(batch)
    assert list(output.unimodal) == list(WIDTHS)
    assert all(level.posterior is None for level in [output.coarse, *output.unimodal.values()])
    assert output.fine == output.reconstructions == {}
    assert output.trust is output.uncertainty is None
    assert not network.wants_teacher
    terms = network.terms(output, batch, F.cross_entropy)
    assert list(terms) == ["coarse", "unimodal"]

    def mean_loss(logits, judged):
        losses = [
            -logits[i, t].log_softmax(dim=-1)[sample.labels[t]]
            for i, sample in enumerate(samples)
            for t in range(len(sample))
            if sample.labels[t] >= 0 and judged(sample, t)
        ]
        return sum(losses) / len(losses)

    own = [
        mean_loss(level.logits, lambda s, t, column=column: s.present[t, column])
        for column, level in enumerate(output.unimodal.values())
    ]
    torch.testing.assert_close(terms["coarse"], mean_loss(output.coarse.logits, lambda s, t: True))
    torch.testing.assert_close(terms["unimodal"], sum(own) / 3)


@pytest.mark.parametrize("term", ["coarse", "unimodal"])
def test_every_parameter_is_trained_by_either_term(make, samples, term):
    network, batch = make().train(), collate(samples)
    network.terms(network(batch), batch, F.cross_entropy)[term].backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_causal_holds_for_every_modality(make, make_samples):
    network = make(attention={"heads": 2, "causal": True})
    batch = collate(make_samples(lengths=(5,), absent=0))
    inputs = {m: x.clone() for m, x in batch.inputs.items()}
    for x in inputs.values():
        x[0, 3] += 1.0
    before, after = answers(network, batch), answers(network, replace(batch, inputs=inputs))
    for name, logits in before.items():
        moved = (logits - after[name])[0].abs().amax(dim=-1)
        assert moved[:3].max() <= 1e-6
        assert moved[3:].min() > 1e-5


@pytest.mark.parametrize("count", [1, 2, 8])
def test_any_number_of_modalities(make, make_samples, count):
    widths = {f"m{i}": 1 + i for i in range(count)}
    network, batch = make(widths, layers=3), collate(make_samples(widths=widths))
    found = answers(network, batch)
    assert list(found) == ["coarse", *widths]
    assert all(len(stream.transformer.layers) == 3 for stream in network.unimodal.values())
    assert all(torch.isfinite(logits).all() for logits in found.values())
    with torch.device("meta"):
        assert all(p.is_meta for p in LateFusionConfig(**TINY).build(widths, 4).parameters())


def test_sizes_and_names_that_it_refuses(make):
    with pytest.raises(ValidationError, match=r"width 9 is not a multiple of attention\.heads 2"):
        make(width=9)
    with pytest.raises(RecipeError, match="'keys'"):
        make({"keys": 4})
