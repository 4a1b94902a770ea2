"""Tuning a text model on labelled conversations, and keeping of the change what a low rank holds.

The model reads as `merc.encoders.text.dialogue` does, under a linear head and the cross-entropy of the labels. All matrices
of its layers are tuned; of each one's change the best approximation of a given rank is kept, by singular values [chosen: adapters
of a low rank from the start (LoRA) learned less; docs/tuning.md]. Embeddings, biases and norms stay.

Shapes: B windows, D hidden size, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from merc.data.schema import Conversation, LabelSet
from merc.encoders.text.adapter import Adapter, Pair
from merc.encoders.text.dialogue import ContextWindow, collate_windows, load_base, pooled, tokenised_windows
from merc.errors import DataError, RunError
from merc.settings import Settings

_POOL = 64  # batches from whose windows those of like length are put together


class TextTuningConfig(Settings):
    """How a text model is tuned.

    Attributes:
        encoder: folder that keeps the tuned encoder and its features; absolute, or relative to the working folder.
        base: the text model, as in `merc features text --encoder`.
        rank: of the change that is kept.
        epochs: over the training part.
        learning_rate, head_learning_rate: peak rates; AdamW, linear warm-up, then linearly to 0.
        warm_up: share of the steps.
        weight_decay: of both.
        dropout: on the vectors that the head takes.
        batch_utterances: windows a step.
        clip_norm: bound on the gradient's norm.
        folds: of the training part; so many encoders are tuned, each without its fold (see `merc.training.text.cross_fitting`).
        precision: of the model's products while it is tuned; `bfloat16` is faster where the processor has instructions for it.
        seed: of the head, the order and the folds.
    """

    encoder: str
    base: str = "minilm"
    rank: int = Field(default=32, ge=1)
    epochs: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    head_learning_rate: float = Field(default=1e-3, gt=0)
    warm_up: float = Field(default=0.1, gt=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    batch_utterances: int = Field(default=16, ge=1)
    clip_norm: float = Field(default=1.0, gt=0)
    folds: int = Field(default=3, ge=2)
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True, eq=False)
class Tuned:
    """What was learned.

    Attributes:
        adapter: the model's change.
        weight: (C, D), and
        bias: (C,), of the linear head.
    """

    adapter: Adapter
    weight: Float[Tensor, "C D"]
    bias: Float[Tensor, " C"]


def tune(
    conversations: Sequence[Conversation],
    label_set: LabelSet,
    config: TextTuningConfig,
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tuned:
    """Tunes a text model.

    Args:
        conversations: with transcripts and labels.
        label_set: the classes.
        config: how.
        on_step: called with steps done and steps in all; what it raises ends the tuning.

    Raises:
        MissingExtraError: the text model is not installed.
        DataError: no utterance has a transcript and a label.
        RunError: the loss is not finite.
    """
    torch.manual_seed(config.seed)
    tokenizer, model, version = load_base(config.base)
    matrices = _matrices(model)
    before = {name: module.weight.detach().clone() for name, module in matrices.items()}
    for parameter in model.parameters():
        parameter.requires_grad = False
    for module in matrices.values():
        module.weight.requires_grad = True
    windows, labels = _labelled(tokenizer, conversations, label_set, int(model.config.max_position_embeddings))
    head = nn.Linear(int(model.config.hidden_size), len(label_set))
    learned = [module.weight for module in matrices.values()]
    groups = [{"params": learned, "lr": config.learning_rate}, {"params": list(head.parameters()), "lr": config.head_learning_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    batches = [batch for epoch in range(config.epochs) for batch in _batches(windows, config, epoch)]
    total, warm = len(batches), max(1, round(config.warm_up * len(batches)))

    def rate(step: int) -> float:
        return min((step + 1) / warm, (total - step) / max(1, total - warm))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    dropout = nn.Dropout(config.dropout)
    model.train()
    for done, batch in enumerate(batches, start=1):
        with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
            vectors = pooled(model, collate_windows([windows[i] for i in batch]))
        loss = nn.functional.cross_entropy(head(dropout(vectors)), labels[batch])
        if not torch.isfinite(loss):
            raise RunError(f"text tuning: the loss is {loss.item()} at step {done}; try a lower text_tuning.learning_rate")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*learned, *head.parameters()], config.clip_norm)
        optimiser.step()
        schedule.step()
        on_step(done, total)
    pairs = {name: low_rank(module.weight.detach() - before[name], config.rank) for name, module in matrices.items()}
    return Tuned(Adapter(config.base, version, pairs), head.weight.detach(), head.bias.detach())


def low_rank(change: Float[Tensor, "out in"], rank: int) -> Pair:
    """A and B in half precision whose product B A is as near to a matrix as that rank allows (Eckart and Young, 1936).

    Each singular value is shared by both sides, so that neither leaves the range of half precision.
    """
    u, s, v = torch.linalg.svd(change.double(), full_matrices=False)
    root = s[:rank].sqrt()
    a, b = root[:, None] * v[:rank], u[:, :rank] * root
    return a.numpy().astype(np.float16), b.numpy().astype(np.float16)


def _matrices(model: Any) -> dict[str, nn.Linear]:
    """The matrices of the layers, by name; a pooler behind them is not used."""
    return {name: m for name, m in model.named_modules() if isinstance(m, nn.Linear) and not name.startswith("pooler")}


def _labelled(
    tokenizer: Any, conversations: Sequence[Conversation], label_set: LabelSet, limit: int
) -> tuple[list[ContextWindow], Tensor]:
    places: list[tuple[Conversation, int]] = []
    labels: list[int] = []
    for conversation in conversations:
        for place, utterance in enumerate(conversation.utterances):
            if utterance.label is not None and utterance.words and utterance.words.strip():
                places.append((conversation, place))
                labels.append(label_set.index(utterance.label))
    if not places:
        raise DataError("no utterance has both a transcript and a label, so there is nothing to tune a text model on")
    return tokenised_windows(tokenizer, places, limit), torch.tensor(labels)


def _batches(windows: Sequence[ContextWindow], config: TextTuningConfig, epoch: int) -> list[list[int]]:
    """Indices of windows of like length, in random order; put together anew in each epoch."""
    random = np.random.default_rng([config.seed, epoch])
    lengths = np.array([len(reading) for reading in windows])
    batches: list[list[int]] = []
    order, pool = random.permutation(len(windows)), _POOL * config.batch_utterances
    for start in range(0, len(order), pool):
        alike = order[start : start + pool]
        alike = alike[np.argsort(lengths[alike], kind="stable")]
        batches += [alike[i : i + config.batch_utterances].tolist() for i in range(0, len(alike), config.batch_utterances)]
    return [batches[i] for i in random.permutation(len(batches))]
