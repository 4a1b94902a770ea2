"""A text encoder that reads each utterance with the turns before it and with who said them.

A window is up to `CONTEXT` earlier turns and, last, the utterance itself, each as `A: words`, with a separator after each. The
letters tell the speakers: A is the utterance's own, B the other one who spoke last, and so on; so names carry nothing, and neither
does the place in the conversation. What is said later changes nothing, so causal models stay causal. The utterance's vector is the
mean of all last hidden states, as the sentence encoders' own is, and that again the mean over several adapters of one model, which
say more together than any of them [chosen, both; docs/tuning.md].

Shapes: B windows, S tokens of the longest, T utterances of a conversation, D features.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from merc.data.schema import Conversation, Utterance
from merc.encoders.interface import Progress
from merc.encoders.registry import resolve
from merc.encoders.text.adapter import Adapter, joint_version
from merc.encoders.text.sentence import batches_by_length
from merc.errors import FeatureError, MissingExtraError

DIALOGUE = "dialogue"  # the encoder's name; what it learned makes its version
CONTEXT = 4  # earlier turns [chosen]
OWN_TOKENS = 96  # of the utterance itself, its speaker included; the rest is cut [chosen: MELD's longest has 87]
CONTEXT_TOKENS = 40  # of each earlier turn [chosen: one MELD turn in a hundred has more]
SPEAKERS = "ABCDE"


ContextWindow = tuple[int, ...]  # ids of the tokens that are read for one utterance


@dataclass(frozen=True, slots=True, eq=False)
class WindowBatch:
    """What the model takes.

    Attributes:
        tokens: (B, S) ids, 0 in the padding.
        mask: (B, S), 1 for tokens, 0 in the padding.
    """

    tokens: Int64[Tensor, "B S"]
    mask: Int64[Tensor, "B S"]


class DialogueEncoder:
    """A text model with one adapter or several.

    Args:
        adapters: of one model.
        device: to encode on.

    Attributes:
        name: `dialogue`.
        version: the adapters' together.
        dimension: D.
        modality: `text`.

    Raises:
        ValueError: no adapter, or adapters of different models.
        FeatureError: the model is not the one that they change.
        MissingExtraError: see `load_base`.
    """

    modality = "text"
    name = DIALOGUE

    def __init__(self, adapters: Sequence[Adapter], device: str = "cpu") -> None:
        bases = {(adapter.base, adapter.base_version) for adapter in adapters}
        if len(bases) != 1:
            raise ValueError(f"expected adapters of one text model; found {sorted(bases)}")
        ((base, base_version),) = bases
        self.version = joint_version(adapters)
        self.device = device
        self._tokenizer, model, version = load_base(base)
        if version != base_version:
            raise FeatureError(f"adapter for {base!r}, version {base_version}; found version {version}")
        model.to(device)
        self._limit = int(model.config.max_position_embeddings)
        self._models = [_adapted(model, adapter) for adapter in adapters]
        self.dimension = int(model.config.hidden_size)

    def encode(
        self, conversations: Sequence[Conversation], progress: Progress | None = None
    ) -> tuple[Float32[np.ndarray, "_ _"], ...]:
        """The vectors of every utterance.

        Args:
            conversations: with transcripts and speakers.
            progress: called after every batch with utterances done and their number.

        Returns:
            One (T, D) array a conversation, NaN rows where an utterance has no words.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """
        places = [(c, i) for c, conversation in enumerate(conversations) for i, u in enumerate(conversation.utterances) if _said(u)]
        rows = self.encode_at([(conversations[c], i) for c, i in places], progress)
        arrays = tuple(np.full((len(c), self.dimension), np.nan, dtype=np.float32) for c in conversations)
        for (c, i), row in zip(places, rows, strict=True):
            arrays[c][i] = row
        return arrays

    def encode_at(self, places: Sequence[tuple[Conversation, int]], progress: Progress | None = None) -> Float32[np.ndarray, "_ _"]:
        """The vectors of some utterances: (N, D) for N of them, each with words, given by conversation and place.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """
        windows = tokenised_windows(self._tokenizer, places, self._limit)
        rows = np.empty((len(windows), self.dimension), dtype=np.float32)
        done = 0
        for indices in batches_by_length([len(window) for window in windows]):
            batch = collate_windows([windows[i] for i in indices], self.device)
            with torch.inference_mode():
                rows[indices] = torch.stack([pooled(model, batch) for model in self._models]).mean(dim=0).cpu().numpy()
            done += len(indices)
            if progress is not None:
                progress(done, len(windows))
        if not np.isfinite(rows).all():
            raise FeatureError(f"the text encoder {DIALOGUE!r} returned numbers that are not finite")
        return rows


def _adapted(model: Any, adapter: Adapter) -> Any:
    """A copy with the adapter's changes; what it does not change is shared with the model, not copied."""
    shared = {id(p): p for name, p in model.named_parameters() if name.removesuffix(".weight") not in adapter.pairs}
    changed = copy.deepcopy(model, memo=shared)
    adapter.apply_to(changed, "adapter")
    return changed.eval()


