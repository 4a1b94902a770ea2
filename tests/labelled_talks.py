"""Invented conversations whose labels follow from their words, which the tiny text model knows."""

import numpy as np

from merc.data.schema import Conversation, LabelSet, Utterance

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
