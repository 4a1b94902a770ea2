"""Distillation terms against torch.distributions and against hand-worked numbers."""

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from merc.networks.cmath.distillation import latent_term, logit_term
from merc.networks.interface import Level, Posterior

TAUGHT = torch.tensor([[True, False, True], [False, False, True]])


def level(seed, requires_grad=False):
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(2, 3, width, generator=generator) for width in (4, 5, 5)]
    logits, mean, log_variance = (part.requires_grad_(requires_grad) for part in parts)
    return Level(logits, Posterior(mean, log_variance))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_logit_term_is_the_softened_divergence_times_the_temperature_squared(temperature):
    teacher, student = level(0).logits, level(1).logits
    total, count = 0.0, 0
    for b in range(2):
        for t in range(3):
            if TAUGHT[b, t]:
                p = Categorical(logits=teacher[b, t].double() / temperature)
                q = Categorical(logits=student[b, t].double() / temperature)
                total += float(kl_divergence(p, q)) * temperature**2
                count += 1
    assert float(logit_term(teacher, student, temperature, TAUGHT)) == pytest.approx(total / count, rel=1e-5)


def test_logit_term_has_a_direction():
    teacher, student = level(0).logits, level(1).logits
    forth, back = logit_term(teacher, student, 1.0, TAUGHT), logit_term(student, teacher, 1.0, TAUGHT)
    assert float(forth) != pytest.approx(float(back), rel=1e-3)


def test_a_student_who_knows_it_all_has_nothing_to_learn():
    same = level(0).logits
    assert float(logit_term(same, same + 2.0, 2.0, TAUGHT)) == pytest.approx(0, abs=1e-6)


def test_latent_term_by_hand():
    """sigma^2 = e^1, distance 2: 1/2 (1 + 4 / e); sigma^2 = 1, distance 1: 1/2 (0 + 1)."""
    teacher = Level(torch.zeros(1, 1, 2), Posterior(torch.tensor([[[0.0, 1.0]]]), torch.full((1, 1, 2), 9.0)))
    student = Level(torch.zeros(1, 1, 2), Posterior(torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[1.0, 0.0]]])))
    expected = (0.5 * (1 + 4 / math.e) + 0.5) / 2
    for moves_mean in (True, False):
        found = latent_term(teacher, student, torch.ones(1, 1, dtype=torch.bool), moves_mean=moves_mean)
        assert float(found) == pytest.approx(expected)


def test_latent_term_is_a_mean_over_the_taught():
    teacher, student = level(2), level(3)
    found = latent_term(teacher, student, TAUGHT, moves_mean=True)
    total = 0.0
    for b, t in ((0, 0), (0, 2), (1, 2)):
        for z in range(5):
            log_variance = float(student.posterior.log_variance[b, t, z])
            distance = (float(student.posterior.mean[b, t, z]) - float(teacher.posterior.mean[b, t, z])) ** 2
            total += 0.5 * (log_variance + distance * math.exp(-log_variance))
    assert float(found) == pytest.approx(total / 15, rel=1e-5)


@pytest.mark.parametrize("distance", [0.2, 1.0, 2.5])
def test_the_variance_that_the_latent_term_wants_is_the_squared_distance(distance):
    def slope(variance):
        log_variance = torch.full((1, 1, 1), math.log(variance), requires_grad=True)
        teacher = Level(torch.zeros(1, 1, 2), Posterior(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1)))
        student = Level(torch.zeros(1, 1, 2), Posterior(torch.full((1, 1, 1), distance), log_variance))
        latent_term(teacher, student, torch.ones(1, 1, dtype=torch.bool), moves_mean=True).backward()
        return float(log_variance.grad)

    assert slope(distance**2) == pytest.approx(0, abs=1e-6)
    assert slope(distance**2 * 1.5) > 1e-3
    assert slope(distance**2 / 1.5) < -1e-3


def test_teachers_are_not_taught():
    teacher, student = level(4, requires_grad=True), level(5, requires_grad=True)
    total = logit_term(teacher.logits, student.logits, 2.0, TAUGHT) + latent_term(teacher, student, TAUGHT, moves_mean=True)
    total.backward()
    assert teacher.logits.grad is None
    assert teacher.posterior.mean.grad is None
    assert teacher.posterior.log_variance.grad is None
    for learned in (student.logits, student.posterior.mean, student.posterior.log_variance):
        assert (learned.grad[TAUGHT] != 0).all()
        assert torch.equal(learned.grad[~TAUGHT], torch.zeros_like(learned.grad[~TAUGHT]))


def test_a_mean_that_must_not_move_does_not():
    teacher, student = level(4), level(5, requires_grad=True)
    latent_term(teacher, student, TAUGHT, moves_mean=False).backward()
    assert student.posterior.mean.grad is None
    assert (student.posterior.log_variance.grad[TAUGHT] != 0).all()


def test_nobody_to_teach_is_a_zero():
    nobody = torch.zeros(2, 3, dtype=torch.bool)
    assert float(logit_term(level(0).logits, level(1).logits, 2.0, nobody)) == 0
    assert float(latent_term(level(0), level(1), nobody, moves_mean=True)) == 0


def test_the_latent_term_needs_posteriors():
    with pytest.raises(ValueError, match="posteriors"):
        latent_term(Level(torch.zeros(2, 3, 4)), level(0), TAUGHT, moves_mean=True)
