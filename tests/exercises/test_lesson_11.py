"""Lesson 11's own mathematics: each cure against a reference that doesn't share its formula, and the diagnoses."""

import inspect

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from vae_lesson import clinic
from vae_lesson.clinic import program
from vae_lesson.exercises import lesson_11 as lesson
from vae_lesson.linear_gaussian import LinearGaussian

CURES = {
    "kl": lesson.cure_1,
    "loss": lesson.cure_2,
    "step": lesson.cure_4,
    "split": lesson.cure_7,
    "bound": lesson.cure_8,
}


def test_every_guilty_suspect_stands_in_one_ward_and_two_are_innocent():
    diagnoses = [getattr(lesson, f"diagnosis_{ward}").solution for ward in range(1, 9)]
    assert sorted([*diagnoses, "F", "J"]) == list(lesson.SUSPECTS)


def test_a_diagnosis_may_be_written_small_but_must_be_a_letter_of_the_list():
    assert lesson.diagnosis_1.check(" d ").right is True
    assert "from A to J" in lesson.diagnosis_1.check("K").text
    assert "from A to J" in lesson.diagnosis_1.check(4).text


def test_each_wrong_suspect_is_answered_in_each_ward():
    for ward in range(1, 9):
        diagnosis = getattr(lesson, f"diagnosis_{ward}")
        for letter in set(lesson.SUSPECTS) - {diagnosis.solution}:
            reply = diagnosis.check(letter)
            assert reply.right is False and len(reply.text) > 20


@pytest.mark.parametrize("part", CURES)
def test_the_healthy_part_is_a_cure_and_the_broken_one_is_not(part):
    assert CURES[part].check(getattr(program, part)).right is True
    (ward,) = [ward for ward in clinic.WARDS if hasattr(ward, part)]
    assert CURES[part].check(getattr(ward, part)).right is False


def test_a_draw_may_use_the_noise_either_way():
    assert lesson.cure_5.check(lambda mu, log_var, eps: mu - (log_var / 2).exp() * eps).right is True
    assert lesson.cure_5.check(lambda mu, log_var, eps: mu - log_var.exp() * eps).right is False
    assert lesson.cure_5.check(lambda mu, log_var, eps: mu + (log_var / 2).exp() * eps.abs()).right is False


def test_noise_of_the_right_mean_and_spread_is_not_yet_gaussian():
    uniform = lesson.cure_3.check(lambda q: q.mean + q.stddev * 12**0.5 * (torch.rand_like(q.mean) - 0.5))
    assert uniform.right is False


def test_the_number_of_pixels_may_be_written_out():
    assert lesson.cure_2.check(lambda bce, kl: 784 * bce.mean() + kl.sum(-1).mean()).right is True


def test_clearing_after_the_step_is_as_good_as_before():
    after = lesson.cure_4.check(lambda optimizer, loss: (loss.backward(), optimizer.step(), optimizer.zero_grad()))
    assert after.right is True


def test_steps_follow_gradient_descent_on_a_bowl():
    path = lesson._three_steps(lesson.cure_4.solution)
    shrink = 1 - 0.1 * np.array([1.0, 3.0])
    np.testing.assert_allclose(path, [shrink**k * [1, -2] for k in (1, 2, 3)], rtol=1e-12)


def test_the_kl_is_an_integral():
    z = torch.linspace(-40, 40, 400_001, dtype=torch.float64)
    mu, log_var = torch.tensor([0.7, -1.2], dtype=torch.float64)
    q, prior = Normal(mu, (log_var / 2).exp()), Normal(torch.zeros_like(mu), 1.0)
    integrand = q.log_prob(z).exp() * (q.log_prob(z) - prior.log_prob(z))
    integral = torch.trapezoid(integrand, z)
    torch.testing.assert_close(lesson.cure_1.solution(mu, log_var), integral, rtol=1e-9, atol=0)


def test_the_loss_is_minus_the_mean_elbo():
    minus_elbo = (
        kl_divergence(lesson._q, lesson._prior) - Independent(Bernoulli(logits=lesson._logits), 1).log_prob(lesson._x)
    ).mean()
    torch.testing.assert_close(lesson.cure_2.solution(lesson._bce, lesson._kl), minus_elbo, rtol=1e-12, atol=0)


def test_the_grey_density_has_area_one():
    middles = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    for logit in (-6.0, -0.5, 3.0):
        density = lesson.cure_6.solution(torch.full((20_000, 1), logit, dtype=torch.float64), middles[:, None]).exp()
        assert density.mean().item() == pytest.approx(1, abs=1e-7)


def test_the_bound_is_the_evidence_with_the_exact_posterior_whatever_k_is():
    model, seen = LinearGaussian(W=0.8, b=0.2, sigma=0.3), np.array([0.5, -2.0])
    mean, var = model.posterior(seen)
    for k in (1, 4, 30):
        z = mean + np.sqrt(var) * np.random.default_rng(k).standard_normal((k, 2))
        log_joint = model.log_likelihood(seen, z) + model.log_prior(z)
        bound = lesson.cure_8.solution(log_joint, model.log_q(z, mean, var))
        np.testing.assert_allclose(bound, model.log_evidence(seen), rtol=1e-10)


def test_cures_for_the_draw_in_the_ward_itself():
    """The reader's line, put where the broken one stood, makes the program the healthy one, number for number."""
    images = torch.rand(200, 28, 28, generator=torch.Generator().manual_seed(0))

    class Cured:
        @staticmethod
        def draw(mu, log_var):
            return lesson.cure_3.solution(Normal(mu, (0.5 * log_var).exp()))

    cured, healthy = (clinic.run(ward, images, images, epochs=1) for ward in (Cured, None))
    assert cured.measured[-1].elbo == pytest.approx(healthy.measured[-1].elbo, abs=1e-3)


def test_listings_are_the_source_one_below_the_other():
    shown = clinic.listing(clinic.ward_6.pixels, clinic.ward_6.log_likelihood)
    source = inspect.getsource(clinic.ward_6)
    assert all(part in source for part in repr(shown).split("\n\n")) and repr(shown).count("def ") == 2
    assert shown._repr_markdown_().startswith("```python\ndef pixels")
