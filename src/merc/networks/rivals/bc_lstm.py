"""bc-LSTM: bidirectional LSTMs over the conversation, first one for each modality, then one over all of them together.

Source: Poria et al., ACL 2017, "Context-dependent sentiment analysis in user-generated videos", the bidirectional network in its
hierarchical form. Each LSTM is followed by a dense layer, whose activations the next level reads. Speakers are not read.

[chosen], other than in the paper: the two levels learn together from one loss, where the paper trains the multimodal LSTM on frozen
features; ReLU in the dense layers; one width for all levels; zeros and a flag of presence where a modality is absent.

Letters in shapes: B conversations, T utterances, I input columns with the flag, d width of both directions together.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from merc.data.batching import Batch
from merc.files.shapes import Float, Int64
from merc.networks.dropout import Dropout
from merc.networks.interface import Level, Network, NetworkOutput, check_names
from merc.networks.registry import NetworkConfig, register_network


@register_network
class BcLSTMConfig(NetworkConfig):
    """Sizes of the rival.

    Attributes:
        width: d of every level, half of it for each direction; even.
        layers: of each LSTM.
        dropout: behind every LSTM layer and every dense layer.
    """

    name: str = "bc_lstm"
    width: int = Field(default=128, ge=4)
    layers: int = Field(default=1, ge=1, le=8)
    dropout: float = Field(default=0.5, ge=0, lt=1)

    @field_validator("width")
    @classmethod
    def _width_is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"width {value} is odd; it must be even, half for each direction of the LSTM")
        return value

    def build(self, widths: Mapping[str, int], classes: int) -> BcLSTM:
        return BcLSTM(self, widths, classes)


class ContextualLSTM(nn.Module):
    """A bidirectional LSTM over the utterances of a conversation, and a dense layer."""

    def __init__(self, config: BcLSTMConfig, width_in: int) -> None:
        super().__init__()
        d = config.width
        between = config.dropout if config.layers > 1 else 0.0  # torch warns of dropout between the layers of a single one
        self.lstm = nn.LSTM(width_in, d // 2, config.layers, batch_first=True, dropout=between, bidirectional=True)
        self.dense = nn.Linear(d, d)
        self.dropout = Dropout(config.dropout)

    def forward(self, x_BTI: Float[Tensor, "B T I"], lengths_B: Int64[Tensor, " B"]) -> Float[Tensor, "B T d"]:
        """(B, T, I) -> (B, T, d); the backward direction starts at the last utterance of each conversation.

        Args:
            x_BTI: inputs of each utterance.
            lengths_B: utterances of each conversation, at least 1, on the CPU.
        """
        packed = pack_padded_sequence(x_BTI, lengths_B, batch_first=True, enforce_sorted=False)
        h_BTd, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x_BTI.shape[1])
        return self.dropout(F.relu(self.dense(self.dropout(h_BTd))))


class BcLSTM(Network):
    """The network."""

    def __init__(self, config: BcLSTMConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        check_names(widths)
        self.config = config
        self.unimodal = nn.ModuleDict({m: ContextualLSTM(config, w + 1) for m, w in widths.items()})
        self.multimodal = ContextualLSTM(config, len(widths) * config.width)
        self.classifier = nn.Linear(config.width, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        lengths_B = batch.valid.sum(dim=1).clamp_min(1).cpu()  # torch packs no empty row, so a row of padding counts as one
        contextual: list[Tensor] = []
        for i, (m, x) in enumerate(batch.inputs.items()):
            present_BT1 = batch.present[..., i, None]
            x_BTI = torch.cat([torch.where(present_BT1, x, 0.0), present_BT1.to(torch.get_default_dtype())], dim=-1)
            contextual.append(self.unimodal[m](x_BTI, lengths_B))
        return NetworkOutput(Level(self.classifier(self.multimodal(torch.cat(contextual, dim=-1), lengths_B))))
