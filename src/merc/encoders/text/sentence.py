"""Text encoders: transcripts -> one vector an utterance, from any safetensors model of sentence-transformers or transformers.

The bundled `minilm` is all-MiniLM-L6-v2 (D = 384, unit length). `minilm-layers` concatenates its last four layers, each averaged
over the tokens (D = 4 x 384) [chosen: the sentence vector was trained for topic alone, earlier layers keep more of the tone].

Shapes: N transcripts, D features.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from merc.encoders.interface import BackendChoice, Encoder
from merc.encoders.registry import ModelFolder, loading, resolve
from merc.encoders.text.minilm import MiniLMSentences, runs_by_graph
from merc.encoders.text.windows import WINDOW_RULE, Window, cut_text, encode_windows
from merc.errors import MissingExtraError
from merc.files.shapes import Float32
from merc.settings import Progress, no_progress

if TYPE_CHECKING:
    from merc.encoders.text.torch_model import SentenceModel
else:
    SentenceModel = object  # its module imports torch


class TextEncoder:
    """Encodes equal texts once, long ones in windows (see `merc.encoders.text.windows`), in batches of like length.

    What else is in a batch moves a vector by rounding only (tested: under 1e-5).
    """

    modality = "text"

    def __init__(self, source: ModelFolder, model: SentenceModel | MiniLMSentences) -> None:
        self.name = source.name
        self.version = source.version
        self._model = model
        self.dimension = int(model.embed(["a"]).shape[1])

    def encode(self, inputs: Sequence[str | None], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        """See `merc.encoders.interface.Encoder.encode`; `progress` is called after every batch.

        Raises:
            FeatureError: the model returned a number that is not finite.
        """
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(inputs):
            if text is not None and text.strip():
                rows.setdefault(text, []).append(row)
        total, skipped = float(len(inputs)), len(inputs) - len(rows)  # absent and repeated texts
        vectors = encode_windows(
            self._windows(list(rows)),
            self._model.embed,
            self.dimension,
            self.name,
            lambda stage, done, _: progress(stage, skipped + done, total),
            self._model.batch_tokens,
        )
        encoded = np.full((len(inputs), self.dimension), np.nan, dtype=np.float32)
        for vector, places in zip(vectors, rows.values(), strict=True):
            encoded[places] = vector
        return encoded

    def _windows(self, texts: list[str]) -> list[list[Window[str]]]:
        limit = self._model.limit or sys.maxsize
        windows: list[list[Window[str]]] = []
        for text, count in zip(texts, self._model.token_counts(texts), strict=True):
            parts = [text] if count <= limit else cut_text(text, lambda part: self._model.token_counts([part])[0], limit)
            counts = [count] if len(parts) == 1 else self._model.token_counts(parts)
            windows.append([Window(part, size, size) for part, size in zip(parts, counts, strict=True)])
        return windows


def text_digest(text: str | None) -> bytes | None:
    """A SHA-256 over all that a text's vector depends on beside its encoder; None where there are no words."""
    said = (text or "").strip()
    return hashlib.sha256(f"{WINDOW_RULE}\0{said}".encode("utf-8", "replace")).digest() if said else None


def text_encoder(name_or_path: str = "minilm", device: str = "cpu", backend: BackendChoice = "auto") -> Encoder[str | None]:
    """Loads a text encoder.

    Args:
        name_or_path: `minilm` or `minilm-layers` (offline), a folder, or a Hugging Face Hub id (downloaded unless in the cache).
            A folder with `modules.json` is read as a sentence-transformers model, any other as a transformers model.
        device: where it runs, such as `cpu` or `cuda:0`.
        backend: what runs the bundled model on the CPU: `onnx`, as `auto` does, or `torch`; torch runs all others.

    Raises:
        MissingExtraError: sentence-transformers or the bundled model's package is not installed.
        DataError: the bundled weights are not the original's.
        UnsafeFileError: pickled weights, or code that is not sentence-transformers' own; nothing of it was run.
        FeatureError: no such model, or it can't be loaded, or its weights lack tensors.
    """
    if runs_by_graph(name_or_path, device, backend):
        source = resolve(name_or_path)
        return TextEncoder(source, MiniLMSentences(source))
    if importlib.util.find_spec("sentence_transformers") is None:
        raise MissingExtraError("train", f"the text encoder {name_or_path!r}")
    source = resolve(name_or_path)
    with loading(f"text encoder {name_or_path!r}"):
        from merc.encoders.text.torch_model import LayersModel, SentenceModel

        return TextEncoder(source, (LayersModel if source.layers else SentenceModel)(source, device))
