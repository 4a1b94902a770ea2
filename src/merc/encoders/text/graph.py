"""The graph of all-MiniLM-L6-v2, which `merc.encoders.text.minilm` runs: shipped, made by `python -m merc.encoders.text.graph`.

The network is BERT (Devlin et al., NAACL 2019, section 3; Vaswani et al. 2017 for its layers), written out so that all tokens of a
batch lie in one matrix, which the linear layers read as it is.

Shapes: B windows, S tokens of the longest, N = B x S, L layers, D features, H heads.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from merc.encoders.text.minilm import GRAPH, LAYERS, LENGTHS, MOST_LAYERS, TOKENS
from merc.encoders.text.torch_model import load_base
from merc.files.staged_file import write_atomically
from merc.graphs.export import adopt, example_length, exported_graph, with_weights_as_inputs

_MASKED = -1e9  # added to the logit of a key in the padding


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

    def forward(self, inputs: dict[str, Int64[Tensor, ...]]) -> tuple[Float[Tensor, "L B D"]]:
        """`tokens` (B, S) and `lengths` (B) -> the means."""
        tokens, lengths = inputs[TOKENS], inputs[LENGTHS]
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
        for layer in layers:
            x_ND = self._layer(layer, x_ND, bias, s)
            means.append((x_ND.unflatten(0, (-1, s)) * weight_BS1).sum(dim=1))
        return (torch.stack(means[-MOST_LAYERS:]),)

    def _layer(self, layer: Any, x_ND: Float[Tensor, "N D"], bias: Float[Tensor, "B 1 1 S"], s: int) -> Float[Tensor, "N D"]:
        attention = layer.attention
        own = attention.self
        q, k, v = (
            project(x_ND).unflatten(0, (-1, s)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (own.query, own.key, own.value)
        )
        shares = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + bias, dim=-1)
        attended = (shares @ v).transpose(1, 2).flatten(2).flatten(0, 1)
        x_ND = attention.output.LayerNorm(attention.output.dense(attended) + x_ND)
        hidden = layer.output.dense(F.gelu(layer.intermediate.dense(x_ND)))
        return layer.output.LayerNorm(hidden + x_ND)


def minilm_graph() -> bytes:
    """The graph's file.

    Raises:
        NotExportableError, MissingExtraError: see `merc.graphs.export.exported_graph`.
    """
    _, bert, _ = load_base("minilm")
    b, s = example_length(0), example_length(1)
    example = {TOKENS: torch.ones(b, s, dtype=torch.int64), LENGTHS: torch.full((b,), s)}
    axes = {TOKENS: ("windows", "tokens"), LENGTHS: ("windows",)}
    graph = exported_graph(MeanLayers(bert), example, axes, {LAYERS: (None, "windows", None)}, "model.safetensors")
    return with_weights_as_inputs(graph)


if __name__ == "__main__":
    write_atomically(GRAPH, minilm_graph())
