"""Lesson 07's own mathematics: the solutions against independent computations."""

import numpy as np
import pytest
import sympy
import torch
from torch.distributions import Normal

from vae_lesson.exercises import lesson_07 as lesson
from vae_lesson.symbolic import E, check, log, normal, p, x, z

MU, SIGMA = sympy.Symbol("mu", real=True), sympy.Symbol("sigma", positive=True)
EPS = sympy.Symbol("epsilon", real=True)


def test_by_hand_is_autograd_of_log_q_times_the_cost():
    mu = torch.tensor(1.0, requires_grad=True)
    drawn = torch.tensor(1.0 + 2 * 1.5)
    (drawn**2 * Normal(mu, 2.0).log_prob(drawn)).backward()
    assert mu.grad.item() == pytest.approx(lesson.by_hand.solution)


def test_score_is_autograd_of_log_q_by_log_var():
    for mean, log_var, eps in np.random.default_rng(0).normal(size=(5, 3)):
        ell = torch.tensor(log_var, requires_grad=True)
        drawn = mean + np.exp(log_var / 2) * eps
        Normal(torch.tensor(mean), torch.exp(ell / 2)).log_prob(torch.tensor(drawn)).backward()
        assert ell.grad.item() == pytest.approx(float(lesson.score.solution.subs(EPS, eps)), rel=1e-9)


def test_path_is_autograd_through_rsample():
    mu, log_var, eps = (torch.tensor(part) for part in np.random.default_rng(1).normal(size=(3, 7)))
    log_var.requires_grad_()
    torch.sin(mu + torch.exp(log_var / 2) * eps).sum().backward()
    by_hand = lesson.path.solution(mu.numpy(), log_var.detach().numpy(), eps.numpy())
    np.testing.assert_allclose(log_var.grad.numpy(), by_hand, rtol=1e-12)


def test_variance_is_the_integral():
    gradient = (MU + SIGMA * EPS) * EPS / SIGMA
    density = sympy.exp(-(EPS**2) / 2) / sympy.sqrt(2 * sympy.pi)
    first, second = (sympy.integrate(density * sympy.expand(gradient**n), (EPS, -sympy.oo, sympy.oo)) for n in (1, 2))
    assert sympy.simplify(second - first**2 - lesson.variance.solution) == 0


def test_line_has_the_score_that_gives_known_derivatives():
    """The averages of z and z^2 are mu and mu^2 + sigma^2, whose derivatives by sigma are 0 and 2 sigma."""
    n, score = normal(z, MU, SIGMA**2), (z - MU) ** 2 / SIGMA**3 - 1 / SIGMA
    assert check(E(n, z * score), "=", 0) and check(E(n, z**2 * score), "=", 2 * SIGMA)
    assert lesson.line.check(E(n, score * log(p(x | z)))).right is True
