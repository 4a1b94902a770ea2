"""Checkpoints: bit for bit, whole or not at all, and damage told in one line."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file

from merc.errors import RunError
from merc.files.staged_file import StagedFile
from merc.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_network,
    restore_optimiser,
    save_checkpoint,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def made(seed=0):
    generator = torch.Generator().manual_seed(seed)
    parts = {
        "network": {"a": torch.randn(3, 4, generator=generator)},
        "optimiser": {"0/step": torch.tensor(7.0)},
        "best": {"n": torch.tensor([1, -2])},
    }
    progress = {"step": 12, "best_score": 0.1 + 0.2, "sums": {"loss": 1 / 3}, "worst": float("-inf")}
    return Checkpoint(parts, progress)


def test_what_is_read_is_what_was_written_bit_for_bit(path):
    save_checkpoint(made(), path)
    found = load_checkpoint(path)
    assert found.progress == made().progress
    assert {part: set(named) for part, named in found.parts.items()} == {part: set(named) for part, named in made().parts.items()}
    for part, named in made().parts.items():
        for name, tensor in named.items():
            assert found.parts[part][name].dtype == tensor.dtype
            assert torch.equal(found.parts[part][name], tensor)


def test_a_part_without_tensors_is_read_as_empty(path):
    save_checkpoint(Checkpoint({"network": {"a": torch.ones(1)}, "optimiser": {}}, {}), path)
    assert load_checkpoint(path).parts["optimiser"] == {}


def test_views_and_transposed_tensors_are_kept(path):
    tensor = torch.arange(12.0).reshape(3, 4)
    save_checkpoint(Checkpoint({"best": {"t": tensor.T, "v": tensor[1], "g": tensor.clone().requires_grad_()}}, {}), path)
    found = load_checkpoint(path).parts["best"]
    assert torch.equal(found["t"], tensor.T)
    assert torch.equal(found["v"], tensor[1])


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_a_failure_on_the_way_leaves_the_old_checkpoint_and_nothing_else(path, monkeypatch, where):
    save_checkpoint(made(), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    if where == "write":
        monkeypatch.setattr(StagedFile, "write", full)
    elif where == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises((OSError, RunError)):
        save_checkpoint(made(1), path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_no_checkpoint_is_said(path):
    with pytest.raises(RunError, match="no checkpoint to resume from"):
        load_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.7, 0.99])
def test_a_truncated_checkpoint_is_one_clear_error(path, share):
    save_checkpoint(made(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(RunError, match=r"checkpoint\.safetensors: damaged checkpoint") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"garbage" * 40, b"\xff" * 64, b"{}"])
def test_what_is_no_checkpoint_is_one_clear_error(path, content):
    path.write_bytes(content)
    with pytest.raises(RunError, match="damaged checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("header", [None, {"format": "pt"}, {"format": "999", "progress": "{}"}])
def test_another_format_is_named(path, header):
    save_file({"a": torch.zeros(1)}, path, metadata=header)
    with pytest.raises(RunError, match="this version reads 1"):
        load_checkpoint(path)


@pytest.mark.parametrize("header", [{"format": "1"}, {"format": "1", "progress": "{"}])
def test_a_header_without_its_progress_is_damage(path, header):
    save_file({"a": torch.zeros(1)}, path, metadata=header)
    with pytest.raises(RunError, match="damaged checkpoint"):
        load_checkpoint(path)


def test_an_optimiser_goes_on_as_if_never_stopped(path):
    def learner():
        torch.manual_seed(0)
        network = torch.nn.Linear(4, 3)
        return network, torch.optim.AdamW(network.parameters(), lr=0.1, fused=True)

    def step(network, optimiser, number):
        optimiser.zero_grad()
        network(torch.full((2, 4), float(number))).square().sum().backward()
        optimiser.step()

    straight, optimiser = learner()
    for number in range(4):
        step(straight, optimiser, number)
    stopped, optimiser = learner()
    for number in range(2):
        step(stopped, optimiser, number)
    save_checkpoint(Checkpoint({"network": stopped.state_dict(), "optimiser": optimiser_tensors(optimiser)}, {}), path)
    resumed, optimiser = learner()
    saved = load_checkpoint(path).parts
    restore_network(resumed, saved["network"], path)
    restore_optimiser(optimiser, saved["optimiser"])
    for number in range(2, 4):
        step(resumed, optimiser, number)
    for name, tensor in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor)


def test_weights_of_another_network_are_refused(path):
    with pytest.raises(RunError, match="another network") as caught:
        restore_network(torch.nn.Linear(4, 3), torch.nn.Linear(4, 2).state_dict(), path)
    assert json.dumps(str(caught.value)).count("\\n") == 0
