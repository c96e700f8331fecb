"""Lesson 05's own mathematics: the solutions against independent computations, and what each judge refuses."""

import numpy as np
import pytest
import sympy

from vae_lesson.exercises import lesson_05 as lesson
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.mixture import Mixture
from vae_lesson.symbolic import normal, x

SYMBOLS = dict(
    zip(("mu_1", "mu_2"), sympy.symbols("mu_1 mu_2", real=True), strict=True),
    sigma=sympy.Symbol("sigma", positive=True),
    delta=sympy.Symbol("delta", positive=True),
)


def test_by_hand_and_rate_agree_with_the_matrix_formula():
    mu, log_var = np.random.default_rng(3).normal(size=(2, 6, 4))
    full = LinearGaussian(np.eye(4), 0.0, 1.0).rate(mu, cov=np.exp(log_var)[:, :, None] * np.eye(4))
    np.testing.assert_allclose(lesson.rate.solution(mu, log_var), full, rtol=1e-12)
    assert lesson.by_hand.solution == pytest.approx(float(LinearGaussian(1.0, 0.0, 1.0).rate(2.0, 0.25)), abs=1e-12)


def test_same_width_is_the_integral():
    exact = Mixture((1.0,), (0.7,), (1.3,)).reverse_kl(-0.4, 2 * np.log(1.3))
    values = {SYMBOLS["mu_1"]: -0.4, SYMBOLS["mu_2"]: 0.7, SYMBOLS["sigma"]: 1.3}
    assert float(lesson.same_width.solution.subs(values)) == pytest.approx(exact, abs=1e-9)


def test_forward_variance_has_the_least_forward_kl_on_a_grid():
    target = Mixture((0.5, 0.5), (-2.0, 2.0), (1.0, 1.0))
    variances = np.linspace(3, 7, 401)
    best = variances[np.argmin([target.forward_kl(0.0, np.log(v)) for v in variances])]
    assert best == pytest.approx(lesson.forward_variance.solution, abs=0.011)


def test_reconstruction_is_the_log_likelihood_without_its_constant():
    delta = SYMBOLS["delta"]
    exact = sympy.log(normal(x, 0, 1).pdf.doit().subs(x, delta)) + sympy.log(2 * sympy.pi) / 2
    assert sympy.simplify(sympy.expand_log(exact, force=True) - lesson.reconstruction.solution) == 0
