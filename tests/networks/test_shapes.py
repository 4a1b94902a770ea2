"""The shapes of networks: those of the real ones, quickly and without memory."""

import sys

import pytest
import torch

from merc.networks.registry import BUILT_IN, network_config
from merc.networks.shapes import tensor_shapes

WIDTHS = {"text": 6, "audio": 5}


@pytest.mark.parametrize(
    "values", [*({"name": name} for name in BUILT_IN), {"name": "cmath", "tower": {"auxiliaries": "symmetric"}}]
)
def test_they_are_those_of_the_network(values):
    config = network_config(values)
    expected = {key: tuple(tensor.shape) for key, tensor in config.build(WIDTHS, 3).state_dict().items()}
    state, loaded = torch.get_rng_state(), set(sys.modules)
    assert tensor_shapes(config, WIDTHS, 3) == expected
    assert torch.equal(torch.get_rng_state(), state)
    assert "sympy" not in set(sys.modules) - loaded


def test_they_take_no_memory():
    shapes = tensor_shapes(network_config({"name": "cmath", "width": 10**6}), WIDTHS, 3)
    assert any(shape == (10**6, 10**6) for shape in shapes.values())  # 4 TB
