"""The training loop: AdamW, warm-up and cosine, clipping, averaged weights, early stopping on a validation score.

Every random draw is a function of the seed and the step alone, so a run that continues from a checkpoint ends with the weights of
an uninterrupted run, bit for bit.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from merc.data.batching import collate, shuffled_buckets
from merc.data.preprocessing import Sample
from merc.errors import RecipeError, RunError
from merc.networks.interface import Network
from merc.settings import Progress, Settings
from merc.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_network,
    restore_optimiser,
    save_checkpoint,
)
from merc.training.corruption import CorruptionConfig, corrupt
from merc.training.objective import Objective

STAGE = "training"  # in the progress


class TrainingConfig(Settings):
    """Length, batches, rates and regularisation of a training.

    Attributes:
        epochs: at most.
        batch_conversations: conversations of like length per batch.
        learning_rate: its peak.
        weight_decay: of matrices; biases, norms and single vectors have none.
        warmup: share of the steps over which the rate rises; it then falls along a cosine to a hundredth of its peak.
        clip_norm: bound on the gradient's norm.
        average_decay: of the averaged weights (EMA) that are validated and kept; 0 keeps the last weights instead.
        patience: epochs without a better validation score before stopping; None never stops early.
        seed: decides weights, batches, corruption, dropout and latents.
        device: `auto` takes CUDA where there is one; to name one that is not there is an error.
    """

    epochs: int = Field(default=24, ge=1)
    batch_conversations: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    clip_norm: float = Field(default=1.0, gt=0)
    average_decay: float = Field(default=0.998, ge=0, lt=1)
    patience: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of `metrics.jsonl`.

    Attributes:
        epoch: counted from 1.
        learning_rate: at the epoch's last step.
        loss: mean weighted total over the epoch's batches.
        terms: mean of each unweighted term.
        validation: scores by name, of the averaged weights.
        best: whether this is the best epoch so far.
    """

    epoch: int
    learning_rate: float
    loss: float
    terms: dict[str, float]
    validation: dict[str, float]
    best: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended.

    Attributes:
        best_epoch: whose weights the network now holds.
        best_score: its validation score.
        epochs: that were run.
        finished: False if it was interrupted; the checkpoint then holds all that is needed to go on.
    """

    best_epoch: int
    best_score: float
    epochs: int
    finished: bool


Validate = Callable[[Network], dict[str, float]]
"""Scores a network on the validation part, by name; `weighted_f1` selects the best epoch."""


class Trainer:
    """One training of one network.

    Raises:
        RecipeError: the device is not there.
    """

    def __init__(
        self,
        network: Network,
        samples: Sequence[Sample],
        config: TrainingConfig,
        corruption: CorruptionConfig,
        objective: Objective,
    ) -> None:
        self.device = torch.device(device_for(config.device))
        self.network = network.to(self.device)
        self.average = copy.deepcopy(network).requires_grad_(False).eval()
        self.parameters, self.averaged = list(network.parameters()), list(self.average.parameters())  # to walk the modules is slow
        self.best = {name: t.clone() for name, t in network.state_dict().items()}
        self.samples, self.config, self.corruption, self.objective = samples, config, corruption, objective
        self.lengths = [len(s) for s in samples]
        self.digest = _digest(samples)
        self.steps_per_epoch = math.ceil(len(samples) / config.batch_conversations)
        matrices = [p for p in self.parameters if p.ndim >= 2]
        vectors = [p for p in self.parameters if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)
        self.step = 0
        self.sums: dict[str, float] = {}
        self.best_score, self.best_epoch = -math.inf, 0

    def fit(
        self,
        validate: Validate,
        checkpoint: Path,
        on_epoch: Callable[[EpochRecord], None],
        progress: Progress,
        interrupted: Callable[[], bool],
    ) -> Outcome:
        """Trains to the end, or until interrupted, and leaves the best weights in the network.

        Args:
            validate: scores the averaged weights after each epoch.
            checkpoint: file to write after each epoch, and when interrupted.
            on_epoch: called before the checkpoint of that epoch is written.
            progress: of the stage `STAGE`, in steps.
            interrupted: called after each step.

        Raises:
            RunError: the loss is not finite.
        """
        total = self.steps_per_epoch * self.config.epochs
        while self.step < total and not self._stopped_early():
            epoch, position = divmod(self.step, self.steps_per_epoch)
            for indices in self._batches(epoch)[position:]:
                self._train_step([self.samples[i] for i in indices])
                progress(STAGE, float(self.step), float(total))
                if interrupted() and self.step % self.steps_per_epoch:
                    save_checkpoint(self._checkpoint(), checkpoint)
                    return self._outcome(finished=False)
            self._end_epoch(epoch + 1, validate, on_epoch)
            save_checkpoint(self._checkpoint(), checkpoint)
            if interrupted() and self.step < total:
                return self._outcome(finished=False)
        return self._outcome(finished=True)

    def fit_all(self) -> None:
        """Trains all epochs, chooses none of them, keeps no checkpoint, and leaves the last averaged weights in the network.

        Raises:
            RunError: the loss or the weights are not finite.
        """
        for epoch in range(self.config.epochs):
            for indices in self._batches(epoch):
                self._train_step([self.samples[i] for i in indices])
            self._refuse_broken_weights(epoch + 1)
        self.network.load_state_dict(self.average.state_dict())
        self.network.eval()

    def resume(self, path: Path) -> int:
        """Restores a checkpoint and returns the number of its whole epochs.

        Raises:
            RunError: no checkpoint, a damaged one, or one of another network or other data.
        """
        saved = load_checkpoint(path)
        restore_network(self.network, saved.parts["network"], path)
        restore_network(self.average, saved.parts["average"], path)
        self.best = dict(saved.parts["best"])
        restore_optimiser(self.optimiser, saved.parts["optimiser"])
        progress = saved.progress
        if progress["steps_per_epoch"] != self.steps_per_epoch:
            raise RunError(
                f"{path}: belongs to {progress['steps_per_epoch']} steps an epoch, the data now give {self.steps_per_epoch}"
            )
        if progress.get("samples") != self.digest:
            raise RunError(f"{path}: belongs to other training data than are given now; restore the data or train anew")
        self.step, self.sums = progress["step"], progress["sums"]
        self.best_epoch, self.best_score = progress["best_epoch"], progress["best_score"]
        return self.step // self.steps_per_epoch

    def _batches(self, epoch: int) -> list[list[int]]:
        random = np.random.default_rng([self.config.seed, 0, epoch])
        return shuffled_buckets(self.lengths, self.config.batch_conversations, random)

    def _train_step(self, samples: Sequence[Sample]) -> None:
        seed = int(np.random.SeedSequence([self.config.seed, 1, self.step]).generate_state(1)[0])
        torch.manual_seed(seed)
        clean = collate(samples)
        batch = corrupt(clean, self.corruption, torch.Generator().manual_seed(seed)).to(self.device)
        rate = self._rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        if not self.network.training:
            self.network.train()
        output = self.network(batch)
        with torch.no_grad():
            teacher = self.average(clean.to(self.device)) if self.network.wants_teacher else None
        terms = self.network.terms(output, batch, self.objective.classify, teacher)
        total = self.objective.total(terms, self.step / self.steps_per_epoch)
        self._refuse_divergence("loss", total)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self._refuse_divergence("norm of the gradient", torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm))
        self.optimiser.step()
        self.step += 1
        decay = min(self.config.average_decay, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(decay)([*self.averaged], [*self.parameters], None)
        for name, value in {"loss": total, **terms}.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def _refuse_divergence(self, what: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            epoch, position = divmod(self.step, self.steps_per_epoch)
            at = f"epoch {epoch + 1}, step {position + 1} of {self.steps_per_epoch}"
            raise RunError(f"training diverged in {at}: the {what} is {float(value.detach())}; lower training.learning_rate")

    def _refuse_broken_weights(self, epoch: int) -> None:
        if not all(bool(torch.isfinite(weights).all()) for weights in self.averaged):
            raise RunError(f"training diverged in epoch {epoch}: the weights are not finite; lower training.learning_rate")

    def _end_epoch(self, epoch: int, validate: Validate, on_epoch: Callable[[EpochRecord], None]) -> None:
        self._refuse_broken_weights(epoch)
        scores = validate(self.average)
        means = {name: value / self.steps_per_epoch for name, value in self.sums.items()}
        better = scores["weighted_f1"] > self.best_score
        if better:
            self.best_score, self.best_epoch = scores["weighted_f1"], epoch
            self.best = {name: t.clone() for name, t in self.average.state_dict().items()}
        self.sums = {}
        loss = means.pop("loss")
        on_epoch(EpochRecord(epoch, self._rate(self.step - 1), loss, means, scores, better))

    def _stopped_early(self) -> bool:
        patience, epochs_done = self.config.patience, self.step // self.steps_per_epoch
        return patience is not None and self.best_epoch > 0 and epochs_done - self.best_epoch >= patience

    def _rate(self, step: int) -> float:
        total = self.steps_per_epoch * self.config.epochs
        warm = self.config.warmup * total
        if step < warm:
            return self.config.learning_rate * (step + 1) / (warm + 1)
        share = (step - warm) / max(1.0, total - warm)
        return self.config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))

    def _checkpoint(self) -> Checkpoint:
        parts = {"network": self.network.state_dict(), "average": self.average.state_dict(), "best": self.best}
        progress = {
            "step": self.step,
            "steps_per_epoch": self.steps_per_epoch,
            "samples": self.digest,
            "sums": self.sums,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
        }
        return Checkpoint({**parts, "optimiser": optimiser_tensors(self.optimiser)}, progress)

    def _outcome(self, finished: bool) -> Outcome:
        self.network.load_state_dict(self.best)
        self.network.eval()
        return Outcome(self.best_epoch, self.best_score, self.step // self.steps_per_epoch, finished)


def device_for(name: str) -> str:
    """The torch device that `training.device` names.

    Raises:
        RecipeError: it is not there.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if there else "cpu"
    if name.startswith("cuda") and int(name.partition(":")[2] or 0) >= there:
        allowed = ["auto", "cpu", *(["cuda"] if there else []), *(f"cuda:{i}" for i in range(there))]
        raise RecipeError(f"training.device is {name!r}: {there} CUDA devices can be used; allowed here: {', '.join(allowed)}")
    return name


def _digest(samples: Sequence[Sample]) -> str:
    """SHA-256 of all that training reads of the samples, in their order."""
    digest = hashlib.sha256()
    for sample in samples:
        arrays = {"present": sample.present, "speakers": sample.speakers, "labels": sample.labels}
        arrays |= {f"inputs/{modality}": x for modality, x in sample.inputs.items()}
        digest.update(repr((sample.conversation_id, [(name, x.shape, x.dtype.str) for name, x in arrays.items()])).encode())
        for x in arrays.values():
            digest.update(np.ascontiguousarray(x).data.cast("B") if x.size else b"")
    return digest.hexdigest()
