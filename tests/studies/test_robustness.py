"""Loss and noise: the same for every model, GCNet's protocol by hand, areas by the trapezoid rule."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.studies.recipe import RobustnessConfig
from merc.studies.robustness import (
    CLEAN,
    Condition,
    area_weights,
    conditions_of,
    curves_of,
    lost_at_random,
    presence,
    under,
)

SMALL = RobustnessConfig(drop=(0.5, 0.9), noise=(1.0,))


def everywhere(sample):
    return {m: sample.present[:, i] for i, m in enumerate(sample.inputs)}


def test_conditions_come_clean_first_and_once():
    found = conditions_of(SMALL, ("text", "audio"))
    assert found[0] == CLEAN and len(set(found)) == len(found)
    assert [(c.curve, c.amount) for c in found[1:]] == [
        ("drop text", 0.5),
        ("drop text", 0.9),
        ("drop text", 1.0),
        ("drop audio", 0.5),
        ("drop audio", 0.9),
        ("drop audio", 1.0),
        ("drop any", 0.5),
        ("drop any", 0.9),
        ("noise text", 1.0),
        ("noise audio", 1.0),
    ]
    assert [c.curve for c in conditions_of(SMALL, ("text",))[1:]] == ["noise text"], "the only modality can't be lost"


def test_a_modality_that_a_model_does_not_take_changes_nothing_for_it(make_samples):
    (sample,) = make_samples(lengths=(6,), widths={"text": 3})
    for condition in (
        Condition(kind="drop", modality="audio", amount=1.0),
        Condition(kind="noise", modality="audio", amount=2.0),
        CLEAN,
    ):
        assert under(sample, condition, everywhere(sample)) is sample


def test_a_share_of_one_takes_the_modality_away(make_samples):
    (sample,) = make_samples(lengths=(6,), absent=0)
    gone = under(sample, Condition(kind="drop", modality="audio", amount=1.0), everywhere(sample))
    assert not gone.present[:, 1].any() and gone.present[:, [0, 2]].all()
    assert not gone.inputs["audio"].any() and np.array_equal(gone.inputs["text"], sample.inputs["text"])


def test_losses_do_not_hang_on_what_a_model_takes(make_samples):
    """A model of text alone loses the text of the very utterances that a model of all modalities loses."""
    (sample,) = make_samples(lengths=(40,), absent=0.2)
    condition = Condition(kind="drop", modality="any", amount=0.6)
    (narrow,) = make_samples(lengths=(40,), absent=0.2, widths={"text": 6})
    narrow = type(narrow)(
        sample.conversation_id, {"text": sample.inputs["text"]}, sample.present[:, :1], sample.speakers, sample.labels
    )
    both = under(sample, condition, everywhere(sample))
    alone = under(narrow, condition, everywhere(sample))
    assert np.array_equal(both.present[:, 0], alone.present[:, 0])
    assert np.array_equal(both.inputs["text"], alone.inputs["text"])
    assert not both.inputs["text"][~both.present[:, 0]].any()


@given(rate=st.floats(0, 1), seed=st.integers(0, 50), count=st.integers(1, 4))
def test_random_loss_leaves_one_of_what_there_was(rate, seed, count):
    random = np.random.default_rng(seed)
    present = {f"m{i}": random.random(30) < 0.7 for i in range(count)}
    lost = lost_at_random(f"c{seed}", rate, present)
    there = np.stack(list(present.values()))
    gone = np.stack([lost[m] for m in present])
    assert not (gone & ~there).any(), "what is not there can't be lost"
    assert np.array_equal((there & ~gone).any(axis=0), there.any(axis=0)), "one is kept"


def test_random_loss_meets_its_rate_and_keeps_evenly():
    present = dict.fromkeys(("text", "audio", "visual"), np.ones(20000, dtype=bool))
    lost = lost_at_random("long", 0.9, present)
    kept = 1 - np.stack(list(lost.values())).mean(axis=1)
    expected = 0.1 + 0.9**3 / 3  # kept by itself, or saved where all three are lost
    np.testing.assert_allclose(kept, expected, atol=0.01)
    assert all(not x.any() for x in lost_at_random("long", 0.0, present).values())


def test_presence_is_read_from_the_features(tiny_corpus):
    from merc.data.preprocessing import Preprocessor, pick_features

    preprocessor = Preprocessor.fit(tiny_corpus, tiny_corpus.part("official", "train"))
    specs = pick_features(tiny_corpus)
    for conversation in tiny_corpus.conversations:
        found, sample = presence(conversation, specs), preprocessor.sample(conversation)
        assert np.array_equal(np.stack([found[m] for m in sample.inputs], axis=1), sample.present)


def test_areas_are_the_mean_height_of_the_curves():
    conditions = conditions_of(SMALL, ("text", "audio"))
    heights = np.array([0.8 - 0.1 * i for i in range(len(conditions))])
    weights = area_weights(conditions)
    at = {(c.curve, c.amount): h for c, h in zip(conditions, heights, strict=True)}

    def area(curve, amounts):
        points = [(0.0, heights[0]), *((a, at[curve, a]) for a in amounts)]
        return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in itertools.pairwise(points)) / amounts[-1]

    lost = (area("drop text", (0.5, 0.9, 1.0)) + area("drop audio", (0.5, 0.9, 1.0))) / 2
    any_lost = area("drop any", (0.5, 0.9))
    noise = (area("noise text", (1.0,)) + area("noise audio", (1.0,))) / 2
    found = {name: float(weight @ heights) for name, weight in weights.items()}
    assert found == pytest.approx({"lost": lost, "lost at random": any_lost, "noise": noise, "all": (lost + any_lost + noise) / 3})
    assert all(weight.sum() == pytest.approx(1) for weight in weights.values())
    assert area_weights([CLEAN]) == {}
    assert list(curves_of(conditions)) == ["drop text", "drop audio", "drop any", "noise text", "noise audio"]
