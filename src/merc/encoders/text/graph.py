"""The graphs of all-MiniLM-L6-v2, which `merc.encoders.text.minilm` runs: shipped, made by `python -m merc.encoders.text.graph`.

The network is BERT (Devlin et al., NAACL 2019, section 3; Vaswani et al. 2017 for its layers), written out so that all tokens of a
batch lie in one matrix, which the linear layers read as it is.

Shapes: B windows, S tokens of the longest, N = B x S, L layers, D features, H heads, K adapters, r their rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from merc.encoders.text.minilm import ADAPTED_GRAPH, GRAPH, LAYERS, LENGTHS, MOST_LAYERS, TOKENS
from merc.encoders.text.torch_model import load_base
from merc.files.shapes import Bool, Float, Int64
from merc.files.staged_file import write_atomically
from merc.graphs.export import adopt, example_length, exported_graph, with_weights_as_inputs

_MASKED = -1e9  # added to the logit of a key in the padding
_EXAMPLE_ADAPTERS = (2, 5)  # K and r of an example: no two axes of one length, see `example_length`
Inputs = Mapping[str, Tensor]


class MeanLayers(nn.Module):
    """Tokens -> the last hidden states, averaged over the tokens of each window.

    Args:
        bert: of transformers; its modules and their names are taken over.
    """

    def __init__(self, bert: Any) -> None:
        super().__init__()
        adopt(self, bert)
        self.heads = int(bert.config.num_attention_heads)
        self.eval()

    def forward(self, inputs: Inputs) -> tuple[Float[Tensor, "L B D"]]:
        """`tokens` (B, S) and `lengths` (B) -> the means."""
        return (self._means(inputs[TOKENS], inputs[LENGTHS], inputs),)

    def _means(self, tokens: Int64[Tensor, "B S"], lengths: Int64[Tensor, " B"], inputs: Inputs) -> Float[Tensor, "L B D"]:
        s = tokens.shape[1]
        embeddings: Any = self.embeddings
        mask_BS: Bool[Tensor, "B S"] = torch.arange(s)[None] < lengths[:, None]
        x = (
            embeddings.word_embeddings(tokens)
            + embeddings.token_type_embeddings.weight[0]
            + embeddings.position_embeddings.weight[:s]
        )
        x_ND = embeddings.LayerNorm(x).flatten(0, 1)
        bias = torch.where(mask_BS, 0.0, _MASKED)[:, None, None]
        weight_BS1 = (mask_BS / lengths[:, None])[..., None]
        means: list[Tensor] = []
        layers: Any = self.encoder.layer  # pyright: ignore[reportAttributeAccessIssue]
        for number in range(len(layers)):
            x_ND = self._layer(f"encoder.layer.{number}", x_ND, bias, s, inputs)
            means.append((x_ND.unflatten(0, (-1, s)) * weight_BS1).sum(dim=1))
        return torch.stack(means[-MOST_LAYERS:])

    def _layer(
        self, name: str, x_ND: Float[Tensor, "N D"], bias: Float[Tensor, "B 1 1 S"], s: int, inputs: Inputs
    ) -> Float[Tensor, "N D"]:
        layer: Any = self.get_submodule(name)
        q, k, v = (
            self._linear(f"{name}.attention.self.{part}", x_ND, inputs)
            .unflatten(0, (-1, s))
            .unflatten(-1, (self.heads, -1))
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        shares = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + bias, dim=-1)
        attended = (shares @ v).transpose(1, 2).flatten(2).flatten(0, 1)
        x_ND = layer.attention.output.LayerNorm(self._linear(f"{name}.attention.output.dense", attended, inputs) + x_ND)
        hidden = self._linear(f"{name}.output.dense", F.gelu(self._linear(f"{name}.intermediate.dense", x_ND, inputs)), inputs)
        return layer.output.LayerNorm(hidden + x_ND)

    def _linear(self, name: str, x_ND: Float[Tensor, "N _"], inputs: Inputs) -> Float[Tensor, "N _"]:
        return self.get_submodule(name)(x_ND)


class AdaptedMeanLayers(MeanLayers):
    """The same with K low-rank changes beside the weights: all windows with the first, then all with the second, and so on.

    Inputs beside those of `MeanLayers`: `<module>.A`, (K, in, r), and `<module>.B`, (K, r, out), of every linear layer.
    """

    def forward(self, inputs: Inputs) -> tuple[Float[Tensor, "L KB D"]]:
        """`tokens` (B, S) and `lengths` (B) -> the means, (L, K x B, D)."""
        k = inputs[f"{linear_layers(self)[0]}.A"].shape[0]
        tokens, lengths = inputs[TOKENS], inputs[LENGTHS]
        return (self._means(tokens.repeat(k, 1), lengths.repeat(k), inputs),)

    def _linear(self, name: str, x_ND: Float[Tensor, "N _"], inputs: Inputs) -> Float[Tensor, "N _"]:
        a, b = inputs[f"{name}.A"], inputs[f"{name}.B"]
        return super()._linear(name, x_ND, inputs) + (x_ND.unflatten(0, (a.shape[0], -1)) @ a @ b).flatten(0, 1)


def linear_layers(model: nn.Module) -> list[str]:
    """Names of the linear layers that the graphs read, in their order."""
    return [name for name, module in model.named_modules() if name.startswith("encoder.") and isinstance(module, nn.Linear)]


def minilm_graph() -> bytes:
    """The file of the graph without adapters.

    Raises:
        NotExportableError, MissingExtraError: see `merc.graphs.export.exported_graph`.
    """
    _, bert, _ = load_base("minilm")
    return _exported(MeanLayers(bert), {}, {})


def adapted_graph() -> bytes:
    """The file of the graph with adapters.

    Raises:
        NotExportableError, MissingExtraError: see `merc.graphs.export.exported_graph`.
    """
    _, bert, _ = load_base("minilm")
    module = AdaptedMeanLayers(bert)
    k, r = _EXAMPLE_ADAPTERS
    pairs: dict[str, Tensor] = {}
    axes: dict[str, tuple[str | None, ...]] = {}
    for name in linear_layers(module):
        layer: Any = module.get_submodule(name)
        pairs |= {f"{name}.A": torch.zeros(k, layer.in_features, r), f"{name}.B": torch.zeros(k, r, layer.out_features)}
        axes |= {f"{name}.A": ("adapters", None, "rank"), f"{name}.B": ("adapters", "rank", None)}
    return _exported(module, pairs, axes)


def _exported(module: MeanLayers, more: Inputs, more_axes: Mapping[str, Sequence[str | None]]) -> bytes:
    b, s = example_length(0), example_length(1)
    example = {TOKENS: torch.ones(b, s, dtype=torch.int64), LENGTHS: torch.full((b,), s), **more}
    axes = {TOKENS: ("windows", "tokens"), LENGTHS: ("windows",), **more_axes}
    means = {LAYERS: (None, "vectors" if more else "windows", None)}
    graph = exported_graph(module, example, axes, means, "model.safetensors")
    return with_weights_as_inputs(graph, but=() if more else [f"{name}.weight" for name in linear_layers(module)])


if __name__ == "__main__":
    write_atomically(GRAPH, minilm_graph())
    write_atomically(ADAPTED_GRAPH, adapted_graph())
