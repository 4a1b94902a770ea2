"""A text encoder that reads each utterance after the turns before it, with its speaker.

A conversation's turns stand one after the other as `A: words`, the letter telling the speaker by order of first appearance, so
that names carry nothing. One pass of the model reads a passage of many turns; a mask lets the tokens of a turn see that turn and
the ones before it, never those after [chosen: one pass for all turns costs a fifth of one pass a turn, and what is said later
changes no earlier vector, so causal models stay causal]. An utterance's vector is the mean of its own tokens' last hidden states.

A passage holds at most `PASSAGE` tokens. The next one begins with the last `CONTEXT` turns of the one before, read anew for
context only.

Shapes: B passages, U turns of the longest, S tokens of the longest, T utterances of a conversation, D features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from merc.data.schema import Conversation
from merc.encoders.adapter import Adapter
from merc.encoders.registry import resolve
from merc.encoders.text import Progress, batches_by_length
from merc.errors import FeatureError, MissingExtraError

DIALOGUE = "dialogue"  # the encoder's name; what it learned makes its version
PASSAGE = 400  # tokens; MiniLM knows 512 places [chosen]
CONTEXT = 4  # turns [chosen]
TURN = 64  # tokens of a turn, speaker included; the rest is cut [chosen: MELD's longest has 87, its 99 % quantile 38]
SPEAKERS = "ABCDEFGHIJKLMNOP"  # the 17th speaker and later ones share the last letter
_HIDDEN = -1e9  # added to the attention's logit where a token must not look


@dataclass(frozen=True, slots=True)
class Passage:
    """Turns that are read in one pass.

    Attributes:
        turns: the token ids of each.
        places: of each turn, its place in the conversation; -1 for those that are read for context only.
    """

    turns: tuple[tuple[int, ...], ...]
    places: tuple[int, ...]

    @property
    def length(self) -> int:
        """S: tokens."""
        return sum(map(len, self.turns))


@dataclass(frozen=True, slots=True, eq=False)
class PassageBatch:
    """What the model takes.

    Attributes:
        tokens: (B, S) ids, 0 in the padding.
        mask: (B, 1, S, S), added to the attention's logits: 0 where the token of a row may look at that of a column.
        pool: (B, U, S), the weights of a turn's tokens in its mean; rows of zeros in the padding.
    """

    tokens: Int64[Tensor, "B S"]
    mask: Float[Tensor, "B 1 S S"]
    pool: Float[Tensor, "B U S"]


class DialogueEncoder:
    """A text model with an adapter, reading passages.

    Attributes:
        name: `dialogue`.
        version: the adapter's.
        dimension: D.
        modality: `text`.
    """

    modality = "text"
    name = DIALOGUE

    def __init__(self, adapter: Adapter, device: str = "cpu") -> None:
        self.version = adapter.version
        self.device = device
        self._tokenizer, self._model, version = load_base(adapter.base)
        if version != adapter.base_version:
            raise FeatureError(f"adapter for {adapter.base!r}, version {adapter.base_version}; found version {version}")
        adapter.apply_to(self._model, "adapter")
        self._model.to(device).eval()
        self.dimension = int(self._model.config.hidden_size)

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
        arrays = tuple(np.full((len(c), self.dimension), np.nan, dtype=np.float32) for c in conversations)
        limit = passage_limit(self._model)
        work = [(array, p) for array, c in zip(arrays, conversations, strict=True) for p in passages(self._tokenizer, c, limit)]
        total = sum(map(len, arrays))
        done = total - sum(place >= 0 for _, passage in work for place in passage.places)
        for indices in batches_by_length([passage.length for _, passage in work]):
            with torch.inference_mode():
                vectors = pooled(self._model, collate_passages([work[i][1] for i in indices], self.device)).cpu().numpy()
            for row, i in enumerate(indices):
                array, passage = work[i]
                for turn, place in enumerate(passage.places):
                    if place >= 0:
                        array[place] = vectors[row, turn]
                        done += 1
            if progress is not None:
                progress(done, total)
        if any(np.isinf(array).any() for array in arrays):
            raise FeatureError("the text encoder 'dialogue' returned numbers that are not finite")
        return arrays


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
        folder = str(Path(source.folder))
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


def passage_limit(model: Any) -> int:
    """Tokens of a passage at most: `PASSAGE`, or fewer if the model knows fewer places."""
    return min(PASSAGE, int(model.config.max_position_embeddings))


def passages(tokenizer: Any, conversation: Conversation, limit: int = PASSAGE) -> Iterator[Passage]:
    """A conversation's turns with words, in passages of at most `limit` tokens; every turn is read for itself once.

    Where the turns for context leave no room for the next turn, the earliest of them are left out.
    """
    letters: dict[str, str] = {}
    texts: list[str] = []
    places: list[int] = []
    for place, utterance in enumerate(conversation.utterances):
        letter = letters.setdefault(utterance.speaker, SPEAKERS[min(len(letters), len(SPEAKERS) - 1)])
        if utterance.transcript and utterance.transcript.strip():
            texts.append(f"{letter}: {utterance.transcript}")
            places.append(place)
    turns = [tuple(ids) for ids in tokenizer(texts, truncation=True, max_length=min(TURN, limit))["input_ids"]] if texts else []
    first = 0
    while first < len(turns):
        start = max(0, first - CONTEXT)
        while sum(map(len, turns[start : first + 1])) > limit:
            start += 1
        length, stop = sum(map(len, turns[start:first])), first
        while stop < len(turns) and (stop == first or length + len(turns[stop]) <= limit):
            length += len(turns[stop])
            stop += 1
        yield Passage(tuple(turns[start:stop]), (-1,) * (first - start) + tuple(places[first:stop]))
        first = stop


def collate_passages(batch: Sequence[Passage], device: str = "cpu") -> PassageBatch:
    """Pads passages to the longest of them."""
    b, s, u = len(batch), max(p.length for p in batch), max(len(p.turns) for p in batch)
    tokens = torch.zeros(b, s, dtype=torch.int64)
    owner = torch.full((b, s), -1, dtype=torch.int64)  # of each token, its turn
    for row, passage in enumerate(batch):
        tokens[row, : passage.length] = torch.tensor([token for turn in passage.turns for token in turn])
        owner[row, : passage.length] = torch.tensor([n for n, turn in enumerate(passage.turns) for _ in turn])
    query, key = owner[:, :, None], owner[:, None, :]
    seen = (key >= 0) & ((key <= query) | (query < 0))  # the padding looks anywhere: a row without a place to look gives NaN
    mask = torch.where(seen, 0.0, _HIDDEN)[:, None]
    member = (owner[:, None, :] == torch.arange(u)[None, :, None]).float()
    pool = member / member.sum(dim=-1, keepdim=True).clamp_min(1.0)
    return PassageBatch(tokens.to(device), mask.to(device), pool.to(device))


def pooled(model: Any, batch: PassageBatch) -> Float[Tensor, "B U D"]:
    """The mean of each turn's last hidden states."""
    states: Float[Tensor, "B S D"] = model(input_ids=batch.tokens, attention_mask=batch.mask).last_hidden_state
    return batch.pool @ states


def turn_digests(conversation: Conversation) -> list[bytes | None]:
    """For each utterance a SHA-256 over all that its vector hangs on, the turns up to it; None where it has no words."""
    running, digests, letters = hashlib.sha256(), list[bytes | None](), dict[str, int]()
    for utterance in conversation.utterances:
        speaker = letters.setdefault(utterance.speaker, len(letters))
        words = (utterance.transcript or "").strip()
        running.update(f"{speaker}\0{utterance.transcript if words else ''}\0\0".encode("utf-8", "surrogatepass"))
        digests.append(running.digest() if words else None)
    return digests
