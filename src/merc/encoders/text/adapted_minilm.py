"""all-MiniLM-L6-v2 with adapters, run by ONNX Runtime.

Adding adapters to the weights, and loading these, takes as long as running the model on some hundred tokens. So for little text
adapters stay beside the weights, in a graph that takes both as inputs and adds a third to the time of a run.

Shapes: B windows, D features, K adapters, r their largest rank.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from merc.encoders.registry import resolve
from merc.encoders.text.adapter import Adapter
from merc.encoders.text.minilm import ADAPTED_GRAPH, GRAPH, TOKENS_PER_BATCH, MiniLM, ModelGraph
from merc.errors import FeatureError
from merc.files.printable import printable
from merc.files.shapes import Float32

MOST_BESIDE = TOKENS_PER_BATCH  # tokens for which adapters stay beside the weights [chosen: where both take about as long]
Vectors = Float32[np.ndarray, "B D"]
_WEIGHT = ".weight"


class AdaptedMiniLM:
    """The model with the adapters of one trained model, one or several, whose vectors are averaged.

    Args:
        adapters: of the bundled model.

    Attributes:
        tokenizer: what makes tokens of texts.
        limit: tokens that the model can take.
        dimension: D.
        batch_tokens: padded tokens of a batch that runs fastest.

    Raises:
        FeatureError: the model is not the one that the adapters change.
        MissingExtraError, DataError: see `merc.encoders.text.minilm.MiniLM`.
    """

    batch_tokens = TOKENS_PER_BATCH

    def __init__(self, adapters: Sequence[Adapter]) -> None:
        base, base_version = adapters[0].base, adapters[0].base_version
        source = resolve(base)
        if source.version != base_version:
            raise FeatureError(f"adapter for {base!r}, version {base_version}; found version {source.version}")
        self.tokenizer = MiniLM(source)
        self.limit, self.dimension = self.tokenizer.limit, self.tokenizer.dimension
        self._adapters = tuple(adapters)
        for adapter in adapters:
            self._check(adapter)
        self._lock = threading.Lock()

    def embedding(self, tokens: int) -> Callable[[Sequence[Sequence[int]]], Vectors]:
        """What makes vectors, (B, D), of windows that are given by the ids of their tokens.

        Args:
            tokens: of all windows that it will be called with.
        """
        with self._lock:  # only one of several threads makes them
            return self._beside.embed if tokens <= MOST_BESIDE else self._added.embed

    @cached_property
    def _beside(self) -> _BesideWeights:
        return _BesideWeights(self.tokenizer, self._adapters)

    @cached_property
    def _added(self) -> _AddedToWeights:
        return _AddedToWeights(self.tokenizer, self._adapters)

    def _check(self, adapter: Adapter) -> None:
        matrices = self.tokenizer.matrices()
        for name, (a, b) in adapter.pairs.items():
            weight = matrices.get(f"{name}{_WEIGHT}")
            if weight is None or weight.shape != (b.shape[0], a.shape[1]) or a.shape[0] != b.shape[1]:
                found = "none that an adapter may change" if weight is None else weight.shape
                raise FeatureError(
                    f"adapter: changes {printable(name)} by {b.shape} x {a.shape}; the model {adapter.base!r} has there: {found}"
                )


class _BesideWeights:
    """All adapters in one run, each beside the weights that it changes."""

    def __init__(self, model: MiniLM, adapters: Sequence[Adapter]) -> None:
        self._count = len(adapters)
        self._pairs: dict[str, Float32[np.ndarray, "K _ _"]] = {}
        rank = max(a.shape[0] for adapter in adapters for a, _ in adapter.pairs.values())
        for key, matrix in model.matrices().items():
            name, (out, into) = key.removesuffix(_WEIGHT), matrix.shape
            # Where an adapter changes nothing, or has a lower rank, zeros change nothing.
            a_KDr = np.zeros((self._count, into, rank), dtype=np.float32)
            b_KrD = np.zeros((self._count, rank, out), dtype=np.float32)
            for number, adapter in enumerate(adapters):
                if name in adapter.pairs:
                    a, b = adapter.pairs[name]
                    a_KDr[number, :, : a.shape[0]], b_KrD[number, : a.shape[0]] = a.T, b.T
            self._pairs |= {f"{name}.A": a_KDr, f"{name}.B": b_KrD}
        self._graph = ModelGraph(ADAPTED_GRAPH, model, given=self._pairs)

    def embed(self, windows: Sequence[Sequence[int]]) -> Vectors:
        last = self._graph.layers(windows, self._pairs)[-1]
        return last.reshape(self._count, len(windows), -1).mean(axis=0, dtype=np.float32)


class _AddedToWeights:
    """One graph for each adapter, whose changes are in the weights: some 60 MB an adapter."""

    def __init__(self, model: MiniLM, adapters: Sequence[Adapter]) -> None:
        self._graphs: list[ModelGraph] = []
        for adapter in adapters:
            changed = model.matrices()
            for name, (a, b) in adapter.pairs.items():
                changed[f"{name}{_WEIGHT}"] = b.astype(np.float32) @ a.astype(np.float32) + changed[f"{name}{_WEIGHT}"]
            self._graphs.append(ModelGraph(GRAPH, model, changed))

    def embed(self, windows: Sequence[Sequence[int]]) -> Vectors:
        return np.stack([graph.layers(windows)[-1] for graph in self._graphs]).mean(axis=0, dtype=np.float32)
