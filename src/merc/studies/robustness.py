"""Under which conditions every model of a study is judged again, and which of them make a curve.

- `drop audio`: the modality is lost for a share of the utterances; at a share of 1 it is absent throughout.
- `drop any`: each modality of each utterance is lost at a rate, but an utterance that had one keeps one (the random missing
  protocol of GCNet, Lian et al. 2023, TPAMI; the kept one is drawn evenly).
- `noise audio`: noise of a strength replaces the modality more and more (see `merc.training.corruption`).

What is drawn depends on the condition and the conversation's id alone: every model meets the same losses and the same noise.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from merc.data.preprocessing import Sample
from merc.data.schema import Conversation, FeatureSpec
from merc.evaluation.perturbation import Perturbation, perturb
from merc.files.shapes import Bool, Float64
from merc.settings import Settings
from merc.studies.recipe import RobustnessConfig

SEED = 0  # of all losses and noise in judgements
ANY = "any"


class Condition(Settings):
    """One condition of a curve.

    Attributes:
        kind: `drop` or `noise`; `clean` leaves all as it is.
        modality: which, or `any` for GCNet's protocol; empty if clean.
        amount: share, rate or strength; 0 if clean.
    """

    kind: str = "clean"
    modality: str = ""
    amount: float = 0.0

    @property
    def curve(self) -> str:
        """The curve's name, such as `drop audio`."""
        return f"{self.kind} {self.modality}".strip()


CLEAN = Condition()


def conditions_of(config: RobustnessConfig, modalities: Sequence[str]) -> tuple[Condition, ...]:
    """All conditions for models that may take these modalities, clean first.

    The curves `drop X` end with the share 1: the modality is absent. A corpus of one modality has only noise to fear.
    """
    found = [CLEAN]
    if len(modalities) > 1:
        found += [Condition(kind="drop", modality=m, amount=a) for m in modalities for a in (*config.drop, 1.0)]
        found += [Condition(kind="drop", modality=ANY, amount=a) for a in config.drop if a < 1]
    found += [Condition(kind="noise", modality=m, amount=a) for m in modalities for a in config.noise]
    return tuple(dict.fromkeys(found))


def presence(conversation: Conversation, specs: Sequence[FeatureSpec]) -> dict[str, Bool[np.ndarray, " T"]]:
    """Modality -> which utterances have it, for all modalities of the study, whatever a model takes of them."""
    rows = np.zeros(len(conversation), dtype=np.bool_)
    found = {spec.modality: conversation.features.get(spec.key) for spec in specs}
    return {modality: rows if x is None else np.asarray(~np.isnan(x).all(axis=1)) for modality, x in found.items()}


def under(sample: Sample, condition: Condition, present: Mapping[str, Bool[np.ndarray, " T"]]) -> Sample:
    """The sample under a condition; a modality that the model does not take changes nothing.

    `present`, from `presence`, is of all the study's modalities, so that every model loses the same.
    """
    if condition.kind == "clean":
        return sample
    if condition.modality == ANY:
        lost = lost_at_random(sample.conversation_id, condition.amount, present)
        kept = np.stack([~lost[m] for m in sample.inputs], axis=1) & sample.present
        return replace(sample, inputs={m: x * kept[:, i, None] for i, (m, x) in enumerate(sample.inputs.items())}, present=kept)
    if condition.modality not in sample.inputs:
        return sample
    kind = "drop" if condition.kind == "drop" else "noise"
    return perturb(sample, [Perturbation(modality=condition.modality, kind=kind, amount=condition.amount)], SEED)


def lost_at_random(
    conversation_id: str, rate: float, present: Mapping[str, Bool[np.ndarray, " T"]]
) -> dict[str, Bool[np.ndarray, " T"]]:
    """GCNet's protocol: modality -> which utterances lose it. Of the modalities that an utterance has one is kept at least."""
    names = list(present)
    keys = [zlib.crc32(f"{conversation_id}\0{m}\0any".encode()) for m in names]
    draws = np.stack([np.random.default_rng([SEED, key]).random((2, len(present[m]))) for m, key in zip(names, keys, strict=True)])
    there = np.stack([present[m] for m in names])  # (M, T)
    lost = (draws[:, 0] < rate) & there
    bare = there.any(axis=0) & ~(there & ~lost).any(axis=0)
    saved = np.where(there, draws[:, 1], -1.0).argmax(axis=0)
    lost[saved[bare], np.flatnonzero(bare)] = False
    return dict(zip(names, lost, strict=True))


def curves_of(conditions: Sequence[Condition]) -> dict[str, list[tuple[float, int]]]:
    """Curve's name -> its points as (amount, index of the condition), rising from the clean one at 0."""
    curves: dict[str, list[tuple[float, int]]] = {}
    for index, condition in enumerate(conditions):
        if condition != CLEAN:
            curves.setdefault(condition.curve, [(0.0, conditions.index(CLEAN))]).append((condition.amount, index))
    return {name: sorted(points) for name, points in curves.items()}


def area_weights(conditions: Sequence[Condition]) -> dict[str, Float64[np.ndarray, " D"]]:
    """The weights of the conditions in each area: `lost`, `lost at random`, `noise`, and `all`, the mean of these.

    The area of a curve is its mean height, by the trapezoid rule; that of several curves is the mean of theirs.
    """
    kinds: dict[str, list[Float64[np.ndarray, " D"]]] = {}
    for name, points in curves_of(conditions).items():
        kind = "noise" if name.startswith("noise") else "lost at random" if name == f"drop {ANY}" else "lost"
        kinds.setdefault(kind, []).append(_trapezoid(points, len(conditions)))
    found = {kind: np.mean(weights, axis=0) for kind, weights in kinds.items()}
    return {**found, "all": np.mean(list(found.values()), axis=0)} if found else {}


def _trapezoid(points: Sequence[tuple[float, int]], count: int) -> Float64[np.ndarray, " D"]:
    weights = np.zeros(count)
    for (low, one), (high, other) in pairwise(points):
        weights[[one, other]] += (high - low) / 2
    return weights / (points[-1][0] - points[0][0])
