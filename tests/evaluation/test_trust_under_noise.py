"""Trust knows planted quality, and falls when a modality's features are replaced by noise.

A share of the planted rows is noise already: to replace them changes nothing, so the rows that carry a signal are judged.
"""

import numpy as np
import pytest

from merc.evaluation.perturbation import Perturbation, perturb
from merc.runs.training import train
from merc.synthetic.conversations import SyntheticConfig, synthesise
from merc.synthetic.planting import RowState, Stream, planted_truth
from merc.training.recipe import recipe_from
from unchecked import unchecked_shapes

STREAMS = (("text", 64, 8.0), ("audio", 48, 6.0), ("visual", 32, 4.5))  # in falling quality


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    streams = tuple(Stream(modality=m, dimension=d, quality=q, noise=0.25, absent=0.05) for m, d, q in STREAMS)
    corpus = synthesise(SyntheticConfig(train=200, validation=40, test=40, streams=streams))
    recipe = recipe_from(
        {
            "name": "trust",
            "model": {"width": 48, "fusion": {"latent": 32}},
            "training": {"epochs": 8, "batch_conversations": 10, "learning_rate": 8e-3, "patience": None, "device": "cpu"},
        }
    )
    with unchecked_shapes():
        recogniser = train(recipe, tmp_path_factory.mktemp("runs") / "trust", corpus=corpus).recogniser
    samples = [recogniser.preprocessor.sample(c) for c in corpus.part("official", "test")]
    truth = planted_truth(corpus)
    states = np.stack([np.concatenate([truth[m][s.conversation_id] for s in samples]) for m in recogniser.modalities], axis=1)
    return recogniser, samples, trust_of(recogniser, samples), states == RowState.SIGNAL


def trust_of(recogniser, samples):
    return np.concatenate([j.trust for j in recogniser.infer(samples)])


def test_mean_trust_ranks_the_modalities_as_planted(judged):
    _, samples, trust, _ = judged
    complete = np.concatenate([s.present for s in samples]).all(axis=1)
    means = trust[complete].mean(axis=0)
    assert means[0] > means[1] > means[2]


@pytest.mark.parametrize("column", range(3))
def test_noise_lowers_trust_in_nine_utterances_of_ten(judged, column):
    recogniser, samples, trust, signal = judged
    modality = recogniser.modalities[column]
    noisy = [perturb(s, [Perturbation(modality=modality, kind="noise", amount=1.0)], seed=1) for s in samples]
    present = np.concatenate([s.present for s in samples])
    weighed = signal[:, column] & (present.sum(axis=1) > 1)
    assert (trust_of(recogniser, noisy)[weighed, column] < trust[weighed, column]).mean() >= 0.9
