"""Forward and reverse KL to a mixture against scipy's adaptive quadrature, moment matching and a direct search."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from vae_lesson.mixture import Mixture

TARGET = Mixture(weights=(0.7, 0.3), means=(-1.5, 1.5), sigmas=(0.5, 0.6))
Q = [(0.0, 0.0), (-1.4, -1.5), (2.5, 0.8), (-3.0, 2.1), (1.0, -3.2)]


def density(z):
    return np.exp(log_density(z))


def log_density(z):
    parts = np.log(0.7) + stats.norm.logpdf(z, -1.5, 0.5), np.log(0.3) + stats.norm.logpdf(z, 1.5, 0.6)
    return np.logaddexp(*parts)


@pytest.mark.parametrize("z", [-3.0, -1.5, 0.1, 2.0])
def test_density_and_score(z):
    assert np.isclose(np.exp(TARGET.log_density(np.array(z))), density(z), rtol=1e-12)
    h = 1e-5
    slope = (np.log(density(z + h)) - np.log(density(z - h))) / (2 * h)
    assert np.isclose(TARGET.score(np.array([z]))[0], slope, atol=1e-8)


@pytest.mark.parametrize(("mu", "log_var"), Q)
def test_divergences_by_adaptive_quadrature(mu, log_var):
    q = stats.norm(mu, np.exp(log_var / 2))
    options = dict(limit=500, epsabs=1e-12, epsrel=1e-12)
    forward = integrate.quad(lambda z: density(z) * (log_density(z) - q.logpdf(z)), -6.5, 7.5, **options)[0]
    low, high = q.mean() - 9 * q.std(), q.mean() + 9 * q.std()
    reverse = integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - log_density(z)), low, high, **options)[0]
    assert np.isclose(TARGET.forward_kl(mu, log_var), forward, atol=1e-9)
    assert np.isclose(TARGET.reverse_kl(mu, log_var), reverse, atol=1e-9)


def test_one_component_is_the_closed_form():
    one = Mixture([1.0], [0.5], [0.8])
    mu, log_var = -0.3, 0.4
    ratio = np.exp(log_var) / 0.64
    assert np.isclose(one.reverse_kl(mu, log_var), 0.5 * (ratio - 1 - np.log(ratio) + 0.64 / 0.64), atol=1e-12)
    assert np.isclose(
        one.forward_kl(mu, log_var), 0.5 * (1 / ratio - 1 + np.log(ratio) + 0.64 / np.exp(log_var)), atol=1e-12
    )
    assert np.allclose(one.reverse_minimum(mu, log_var), [0.5, 2 * np.log(0.8)], atol=1e-9)


def test_moment_matching_is_least_forward_kl():
    mean, variance = TARGET.moments()[0], np.exp(TARGET.moments()[1])
    z = np.random.default_rng(0).normal(size=200_000) * 3
    weight = density(z) / stats.norm.pdf(z, 0, 3)
    assert abs(np.average(z, weights=weight) - mean) < 0.02
    assert abs(np.average((z - mean) ** 2, weights=weight) - variance) < 0.02
    found = optimize.minimize(lambda at: TARGET.forward_kl(*at), [0.5, 0.0], tol=1e-12).x
    assert np.allclose(found, TARGET.moments(), atol=1e-5)


def test_reverse_minima():
    starts = [(-1.5, -1.4), (1.5, -1.0), (-0.3, 0.5), (-3.0, 1.5), (3.0, -2.0)]
    found = [TARGET.reverse_minimum(*start) for start in starts]
    assert len({tuple(np.round(place, 6)) for place in found}) == 3  # two modes, and a shallow one over both
    for start, place in zip(starts, found, strict=True):
        near = optimize.minimize(lambda at: TARGET.reverse_kl(*at), place, tol=1e-10)
        assert np.allclose(near.x, place, atol=1e-5) and near.fun >= TARGET.reverse_kl(*place) - 1e-12
        assert TARGET.reverse_kl(*place) < TARGET.reverse_kl(*start)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (([0.5, 0.5], [0.0], [1.0, 1.0]), "shapes"),
        (([[1.0]], [[0.0]], [[1.0]]), "shapes"),
        (([0.5, 0.6], [0.0, 1.0], [1.0, 1.0]), "weights"),
        (([1.5, -0.5], [0.0, 1.0], [1.0, 1.0]), "weights"),
        (([0.5, 0.5], [0.0, np.nan], [1.0, 1.0]), "means"),
        (([0.5, 0.5], [0.0, 1.0], [1.0, 0.0]), "sigmas"),
    ],
)
def test_bad_arguments(arguments, named):
    with pytest.raises(ValueError, match=named):
        Mixture(*arguments)
