"""The ablation `auxiliaries: symmetric`: in place of the towers one transformer in which all modalities attend to all (chosen).

Every layer has one set of weights for all modalities, updates all of them, and knows a modality by a learned vector alone. There is
no centre, no gate and no aligned path; the biases are as in the towers, one table within a modality and one between two.

Letters in shapes: B conversations, T utterances, M modalities, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from merc.files.shapes import Float
from merc.networks.attention import AttentionConfig, RelationBias, Relations, attend
from merc.networks.cmath.cma_transformer import TowerConfig
from merc.networks.dropout import Dropout


class SymmetricLayer(nn.Module):
    """Self-attention over the utterances of all modalities at once, and a feed-forward layer; pre-norm and residual."""

    def __init__(self, attention: AttentionConfig, feed_forward: int, d: int, dropout: float) -> None:
        super().__init__()
        self.heads = attention.heads
        self.norm_self = nn.LayerNorm(d)
        self.project_in = nn.Linear(d, 3 * d)
        self.project_out = nn.Linear(d, d)
        self.within = RelationBias(attention, start_on_diagonal=False)
        self.between = RelationBias(attention, start_on_diagonal=True)
        self.norm_feed = nn.LayerNorm(d)
        self.feed_1 = nn.Linear(d, feed_forward * d)
        self.feed_2 = nn.Linear(feed_forward * d, d)
        self.dropout = Dropout(dropout)

    def forward(self, h_BNd: Float[Tensor, "B N d"], modalities: Sequence[str], relations: Relations) -> Float[Tensor, "B N d"]:
        """(B, M T, d) -> (B, M T, d), modality by modality.

        Args:
            h_BNd: the modalities one behind the other.
            modalities: their names. From another modality only present utterances are attended to, from their own all within reach.
            relations: of the batch.
        """
        within = self.within(relations, relations.keys())
        between = {m: self.between(relations, relations.keys(m)) for m in modalities}
        rows = [torch.cat([within if m == n else between[n] for n in modalities], dim=-1) for m in modalities]
        q, k, v = self.project_in(self.norm_self(h_BNd)).chunk(3, dim=-1)
        attended = self.project_out(attend(q, k, v, torch.cat(rows, dim=-2), self.heads))
        h_BNd = h_BNd + self.dropout(attended)
        hidden = self.dropout(F.gelu(self.feed_1(self.norm_feed(h_BNd))))
        return h_BNd + self.dropout(self.feed_2(hidden))


class SymmetricTransformer(nn.Module):
    """The layers, with a learned vector for each modality."""

    def __init__(self, attention: AttentionConfig, tower: TowerConfig, d: int, modalities: Sequence[str], dropout: float) -> None:
        super().__init__()
        self.modality = nn.Parameter(torch.empty(len(modalities), d).normal_().mul_(0.02))
        self.layers = nn.ModuleList(SymmetricLayer(attention, tower.feed_forward, d, dropout) for _ in range(tower.layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, streams: Mapping[str, Float[Tensor, "B T d"]], relations: Relations) -> dict[str, Float[Tensor, "B T d"]]:
        """Modality -> (B, T, d): each stream refined by all."""
        h_BNd = torch.cat([x + self.modality[m] for m, x in enumerate(streams.values())], dim=1)
        for layer in self.layers:
            h_BNd = layer(h_BNd, list(streams), relations)
        t = next(iter(streams.values())).shape[1]
        refined = self.norm(h_BNd)
        return {name: refined[:, m * t : (m + 1) * t] for m, name in enumerate(streams)}
