"""Attention between the utterances of a conversation, with learned biases for relative position and for the same speaker.

[chosen] throughout (docs/model.md): any number of speakers, `causal` and `window` masks, one set of biases per attention module.

Letters in shapes: B conversations, T utterances, H heads, d model width, k width of a head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.files.shapes import Bool, Float, Int64
from merc.settings import Settings

MASKED = -1e9  # added to the logit of a forbidden key: finite, so that a row of forbidden keys stays finite too


class AttentionConfig(Settings):
    """What an utterance may attend to, and how.

    Attributes:
        heads: H; must divide the model width.
        max_distance: relative positions beyond it share a bias.
        speaker_bias: a learned bias for keys of the query's own speaker.
        causal: no utterance sees a later one.
        window: utterances back and ahead that one attention may see; None is all. It holds per attention: a layer with auxiliaries
            has two in a row, so L layers reach 2L times as far, and kernels above 1 in the reconstruction add their own reach.
    """

    heads: int = Field(default=2, ge=1)
    max_distance: int = Field(default=16, ge=1)
    speaker_bias: bool = True
    causal: bool = False
    window: int | None = Field(default=None, ge=0)


def check_heads(width: int, heads: int, key: str) -> None:
    """Refuses heads that do not divide the width, with a ValueError that names their key in the config."""
    if width % heads:
        raise ValueError(f"width {width} is not a multiple of {key} {heads}")


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """Which utterances an attention may read.

    Attributes:
        allowed: (B, T, T), True where the query may read the key.
        bias: (B, 1, T, T), `MASKED` where it may not, else 0.
    """

    allowed: Bool[Tensor, "B T T"]
    bias: Float[Tensor, "B 1 T T"]

    @classmethod
    def of(cls, allowed_BTT: Bool[Tensor, "B T T"]) -> Keys:
        """The keys that are allowed."""
        return cls(allowed_BTT, ((~allowed_BTT) * MASKED)[:, None])


@dataclass(frozen=True, slots=True, eq=False)
class Relations:
    """Relations between the utterances of a batch; made once a batch, read by every attention module.

    Attributes:
        distance: (T, T) key position minus query position, clipped, shifted to start at 0.
        distances: (2T-1,), those of a key T-1 utterances back to one T-1 ahead.
        same_speaker: (B, T, T), 1.0 where key and query have one speaker.
        allowed: (B, T, T), True where the key is no padding and within reach of the query.
        present: modality -> (B, T), True where an utterance has it.
        made: the keys that were asked for, which all modules share.
    """

    distance: Int64[Tensor, "T T"]
    distances: Int64[Tensor, " D"]
    same_speaker: Float[Tensor, "B T T"]
    allowed: Bool[Tensor, "B T T"]
    present: Mapping[str, Bool[Tensor, "B T"]]
    made: dict[str | None, Keys] = field(init=False, default_factory=dict[str | None, Keys])

    @classmethod
    def of(cls, batch: Batch, config: AttentionConfig) -> Relations:
        """The relations within a batch."""
        t = batch.valid.shape[1]
        position = torch.arange(t, device=batch.valid.device)
        offset = position[None, :] - position[:, None]
        reach = torch.ones_like(offset, dtype=torch.bool)
        if config.causal:
            reach = reach & (offset <= 0)
        if config.window is not None:
            reach = reach & (offset.abs() <= config.window)
        same = batch.speakers[:, :, None] == batch.speakers[:, None, :]
        distance = offset.clamp(-config.max_distance, config.max_distance) + config.max_distance
        return cls(
            distance,
            torch.cat([distance[-1], distance[0, 1:]]),
            same.to(torch.get_default_dtype()),
            reach & batch.valid[:, None, :],
            {m: batch.present[..., i] for i, m in enumerate(batch.inputs)},
        )

    def keys(self, modality: str | None = None) -> Keys:
        """The allowed keys, those alone that have a modality if one is named."""
        if modality not in self.made:
            allowed = self.allowed if modality is None else self.allowed & self.present[modality][:, None, :]
            self.made[modality] = Keys.of(allowed)
        return self.made[modality]


class RelationBias(nn.Module):
    """A bias per head from relative position and from the speakers being the same."""

    def __init__(self, config: AttentionConfig, start_on_diagonal: bool) -> None:
        super().__init__()
        position = torch.zeros(2 * config.max_distance + 1, config.heads)
        if start_on_diagonal:
            position[config.max_distance] = 3.0  # chosen: e^3, so an utterance first attends to itself in the other modality
        self.position = nn.Parameter(position)
        self.same_speaker = nn.Parameter(torch.zeros(config.heads)) if config.speaker_bias else None

    def forward(self, relations: Relations, keys: Keys) -> Float[Tensor, "B H T T"]:
        """The bias to add to the attention logits, about `MASKED` for forbidden keys."""
        bias = keys.bias + self._by_distance(relations)
        if self.same_speaker is None:
            return bias
        return torch.addcmul(bias, self.same_speaker[:, None, None], relations.same_speaker[:, None])

    def _by_distance(self, relations: Relations) -> Float[Tensor, "H T T"]:
        if torch.compiler.is_exporting():  # windows of a length that is not known can't be cut
            return F.embedding(relations.distance, self.position).permute(2, 0, 1)
        # One look-up for each of the 2T-1 distances, not for each pair; the last window of T of them is the first query's row.
        # Contiguous, or the logits would take on its layout and be copied.
        return self.position[relations.distances].T.unfold(1, len(relations.distance), 1).flip(1).contiguous()


class SelfAttention(nn.Module):
    """Multi-head attention of a stream to itself."""

    def __init__(self, config: AttentionConfig, d: int) -> None:
        super().__init__()
        self.heads = config.heads
        self.project_in = nn.Linear(d, 3 * d)
        self.project_out = nn.Linear(d, d)
        self.bias = RelationBias(config, start_on_diagonal=False)

    def forward(self, x_BTd: Float[Tensor, "B T d"], relations: Relations) -> Float[Tensor, "B T d"]:
        """(B, T, d) -> (B, T, d)."""
        q, k, v = self.project_in(x_BTd).chunk(3, dim=-1)
        return self.project_out(attend(q, k, v, self.bias(relations, relations.keys()), self.heads))


def attend(
    q_BTd: Float[Tensor, "B T d"],
    k_BTd: Float[Tensor, "B T d"],
    v_BTd: Float[Tensor, "B T e"],
    bias_BHTT: Float[Tensor, "B H T T"],
    heads: int,
) -> Float[Tensor, "B T e"]:
    """Scaled dot-product attention with an additive bias; d and e are split over the heads.

    Written out where gradients are wanted: torch's fused kernel computes none of the bias, and its other path costs twice this one.
    """
    b = q_BTd.shape[0]
    q, k, v = (split_heads(x, heads) for x in (q_BTd, k_BTd, v_BTd))
    scale = q.shape[-1] ** -0.5
    if torch.compiler.is_exporting():  # products of unknown lengths make an export several times as slow
        return merge_heads((q @ k.transpose(2, 3) * scale + bias_BHTT).softmax(dim=-1) @ v)
    if not torch.is_grad_enabled():
        return merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=bias_BHTT))
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    logits = torch.baddbmm(bias_BHTT.flatten(0, 1), q, k.transpose(1, 2), alpha=scale)
    return merge_heads(torch.bmm(logits.softmax(dim=-1), v).unflatten(0, (b, heads)))


def split_heads(x_BTd: Float[Tensor, "B T d"], heads: int) -> Float[Tensor, "B H T k"]:
    """(B, T, H*k) -> (B, H, T, k)."""
    return x_BTd.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x_BHTk: Float[Tensor, "B H T k"]) -> Float[Tensor, "B T d"]:
    """(B, H, T, k) -> (B, T, H*k)."""
    return x_BHTk.transpose(1, 2).flatten(2)


def sinusoids(t: int, d: int, device: torch.device) -> Float[Tensor, "T d"]:
    """Positions 0 to t-1 as waves: sines in even columns, cosines in odd ones (Vaswani et al. 2017, section 3.5)."""
    position_T = torch.arange(t, device=device, dtype=torch.get_default_dtype())
    rate = 10_000.0 ** (-torch.arange(0, d, 2, device=device, dtype=torch.get_default_dtype()) / d)
    angle = position_T[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, :d]


def key_bias(valid_BT: Bool[Tensor, "B T"], heads: int) -> Float[Tensor, "B H T T"]:
    """`MASKED` for keys in the padding, 0 for all others. Contiguous, so that attention copies nothing."""
    b, t = valid_BT.shape
    return ((~valid_BT) * MASKED)[:, None, None].expand(b, heads, t, t).contiguous()
