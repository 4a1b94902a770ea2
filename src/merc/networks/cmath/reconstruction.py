"""Modality Reconstruction: a compressed representation per modality, kept good by rebuilding its input (docs/model.md).

[paper] a U-Net of 1-D convolutions down- and up-samples each modality; Frobenius-norm loss. [chosen] the rest: the channels
narrow W -> c -> d and widen again, kernel 1, and no skip connection unless `skips` asks for one. Where W <= d nothing is
compressed: the path widens.

Letters in shapes: B conversations, T utterances, W input columns, c hidden channels, d model width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from merc.files.shapes import Bool, Float
from merc.networks.dropout import Dropout
from merc.settings import Settings


class ReconstructionConfig(Settings):
    """Sizes of the contracting and expanding paths.

    Attributes:
        hidden: channels between input and representation (c).
        kernel: utterances that a convolution sees, odd; 1 keeps neighbours' evidence apart.
        skips: the expanding path reads the hidden channels of the contracting one beside its own, as a U-Net does; less of the
            input then needs to stand in the representation.
        enabled: False leaves out the expanding path and its loss.
    """

    hidden: int = Field(default=128, ge=1)
    kernel: int = Field(default=1, ge=1, le=15)
    skips: bool = False
    enabled: bool = True

    @field_validator("kernel")
    @classmethod
    def _kernel_is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("an odd number, so that an utterance lies in the middle")
        return value


class MaskedConvolution(nn.Module):
    """Conv1d over the utterance axis that does not read the padding, and not the future if `causal`."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, causal: bool) -> None:
        super().__init__()
        self.kernel = kernel
        self.pad = (kernel - 1, 0) if causal else (kernel // 2, kernel // 2)
        self.linear = nn.Linear(channels_in * kernel, channels_out)

    def forward(self, x_BTI: Float[Tensor, "B T I"], valid_BT: Bool[Tensor, "B T"]) -> Float[Tensor, "B T O"]:
        """(B, T, channels_in) -> (B, T, channels_out); rows that are not valid are not read, and have no meaning."""
        if self.kernel > 1:  # a convolution is a linear map of each window: on CPU faster than Conv1d, which takes (B, I, T)
            windows = F.pad(x_BTI * valid_BT[..., None], (0, 0, *self.pad)).unfold(1, self.kernel, 1)
            x_BTI = windows.flatten(2)
        return self.linear(x_BTI)


@dataclass(frozen=True, slots=True, eq=False)
class Compressed:
    """What the contracting path makes of a modality.

    Attributes:
        z: the representation Z (B, T, d).
        hidden: (B, T, c), the channels before it.
    """

    z: Float[Tensor, "B T d"]
    hidden: Float[Tensor, "B T c"]


class ModalityReconstruction(nn.Module):
    """The contracting and expanding paths of one modality."""

    def __init__(self, config: ReconstructionConfig, width: int, d: int, dropout: float, causal: bool) -> None:
        super().__init__()
        c, k = config.hidden, config.kernel
        self.contract_1 = MaskedConvolution(width, c, k, causal)
        self.contract_2 = MaskedConvolution(c, d, k, causal)
        self.dropout = Dropout(dropout)
        self.absent = nn.Parameter(torch.empty(d).normal_().mul_(0.02))
        self.expand_1 = MaskedConvolution(d, c, k, causal) if config.enabled else None
        self.expand_2 = MaskedConvolution(2 * c if config.skips else c, width, k, causal) if config.enabled else None
        self.skips = config.skips

    def forward(self, x_BTW: Float[Tensor, "B T W"], present_BT: Bool[Tensor, "B T"], valid_BT: Bool[Tensor, "B T"]) -> Compressed:
        """What stands for the modality; Z is a learned vector where it is absent."""
        hidden_BTc = self.dropout(F.gelu(self.contract_1(x_BTW, present_BT)))
        z_BTd = self.contract_2(hidden_BTc, valid_BT)
        return Compressed(torch.where(present_BT[..., None], z_BTd, self.absent), hidden_BTc)

    def expand(self, compressed: Compressed, valid_BT: Bool[Tensor, "B T"]) -> Float[Tensor, "B T W"]:
        """The input rebuilt from Z alone, or with `skips` from the hidden channels, too.

        Raises:
            RuntimeError: the expanding path was left out.
        """
        if self.expand_1 is None or self.expand_2 is None:
            raise RuntimeError("this network was built without the expanding path")
        widened_BTc = F.gelu(self.expand_1(compressed.z, valid_BT))
        if self.skips:
            widened_BTc = torch.cat([widened_BTc, compressed.hidden], dim=-1)
        return self.expand_2(widened_BTc, valid_BT)


def reconstruction_loss(
    x_BTW: Float[Tensor, "B T W"], rebuilt_BTW: Float[Tensor, "B T W"], present_BT: Bool[Tensor, "B T"]
) -> Float[Tensor, ""]:
    """Squared Frobenius norm of the error over the present rows, divided by the number of present entries; 0 if there is none."""
    error_BT = F.mse_loss(rebuilt_BTW, x_BTW, reduction="none").sum(dim=-1)
    return (error_BT * present_BT).sum() / (present_BT.sum() * x_BTW.shape[-1]).clamp_min(1)
