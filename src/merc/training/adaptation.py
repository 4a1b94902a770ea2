"""A trained CMATH adapted to other labelled conversations, to a depth that their number allows.

`calibration` changes how probable each class is, and how sure the model is. `heads` trains the classifiers on the means of the
posteriors, the body as it is. `all` trains the whole network, from those heads on: heads first, since untrained ones would spoil
the body (Kumar et al., ICLR 2022). The text encoder stays as it is at every depth [chosen: its tuning takes hours on a CPU].

The model's settings for training are kept, but for what `AdaptationConfig` holds.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from merc.data.batching import Batch
from merc.data.padding import batches_of
from merc.data.pieces import pieces_of
from merc.data.preprocessing import UNLABELLED, Sample
from merc.inference.backend import BATCH_CONVERSATIONS
from merc.inference.torch_backend import infer
from merc.networks.cmath.network import CMATH
from merc.networks.interface import Network, NetworkOutput, loss_at
from merc.settings import Settings
from merc.training.corruption import CorruptionConfig
from merc.training.label_shift import fitted_label_shift
from merc.training.loop import Trainer, TrainingConfig
from merc.training.objective import Objective, ObjectiveConfig

Depth = Literal["none", "calibration", "heads", "all"]
DEPTHS: tuple[Depth, ...] = ("none", "calibration", "heads", "all")  # the more is trained, the later
TRAINED: tuple[Depth, ...] = ("heads", "all")  # those that can give a model other classes


class AdaptationConfig(Settings):
    """How much, and how long.

    Attributes:
        pull: of the classifiers towards where they begin: half the squared distance of every weight counts this often, in nats.
        epochs, learning_rate, batch_conversations, average_decay: of the whole network; see `TrainingConfig`.
        seed: of batches, corruption and dropout; the classifiers draw nothing.
        device: see `TrainingConfig`.
    """

    pull: float = Field(default=200.0, gt=0)
    epochs: int = Field(default=12, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    batch_conversations: int = Field(default=8, ge=1)
    average_decay: float = Field(default=0.99, ge=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: str = "cpu"


@dataclass(frozen=True, slots=True, eq=False)
class AdaptedNetwork:
    """A network, and what its logits are divided by."""

    network: CMATH
    temperature: float


def with_classes(network: CMATH, widths: Mapping[str, int], old: Sequence[str], new: Sequence[str]) -> CMATH:
    """The same body with classifiers of other classes, those of a class that stays as they were, all others zero.

    Args:
        network: stays as it is.
        widths: modality -> input columns that it was built for.
        old, new: the classes' names, in order.
    """
    with torch.random.fork_rng(devices=()):
        made = network.config.build(widths, len(new))
    state = network.state_dict()
    own = {id(p): name for name, p in network.named_parameters()}
    kept = [(i, old.index(name)) for i, name in enumerate(new) if name in old]
    for parameter in network.class_parameters:
        rows = torch.zeros((len(new), *parameter.shape[1:]), dtype=parameter.dtype)
        for i, j in kept:
            rows[i] = parameter.detach()[j]
        state[own[id(parameter)]] = rows
    made.load_state_dict(state)
    return made.eval()


def adapted(
    start: AdaptedNetwork, samples: Sequence[Sample], depth: Depth, config: AdaptationConfig, objective: ObjectiveConfig
) -> AdaptedNetwork:
    """The network, adapted.

    Args:
        start: stays as it is.
        samples: prepared for it; one labelled utterance is needed at least.
        depth: what is trained.
        config, objective: how.

    Raises:
        RunError: the training diverged.
    """
    if depth == "none":
        return start
    if depth == "calibration":
        return _with_label_shift(start.network, samples)
    pieces = [piece for sample in samples for piece in _pieces(sample)]
    labels = np.concatenate([sample.labels for sample in pieces])
    counts = np.bincount(labels[labels != UNLABELLED], minlength=start.network.fine_classifier.out_features).tolist()
    loss = Objective(objective, counts)
    network = _with_heads(start.network, pieces, loss, config.pull)
    return AdaptedNetwork(network if depth == "heads" else _wholly_trained(network, pieces, loss, config), 1.0)


def from_nothing(
    network: Network,
    samples: Sequence[Sample],
    training: TrainingConfig,
    corruption: CorruptionConfig,
    objective: ObjectiveConfig,
    classes: int,
) -> Network:
    """A network of fresh weights, trained in place for all epochs.

    Raises:
        RunError: the training diverged.
    """
    labels = np.concatenate([sample.labels for sample in samples])
    counts = np.bincount(labels[labels != UNLABELLED], minlength=classes).tolist()
    network.begin(counts)
    pieces = [piece for sample in samples for piece in _pieces(sample)]
    Trainer(network, pieces, training, corruption, Objective(objective, counts)).fit_all()
    return network.to("cpu")


def _pieces(sample: Sample) -> list[Sample]:
    """The conversation, or the pieces that a long one is judged in, each utterance labelled in one of them."""
    found: list[Sample] = []
    for piece in pieces_of(sample):
        labels = np.full_like(piece.sample.labels, UNLABELLED)
        labels[piece.first : piece.last] = piece.sample.labels[piece.first : piece.last]
        found.append(replace(piece.sample, labels=labels))
    return found


def _with_label_shift(network: CMATH, samples: Sequence[Sample]) -> AdaptedNetwork:
    rows = np.concatenate([arrays.probabilities for arrays in infer(network, samples)])
    shift = fitted_label_shift(np.log(np.maximum(rows, 1e-300)), np.concatenate([sample.labels for sample in samples]))
    shifted = copy.deepcopy(network)
    offsets = torch.from_numpy(shift.offsets * shift.temperature)  # the temperature will divide them
    with torch.no_grad():
        shifted.offsets.add_(offsets)
    return AdaptedNetwork(shifted, shift.temperature)


def _with_heads(network: CMATH, samples: Sequence[Sample], loss: Objective, pull: float) -> CMATH:
    """Classifiers of the least loss on what the body makes of the samples, without draw or dropout."""
    trained = copy.deepcopy(network).eval()
    with torch.inference_mode(False), torch.no_grad():
        batches = [Batch.of(padded) for _, padded in batches_of(samples, BATCH_CONVERSATIONS)]
        seen = [(trained(batch), batch) for batch in batches]
    learned = [*trained.class_parameters]
    began = [parameter.detach().clone() for parameter in learned]
    count = sum(int(batch.labelled.sum()) for _, batch in seen)
    optimiser = torch.optim.LBFGS(learned, max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = torch.stack([_head_loss(trained, output, batch, loss) for output, batch in seen]).sum() / count
        distance = torch.stack([(now - then).square().sum() for now, then in zip(learned, began, strict=True)]).sum()
        total = total + 0.5 * pull / count * distance
        total.backward()
        return total

    optimiser.step(closure)
    return trained


def _head_loss(network: CMATH, output: NetworkOutput, batch: Batch, loss: Objective) -> Tensor:
    """Summed over the labelled utterances; each level's mean over its modalities, by the objective's weights."""
    now, labelled = network.classified(output, batch), batch.labelled
    present = {m: labelled & batch.present[..., i] for i, m in enumerate(network.modalities)}
    total = loss_at(labelled, now.coarse, batch, loss.summed)
    for weight, levels, where in ((loss.config.fine, now.fine, None), (loss.config.unimodal, now.unimodal, present)):
        for name, level in levels.items():
            at = labelled if where is None else where[name]
            total = total + weight / len(levels) * loss_at(at, level, batch, loss.summed)
    return total


def _wholly_trained(network: CMATH, samples: Sequence[Sample], loss: Objective, config: AdaptationConfig) -> CMATH:
    training = TrainingConfig(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        batch_conversations=config.batch_conversations,
        average_decay=config.average_decay,
        seed=config.seed,
        device=config.device,
    )
    trained = copy.deepcopy(network)
    Trainer(trained, samples, training, CorruptionConfig(), loss).fit_all()
    return trained.to("cpu")
