"""The CMA-Transformer: one tower per central modality, which the auxiliary modalities augment (docs/model.md).

[paper] asymmetric fusion: each modality in turn is central, the others are auxiliary. [chosen] the layer: from each auxiliary an
attended and an aligned path through one gate; masked self-attention of the augmented central stream; feed-forward; pre-norm and
residual. The tower does not update the auxiliaries.

Letters in shapes: B conversations, T utterances, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from merc.files.shapes import Float
from merc.networks.attention import AttentionConfig, RelationBias, Relations, SelfAttention, attend, merge_heads, split_heads
from merc.networks.dropout import Dropout
from merc.settings import Settings


class TowerConfig(Settings):
    """The layers of a tower.

    Attributes:
        layers: L.
        feed_forward: width of the feed-forward layer, in units of the model width.
        auxiliaries: `augment` adds gated vectors of the auxiliaries; `map` lets them shape only the attention map, while all
            values come from the centre (an ablation: S = Q_c K_c' + sum_m Q_m K_m'); `symmetric` puts one transformer for all
            modalities in place of the towers (an ablation, see `merc.networks.cmath.symmetric_transformer`).
        reading: `own`: a tower reads its auxiliaries' features by linear maps of its own, so that towers err independently;
            `shared`: the representations that are the centres of the other towers, as the symmetric transformer does in any case.
        aligned: the auxiliary's vector of the same utterance beside the attended one.
        attended: the cross-attention itself; False leaves the aligned path alone.
    """

    layers: int = Field(default=1, ge=1, le=24)
    feed_forward: int = Field(default=2, ge=1, le=8)
    auxiliaries: Literal["augment", "map", "symmetric"] = "augment"
    reading: Literal["own", "shared"] = "own"
    aligned: bool = True
    attended: bool = True


class AuxiliaryReading(nn.Module):
    """What each of several towers reads of an auxiliary's features, for itself: a linear map and a norm [chosen].

    The maps are the rows of one matrix, so that the features are read once. The norm has no factors, since a linear map follows.
    """

    def __init__(self, width: int, d: int, towers: int) -> None:
        super().__init__()
        self.towers = towers
        self.linear = nn.Linear(width, towers * d)

    def forward(self, x_BTW: Float[Tensor, "B T W"]) -> tuple[Float[Tensor, "B T d"], ...]:
        """For each tower (B, T, d). Rows where the auxiliary is absent have no meaning; attention masks them."""
        read_BTSd = self.linear(x_BTW).unflatten(-1, (self.towers, -1))
        return F.layer_norm(read_BTSd, read_BTSd.shape[-1:]).unbind(dim=2)


class Augmentation(nn.Module):
    """What one auxiliary adds to the central stream: attended and aligned vectors through a gate sigmoid(W[q; o])."""

    def __init__(self, attention: AttentionConfig, tower: TowerConfig, d: int) -> None:
        super().__init__()
        self.heads = attention.heads
        self.aligned = tower.aligned
        parts = 2 * tower.attended + tower.aligned  # keys and values, then the aligned vectors
        self.kv_projection = nn.Linear(d, parts * d) if parts else None
        self.project_out = nn.Linear(d, d) if tower.attended else None
        self.bias = RelationBias(attention, start_on_diagonal=True) if tower.attended else None
        self.gate = nn.Linear(2 * d, d)

    def forward(
        self,
        q_BTd: Float[Tensor, "B T d"],
        z_BTd: Float[Tensor, "B T d"],
        auxiliary: str,
        relations: Relations,
    ) -> Float[Tensor, "B T d"]:
        """The gated vector to add to the central stream; zero where nothing of the auxiliary is within reach."""
        o_BTd = torch.zeros_like(q_BTd)
        if self.kv_projection is None:
            return o_BTd
        parts = self.kv_projection(z_BTd).split(q_BTd.shape[-1], dim=-1)
        if self.project_out is not None and self.bias is not None:
            keys = relations.keys(auxiliary)
            attended = self.project_out(attend(q_BTd, parts[0], parts[1], self.bias(relations, keys), self.heads))
            o_BTd = attended * keys.allowed.any(dim=-1, keepdim=True)
        if self.aligned:
            o_BTd = o_BTd + parts[-1] * relations.present[auxiliary][..., None]
        w_q, w_o = self.gate.weight.chunk(2, dim=-1)  # W[q; o] without copying q and o together
        return torch.sigmoid(F.linear(q_BTd, w_q, self.gate.bias) + F.linear(o_BTd, w_o)) * o_BTd


class MapAttention(nn.Module):
    """The ablation `auxiliaries: map`: the auxiliaries' similarities are added to the centre's; values come from the centre."""

    def __init__(self, attention: AttentionConfig, d: int, auxiliaries: Sequence[str]) -> None:
        super().__init__()
        self.heads = attention.heads
        self.project_in = nn.Linear(d, 3 * d)
        self.auxiliary = nn.ModuleDict({name: nn.Linear(d, 2 * d) for name in auxiliaries})
        self.project_out = nn.Linear(d, d)
        self.bias = RelationBias(attention, start_on_diagonal=False)

    def forward(
        self, x_BTd: Float[Tensor, "B T d"], auxiliaries: Mapping[str, Float[Tensor, "B T d"]], relations: Relations
    ) -> Float[Tensor, "B T d"]:
        """(B, T, d) -> (B, T, d)."""
        q, k, v = self.project_in(x_BTd).chunk(3, dim=-1)
        queries, keys = [split_heads(q, self.heads)], [split_heads(k, self.heads)]
        for name, project in self.auxiliary.items():
            q_m, k_m = (project(auxiliaries[name]) * relations.present[name][..., None]).chunk(2, dim=-1)
            queries.append(split_heads(q_m, self.heads))
            keys.append(split_heads(k_m, self.heads))
        attended = F.scaled_dot_product_attention(
            torch.cat(queries, dim=-1),
            torch.cat(keys, dim=-1),
            split_heads(v, self.heads),
            attn_mask=self.bias(relations, relations.keys()),
            scale=(x_BTd.shape[-1] // self.heads) ** -0.5,
        )
        return self.project_out(merge_heads(attended))


class CMALayer(nn.Module):
    """One layer of a tower."""

    def __init__(self, attention: AttentionConfig, tower: TowerConfig, d: int, auxiliaries: Sequence[str], dropout: float) -> None:
        super().__init__()
        shapes_map = tower.auxiliaries == "map"
        augmented = [] if shapes_map else list(auxiliaries)
        self.norm_cross = nn.LayerNorm(d) if augmented else None
        self.query = nn.Linear(d, d) if augmented else None
        self.augmentations = nn.ModuleDict({name: Augmentation(attention, tower, d) for name in augmented})
        self.norm_self = nn.LayerNorm(d)
        self.self_attention = None if shapes_map else SelfAttention(attention, d)
        self.map_attention = MapAttention(attention, d, auxiliaries) if shapes_map else None
        self.norm_feed = nn.LayerNorm(d)
        self.feed_1 = nn.Linear(d, tower.feed_forward * d)
        self.feed_2 = nn.Linear(tower.feed_forward * d, d)
        self.dropout = Dropout(dropout)

    def forward(
        self, h_BTd: Float[Tensor, "B T d"], auxiliaries: Mapping[str, Float[Tensor, "B T d"]], relations: Relations
    ) -> Float[Tensor, "B T d"]:
        """(B, T, d) -> (B, T, d)."""
        if self.norm_cross is not None and self.query is not None:
            q_BTd = self.query(self.norm_cross(h_BTd))
            added = [augmentation(q_BTd, auxiliaries[name], name, relations) for name, augmentation in self.augmentations.items()]
            h_BTd = h_BTd + self.dropout(sum(added[1:], start=added[0]))
        x = self.norm_self(h_BTd)
        if self.map_attention is not None:
            h_BTd = h_BTd + self.dropout(self.map_attention(x, auxiliaries, relations))
        if self.self_attention is not None:
            h_BTd = h_BTd + self.dropout(self.self_attention(x, relations))
        hidden = self.dropout(F.gelu(self.feed_1(self.norm_feed(h_BTd))))
        return h_BTd + self.dropout(self.feed_2(hidden))


class Tower(nn.Module):
    """The layers that refine one central modality."""

    def __init__(self, attention: AttentionConfig, tower: TowerConfig, d: int, auxiliaries: Sequence[str], dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CMALayer(attention, tower, d, auxiliaries, dropout) for _ in range(tower.layers))
        self.norm = nn.LayerNorm(d)

    def forward(
        self, central_BTd: Float[Tensor, "B T d"], auxiliaries: Mapping[str, Float[Tensor, "B T d"]], relations: Relations
    ) -> Float[Tensor, "B T d"]:
        """The fine-grained representation F_c (B, T, d)."""
        for layer in self.layers:
            central_BTd = layer(central_BTd, auxiliaries, relations)
        return self.norm(central_BTd)
