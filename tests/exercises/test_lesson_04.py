"""Lesson 04's own mathematics: the solutions against independent computations, and what each judge refuses."""

import numpy as np
import pytest

from vae_lesson.exercises import lesson_04 as lesson
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.symbolic import ELBO, KL, E, H, integral, log, p, q, x, z


@pytest.mark.parametrize("answer", [
    -ELBO(q(z | x), p(x, z)),
    E(q(z | x), log(q(z | x) / p(x, z))),
    -H(q(z | x)) - E(q(z | x), log(p(x, z))),
    integral(q(z | x) * log(q(z | x) / (p(x | z) * p(z))), z),
])
def test_every_computable_form_will_do(answer):
    assert lesson.computable.check(answer).right is True


@pytest.mark.parametrize("answer", [
    KL(q(z | x), p(z | x)) - log(p(x)), E(q(z | x), log(q(z | x) / p(z | x))) - log(p(x)),
])
def test_what_cannot_be_computed_is_refused_though_it_is_true(answer):
    reply = lesson.computable.check(answer)
    assert reply.right is False and "can't be computed" in reply.text


def test_charged_twice_is_the_least_on_a_grid():
    model = LinearGaussian(1.5, 0.0, 0.5)
    mu, var = (a.ravel() for a in np.meshgrid(np.linspace(0.4, 0.7, 301), np.linspace(0.1, 0.3, 401)))
    cost = model.distortion(1.0, mu, var) + 2 * model.rate(mu, var)
    assert var[cost.argmin()] == pytest.approx(lesson.charged_twice.solution, abs=1e-3)


def test_the_estimate_is_of_the_elbo():
    model, q_ = LinearGaussian(1.5, 0.0, 0.5), (0.3, 0.2)
    draws = np.random.default_rng(0).normal(0.3, np.sqrt(0.2), 200_000)
    got = lesson.estimate.solution(model.log_likelihood(1.0, draws), model.log_prior(draws), model.log_q(draws, *q_))
    assert got == pytest.approx(float(model.elbo(1.0, *q_)), abs=0.02)


def test_gap_is_the_evidence_less_the_elbo():
    assert lesson.gap.solution == -147 - -(6 + 142.5)
