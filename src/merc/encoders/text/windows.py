"""A text that is longer than the model's limit is encoded in windows, whose vectors are averaged by their number of tokens.

The average is [chosen], not measured: of MELD's 9,989 training utterances one is longer than a window, of the 1,109 of validation
none.

Shapes: N texts, n windows of a batch, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from merc.errors import FeatureError
from merc.files.shapes import Float32
from merc.settings import Progress, no_progress

TOKENS_PER_BATCH = 4096  # padded; keeps the activations of a large model under about 1 GiB
TEXTS_PER_BATCH = 128
WINDOW_RULE = "halved at words, averaged by tokens"  # part of every digest of a text: another rule, other vectors of long texts

Content = TypeVar("Content")


@runtime_checkable
class Tokenizer(Protocol):
    """Texts -> tokens.

    Attributes:
        start: the token that a text begins with; None if the model has none.
    """

    start: int | None

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, with those that the model adds."""
        ...


@dataclass(frozen=True, slots=True)
class Window(Generic[Content]):
    """What a model takes in one pass.

    Attributes:
        content: a text, or the ids of its tokens.
        size: tokens, with those of the context.
        weight: tokens of the text itself, which the window's vector counts by.
    """

    content: Content
    size: int
    weight: int


def cut_text(text: str, count: Callable[[str], int], limit: int) -> list[str]:
    """Parts of a text of at most `limit` tokens each; a text within the limit stays as it is.

    It is halved between words until all parts fit; a word that alone exceeds the limit is halved between characters.

    Args:
        text: any.
        count: the tokens of a text, with all that the model adds to it.
        limit: of the model. A single character is never cut.
    """
    words = text.split()
    units, glue = (words, " ") if len(words) > 1 else ("".join(words), "")
    middle = len(units) // 2
    if not middle or count(text) <= limit:
        return [text]
    halves = (glue.join(units[:middle]), glue.join(units[middle:]))
    return [part for half in halves for part in cut_text(half, count, limit)]


def encode_windows(
    texts: Sequence[Sequence[Window[Content]]],
    embed: Callable[[list[Content]], Float32[np.ndarray, "_ _"]],
    dimension: int,
    name: str,
    progress: Progress = no_progress,
    batch_tokens: int = TOKENS_PER_BATCH,
) -> Float32[np.ndarray, "_ _"]:
    """The vectors of texts: (N, D), each that of the text's only window, or the mean of its windows' weighted by tokens.

    If all of a text's windows have vectors of unit length, so has the text.

    Args:
        texts: N, one window each or more.
        embed: contents of n windows of like size -> their vectors, (n, D).
        dimension, name: D, and the encoder's name for the error.
        progress: called after every batch with the share of the windows that is done, in texts, and N.
        batch_tokens: padded tokens of a batch, at most, but for one that is longer alone.

    Raises:
        FeatureError: the model returned a number that is not finite.
    """
    windows = [window for of_one in texts for window in of_one]
    vectors = np.empty((len(windows), dimension), dtype=np.float32)
    done = 0
    for batch in batches_by_length([window.size for window in windows], batch_tokens):
        vectors[batch] = embed([windows[i].content for i in batch])
        done += len(batch)
        progress("encoding text", float(done * len(texts) // len(windows)), float(len(texts)))
    if not np.isfinite(vectors).all():
        raise FeatureError(f"the text encoder {name!r} returned numbers that are not finite")
    firsts = np.cumsum([0, *map(len, texts)])
    rows = vectors[firsts[:-1]]
    for row, of_one in enumerate(texts):
        if len(of_one) > 1:
            own = vectors[firsts[row] : firsts[row + 1]]
            mean = np.average(own, axis=0, weights=[window.weight for window in of_one])
            if np.allclose(np.linalg.norm(own, axis=1), 1, atol=1e-4):
                mean /= max(float(np.linalg.norm(mean)), np.finfo(np.float32).tiny)
            rows[row] = mean
    return rows


def batches_by_length(token_counts: Sequence[int], batch_tokens: int = TOKENS_PER_BATCH) -> Iterator[list[int]]:
    """Indices in batches of like length, shortest first: at most 128 texts and, padded, `batch_tokens`, but one text at least."""
    batch: list[int] = []
    for index in sorted(range(len(token_counts)), key=token_counts.__getitem__):
        # Ascending order: this text is the longest so far, so it sets the padded width.
        if batch and ((len(batch) + 1) * token_counts[index] > batch_tokens or len(batch) == TEXTS_PER_BATCH):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
