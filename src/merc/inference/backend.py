"""What runs a trained network: one interface, whatever computes (`merc.inference.torch_backend`, `merc.inference.onnx_backend`).

Shapes: B conversations, T utterances, C classes, M modalities, Z latent width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np

from merc.data.padding import PaddedSamples, batches_of
from merc.data.pieces import Piece, pieces_of
from merc.data.preprocessing import Sample
from merc.encoders.interface import BackendChoice
from merc.files.shapes import Float, Float64
from merc.inference.predictions import PredictionArrays, concatenated

BATCH_CONVERSATIONS = 64
BackendName = Literal["onnx", "torch"]
BACKENDS: tuple[str, ...] = get_args(BackendChoice)


@dataclass(frozen=True, slots=True, eq=False)
class HeadArrays:
    """A network's output for one batch.

    Attributes:
        logits: head's name, `coarse`, such as `fine/text` and `unimodal/audio` -> (B, T, C).
        means: head's name -> (B, T, Z) means of its posterior; empty for networks without latents.
        trust: (B, T, M), or None.
        uncertainty: (B, T), or None.
    """

    logits: Mapping[str, Float[np.ndarray, "B T C"]]
    means: Mapping[str, Float[np.ndarray, "B T Z"]]
    trust: Float[np.ndarray, "B T M"] | None
    uncertainty: Float[np.ndarray, "B T"] | None


@runtime_checkable
class Backend(Protocol):
    """A network that is ready to run."""

    @property
    def name(self) -> BackendName:
        """What computes."""
        ...

    def run(self, batch: PaddedSamples) -> HeadArrays:
        """Every head's output for a batch whose modalities are those that the network was built for, in that order."""
        ...


def infer(
    backend: Backend, samples: Sequence[Sample], *, temperature: float = 1.0, embeddings: bool = False
) -> list[PredictionArrays]:
    """Runs a network over samples.

    Args:
        backend, samples: any, and samples prepared for it. One of more than 512 utterances runs in pieces (`merc.data.pieces`).
        temperature: what the coarse head's logits are divided by.
        embeddings: return the latent means of every level too.

    Returns:
        One item a sample, in the given order.
    """
    cut = [list(pieces_of(sample)) for sample in samples]
    pieces = [piece for of_one in cut for piece in of_one]
    found: dict[int, PredictionArrays] = {}
    for indices, batch in batches_of([piece.sample for piece in pieces], BATCH_CONVERSATIONS):
        output = backend.run(batch)
        probabilities = {
            name: softmax(logits.astype(np.float64) / (temperature if name == "coarse" else 1.0))
            for name, logits in output.logits.items()
        }
        for row, index in enumerate(indices):
            found[index] = _of_piece(output, probabilities, row, pieces[index], embeddings)
    inferred = iter([found[i] for i in range(len(pieces))])
    return [concatenated([next(inferred) for _ in of_one]) for of_one in cut]


def softmax(logits: Float64[np.ndarray, "*B C"]) -> Float64[np.ndarray, "*B C"]:
    """Probabilities along the last axis; NaN where a logit is NaN or plus infinity."""
    with np.errstate(invalid="ignore"):
        exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _of_piece(
    output: HeadArrays, probabilities: Mapping[str, Float64[np.ndarray, "B T C"]], row: int, piece: Piece, embeddings: bool
) -> PredictionArrays:
    own = slice(piece.first, piece.last)
    return PredictionArrays(
        probabilities=probabilities["coarse"][row, own],
        levels={name: p[row, own] for name, p in probabilities.items() if name != "coarse"},
        trust=None if output.trust is None else output.trust[row, own].astype(np.float64),
        uncertainty=None if output.uncertainty is None else output.uncertainty[row, own].astype(np.float64),
        embeddings={name: z[row, own] for name, z in output.means.items()} if embeddings else {},
    )
