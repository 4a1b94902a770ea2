"""A text encoder that reads each utterance with the turns before it and their speakers.

A context window is up to `CONTEXT` earlier turns and, last, the utterance itself, each as `A: words` with a separator behind it.
The letters stand for the speakers, counted backwards from the utterance's own, so that names do not matter; no later utterance is
read. A window's vector is the mean of the model's last hidden states, averaged over the adapters [chosen, both; docs/tuning.md]. A
long utterance has several windows, each with the same earlier turns (see `merc.encoders.text.windows`).

Shapes: N utterances, T utterances of a conversation, D features.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from merc.data.schema import Conversation, Utterance
from merc.encoders.interface import BackendChoice
from merc.encoders.text.adapted_minilm import AdaptedMiniLM
from merc.encoders.text.adapter import Adapter, joint_version
from merc.encoders.text.minilm import runs_by_graph
from merc.encoders.text.windows import WINDOW_RULE, Tokenizer, Window, cut_text, encode_windows
from merc.files.shapes import Float32
from merc.settings import Progress, no_progress

if TYPE_CHECKING:
    from merc.encoders.text.torch_model import AdaptedModel
else:
    AdaptedModel = object  # its module imports torch

DIALOGUE = "dialogue"  # the encoder's name; what it learned makes its version
CONTEXT = 4  # earlier turns [chosen]
OWN_TOKENS = 96  # of the utterance itself in one window, its speaker included [chosen: one of MELD's training part has more]
CONTEXT_TOKENS = 40  # the first ones of each earlier turn [chosen: one MELD turn in a hundred has more]
SPEAKERS = "ABCDE"

ContextWindow = Window[tuple[int, ...]]


class DialogueEncoder:
    """A text model with one adapter or several, and the attributes of `merc.encoders.interface.Encoder`.

    Args:
        adapters: of one model.
        device: to encode on.
        backend: what runs the bundled model on the CPU: `onnx`, as `auto` does, or `torch`; torch runs all others.

    Raises:
        ValueError: no adapter, or adapters of different models.
        FeatureError: the model is not the one that they change.
        MissingExtraError: transformers, or the bundled model's package, is not installed.
    """

    modality = "text"
    name = DIALOGUE

    def __init__(self, adapters: Sequence[Adapter], device: str = "cpu", backend: BackendChoice = "auto") -> None:
        bases = {(adapter.base, adapter.base_version) for adapter in adapters}
        if len(bases) != 1:
            raise ValueError(f"expected adapters of one text model; found {sorted(bases)}")
        self.version = joint_version(adapters)
        self._model = _adapted(adapters, device, backend)
        self.dimension = self._model.dimension
        self._lock = threading.Lock()  # the tokenizer is not safe among threads

    def encode(
        self, conversations: Sequence[Conversation], progress: Progress = no_progress
    ) -> tuple[Float32[np.ndarray, "_ _"], ...]:
        """The vectors of every utterance: (T, D) of each conversation, NaN rows where an utterance has no words.

        Args:
            conversations: with transcripts and speakers.
            progress: called after every batch with the utterances done and their number.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """
        places = [(c, i) for c, conversation in enumerate(conversations) for i, u in enumerate(conversation.utterances) if _said(u)]
        rows = self.encode_at([(conversations[c], i) for c, i in places], progress)
        arrays = tuple(np.full((len(c), self.dimension), np.nan, dtype=np.float32) for c in conversations)
        for (c, i), row in zip(places, rows, strict=True):
            arrays[c][i] = row
        return arrays

    def encode_at(self, places: Sequence[tuple[Conversation, int]], progress: Progress = no_progress) -> Float32[np.ndarray, "_ _"]:
        """The vectors of some utterances: (N, D) for N of them, each with words, given by conversation and place.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """
        with self._lock:
            windows = tokenised_windows(self._model.tokenizer, places, self._model.limit)
        embed = self._model.embedding(sum(window.size for of_one in windows for window in of_one))
        return encode_windows(windows, embed, self.dimension, self.name, progress, self._model.batch_tokens)


def _adapted(adapters: Sequence[Adapter], device: str, backend: BackendChoice) -> AdaptedMiniLM | AdaptedModel:
    if runs_by_graph(adapters[0].base, device, backend):
        return AdaptedMiniLM(adapters)
    from merc.encoders.text.torch_model import AdaptedModel

    return AdaptedModel(adapters, device)


def context_turns(conversation: Conversation, place: int) -> list[tuple[str, str]]:
    """The turns that are read for an utterance, itself the last: letter and words. Turns without words are left out."""
    utterances = conversation.utterances
    before = (utterances[i] for i in range(place - 1, -1, -1))  # no slice: it would copy all that was said before, at each place
    earlier = list(islice(filter(_said, before), CONTEXT))
    turns = [*reversed(earlier), utterances[place]]
    letters: dict[str | None, str] = {}
    for utterance in reversed(turns):
        letters.setdefault(utterance.speaker, SPEAKERS[len(letters)])
    return [(letters[u.speaker], u.words or "") for u in turns]


def tokenised_windows(tokenizer: Tokenizer, places: Sequence[tuple[Conversation, int]], limit: int) -> list[list[ContextWindow]]:
    """The windows of some utterances, each with words; one of each unless it is long.

    Args:
        tokenizer: of the model.
        places: conversation and place of each.
        limit: tokens that the model can take; where there are more, the earliest turns are left out.
    """

    def tokenised(texts: list[str]) -> list[list[int]]:
        return tokenizer.ids(texts) if texts else []

    turns = [context_turns(conversation, place) for conversation, place in places]
    texts = list(dict.fromkeys(f"{letter}: {words}" for of_one in turns for letter, words in of_one))
    tokens = dict(zip(texts, tokenised(texts), strict=True))
    start, own_limit = tokenizer.start, min(OWN_TOKENS, limit)
    windows: list[list[ContextWindow]] = []
    for *earlier, (letter, words) in turns:
        context = [tokens[f"{by}: {said}"][:CONTEXT_TOKENS] for by, said in earlier]
        own = [tokens[f"{letter}: {words}"]]
        if len(own[0]) > own_limit:
            mark = f"{letter}: "
            parts = cut_text(words, lambda part, mark=mark: len(tokenised([mark + part])[0]), own_limit)
            own = [ids[:own_limit] for ids in tokenised([mark + part for part in parts])]
        windows.append([_window(context, ids, limit, start) for ids in own])
    return windows


def _window(context: Sequence[list[int]], own: list[int], limit: int, start: int | None) -> ContextWindow:
    parts = [*context, own]
    while sum(map(len, parts)) > limit and len(parts) > 1:
        parts.pop(0)
    # A text begins with the model's start token, if it has one; of the turns only the first keeps it.
    later = [part[1:] if part[:1] == [start] else part for part in parts[1:]]
    ids = tuple(token for part in (parts[0], *later) for token in part)
    return Window(ids, len(ids), len(own))


def window_digests(conversation: Conversation) -> list[bytes | None]:
    """For each utterance a SHA-256 over all that its vector depends on beside its encoder; None where it has no words."""
    digests: list[bytes | None] = []
    for place, utterance in enumerate(conversation.utterances):
        said = "\0".join((WINDOW_RULE, *(part for turn in context_turns(conversation, place) for part in turn)))
        digests.append(hashlib.sha256(said.encode("utf-8", "replace")).digest() if _said(utterance) else None)
    return digests


def _said(utterance: Utterance) -> bool:
    return bool(utterance.words and utterance.words.strip())
