"""Reconstruction against torch's own convolution on unpadded conversations, and the claim that only Z reaches the rebuilt input."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from merc.data.batching import collate
from merc.networks.cmath.reconstruction import (
    Compressed,
    MaskedConvolution,
    ModalityReconstruction,
    ReconstructionConfig,
    reconstruction_loss,
)


def padded(lengths, width, seed=0):
    """Random input with garbage in the padding, and its mask."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(lengths), max(lengths), width, generator=generator)
    valid = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    return torch.where(valid[..., None], x, torch.tensor(1e3)), valid


def unpadded_convolution(layer, x_TI, kernel, causal):
    """torch's Conv1d on one conversation by itself."""
    weight = layer.linear.weight.unflatten(1, (-1, kernel))
    sides = (kernel - 1, 0) if causal else (kernel // 2, kernel // 2)
    return F.conv1d(F.pad(x_TI.T[None], sides), weight, layer.linear.bias)[0].T


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_masked_convolution_is_conv1d_on_each_conversation_alone(kernel, causal):
    lengths = [6, 1, 3, 2]
    x, valid = padded(lengths, 4)
    layer = MaskedConvolution(4, 3, kernel, causal)
    out = layer(x, valid)
    for i, n in enumerate(lengths):
        torch.testing.assert_close(out[i, :n], unpadded_convolution(layer, x[i, :n], kernel, causal), rtol=1e-5, atol=1e-5)


def test_masked_convolution_of_kernel_3_is_the_module_conv1d():
    module = torch.nn.Conv1d(4, 5, 3, padding=1)
    layer = MaskedConvolution(4, 5, 3, causal=False)
    with torch.no_grad():
        layer.linear.weight.copy_(module.weight.flatten(1))
        layer.linear.bias.copy_(module.bias)
    x = torch.randn(1, 7, 4)
    expected = module(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(layer(x, torch.ones(1, 7, dtype=torch.bool)), expected, rtol=1e-5, atol=1e-5)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd"):
        ReconstructionConfig(kernel=4)


def test_reconstruction_loss_is_the_mean_squared_error_over_present_entries():
    x, rebuilt = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    present = torch.tensor([[True, False, True, True], [True, False, False, False]])
    total, entries = 0.0, 0
    for b in range(2):
        for t in range(4):
            if present[b, t]:
                total += sum((float(x[b, t, w]) - float(rebuilt[b, t, w])) ** 2 for w in range(3))
                entries += 3
    assert float(reconstruction_loss(x, rebuilt, present)) == pytest.approx(total / entries, rel=1e-5)


def test_reconstruction_loss_without_a_present_row_is_zero_and_has_a_gradient():
    rebuilt = torch.randn(1, 2, 3, requires_grad=True)
    loss = reconstruction_loss(torch.randn(1, 2, 3), rebuilt, torch.zeros(1, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(rebuilt.grad, torch.zeros_like(rebuilt))


@pytest.mark.parametrize("kernel", [1, 3])
def test_an_absent_modality_enters_as_the_learned_vector(kernel):
    module = ModalityReconstruction(ReconstructionConfig(hidden=6, kernel=kernel), 4, 8, dropout=0.0, causal=False)
    x, valid = padded([4, 2], 4)
    present = valid & torch.tensor([[True, False, True, True], [False, True, True, True]])
    z = module(x * present[..., None], present, valid).z
    assert torch.equal(z[~present], module.absent.expand_as(z[~present]))
    assert not torch.isclose(z[present], module.absent).all(dim=-1).any()


def test_the_learned_vector_is_learned_and_absent_rows_teach_the_paths_nothing():
    module = ModalityReconstruction(ReconstructionConfig(hidden=6), 4, 8, dropout=0.0, causal=False)
    x, valid = padded([3], 4)
    present = torch.tensor([[True, False, True]])
    x = (x * present[..., None]).requires_grad_()
    z = module(x, present, valid).z
    z.sum().backward()
    assert module.absent.grad.abs().sum() > 0
    assert torch.equal(x.grad[0, 1], torch.zeros(4))


@pytest.mark.parametrize("skips", [False, True])
def test_exchanging_two_representations_exchanges_the_rebuilt_inputs(make_network, make_samples, skips):
    """A skip connection would carry the first input past Z into its own reconstruction, as it does where one is asked for."""
    network = make_network(fusion={"variational": False}, reconstruction={"skips": skips}).train()
    batches = [collate(make_samples(seed=seed, lengths=(4, 2), absent=0)) for seed in (1, 2)]
    outputs = [network(batch) for batch in batches]
    for modality in ("text", "audio", "visual"):
        module = network.reconstruction[modality]
        column = network.modalities.index(modality)
        made = [module(b.inputs[modality], b.present[..., column], b.valid) for b in batches]
        for mine, other in ((0, 1), (1, 0)):
            exchanging = replace(made[mine], z=made[other].z)
            module.forward = lambda *_, given=exchanging: given
            rebuilt = network(batches[mine]).reconstructions
            del module.forward
            exchanged = torch.equal(rebuilt[modality], outputs[other].reconstructions[modality])
            assert exchanged != skips
            assert not torch.allclose(rebuilt[modality], outputs[mine].reconstructions[modality])
            for kept in {"text", "audio", "visual"} - {modality}:
                assert torch.equal(rebuilt[kept], outputs[mine].reconstructions[kept])


def test_inputs_are_rebuilt_in_training_only(make_network, make_samples):
    network, batch = make_network(), collate(make_samples())
    assert network(batch).reconstructions == {}
    rebuilt = network.train()(batch).reconstructions
    assert {m: tuple(r.shape) for m, r in rebuilt.items()} == {m: tuple(x.shape) for m, x in batch.inputs.items()}


def test_without_the_expanding_path_nothing_is_rebuilt_or_rebuildable(make_network, make_samples):
    network, batch = make_network(reconstruction={"enabled": False}).train(), collate(make_samples())
    output = network(batch)
    assert output.reconstructions == {}
    assert "reconstruction" not in network.terms(output, batch, F.cross_entropy, output)
    assert not [name for name, _ in network.named_parameters() if "expand" in name]
    with pytest.raises(RuntimeError, match="expanding path"):
        network.reconstruction["text"].expand(
            Compressed(torch.zeros(1, 1, 8), torch.zeros(1, 1, 8)), torch.ones(1, 1, dtype=torch.bool)
        )


def test_a_narrow_input_is_widened():
    module = ModalityReconstruction(ReconstructionConfig(hidden=5), 1, 16, dropout=0.0, causal=False)
    x, valid = padded([2], 1)
    made = module(x, valid, valid)
    assert made.z.shape == (1, 2, 16)
    assert module.expand(made, valid).shape == x.shape
