"""The constant answer: it finds the classes' shares, and nothing else about a batch reaches it."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from merc.data.batching import collate
from merc.networks.rivals.majority import MajorityConfig
from merc.training.objective import Objective, ObjectiveConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}


@pytest.fixture
def network():
    """A constant off its start."""
    made = MajorityConfig().build(WIDTHS, 3)
    with torch.no_grad():
        made.log_odds.copy_(torch.tensor([0.4, -1.0, 0.9]))
    return made.eval()


@pytest.fixture
def batch(make_samples):
    return collate(make_samples(lengths=(5, 1, 7, 4)))


def optimised(network, batch, classify):
    optimiser = torch.optim.LBFGS(network.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = network.terms(network(batch), batch, classify)["coarse"]
        loss.backward()
        return loss

    optimiser.step(closure)
    return network(batch).coarse.logits.softmax(dim=-1)[batch.valid]


def test_at_its_optimum_the_probabilities_are_the_shares_of_the_classes(network, batch):
    counts = Counter(label for row in batch.labels.tolist() for label in row if label >= 0)
    shares = torch.tensor([counts[c] / counts.total() for c in range(3)])
    assert len(set(counts.values())) > 1, "equal shares would prove little"
    assert (shares > 0).all()
    objective = Objective(ObjectiveConfig(class_weights="none"), [counts[c] for c in range(3)])
    found = optimised(network, batch, objective.classify)
    torch.testing.assert_close(found, shares.expand_as(found), rtol=0, atol=1e-3)
    assert (found.argmax(dim=-1) == counts.most_common(1)[0][0]).all()


def test_it_begins_at_the_shares_of_the_training_part(network, batch):
    network.begin([5, 0, 15])
    found = network(batch).coarse.logits.softmax(dim=-1)[batch.valid]
    torch.testing.assert_close(found, torch.tensor([5, 0.5, 15]).div(20.5).expand_as(found), rtol=0, atol=1e-6)


def test_a_whole_training_leaves_it_the_majority_class_whatever_validation_prefers(tiny_recipe, tiny_corpus, tmp_path):
    from merc.runs.training import train

    recipe = tiny_recipe(model={"name": "majority"}, objective={"class_weights": "none"}, training={"epochs": 3})
    run = train(recipe, tmp_path / "run", corpus=tiny_corpus)
    counts = list(tiny_corpus.label_counts(tiny_corpus.part("official", "train")).values())
    shares = torch.tensor(counts) / sum(counts)
    torch.testing.assert_close(run.recogniser.network.log_odds.softmax(dim=0), shares, rtol=0, atol=0.02)
    assert int(run.recogniser.network.log_odds.argmax()) == counts.index(max(counts))


def test_class_weights_would_spoil_it(network, batch):
    """Balanced weights make all classes alike, which is why its recipe must set none."""
    counts = torch.bincount(batch.labels[batch.labelled], minlength=3).tolist()
    found = optimised(network, batch, Objective(ObjectiveConfig(class_weights="balanced"), counts).classify)
    torch.testing.assert_close(found, torch.full_like(found, 1 / 3), rtol=0, atol=1e-3)


def test_it_starts_with_all_classes_alike():
    assert torch.equal(MajorityConfig().build(WIDTHS, 3).log_odds, torch.zeros(3))


def test_every_utterance_of_every_batch_gets_the_same_answer(network, batch, make_samples):
    other = collate(make_samples(seed=4, lengths=(2, 6)))
    for given in (batch, other, replace(batch, speakers=batch.speakers + 1, labels=torch.zeros_like(batch.labels))):
        with torch.inference_mode():
            logits = network(given).coarse.logits
        assert logits.shape == (*given.valid.shape, 3)
        assert torch.equal(logits, torch.tensor([0.4, -1.0, 0.9]).expand_as(logits))


@pytest.mark.parametrize("count", [1, 8])
def test_any_number_of_modalities_and_no_data_on_the_meta_device(count):
    with torch.device("meta"):
        made = MajorityConfig().build({f"m{i}": 4 for i in range(count)}, 5)
    assert [(name, p.shape, p.is_meta) for name, p in made.named_parameters()] == [("log_odds", (5,), True)]


def test_it_has_no_sizes():
    with pytest.raises(ValidationError, match="width"):
        MajorityConfig(width=8)
