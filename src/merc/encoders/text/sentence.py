"""Text encoders: transcripts -> one vector an utterance, from any safetensors model of sentence-transformers or transformers.

The bundled `minilm` (all-MiniLM-L6-v2, 384 numbers, unit length) needs no network. `minilm-layers` takes the same model's last
four layers, each averaged over the tokens, one after the other (4 x 384 = 1536 numbers) [chosen: the sentence vector was trained
for topic alone, and earlier layers keep more of the tone].

Shapes: N transcripts, D features, n texts of a batch, S tokens.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from merc.encoders.interface import Encoder, Progress
from merc.encoders.registry import ModelFolder, resolve
from merc.errors import FeatureError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
else:
    SentenceTransformer = Any  # an optional extra: annotations must hold without it

TOKENS_PER_BATCH = 4096  # padded; keeps the activations of a large model under about 1 GiB
TEXTS_PER_BATCH = 128


class TextEncoder(ABC):
    """The part that all text encoders share: equal texts encoded once, batches of like length, absence as NaN.

    Subclasses give `_embed`. What else is in a batch moves a vector by rounding only (tested: under 1e-5).
    """

    modality = "text"

    def __init__(self, source: ModelFolder, model: SentenceTransformer) -> None:
        self.name = source.name
        self.version = source.version
        self._model = model
        self._tokenizer: Any = model.tokenizer
        self.dimension = int(self._embed(["a"]).shape[1])

    def encode(self, transcripts: Sequence[str | None], progress: Progress | None = None) -> Float32[np.ndarray, "N D"]:
        """Encodes transcripts.

        Args:
            transcripts: N texts; None or blank means absent. What exceeds the model's length is cut at its end.
            progress: called after every batch with transcripts done and N.

        Returns:
            (N, D), NaN rows where the transcript is absent.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(transcripts):
            if text is not None and text.strip():
                rows.setdefault(text, []).append(row)
        encoded = np.full((len(transcripts), self.dimension), np.nan, dtype=np.float32)
        done = len(transcripts) - sum(map(len, rows.values()))
        texts = list(rows)
        for batch in batches_by_length(self._token_counts(texts)):
            vectors = self._embed([texts[i] for i in batch])
            for i, vector in zip(batch, vectors, strict=True):
                if not np.isfinite(vector).all():
                    raise FeatureError(f"text encoder {self.name!r} returned numbers that are not finite for {texts[i][:60]!r}")
                encoded[rows[texts[i]]] = vector
                done += len(rows[texts[i]])
            if progress is not None:
                progress(done, len(transcripts))
        return encoded

    def _token_counts(self, texts: list[str]) -> list[int]:
        if not texts:
            return []
        return [len(ids) for ids in self._tokenizer(texts, **self._truncation())["input_ids"]]

    def _truncation(self) -> dict[str, Any]:
        limit = self._model.max_seq_length
        return {} if limit is None else {"truncation": True, "max_length": limit}

    @abstractmethod
    def _embed(self, texts: list[str]) -> Float32[np.ndarray, "n D"]:
        """The vectors of one batch of texts, one row each."""


class SentenceEncoder(TextEncoder):
    """The model's own sentence vector; for a plain transformers model the mean over tokens of the last hidden state."""

    def _embed(self, texts: list[str]) -> Float32[np.ndarray, "n D"]:
        model: Any = self._model  # its stub knows media types that pyright can't resolve
        return np.asarray(model.encode(texts, batch_size=len(texts), show_progress_bar=False), dtype=np.float32)


class LayersEncoder(TextEncoder):
    """The last `layers` hidden states, lowest first, each averaged over the tokens, concatenated: D = layers x hidden size."""

    def __init__(self, source: ModelFolder, model: SentenceTransformer) -> None:
        self._layers = source.layers
        super().__init__(source, model)

    def _embed(self, texts: list[str]) -> Float32[np.ndarray, "n D"]:
        import torch

        tokens = self._tokenizer(texts, padding=True, return_tensors="pt", **self._truncation()).to(self._model.device)
        transformer: Any = self._model[0]
        with torch.inference_mode():
            states = transformer.auto_model(**tokens, output_hidden_states=True).hidden_states[-self._layers :]
        mask_nS1 = tokens["attention_mask"].unsqueeze(-1).to(states[0].dtype)
        means = [(state * mask_nS1).sum(dim=1) / mask_nS1.sum(dim=1) for state in states]
        return torch.cat(means, dim=-1).float().cpu().numpy()


def text_encoder(name_or_path: str = "minilm", device: str = "cpu") -> Encoder:
    """Loads a text encoder.

    Args:
        name_or_path: `minilm` or `minilm-layers` (offline), a folder, or a Hugging Face Hub id (downloaded unless in the cache).
            A folder with `modules.json` is read as a sentence-transformers model, any other as a transformers model.
        device: where it runs, such as `cpu` or `cuda:0`.

    Raises:
        MissingExtraError: sentence-transformers or the bundled model's package is not installed.
        DataError: the bundled weights are not the original's.
        UnsafeFileError: pickled weights, or code that is not sentence-transformers' own; nothing of it was run.
        FeatureError: no such model, or it can't be loaded.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise MissingExtraError("text", f"the text encoder {name_or_path!r}")
    source = resolve(name_or_path)
    kind = LayersEncoder if source.layers else SentenceEncoder
    try:
        return kind(source, _load(source, device))
    except Exception as error:  # an arbitrary folder in the hands of third-party loaders, which raise anything
        reason = (str(error).strip().splitlines() or [""])[0]
        raise FeatureError(f"text encoder {name_or_path!r} can't be loaded: {type(error).__name__}: {reason}") from error


def batches_by_length(token_counts: Sequence[int]) -> Iterator[list[int]]:
    """Indices in batches of like length, shortest first: at most 128 texts and, padded, 4096 tokens, but one text at least."""
    batch: list[int] = []
    for index in sorted(range(len(token_counts)), key=token_counts.__getitem__):
        # Ascending order: this text is the longest so far, so it sets the padded width.
        if batch and ((len(batch) + 1) * token_counts[index] > TOKENS_PER_BATCH or len(batch) == TEXTS_PER_BATCH):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _load(source: ModelFolder, device: str) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    with _no_loading_bar():
        model = SentenceTransformer(
            str(source.folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    return model.float().eval()


@contextmanager
def _no_loading_bar() -> Generator[None, None, None]:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
