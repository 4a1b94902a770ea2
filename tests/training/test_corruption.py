"""Corruption: how often, how strong, what is never lost; and the perturbation of test data, which must be the same every time."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from merc.data.batching import Batch, collate
from merc.errors import RecipeError
from merc.evaluation.perturbation import Perturbation, perturb, without
from merc.training.corruption import CorruptionConfig, corrupt

NONE = {"drop_conversation": 0.0, "drop_utterance": 0.0, "noise_conversation": 0.0, "noise_utterance": 0.0}
MODALITIES = ("text", "audio", "visual")


def wide_batch(conversations=200, length=20, width=3, present=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (conversations, length)
    there = torch.rand(*shape, 3, generator=generator) < present
    inputs = {m: torch.randn(*shape, width, generator=generator) * there[..., i, None] for i, m in enumerate(MODALITIES)}
    return Batch(
        inputs,
        there,
        torch.ones(shape, dtype=torch.bool),
        torch.zeros(shape, dtype=torch.int64),
        torch.zeros(shape, dtype=torch.int64),
    )


def corrupted(batch, seed=1, **chances):
    return corrupt(batch, CorruptionConfig(**{**NONE, **chances}), torch.Generator().manual_seed(seed))


def test_nothing_is_changed_without_corruption():
    batch = wide_batch(3, present=0.7)
    same = corrupted(batch)
    assert torch.equal(same.present, batch.present)
    assert all(torch.equal(same.inputs[m], batch.inputs[m]) for m in MODALITIES)


@pytest.mark.parametrize("chance", [0.1, 0.3])
def test_utterances_lose_a_modality_as_often_as_asked(chance):
    batch = wide_batch()
    lost = ~corrupted(batch, drop_utterance=chance).present
    expected = chance - chance**3  # where all three would go, none goes
    assert float(lost.float().mean()) == pytest.approx(expected, abs=0.01)
    assert lost.any(dim=1).float().mean() > 0.5  # spread over conversations, not whole ones
    assert not lost.all(dim=1).any()


def test_conversations_lose_a_modality_throughout():
    lost = ~corrupted(wide_batch(2000, 4), drop_conversation=0.3).present
    assert torch.equal(lost.any(dim=1), lost.all(dim=1))
    assert float(lost.float().mean()) == pytest.approx(0.3 - 0.3**3, abs=0.02)


@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_no_utterance_loses_its_last_modality_and_none_gains_one(seed, of_conversation, of_utterance):
    batch = wide_batch(5, 4, present=0.6, seed=seed)
    found = corrupted(batch, seed, drop_conversation=of_conversation, drop_utterance=of_utterance)
    assert not (found.present & ~batch.present).any()
    assert torch.equal(found.present.any(dim=-1), batch.present.any(dim=-1))
    for i, m in enumerate(MODALITIES):
        gone = ~found.present[..., i]
        assert torch.equal(found.inputs[m][gone], torch.zeros_like(found.inputs[m][gone]))
        assert torch.equal(found.inputs[m][~gone], batch.inputs[m][~gone])


def test_noise_hits_as_often_as_asked_and_keeps_the_variance_up_to_strength_1():
    batch = wide_batch(400)
    found = corrupted(batch, noise_utterance=0.25, strength=1.0)
    hit = (found.inputs["text"] != batch.inputs["text"]).any(dim=-1)
    assert float(hit.float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(found.inputs["text"][hit].var()) == pytest.approx(1.0, abs=0.05)


def test_noise_strength_is_even_and_the_features_fade_as_it_grows():
    """With x = 1 everywhere: sqrt(1 - s^2) + s e has mean sqrt(1 - s^2), whose average over s in [0, 1] is pi / 4."""
    batch = wide_batch(400, width=1)
    ones = batch.with_inputs({m: torch.ones_like(x) for m, x in batch.inputs.items()}, batch.present)
    found = corrupted(ones, noise_conversation=1.0, strength=1.0)
    assert float(found.inputs["audio"].mean()) == pytest.approx(np.pi / 4, abs=0.03)
    strong = corrupted(ones, noise_conversation=1.0, strength=10.0).inputs["audio"]
    assert float(strong.std()) == pytest.approx(10 / np.sqrt(3), rel=0.1)


def test_noise_of_conversations_leaves_the_others_clean():
    batch = wide_batch(300, 4)
    hit = (corrupted(batch, noise_conversation=0.4).inputs["visual"] != batch.inputs["visual"]).any(dim=-1)
    assert torch.equal(hit.any(dim=1), hit.all(dim=1))
    assert float(hit.float().mean()) == pytest.approx(0.4, abs=0.09)


def test_the_generator_decides_all():
    batch, chances = wide_batch(4), {"drop_utterance": 0.3, "noise_utterance": 0.5}
    torch.manual_seed(0)
    first = corrupted(batch, 3, **chances)
    torch.manual_seed(99)
    second, third = corrupted(batch, 3, **chances), corrupted(batch, 4, **chances)
    assert torch.equal(first.present, second.present)
    assert all(torch.equal(first.inputs[m], second.inputs[m]) for m in MODALITIES)
    assert not torch.equal(first.inputs["text"], third.inputs["text"])


def test_labels_speakers_and_padding_stay(make_samples):
    batch = collate(make_samples(lengths=(5, 2)))
    found = corrupted(batch, drop_utterance=0.5, noise_utterance=0.5)
    assert torch.equal(found.labels, batch.labels)
    assert torch.equal(found.speakers, batch.speakers)
    assert not found.present[~batch.valid].any()
    assert all(torch.equal(x[~batch.valid], torch.zeros_like(x[~batch.valid])) for x in found.inputs.values())


@pytest.mark.parametrize(
    ("text", "kind", "amount"),
    [("audio=noise:1.0", "noise", 1.0), ("text=drop:0.25", "drop", 0.25), ("visual=noise:1e-1", "noise", 0.1)],
)
def test_perturbations_are_read(text, kind, amount):
    assert Perturbation.parse(text, MODALITIES) == Perturbation(modality=text.split("=")[0], kind=kind, amount=amount)


@pytest.mark.parametrize(
    "text",
    [
        "audio",
        "audio=noise",
        "audio=noise:",
        "audio=noise:11",
        "audio=drop:1.5",
        "audio=drop:-1",
        "audio=blur:1",
        "=noise:1",
        "a=noise:1.2.3",
    ],
)
def test_a_wrong_perturbation_says_how_to_write_one(text):
    with pytest.raises(RecipeError, match=r"noise:STRENGTH \(0 to 10\) or MODALITY=drop:SHARE"):
        Perturbation.parse(text, MODALITIES)


@pytest.mark.parametrize(
    ("kind", "amount", "allowed"),
    [("drop", 1.01, "0 to 1"), ("drop", -0.1, "0 to 1"), ("noise", 10.5, "0 to 10"), ("noise", -1, "0 to 10")],
)
def test_bounds_hold_for_perturbations_that_were_not_read_from_text(kind, amount, allowed):
    with pytest.raises(ValueError, match=f"of {kind}; allowed: {allowed}$|of {kind}; allowed: {allowed} "):
        Perturbation(modality="audio", kind=kind, amount=amount)
    Perturbation(modality="audio", kind=kind, amount=1.0)


def test_an_unknown_modality_is_answered_with_those_there_are():
    with pytest.raises(RecipeError, match="unknown modality 'smell'; the model has: text, audio, visual"):
        Perturbation.parse("smell=noise:1", MODALITIES)


def test_perturbation_depends_on_seed_and_conversation_alone(make_samples):
    samples = make_samples(lengths=(6, 6), absent=0)
    perturbations = [
        Perturbation(modality="audio", kind="noise", amount=0.5),
        Perturbation(modality="text", kind="drop", amount=0.5),
    ]
    first, again = perturb(samples[0], perturbations, seed=3), perturb(samples[0], perturbations[::-1], seed=3)
    assert np.array_equal(first.present, again.present)
    assert all(np.array_equal(first.inputs[m], again.inputs[m]) for m in MODALITIES)
    assert not np.array_equal(first.inputs["audio"], perturb(samples[0], perturbations, seed=4).inputs["audio"])
    other = perturb(samples[1], perturbations, seed=3)
    own_noise = [f.inputs["audio"] - np.sqrt(0.75) * s.inputs["audio"] for f, s in ((first, samples[0]), (other, samples[1]))]
    assert not np.allclose(*own_noise)


def test_perturbation_noise_by_its_formula(make_samples):
    (sample,) = make_samples(lengths=(400,), absent=0.2)
    there = sample.present[:, 1]
    half = perturb(sample, [Perturbation(modality="audio", kind="noise", amount=0.6)], seed=0).inputs["audio"]
    noise = (half - 0.8 * sample.inputs["audio"])[there] / 0.6
    assert abs(noise.mean()) < 0.1
    assert abs(noise.std() - 1) < 0.05
    assert abs(np.corrcoef(noise[:, 0], sample.inputs["audio"][there, 0])[0, 1]) < 0.2
    assert not half[~there].any()
    whole = perturb(sample, [Perturbation(modality="audio", kind="noise", amount=1.0)], seed=0).inputs["audio"]
    np.testing.assert_allclose(whole[there], noise, atol=1e-5)  # nothing of the features is left
    assert np.array_equal(
        perturb(sample, [Perturbation(modality="audio", kind="noise", amount=0.0)], 0).inputs["audio"], sample.inputs["audio"]
    )


def test_perturbation_drops_a_share_and_leaves_the_sample_as_it_was(make_samples):
    (sample,) = make_samples(lengths=(400,), absent=0)
    before = sample.present.copy()
    found = perturb(sample, [Perturbation(modality="visual", kind="drop", amount=0.3)], seed=0)
    assert (~found.present[:, 2]).mean() == pytest.approx(0.3, abs=0.07)
    assert not found.inputs["visual"][~found.present[:, 2]].any()
    assert np.array_equal(found.present[:, :2], before[:, :2])
    assert np.array_equal(sample.present, before)


def test_without_takes_modalities_away_altogether(make_samples):
    (sample,) = make_samples(lengths=(5,), absent=0)
    found = without(sample, ["audio", "text"])
    assert found.present.tolist() == [[False, False, True]] * 5
    assert not found.inputs["audio"].any()
    assert np.array_equal(found.inputs["visual"], sample.inputs["visual"])
    assert without(sample, []).present.all()