def load_base(name: str) -> tuple[Any, Any, str]:
    """Tokenizer, model and version of a text model.

    Raises:
        MissingExtraError: transformers, or the bundled model's package, is not installed.
        FeatureError: it can't be had or loaded.
    """
    import importlib.util

    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("text", f"the text encoder {DIALOGUE!r}")
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    source = resolve(name)
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        folder = str(source.folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        model = AutoModel.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True, use_safetensors=True, attn_implementation="sdpa"
        )
    except Exception as error:  # an arbitrary folder in the hands of third-party loaders, which raise anything
        reason = (str(error).strip().splitlines() or [""])[0]
        raise FeatureError(f"text model {name!r} can't be loaded: {type(error).__name__}: {reason}") from error
    finally:
        if shown:
            logging.enable_progress_bar()
    return tokenizer, model.float().eval(), source.version


def context_turns(conversation: Conversation, place: int) -> list[tuple[str, str]]:
    """The turns that are read for an utterance, itself the last: letter and words. Turns without words are passed over."""
    earlier: list[Utterance] = []
    for before in range(place - 1, -1, -1):
        if len(earlier) == CONTEXT:
            break
        if _said(conversation.utterances[before]):
            earlier.insert(0, conversation.utterances[before])
    turns = [*earlier, conversation.utterances[place]]
    letters: dict[str | None, str] = {}
    for utterance in reversed(turns):
        letters.setdefault(utterance.speaker, SPEAKERS[len(letters)])
    return [(letters[u.speaker], u.words or "") for u in turns]


def tokenised_windows(tokenizer: Any, places: Sequence[tuple[Conversation, int]], limit: int) -> list[ContextWindow]:
    """The windows of some utterances, each with words.

    Args:
        tokenizer: of the model.
        places: conversation and place of each.
        limit: tokens that the model can take; where there are more, the earliest turns are left out.
    """
    turns = [context_turns(conversation, place) for conversation, place in places]
    texts = {f"{letter}: {words}": () for of_one in turns for letter, words in of_one}
    own_limit = min(OWN_TOKENS, limit)
    ids = tokenizer(list(texts), truncation=True, max_length=own_limit)["input_ids"] if texts else []
    tokens: dict[str, list[int]] = dict(zip(texts, ids, strict=True))
    start = getattr(tokenizer, "cls_token_id", None)
    windows: list[ContextWindow] = []
    for of_one in turns:
        parts = [tokens[f"{letter}: {words}"] for letter, words in of_one]
        parts = [*(part[:CONTEXT_TOKENS] for part in parts[:-1]), parts[-1]]
        while sum(map(len, parts)) > limit and len(parts) > 1:
            parts.pop(0)
        # A text begins with the model's token for that, if it has one; the turns that follow the first one don't.
        later = [part[1:] if part[:1] == [start] else part for part in parts[1:]]
        windows.append(tuple(token for part in (parts[0], *later) for token in part))
    return windows


def collate_windows(batch: Sequence[ContextWindow], device: str = "cpu") -> WindowBatch:
    """Pads windows to the longest of them."""
    b, s = len(batch), max(map(len, batch))
    tokens = torch.zeros(b, s, dtype=torch.int64)
    mask = torch.zeros(b, s, dtype=torch.int64)
    for row, window in enumerate(batch):
        tokens[row, : len(window)] = torch.tensor(window)
        mask[row, : len(window)] = 1
    return WindowBatch(tokens.to(device), mask.to(device))


def pooled(model: Any, batch: WindowBatch) -> Float[Tensor, "B D"]:
    """The mean of the last hidden states of a window's tokens, in single precision."""
    states: Float[Tensor, "B S D"] = model(input_ids=batch.tokens, attention_mask=batch.mask).last_hidden_state
    weights = batch.mask / batch.mask.sum(dim=1, keepdim=True)
    return (weights[..., None] * states.float()).sum(dim=1)  # no matrix product: autocast would round it


def window_digests(conversation: Conversation) -> list[bytes | None]:
    """For each utterance a SHA-256 over all that its vector hangs on; None where it has no words."""
    digests: list[bytes | None] = []
    for place, utterance in enumerate(conversation.utterances):
        said = "\0".join(part for turn in context_turns(conversation, place) for part in turn)
        digests.append(hashlib.sha256(said.encode("utf-8", "replace")).digest() if _said(utterance) else None)
    return digests


def _said(utterance: Utterance) -> bool:
    return bool(utterance.words and utterance.words.strip())
