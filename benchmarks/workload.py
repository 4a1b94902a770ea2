"""What the benchmark works on: conversations of IEMOCAP's real lengths and widths, filled with random numbers.

Shapes: T utterances, W columns of a feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from merc.data.preprocessing import Preprocessor, Sample
from merc.data.schema import FeatureSpec, LabelSet
from merc.data.standardisation import Standardiser
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.training.loop import Trainer
from merc.training.objective import Objective
from merc.training.recipe import Recipe

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "meld.yaml"  # whose quality is measured is whose speed is measured
WIDTHS = {"text": 1024, "audio": 1582, "visual": 342}  # RoBERTa-large, openSMILE IS10, DenseNet
LABELS = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
SPEAKERS = 2

# Utterances per dialogue of IEMOCAP.
# fmt: off
TRAIN_LENGTHS = (
    26, 30, 44, 61, 59, 44, 28, 74, 26, 54, 47, 72, 26, 66, 35, 49, 46, 57, 60, 50, 69, 27, 54, 52,
    79, 51, 45, 46, 36, 38, 35, 46, 54, 27, 30, 43, 74, 51, 61, 47, 26, 44, 37, 51, 41, 53, 51, 60,
    34, 53, 69, 33, 57, 60, 35, 42, 31, 53, 56, 47, 87, 29, 62, 37, 77, 18, 53, 44, 59, 53, 53, 63,
    53, 42, 42, 69, 26, 47, 37, 8, 40, 47, 61, 62, 43, 26, 47, 62, 34, 39, 66, 26, 60, 45, 56, 38,
    39, 83, 40, 50, 52, 58, 32, 20, 44, 54, 34, 94, 44, 43, 24, 58, 32, 18, 64, 63, 78, 63, 110, 50,
)
TEST_LENGTHS = (
    64, 49, 40, 54, 44, 59, 59, 37, 43, 23, 42, 84, 83, 91, 29, 59, 28, 34, 68, 44, 52, 28, 52, 58,
    43, 75, 58, 43, 83, 44, 53,
)
# fmt: on


def conversations(lengths: Sequence[int], seed: int) -> list[Sample]:
    """Random conversations: standard normal features, every modality present, random speakers and labels."""
    random = np.random.default_rng(seed)
    return [
        Sample(
            conversation_id=str(number),
            inputs={name: random.standard_normal((length, width), dtype=np.float32) for name, width in WIDTHS.items()},
            present=np.ones((length, len(WIDTHS)), dtype=np.bool_),
            speakers=random.integers(0, SPEAKERS, length),
            labels=random.integers(0, len(LABELS), length),
        )
        for number, length in enumerate(lengths)
    ]


def make_trainer(recipe: Recipe, samples: Sequence[Sample], epochs: int, seed: int) -> Trainer:
    """A training as `merc train` sets it up, on the CPU, that never stops early."""
    training = recipe.training.model_copy(update={"epochs": epochs, "patience": None, "seed": seed, "device": "cpu"})
    counts = np.bincount(np.concatenate([s.labels for s in samples]), minlength=len(LABELS)).tolist()
    torch.manual_seed(seed)
    network = recipe.model.build(WIDTHS, len(LABELS))
    return Trainer(network, samples, training, recipe.corruption, Objective(recipe.objective, counts))


def make_recogniser(recipe: Recipe, seed: int) -> Recogniser:
    """An untrained model that judges the random conversations as they are."""
    torch.manual_seed(seed)
    network = recipe.model.build(WIDTHS, len(LABELS))
    standardisers = {
        name: Standardiser(
            spec=FeatureSpec(modality=name, name="random", dimension=width),
            mean=np.zeros(width),
            deviation=np.ones(width),
            kept=np.arange(width),
            indicated=np.arange(0),
        )
        for name, width in WIDTHS.items()
    }
    return Recogniser(
        network, Preprocessor(LabelSet(names=LABELS), standardisers), ModelRecord(recipe=recipe.model_dump(mode="json"))
    )
