"""Conversations of like length as arrays of one length, padded at the end: what networks take, before any framework's tensors.

Shapes: B conversations, T utterances (of the longest), M modalities, W columns of a standardised feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from merc.data.preprocessing import UNLABELLED, Sample
from merc.files.shapes import Bool, Float, Int64, Shaped


@dataclass(frozen=True, slots=True, eq=False)
class PaddedSamples:
    """Several conversations as arrays; each attribute is that of `merc.data.batching.Batch`."""

    inputs: Mapping[str, Float[np.ndarray, "B T _"]]
    present: Bool[np.ndarray, "B T M"]
    valid: Bool[np.ndarray, "B T"]
    speakers: Int64[np.ndarray, "B T"]
    labels: Int64[np.ndarray, "B T"]


def padded(samples: Sequence[Sample]) -> PaddedSamples:
    """Pads conversations to the longest of them.

    Raises:
        ValueError: no sample.
    """
    if not samples:
        raise ValueError("a batch needs at least one conversation")
    longest = max(map(len, samples))

    def joined(arrays: Sequence[Shaped[np.ndarray, ...]], value: int = 0) -> Shaped[np.ndarray, ...]:
        found = np.empty((len(arrays), longest, *arrays[0].shape[1:]), dtype=arrays[0].dtype)
        for row, array in zip(found, arrays, strict=True):
            row[: len(array)], row[len(array) :] = array, value
        return found

    return PaddedSamples(
        inputs={name: joined([s.inputs[name] for s in samples]) for name in samples[0].inputs},
        present=joined([s.present for s in samples]),
        valid=np.arange(longest) < np.array([[len(s)] for s in samples]),
        speakers=joined([s.speakers for s in samples], -1),
        labels=joined([s.labels for s in samples], UNLABELLED),
    )


def sorted_buckets(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Batches of like length, shortest first, for inference: every index once.

    A batch holds at most `size` conversations, and ends where the next one would make more than a tenth of it padding (chosen: the
    31 conversations of IEMOCAP's test part in one batch would be 42 % padding).
    """
    batches: list[list[int]] = []
    filled = 0
    for index in np.argsort(np.asarray(lengths), kind="stable").tolist():
        if batches and len(batches[-1]) < size and filled + lengths[index] >= 0.9 * (len(batches[-1]) + 1) * lengths[index]:
            batches[-1].append(index)
            filled += lengths[index]
        else:
            batches.append([index])
            filled = lengths[index]
    return batches


def padding_waste(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> float:
    """The share of positions that are padding, from 0 to 1."""
    positions = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths[i] for batch in batches for i in batch) / positions


def batches_of(samples: Sequence[Sample], size: int) -> Iterator[tuple[list[int], PaddedSamples]]:
    """Inference batches with the indices of their samples."""
    for indices in sorted_buckets([len(s) for s in samples], size):
        yield indices, padded([samples[i] for i in indices])
