"""Lesson 02's own mathematics: the solutions against independent computations, and what each judge refuses."""

import numpy as np
import pytest

from vae_lesson.estimators import k_sample_bound
from vae_lesson.exercises import lesson_02 as lesson
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.symbolic import E, log, normal, p, x, z


def test_spread_is_the_variance_of_the_weights_in_the_linear_gaussian_model():
    model, seen, off = LinearGaussian(1.5, 0.0, 0.5), 1.0, 0.9
    mean, variance = model.posterior(seen)
    grid = np.linspace(mean - 15 * variance**0.5, mean + 15 * variance**0.5, 20_001)
    log_q = model.log_q(grid, mean + off * variance**0.5, variance)
    weight = np.exp(model.log_likelihood(seen, grid) + model.log_prior(grid) - log_q - model.log_evidence(seen))
    share = np.exp(log_q) * (grid[1] - grid[0])
    exact = float(lesson.spread.solution.subs(lesson.delta, off))
    assert (share * (weight - 1) ** 2).sum() == pytest.approx(exact, rel=1e-9)


def test_the_bound_from_rows_is_what_k_sample_bound_estimates():
    log_w = np.random.default_rng(0).normal(size=(50, 4))
    draws = iter(log_w)
    got = k_sample_bound(lambda z: z, lambda n: next(draws), np.zeros_like, k=4, repetitions=50, chunk=4)
    assert lesson.bound_from(log_w) == pytest.approx(float(got.bound), abs=1e-12)


def test_the_spread_of_a_narrow_normal_is_no_line():
    assert lesson.prior_as_q.check(E(normal(z, 0, 1), log(p(x | z)))).right is False


def test_adding_where_the_mean_was_wanted_is_told_apart_from_the_solution():
    reply = lesson.jensen.check(np.log(1 + 9) - (np.log(1) + np.log(9)))
    assert reply.right is False and "divide by 2" in reply.text
    assert lesson.jensen.check(0.511).right is True  # three decimals will do


def test_one_maximum_for_all_rows_fails_only_where_rows_lie_far_apart():
    def one_maximum(log_w):
        return (np.log(np.exp(log_w - log_w.max()).mean(1)) + log_w.max()).mean()

    near, apart = np.array([[-1000.0, -1001.0], [-1002.0, -1000.5]]), np.array([[0.5, -1.0], [-1000.0, -1001.0]])
    assert one_maximum(near) == pytest.approx(lesson.bound_from(near))
    with np.errstate(divide="ignore"):
        assert one_maximum(apart) == -np.inf and np.isfinite(lesson.bound_from(apart))
        assert "one maximum" in lesson.k_bound.check(one_maximum).text
