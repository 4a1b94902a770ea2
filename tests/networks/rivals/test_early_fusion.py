"""The plain rival: its fusion by hand, and the interface that it shares with CMATH."""

import pytest
import torch
from torch.nn import functional as F

from merc.data.batching import collate
from merc.errors import RecipeError


def test_fusion_is_a_linear_map_of_projections_and_flags_of_presence(make_network, make_samples, rival_config):
    network, samples = make_network(**rival_config), make_samples(lengths=(4, 2))
    batch = collate(samples)
    seen = []
    network.transformer.register_forward_hook(lambda _m, given, _out: seen.append(given[0]))
    network(batch)
    for i, sample in enumerate(samples):
        for t in range(len(sample)):
            parts = [
                F.gelu(network.project[m](torch.from_numpy(x[t]))) if sample.present[t, column] else torch.zeros(8)
                for column, (m, x) in enumerate(sample.inputs.items())
            ]
            flags = torch.from_numpy(sample.present[t]).float()
            torch.testing.assert_close(seen[0][i, t], network.fuse(torch.cat([*parts, flags])), rtol=1e-4, atol=1e-5)


def test_it_has_no_cross_attention_and_all_its_layers(make_network, rival_config):
    network = make_network(**{**rival_config, "layers": 3})
    assert len(network.transformer.layers) == 3
    assert all(layer.query is None for layer in network.transformer.layers)


def test_heads_must_divide_the_width(tiny_recipe, rival_config):
    with pytest.raises(RecipeError, match=r"width 9 is not a multiple of attention\.heads 2"):
        tiny_recipe(model={**rival_config, "width": 9})


def test_causal_holds_for_the_rival_too(make_network, make_samples, rival_config):
    network = make_network(**{**rival_config, "attention": {"heads": 2, "causal": True}})
    batch = collate(make_samples(lengths=(5,), absent=0))
    inputs = {m: x.clone() for m, x in batch.inputs.items()}
    inputs["text"][0, 3] += 1.0
    moved = (network(batch).coarse.logits - network(batch.with_inputs(inputs, batch.present)).coarse.logits).abs().amax(dim=-1)[0]
    assert moved[:3].max().item() <= 1e-6
    assert moved[3].item() > 1e-4
