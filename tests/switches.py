"""Every network and switch, as a recipe's section `model` names them, small; and a few steps of training that move all weights."""

import torch

from merc.data.batching import collate
from merc.training.objective import Objective, ObjectiveConfig

WIDTHS = {"text": 6, "audio": 5, "visual": 4}
MODELS = {
    "opinions": {},
    "opinions of one centre, means only": {"central": ["text"], "fusion": {"variational": False, "evidence": False}},
    "pool": {"tower": {"reading": "shared"}, "fusion": {"kind": "pool", "detached": False}},
    "pool, own readings": {"fusion": {"kind": "pool"}},
    "product": {"fusion": {"kind": "product", "detached": False}},
    "gated": {"fusion": {"kind": "gated", "detached": False}},
    "concat": {"fusion": {"kind": "concat", "detached": False}},
    "attached": {"fusion": {"detached": False}},
    "shared reading": {"tower": {"reading": "shared"}},
    "means only": {"fusion": {"variational": False}},
    "map": {"tower": {"auxiliaries": "map", "layers": 2}},
    "kernel 3": {"reconstruction": {"kernel": 3}},
    "skips": {"reconstruction": {"kernel": 3, "skips": True}},
    "causal kernel 3": {"reconstruction": {"kernel": 3}, "attention": {"causal": True}},
    "window": {"attention": {"window": 1}},
    "not aligned": {"tower": {"aligned": False}},
    "aligned only": {"tower": {"attended": False}},
    "one centre": {"central": ["text"]},
    "without speakers": {"attention": {"speaker_bias": False}},
    "symmetric": {"tower": {"auxiliaries": "symmetric"}},
    "symmetric, one centre": {"tower": {"auxiliaries": "symmetric", "layers": 2}, "central": ["text"]},
    "early fusion": {"name": "early_fusion", "width": 8, "layers": 1, "feed_forward": 2, "attention": {"heads": 2}},
    "late fusion": {"name": "late_fusion", "width": 8, "layers": 1, "feed_forward": 2, "attention": {"heads": 2}},
    "logistic regression": {"name": "logistic_regression"},
    "bc-LSTM": {"name": "bc_lstm", "width": 8},
    "DialogueRNN": {"name": "dialogue_rnn", "width": 8},
    "SDT": {"name": "sdt", "width": 8, "heads": 2},
    "MulT": {"name": "mult", "width": 8, "heads": 2},
}


def train(network, samples, steps=8):
    """A few steps on all terms of the loss: enough to move every weight far from where it began."""
    objective = Objective(ObjectiveConfig(ramp_epochs=0), [1, 1, 1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.02)
    batch, before = collate(samples), torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    for _ in range(steps):
        network.train()
        output = network(batch)
        terms = network.terms(output, batch, objective.classify, output)
        loss = objective.total(terms, 1.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    moved = (torch.nn.utils.parameters_to_vector(network.parameters()) - before).abs()
    assert moved.median() > 0.05
    network.zero_grad()
    return network.eval()
