"""A network run by torch over prepared samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from merc.data.batching import batches_of
from merc.data.pieces import Piece, pieces_of
from merc.data.preprocessing import Sample
from merc.inference.predictions import PredictionArrays, concatenated
from merc.networks.interface import Level, Network, NetworkOutput

BATCH_CONVERSATIONS = 64


def infer(
    network: Network, samples: Sequence[Sample], *, temperature: float = 1.0, embeddings: bool = False
) -> list[PredictionArrays]:
    """Runs a network over samples, on the network's device and in evaluation mode; its training mode is as before afterwards.

    Args:
        network, samples: any, and samples prepared for it. One of more than 512 utterances runs in pieces (`merc.data.pieces`).
        temperature: what the coarse head's logits are divided by.
        embeddings: return the latent means of every level too.

    Returns:
        One item a sample, in the given order.
    """
    pieces = [list(pieces_of(sample)) for sample in samples]
    was_training = network.training
    network.eval()
    try:
        inferred = iter(_infer_pieces(network, [piece for of_one in pieces for piece in of_one], temperature, embeddings))
    finally:
        network.train(was_training)
    return [concatenated([next(inferred) for _ in of_one]) for of_one in pieces]


def _infer_pieces(network: Network, pieces: Sequence[Piece], temperature: float, embeddings: bool) -> list[PredictionArrays]:
    device = next(network.parameters()).device
    found: dict[int, PredictionArrays] = {}
    with torch.inference_mode():
        for indices, batch in batches_of([piece.sample for piece in pieces], BATCH_CONVERSATIONS):
            output = network(batch.to(device))
            levels = _levels(output)
            heads = {name: level.logits.double() / (temperature if name == "coarse" else 1.0) for name, level in levels.items()}
            probabilities = {name: logits.softmax(dim=-1).cpu().numpy() for name, logits in heads.items()}
            latents = {n: x.posterior.mean.cpu().numpy() for n, x in levels.items() if embeddings and x.posterior is not None}
            trust = None if output.trust is None else output.trust.double().cpu().numpy()
            uncertainty = None if output.uncertainty is None else output.uncertainty.double().cpu().numpy()
            for row, index in enumerate(indices):
                own = slice(pieces[index].first, pieces[index].last)
                found[index] = PredictionArrays(
                    probabilities=probabilities["coarse"][row, own],
                    levels={name: p[row, own] for name, p in probabilities.items() if name != "coarse"},
                    trust=None if trust is None else trust[row, own],
                    uncertainty=None if uncertainty is None else uncertainty[row, own],
                    embeddings={name: z[row, own] for name, z in latents.items()},
                )
    return [found[i] for i in range(len(pieces))]


def _levels(output: NetworkOutput) -> dict[str, Level]:
    """Every head of a network by its name, `coarse` first."""
    fine = {f"fine/{name}": level for name, level in output.fine.items()}
    return {"coarse": output.coarse, **fine, **{f"unimodal/{name}": level for name, level in output.unimodal.items()}}
