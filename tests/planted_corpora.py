"""Corpora to plant in, and what was planted in them."""

from __future__ import annotations

import numpy as np

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
from merc.synthetic.planting import planted_truth

NAMES = ("neutral", "joy", "anger")
SHARES = (0.5, 0.3, 0.2)


def real_corpus(
    conversations: int = 60, length: int = 20, seed: int = 3, unlabelled: float = 0.0, text_quality: float = 0.0
) -> Corpus:
    """Independent labels, text that shows the label as strongly as asked, real-looking audio under two names."""
    generator = np.random.default_rng(seed)
    means = text_quality * np.eye(len(NAMES), 6)
    made: list[Conversation] = []
    for i in range(conversations):
        labels = generator.choice(len(NAMES), size=length, p=SHARES)
        hidden = generator.random(length) < unlabelled
        utterances = tuple(
            Utterance(id=f"u{t}", speaker="AB"[t % 2], words=f"{i} {t}", label=None if hidden[t] else NAMES[labels[t]])
            for t in range(length)
        )
        text = (means[labels] + generator.standard_normal((length, 6))).astype(np.float32)
        audio = generator.standard_normal((length, 4)).astype(np.float32)
        made.append(Conversation(f"c{i}", utterances, {"audio/praat": audio, "text/bert": text, "audio/wave": audio}))
    ids = [c.id for c in made]
    half, most = conversations // 2, conversations * 3 // 4
    split = Split("official", {"train": tuple(ids[:half]), "validation": tuple(ids[half:most]), "test": tuple(ids[most:])})
    schema = (
        FeatureSpec(modality="audio", name="praat", dimension=4),
        FeatureSpec(modality="text", name="bert", dimension=6),
        FeatureSpec(modality="audio", name="wave", dimension=4),
    )
    return Corpus("real", LabelSet(names=NAMES), schema, tuple(made), {"official": split}, {"licence": "MIT"})


def rows(corpus: Corpus, key: str) -> np.ndarray:
    return np.concatenate([c.features[key] for c in corpus.conversations])


def states(corpus: Corpus, modality: str) -> np.ndarray:
    truth = planted_truth(corpus)[modality]
    return np.concatenate([truth[c.id] for c in corpus.conversations])


def labels(corpus: Corpus) -> np.ndarray:
    return np.array([corpus.label_set.index(u.label) for c in corpus.conversations for u in c.utterances if u.label])
