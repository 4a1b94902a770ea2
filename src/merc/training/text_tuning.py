"""Tuning a text model on labelled conversations: low-rank adapters (LoRA) by peft, learned with a linear head that is thrown away.

The model reads passages as `merc.encoders.dialogue` does, and the loss is the cross-entropy of the utterances' labels. Settings
were chosen on MELD's validation part (docs/tuning.md).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from merc.data.schema import Conversation, LabelSet
from merc.encoders.adapter import Adapter, Pair
from merc.encoders.dialogue import Passage, collate_passages, load_base, passage_limit, passages, pooled
from merc.errors import DataError, MissingExtraError, RunError
from merc.settings import Settings

UNLABELLED = -100  # what cross-entropy leaves out


class TextTuningConfig(Settings):
    """How a text model is tuned.

    Attributes:
        encoder: folder that keeps the tuned encoder and its features; absolute, or relative to the working folder.
        base: the text model, as in `merc features text --encoder`.
        rank: of the adapters; the scale is 1.
        epochs: over the training part.
        learning_rate, head_learning_rate: peak rates of the adapters and of the head; AdamW, linear warm-up, then linearly to 0.
        warm_up: share of the steps.
        weight_decay: of both.
        dropout: on the vectors that the head takes.
        tokens_per_batch: padded.
        clip_norm: bound on the gradient's norm.
        folds: the training part's features come from encoders that were tuned without the conversation, so many of them.
        seed: of the head, the order and the folds.
    """

    encoder: str
    base: str = "minilm"
    rank: int = Field(default=32, ge=1, le=256)
    epochs: int = Field(default=6, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    head_learning_rate: float = Field(default=1e-3, gt=0)
    warm_up: float = Field(default=0.1, gt=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    tokens_per_batch: int = Field(default=384, ge=1)
    clip_norm: float = Field(default=1.0, gt=0)
    folds: int = Field(default=5, ge=2)
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """A passage with the class indices of its turns."""

    passage: Passage
    labels: tuple[int, ...]


def tune(
    conversations: Sequence[Conversation],
    label_set: LabelSet,
    config: TextTuningConfig,
    on_step: Callable[[int, int], None] = lambda _done, _total: None,
) -> Adapter:
    """Learns an adapter.

    Args:
        conversations: with transcripts and labels.
        label_set: the classes.
        config: how.
        on_step: called with steps done and steps in all; what it raises ends the tuning.

    Raises:
        MissingExtraError: peft or the text model is not installed.
        DataError: no utterance has a transcript and a label.
        RunError: the loss is not finite.
    """
    torch.manual_seed(config.seed)
    tokenizer, base, version = load_base(config.base)
    model = _with_adapters(base, config)
    head = nn.Linear(int(base.config.hidden_size), len(label_set))
    limit = passage_limit(base)
    readings = [_reading(p, c, label_set) for c in conversations for p in passages(tokenizer, c, limit)]
    if not any(label != UNLABELLED for reading in readings for label in reading.labels):
        raise DataError("no utterance has both a transcript and a label, so there is nothing to tune a text model on")
    learned = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": learned, "lr": config.learning_rate}, {"params": list(head.parameters()), "lr": config.head_learning_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    epochs = [list(_batches(readings, config, epoch)) for epoch in range(config.epochs)]
    total = sum(map(len, epochs))
    warm = max(1, round(config.warm_up * total))

    def rate(step: int) -> float:
        return min((step + 1) / warm, (total - step) / max(1, total - warm))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, rate)
    dropout = nn.Dropout(config.dropout)
    model.train()
    for done, batch in enumerate((batch for epoch in epochs for batch in epoch), start=1):
        vectors = pooled(model, collate_passages([r.passage for r in batch]))
        loss = nn.functional.cross_entropy(head(dropout(vectors)).flatten(0, 1), _padded(batch).flatten(), ignore_index=UNLABELLED)
        if not torch.isfinite(loss):
            raise RunError(f"text tuning: the loss is {loss.item()} at step {done}; try a lower text_tuning.learning_rate")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*learned, *head.parameters()], config.clip_norm)
        optimiser.step()
        schedule.step()
        on_step(done, total)
    return Adapter(config.base, version, _pairs(model))


def _with_adapters(base: Any, config: TextTuningConfig) -> Any:
    try:
        from peft import LoraConfig, get_peft_model
    except ModuleNotFoundError:
        raise MissingExtraError("tune", "tuning a text model") from None

    matrices = [name for name, module in base.named_modules() if isinstance(module, nn.Linear) and not name.startswith("pooler")]
    lora = LoraConfig(r=config.rank, lora_alpha=config.rank, target_modules=matrices, lora_dropout=0.0)
    with warnings.catch_warnings():  # peft's, about what its own libraries deprecate
        warnings.simplefilter("ignore")
        return get_peft_model(base, lora)


def _pairs(model: Any) -> dict[str, Pair]:
    """Of each changed module A and B, in half precision. The scale, alpha / r, is 1."""
    pairs: dict[str, Pair] = {}
    for name, module in model.named_modules():
        if hasattr(module, "lora_A"):
            a, b = (side["default"].weight.detach().cpu().numpy().astype(np.float16) for side in (module.lora_A, module.lora_B))
            pairs[name.removeprefix("base_model.model.")] = (a, b)
    return pairs


def _reading(passage: Passage, conversation: Conversation, label_set: LabelSet) -> _Reading:
    labels = [None if place < 0 else conversation.utterances[place].label for place in passage.places]
    return _Reading(passage, tuple(UNLABELLED if label is None else label_set.index(label) for label in labels))


def _padded(batch: Sequence[_Reading]) -> Tensor:
    labels = torch.full((len(batch), max(len(r.labels) for r in batch)), UNLABELLED)
    for row, reading in enumerate(batch):
        labels[row, : len(reading.labels)] = torch.tensor(reading.labels)
    return labels


def _length(reading: _Reading) -> int:
    return reading.passage.length


def _batches(readings: Sequence[_Reading], config: TextTuningConfig, epoch: int) -> Iterator[list[_Reading]]:
    """Batches of like length in random order: drawn from pools, so that the same readings do not always meet."""
    random = np.random.default_rng([config.seed, epoch])
    order = random.permutation(len(readings))
    batches: list[list[_Reading]] = []
    for pool in np.array_split(order, max(1, len(order) // 128)):
        batch: list[_Reading] = []
        for reading in sorted((readings[i] for i in pool.tolist()), key=_length):
            if batch and (len(batch) + 1) * reading.passage.length > config.tokens_per_batch:
                batches.append(batch)
                batch = []
            batch.append(reading)
        batches.append(batch)
    return (batches[i] for i in random.permutation(len(batches)))
