"""Tunes a text model on labelled conversations, and keeps a low-rank approximation of the change.

The model takes the context windows of `merc.encoders.text.dialogue`, with a linear head and cross-entropy; each window of a long
utterance is an example of its label [chosen: a step's memory is bounded]. All matrices of its layers are tuned, and the best
approximation of a given rank is kept of each one's change, by singular values [chosen: adapters of a low rank from the start (LoRA)
learned less; docs/tuning.md]. Embeddings, biases and norms stay.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from merc.data.schema import Conversation, LabelSet
from merc.encoders.text.adapter import Adapter, Pair
from merc.encoders.text.dialogue import ContextWindow, tokenised_windows
from merc.encoders.text.torch_model import TransformersTokenizer, load_base, pooled
from merc.errors import DataError, RunError
from merc.files.shapes import Float
from merc.settings import Progress, Settings, no_progress

# What torch.cpu.get_capabilities calls the instructions for products of bfloat16, on x86 and ARM.
_BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")
STAGE = "tuning text encoder"  # in the progress
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
        precision: of the model's products while it is tuned. `bfloat16` is faster where the processor has instructions for it, and
            slower elsewhere; `auto` takes it only there, so another machine may tune another encoder.
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
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    seed: int = Field(default=0, ge=0)


def tune(
    conversations: Sequence[Conversation],
    label_set: LabelSet,
    config: TextTuningConfig,
    progress: Progress = no_progress,
    device: str = "cpu",
) -> Adapter:
    """Tunes a text model; what is kept is its change, not the head.

    Args:
        conversations, label_set: with transcripts and with labels of this set.
        config: how.
        progress: of the stage `STAGE`, in steps; what it raises ends the tuning.
        device: to tune on, such as `cpu` or `cuda:0`. The caller's random generators stay as they are.

    Raises:
        MissingExtraError: the text model is not installed.
        DataError: no utterance has a transcript and a label.
        RunError: the loss is not finite.
    """
    place = torch.device(device)
    with _own_random_numbers(place, config.seed):
        tokenizer, model, version = load_base(config.base)
        model.to(place)
        # The matrices of the layers; a pooler behind them is not used.
        matrices = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear) and not n.startswith("pooler")}
        before = {name: module.weight.detach().clone() for name, module in matrices.items()}
        model.requires_grad_(False)
        for module in matrices.values():
            module.weight.requires_grad = True
        windows, labels = _labelled(tokenizer, conversations, label_set, int(model.config.max_position_embeddings))
        labels = labels.to(place)
        head = nn.Linear(int(model.config.hidden_size), len(label_set)).to(place)  # drawn on the CPU: the same on every device
        learned = [module.weight for module in matrices.values()]
        of_head = {"params": list(head.parameters()), "lr": config.head_learning_rate}
        groups = [{"params": learned, "lr": config.learning_rate}, of_head]
        optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
        batches = [batch for epoch in range(config.epochs) for batch in _batches(windows, config, epoch)]
        total, warm = len(batches), max(1, round(config.warm_up * len(batches)))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: min((step + 1) / warm, (total - step) / max(1, total - warm))
        )
        dropout = nn.Dropout(config.dropout)
        model.train()
        half = config.precision == "bfloat16" or (config.precision == "auto" and has_bfloat16(place))
        for done, batch in enumerate(batches, start=1):
            with torch.autocast(place.type, torch.bfloat16, enabled=half):
                vectors = pooled(model, [windows[i].content for i in batch])
            loss = nn.functional.cross_entropy(head(dropout(vectors)), labels[batch])
            if not torch.isfinite(loss):
                raise RunError(f"text tuning: the loss is {loss.item()} at step {done}; try a lower text_tuning.learning_rate")
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*learned, *head.parameters()], config.clip_norm)
            optimiser.step()
            schedule.step()
            progress(STAGE, float(done), float(total))
        pairs = {name: low_rank((module.weight.detach() - before[name]).cpu(), config.rank) for name, module in matrices.items()}
        return Adapter(config.base, version, pairs)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a processor has instructions for products of bfloat16; False where torch does not report them."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    instructions = getattr(torch.cpu, "get_capabilities", dict[str, object])()  # older torch has none
    return device.type == "cpu" and any(instructions.get(name) is True for name in _BFLOAT16_INSTRUCTIONS)


def low_rank(change: Float[Tensor, "out in"], rank: int) -> Pair:
    """A and B in half precision whose product B A is as near to a matrix as that rank allows (Eckart and Young, 1936).

    Each singular value is shared by both sides, so that neither leaves the range of half precision.
    """
    u, s, v = torch.linalg.svd(change.double(), full_matrices=False)
    root = s[:rank].sqrt()
    a, b = root[:, None] * v[:rank], u[:, :rank] * root
    return a.numpy().astype(np.float16), b.numpy().astype(np.float16)


@contextmanager
def _own_random_numbers(device: torch.device, seed: int) -> Generator[None, None, None]:
    """Torch's global generators begin with the seed, for modules draw from them; afterwards they are as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach devices that are not restored
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _labelled(
    tokenizer: Any, conversations: Sequence[Conversation], label_set: LabelSet, limit: int
) -> tuple[list[ContextWindow], Tensor]:
    places = [
        (conversation, place)
        for conversation in conversations
        for place, u in enumerate(conversation.utterances)
        if u.label is not None and u.words and u.words.strip()
    ]
    if not places:
        raise DataError("no utterance has both a transcript and a label, so there is nothing to tune a text model on")
    classes = [label_set.index(conversation.utterances[place].label or "") for conversation, place in places]
    examples = zip(classes, tokenised_windows(TransformersTokenizer(tokenizer), places, limit), strict=True)
    labels, windows = zip(*((label, window) for label, of_one in examples for window in of_one), strict=True)
    return list(windows), torch.tensor(labels)


def _batches(windows: Sequence[ContextWindow], config: TextTuningConfig, epoch: int) -> list[list[int]]:
    """Indices of windows of like length, in random order; put together anew in each epoch."""
    random = np.random.default_rng([config.seed, epoch])
    lengths = np.array([window.size for window in windows])
    batches: list[list[int]] = []
    order, pool = random.permutation(len(windows)), _POOL * config.batch_utterances
    for start in range(0, len(order), pool):
        alike = order[start : start + pool]
        alike = alike[np.argsort(lengths[alike], kind="stable")]
        batches += [alike[i : i + config.batch_utterances].tolist() for i in range(0, len(alike), config.batch_utterances)]
    return [batches[i] for i in random.permutation(len(batches))]
