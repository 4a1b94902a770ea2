"""A tiny model of words and sound that the tests of annotation share."""

import pytest


@pytest.fixture(scope="session")
def judge(tiny_recipe, tmp_path_factory):
    """A folder with a tiny model of words and sound: a dialogue encoder of random weights with an adapter, and Praat's numbers."""
    import numpy as np

    from labelled_talks import LABELS, talks
    from merc.data.schema import Corpus, Split
    from merc.encoders.derivation import PRAAT
    from merc.runs.training import train
    from tiny_text_model import build_plain

    folder = tmp_path_factory.mktemp("judge")
    random = np.random.default_rng(0)
    spread = np.array([1, 10, 4, 60, 30, 100, 1, 5])
    mean = np.array([2, 60, 8, 180, 40, 150, 4, 8])
    made = talks(16)
    heard = [c.with_features({PRAAT.key: (mean + spread * random.standard_normal((len(c), 8))).astype(np.float32)}) for c in made]
    parts = {"train": [c.id for c in made[:12]], "validation": [c.id for c in made[12:]]}
    split = Split("official", {part: tuple(ids) for part, ids in parts.items()})
    corpus = Corpus("talks", LABELS, (PRAAT,), tuple(heard), {"official": split})
    tuning = {"encoder": str(folder / "kept"), "base": str(build_plain(folder / "tiny")), "rank": 2, "epochs": 1, "folds": 2}
    recipe = tiny_recipe(
        data={"features": {"text": "tuned", "audio": "praat-relative"}},
        text_tuning={**tuning, "learning_rate": 0.01, "batch_utterances": 8},
    )
    return train(recipe, folder / "run", corpus=corpus).folder / "model"
