"""The whole network: its heads, its terms one by one, its masks, and that its forward pass never looks at the data in Python."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from merc.data.batching import Batch, collate
from merc.errors import RecipeError
from merc.networks.cmath.distillation import latent_term, logit_term
from merc.networks.cmath.fusion import kl_to_standard_normal
from merc.networks.cmath.reconstruction import reconstruction_loss
from switches import MODELS

MODALITIES = ("text", "audio", "visual")


def classify(logits, labels):
    return F.cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))


@pytest.fixture(scope="module")
def batch(make_samples):
    return collate(make_samples(lengths=(6, 1, 4)))


def test_every_head_answers_for_every_utterance(make_network, batch):
    output = make_network()(batch)
    assert list(output.fine) == list(output.unimodal) == list(MODALITIES)
    for level in (output.coarse, *output.fine.values(), *output.unimodal.values()):
        assert level.logits.shape == (3, 6, 3)
        assert level.posterior.mean.shape == (3, 6, 6)
    assert output.trust.shape == (3, 6, 3)
    torch.testing.assert_close(output.uncertainty, output.coarse.posterior.log_variance.exp().mean(dim=-1))


@pytest.mark.parametrize("central", [("text",), ("audio", "text"), MODALITIES])
def test_central_names_the_modalities_that_get_a_tower(make_network, batch, central):
    network = make_network(central=central)
    assert tuple(network.towers) == tuple(network(batch).fine) == central
    assert list(network(batch).unimodal) == list(MODALITIES)
    for name, tower in network.towers.items():
        assert set(tower.layers[0].augmentations) == set(MODALITIES) - {name}


@pytest.mark.parametrize("central", [(), ("text", "text"), ("text", "gesture")])
def test_a_wrong_central_is_refused_with_what_is_allowed(make_network, central):
    with pytest.raises(RecipeError, match=r"model\.central .*text, audio, visual"):
        make_network(central=central)


def test_modalities_are_taken_by_the_order_they_were_built_in(make_network, batch):
    """`present` has no names: swapping two columns of it must not go unnoticed."""
    network = make_network()
    swapped = Batch(batch.inputs, batch.present[..., [1, 0, 2]], batch.valid, batch.speakers, batch.labels)
    assert not torch.allclose(network(batch).coarse.logits, network(swapped).coarse.logits)


def test_terms_by_name_and_by_hand(make_network, batch):
    network = make_network(distillation={"teacher": "self"}).train()
    torch.manual_seed(5)
    output = network(batch)
    terms = network.terms(output, batch, classify)
    assert set(terms) == {"coarse", "fine", "unimodal", "reconstruction", "kl", "logit", "latent"}
    at = [(b, t) for b in range(3) for t in range(6) if batch.labels[b, t] >= 0]

    def entropy(logits, places):
        picked = [F.log_softmax(logits[b, t].double(), dim=0)[batch.labels[b, t]] for b, t in places]
        return -float(torch.stack(picked).mean().detach())

    assert float(terms["coarse"].detach()) == pytest.approx(entropy(output.coarse.logits, at), rel=1e-4)
    fine = [entropy(output.fine[m].logits, at) for m in MODALITIES]
    assert float(terms["fine"].detach()) == pytest.approx(sum(fine) / 3, rel=1e-4)
    unimodal = [
        entropy(output.unimodal[m].logits, [(b, t) for b, t in at if batch.present[b, t, i]]) for i, m in enumerate(MODALITIES)
    ]
    assert float(terms["unimodal"].detach()) == pytest.approx(sum(unimodal) / 3, rel=1e-4)
    rebuilt = [
        reconstruction_loss(batch.inputs[m], output.reconstructions[m], batch.present[..., i]) for i, m in enumerate(MODALITIES)
    ]
    torch.testing.assert_close(terms["reconstruction"], sum(rebuilt) / 3)
    torch.testing.assert_close(terms["kl"], kl_to_standard_normal(output.coarse.posterior, batch.valid))


@pytest.mark.parametrize("central", [None, ("text",)])
def test_coarse_teaches_fine_and_fine_teaches_unimodal_coarse_where_there_is_no_tower(make_network, batch, central):
    network = make_network(central=central, distillation={"teacher": "average", "temperature": 3.0}).train()
    output = network(batch)
    teacher = make_network(seed=8, central=central).eval()(batch)
    terms = network.terms(output, batch, classify, teacher)
    present = {m: batch.present[..., i] for i, m in enumerate(MODALITIES)}
    logit, latent = [], []
    for level in output.fine.values():
        logit.append(logit_term(teacher.coarse.logits, level.logits, 3.0, batch.valid))
        latent.append(latent_term(teacher.coarse, level, batch.valid, moves_mean=False))
    for m, level in output.unimodal.items():
        teaching = teacher.fine.get(m, teacher.coarse)
        logit.append(logit_term(teaching.logits, level.logits, 3.0, present[m]))
        latent.append(latent_term(teaching, level, present[m], moves_mean=True))
    torch.testing.assert_close(terms["logit"], torch.stack(logit).mean())
    torch.testing.assert_close(terms["latent"], torch.stack(latent).mean())


@pytest.mark.parametrize("central", [None, ("text",)])
def test_the_network_teaches_itself_by_means_without_dropout(make_network, batch, central):
    taught = {"teacher": "self", "temperature": 3.0}
    network = make_network(central=central, dropout=0.5, distillation=taught, **MODELS["pool"]).train()
    output = network(batch)
    terms = network.terms(output, batch, classify)
    with torch.no_grad():
        fine = {m: network.fine_classifier(level.posterior.mean) for m, level in output.fine.items()}
        coarse = network.coarse_classifier(output.coarse.posterior.mean)
        for i, level in enumerate(output.unimodal.values()):
            own = network.unimodal_classifier(level.posterior.mean)
            coarse = coarse + network.evidence[i] * own * batch.present[..., i, None]
    logit = [logit_term(coarse, level.logits, 3.0, batch.valid) for level in output.fine.values()]
    logit += [
        logit_term(fine.get(m, coarse), level.logits, 3.0, batch.present[..., i])
        for i, (m, level) in enumerate(output.unimodal.items())
    ]
    torch.testing.assert_close(terms["logit"], torch.stack(logit).mean())


def test_without_variances_there_is_neither_trust_nor_uncertainty(make_network, batch):
    output = make_network(fusion={"variational": False})(batch)
    assert output.trust is None
    assert output.uncertainty is None


def test_without_a_teacher_of_the_unimodal_level_there_is_no_trust(make_network, batch):
    output = make_network(distillation={"fine_to_unimodal": False})(batch)
    assert output.trust is None
    assert output.uncertainty is not None


@pytest.mark.parametrize("name", ["keys", "type", "training", "forward"])
@pytest.mark.parametrize(
    "model", [{}, {"name": "early_fusion", "width": 8, "attention": {"heads": 2}}], ids=["cmath", "early_fusion"]
)
def test_a_name_that_torch_keeps_for_itself_is_refused(make_network, name, model):
    with pytest.raises(RecipeError, match=f"modality '{name}': torch keeps this name for itself"):
        make_network(widths={"text": 3, name: 2}, **model)


def test_evidence_adds_the_unimodal_logits_of_the_present(make_network, batch):
    network, fused = make_network(**MODELS["pool"]), []
    network.coarse_classifier.register_forward_hook(lambda _m, _given, out: fused.append(out))
    output = network(batch)
    for b in range(3):
        for t in range(6):
            expected = fused[0][b, t]
            for i, m in enumerate(MODALITIES):
                if batch.present[b, t, i]:
                    expected = expected + network.evidence[i] * output.unimodal[m].logits[b, t]
            torch.testing.assert_close(output.coarse.logits[b, t], expected, rtol=1e-4, atol=1e-5)
    plain = make_network(fusion={**MODELS["pool"]["fusion"], "evidence": False})
    plain.coarse_classifier.register_forward_hook(lambda _m, _given, out: fused.append(out))
    assert plain(batch).coarse.logits is fused[1]


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"distillation": {"coarse_to_fine": False, "fine_to_unimodal": False}}, {"logit", "latent"}),
        ({"fusion": {"variational": False}}, {"kl", "latent"}),
        ({"reconstruction": {"enabled": False}}, {"reconstruction"}),
    ],
    ids=["no distillation", "not variational", "no reconstruction"],
)
def test_a_switch_takes_its_terms_away(make_network, batch, changes, gone):
    network = make_network(**changes).train()
    names = set(network.terms(network(batch), batch, classify, network(batch)))
    assert names == {"coarse", "fine", "unimodal", "reconstruction", "kl", "logit", "latent"} - gone


def test_only_the_averaged_teacher_is_asked_for(make_network):
    assert make_network(distillation={"teacher": "average"}).wants_teacher
    assert not make_network(distillation={"teacher": "self"}).wants_teacher
    assert not make_network(distillation={"coarse_to_fine": False, "fine_to_unimodal": False}).wants_teacher


def test_distillation_does_not_move_the_teacher_that_is_the_network_itself(make_network, batch):
    network = make_network(distillation={"teacher": "self", "fine_to_unimodal": False}, **MODELS["pool"]).train()
    network.terms(network(batch), batch, classify)["logit"].backward()
    assert network.coarse_classifier.weight.grad is None
    assert network.fine_classifier.weight.grad.abs().sum() > 0


def test_unlabelled_utterances_teach_no_class(make_network, batch):
    """Their logits get no gradient from cross-entropy, and a batch without labels gives zeros, not NaN."""
    network = make_network().train()
    output = network(batch)
    output.coarse.logits.retain_grad()
    network.terms(output, batch, classify, output)["coarse"].backward()
    grad = output.coarse.logits.grad
    assert torch.equal(grad[~batch.labelled], torch.zeros_like(grad[~batch.labelled]))
    assert (grad[batch.labelled].abs().sum(dim=-1) > 0).all()
    bare = Batch(batch.inputs, batch.present, batch.valid, batch.speakers, torch.full_like(batch.labels, -1))
    terms = network.terms(network(bare), bare, classify, output)
    assert [float(terms[name].detach()) for name in ("coarse", "fine", "unimodal")] == [0, 0, 0]
    assert all(torch.isfinite(term) for term in terms.values())


@pytest.mark.parametrize("kind", ["pool", "product", "concat", "gated"])
def test_every_parameter_is_trained(make_network, batch, kind):
    network = make_network(fusion={"kind": kind}).train()
    terms = network.terms(network(batch), batch, classify, network.eval()(batch))
    sum(terms.values()).backward()
    untouched = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert untouched == []


def test_training_samples_and_judging_does_not(make_network, batch):
    network = make_network()
    assert torch.equal(network(batch).coarse.logits, network(batch).coarse.logits)
    network.train()
    assert not torch.equal(network(batch).coarse.logits, network(batch).coarse.logits)
    means_only = make_network(fusion={"variational": False}).train()
    assert torch.equal(means_only(batch).coarse.logits, means_only(batch).coarse.logits)


def changed_from(batch, t):
    """The batch with other features, presence and speakers from utterance t on."""
    later = torch.arange(batch.valid.shape[1])[None] >= t
    present = torch.where((later & batch.valid)[..., None], ~batch.present, batch.present)
    inputs = {
        m: torch.where(later[..., None] & present[..., i, None], torch.full_like(x, 3.0), x) * present[..., i, None]
        for i, (m, x) in enumerate(batch.inputs.items())
    }
    speakers = torch.where(later & batch.valid, batch.speakers + 1, batch.speakers)
    return Batch(inputs, present, batch.valid, speakers, batch.labels)


@pytest.mark.parametrize("auxiliaries", ["augment", "map"])
@pytest.mark.parametrize("kernel", [1, 3])
def test_causal_means_that_the_future_changes_nothing_before_it(make_network, batch, kernel, auxiliaries):
    network = make_network(
        attention={"causal": True}, reconstruction={"kernel": kernel}, tower={"auxiliaries": auxiliaries, "layers": 2}
    ).train()  # in training too: the rebuilt inputs must not see the future either
    for t in range(1, 6):
        outputs = []
        for given in (batch, changed_from(batch, t)):
            torch.manual_seed(0)
            outputs.append(network(given))
        before, after = outputs
        levels = [(before.coarse, after.coarse)] + [(before.fine[m], after.fine[m]) for m in MODALITIES]
        for old, new in levels:
            torch.testing.assert_close(old.logits[:, :t], new.logits[:, :t], rtol=0, atol=1e-5)
            assert (old.logits[0, t:] - new.logits[0, t:]).abs().max() > 1e-3
        for m in MODALITIES:
            torch.testing.assert_close(
                before.reconstructions[m][:, :t],
                after.reconstructions[m][:, :t],
                rtol=0,
                atol=1e-5,
            )


def test_without_causal_the_future_matters(make_network, batch):
    network = make_network()
    before, after = network(batch).coarse.logits, network(changed_from(batch, 5)).coarse.logits
    assert (before[0, :5] - after[0, :5]).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("window", [0, 1, 2])
def test_one_layer_sees_twice_as_far_as_its_window(make_network, make_samples, window):
    """Once by the auxiliaries' attention and once by its own."""
    batch = collate(make_samples(lengths=(7,), absent=0))
    batch = batch.with_inputs(batch.inputs, torch.ones_like(batch.present))
    network = make_network(attention={"window": window}, tower={"layers": 1})
    inputs = {m: x.clone() for m, x in batch.inputs.items()}
    for x in inputs.values():
        x[0, 3] += 2.0
    moved = (network(batch).coarse.logits - network(batch.with_inputs(inputs, batch.present)).coarse.logits).abs().amax(dim=-1)[0]
    for t in range(7):
        assert (float(moved[t]) > 1e-4) == (abs(t - 3) <= 2 * window)


