"""The interface that CMATH and its rivals share.

Letters in shapes: B conversations, T utterances, C classes, M modalities, W input columns, Z latent width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from merc.data.batching import Batch
from merc.errors import RecipeError
from merc.files.shapes import Bool, Float, Int64

Classify = Callable[[Float[Tensor, "N C"], Int64[Tensor, " N"]], Float[Tensor, ""]]
"""Mean classification loss of logits against class indices: cross-entropy with the run's smoothing and class weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """A Gaussian with a diagonal covariance per utterance.

    Attributes:
        mean: (B, T, Z).
        log_variance: (B, T, Z), within [-6, 2].
    """

    mean: Float[Tensor, "B T Z"]
    log_variance: Float[Tensor, "B T Z"]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One representation with its classifier's logits.

    Attributes:
        logits: (B, T, C).
        posterior: what the logits were made from; None for networks without latents.

    Example:
        >>> import merc
        >>> import torch
        >>> merc.Level(torch.zeros(1, 2, 7)).logits.shape
        torch.Size([1, 2, 7])
    """

    logits: Float[Tensor, "B T C"]
    posterior: Posterior | None = None


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What a network computes from a batch. Padded positions hold finite numbers without meaning.

    Attributes:
        coarse: what the network predicts.
        fine: central modality -> level; empty for networks without towers.
        unimodal: modality -> level; empty for networks without unimodal heads.
        reconstructions: modality -> (B, T, W); empty in evaluation and for networks that reconstruct nothing.
        trust: (B, T, M), summing to 1 over the present modalities, 0 where none is present; None if the network has none.
        uncertainty: (B, T), mean latent variance of the coarse posterior; None if the network has none.

    Example:
        >>> import merc
        >>> import torch
        >>> merc.NetworkOutput(merc.Level(torch.zeros(1, 2, 7))).trust is None
        True
    """

    coarse: Level
    fine: Mapping[str, Level] = field(default_factory=dict[str, Level])
    unimodal: Mapping[str, Level] = field(default_factory=dict[str, Level])
    reconstructions: Mapping[str, Float[Tensor, "B T _"]] = field(default_factory=dict[str, Tensor])
    trust: Float[Tensor, "B T M"] | None = None
    uncertainty: Float[Tensor, "B T"] | None = None

    @property
    def levels(self) -> dict[str, Level]:
        """Every head by its name, such as `fine/text`; `coarse` first."""
        fine = {f"fine/{name}": level for name, level in self.fine.items()}
        return {"coarse": self.coarse, **fine, **{f"unimodal/{name}": level for name, level in self.unimodal.items()}}


class Network(nn.Module, ABC):
    """A network that labels every utterance of a batch of conversations.

    Example:
        >>> from merc.networks.registry import network_config
        >>> network = network_config({"name": "early_fusion"}).build({"text": 384}, 7)
        >>> isinstance(network, Network)
        True
    """

    @abstractmethod
    def forward(self, batch: Batch) -> NetworkOutput:
        """Predicts every utterance of a batch whose modalities are those that the network was built for, in that order."""

    def terms(
        self, output: NetworkOutput, batch: Batch, classify: Classify, teacher: NetworkOutput | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """The unweighted terms of the loss by name; `coarse`, the loss of the prediction, is always among them, here alone.

        Args:
            output: of this network in training mode.
            batch: that it was made from.
            classify: the classification loss.
            teacher: the averaged network's output for the batch before corruption; given if `wants_teacher`.
        """
        return {"coarse": loss_at(batch.labelled, output.coarse, batch, classify)}

    def begin(self, class_counts: Sequence[int]) -> None:
        """Called once before training with the number of labelled utterances of each class in the training part."""

    @property
    def wants_teacher(self) -> bool:
        """Whether `terms` needs the averaged network's output."""
        return False

    def __call__(self, batch: Batch) -> NetworkOutput:
        return super().__call__(batch)


def loss_at(where_BT: Bool[Tensor, "B T"], level: Level, batch: Batch, classify: Classify) -> Float[Tensor, ""]:
    """The classification loss of a level at these utterances."""
    return classify(level.logits[where_BT], batch.labels[where_BT])


def masked_mean(value_BT: Float[Tensor, "B T"], mask_BT: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """The mean over the utterances of the mask; 0 if there is none."""
    return (value_BT * mask_BT).sum() / mask_BT.sum().clamp_min(1)


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers in a network."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def check_names(modalities: Iterable[str]) -> None:
    """Refuses names that `nn.ModuleDict` can't hold.

    Raises:
        RecipeError: naming the modality.
    """
    for name in modalities:
        if hasattr(nn.ModuleDict, name) or name in nn.ModuleDict().__dict__:
            raise RecipeError(
                f"modality {name!r}: torch keeps this name for itself, so no network can hold it; rename the modality"
            )
