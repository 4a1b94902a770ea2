"""Invented conversations whose labels follow from their words, which the tiny text model knows."""

import numpy as np

from merc.data.schema import Conversation, Corpus, LabelSet, Split, Utterance
from merc.encoders.derivation import PRAAT

LABELS = LabelSet(names=("glad", "cross"))
SAID = {"glad": ("so happy", "i am happy today !"), "cross": ("why did you leave me ?", "leave !")}


def talks(count, seed=0, labelled=True):
    """Each turn's label follows from its words."""
    random = np.random.default_rng(seed)
    made = []
    for n in range(count):
        labels = [str(random.choice(LABELS.names)) for _ in range(random.integers(1, 6))]
        turns = [
            Utterance(str(i), "ab"[random.integers(2)], words=str(random.choice(SAID[label])), label=label if labelled else None)
            for i, label in enumerate(labels)
        ]
        made.append(Conversation(f"c{n}", tuple(turns)))
    return made


def talks_with_audio():
    """A corpus of such conversations, each with random Praat features, in one split of 12, 5 and 5 conversations."""
    random = np.random.default_rng(0)
    parts = {"train": talks(12, seed=0), "validation": talks(5, seed=1), "test": talks(5, seed=2)}
    named = {part: [Conversation(f"{part}-{c.id}", c.utterances) for c in made] for part, made in parts.items()}
    heard = tuple(
        c.with_features({PRAAT.key: random.standard_normal((len(c), 8)).astype(np.float32)})
        for made in named.values()
        for c in made
    )
    split = Split("official", {part: tuple(c.id for c in made) for part, made in named.items()})
    return Corpus("talks", LABELS, (PRAAT,), heard, {"official": split})
