"""Both backends give the same, to 1e-5: every network and switch, random and trained weights, padded, windowed, absent, long.

An export takes some twenty seconds, and a file's tests are run by one process: so they are in several files.
"""

from dataclasses import replace

import numpy as np
import pytest

from merc.data.preprocessing import Preprocessor
from merc.data.schema import FeatureSpec, LabelSet
from merc.data.standardisation import Standardiser
from merc.errors import RunError
from merc.graphs.errors import NotExportableError
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from switches import MODELS, train

TOLERANCE = 1e-5
WIDTHS = {"text": 6, "audio": 5}  # an export takes the square of the modalities
WITHOUT_GRAPH = {"DialogueRNN", "bc-LSTM"}  # docs/model.md lists them
CLASSES = ("calm", "cross", "glad")


def model_of(network, section, widths):
    specs = [FeatureSpec(modality=m, name="f", dimension=width, encoder="e", version="1") for m, width in widths.items()]
    random = np.random.default_rng(0)
    standardisers = {s.modality: Standardiser.fit(s, [random.normal(size=(9, s.dimension)).astype(np.float32)], 5.0) for s in specs}
    record = ModelRecord(recipe={"name": "m", "model": section})
    return Recogniser(network, Preprocessor(LabelSet(names=CLASSES), standardisers), record)


def models_of(group):
    """Names of the networks that one file tests."""
    return [name for name, section in MODELS.items() if _group(section) == group]


def _group(section):
    if "name" in section:
        return "rivals"
    return "towers" if section.keys() & {"tower", "attention", "central"} else "fusion"


def assert_alike(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=TOLERANCE)
        assert list(one.levels) == list(other.levels) and list(one.embeddings) == list(other.embeddings)
        for level, probabilities in other.levels.items():
            np.testing.assert_allclose(one.levels[level], probabilities, rtol=0, atol=TOLERANCE)
        for level, means in other.embeddings.items():
            np.testing.assert_allclose(one.embeddings[level], means, rtol=TOLERANCE, atol=TOLERANCE)
        for what in ("trust", "uncertainty"):
            assert (getattr(one, what) is None) == (getattr(other, what) is None)
            if getattr(other, what) is not None:
                np.testing.assert_allclose(getattr(one, what), getattr(other, what), rtol=0, atol=TOLERANCE)


def assert_both_agree(name, make_network, make_samples, tiny_recipe, folder):
    """Saves models of one network, and holds what both backends make of several conversations against one another."""
    widths = {**WIDTHS, "visual": 4} if name == "pool" else WIDTHS
    network = make_network(widths=widths, **MODELS[name])
    section = tiny_recipe(model=MODELS[name]).model.model_dump(mode="json")
    model = model_of(network, section, widths)
    if name in WITHOUT_GRAPH:
        with pytest.raises(NotExportableError):
            model.graph()
        model.save_pretrained(folder)
        assert not (folder / "model.onnx").exists() and load(folder).backend == "torch"
        with pytest.raises(RunError, match=r"has no model\.onnx"):
            load(folder, backend="onnx")
        return
    small = make_samples(widths=widths, lengths=(1, 2, 5, 3, 9, 1))
    absent = [
        replace(s, present=s.present & (np.arange(len(widths)) != 1), inputs={**s.inputs, "audio": 0 * s.inputs["audio"]})
        for s in small
    ]
    none = [replace(s, present=0 * s.present > 0, inputs={m: 0 * x for m, x in s.inputs.items()}) for s in small[:2]]
    for weights in ("random", "trained"):
        if weights == "trained":
            train(network, make_samples(widths=widths, lengths=(4, 3, 5)))
        saved = folder / weights
        model.save_pretrained(saved)
        graph, torches = load(saved), load(saved, backend="torch")
        assert (graph.backend, torches.backend) == ("onnx", "torch")
        long = make_samples(widths=widths, lengths=(2000,))
        for samples in (small, small[:1], absent, none, long):
            assert_alike(graph.infer(samples, embeddings=True), torches.infer(samples, embeddings=True))
