"""Which utterances CMATH labels wrongly, told by their ids; their words only if they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from merc.data.schema import LabelSet, iterate_utterances
from merc.data.store.store import open_store
from merc.errors import RunError
from merc.files.shapes import Float
from merc.studies.arms import CMATH_NAME
from merc.studies.plan import read_plan
from merc.studies.results import Mistake
from merc.studies.strata import JudgedUtterances

LISTED = 200  # at most


def mistakes_of(
    probabilities_SNC: Float[np.ndarray, "S N C"],
    utterances: JudgedUtterances,
    label_set: LabelSet,
    words: Mapping[tuple[str, str], str] | None = None,
) -> tuple[Mistake, ...]:
    """The mistakes that most seeds make, among equals those of the largest probability.

    Args:
        probabilities_SNC: of CMATH's seeds.
        utterances: the N that were judged.
        label_set: the C classes.
        words: (conversation, utterance) -> transcript, to be shown; None shows none.
    """
    predicted_SN = probabilities_SNC.argmax(axis=2)
    wrong_SN = (predicted_SN != utterances.true) & (utterances.true >= 0)
    found: list[Mistake] = []
    for n in np.flatnonzero(wrong_SN.any(axis=0)):
        label = Counter(predicted_SN[wrong_SN[:, n], n].tolist()).most_common(1)[0][0]
        place = (utterances.conversations[n], utterances.utterances[n])
        found.append(
            Mistake(
                conversation=place[0],
                utterance=place[1],
                true=label_set.names[int(utterances.true[n])],
                predicted=label_set.names[label],
                wrong_seeds=float(wrong_SN[:, n].mean()),
                probability=float(probabilities_SNC[:, n, label].mean()),
                transcript=None if words is None else words.get(place),
            )
        )
    return tuple(sorted(found, key=lambda m: (-m.wrong_seeds, -m.probability))[:LISTED])


def transcripts_store(folder: str | Path) -> Path:
    """The store that the recipe of a study names.

    Raises:
        RunError: no study here, or its plan names no store.
    """
    plan = read_plan(folder)
    named = next(arm for arm in plan.arms if arm.name == CMATH_NAME).recipe.data.store
    if named is None:
        raise RunError(f"{folder}: its recipe names no store, so there are no transcripts to show; give one with --store")
    return Path(named)


def words_of(store: str | Path) -> dict[tuple[str, str], str]:
    """The transcripts of a store, by conversation and utterance.

    Raises:
        StoreError: the store is gone or damaged.
    """
    corpus = open_store(store)
    return {(c.id, u.id): u.words for c, _, u in iterate_utterances(corpus.conversations) if u.words is not None}
