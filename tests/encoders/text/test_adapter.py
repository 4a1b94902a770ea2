"""Adapters: files that come back as they were, changes that reach the weights, and damage that is told in one line."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from merc.encoders.text.adapter import Adapter, adapter_from
from merc.encoders.text.torch_model import add_adapter
from merc.errors import FeatureError


def make_adapter(seed=0, out=5, into=3, rank=2):
    random = np.random.default_rng(seed)
    pairs = {
        name: (random.standard_normal((rank, into)).astype(np.float16), random.standard_normal((out, rank)).astype(np.float16))
        for name in ("first", "second.inner")
    }
    return Adapter("minilm", "0123456789abcdef", pairs)


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 5)
        self.second = torch.nn.ModuleDict({"inner": torch.nn.Linear(3, 5)})


def test_a_file_comes_back_as_it_was():
    adapter = make_adapter()
    found = adapter_from(adapter.to_bytes(), "x")
    assert (found.base, found.base_version, found.version) == ("minilm", "0123456789abcdef", adapter.version)
    assert found.to_bytes() == adapter.to_bytes()
    assert all((found.pairs[name][i] == pair[i]).all() for name, pair in adapter.pairs.items() for i in (0, 1))


def test_how_the_matrices_lie_in_memory_does_not_matter():
    adapter = make_adapter()
    for lay in (np.asfortranarray, lambda m: np.repeat(m, 2, axis=1)[:, ::2], lambda m: m[::-1][::-1]):
        laid = Adapter(adapter.base, adapter.base_version, {n: (lay(a), lay(b)) for n, (a, b) in adapter.pairs.items()})
        assert laid.to_bytes() == adapter.to_bytes()


def test_the_version_follows_the_numbers():
    assert make_adapter(0).version == make_adapter(0).version != make_adapter(1).version


def test_changes_are_added_to_the_weights():
    network, adapter = Network(), make_adapter()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    add_adapter(network, adapter)
    for name, (a, b) in adapter.pairs.items():
        change = network.get_parameter(f"{name}.weight").detach() - before[f"{name}.weight"]
        torch.testing.assert_close(change, torch.from_numpy(b.astype(np.float32) @ a.astype(np.float32)))
        assert (network.get_parameter(f"{name}.bias") == before[f"{name}.bias"]).all()


@pytest.mark.parametrize(("out", "into"), [(4, 3), (5, 4)])
def test_another_shape_is_refused(out, into):
    with pytest.raises(FeatureError, match=r"adapter: changes first by .*; the model 'minilm' has there: \(5, 3\)"):
        add_adapter(Network(), make_adapter(out=out, into=into))


def test_a_missing_module_is_refused():
    with pytest.raises(FeatureError, match=r"changes first by .* has there: none"):
        add_adapter(torch.nn.Linear(3, 5), make_adapter())


@given(st.data())
def test_damage_is_told_in_one_line(data):
    content = bytearray(make_adapter().to_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(content)))
    for damaged in (bytes(content), bytes(content[:cut]), b""):
        try:
            adapter_from(damaged, "here")
        except FeatureError as error:
            assert str(error).startswith("here: ") and "\n" not in str(error)


def test_other_tensors_are_refused():
    from safetensors.numpy import save

    metadata = {"merc": json.dumps({"format": "merc-adapter-1", "base": "minilm", "base_version": "0"})}
    half = np.ones((2, 2), np.float16)
    for tensors in (
        {},
        {"a.A": half},
        {"a.A": half, "a.B": half.astype(np.float32)},
        {"a.A": half, "a.B": half * np.nan},
        {"w": half},
    ):
        with pytest.raises(FeatureError, match=r"not an adapter|tensor a.B holds numbers that are not finite"):
            adapter_from(save(tensors, metadata=metadata), "here")
