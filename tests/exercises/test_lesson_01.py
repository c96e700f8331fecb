"""Lesson 01's own mathematics: the solutions against independent computations, and what each judge refuses."""

import numpy as np
import pytest

from vae_lesson.estimators import log_mean_exp, summarize
from vae_lesson.exercises import lesson_01 as lesson
from vae_lesson.linear_gaussian import LinearGaussian
from vae_lesson.symbolic import E, integral, p, x, z


def test_the_integral_over_x_is_what_a_grid_gives():
    model = LinearGaussian(1.5, 0.0, 0.5)
    pixels, latent = np.linspace(-20, 20, 8001), 0.7
    joint = np.exp(model.log_likelihood(pixels, latent) + model.log_prior(latent))
    assert joint.sum() * (pixels[1] - pixels[0]) == pytest.approx(np.exp(model.log_prior(latent)), rel=1e-9)


@pytest.mark.parametrize("answer", [integral(p(x | z) * p(z), x), integral(p(x, z), x), E(p(x), p(z | x))])
def test_the_integral_itself_is_not_yet_an_answer(answer):
    reply = lesson.wrong_d.check(answer)
    assert reply.right is False and "nothing need be left to integrate" in reply.text


def test_two_draws_agrees_with_the_package():
    assert lesson.two_draws.solution == pytest.approx(float(log_mean_exp([-2000, -2000 - np.log(3)])), abs=1e-9)
    assert lesson.two_draws.check(-2000.41).right is True  # two decimals will do


def test_underflow_is_recognised():
    with np.errstate(divide="ignore"):
        underflown = np.log(np.mean(np.exp([-2000, -2000 - np.log(3)])))
    assert "0 in floating point" in lesson.two_draws.check(underflown).text
    assert lesson.two_draws.check(np.inf).right is False


def test_the_relative_variance_of_a_product_is_that_of_the_model_with_many_pixels():
    one, ten = LinearGaussian(1.5, 0.0, 0.5), LinearGaussian(1.5 * np.eye(10), 0.0, 0.5)

    def relative_variance(model, seen):
        sharper = LinearGaussian(model.W, model.b, model.sigma / np.sqrt(2))
        factor = -model.data_dim * np.log(2 * model.sigma * np.sqrt(np.pi))
        return np.exp(sharper.log_evidence(seen) + factor - 2 * model.log_evidence(seen))[0] - 1

    single = relative_variance(LinearGaussian([[1.5]], 0.0, 0.5), np.ones((1, 1)))
    grid, step = np.linspace(-9, 9, 3601, retstep=True)
    mass, w = np.exp(one.log_prior(grid)) * step, np.exp(one.log_likelihood(1.0, grid))
    assert single == pytest.approx((mass * w**2).sum() / (mass * w).sum() ** 2 - 1, rel=1e-9)
    expected = float(lesson.product.solution.subs({lesson.rel: single, lesson.parts: 10}))
    assert relative_variance(ten, np.ones((1, 10))) == pytest.approx(expected, rel=1e-9)


def test_what_is_said_of_two_as_relative_variance():
    for_two = lesson.product.solution.subs({lesson.rel: 2})
    assert [int(for_two.subs({lesson.parts: n})) for n in (10, 20)] == [59_048, 3_486_784_400]


def test_the_effective_sample_size_is_the_package_s():
    log_w = np.random.default_rng(0).normal(size=50)
    assert lesson.effective_sample_size(log_w) == pytest.approx(float(summarize(log_w).effective_sample_size))


def test_overflow_alone_is_recognised_too():
    def naive(log_w):
        with np.errstate(all="ignore"):
            w = np.exp(log_w)
            return w.sum() ** 2 / (w**2).sum()

    assert "0 and exp(1000) infinite" in lesson.effective_size.check(naive).text
    assert lesson.effective_size.check(lambda log_w: np.nan).right is False


def test_ten_pixels_is_e_to_the_divergence_in_the_model():
    model = LinearGaussian(1.5 * np.eye(10), 0.0, 0.5)
    assert lesson.ten_pixels.solution == pytest.approx(np.exp(model.kl_posterior_prior(np.ones((1, 10)))[0]), rel=1e-9)
    for answer in (6700, 6721, np.exp(8.813)):
        assert lesson.ten_pixels.check(answer).right is True
    assert lesson.ten_pixels.check(6000).right is False