class Flat(nn.Module):
    """The network with plain tensors in and out, as an exporter wants it."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, text, audio, visual, present, valid, speakers):
        inputs = {"text": text, "audio": audio, "visual": visual}
        labels = torch.full_like(speakers, -1)
        output = self.network(Batch(inputs, present, valid, speakers, labels))
        trust = () if output.trust is None else (output.trust, output.uncertainty)
        return (output.coarse.logits, *trust)


def flat(batch):
    return (*batch.inputs.values(), batch.present, batch.valid, batch.speakers)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"attention": {"causal": True, "window": 2}, "reconstruction": {"kernel": 3}, "central": ["text", "visual"]},
        {"tower": {"auxiliaries": "map"}, "fusion": {"kind": "gated"}},
        {"fusion": {"kind": "concat", "variational": False}},
        {"fusion": {"kind": "product"}},
        {"name": "early_fusion"},
    ],
    ids=str,
)
def test_the_forward_pass_has_no_branch_on_data(make_network, make_samples, rival_config, model):
    """Exporting traces with tensors that hold no numbers: a Python branch on one is an error, and so is one baked in wrongly."""
    is_rival = model.get("name") == "early_fusion"
    network = make_network(**(rival_config if is_rival else model))
    first, second = (collate(make_samples(seed=seed, lengths=(6, 1, 4))) for seed in (0, 1))
    nothing = second.with_inputs(second.inputs, torch.zeros_like(second.present))
    exported = torch.export.export(Flat(network), flat(first), strict=False).module()
    for given in (first, second, nothing):
        for found, expected in zip(exported(*flat(given)), Flat(network)(*flat(given)), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
